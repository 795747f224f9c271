/*
 * common/base/jscan.c - one validating pass over a JSON text.
 *
 * No recursion: the open containers are kept in a small array, which is all the memory there is.
 * Reading what has been validated is jwalk.c's, editing jsplice.c's, writing jtext.c's.
 */
#include "common/base/jscan.h"

#include <assert.h>

#include "common/base/jbytes.h"

/* Whatever the limits say; keeps the arrays of open containers small: fibers have little stack. */
enum { DEPTH_MAX = 128 };

const struct jscan_limits jscan_default_limits = {
	.depth = 128,
	.members = 10000,
	.elements = 1000000,
};

struct scan {
	const char *start, *end;
	const struct jscan_limits *limits;
	/* What to report of the top level's members. */
	const char *const *names;
	struct jvalue *out;
	size_t count;
	struct jvalue *wanted; /* the row of out that the present member goes to, or NULL */
	const char *value;     /* where the present member's value begins */
	/* Open containers. */
	unsigned depth, depth_max;
	uint32_t left[DEPTH_MAX]; /* members or elements that may still follow */
	bool is_object[DEPTH_MAX];
	/* What was wrong. */
	const char *bad, *expected;
	const char *over; /* what there is too much of: more than limit */
	unsigned limit;
};

/* Returns NULL, for `return refuse(...)`. */
static const char *refuse(struct scan *s, const char *at, const char *expected)
{
	s->bad = at;
	s->expected = expected;
	return NULL;
}

static const char *refuse_limit(struct scan *s, const char *at, unsigned limit, const char *what)
{
	s->bad = at;
	s->limit = limit;
	s->over = what;
	return NULL;
}

static inline bool is_digit(const char *p, const char *end)
{
	return p < end && *p >= '0' && *p <= '9';
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
static const char *scan_escape(struct scan *s, const char *p)
{
	if (p < s->end && *p == 'u') {
		for (int i = 1; i <= 4; i++)
			if (s->end - p <= i || jbytes_hex(p[i]) < 0)
				return refuse(s, s->end - p <= i ? s->end : p + i,
					      "four hexadecimal digits after \\u");
		return p + 5;
	}
	if (p == s->end || !*p || !strchr("\"\\/bfnrt", *p))
		return refuse(s, p, "one of \" \\ / b f n r t u after a backslash");
	return p + 1;
}

/* p: after the opening quote.  Returns what follows the closing one. */
static inline const char *scan_string(struct scan *s, const char *p)
{
	for (;;) {
		p = jbytes_find_special(p, s->end);
		if (p == s->end)
			return refuse(s, p, "'\"' at the end of the string");
		if (*p == '"')
			return p + 1;
		if (*p == '\\') {
			p = scan_escape(s, p + 1);
			if (!p)
				return NULL;
		} else if ((unsigned char)*p >= 0x80) {
			const char *bad = p;
			p = skip_utf8(p, s->end, &bad);
			if (!p)
				return refuse(s, bad, "valid UTF-8");
		} else {
			return refuse(s, p, "an escape sequence in place of the control character");
		}
	}
}

static const char *scan_number(struct scan *s, const char *p)
{
	const char *end = s->end;

	if (*p == '-' && !is_digit(++p, end))
		return refuse(s, p, "a digit");
	if (*p == '0')
		p++;
	else
		while (is_digit(p, end))
			p++;
	if (p < end && *p == '.') {
		if (!is_digit(++p, end))
			return refuse(s, p, "a digit after the decimal point");
		while (is_digit(p, end))
			p++;
	}
	if (p < end && (*p | 0x20) == 'e') {
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(p, end))
			return refuse(s, p, "a digit in the exponent");
		while (is_digit(p, end))
			p++;
	}
	return p;
}

static const char *scan_word(struct scan *s, const char *p, const char *word)
{
	for (; *word; word++, p++)
		if (p == s->end || *p != *word)
			return refuse(s, p, "true, false or null, written out");
	return p;
}

static struct jvalue *find_wanted(const struct scan *s, struct span key)
{
	for (size_t i = 0; i < s->count; i++)
		if (jkey_is(key, s->names[i]))
			return &s->out[i];
	return NULL;
}

/* From a member's name to the first byte of its value. */
static inline const char *scan_name(struct scan *s, const char *p)
{
	const char *key = p + 1;

	if (p == s->end || *p != '"')
		return refuse(s, p, "'\"' to begin a member's name");
	p = scan_string(s, key);
	if (!p)
		return NULL;
	if (s->depth == 1 && s->count > 0)
		s->wanted = find_wanted(s, span_of(key, (size_t)(p - key) - 1));
	p = jbytes_skip_space(p, s->end);
	if (p == s->end || *p != ':')
		return refuse(s, p, "':' after the member's name");
	p = jbytes_skip_space(p + 1, s->end);
	if (s->depth == 1)
		s->value = p;
	return p;
}

/* p: at a bracket that opens.  Sets *is_empty, and then returns what follows the closing one. */
static const char *scan_open(struct scan *s, const char *p, bool *is_empty)
{
	bool is_object = *p == '{';
	unsigned max = is_object ? s->limits->members : s->limits->elements;

	if (s->depth >= s->depth_max)
		return refuse_limit(s, p, s->depth_max, "levels of nesting");
	p = jbytes_skip_space(p + 1, s->end);
	*is_empty = p < s->end && *p == (is_object ? '}' : ']');
	if (*is_empty)
		return p + 1;
	if (max == 0)
		return refuse_limit(s, p, 0, is_object ? "members in an object" : "elements in an array");
	s->is_object[s->depth] = is_object;
	s->left[s->depth] = max - 1;
	s->depth++;
	return is_object ? scan_name(s, p) : p;
}

