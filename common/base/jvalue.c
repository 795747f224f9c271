/*
 * common/base/jvalue.c - what a validated name, string or number stands for.
 */
#include "common/base/jscan.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/jbytes.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

static uint32_t read_hex(const char *p)
{
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++)
		unit = unit << 4 | ((uint32_t)jbytes_hex(p[i]) & 0xf);
	return unit;
}

/*
 * The code point of the escape at p (its backslash); *p moves past it.  Two escapes that make a
 * surrogate pair are one; half a pair is U+FFFD.
 */
static uint32_t read_escape(const char **p, const char *end)
{
	static const char letters[] = "bfnrt", meanings[] = "\b\f\n\r\t";

	assert(end - *p >= 2);
	char c = (*p)[1];
	if (c != 'u') {
		*p += 2;
		const char *at = strchr(letters, c);
		return at ? (unsigned char)meanings[at - letters] : (unsigned char)c;
	}
	assert(end - *p >= 6);
	uint32_t high = read_hex(*p + 2);
	*p += 6;
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0xfffd;
	uint32_t low = read_hex(*p + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*p += 6;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

bool jkey_equals(struct span key, struct span name)
{
	struct span rest = name;

	if (key.len == 0 || rest.len == 0)
		return key.len == rest.len;
	if (key.len == rest.len && memcmp(key.ptr, name.ptr, key.len) == 0)
		return !memchr(name.ptr, '\\', rest.len);
	if (key.len <= rest.len || !memchr(key.ptr, '\\', key.len))
		return false;
	const char *p = key.ptr, *end = key.ptr + key.len;
	while (p < end && rest.len > 0) {
		size_t len = 1;
		if (*p == '\\') {
			if (utf8_next(rest, &len) != read_escape(&p, end))
				return false;
		} else if (*p++ != *rest.ptr) {
			return false;
		}
		rest = span_from(rest, len);
	}
	return p == end && rest.len == 0;
}

size_t jkey_find_escaped(struct span key, const struct span *names, size_t count)
{
	size_t i = 0;

	while (i < count && !jkey_equals(key, names[i]))
		i++;
	return i;
}

/* What Unicode's simple case folding makes a small ASCII letter: capitals, the long s, Kelvin's sign. */
static uint32_t fold(uint32_t c)
{
	if (c >= 'A' && c <= 'Z')
		return c | 0x20;
	return c == 0x17f ? 's' : c == 0x212a ? 'k' : c;
}

/* name: of small letters.  To a reader written in C a key may end at its NUL. */
static bool folds_to(struct span key, struct span name)
{
	const char *p = key.ptr, *const end = key.ptr + key.len;
	size_t i = 0;

	for (; p < end; i++) {
		size_t len = 0;
		uint32_t c = *p == '\\' ? read_escape(&p, end) : utf8_next(span_of(p, (size_t)(end - p)), &len);

		if (c == 0)
			break;
		if (i == name.len || fold(c) != (unsigned char)name.ptr[i])
			return false;
		p += len;
	}
	return i == name.len;
}

static size_t find_folded(struct span key, const struct span *names, size_t count)
{
	size_t i = 0;

	/* Most are of small letters alone, which fold to nothing else. */
	while (i < key.len && ((key.ptr[i] >= 'a' && key.ptr[i] <= 'z') || key.ptr[i] == '_'))
		i++;
	if (i == key.len)
		return count;
	for (i = 0; i < count && !folds_to(key, names[i]);)
		i++;
	return i;
}

void jkey_contest(struct span key, size_t found, const struct span *names, size_t count, size_t *contested)
{
	if (found == count)
		found = find_folded(key, names, count);
	if (found < count)
		*contested = found;
}

static struct span inside_quotes(struct jvalue v)
{
	assert(v.text.len >= 2);
	return span_of(v.text.ptr + 1, v.text.len - 2);
}

struct span jvalue_plain(struct jvalue v)
{
	if (v.type != J_STRING)
		return SPAN_NONE;
	struct span s = inside_quotes(v);
	return memchr(s.ptr, '\\', s.len) ? SPAN_NONE : s;
}

int jvalue_unescape(struct jvalue v, struct buf *out)
{
	if (v.type != J_STRING)
		return -1;
	struct span s = inside_quotes(v);
	const char *p = s.ptr, *end = s.ptr + s.len;
	while (p < end) {
		const char *escape = memchr(p, '\\', (size_t)(end - p));
		const char *run_end = escape ? escape : end;
		if (run_end > p && buf_add(out, p, (size_t)(run_end - p)) < 0)
			return -1;
		p = run_end;
		if (p < end && utf8_add(out, read_escape(&p, end)) < 0)
			return -1;
	}
	return 0;
}

/* The exponent at p (after the e), held within what no text's length can undo. */
static int64_t read_exponent(const char *p, const char *end)
{
	const int64_t most = INT64_C(1) << 60;
	bool negative = *p == '-';
	int64_t value = 0;

	if (*p == '-' || *p == '+')
		p++;
	for (; p < end; p++)
		if (value < most / 16)
			value = value * 10 + (*p - '0');
	return negative ? -value : value;
}

/* *value times 10 to the power; -1 when it does not fit. */
static int scale_up(uint64_t *value, int64_t power)
{
	for (; power > 0 && *value > 0; power--)
		if (__builtin_mul_overflow(*value, (uint64_t)10, value))
			return -1;
	return 0;
}

/*
 * The digits without their leading and trailing zeros make *value; the number is *value times ten
 * to the power *power.  -1 when even that does not fit.
 */
static int read_decimal(struct span s, uint64_t *value, int64_t *power)
{
	const char *end = s.ptr + s.len;
	int64_t zeros = 0, fraction = 0;
	bool in_fraction = false;

	*value = 0;
	*power = 0;
	for (const char *p = s.ptr; p < end; p++) {
		if (*p == '.') {
			in_fraction = true;
			continue;
		}
		if ((*p | 0x20) == 'e') {
			*power = read_exponent(p + 1, end);
			break;
		}
		fraction += in_fraction;
		zeros++;
		if (*p == '0')
			continue;
		if (scale_up(value, zeros) < 0 ||
		    __builtin_add_overflow(*value, (uint64_t)(*p - '0'), value))
			return -1;
		zeros = 0;
	}
	*power += zeros - fraction;
	return 0;
}

/* Of any number.  0 or -1. */
static int read_whole(struct span s, int64_t *value)
{
	bool negative = s.ptr[0] == '-';
	uint64_t magnitude;
	int64_t power;

	if (read_decimal(span_from(s, negative), &magnitude, &power) < 0)
		return -1;
	if (magnitude > 0 && (power < 0 || scale_up(&magnitude, power) < 0))
		return -1;
	if (magnitude > (uint64_t)INT64_MAX + negative)
		return -1;
	*value = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
	return 0;
}

int jvalue_int(struct jvalue v, int64_t min, int64_t max, int64_t *out)
{
	enum { DIGITS_SAFE = 18 };
	int64_t value = 0;
	size_t i = 0;

	if (v.type != J_NUMBER)
		return -1;
	if (v.text.len <= DIGITS_SAFE) /* most are some digits */
		for (; i < v.text.len && v.text.ptr[i] >= '0' && v.text.ptr[i] <= '9'; i++)
			value = value * 10 + (v.text.ptr[i] - '0');
	if (i < v.text.len && read_whole(v.text, &value) < 0)
		return -1;
	if (value < min || value > max)
		return -1;
	*out = value;
	return 0;
}

/* Independent of the process's locale.  s: a valid JSON number. */
static double slow_double(struct span s)
{
	locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0); /* glibc's own: no allocation */
	char *text = mem_strndup(s.ptr, s.len);
	double value = strtod_l(text, NULL, c_locale);

	mem_free(text);
	freelocale(c_locale);
	return value;
}

int jvalue_double(struct jvalue v, double *out)
{
	static const double tens[] = { 1e0,  1e1,  1e2,	 1e3,  1e4,  1e5,  1e6,	 1e7,
				       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
				       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	const int64_t exact = (int64_t)ARRAY_LEN(tens) - 1;
	uint64_t magnitude;
	int64_t power;

	if (v.type != J_NUMBER)
		return -1;
	bool negative = v.text.ptr[0] == '-';
	double value;
	/* Both factors are exact as doubles, so one operation rounds correctly. */
	if (read_decimal(span_from(v.text, negative), &magnitude, &power) == 0 &&
	    magnitude <= (UINT64_C(1) << 53) && power >= -exact && power <= exact) {
		value = (double)magnitude;
		value = power < 0 ? value / tens[-power] : value * tens[power];
		value = negative ? -value : value;
	} else {
		value = slow_double(v.text);
	}
	if (!isfinite(value))
		return -1;
	*out = value;
	return 0;
}
