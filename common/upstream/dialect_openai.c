/*
 * common/upstream/dialect_openai.c - OpenAI's wire, which the built-in models speak too.
 *
 * Requests are spliced, never written anew; answers and frames are scanned for what must be known.
 */
#include "common/upstream/dialect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/upstream/chunks.h"
#include "common/upstream/rerank.h"
#include "common/upstream/routing.h"

void outgoing_applied(struct outgoing *out, struct arena *arena, const char *what)
{
	const struct span comma = out->applied.len ? SPAN_LIT(", ") : SPAN_NONE;
	const struct span parts[] = { out->applied, comma, span_str(what) };
	struct span all = arena_join(arena, parts, ARRAY_LEN(parts));

	if (all.ptr)
		out->applied = all;
}

struct span dialect_quoted(struct arena *arena, const char *text)
{
	struct buf b;
	struct span s;

	buf_init(&b, 64 * KIB);
	jtext_string(&b, span_str(text));
	s = arena_span(arena, buf_span(&b));
	buf_free(&b);
	return s;
}

static int full(struct err *err)
{
	return err_set(err, E_internal_error, "", "the request needs more changes than there is room for");
}

/* The key of a top-level member, without its quotes. */
static struct span find_key(struct jvalue root, const char *name)
{
	struct jwalk w;
	struct span key = SPAN_NONE;

	for (w = jwalk_start(root); jwalk_next(&w);)
		if (jkey_is(w.key, name))
			key = w.key;
	return key;
}

static bool is_number(struct jvalue v)
{
	return v.type == J_NUMBER;
}

/* The number in place of what is there. */
static int put_limit(struct jvalue place, int64_t limit, struct jsplice *s, struct arena *arena)
{
	return jsplice_replace(s, place.text, span_str(arena_printf(arena, "%" PRId64, limit)));
}

static void applied_limit(struct outgoing *out, struct arena *arena, const char *what, int64_t limit)
{
	char text[64];

	snprintf(text, sizeof text, "%s=%" PRId64, what, limit);
	outgoing_applied(out, arena, text);
}

/* A limit below the model's floor is raised; reasoning models would answer nothing. */
static int raise_limit(const struct chat_wish *w, struct jsplice *s, struct arena *arena,
		       struct outgoing *out)
{
	const struct jvalue limits[] = { w->max_tokens, w->max_completion_tokens };
	bool is_raised = false;
	int64_t value;

	for (size_t i = 0; w->floor && i < ARRAY_LEN(limits); i++) {
		if (!is_number(limits[i]) || jvalue_int(limits[i], 1, INT64_MAX, &value) < 0 ||
		    value >= w->floor)
			continue;
		is_raised = true;
		if (put_limit(limits[i], w->floor, s, arena) < 0)
			return -1;
	}
	if (is_raised)
		applied_limit(out, arena, "max_tokens_floored", w->floor);
	return 0;
}

/* Where the client named none and may not have any. */
static int set_limit(const struct chat_wish *w, const struct target *t, struct jsplice *s, struct arena *arena,
		     struct outgoing *out)
{
	bool is_new = t->backend->provider->quirks & QUIRK_MAX_COMPLETION_TOKENS;
	struct jvalue place = is_new ? w->max_completion_tokens : w->max_tokens;
	const char *member;

	if (!w->limit)
		return 0;
	applied_limit(out, arena, "max_tokens_set", w->limit);
	if (place.type == J_NULL)
		return put_limit(place, w->limit, s, arena);
	member = arena_printf(arena, "\"%s\":%" PRId64, is_new ? "max_completion_tokens" : "max_tokens",
			      w->limit);
	return jsplice_add_member(s, w->root, span_str(member));
}

static int rename_limit(const struct chat_wish *w, const struct target *t, struct jsplice *s,
			struct arena *arena, struct outgoing *out)
{
	if (!(t->backend->provider->quirks & QUIRK_MAX_COMPLETION_TOKENS) || !is_number(w->max_tokens) ||
	    is_number(w->max_completion_tokens))
		return 0;
	outgoing_applied(out, arena, "max_tokens_renamed=max_completion_tokens");
	return jsplice_replace(s, find_key(w->root, "max_tokens"), SPAN_LIT("max_completion_tokens"));
}

/* Usage is always wanted by the gateway; whether the client sees it is decided on the way back. */
static int ask_for_usage(const struct chat_wish *w, const struct target *t, struct jsplice *s)
{
	if (!w->streams || (t->backend->provider->quirks & QUIRK_NO_STREAM_OPTIONS))
		return 0;
	if (w->stream_options.type == J_NONE)
		return jsplice_add_member(s, w->root,
					  SPAN_LIT("\"stream_options\":{\"include_usage\":true}"));
	if (w->stream_options.type == J_NULL)
		return jsplice_replace(s, w->stream_options.text, SPAN_LIT("{\"include_usage\":true}"));
	if (w->include_usage.type == J_NONE)
		return jsplice_add_member(s, w->stream_options, SPAN_LIT("\"include_usage\":true"));
	if (w->include_usage.type != J_TRUE)
		return jsplice_replace(s, w->include_usage.text, SPAN_LIT("true"));
	return 0;
}