/* p: at the comma; returns the next value's first byte. */
static inline const char *scan_comma(struct scan *s, const char *p)
{
	unsigned level = s->depth - 1;

	if (s->left[level] == 0)
		return s->is_object[level] ?
			       refuse_limit(s, p, s->limits->members, "members in an object") :
			       refuse_limit(s, p, s->limits->elements, "elements in an array");
	s->left[level]--;
	p = jbytes_skip_space(p + 1, s->end);
	return s->is_object[level] ? scan_name(s, p) : p;
}

/* After a value: closes what ends here.  Returns the next value, or the end when depth is 0. */
static inline const char *scan_after(struct scan *s, const char *p)
{
	while (s->depth > 0) {
		bool is_object = s->is_object[s->depth - 1];
		if (s->depth == 1 && s->wanted) {
			s->wanted->is_single = s->wanted->type == J_NONE;
			s->wanted->type = jbytes_type(*s->value);
			s->wanted->text = span_of(s->value, (size_t)(p - s->value));
			s->wanted = NULL;
		}
		p = jbytes_skip_space(p, s->end);
		if (p < s->end && *p == ',')
			return scan_comma(s, p);
		if (p == s->end || *p != (is_object ? '}' : ']'))
			return refuse(s, p, is_object ? "',' or '}'" : "',' or ']'");
		p++;
		s->depth--;
	}
	return p;
}

/* One value that is no container. */
static inline const char *scan_scalar(struct scan *s, const char *p)
{
	switch (*p) {
	case '"':
		return scan_string(s, p + 1);
	case 't':
		return scan_word(s, p, "true");
	case 'f':
		return scan_word(s, p, "false");
	case 'n':
		return scan_word(s, p, "null");
	default:
		return jbytes_type(*p) == J_NUMBER ? scan_number(s, p) : refuse(s, p, "a value");
	}
}

/* A whole value from its first byte; returns what follows it. */
static const char *scan_value(struct scan *s, const char *p)
{
	do {
		if (p == s->end)
			return refuse(s, p, "a value");
		if (*p == '{' || *p == '[') {
			bool is_empty = false;
			p = scan_open(s, p, &is_empty);
			if (p && !is_empty)
				continue;
		} else {
			p = scan_scalar(s, p);
		}
		if (p)
			p = scan_after(s, p);
	} while (p && s->depth > 0);
	return p;
}

static int fail(const struct scan *s, struct err *err)
{
	size_t offset = (size_t)(s->bad - s->start);

	if (s->over)
		return err_set(err, E_invalid_json, "body", "at byte %zu: more than %u %s", offset,
			       s->limit, s->over);
	if (s->bad == s->end)
		return err_set(err, E_invalid_json, "body", "at byte %zu, the end: expected %s", offset,
			       s->expected);
	return err_set(err, E_invalid_json, "body", "at byte %zu: expected %s", offset, s->expected);
}

/* Not by an initialiser: the arrays stay unset until they are used. */
static void scan_init(struct scan *s, struct span text, const struct jscan_limits *limits)
{
	s->start = text.len > 0 ? text.ptr : "";
	s->end = s->start + text.len;
	s->limits = limits ? limits : &jscan_default_limits;
	s->depth_max = s->limits->depth < DEPTH_MAX ? s->limits->depth : DEPTH_MAX;
	s->depth = 0;
	s->names = NULL;
	s->out = s->wanted = NULL;
	s->count = 0;
	s->value = s->bad = s->expected = s->over = NULL;
	s->limit = 0;
}

static int scan_text(struct scan *s, struct jvalue *whole, struct err *err)
{
	const char *first = jbytes_skip_space(s->start, s->end);
	const char *last = scan_value(s, first);

	if (!last)
		return fail(s, err);
	const char *p = jbytes_skip_space(last, s->end);
	if (p < s->end) {
		refuse(s, p, "nothing after the value");
		return fail(s, err);
	}
	whole->type = jbytes_type(*first);
	whole->text = span_of(first, (size_t)(last - first));
	return 0;
}

static void forget(struct jvalue *out, size_t count)
{
	for (size_t i = 0; i < count; i++)
		out[i] = (struct jvalue){ .type = J_NONE };
}

int jscan_members(struct span text, const struct jscan_limits *limits, const char *const *names,
		  struct jvalue *out, size_t count, struct err *err)
{
	struct scan s;
	struct jvalue whole;

	scan_init(&s, text, limits);
	s.names = names;
	s.out = out;
	s.count = count;
	forget(out, count);
	if (scan_text(&s, &whole, err) == 0)
		return 0;
	forget(out, count);
	return -1;
}

int jscan_check(struct span text, const struct jscan_limits *limits, struct jvalue *out,
		struct err *err)
{
	struct scan s;
	struct jvalue whole = { .type = J_NONE };

	scan_init(&s, text, limits);
	int result = scan_text(&s, &whole, err);
	if (out)
		*out = whole;
	return result;
}
