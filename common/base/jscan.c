/*
 * common/base/jscan.c - one validating pass over a JSON text.
 *
 * Strings are looked through many bytes at a time, as in Langdale and Lemire, "Parsing Gigabytes of
 * JSON per Second" (2019).  But what a gateway reads are small texts of short names and words, so no
 * first pass writes down where everything begins: each is taken where it stands.  And what padding is
 * in that paper, the text's own end is here: where its last byte is a bracket that closes, no name,
 * scalar or space before it runs past it, and only what follows such a bracket looks for the end.
 *
 * No recursion: the open containers are kept in a small array, which is all the memory there is.
 * Reading what has been validated is jwalk.c's, editing jsplice.c's, writing jtext.c's.
 */
#include "common/base/jscan.h"

#include <assert.h>

#include "common/base/jbytes.h"
#include "common/base/jstring.h"

enum { DEPTH_MAX = 128 }; /* whatever the limits say: fibers have little stack */

const struct jscan_limits jscan_default_limits = {
	.depth = 128,
	.members = 10000,
	.elements = 1000000,
};

/* What goes on after a container. */
struct level {
	uint32_t left; /* members or elements that may still follow in the one around it */
	uint16_t row;  /* its own in the map, if it is mapped; or JMAP_ROWS */
	char closer;   /* of the one around it */
};

/* Where the scan is. */
struct place {
	unsigned depth;    /* how many containers are open */
	unsigned reported; /* at this depth the value that ends is wanted; 0: none is */
	uint32_t left;     /* members or elements that may still follow in the innermost */
	char closer;       /* of the innermost: '}' or ']' */
};

struct scan {
	const char *start, *end;
	const char *last_quote; /* behind one up to here, a step and a byte more can be read; or NULL */
	const struct jscan_limits *limits;
	struct jmap *map; /* or NULL */
	/* What to report of the top level's members. */
	const struct span *names;
	struct jvalue *out;
	size_t count;
	size_t *contested;     /* or NULL: nobody asks */
	struct jvalue *wanted; /* the row of out that the present member goes to, if it is reported */
	const char *value;     /* where its value begins */
	unsigned deepest;      /* how many containers may be open */
	unsigned mapped;       /* how many of them have rows in the map */
	struct level levels[DEPTH_MAX];
	struct jfault fault;
	const char *over; /* what there is too much of, if that is the fault: more than limit */
	unsigned limit;
};

/*
 * What scan_container consists of is put together at compile time, once for each kind of text: a call
 * would take from the registers where the scan is.
 */
#define INLINE static inline __attribute__((always_inline))

__attribute__((noinline, cold)) static void note_fault(struct scan *s, const char *at, const char *expected)
{
	s->fault = (struct jfault){ at, expected };
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
	note_fault(s, at, what);
	s->limit = limit;
	s->over = what;
	return NULL;
}

/* p: at the quote that opens.  The one that closes, when all between is plain and fits a step; or NULL. */
INLINE const char *find_short_end(const struct scan *s, const char *p)
{
	if (p > s->last_quote)
		return NULL;
	p += 1 + jbytes_first_special(p + 1);
	return *p == '"' ? p : NULL;
}

/*
 * is_sealed, here and below: the text ends with a bracket that closes, or space behind one.  So p is
 * not the end unless it follows such a bracket.  The compiler knows it and leaves the question out.
 */
INLINE bool is_end(const struct scan *s, const char *p, bool is_sealed)
{
	return !is_sealed && p == s->end;
}

INLINE const char *skip_space(const struct scan *s, const char *p, bool is_sealed)
{
	return is_sealed && (unsigned char)*p > ' ' ? p : jbytes_skip_space(p, s->end);
}

INLINE bool is_digit(const struct scan *s, const char *p, bool is_sealed)
{
	return !is_end(s, p, is_sealed) && *p >= '0' && *p <= '9';
}

INLINE const char *skip_digits(const struct scan *s, const char *p, bool is_sealed)
{
	if (p <= s->last_quote)
		p += jbytes_first_no_digit(p);
	while (is_digit(s, p, is_sealed))
		p++;
	return p;
}

