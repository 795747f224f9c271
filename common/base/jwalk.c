/*
 * common/base/jwalk.c - walks JSON that jscan.c has validated: members and elements.
 *
 * Nothing is checked twice.  The ends of the text are respected all the same, and what cannot be
 * in a valid text is an assertion, not a read out of bounds.
 */
#include "common/base/jscan.h"

#include <assert.h>

#include "common/base/jbytes.h"

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

/* p: after the opening quote.  The quote that closes it, when it has no escapes and one step; else NULL. */
static inline const char *find_short_end(const char *p, const char *end)
{
	if (end - p <= JBYTES_STEP)
		return NULL;
	p += jbytes_first_quote(p);
	return *p == '"' ? p : NULL;
}

/* p: after the opening quote. */
static inline const char *find_string_end(const char *p, const char *end)
{
	const char *quote = find_short_end(p, end);

	return quote ? quote : find_string_end_on(p, end);
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
	const char *quote = find_short_end(p + 1, end);

	if (quote)
		return quote + 1;
	const char *known = map && end - p >= JMAP_LONG ? find_in_map(map, p) : NULL;
	return known ? known : find_string_end_on(p + 1, end) + 1;
}

/* p: at a number.  Behind its digits comes, in a valid text, more of it or none of these. */
static inline const char *skip_number(const char *p, const char *end)
{
	if (end - p > JBYTES_STEP)
		p += jbytes_first_no_digit(p);
	while (p < end && ((*p >= '-' && *p <= '9') || *p == '+' || (*p | 0x20) == 'e'))
		p++;
	return p;
}

static inline const char *skip_value(const char *p, const char *end, const struct jmap *map)
{
	if (*p == '"')
		return skip_string(p, end, map);
	if ((*p | 0x20) == '{')
		return skip_container(p, end, map);
	if (jbytes_type(*p) == J_NUMBER)
		return skip_number(p, end);
	return p + (*p == 'f' ? 5 : 4);
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

/* The index of the name that begins at p, count when it is another; *name becomes what is in its quotes. */
static inline size_t find_name(const char *p, const char *end, const struct span *names, size_t count,
			       struct span *name)
{
	const char *quote = find_short_end(p, end);
	bool may_escape = !quote;

	if (!quote)
		quote = find_string_end_on(p, end);
	*name = span_of(p, (size_t)(quote - p));
	return jkey_find(*name, may_escape && memchr(name->ptr, '\\', name->len), names, count);
}

/*
 * The members of the object that begins at p; returns what follows it.  end: of what it lies in.
 * contested: NULL when nobody asks.
 */
static const char *read_members(const char *p, const char *end, const struct jmap *map,
				const struct span *names, struct jvalue *out, size_t count, size_t *contested)
{
	struct span name;

	for (p = skip_space(p + 1); *p != '}'; p = skip_space(p)) {
		if (*p == ',')
			p = skip_space(p + 1);
		assert(p < end && *p == '"');
		size_t i = find_name(p + 1, end, names, count, &name);
		p = skip_space(name.ptr + name.len + 1);
		assert(p < end && *p == ':');
		const char *const value = skip_space(p + 1);
		p = skip_value(value, end, map);
		if ((i == count || out[i].type != J_NONE) && contested)
			jkey_contest(name, i, names, count, contested);
		if (i == count)
			continue;
		out[i].type = jbytes_type(*value);
		out[i].text = span_of(value, (size_t)(p - value));
		out[i].map = map;
	}
	return p + 1;
}

bool jwalk_next_members(struct jwalk *w, const struct span *names, struct jvalue *out, size_t count)
{
	const char *p = next_value(w);

	jbytes_forget(out, count);
	w->contested = count;
	if (!p)
		return false;
	take_value(w, p,
		   *p == '{' ? read_members(p, w->end, w->map, names, out, count, &w->contested) :
			       skip_value(p, w->end, w->map));
	return true;
}

static void walk_members(struct jvalue object, const struct span *names, struct jvalue *out, size_t count,
			 size_t *contested)
{
	const struct span text = object.text;

	jbytes_forget(out, count);
	if (object.type == J_OBJECT)
		read_members(text.ptr, text.ptr + text.len, object.map, names, out, count, contested);
}

void jwalk_members(struct jvalue object, const struct span *names, struct jvalue *out, size_t count)
{
	walk_members(object, names, out, count, NULL);
}

size_t jwalk_members_once(struct jvalue object, const struct span *names, struct jvalue *out, size_t count)
{
	size_t contested = count;

	walk_members(object, names, out, count, &contested);
	return contested;
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
