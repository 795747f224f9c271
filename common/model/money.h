/*
 * common/model/money.h - amounts as whole millionths of a unit (micro-USD, micro-EUR).
 *
 * No amount is ever a floating-point number.  Any thread.
 */
#ifndef SPASS_MODEL_MONEY_H
#define SPASS_MODEL_MONEY_H

#include "common/base/buf.h"

/* Products of amounts and counts. */
__extension__ typedef unsigned __int128 money_wide;

#define MONEY_UNIT INT64_C(1000000)
/* "not known", which is never the same as 0. */
#define MONEY_UNKNOWN INT64_C(-1)

/* "2", "2.50", "0.000001": at most six decimals, 0 to a billion.  0 or -1. */
int money_read(struct span text, int64_t *micro);
/*
 * The same of a number as JSON writes it, which may have an exponent and more decimals: rounded half
 * up to six.  0 or -1.
 */
int money_read_number(struct span text, int64_t *micro);
/* Two to six decimals, as many as there are: "0.00", "1.25", "0.000001".  micro >= 0. */
void money_print(int64_t micro, struct buf *out);
/* The same to a text of MONEY_TEXT_MAX bytes; returns out. */
enum { MONEY_TEXT_MAX = 32 };
const char *money_text(int64_t micro, char out[MONEY_TEXT_MAX]);
/* amount * factor / unit, rounded half up; INT64_MAX when it does not fit.  All >= 0, unit > 0. */
int64_t money_scale(int64_t amount, int64_t factor, int64_t unit);

#endif