/* p: at a digit or the sign. */
INLINE const char *scan_number(struct scan *s, const char *p, bool is_sealed)
{
	if (*p == '-' && !is_digit(s, ++p, is_sealed))
		return refuse(s, p, "a digit");
	p = *p == '0' ? p + 1 : skip_digits(s, p, is_sealed);
	if (!is_end(s, p, is_sealed) && *p == '.') {
		if (!is_digit(s, ++p, is_sealed))
			return refuse(s, p, "a digit after the decimal point");
		p = skip_digits(s, p, is_sealed);
	}
	if (!is_end(s, p, is_sealed) && (*p | 0x20) == 'e') {
		p++;
		if (!is_end(s, p, is_sealed) && (*p == '+' || *p == '-'))
			p++;
		if (!is_digit(s, p, is_sealed))
			return refuse(s, p, "a digit in the exponent");
		p = skip_digits(s, p, is_sealed);
	}
	return p;
}

/* Inline for the sake of the word's length, which then is a constant. */
INLINE const char *scan_word(struct scan *s, const char *p, struct span word)
{
	if (s->end - p > (ptrdiff_t)word.len && memcmp(p, word.ptr, word.len) == 0)
		return p + word.len;
	for (size_t i = 0; i < word.len; i++)
		if (p + i == s->end || p[i] != word.ptr[i])
			return refuse(s, p + i, "true, false or null, written out");
	return p + word.len;
}

/* One value that is neither a string nor a container. */
INLINE const char *scan_other(struct scan *s, const char *p, bool is_sealed)
{
	const enum jtype type = jbytes_type(*p);

	if (type == J_NUMBER)
		return scan_number(s, p, is_sealed);
	if (type == J_NULL)
		return scan_word(s, p, SPAN_LIT("null"));
	if (type == J_TRUE)
		return scan_word(s, p, SPAN_LIT("true"));
	if (type == J_FALSE)
		return scan_word(s, p, SPAN_LIT("false"));
	return refuse(s, p, "a value");
}

/* A top-level member of that name, and where its value begins. */
INLINE void note_member(struct scan *s, struct span name, bool may_escape, const char *value, struct place *at)
{
	bool has_escape = may_escape && memchr(name.ptr, '\\', name.len);
	size_t i = jkey_find(name, has_escape, s->names, s->count);

	at->reported = 0;
	if (s->contested && (i == s->count || s->out[i].type != J_NONE))
		jkey_contest(name, i, s->names, s->count, s->contested);
	if (i == s->count)
		return;
	at->reported = at->depth;
	s->wanted = &s->out[i];
	s->value = value;
}

/* From a member's name to what follows the colon.  Most have no space before it. */
INLINE const char *scan_name(struct scan *s, const char *p, struct place *at, bool is_sealed)
{
	if (is_end(s, p, is_sealed) || *p != '"') {
		p = jbytes_skip_space(p, s->end);
		if (is_end(s, p, is_sealed) || *p != '"')
			return refuse(s, p, "'\"' to begin a member's name");
	}
	const char *const name = p + 1, *const quote = find_short_end(s, p);
	p = quote ? quote + 1 : jstring_end(name, s->start, s->end, &s->fault);
	if (!p)
		return NULL;
	const size_t len = (size_t)(p - name) - 1;
	if (is_end(s, p, is_sealed) || *p != ':') {
		p = jbytes_skip_space(p, s->end);
		if (is_end(s, p, is_sealed) || *p != ':')
			return refuse(s, p, "':' after the member's name");
	}
	p++;
	if (at->depth == 1) {
		p = skip_space(s, p, is_sealed);
		note_member(s, span_of(name, len), !quote, p, at);
	}
	return p;
}

/* A row for the value that begins at p; JMAP_ROWS when there is none. */
INLINE uint16_t take_row(struct scan *s, const char *p)
{
	struct jmap *map = s->map;

	if (map->count == JMAP_ROWS)
		return JMAP_ROWS;
	map->rows[map->count].begin = (uint32_t)(p - s->start);
	return (uint16_t)map->count++;
}

/* end: what follows the container that has the row.  A short one, which holds no other, has none. */
INLINE void end_row(struct scan *s, uint16_t row, const char *end)
{
	struct jmap *map = s->map;

	if (row == JMAP_ROWS)
		return;
	map->rows[row].end = (uint32_t)(end - s->start);
	if (map->rows[row].end - map->rows[row].begin < JMAP_LONG)
		map->count = row;
}

