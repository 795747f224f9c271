/*
 * common/chat/rag_batch.c - see rag_batch.h.
 */
#include "common/chat/rag_batch.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/chat/inner.h"

enum {
	BATCH_TEXTS = 256,
	BATCH_BYTES = 200 * 1000,
	BATCH_MEMORY = 4 * 1024 * 1024,
	PATIENCE_MS = 5 * 60 * 1000, /* for one call: a busy local server takes its time */
	PROBE_PATIENCE_MS = 30 * 1000,
	REFUSED_MAX = 8, /* of a batch of which none was taken: the model takes none, it seems */
};

struct batch {
	struct core_worker *worker;
	struct rag *rag;
	struct span tenant, index;
	const char *alias, *model;
	bool is_other; /* told by a probe */
	struct arena arena;
	struct rag_pending pending[BATCH_TEXTS], refused[BATCH_TEXTS];
	size_t count, refused_count;
	bool taken;         /* some of it */
	size_t suspected;   /* set aside after what may be the server's fault */
	struct err refusal; /* the last */
	struct err failure; /* the last that may be about the texts */
	size_t first, some; /* the part that was answered last */
	float *vectors;
	size_t dimensions;
	int result;
	struct err err;
};

static void fetch(void *arg)
{
	struct batch *b = arg;

	b->result = rag_pending(b->rag, b->tenant, b->index, span_str(b->model), 0, &b->arena,
				b->pending, BATCH_TEXTS, BATCH_BYTES, &b->count, &b->err);
}

static void keep_vectors(void *arg)
{
	struct batch *b = arg;

	b->result =
		rag_vectors_put(b->rag, b->tenant, b->index, span_str(b->model),
				b->pending + b->first, b->some, b->vectors, b->dimensions, &b->err);
}

static void refuse_texts(void *arg)
{
	struct batch *b = arg;

	b->result = rag_vectors_refuse(b->rag, b->tenant, b->index, span_str(b->model), b->refused,
				       b->refused_count, &b->err);
}

static int on_job(struct batch *b, void (*work)(void *arg))
{
	return job_run(b->worker->core->ingests, work, b, &b->err) < 0 ? -1 : b->result;
}

/* Nobody in particular: the tenant itself. */
static struct identity tenant_identity(const struct snapshot *s, const char *tenant)
{
	return (struct identity){ .tenant = tenancy_find(s->tenancy, span_str(tenant)),
				  .tenant_id = tenant,
				  .token_id = "-",
				  .user_id = "",
				  .scope_id = "" };
}

/* Whether it is the texts that the model does not take. */
static bool is_about_texts(const struct err *err)
{
	static const enum err_code codes[] = {
		E_upstream_rejected,         E_context_length_exceeded, E_content_policy_violation,
		E_embedding_input_too_large, E_invalid_field, /* a vector without direction */
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i] == err->code)
			return true;
	return false;
}

/* It may be the texts, as some servers fail over them; it may be the server. */
static bool may_be_about_texts(const struct err *err)
{
	return err->code == E_upstream_error;
}

static int ask_model(struct batch *b, struct snapshot *s, const struct span *texts, size_t count,
		     int64_t patience_ms)
{
	struct identity who = tenant_identity(s, b->tenant.ptr);
	struct inner_call call = { .worker = b->worker,
				   .snapshot = s,
				   .identity = &who,
				   .route = "/a1/rag/embedding",
				   .parent_request_id = "",
				   .patience_ms = patience_ms,
				   .upstream = b->model };

	b->err = (struct err)ERR_INIT;
	return inner_embed(&call, b->alias, texts, count, &b->vectors, &b->dimensions, &b->err);
}

static int embed_texts(struct batch *b, struct snapshot *s, size_t first, size_t count)
{
	struct span texts[BATCH_TEXTS];
	int result;

	for (size_t i = 0; i < count; i++) {
		texts[i] = b->pending[first + i].text;
		if (texts[i].len > EMBED_TEXT_MAX) /* a vector of most of it is better than none */
			texts[i].len = utf8_whole(span_of(texts[i].ptr, EMBED_TEXT_MAX));
	}
	if (ask_model(b, s, texts, count, PATIENCE_MS) < 0)
		return -1;
	b->first = first;
	b->some = count;
	result = on_job(b, keep_vectors);
	mem_free(b->vectors);
	b->vectors = NULL;
	return result;
}

