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

/* An open container. */
struct level {
	uint32_t left; /* members or elements that may still follow */
	uint16_t row;  /* its own in the map, or JMAP_ROWS */
	char closer;   /* '}' or ']'; 0: none, this is the text itself */
};

struct scan {
	const char *start, *end;
	const struct jscan_limits *limits;
	struct jmap *map; /* or NULL */
	/* What to report of the top level's members. */
	const struct span *names;
	struct jvalue *out;
	size_t count;
	struct jvalue *wanted; /* the row of out that the present member goes to, or NULL */
	const char *value;     /* where the present member's value begins */
	struct level *deepest; /* the last that may be open */
	struct level levels[1 + DEPTH_MAX]; /* the text itself, then the open containers */
	/* What was wrong. */
	const char *bad, *expected;
	const char *over; /* what there is too much of: more than limit */
	unsigned limit;
};

__attribute__((noinline, cold)) static void note_fault(struct scan *s, const char *at, const char *expected)
{
	s->bad = at;
	s->expected = expected;
}

__attribute__((noinline, cold)) static void note_limit(struct scan *s, const char *at, unsigned limit, const char *what)
{
	s->bad = at;
	s->limit = limit;
	s->over = what;
}

/*
 * NULL, for `return refuse(...)`.  Inline, as are those that return it: the compiler then sees
 * which returns are NULL, and tests none of the others.
 */
static inline const char *refuse(struct scan *s, const char *at, const char *expected)
{
	note_fault(s, at, expected);
	return NULL;
}

