/*
 * common/base/jwalk.c - reads JSON that jscan.c has validated: members, elements, scalars.
 *
 * Nothing is checked twice.  The ends of the text are respected all the same, and what cannot be
 * in a valid text is an assertion, not a read out of bounds.
 */
#include "common/base/jscan.h"

#include <assert.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>

#include "common/base/jbytes.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

/* p: inside a string.  Returns the quote that closes it. */
static const char *find_string_end_on(const char *p, const char *end)
{
	for (;;) {
		p = jbytes_find_quote(p, end);
		assert(p < end);
		if (*p == '"')
			return p;
		assert(end - p > 2);
		p += 2;
	}
}

/* p: after the opening quote.  Most strings end within one step. */
static inline const char *find_string_end(const char *p, const char *end)
{
	if (end - p >= JBYTES_STEP) {
		uint64_t mask = jbytes_quote(p);
		if (mask && p[jbytes_first(mask)] == '"')
			return p + jbytes_first(mask);
	}
	return find_string_end_on(p, end);
}

/* p, past white space; something else follows in a valid text. */
static inline const char *skip_space(const char *p)
{
	if ((unsigned char)*p > ' ')
		return p;
	while (jbytes_is_space(*p))
		p++;
	return p;
}

/* What follows the value at p, if the map knows: else NULL. */
static const char *find_in_map(const struct jmap *map, const char *p)
{
	size_t low = 0, high = map->count;
	uint32_t at = (uint32_t)(p - map->text);

	while (low < high) {
		size_t middle = (low + high) / 2;
		if (map->rows[middle].begin < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < map->count && map->rows[low].begin == at ? map->text + map->rows[low].end : NULL;
}

#ifdef JBYTES_BLOCK
/*
 * Leaps over 64 bytes while they hold no backslash and do not close the container: brackets that
 * stand inside strings do not count, and which do is the parity of the quotes before them.
 * p: outside any string.  Stops outside any string too.
 */
static const char *leap(const char *p, const char *end, size_t *depth)
{
	const char *outside = p;
	size_t depth_outside = *depth;
	uint64_t inside = 0; /* all ones while a string goes on from the block before */

	for (; end - p >= JBYTES_BLOCK; p += JBYTES_BLOCK) {
		struct jbytes_block b = jbytes_block(p);
		uint64_t strings = jbytes_parity(b.quotes) ^ inside;
		unsigned closing = jbytes_count(b.closing & ~strings);

		if (b.backslashes || closing >= *depth)
			break;
		*depth += jbytes_count(b.opening & ~strings);
		*depth -= closing;
		inside = (uint64_t)((int64_t)strings >> 63);
		if (inside && !b.quotes) { /* a long string: straight to its end */
			p = find_string_end(p, end) + 1 - JBYTES_BLOCK;
			inside = 0;
		}
		if (!inside) {
			outside = p + JBYTES_BLOCK;
			depth_outside = *depth;
		}
	}
	*depth = depth_outside;
	return outside;
}
#else
static const char *leap(const char *p, const char *end, size_t *depth)
{
	(void)end, (void)depth;
	return p;
}
#endif

/* p: at a bracket that opens.  Returns what follows the one that closes it. */
static const char *skip_container(const char *p, const char *end, const struct jmap *map)
{
	const char *known = map ? find_in_map(map, p) : NULL;
	size_t depth = 1;

	if (known)
		return known;
	for (p = leap(p + 1, end, &depth);; p++) {
		p = jbytes_find_bracket(p, end);
		assert(p < end);
		if (*p == '"')
			p = find_string_end(p + 1, end);
		else if ((*p | 0x20) == '{')
			depth++;
		else if (--depth == 0)
			return p + 1;
	}
}

/* p: at the quote that opens. */
static inline const char *skip_string(const char *p, const char *end, const struct jmap *map)
{
	if (end - p > JBYTES_STEP) {
		uint64_t mask = jbytes_quote(p + 1);
		if (mask && p[1 + jbytes_first(mask)] == '"')
			return p + 1 + jbytes_first(mask) + 1;
	}
	const char *known = map && end - p >= JMAP_LONG ? find_in_map(map, p) : NULL;
	return known ? known : find_string_end_on(p + 1, end) + 1;
}

static inline const char *skip_value(const char *p, const char *end, const struct jmap *map)
{
	switch (*p) {
	case '"':
		return skip_string(p, end, map);
	case '{':
	case '[':
		return skip_container(p, end, map);
	default:
		while (p < end && *p != ',' && *p != '}' && *p != ']' && !jbytes_is_space(*p))
			p++;
		return p;
	}
}

struct jwalk jwalk_start(struct jvalue container)
{
	struct jwalk w = { .in_object = container.type == J_OBJECT, .map = container.map };

	if (container.type != J_OBJECT && container.type != J_ARRAY)
		return w;
	assert(container.text.len >= 2);
	w.at = container.text.ptr + 1;
	w.end = container.text.ptr + container.text.len - 1;
	return w;
}

/* The first byte of the next value, its key being noted; NULL at the end, where w->at then is. */
static inline const char *next_value(struct jwalk *w)
{
	if (w->at == w->end)
		return NULL;
	const char *p = skip_space(w->at);
	if ((*p | 0x20) == '}') {
		w->at = p;
		return NULL;
	}
	if (w->started) {
		assert(*p == ',');
		p = skip_space(p + 1);
		w->index++;
	}
	w->started = true;
	if (w->in_object) {
		assert(p < w->end && *p == '"');
		const char *quote = find_string_end(p + 1, w->end);
		w->key = span_of(p + 1, (size_t)(quote - p) - 1);
		p = skip_space(quote + 1);
		assert(p < w->end && *p == ':');
		p = skip_space(p + 1);
	}
	assert(p < w->end);
	return p;
}

/* The present value is what lies from p to end. */
static inline void take_value(struct jwalk *w, const char *p, const char *end)
{
	w->at = end;
	w->value.map = w->map;
	w->value.type = jbytes_type(*p);
	w->value.text = span_of(p, (size_t)(end - p));
	assert(w->value.type != J_NONE);
}

static inline bool next(struct jwalk *w)
{
	const char *p = next_value(w);

	if (p)
		take_value(w, p, skip_value(p, w->end, w->map));
	return p != NULL;
}

bool jwalk_next(struct jwalk *w)
{
	return next(w);
}

static void forget(struct jvalue *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct jvalue){ .type = J_NONE };
}

/* The members of the object that begins at p; returns what follows it.  end: of what it lies in. */
static const char *read_members(const char *p, const char *end, const struct jmap *map,
				const struct span *names, struct jvalue *out, size_t count)
{
	struct jwalk w = { .in_object = true, .at = p + 1, .end = end, .map = map };

	while (next(&w)) {
		bool has_escape = jbytes_find_quote(w.key.ptr, end) != w.key.ptr + w.key.len;
		size_t i = jkey_find(w.key, has_escape, names, count);

		if (i < count)
			out[i] = w.value;
	}
	return w.at + 1;
}

bool jwalk_next_members(struct jwalk *w, const struct span *names, struct jvalue *out, size_t count)
{
	const char *p = next_value(w);

	forget(out, count);
	if (!p)
		return false;
	take_value(w, p,
		   *p == '{' ? read_members(p, w->end, w->map, names, out, count) :
			       skip_value(p, w->end, w->map));
	return true;
}

void jwalk_members(struct jvalue object, const struct span *names, struct jvalue *out, size_t count)
{
	forget(out, count);
	if (object.type == J_OBJECT)
		read_members(object.text.ptr, object.text.ptr + object.text.len, object.map, names, out, count);
}

struct jvalue jwalk_get(struct jvalue object, const char *name)
{
	const struct span wanted = span_str(name);
	struct jvalue value;

	jwalk_members(object, &wanted, &value, 1);
	return value;
}

struct jvalue jwalk_first(struct jvalue object, const char *name)
{
	if (object.type == J_OBJECT)
		for (struct jwalk w = jwalk_start(object); jwalk_next(&w);)
			if (jkey_is(w.key, name))
				return w.value;
	return (struct jvalue){ .type = J_NONE };
}

size_t jwalk_count(struct jvalue container)
{
	size_t count = 0;

	for (struct jwalk w = jwalk_start(container); jwalk_next(&w);)
		count++;
	return count;
}

enum jtype jwalk_first_type(struct jvalue container)
{
	struct jwalk w = jwalk_start(container);
	const char *p = jbytes_skip_space(w.at, w.end);

	if (p == w.end)
		return J_NONE;
	if (!w.in_object)
		return jbytes_type(*p);
	return jwalk_next(&w) ? w.value.type : J_NONE;
}

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