/* end: what follows the present top-level member's value. */
INLINE void report(struct scan *s, struct place *at, const char *end)
{
	struct jvalue *v = s->wanted;

	v->is_single = v->type == J_NONE;
	v->type = jbytes_type(*s->value);
	v->text = span_of(s->value, (size_t)(end - s->value));
	at->reported = 0;
}

INLINE unsigned most_inside(const struct scan *s, char closer)
{
	return closer == '}' ? s->limits->members : s->limits->elements;
}

static const char *refuse_more(struct scan *s, const char *p, char closer)
{
	return refuse_limit(s, p, most_inside(s, closer),
			    closer == '}' ? "members in an object" : "elements in an array");
}

/* p: at a bracket that opens.  Returns what follows it: its first member, element or its end. */
INLINE const char *scan_open(struct scan *s, const char *p, struct place *at, bool is_sealed)
{
	struct level *level = &s->levels[at->depth];
	const char closer = (char)(*p + 2); /* of both kinds */
	const unsigned most = most_inside(s, closer);

	if (at->depth == s->deepest)
		return refuse_limit(s, p, s->deepest, "levels of nesting");
	level->left = at->left;
	level->closer = at->closer;
	if (at->depth < s->mapped)
		level->row = take_row(s, p);
	at->depth++;
	at->left = most - 1;
	at->closer = closer;
	p = skip_space(s, p + 1, is_sealed);
	if (most == 0 && p < s->end && *p != closer)
		return refuse_more(s, p, closer);
	return p;
}

/* The end of the container that begins at p, when it is the one that is known; or NULL. */
static const char *find_known_end(const struct scan *s, const char *p)
{
	struct jmap *map = s->map;

	if (!map || map->known.len == 0 || map->known.len > (size_t)(s->end - p) ||
	    memcmp(p, map->known.ptr, map->known.len) != 0)
		return NULL;
	map->known_at = p;
	return p + map->known.len;
}

/* p: at the bracket that closes the innermost. */
INLINE const char *scan_close(struct scan *s, const char *p, struct place *at)
{
	const struct level *level = &s->levels[--at->depth];

	at->left = level->left;
	at->closer = level->closer;
	if (at->depth < s->mapped)
		end_row(s, level->row, p + 1);
	return p + 1;
}

/* Closes what ends at p.  Returns the comma that follows, or what does when nothing is open. */
INLINE const char *scan_ends(struct scan *s, const char *p, struct place *at)
{
	do {
		if (p == s->end || *p != at->closer) {
			p = jbytes_skip_space(p, s->end);
			if (p < s->end && *p == ',')
				return p;
			if (p == s->end || *p != at->closer)
				return refuse(s, p, at->closer == '}' ? "',' or '}'" : "',' or ']'");
		}
		p = scan_close(s, p, at);
		if (at->depth == 0)
			return p;
		if (at->depth == at->reported)
			report(s, at, p);
	} while (p == s->end || *p != ',');
	return p;
}

/* p: at the quote that opens. */
INLINE const char *scan_string(struct scan *s, const char *p)
{
	const char *quote = find_short_end(s, p);

	if (quote)
		return quote + 1;
	const char *end = jstring_end(p + 1, s->start, s->end, &s->fault);
	if (end && s->map && end - p >= JMAP_LONG)
		end_row(s, take_row(s, p), end);
	return end;
}

/* A scalar, or a container's beginning, which is_open tells.  Returns what follows it. */
INLINE const char *scan_item(struct scan *s, const char *p, struct place *at, bool *is_open, bool is_sealed)
{
	*is_open = false;
	p = skip_space(s, p, is_sealed);
	if (is_end(s, p, is_sealed))
		return refuse(s, p, "a value");
	if (*p == '"')
		return scan_string(s, p);
	if ((*p | 0x20) != '{')
		return scan_other(s, p, is_sealed);
	const char *known_end = at->reported && at->depth == at->reported ? find_known_end(s, p) : NULL;
	p = scan_open(s, p, at, is_sealed);
	if (p && known_end)
		p = known_end - 1; /* at the bracket that closes it */
	*is_open = p && (is_end(s, p, is_sealed) || *p != at->closer);
	return p;
}

