/*
 * common/base/jstring.c - strings that are longer than a step, or hold more than plain ASCII.
 *
 * A step at a time while the end may be near, then many at once.
 */
#include "common/base/jstring.h"

#include "common/base/jbytes.h"

static inline const char *refuse(struct jfault *fault, const char *at, const char *expected)
{
	*fault = (struct jfault){ at, expected };
	return NULL;
}

static inline bool is_tail(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Past the characters outside ASCII that begin at p; NULL at a broken one, which *bad gets. */
static const char *skip_utf8(const char *p, const char *end, const char **bad)
{
	while (p < end && (unsigned char)*p >= 0x80) {
		unsigned char a = (unsigned char)p[0];
		unsigned char b = end - p > 1 ? (unsigned char)p[1] : 0;
		*bad = p;
		if (a < 0xe0) {
			if (a < 0xc2 || !is_tail((char)b))
				return NULL;
			p += 2;
		} else if (a < 0xf0) {
			if (end - p < 3 || !is_tail((char)b) || !is_tail(p[2]) ||
			    (a == 0xe0 && b < 0xa0) || (a == 0xed && b > 0x9f))
				return NULL;
			p += 3;
		} else {
			if (a > 0xf4 || end - p < 4 || !is_tail((char)b) || !is_tail(p[2]) ||
			    !is_tail(p[3]) || (a == 0xf0 && b < 0x90) || (a == 0xf4 && b > 0x8f))
				return NULL;
			p += 4;
		}
	}
	return p;
}

/* p: after the backslash. */
static const char *skip_escape(const char *p, const char *end, struct jfault *fault)
{
	static const bool is_letter[256] = {
		['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
		['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true,
	};

	if (p < end && is_letter[(unsigned char)*p])
		return p + 1;
	if (p == end || *p != 'u')
		return refuse(fault, p, "one of \" \\ / b f n r t u after a backslash");
	for (int i = 1; i <= 4; i++)
		if (end - p <= i || jbytes_hex(p[i]) < 0)
			return refuse(fault, end - p <= i ? end : p + i, "four hexadecimal digits after \\u");
	return p + 5;
}

/* The next byte that is no plain ASCII character; end when there is none. */
static const char *find_special(const char *p, const char *start, const char *end)
{
	for (int i = JBYTES_WIDE / JBYTES_STEP; i > 0 && end - p > JBYTES_STEP; i--) {
		uint64_t mask = jbytes_special(p);
		if (mask)
			return p + jbytes_first(mask);
		p += JBYTES_STEP; /* not what was found: the next load does not wait for it */
	}
	while (end - p >= JBYTES_WIDE && !jbytes_has_special(p))
		p += JBYTES_WIDE;
	for (; end - p >= JBYTES_STEP; p += JBYTES_STEP) {
		uint64_t mask = jbytes_special(p);
		if (mask)
			return p + jbytes_first(mask);
	}
	uint64_t mask = jbytes_special_last(p, start, end);
	return mask ? p + jbytes_first(mask) : end;
}

const char *jstring_end(const char *p, const char *start, const char *end, struct jfault *fault)
{
	for (;;) {
		p = find_special(p, start, end);
		if (p == end)
			return refuse(fault, p, "'\"' at the end of the string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			p = skip_escape(p + 1, end, fault);
			if (!p)
				return NULL;
		} else if ((unsigned char)*p >= 0x80) {
			const char *bad = p;
			p = skip_utf8(p, end, &bad);
			if (!p)
				return refuse(fault, bad, "valid UTF-8");
		} else {
			return refuse(fault, p, "an escape sequence in place of the control character");
		}
	}
}

const char *jscan_string(const char *p, const char *end)
{
	struct jfault fault;

	return jstring_end(p, p, end, &fault);
}