/* There is at least one message after them. */
static int add_front(const struct chat_wish *w, struct jsplice *s)
{
	const struct span start = span_of(w->messages.text.ptr + 1, 0);

	if (!w->front.len)
		return 0;
	if (jsplice_replace(s, start, w->front) < 0)
		return -1;
	return jsplice_replace(s, start, SPAN_LIT(","));
}

static int rename_model(struct jvalue model, const struct target *t, struct jsplice *s,
			struct arena *arena)
{
	if (jvalue_is(model, t->model))
		return 0;
	return jsplice_replace(s, model.text, dialect_quoted(arena, t->model));
}

static int finish(struct jsplice *s, struct arena *arena, struct outgoing *out, struct err *err)
{
	struct span parts[OUTGOING_PARTS_MAX], *kept;

	out->part_count = jsplice_parts(s, parts, ARRAY_LEN(parts), &out->length);
	out->parts = kept = arena_alloc(arena, out->part_count * sizeof *parts + 1);
	if (!kept)
		return full(err);
	memcpy(kept, parts, out->part_count * sizeof *parts);
	return 0;
}

static int openai_chat(const struct chat_wish *w, const struct target *t, struct arena *arena,
		       struct outgoing *out, struct err *err)
{
	struct jsplice s;

	out->path = "/chat/completions";
	out->applied = SPAN_NONE;
	jsplice_init(&s, w->body);
	if (rename_model(w->model, t, &s, arena) < 0 || add_front(w, &s) < 0 ||
	    raise_limit(w, &s, arena, out) < 0 || set_limit(w, t, &s, arena, out) < 0 ||
	    rename_limit(w, t, &s, arena, out) < 0 || ask_for_usage(w, t, &s) < 0 || arena_failed(arena))
		return full(err);
	return finish(&s, arena, out, err);
}

static int openai_embed(const struct embed_wish *w, const struct target *t, struct arena *arena,
			struct outgoing *out, struct err *err)
{
	struct jsplice s;
	int result;

	out->path = "/embeddings";
	out->applied = SPAN_NONE;
	jsplice_init(&s, w->body);
	result = rename_model(w->model, t, &s, arena);
	if (w->encoding_format.type == J_NONE)
		result |= jsplice_add_member(&s, w->root, SPAN_LIT("\"encoding_format\":\"float\""));
	else if (w->encoding_format.type == J_NULL)
		result |= jsplice_replace(&s, w->encoding_format.text, SPAN_LIT("\"float\""));
	return result < 0 || arena_failed(arena) ? full(err) : finish(&s, arena, out, err);
}

/* Anything in a delta beyond the role: text, a tool call, a refusal, reasoning, audio ... */
static bool has_content(struct jvalue delta)
{
	struct jwalk w;

	for (w = jwalk_start(delta); jwalk_next(&w);) {
		struct jvalue v = w.value;

		if (jkey_is(w.key, "role") || v.type == J_NULL)
			continue;
		if ((v.type == J_STRING && v.text.len > 2) || v.type == J_NUMBER || v.type == J_TRUE ||
		    ((v.type == J_ARRAY || v.type == J_OBJECT) && jwalk_count(v) > 0))
			return true;
	}
	return false;
}

static uint64_t choice_bit(struct jvalue index)
{
	int64_t i = 0;

	if (index.type == J_NUMBER && jvalue_int(index, 0, 63, &i) < 0)
		return 0;
	return UINT64_C(1) << i;
}

static void read_choices(struct jvalue choices, struct frame *f)
{
	static const struct span names[] = { SPAN_INIT("delta"), SPAN_INIT("finish_reason"), SPAN_INIT("index") };
	struct jvalue v[ARRAY_LEN(names)];
	struct jwalk w;
	size_t count = 0;

	for (w = jwalk_start(choices); jwalk_next_members(&w, names, v, ARRAY_LEN(names)); count++) {
		if (w.value.type != J_OBJECT)
			continue;
		f->seen |= choice_bit(v[2]);
		if (v[1].type == J_STRING && v[1].text.len > 2) { /* some say "" for null */
			f->finishes = true;
			f->finished |= choice_bit(v[2]);
			f->kind = FRAME_CONTENT;
		}
		if (v[0].type == J_OBJECT && f->kind != FRAME_CONTENT && has_content(v[0]))
			f->kind = FRAME_CONTENT;
	}
	if (count == 0 && f->usage.type == J_OBJECT)
		f->kind = FRAME_USAGE;
}

