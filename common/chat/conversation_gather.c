/*
 * common/chat/conversation_gather.c - see conversation_gather.h.
 */
#include "common/chat/conversation_gather.h"

#include "common/base/mem.h"

/* A tool call in the making. */
struct gather_call {
	int64_t index;
	struct buf id, name, arguments;
};

void gather_init(struct gather *g, size_t max)
{
	*g = (struct gather){ .max = max };
	buf_init(&g->text, max);
	buf_init(&g->refusal, max);
	buf_init(&g->calls, max);
	buf_init(&g->images, max);
	buf_init(&g->content, max);
}

void gather_free(struct gather *g)
{
	for (size_t i = 0; i < g->fragment_count; i++) {
		buf_free(&g->fragments[i].id);
		buf_free(&g->fragments[i].name);
		buf_free(&g->fragments[i].arguments);
	}
	mem_free(g->fragments);
	g->fragments = NULL;
	g->fragment_count = 0;
	buf_free(&g->text);
	buf_free(&g->refusal);
	buf_free(&g->calls);
	buf_free(&g->images);
	buf_free(&g->content);
}

static void add_text(struct gather *g, struct buf *out, struct jvalue v)
{
	struct span plain = jvalue_plain(v);

	if (v.type != J_STRING)
		return;
	if ((plain.ptr ? buf_add_span(out, plain) : jvalue_unescape(v, out)) < 0)
		g->overflowed = true;
}

static void add_images(struct gather *g, struct jvalue list)
{
	struct jwalk w;

	if (list.type != J_ARRAY)
		return;
	for (w = jwalk_start(list); jwalk_next(&w);) {
		size_t before = g->images.len;

		if (before)
			buf_add_char(&g->images, ',');
		if (buf_add_span(&g->images, w.value.text) < 0) {
			buf_truncate(&g->images, before); /* whole ones only */
			g->overflowed = true;
			return;
		}
	}
}

/*
 * The call that a fragment belongs to: by index; some leave that out, and then a name begins the
 * next.
 */
static struct gather_call *find_call(struct gather *g, struct jvalue index, bool begins)
{
	int64_t i = -1;

	if (index.type == J_NUMBER)
		(void)jvalue_int(index, 0, INT32_MAX, &i);
	for (size_t k = 0; i >= 0 && k < g->fragment_count; k++)
		if (g->fragments[k].index == i)
			return &g->fragments[k];
	if (i < 0 && !begins && g->fragment_count)
		return &g->fragments[g->fragment_count - 1];
	if (g->fragment_count == GATHER_CALLS_MAX) {
		g->overflowed = true;
		return NULL;
	}
	if (!g->fragments)
		g->fragments = mem_calloc(GATHER_CALLS_MAX, sizeof *g->fragments);
	g->fragments[g->fragment_count].index = i;
	buf_init(&g->fragments[g->fragment_count].id, 1 * KIB);
	buf_init(&g->fragments[g->fragment_count].name, 1 * KIB);
	buf_init(&g->fragments[g->fragment_count].arguments, g->max);
	return &g->fragments[g->fragment_count++];
}

static void add_fragments(struct gather *g, struct jvalue list)
{
	static const struct span names[] = { SPAN_INIT("index"), SPAN_INIT("id"), SPAN_INIT("function") };
	struct jvalue v[ARRAY_LEN(names)];
	struct jwalk w;

	if (list.type != J_ARRAY)
		return;
	for (w = jwalk_start(list); jwalk_next(&w);) {
		struct jvalue name, arguments;
		struct gather_call *call;

		if (w.value.type != J_OBJECT)
			continue;
		jwalk_members(w.value, names, v, ARRAY_LEN(names));
		name = jwalk_get(v[2], "name");
		arguments = jwalk_get(v[2], "arguments");
		call = find_call(g, v[0], name.type == J_STRING && name.text.len > 2);
		if (!call)
			return;
		/* Told once, but for servers that say them in every fragment. */
		if (!call->id.len)
			add_text(g, &call->id, v[1]);
		if (!call->name.len)
			add_text(g, &call->name, name);
		add_text(g, &call->arguments, arguments);
	}
}

/* What is read of a choice; the last is its "message", or "delta" in a stream. */
enum { CHOICE_INDEX, CHOICE_FINISH, CHOICE_SAID, CHOICE_COUNT };

/* The first choice, of index 0 or without one. */
static bool find_choice(struct jvalue choices, struct span said, struct jvalue v[CHOICE_COUNT])
{
	const struct span names[CHOICE_COUNT] = { SPAN_LIT("index"), SPAN_LIT("finish_reason"), said };
	struct jwalk w;

	if (choices.type != J_ARRAY)
		return false;
	for (w = jwalk_start(choices); jwalk_next_members(&w, names, v, CHOICE_COUNT);) {
		int64_t i = 0;

		if (w.value.type != J_OBJECT)
			return false;
		if (v[CHOICE_INDEX].type != J_NUMBER ||
		    (jvalue_int(v[CHOICE_INDEX], 0, INT32_MAX, &i) == 0 && i == 0))
			return true;
	}
	return false;
}

