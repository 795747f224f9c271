/*
 * common/base/jsplice.c - edits a JSON text by naming the bytes that go and those that come.
 *
 * Which commas stay is decided when the parts are asked for, because only then it is known
 * whether anything is left before or after them.
 */
#include "common/base/jscan.h"

#include <assert.h>

#include "common/base/jbytes.h"

enum kind {
	REPLACE,
	ADD,   /* a new first member */
	COMMA, /* after it, unless the object holds nothing else */
	REMOVE /* a member from its name to its value; the comma is added by widen */
};

void jsplice_init(struct jsplice *s, struct span text)
{
	s->text = text;
	s->count = 0;
}

static size_t offset_of(const struct jsplice *s, const char *p)
{
	assert(p >= s->text.ptr && p <= s->text.ptr + s->text.len);
	return (size_t)(p - s->text.ptr);
}

/* Edits are kept by place; at one place those that only insert come first, in their own order. */
static int add_edit(struct jsplice *s, size_t at, size_t remove, struct span insert, enum kind kind)
{
	size_t i = s->count;

	if (s->count == JSPLICE_MAX)
		return -1;
	while (i > 0 && (s->edits[i - 1].at > at ||
			 (s->edits[i - 1].at == at && s->edits[i - 1].remove > 0 && remove == 0)))
		i--;
	if (i > 0 && s->edits[i - 1].at + s->edits[i - 1].remove > at)
		return -1;
	if (i < s->count && at + remove > s->edits[i].at)
		return -1;
	for (size_t j = s->count; j > i; j--)
		s->edits[j] = s->edits[j - 1];
	s->edits[i].at = at;
	s->edits[i].remove = remove;
	s->edits[i].insert = insert;
	s->edits[i].kind = kind;
	s->count++;
	return 0;
}

int jsplice_replace(struct jsplice *s, struct span old, struct span insert)
{
	size_t at = offset_of(s, old.ptr);

	assert(old.len <= s->text.len - at);
	return add_edit(s, at, old.len, insert, REPLACE);
}

int jsplice_add_member(struct jsplice *s, struct jvalue object, struct span member)
{
	assert(object.type == J_OBJECT);
	size_t at = offset_of(s, object.text.ptr) + 1;

	if (s->count + 2 > JSPLICE_MAX || add_edit(s, at, 0, member, ADD) < 0)
		return -1;
	return add_edit(s, at, 0, SPAN_LIT(","), COMMA);
}

/* Whether two keys, both as they stand between their quotes, name the same member. */
static bool same_name(struct span a, struct span b)
{
	struct buf plain;

	if (span_equal(a, b))
		return true;
	if (!memchr(a.ptr, '\\', a.len) && !memchr(b.ptr, '\\', b.len))
		return false;
	buf_init(&plain, a.len + 1); /* unescaping never lengthens */
	struct jvalue quoted = { .type = J_STRING, .text = span_of(a.ptr - 1, a.len + 2) };
	bool same = jvalue_unescape(quoted, &plain) == 0 &&
		    !memchr(buf_str(&plain), '\0', plain.len) && jkey_is(b, buf_str(&plain));
	buf_free(&plain);
	return same;
}

/* The key of the member whose value begins at value; ptr NULL when the object has none such. */
static struct span find_key(struct jvalue object, const char *value)
{
	for (struct jwalk w = jwalk_start(object); jwalk_next(&w);)
		if (w.value.text.ptr == value)
			return w.key;
	return SPAN_NONE;
}

int jsplice_remove_member(struct jsplice *s, struct jvalue object, struct span value)
{
	assert(object.type == J_OBJECT);
	struct span key = find_key(object, value.ptr);

	assert(key.ptr);
	for (struct jwalk w = jwalk_start(object); jwalk_next(&w);) {
		const char *begin = w.key.ptr - 1;
		const char *end = w.value.text.ptr + w.value.text.len;
		if (same_name(w.key, key) &&
		    add_edit(s, offset_of(s, begin), (size_t)(end - begin), SPAN_NONE, REMOVE) < 0)
			return -1;
	}
	return 0;
}

