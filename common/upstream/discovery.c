/* common/upstream/discovery.c - see discovery.h. */
#include "common/upstream/discovery.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"

static const int64_t context_max = 1000000000;

/* How a server says what a model is for: only by its name or type, if at all. */
static const char *const embedding_hints[] = { "embed", "bge-", "minilm" };
static const char *const rerank_hints[] = { "rerank" };

void found_clear(struct found_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		mem_free(l->items[i].id);
	mem_free(l->items);
	*l = (struct found_list){ 0 };
}

void found_copy(const struct found_list *from, struct found_list *to)
{
	*to = (struct found_list){ .count = from->count, .truncated = from->truncated };
	if (from->count == 0)
		return;
	to->items = mem_calloc(from->count, sizeof *to->items);
	for (size_t i = 0; i < from->count; i++) {
		to->items[i] = from->items[i];
		to->items[i].id = mem_strdup(from->items[i].id);
	}
}

bool found_is_equal(const struct found_list *a, const struct found_list *b)
{
	if (a->count != b->count || a->truncated != b->truncated)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->items[i].id, b->items[i].id) != 0 ||
		    a->items[i].kind != b->items[i].kind ||
		    a->items[i].context_window != b->items[i].context_window)
			return false;
	return true;
}

bool found_has(const struct found_list *l, const char *id)
{
	static const char latest[] = ":latest";
	size_t len = strlen(id);

	for (size_t i = 0; i < l->count; i++) {
		const char *have = l->items[i].id;

		if (strncmp(have, id, len) == 0 && (!have[len] || strcmp(have + len, latest) == 0))
			return true;
	}
	return false;
}

char *found_alias(const char *id)
{
	const char *slash = id[0] == '/' ? strrchr(id, '/') : NULL;
	const char *name = slash && slash[1] ? slash + 1 : id;
	size_t len = strlen(name);

	if (len > 5 && strcasecmp(name + len - 5, ".gguf") == 0)
		len -= 5;
	return mem_strndup(name, len);
}

enum {
	M_ID,
	M_NAME,
	M_MODEL,
	M_TYPE,
	M_MAX_MODEL_LEN,
	M_CONTEXT_LENGTH,
	M_MAX_CONTEXT_LENGTH,
	M_META,
	M_COUNT
};
static const struct span member_names[M_COUNT] = {
	[M_ID] = SPAN_INIT("id"),
	[M_NAME] = SPAN_INIT("name"),
	[M_MODEL] = SPAN_INIT("model"),
	[M_TYPE] = SPAN_INIT("type"),
	[M_MAX_MODEL_LEN] = SPAN_INIT("max_model_len"), /* vLLM */
	[M_CONTEXT_LENGTH] = SPAN_INIT("context_length"),
	[M_MAX_CONTEXT_LENGTH] = SPAN_INIT("max_context_length"), /* LM Studio */
	[M_META] = SPAN_INIT("meta"),                             /* llama.cpp */
};

/* A heap copy of a name that is fit to be shown and sent; NULL when it is not. */
static char *read_id(struct jvalue v)
{
	struct buf text;
	char *id = NULL;

	buf_init(&text, DISCOVERY_ID_MAX);
	if (v.type == J_STRING && jvalue_unescape(v, &text) == 0 && text.len > 0) {
		bool visible = true;

		for (size_t i = 0; i < text.len; i++)
			visible &= (unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f;
		if (visible)
			id = buf_take(&text);
	}
	buf_free(&text);
	return id;
}

static int64_t read_context(const struct jvalue *members)
{
	/* What the server was started with says more than what the model was trained for. */
	const struct jvalue candidates[] = {
		members[M_MAX_MODEL_LEN],
		jwalk_get(members[M_META], "n_ctx"),
		members[M_CONTEXT_LENGTH],
		members[M_MAX_CONTEXT_LENGTH],
		jwalk_get(members[M_META], "n_ctx_train"),
	};
	int64_t value;

	for (size_t i = 0; i < ARRAY_LEN(candidates); i++)
		if (candidates[i].type == J_NUMBER &&
		    jvalue_int(candidates[i], 1, context_max, &value) == 0)
			return value;
	return 0;
}

static bool has_hint(const char *id, const char *const *hints, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcasestr(id, hints[i]))
			return true;
	return false;
}

/* "bge-reranker" is of the family, and makes no vectors. */
static enum model_kind read_kind(const char *id, struct jvalue type)
{
	if (has_hint(id, rerank_hints, ARRAY_LEN(rerank_hints)))
		return MODEL_RERANK;
	if ((type.type == J_STRING && jvalue_is(type, "embeddings")) ||
	    has_hint(id, embedding_hints, ARRAY_LEN(embedding_hints)))
		return MODEL_EMBEDDING;
	return MODEL_CHAT;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct found_model *)a)->id, ((const struct found_model *)b)->id);
}

static void sort_and_dedupe(struct found_list *l)
{
	size_t kept = 0;

	if (l->count == 0)
		return;
	qsort(l->items, l->count, sizeof *l->items, by_id);
	for (size_t i = 0; i < l->count; i++) {
		if (kept > 0 && strcmp(l->items[kept - 1].id, l->items[i].id) == 0)
			mem_free(l->items[i].id);
		else
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

int found_read(struct span body, struct found_list *out, struct err *err)
{
	static const struct jscan_limits limits = { .depth = 32,
						    .members = 10000,
						    .elements = 100000 };
	static const struct span lists[] = { SPAN_INIT("data"), SPAN_INIT("models") };
	struct jvalue found[ARRAY_LEN(lists)] = { { 0 } };

	*out = (struct found_list){ 0 };
	if (jscan_members(body, &limits, lists, found, ARRAY_LEN(lists), NULL) < 0)
		return err_set(err, E_upstream_error, NULL, "the list of models is not valid JSON");
	struct jvalue list = found[0].type == J_ARRAY ? found[0] : found[1];
	if (list.type != J_ARRAY)
		return err_set(err, E_upstream_error, NULL, "the answer is not a list of models");
	out->items = mem_calloc(DISCOVERY_MODELS_MAX, sizeof *out->items);
	struct jwalk w = jwalk_start(list);
	while (jwalk_next(&w)) {
		struct jvalue m[M_COUNT] = { { 0 } };

		if (w.value.type != J_OBJECT)
			continue;
		jwalk_members(w.value, member_names, m, M_COUNT);
		struct jvalue name = m[M_ID].type == J_STRING      ? m[M_ID]
				     : m[M_MODEL].type == J_STRING ? m[M_MODEL]
								   : m[M_NAME];
		char *id = read_id(name);
		if (!id)
			continue;
		if (out->count == DISCOVERY_MODELS_MAX) {
			out->truncated = true;
			mem_free(id);
			break;
		}
		out->items[out->count++] =
			(struct found_model){ id, read_kind(id, m[M_TYPE]), read_context(m) };
	}
	sort_and_dedupe(out);
	return 0;
}
