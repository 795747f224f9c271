/* common/upstream/builtin_fill.c - values that satisfy a JSON schema, with quotations where it
 * wants text.
 */
#include "common/upstream/builtin_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <string.h>

enum { DEPTH_MAX = 16, VALUES_MAX = 2000, ITEMS_MAX = 16, NAME_TEXT_MAX = 512, REF_MAX = 1024 };

/*
 * A schema refers to itself and names what it requires in lists, and each text is searched for;
 * so its cost is counted: bytes looked at, of which one that is searched counts for many.  Some
 * tenths of a second.
 */
static const size_t work_max = 128 * MIB;
enum { SEARCH_WEIGHT = 32 };

static int fill(struct filler *f, struct jvalue schema, struct span name, int depth,
		struct buf *out);

/* False when so many bytes are too many; then nothing more is filled in. */
static bool afford(struct filler *f, size_t bytes)
{
	if (bytes >= f->work)
		f->work = f->budget = 0;
	else
		f->work -= bytes;
	return f->work > 0;
}

/* Local references only: "#/$defs/x", "#". */
static struct jvalue resolve(struct filler *f, struct jvalue schema)
{
	for (int hops = 0; hops < 8; hops++) {
		struct jvalue ref = jwalk_get(schema, "$ref");
		struct span path = jvalue_plain(ref), step;

		if (!path.ptr || path.len > REF_MAX || !span_starts(path, "#"))
			break;
		schema = f->root;
		path = span_from(path, 1);
		span_cut(&path, '/');
		while (path.ptr) {
			char key[128];

			step = span_cut(&path, '/');
			if (step.len >= sizeof(key))
				return (struct jvalue){ .type = J_NONE };
			if (!afford(f, schema.text.len))
				return (struct jvalue){ .type = J_NONE };
			memcpy(key, step.ptr, step.len);
			key[step.len] = '\0';
			schema = jwalk_get(schema, key);
		}
	}
	return schema;
}

/* The first alternative that is not null, if the schema is a choice. */
static struct jvalue narrow(struct filler *f, struct jvalue schema)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf" };

	if (!afford(f, schema.text.len))
		return (struct jvalue){ .type = J_NONE };
	schema = resolve(f, schema);
	for (size_t i = 0; i < ARRAY_LEN(choices); i++) {
		struct jvalue list = jwalk_get(schema, choices[i]);
		struct jwalk w;

		if (list.type != J_ARRAY)
			continue;
		w = jwalk_start(list);
		while (jwalk_next(&w)) {
			struct jvalue option = resolve(f, w.value);

			if (!jvalue_is(jwalk_get(option, "type"), "null"))
				return option;
		}
	}
	return schema;
}

enum kind { KIND_STRING, KIND_OBJECT, KIND_ARRAY, KIND_NUMBER, KIND_BOOLEAN, KIND_NULL };

static const struct {
	const char *name;
	enum kind kind;
} kinds[] = {
	{ "string", KIND_STRING },   { "object", KIND_OBJECT },	  { "array", KIND_ARRAY },
	{ "integer", KIND_NUMBER },  { "number", KIND_NUMBER },	  { "boolean", KIND_BOOLEAN },
	{ "null", KIND_NULL },
};

static enum kind kind_of(struct jvalue schema)
{
	struct jvalue type = jwalk_get(schema, "type");

