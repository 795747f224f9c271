/*
 * common/model/price.h - the list of prices, as data.
 *
 * prices.yaml (embedded) is the shipped list; an operator's file, and "prices:" in spass.yaml, add
 * rows or replace them; no file has two of a backend and model.  Immutable after loading; any thread.
 */
#ifndef SPASS_MODEL_PRICE_H
#define SPASS_MODEL_PRICE_H

#include "common/base/yml.h"
#include "common/model/cost.h"

enum { PRICES_MAX = 10000 };

struct price_row {
	char *backend, *model; /* model "*": whatever has no row of its own */
	char *as_of;           /* "2026-05-03": when the price was looked up; may be NULL */
	struct price price;
};

struct prices;

/*
 * operator_file and config_file (spass.yaml's tree, for "prices:") may be NULL.  Fails with
 * E_invalid_config naming file, line and key: all that is wrong is added to what err says.
 */
struct prices *prices_load(const char *operator_file, const struct yml *config_file, struct err *err);
void prices_free(struct prices *p);
/* NULL when none is known.  Borrowed. */
const struct price_row *prices_find(const struct prices *p, const char *backend, const char *model);

#endif
