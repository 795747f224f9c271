/*
 * common/model/rate.c - see rate.h.
 */
#include "common/model/rate.h"

#include <string.h>
#include <time.h>

#include "common/base/mem.h"

enum { DATE_LEN = 10, RATE_DIGITS_MAX = 16 };

const struct rate rate_default = { .eur = 854600, .date = "2026-05-03" };

static const int64_t micro_min = 10000, micro_max = INT64_C(100000000); /* 0.01 to 100 */

/* Days since 1970-01-01, or -1 for what is no day of the calendar. */
static int64_t day_number(const char *date)
{
	struct tm day = { 0 }, check;
	time_t seconds;

	for (int i = 0; i < DATE_LEN; i++)
		if (i == 4 || i == 7 ? date[i] != '-' : date[i] < '0' || date[i] > '9')
			return -1;
	day.tm_year = (date[0] - '0') * 1000 + (date[1] - '0') * 100 + (date[2] - '0') * 10 + date[3] - '0' - 1900;
	day.tm_mon = (date[5] - '0') * 10 + date[6] - '0' - 1;
	day.tm_mday = (date[8] - '0') * 10 + date[9] - '0';
	check = day;
	seconds = timegm(&check);
	if (check.tm_mon != day.tm_mon || check.tm_mday != day.tm_mday || seconds < 0)
		return -1;
	return seconds / 86400;
}

static int set_date(struct rate *rate, struct span date)
{
	if (date.len != DATE_LEN)
		return -1;
	memcpy(rate->date, date.ptr, DATE_LEN);
	rate->date[DATE_LEN] = '\0';
	return day_number(rate->date) < 0 ? -1 : 0;
}

int rate_read(struct span text, struct rate *rate, struct err *err)
{
	struct span date = span_trim(text), number = span_cut(&date, ' ');

	*rate = (struct rate){ 0 };
	if (money_read(number, &rate->eur) < 0 || rate->eur < micro_min || rate->eur > micro_max)
		return err_set(err, E_invalid_config, "exchange_rate",
			       "must be euros for a dollar and a date, as in \"0.8546 2026-05-03\"");
	date = span_trim(date);
	if (set_date(rate, date) == 0)
		return 0;
	if (date.len != DATE_LEN)
		return err_set(err, E_invalid_config, "exchange_rate",
			       "after the rate comes its date, as in \"0.8546 2026-05-03\"");
	return err_set(err, E_invalid_config, "exchange_rate", "\"%.*s\" is no day of the calendar, as 2026-05-03 is",
		       SPAN_ARGS(date));
}

/* What stands in quotes after name= in text from *at on; moves *at behind it. */
static struct span attribute(struct span text, size_t *at, const char *name)
{
	const char *start, *end;
	struct span rest = span_from(text, *at);
	size_t len = strlen(name);

	start = rest.len ? memmem(rest.ptr, rest.len, name, len) : NULL;
	if (!start || (size_t)(rest.ptr + rest.len - start) < len + 2)
		return SPAN_NONE;
	start += len;
	if (*start != '\'' && *start != '"')
		return SPAN_NONE;
	end = memchr(start + 1, *start, (size_t)(rest.ptr + rest.len - start - 1));
	if (!end)
		return SPAN_NONE;
	*at = (size_t)(end + 1 - text.ptr);
	return span_of(start + 1, (size_t)(end - start - 1));
}

int rate_read_ecb(struct span document, struct rate *rate, struct err *err)
{
	size_t at = 0;
	struct span date, currency, number;
	int64_t usd;

	*rate = (struct rate){ .is_ecb = true };
	if (document.len > RATE_DOCUMENT_MAX)
		goto bad;
	date = attribute(document, &at, "<Cube time=");
	if (!date.ptr || set_date(rate, date) < 0)
		goto bad;
	do
		currency = attribute(document, &at, "<Cube currency=");
	while (currency.ptr && !span_is(currency, "USD"));
	number = currency.ptr ? attribute(document, &at, "rate=") : SPAN_NONE;
	if (!number.ptr || number.len > RATE_DIGITS_MAX || money_read(number, &usd) < 0 || usd < micro_min ||
	    usd > micro_max)
		goto bad;
	rate->eur = money_scale(MONEY_UNIT, MONEY_UNIT, usd);
	return 0;
bad:
	return err_set(err, E_invalid_config, "exchange_rate_file",
		       "this is not the European Central Bank's list of daily reference rates");
}

const char *rate_source(const struct rate *rate, char out[RATE_SOURCE_MAX])
{
	const struct span kind = rate->is_ecb ? SPAN_LIT("ecb-") : SPAN_LIT("static-");

	memcpy(out, kind.ptr, kind.len);
	memcpy(out + kind.len, rate->date, DATE_LEN + 1);
	return out;
}

int64_t rate_age_days(const struct rate *rate, int64_t now_ms)
{
	return now_ms / 86400000 - day_number(rate->date);
}