static void openai_frame(struct span data, struct frame *f)
{
	static const struct span names[] = { SPAN_INIT("choices"), SPAN_INIT("usage"), SPAN_INIT("error"), SPAN_INIT("object") };
	struct jvalue v[ARRAY_LEN(names)];

	memset(f, 0, sizeof *f);
	if (data.len == 0) /* a field without a value is no frame */
		return;
	if (span_starts(data, "[DONE]")) {
		f->kind = FRAME_DONE;
		return;
	}
	f->kind = FRAME_BROKEN;
	if (jscan_members(data, NULL, names, v, ARRAY_LEN(names), NULL) < 0)
		return;
	f->root = (struct jvalue){ .type = J_OBJECT, .text = span_trim(data) };
	if (f->root.text.len == 0 || f->root.text.ptr[0] != '{')
		return;
	f->usage = v[1];
	if (v[2].type == J_OBJECT || v[2].type == J_STRING || jvalue_is(v[3], "error")) {
		f->kind = FRAME_ERROR;
		return;
	}
	if (v[0].type != J_ARRAY && v[0].type != J_NULL && v[0].type != J_NONE)
		return;
	/* An object without choices says nothing to us: pings, notices, what is yet to come. */
	f->kind = v[1].type == J_OBJECT ? FRAME_USAGE : FRAME_PRELUDE;
	if (v[0].type == J_ARRAY) {
		f->kind = FRAME_PRELUDE;
		f->choices = v[0];
		read_choices(v[0], f);
	}
}

/* What a frame's list of gaps has room for; deeper in a delta stands nothing that changes. */
struct gap_list {
	struct span *gaps;
	size_t count, max;
};
enum { DELTA_DEPTH = 5 };

static void add_gap(struct gap_list *list, struct jvalue v)
{
	if ((v.type == J_STRING || v.type == J_NUMBER) && list->count < list->max)
		list->gaps[list->count++] = v.text;
}

/* Text, a piece of a tool call's arguments. */
static void add_delta_gaps(struct gap_list *list, struct jvalue delta, int depth) /* NOLINT(misc-no-recursion) */
{
	for (struct jwalk w = jwalk_start(delta); jwalk_next(&w);)
		if (w.value.type == J_STRING)
			add_gap(list, w.value);
		else if (depth < DELTA_DEPTH)
			add_delta_gaps(list, w.value, depth + 1);
}

static void add_choice_gaps(struct gap_list *list, struct jvalue choices)
{
	for (struct jwalk c = jwalk_start(choices); jwalk_next(&c);)
		for (struct jwalk w = jwalk_start(c.value); jwalk_next(&w);)
			if (jkey_is(w.key, "delta"))
				add_delta_gaps(list, w.value, 0);
}

/*
 * At the top padding and the like: anything but what openai_frame looks at, and what stays the same
 * for long and is quicker to compare than to skip.
 */
static size_t openai_gaps(const struct frame *f, struct span *gaps, size_t max)
{
	static const char *const fixed[] = { "usage", "error", "object", "id", "created",
					     "model", "system_fingerprint", "service_tier" };
	struct gap_list list = { gaps, 0, max };

	for (struct jwalk w = jwalk_start(f->root); jwalk_next(&w);) {
		bool is_fixed = false;

		for (size_t i = 0; i < ARRAY_LEN(fixed); i++)
			is_fixed |= jkey_is(w.key, fixed[i]);
		if (jkey_is(w.key, "choices"))
			add_choice_gaps(&list, w.value);
		else if (!is_fixed)
			add_gap(&list, w.value);
	}
	return list.count;
}

static void read_count(struct jvalue v, int64_t *out)
{
	int64_t value;

	if (v.type == J_NUMBER && jvalue_int(v, 0, INT64_MAX / 4, &value) == 0)
		*out = value;
}

/* What of an answer is told of, by itself; the last is the list of what it is about. */
enum told { TOLD_PROMPT, TOLD_COMPLETION, TOLD_COST, TOLD_CACHED, TOLD_REASONING, TOLD_ITEMS, TOLD };

/* All but the list. */
static void find_counts(struct jvalue usage, struct jvalue v[TOLD])
{
	static const struct span names[] = { SPAN_INIT("prompt_tokens"), SPAN_INIT("completion_tokens"), SPAN_INIT("cost"),
					     SPAN_INIT("prompt_tokens_details"), SPAN_INIT("completion_tokens_details") };

	jwalk_members(usage, names, v, ARRAY_LEN(names));
	v[TOLD_CACHED] = jwalk_get(v[TOLD_CACHED], "cached_tokens");
	v[TOLD_REASONING] = jwalk_get(v[TOLD_REASONING], "reasoning_tokens");
}