static inline const char *refuse_limit(struct scan *s, const char *at, unsigned limit, const char *what)
{
	note_limit(s, at, limit, what);
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

/* A string's next byte that is no plain ASCII character, a block at a time. */
static const char *find_special(const char *p, const char *end)
{
	while (end - p >= JBYTES_WIDE && !jbytes_has_special(p))
		p += JBYTES_WIDE;
	return jbytes_find_special(p, end);
}

/* p: inside a string.  Returns what follows the closing quote. */
__attribute__((noinline)) static const char *scan_string_on(struct scan *s, const char *p)
{
	for (;;) {
		p = find_special(p, s->end);
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

/* p: after the opening quote.  Most strings are names and words that end within one step. */
static inline const char *scan_string(struct scan *s, const char *p)
{
	if (s->end - p >= JBYTES_STEP) {
		uint64_t mask = jbytes_special(p);
		if (mask && p[jbytes_first(mask)] == '"')
			return p + jbytes_first(mask) + 1;
	}
	return scan_string_on(s, p);
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

/* A top-level member: key to end with its quotes, and where its value begins. */
static void note_member(struct scan *s, const char *key, const char *end, const char *value)
{
	const struct span name = span_of(key + 1, (size_t)(end - key) - 2);
	bool has_escape = jbytes_find_quote(name.ptr, s->end) != end - 1;
	size_t found = jkey_find(name, has_escape, s->names, s->count);

	s->wanted = found < s->count ? &s->out[found] : NULL;
	s->value = value;
}

/* From a member's name to the first byte of its value.  Most have no space before the colon. */
static inline const char *scan_name(struct scan *s, const char *p, bool is_top)
{
	const char *const end = s->end;
	const char *key = p;

	if (p == end || *p != '"')
		return refuse(s, p, "'\"' to begin a member's name");
	p = scan_string(s, key + 1);
	if (!p)
		return NULL;
	const char *key_end = p;
	if (p == end || *p != ':') {
		p = jbytes_skip_space(p, end);
		if (p == end || *p != ':')
			return refuse(s, p, "':' after the member's name");
	}
	p = jbytes_skip_space(p + 1, end);
	if (is_top)
		note_member(s, key, key_end, p);
	return p;
}

/* A row for the value that begins at p; JMAP_ROWS when there is none. */
static inline uint16_t take_row(struct scan *s, const char *p)
{
	struct jmap *map = s->map;

	if (!map || map->count == JMAP_ROWS)
		return JMAP_ROWS;
	map->rows[map->count].begin = (uint32_t)(p - s->start);
	return (uint16_t)map->count++;
}

/* end: what follows the container that has the row.  A short one, which holds no other, has none. */
static inline void end_row(struct scan *s, uint16_t row, const char *end)
{
	struct jmap *map = s->map;

	if (row == JMAP_ROWS)
		return;
	map->rows[row].end = (uint32_t)(end - s->start);
	if (map->rows[row].end - map->rows[row].begin < JMAP_LONG)
		map->count = row;
}

/*
 * p: at a bracket that opens; *level becomes its own.  Returns what follows it: its first member,
 * element or its end.
 */
static inline const char *scan_open(struct scan *s, const char *p, struct level **at)
{
	struct level *level = *at + 1;
	bool is_object = *p == '{';
	unsigned max = is_object ? s->limits->members : s->limits->elements;

	if (*at == s->deepest)
		return refuse_limit(s, p, (unsigned)(s->deepest - s->levels), "levels of nesting");
	level->row = level - s->levels <= JMAP_DEPTH ? take_row(s, p) : JMAP_ROWS;
	level->closer = is_object ? '}' : ']';
	level->left = max - 1;
	p = jbytes_skip_space(p + 1, s->end);
	if (max == 0 && p < s->end && *p != level->closer)
		return refuse_limit(s, p, 0, is_object ? "members in an object" : "elements in an array");
	*at = level;
	return p;
}

/* end: what follows the present top-level member's value. */
static void report(struct scan *s, const char *end)
{
	s->wanted->is_single = s->wanted->type == J_NONE;
	s->wanted->type = jbytes_type(*s->value);
	s->wanted->text = span_of(s->value, (size_t)(end - s->value));
	s->wanted = NULL;
}

/* p: after the comma that follows a member or an element. */
static inline const char *scan_comma(struct scan *s, const char *p, struct level *level)
{
	if (level->left == 0)
		return level->closer == '}' ?
			       refuse_limit(s, p, s->limits->members, "members in an object") :
			       refuse_limit(s, p, s->limits->elements, "elements in an array");
	level->left--;
	return jbytes_skip_space(p + 1, s->end);
}

/*
 * After a value: closes what ends here; *at becomes what is open then.  Returns what comes next, the
 * end when nothing is open.  Most values have no space behind them.
 */
static inline const char *scan_after(struct scan *s, const char *p, struct level **at)
{
	const char *const end = s->end;

	for (struct level *level = *at; level > s->levels; level--, *at = level) {
		if (level == s->levels + 1 && s->wanted)
			report(s, p);
		if (p < end && *p == ',')
			return scan_comma(s, p, level);
		if (p == end || *p != level->closer) {
			p = jbytes_skip_space(p, end);
			if (p < end && *p == ',')
				return scan_comma(s, p, level);
			if (p == end || *p != level->closer)
				return refuse(s, p, level->closer == '}' ? "',' or '}'" : "',' or ']'");
		}
		p++;
		end_row(s, level->row, p);
	}
	return p;
}

/* p: at the quote that opens. */
static inline const char *scan_text_value(struct scan *s, const char *p)
{
	const char *end = scan_string(s, p + 1);

	if (end && end - p >= JMAP_LONG)
		end_row(s, take_row(s, p), end);
	return end;
}

/* One value that is neither a string nor a container. */
static const char *scan_other(struct scan *s, const char *p)
{
	switch (*p) {
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
	struct level *level = s->levels; /* the innermost that is open */

	do {
		if (level->closer == '}') {
			p = scan_name(s, p, level == s->levels + 1);
			if (!p)
				return NULL;
		}
		if (p == s->end)
			return refuse(s, p, "a value");
		if (*p == '"') {
			p = scan_text_value(s, p);
		} else if (*p == '{' || *p == '[') {
			p = scan_open(s, p, &level);
			if (p && (p == s->end || *p != level->closer))
				continue;
		} else {
			p = scan_other(s, p);
		}
		if (p)
			p = scan_after(s, p, &level);
	} while (p && level > s->levels);
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
	s->levels->closer = '\0';
	s->deepest = s->levels + (s->limits->depth < DEPTH_MAX ? s->limits->depth : DEPTH_MAX);
	s->map = NULL;
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

int jscan_members_map(struct span text, const struct jscan_limits *limits, const struct span *names,
		      struct jvalue *out, size_t count, struct jmap *map, struct err *err)
{
	struct scan s;
	struct jvalue whole;

	scan_init(&s, text, limits);
	if (map) {
		map->text = s.start;
		map->count = 0;
	}
	if (text.len <= UINT32_MAX)
		s.map = map;
	s.names = names;
	s.out = out;
	s.count = count;
	forget(out, count);
	if (scan_text(&s, &whole, err) == 0)
		return 0;
	forget(out, count);
	return -1;
}

int jscan_members(struct span text, const struct jscan_limits *limits, const struct span *names,
		  struct jvalue *out, size_t count, struct err *err)
{
	return jscan_members_map(text, limits, names, out, count, NULL, err);
}

struct jvalue jscan_member(struct span text, const char *name)
{
	const struct span wanted = span_str(name);
	struct jvalue member;

	(void)jscan_members(text, NULL, &wanted, &member, 1, NULL);
	return member;
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

const char *jscan_string(const char *p, const char *end)
{
	struct scan s;

	s.end = end;
	return scan_string(&s, p);
}
