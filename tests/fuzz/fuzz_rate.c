/* tests/fuzz/fuzz_rate.c - whatever comes in place of a rate of exchange, or of the bank's list. */
#include "common/model/rate.h"

#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_at(const struct rate *rate)
{
	char source[RATE_SOURCE_MAX];

	must(rate->eur > 0);
	must(strlen(rate->date) == 10);
	must(strstr(rate_source(rate, source), rate->date) != NULL);
	must(rate_age_days(rate, 0) <= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct err err = ERR_INIT;
	struct rate rate;

	if (rate_read(text, &rate, &err) == 0)
		look_at(&rate);
	else
		must(err.code == E_invalid_config);
	err = (struct err)ERR_INIT;
	if (rate_read_ecb(text, &rate, &err) == 0)
		look_at(&rate);
	else
		must(err.code == E_invalid_config);
	return 0;
}
