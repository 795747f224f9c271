/*
 * common/model/money.c - see money.h.
 */
#include "common/model/money.h"

#include <string.h>

enum { DECIMALS = 6, DECIMALS_MIN = 2, MONEY_MAX = 1000000000 };

int money_read(struct span text, int64_t *micro)
{
	struct span rest = text, whole = span_cut(&rest, '.');
	int64_t units, fraction = 0, place = MONEY_UNIT;

	if (span_to_int(whole, 0, MONEY_MAX, &units) < 0 || span_starts(whole, "+"))
		return -1;
	if (rest.ptr && (rest.len == 0 || rest.len > DECIMALS))
		return -1;
	for (size_t i = 0; rest.ptr && i < rest.len; i++) {
		if (rest.ptr[i] < '0' || rest.ptr[i] > '9')
			return -1;
		place /= 10;
		fraction += (rest.ptr[i] - '0') * place;
	}
	*micro = units * MONEY_UNIT + fraction;
	return 0;
}

/* Digits that count, and how many of them stand behind the point. */
struct digits {
	money_wide value;
	int64_t decimals;
	size_t count;
};

enum { DIGITS_MAX = 30, EXPONENT_MAX = 400 };

/* Those at the start of text; -1 when there is none. */
static int read_digits(struct span *text, bool is_fraction, struct digits *d)
{
	size_t i = 0;

	for (; i < text->len && text->ptr[i] >= '0' && text->ptr[i] <= '9'; i++) {
		if (d->count == DIGITS_MAX) {
			if (!is_fraction)
				return -1;
			continue; /* behind the digit that decides how it is rounded */
		}
		d->value = (money_wide)10 * d->value + (money_wide)(text->ptr[i] - '0');
		d->count += d->value != 0;
		d->decimals += is_fraction;
	}
	*text = span_from(*text, i);
	return i ? 0 : -1;
}

static int read_exponent(struct span text, int64_t *exponent)
{
	bool is_negative = text.len && text.ptr[0] == '-';

	if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+'))
		text = span_from(text, 1);
	if (text.len == 0 || text.ptr[0] == '+' || text.ptr[0] == '-' ||
	    span_to_int(text, 0, EXPONENT_MAX, exponent) < 0)
		return -1;
	if (is_negative)
		*exponent = -*exponent;
	return 0;
}

/* value / 10^decimals in millionths. */
static int to_micro(const struct digits *d, int64_t decimals, int64_t *micro)
{
	const money_wide max = (money_wide)MONEY_MAX * (money_wide)MONEY_UNIT;
	money_wide value = d->value, last = 0;

	for (; decimals < DECIMALS && value; decimals++) {
		if (value > max)
			return -1;
		value *= 10;
	}
	for (; decimals > DECIMALS && (value || last); decimals--) {
		last = value % 10;
		value /= 10;
	}
	value += last >= 5;
	if (value > max)
		return -1;
	*micro = (int64_t)value;
	return 0;
}

int money_read_number(struct span text, int64_t *micro)
{
	struct digits d = { 0 };
	int64_t exponent = 0;

	if (read_digits(&text, false, &d) < 0)
		return -1;
	if (text.len && text.ptr[0] == '.') {
		text = span_from(text, 1);
		if (read_digits(&text, true, &d) < 0)
			return -1;
	}
	if (text.len && (text.ptr[0] == 'e' || text.ptr[0] == 'E')) {
		if (read_exponent(span_from(text, 1), &exponent) < 0)
			return -1;
	} else if (text.len) {
		return -1;
	}
	return to_micro(&d, d.decimals - exponent, micro);
}

const char *money_text(int64_t micro, char out[MONEY_TEXT_MAX])
{
	char units[20];
	size_t at = sizeof units, len;
	int64_t whole = micro / MONEY_UNIT, fraction = micro % MONEY_UNIT;

	do
		units[--at] = (char)('0' + whole % 10);
	while (whole /= 10);
	len = sizeof units - at;
	memcpy(out, units + at, len);
	out[len++] = '.';
	for (size_t i = DECIMALS; i-- > 0; fraction /= 10)
		out[len + i] = (char)('0' + fraction % 10);
	for (len += DECIMALS; len > 0 && out[len - 1] == '0' && out[len - 1 - DECIMALS_MIN] != '.';)
		len--;
	out[len] = '\0';
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
