/*
 * common/base/jscan.h - JSON read in place: a strict, bounded scanner and a splicer.
 *
 * The hot path's reader (RFC 8259; strings must be UTF-8, RFC 3629).  It builds no tree: one pass
 * validates a text and hands out spans of the members asked for; edits are spliced into the
 * original bytes, so whatever no rule changes leaves exactly as it came, prefix caches included.
 * Escapes: \uD800-style lone surrogates are accepted as JSON grammar and passed on.  Duplicate
 * names: the last one counts, as with most readers.  Any thread.
 *
 * What goes on to another reader may be read otherwise there: one heeds the first of two members of
 * one name, another, such as Go's, takes "Model" for "model", one written in C "model\u0000" or so.  Here
 * a name is contested when its object has a second member of it, or one that differs from it in case
 * alone or behind a NUL, beside it or in its stead.
 */
#ifndef SPASS_BASE_JSCAN_H
#define SPASS_BASE_JSCAN_H

#include "common/base/buf.h"
#include "common/base/bytes.h"
#include "common/base/err.h"

enum jtype { J_NONE, J_NULL, J_FALSE, J_TRUE, J_NUMBER, J_STRING, J_ARRAY, J_OBJECT };

/* A value inside a text; text is the raw value (strings with their quotes), J_NONE = absent. */
struct jvalue {
	enum jtype type;
	bool is_single; /* jscan_members: no other member of its object has this name */
	struct span text;
	const struct jmap *map; /* what its walks leap by, see jmap_on; NULL = none */
};

struct jscan_limits {
	unsigned depth;    /* nesting, default 128 */
	unsigned members;  /* in one object, default 10,000 */
	unsigned elements; /* in one array, default 1,000,000 */
};
extern const struct jscan_limits jscan_default_limits;

/*
 * Validate the whole of text (one value, white space around it) and, if it is an object, report
 * its top-level members called names[i] in out[i] (J_NONE when absent).  count may be 0.
 * Fails with E_invalid_json and a message that gives the byte offset and what was expected.
 * limits NULL = default.  Time is linear in text, memory constant.
 */
int jscan_members(struct span text, const struct jscan_limits *limits, const struct span *names,
		  struct jvalue *out, size_t count, struct err *err);
/* The member of that name; J_NONE when there is none, or text is no object or not valid. */
struct jvalue jscan_member(struct span text, const char *name);
/* Validate any single value; *out (may be NULL) gets it. */
int jscan_check(struct span text, const struct jscan_limits *limits, struct jvalue *out,
		struct err *err);

/*
 * p: after the quote that opens a string.  What follows the one that closes it, when all between is
 * as it must be, else NULL.
 */
const char *jscan_string(const char *p, const char *end);

/*
 * Where the longer values of a text end, noted on the way through it: what walks afterwards need
 * not read them again to get past them.  Values that have no row are read through, so a map that
 * is full is no error.
 */
enum {
	JMAP_ROWS = 1000,
	JMAP_LONG = 128, /* bytes of a value worth a row */
	JMAP_DEPTH = 6,  /* containers inside so many others have none */
};
struct jmap {
	/*
	 * Set before the scan: a container that an earlier one found valid as a top-level member's value;
	 * len 0 = none.  A value that begins with the same bytes is that container, and not read again.
	 */
	struct span known;
	const char *known_at; /* where it stood last, as the value of a name that was asked for; NULL = nowhere */
	const char *text;     /* that the map is of */
	size_t count;
	struct {
		uint32_t begin, end;
	} rows[JMAP_ROWS]; /* by begin */
};
/*
 * As jscan_members, of what goes on to another reader: *contested becomes the index of a name that is
 * contested, count when none is.  names are of small ASCII letters, digits and marks.  map may be NULL,
 * else *map is filled; but for what is known it may stay uninitialised before.
 */
int jscan_members_once(struct span text, const struct span *names, struct jvalue *out, size_t count,
		       size_t *contested, struct jmap *map, struct err *err);
/* v, out of the map's text, for walks that use it; so do the values they find.  NULL = as it is. */
static inline struct jvalue jmap_on(const struct jmap *map, struct jvalue v)
{
	v.map = map;
	return v;
}

/*
 * Walk what has been validated (by the above); no checks are repeated.
 *
 *	struct jwalk w = jwalk_start(messages);
 *	while (jwalk_next(&w)) use(w.key, w.value, w.index);
 */
