/*
 * common/model/money.c - see money.h.
 */
#include "common/model/money.h"

#include <inttypes.h>
#include <stdio.h>

enum { DECIMALS = 6, DECIMALS_MIN = 2 };

int money_read(struct span text, int64_t *micro)
{
	const int64_t units_max = 1000000000;
	struct span rest = text, whole = span_cut(&rest, '.');
	int64_t units, fraction = 0, place = MONEY_UNIT;

	if (span_to_int(whole, 0, units_max, &units) < 0 || *whole.ptr == '+')
		return -1;
	if (rest.ptr && (rest.len == 0 || rest.len > DECIMALS))
		return -1;
	for (size_t i = 0; i < rest.len; i++) {
		if (rest.ptr[i] < '0' || rest.ptr[i] > '9')
			return -1;
		place /= 10;
		fraction += (rest.ptr[i] - '0') * place;
	}
	*micro = units * MONEY_UNIT + fraction;
	return 0;
}

const char *money_text(int64_t micro, char out[MONEY_TEXT_MAX])
{
	int len = snprintf(out, MONEY_TEXT_MAX, "%" PRId64 ".%06" PRId64, micro / MONEY_UNIT,
			   micro % MONEY_UNIT);

	for (int i = 0; i < DECIMALS - DECIMALS_MIN && out[len - 1] == '0'; i++)
		out[--len] = '\0';
	return out;
}

void money_print(int64_t micro, struct buf *out)
{
	char text[MONEY_TEXT_MAX];

	buf_add_str(out, money_text(micro, text));
}

int64_t money_scale(int64_t amount, int64_t factor, int64_t unit)
{
	money_wide divisor = (money_wide)unit, product = (money_wide)amount * (money_wide)factor;
	money_wide rounded = (product + divisor / 2) / divisor;

	return rounded > INT64_MAX ? INT64_MAX : (int64_t)rounded;
}