/* One text that was refused alone; -1: it seems that the model takes none. */
static int set_aside(struct batch *b, size_t at)
{
	b->refusal = b->err;
	b->suspected += !is_about_texts(&b->err);
	b->refused[b->refused_count++] = b->pending[at];
	return !b->taken && b->refused_count == REFUSED_MAX ? -1 : 0;
}

/* Who is left alone after failures says no more than that: what they were is the reason. */
static int keep_cause(struct batch *b)
{
	if (b->err.code == E_upstream_unavailable && b->failure.code != E_none)
		b->err = b->failure;
	return -1;
}

/*
 * All of a batch: what is refused together is sent in halves, down to the texts that are refused
 * alone, which are set aside.  -1: the rest can wait.
 */
static int embed_all(struct batch *b, struct snapshot *s)
{
	size_t step = b->count;

	for (size_t at = 0; at < b->count;) {
		size_t count = b->count - at < step ? b->count - at : step;

		if (embed_texts(b, s, at, count) == 0) {
			b->taken = true;
			at += count;
			step *= 2;
			continue;
		}
		if (!is_about_texts(&b->err) && !may_be_about_texts(&b->err))
			return keep_cause(b);
		b->failure = b->err;
		if (count > 1)
			step = count / 2;
		else if (set_aside(b, at++) < 0)
			return -1;
	}
	return 0;
}

/* 0, or -1 with the error: of the batch, or of what was tried here. */
static int keep_refused(struct batch *b, int result)
{
	if (b->refused_count == 0)
		return result;
	/* Whether it is the texts or the server is known when it has taken others. */
	if (b->suspected > 0 && !b->taken) {
		b->err = b->refusal;
		return -1;
	}
	log_warn("rag", "index %s of %s: %zu texts are refused by %s: %s", b->index.ptr,
		 b->tenant.ptr, b->refused_count, b->model, b->refusal.message);
	return on_job(b, refuse_texts) < 0 ? -1 : result;
}

static int embed(struct batch *b, struct snapshot *s)
{
	if (on_job(b, fetch) < 0)
		return -1;
	if (b->count == 0)
		return 0;
	return keep_refused(b, embed_all(b, s)) < 0 ? -1 : 1;
}

static struct batch *begin_batch(struct core_worker *w, struct span tenant, const struct rag_embedder *e)
{
	struct batch *b = mem_new(struct batch); /* a fiber's stack is small */

	b->worker = w;
	b->rag = w->core->rag;
	b->tenant = tenant;
	b->alias = e->alias->alias;
	b->model = e->model;
	arena_init(&b->arena, BATCH_MEMORY);
	return b;
}

static int end_batch(struct batch *b, int result, struct err *err)
{
	if (result < 0)
		*err = b->err;
	mem_free(b->vectors);
	arena_clear(&b->arena);
	mem_free(b);
	return result;
}

int rag_batch_embed(struct core_worker *w, struct snapshot *s, struct span tenant,
		    struct span index, const struct rag_embedder *e, struct err *err)
{
	struct batch *b = begin_batch(w, tenant, e);

	b->index = index;
	return end_batch(b, embed(b, s), err);
}

static void compare(void *arg)
{
	struct batch *b = arg;

	b->result = rag_model_probe(b->rag, b->tenant, span_str(b->model), b->vectors, b->dimensions,
				    &b->is_other, &b->err);
}

int rag_batch_probe(struct core_worker *w, struct snapshot *s, struct span tenant,
		    const struct rag_embedder *e, bool *is_other, struct err *err)
{
	struct batch *b = begin_batch(w, tenant, e);
	struct span text = span_str(
		arena_printf(&b->arena, "%s%s", rag_model_prefixes(span_str(e->model)).document,
			     RAG_PROBE_TEXT));
	int result = -1;

	if (ask_model(b, s, &text, 1, PROBE_PATIENCE_MS) == 0)
		result = on_job(b, compare);
	*is_other = b->is_other;
	return end_batch(b, result, err);
}