struct jwalk {
	struct span key;     /* of an object's member: between the quotes, still escaped */
	struct jvalue value;
	size_t index;        /* 0-based */
	size_t contested;    /* of jwalk_next_members */
	/* private */
	const char *at, *end;
	const struct jmap *map;
	bool in_object, started;
};
struct jwalk jwalk_start(struct jvalue container);
bool jwalk_next(struct jwalk *w);
/* A member of a validated object by (unescaped) name; J_NONE when absent or not an object. */
struct jvalue jwalk_get(struct jvalue object, const char *name);
/* The first of that name, without a look at what follows it; for checks, where the last may differ. */
struct jvalue jwalk_first(struct jvalue object, const char *name);
/* Several in one pass; out[i] is J_NONE when absent. */
void jwalk_members(struct jvalue object, const struct span *names, struct jvalue *out, size_t count);
/* The same; returns as jscan_members_once tells it which name is contested. */
size_t jwalk_members_once(struct jvalue object, const struct span *names, struct jvalue *out, size_t count);
/*
 * As jwalk_next, and of an object the members as by jwalk_members_once, which are read on the way:
 * cheaper than one after the other.  Of any other value all are J_NONE.
 */
bool jwalk_next_members(struct jwalk *w, const struct span *names, struct jvalue *out, size_t count);
size_t jwalk_count(struct jvalue container);
/* The type of the first element or member's value; J_NONE when there is none. */
enum jtype jwalk_first_type(struct jvalue container);

/* Whether the escaped key equals name. */
bool jkey_equals(struct span key, struct span name);

static inline bool jkey_is(struct span key, const char *name)
{
	/* Most differ in their first byte, unless it is an escape. */
	if (key.len > 0 && key.ptr[0] != name[0] && key.ptr[0] != '\\')
		return false;
	return jkey_equals(key, span_str(name));
}

/* The index of the first of those names that the escaped key equals; count when there is none. */
size_t jkey_find_escaped(struct span key, const struct span *names, size_t count);
/* The same where it is known whether there is an escape: most differ in their length or first byte. */
__attribute__((always_inline)) static inline size_t jkey_find(struct span key, bool has_escape,
							      const struct span *names, size_t count)
{
	size_t i = 0;

	if (has_escape || key.len == 0)
		return jkey_find_escaped(key, names, count);
	while (i < count && (key.len != names[i].len || key.ptr[0] != names[i].ptr[0] ||
			     !bytes_equal(key.ptr, names[i].ptr, key.len)))
		i++;
	return i;
}

/*
 * key: of a member that is a second names[found], or none of them, when found is count.  *contested
 * becomes the index of the name that it contests; it stays when there is none.
 */
void jkey_contest(struct span key, size_t found, const struct span *names, size_t count, size_t *contested);

/* Whether a J_STRING equals text after unescaping. */
static inline bool jvalue_is(struct jvalue v, const char *text)
{
	return v.type == J_STRING && jkey_is(span_of(v.text.ptr + 1, v.text.len - 2), text);
}

/* Appends a string's value, unescaped, as UTF-8 (a lone surrogate becomes U+FFFD).  0 or -1. */
int jvalue_unescape(struct jvalue v, struct buf *out);
/* The content of a J_STRING without escapes: the span between the quotes; else ptr == NULL. */
struct span jvalue_plain(struct jvalue v);
/* A J_NUMBER that is a whole number in range ("1e2" and "5.0" count).  0 or -1. */
int jvalue_int(struct jvalue v, int64_t min, int64_t max, int64_t *out);
int jvalue_double(struct jvalue v, double *out);

/*
 * Edits of one text, applied without copying it.  Offsets are found from spans into the text,
 * which has been validated.  Edits may be added in any order; one that would overlap an earlier
 * one is refused.
 */
enum { JSPLICE_MAX = 32 };
struct jsplice {
	struct span text;
	size_t count;
	struct {
		size_t at, remove;
		struct span insert; /* borrowed until the splice is used */
		unsigned kind;      /* private */
	} edits[JSPLICE_MAX];
};
void jsplice_init(struct jsplice *s, struct span text);
/* Replace the bytes of old (a span inside text).  -1 when there are too many edits. */
int jsplice_replace(struct jsplice *s, struct span old, struct span insert);
/*
 * Add a member ("\"key\":value" without comma) as the first of an object inside text.  Takes two
 * of the edits, one being the comma.
 */
int jsplice_add_member(struct jsplice *s, struct jvalue object, struct span member);
/*
 * Remove a member from an object, its comma included, and every other member of the same name,
 * which would count once this one is gone.  value is the member's value as found by
 * jscan_members or jwalk.  Commas come out right whatever else is removed or added.
 */
int jsplice_remove_member(struct jsplice *s, struct jvalue object, struct span value);
/*
 * text without a member that is_single, its comma included: what stands before it and after it.
 * All that this needs is the member's value, which lies inside text.
 */
void jsplice_cut(struct span text, struct jvalue value, struct span parts[2]);
/*
 * The result as parts to send in order: at most 2 * count + 1 spans into parts[max].  Returns
 * how many; sets *len to the sum.  Inserted text is borrowed.
 */
size_t jsplice_parts(struct jsplice *s, struct span *parts, size_t max, size_t *len);

/* Writing: each appends to out; 0 or -1 when it is full. */
/* A JSON string with quotes; broken UTF-8 becomes U+FFFD. */
int jtext_string(struct buf *out, struct span s);
/* The inside of a string, without quotes. */
int jtext_escape(struct buf *out, struct span s);

#endif