static void read_counts(const struct jvalue v[TOLD], struct token_usage *out)
{
	int64_t cost;

	read_count(v[TOLD_PROMPT], &out->prompt);
	read_count(v[TOLD_COMPLETION], &out->completion);
	read_count(v[TOLD_CACHED], &out->cached);
	read_count(v[TOLD_REASONING], &out->reasoning);
	/* OpenRouter's, in dollars.  An object of that name, as others have it, tells something else. */
	if (v[TOLD_COST].type == J_NUMBER && money_read_number(v[TOLD_COST].text, &cost) == 0)
		out->cost_usd = cost;
}

static void openai_usage(struct jvalue usage, struct token_usage *out)
{
	struct jvalue v[TOLD];

	find_counts(usage, v);
	read_counts(v, out);
}

/* list: the name of what the answer is about. */
static int find_answer(struct span body, struct span list, struct jvalue v[TOLD], bool *is_error, struct err *err)
{
	const struct span names[] = { list, SPAN_LIT("usage"), SPAN_LIT("error") };
	struct jvalue members[ARRAY_LEN(names)];
	struct err why;

	if (jscan_members(body, NULL, names, members, ARRAY_LEN(names), &why) < 0) {
		err_set(err, E_upstream_error, "", "the answer is not JSON: %s", why.message);
		return -1;
	}
	*is_error = members[2].type == J_OBJECT || members[2].type == J_STRING;
	if (!*is_error && members[0].type != J_ARRAY) {
		err_set(err, E_upstream_error, "", "the answer has no list '%s'", list.ptr);
		return -1;
	}
	find_counts(members[1], v);
	v[TOLD_ITEMS] = members[0];
	return 0;
}

static void take_answer(const struct jvalue v[TOLD], bool is_error, struct answer *a)
{
	a->usage = TOKEN_USAGE_NONE;
	read_counts(v, &a->usage);
	a->is_error = is_error;
	a->items = v[TOLD_ITEMS];
}

static int openai_chat_answer(struct span body, struct answer *a, struct err *err)
{
	struct jvalue v[TOLD];
	bool is_error = false;

	/* Whether it is an error, or has no choice, its form says too: of those none is learned. */
	if (!a->form || !jform_fits(a->form, body, v)) {
		if (find_answer(body, SPAN_LIT("choices"), v, &is_error, err) < 0)
			return -1;
		if (!is_error && jwalk_first_type(v[TOLD_ITEMS]) != J_OBJECT)
			return err_set(err, E_upstream_error, "", "the answer has no choice");
		if (a->form && !is_error)
			jform_learn(a->form, body, v, TOLD);
	}
	take_answer(v, is_error, a);
	return 0;
}

static int64_t openai_images(struct jvalue choices)
{
	static const struct span places[] = { SPAN_INIT("message"), SPAN_INIT("delta") };
	struct jvalue place[ARRAY_LEN(places)];
	struct jwalk w;
	int64_t count = 0;

	for (w = jwalk_start(choices); jwalk_next(&w);) {
		if (w.value.type != J_OBJECT)
			continue;
		jwalk_members(w.value, places, place, ARRAY_LEN(places));
		for (size_t i = 0; i < ARRAY_LEN(places); i++) {
			struct jvalue images = place[i].type == J_OBJECT ? jwalk_get(place[i], "images")
									 : (struct jvalue){ 0 };

			if (images.type == J_ARRAY)
				count += (int64_t)jwalk_count(images);
		}
	}
	return count;
}

static int openai_embed_answer(struct span body, struct answer *a, struct err *err)
{
	struct jvalue v[TOLD];
	bool is_error;

	if (find_answer(body, SPAN_LIT("data"), v, &is_error, err) < 0)
		return -1;
	take_answer(v, is_error, a);
	return 0;
}

static int builtin_rerank(const struct rerank_wish *w, const struct target *t, struct arena *arena,
			  struct outgoing *out, struct err *err)
{
	(void)w, (void)t, (void)arena, (void)out;
	return err_set(err, E_upstream_error, "", "the built-in models do not rerank");
}

static const struct dialect dialects[] = {
	[DIALECT_OPENAI] = { "openai", openai_chat, openai_embed, rerank_build, openai_frame, openai_gaps,
			     openai_chat_answer, chunks_of_completion, openai_embed_answer, rerank_answer,
			     openai_images, openai_usage },
	[DIALECT_BUILTIN] = { "builtin", openai_chat, openai_embed, builtin_rerank, openai_frame, openai_gaps,
			      openai_chat_answer, chunks_of_completion, openai_embed_answer, rerank_answer,
			      openai_images, openai_usage },
};

const struct dialect *dialect_of(enum dialect_kind kind)
{
	return &dialects[kind];
}