static size_t skip_space(struct span text, size_t at)
{
	const char *p = jbytes_skip_space(text.ptr + at, text.ptr + text.len);
	return (size_t)(p - text.ptr);
}

/* The last of the removed members that stand next to each other, the first being edit i. */
static size_t last_of_run(const struct jsplice *s, size_t i)
{
	for (; i + 1 < s->count && s->edits[i + 1].kind == REMOVE; i++) {
		size_t after = skip_space(s->text, s->edits[i].at + s->edits[i].remove);
		if (s->text.ptr[after] != ',' || skip_space(s->text, after + 1) != s->edits[i + 1].at)
			break;
	}
	return i;
}

/* Of a run of removed members, takes the comma after it too, or else the one before it. */
static void widen(struct span text, size_t *begin, size_t *end)
{
	size_t after = skip_space(text, *end), before = *begin;

	if (text.ptr[after] == ',') {
		*end = after + 1;
		return;
	}
	while (jbytes_is_space(text.ptr[before - 1]))
		before--;
	if (text.ptr[before - 1] == ',')
		*begin = before - 1;
}

/* Whether the comma of edit i has another member after it, added or original. */
static bool needs_comma(const struct jsplice *s, size_t i)
{
	size_t first = skip_space(s->text, s->edits[i].at);
	bool has_next = i + 1 < s->count;

	if (has_next && s->edits[i + 1].kind == ADD && s->edits[i + 1].at == s->edits[i].at)
		return true;
	if (has_next && s->edits[i + 1].kind == REMOVE && s->edits[i + 1].at == first) {
		i = last_of_run(s, i + 1);
		first = skip_space(s->text, s->edits[i].at + s->edits[i].remove);
	}
	return s->text.ptr[first] != '}';
}

size_t jsplice_parts(struct jsplice *s, struct span *parts, size_t max, size_t *len)
{
	size_t count = 0, at = 0;

	assert(max >= 2 * s->count + 1);
	*len = 0;
	for (size_t i = 0; i <= s->count; i++) {
		struct span insert = SPAN_NONE;
		size_t begin = s->text.len, end = s->text.len;
		if (i < s->count) {
			begin = s->edits[i].at;
			insert = s->edits[i].insert;
			if (s->edits[i].kind == COMMA && !needs_comma(s, i))
				insert = SPAN_NONE;
			if (s->edits[i].kind == REMOVE)
				i = last_of_run(s, i);
			end = s->edits[i].at + s->edits[i].remove;
			if (s->edits[i].kind == REMOVE)
				widen(s->text, &begin, &end);
		}
		if (begin > at)
			parts[count++] = span_of(s->text.ptr + at, begin - at);
		if (insert.len > 0)
			parts[count++] = insert;
		*len += begin - at + insert.len;
		at = end;
	}
	return count;
}

/* Whether the quote at p stands inside a string. */
static bool is_escaped(const char *p)
{
	const char *q = p;

	while (q[-1] == '\\')
		q--;
	return (p - q) % 2 != 0;
}

/* Where the member with this value begins, read backwards from there. */
static const char *member_begin(const char *value)
{
	const char *p = value;

	do
		p--;
	while (*p != '"');
	do
		p--;
	while (*p != '"' || is_escaped(p));
	return p;
}

void jsplice_cut(struct span text, struct jvalue value, struct span parts[2])
{
	assert(value.is_single && value.text.ptr > text.ptr);
	size_t begin = (size_t)(member_begin(value.text.ptr) - text.ptr);
	size_t end = (size_t)(value.text.ptr - text.ptr) + value.text.len;

	widen(text, &begin, &end);
	parts[0] = span_of(text.ptr, begin);
	parts[1] = span_from(text, end);
}