/* A whole container from its bracket; returns what follows it. */
INLINE const char *scan_container(struct scan *s, const char *p, bool is_sealed)
{
	struct place at = { 0 };
	bool is_open;

	for (;;) {
		if (at.closer == '}')
			p = scan_name(s, p, &at, is_sealed);
		if (p)
			p = scan_item(s, p, &at, &is_open, is_sealed);
		if (!p)
			return NULL;
		if (is_open)
			continue;
		if (at.depth == at.reported)
			report(s, &at, p);
		if (is_end(s, p, is_sealed) || *p != ',') {
			p = scan_ends(s, p, &at);
			if (!p || at.depth == 0)
				return p;
		}
		if (at.left-- == 0)
			return refuse_more(s, p, at.closer);
		p++;
	}
}

/* Of scalars, and what is cut short. */
__attribute__((noinline, cold)) static const char *scan_unsealed(struct scan *s, const char *p)
{
	if (p == s->end)
		return refuse(s, p, "a value");
	if ((*p | 0x20) == '{')
		return scan_container(s, p, false);
	return *p == '"' ? scan_string(s, p) : scan_other(s, p, false);
}

static bool is_sealed_text(const char *start, const char *end)
{
	while (end > start && jbytes_is_space(end[-1]))
		end--;
	return end > start && (end[-1] | 0x20) == '}';
}

static int fail(const struct scan *s, struct err *err)
{
	const char *at = s->fault.at;

	if (s->over)
		return err_set(err, E_invalid_json, "body", "at byte %td: more than %u %s", at - s->start,
			       s->limit, s->over);
	return err_set(err, E_invalid_json, "body", "at byte %td%s: expected %s", at - s->start,
		       at == s->end ? ", the end" : "", s->fault.expected);
}

/* Not by an initialiser: the arrays stay unset until they are used. */
static void scan_init(struct scan *s, struct span text, const struct jscan_limits *limits,
		      const struct span *names, struct jvalue *out, size_t count)
{
	s->start = text.len > 0 ? text.ptr : "";
	s->end = s->start + text.len;
	s->last_quote = text.len > JBYTES_STEP + 1 ? s->end - JBYTES_STEP - 2 : NULL;
	s->limits = limits ? limits : &jscan_default_limits;
	s->deepest = s->limits->depth < DEPTH_MAX ? s->limits->depth : DEPTH_MAX;
	s->map = NULL;
	s->mapped = 0;
	s->names = names;
	s->out = out;
	s->count = count;
	s->contested = NULL;
	s->wanted = NULL;
	s->value = s->over = NULL;
	s->limit = 0;
	s->fault = (struct jfault){ s->start, "" };
	jbytes_forget(out, count);
}

static int scan_text(struct scan *s, struct jvalue *whole, struct err *err)
{
	const char *first = jbytes_skip_space(s->start, s->end);
	bool is_sealed = first < s->end && (*first | 0x20) == '{' && is_sealed_text(first, s->end);
	const char *last = is_sealed ? scan_container(s, first, true) : scan_unsealed(s, first);

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

/* contested and map: NULL when nobody asks for them. */
static int scan_members(struct span text, const struct jscan_limits *limits, const struct span *names,
			struct jvalue *out, size_t count, size_t *contested, struct jmap *map, struct err *err)
{
	struct scan s;
	struct jvalue whole;

	scan_init(&s, text, limits, names, out, count);
	s.contested = contested;
	if (map) {
		map->text = s.start;
		map->known_at = NULL;
		map->count = 0;
	}
	if (map && text.len <= UINT32_MAX) {
		s.map = map;
		s.mapped = JMAP_DEPTH;
	}
	if (scan_text(&s, &whole, err) == 0)
		return 0;
	jbytes_forget(out, count);
	return -1;
}

int jscan_members(struct span text, const struct jscan_limits *limits, const struct span *names,
		  struct jvalue *out, size_t count, struct err *err)
{
	return scan_members(text, limits, names, out, count, NULL, NULL, err);
}

int jscan_members_once(struct span text, const struct span *names, struct jvalue *out, size_t count,
		       size_t *contested, struct jmap *map, struct err *err)
{
	*contested = count;
	return scan_members(text, NULL, names, out, count, contested, map, err);
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

	scan_init(&s, text, limits, NULL, NULL, 0);
	int result = scan_text(&s, &whole, err);
	if (out)
		*out = whole;
	return result;
}