	if (type.type == J_ARRAY) {
		struct jwalk w = jwalk_start(type);

		while (jwalk_next(&w)) {
			type = w.value;
			if (!jvalue_is(type, "null"))
				break;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (jvalue_is(type, kinds[i].name))
			return kinds[i].kind;
	if (jwalk_get(schema, "properties").type == J_OBJECT)
		return KIND_OBJECT;
	return jwalk_get(schema, "items").type == J_OBJECT ? KIND_ARRAY : KIND_STRING;
}

static bool name_is_one_of(struct span name, const char *const *names, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (span_is_nocase(name, names[i]))
			return true;
	return false;
}

static bool is_answer_name(struct span name)
{
	static const char *const names[] = { "answer", "text", "summary", "content", "result",
					     "output", "response", "message", "reply", "antwort",
					     "zusammenfassung" };

	return name_is_one_of(name, names, ARRAY_LEN(names));
}

/* The best sentence for a property: its name and description are the question. */
static struct span look_up(struct filler *f, struct jvalue schema, struct span name)
{
	struct extract_source sources[16];
	struct extract_request request = { .sources = sources, .quotes_max = 1 };
	struct extract_quote quote;
	struct buf question;
	size_t found, cost = 0;

	for (size_t i = 0; i < f->ask->passage_count && i < ARRAY_LEN(sources); i++) {
		sources[request.source_count++] = (struct extract_source){ f->ask->passages[i].text,
									   f->ask->passages[i].prior };
		cost += SEARCH_WEIGHT * f->ask->passages[i].text.len;
	}
	/* Without it the field stays empty; what costs less goes on. */
	if (cost > f->work / 2)
		return SPAN_NONE;
	f->work -= cost;
	buf_init(&question, NAME_TEXT_MAX);
	buf_add_span(&question, name);
	buf_add_char(&question, ' ');
	jvalue_unescape(jwalk_get(schema, "description"), &question);
	request.question = buf_span(&question);
	found = extract_quotes(&request, &quote);
	buf_free(&question);
	return found > 0 ? quote.text : SPAN_NONE;
}

static struct span text_for(struct filler *f, struct jvalue schema, struct span name)
{
	static const char *const sources[] = { "source", "citation", "reference", "file", "quelle",
					       "document", "url", "location", "title", "heading",
					       "titel" };
	static const char *const quotes[] = { "quote", "text", "excerpt", "passage", "evidence",
					      "sentence", "zitat", "snippet" };
	static const char *const asked[] = { "question", "query", "frage" };
	const struct cited *quote = f->current < f->quote_count ? &f->quotes[f->current] : NULL;

	if (!f->answer.ptr || name_is_one_of(name, asked, ARRAY_LEN(asked)))
		return f->ask->question;
	if (!f->answered && (!f->main_name.ptr || span_equal(name, f->main_name))) {
		f->answered = true;
		return f->answer;
	}
	if (name_is_one_of(name, sources, ARRAY_LEN(sources)))
		return quote ? quote->label : SPAN_NONE;
	if (name_is_one_of(name, quotes, ARRAY_LEN(quotes)))
		return quote ? quote->text : SPAN_NONE;
	return look_up(f, schema, name);
}

static int fill_string(struct filler *f, struct jvalue schema, struct span name, struct buf *out)
{
	struct span text = text_for(f, schema, name);
	int64_t max;

	/* In bytes, which are never fewer than characters. */
	if (jvalue_int(jwalk_get(schema, "maxLength"), 0, INT32_MAX, &max) == 0 &&
	    text.len > (size_t)max)
		text.len = utf8_whole(span_of(text.ptr, (size_t)max));
	return jtext_string(out, text);
}

/* One of the listed values: one that the question or the answer names, else the first. */
static int fill_enum(const struct filler *f, struct jvalue list, struct buf *out)
{
	struct jwalk w = jwalk_start(list);
	struct span first = SPAN_NONE;

	while (jwalk_next(&w)) {
		struct span word = jvalue_plain(w.value);

		if (!first.ptr)
			first = w.value.text;
		if (word.len > 0 && (span_find(f->ask->question, word) >= 0 ||
				     span_find(f->answer, word) >= 0))
			return buf_add_span(out, w.value.text);
	}
	return buf_add_span(out, first.ptr ? first : SPAN_LIT("null"));
}

static int fill_number(struct filler *f, struct jvalue schema, struct buf *out)
{
	struct jvalue least = jwalk_get(schema, "minimum");
	struct jvalue above = jwalk_get(schema, "exclusiveMinimum");
	struct jvalue most = jwalk_get(schema, "maximum");
	double number;
	int64_t whole;

	f->invented = true;
	if (jvalue_double(least, &number) == 0 && number > 0)
		return buf_add_span(out, least.text);
	if (jvalue_int(above, 0, INT32_MAX, &whole) == 0)
		return buf_add_int(out, whole + 1);
	if (jvalue_double(most, &number) == 0 && number < 0)
		return buf_add_span(out, most.text);
	return buf_add_char(out, '0');
}

static int fill_array(struct filler *f, struct jvalue schema, struct span name, int depth,
		      struct buf *out)
{
	struct jvalue items = jwalk_get(schema, "items");
	size_t count = f->answer.ptr ? f->quote_count : 0, outer = f->current;
	int64_t least = 0, most = ITEMS_MAX;

	jvalue_int(jwalk_get(schema, "minItems"), 0, ITEMS_MAX, &least);
	jvalue_int(jwalk_get(schema, "maxItems"), 0, ITEMS_MAX, &most);
	if (kind_of(narrow(f, items)) != KIND_STRING && kind_of(narrow(f, items)) != KIND_OBJECT)
		count = 0;
	if (count > (size_t)most)
		count = (size_t)most;
	if (count < (size_t)least)
		count = (size_t)least;
	buf_add_char(out, '[');
	for (size_t i = 0; i < count && f->budget > 0; i++) {
		f->current = i;
		if (i > 0)
			buf_add_char(out, ',');
		/* Plain lists of texts are lists of quotations, whatever they are called. */
		if (kind_of(narrow(f, items)) == KIND_STRING && f->answer.ptr &&
		    jwalk_get(narrow(f, items), "enum").type != J_ARRAY)
			jtext_string(out, i < f->quote_count ? f->quotes[i].text : SPAN_NONE);
		else
			fill(f, items, name, depth + 1, out);
	}
	f->current = outer;
	return buf_add_char(out, ']');
}

static bool is_required(struct filler *f, struct jvalue required, struct span key)
{
	struct jwalk w;

	if (required.type != J_ARRAY || !afford(f, required.text.len))
		return false;
	w = jwalk_start(required);
	while (jwalk_next(&w))
		if (span_equal(jvalue_plain(w.value), key))
			return true;
	return false;
}

/* The required properties; without such a list those that are texts. */
static int fill_object(struct filler *f, struct jvalue schema, int depth, struct buf *out)
{
	struct jvalue properties = jwalk_get(schema, "properties");
	struct jvalue required = jwalk_get(schema, "required");
	bool listed = required.type == J_ARRAY && jwalk_count(required) > 0, first = true;
	struct jwalk w;

	buf_add_char(out, '{');
	if (properties.type == J_OBJECT && f->budget > 0) {
		w = jwalk_start(properties);
		while (jwalk_next(&w)) {
			if (listed ? !is_required(f, required, w.key) :
				     kind_of(narrow(f, w.value)) != KIND_STRING)
				continue;
			if (!first)
				buf_add_char(out, ',');
			first = false;
			buf_add_char(out, '"');
			buf_add_span(out, w.key);
			buf_add_str(out, "\":");
			fill(f, w.value, w.key, depth + 1, out);
		}
	}
	return buf_add_char(out, '}');
}

static int fill(struct filler *f, struct jvalue schema, struct span name, int depth,
		struct buf *out)
{
	struct jvalue fixed, list;

	schema = narrow(f, schema);
	if (depth > DEPTH_MAX || f->budget == 0)
		return buf_add_str(out, "null");
	f->budget--;
	fixed = jwalk_get(schema, "const");
	list = jwalk_get(schema, "enum");
	if (fixed.type != J_NONE)
		return buf_add_span(out, fixed.text);
	if (list.type == J_ARRAY)
		return fill_enum(f, list, out);
	switch (kind_of(schema)) {
	case KIND_STRING:
		return fill_string(f, schema, name, out);
	case KIND_OBJECT:
		return fill_object(f, schema, depth, out);
	case KIND_ARRAY:
		return fill_array(f, schema, name, depth, out);
	case KIND_NUMBER:
		return fill_number(f, schema, out);
	case KIND_BOOLEAN:
		f->invented = true;
		return buf_add_str(out, "false");
	case KIND_NULL:
		break;
	}
	return buf_add_str(out, "null");
}

/* The property that should hold the answer: by its name; ptr NULL: the first text there is. */
static struct span main_name_of(struct filler *f, struct jvalue schema)
{
	struct jvalue properties = jwalk_get(narrow(f, schema), "properties");
	struct jwalk w;

	if (properties.type != J_OBJECT)
		return SPAN_NONE;
	w = jwalk_start(properties);
	while (jwalk_next(&w))
		if (is_answer_name(w.key) && kind_of(narrow(f, w.value)) == KIND_STRING)
			return w.key;
	return SPAN_NONE;
}

int builtin_fill(struct filler *f, struct jvalue schema, struct buf *out)
{
	f->root = schema;
	f->budget = VALUES_MAX;
	f->work = work_max;
	f->current = 0;
	f->answered = f->invented = false;
	f->main_name = main_name_of(f, schema);
	return fill(f, schema, SPAN_NONE, 0, out);
}

bool builtin_fill_is_textual(struct jvalue schema)
{
	struct jvalue properties = jwalk_get(schema, "properties");
	struct jvalue required = jwalk_get(schema, "required");
	struct filler f = { .work = work_max };
	struct jwalk w;

	if (required.type != J_ARRAY || properties.type != J_OBJECT)
		return true;
	w = jwalk_start(properties);
	while (jwalk_next(&w))
		if (is_required(&f, required, w.key) && kind_of(w.value) != KIND_STRING)
			return false;
	return f.work > 0;
}