static void take_finish(struct gather *g, struct jvalue reason)
{
	struct span plain = jvalue_plain(reason);

	if (!plain.len || plain.len >= sizeof g->finish_reason)
		return;
	memcpy(g->finish_reason, plain.ptr, plain.len);
	g->finish_reason[plain.len] = '\0';
}

void gather_frame(struct gather *g, struct span data)
{
	static const struct span names[] = { SPAN_INIT("content"), SPAN_INIT("refusal"), SPAN_INIT("tool_calls"), SPAN_INIT("images") };
	struct jvalue v[ARRAY_LEN(names)], choice[CHOICE_COUNT];

	if (!find_choice(jscan_member(data, "choices"), SPAN_LIT("delta"), choice))
		return;
	take_finish(g, choice[CHOICE_FINISH]);
	if (choice[CHOICE_SAID].type != J_OBJECT)
		return;
	jwalk_members(choice[CHOICE_SAID], names, v, ARRAY_LEN(names));
	g->has_text |= v[0].type == J_STRING;
	add_text(g, &g->text, v[0]);
	add_text(g, &g->refusal, v[1]);
	add_fragments(g, v[2]);
	add_images(g, v[3]);
}

static void take_parts(struct gather *g, struct jvalue parts)
{
	struct jwalk w;

	if (buf_add_span(&g->content, parts.text) < 0)
		g->overflowed = true;
	for (w = jwalk_start(parts); jwalk_next(&w);)
		if (w.value.type == J_OBJECT)
			add_text(g, &g->text, jwalk_get(w.value, "text"));
}

void gather_answer(struct gather *g, struct jvalue choices)
{
	static const struct span names[] = { SPAN_INIT("content"), SPAN_INIT("refusal"), SPAN_INIT("tool_calls"), SPAN_INIT("images") };
	struct jvalue v[ARRAY_LEN(names)], choice[CHOICE_COUNT];

	if (!find_choice(choices, SPAN_LIT("message"), choice))
		return;
	take_finish(g, choice[CHOICE_FINISH]);
	if (choice[CHOICE_SAID].type != J_OBJECT)
		return;
	jwalk_members(choice[CHOICE_SAID], names, v, ARRAY_LEN(names));
	g->has_text |= v[0].type == J_STRING || v[0].type == J_ARRAY;
	if (v[0].type == J_ARRAY)
		take_parts(g, v[0]);
	add_text(g, &g->text, v[0]);
	add_text(g, &g->refusal, v[1]);
	if (v[2].type == J_ARRAY && jwalk_count(v[2]) > 0 && buf_add_span(&g->calls, v[2].text) < 0)
		g->overflowed = true;
	add_images(g, v[3]);
}

static void write_calls(const struct gather *g, struct buf *out)
{
	buf_add_str(out, ",\"tool_calls\":");
	if (g->calls.len) {
		buf_add_span(out, buf_span(&g->calls));
		return;
	}
	for (size_t i = 0; i < g->fragment_count; i++) {
		const struct gather_call *c = &g->fragments[i];

		buf_add_str(out, i ? ",{\"id\":" : "[{\"id\":");
		jtext_string(out, buf_span(&c->id));
		buf_add_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
		jtext_string(out, buf_span(&c->name));
		buf_add_str(out, ",\"arguments\":");
		jtext_string(out, buf_span(&c->arguments));
		buf_add_str(out, "}}");
	}
	buf_add_char(out, ']');
}

bool gather_write_body(const struct gather *g, struct buf *out)
{
	bool has_calls = g->calls.len || g->fragment_count;

	if (!has_calls && !g->refusal.len && !g->content.len)
		return false;
	buf_add_str(out, "{\"role\":\"assistant\",\"content\":");
	if (g->content.len)
		buf_add_span(out, buf_span(&g->content));
	else if (g->text.len || (g->has_text && !has_calls))
		jtext_string(out, buf_span(&g->text));
	else
		buf_add_str(out, "null");
	if (g->refusal.len) {
		buf_add_str(out, ",\"refusal\":");
		jtext_string(out, buf_span(&g->refusal));
	}
	if (has_calls)
		write_calls(g, out);
	buf_add_char(out, '}');
	return true;
}

bool gather_write_images(const struct gather *g, struct buf *out)
{
	if (!g->images.len)
		return false;
	buf_add_char(out, '[');
	buf_add_span(out, buf_span(&g->images));
	buf_add_char(out, ']');
	return true;
}
