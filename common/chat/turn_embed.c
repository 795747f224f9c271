/*
 * common/chat/turn_embed.c - embeddings: what a target is sent, and its vectors in the encoding wanted.
 */
#include "common/chat/embedding.h"
#include "common/chat/turn_inside.h"

enum { ENCODE_INLINE_MAX = 16 * 1024 }; /* bytes of an answer looked through on the worker's thread */

static int build(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct embed_request *r = request;
	struct embed_wish wish = {
		.body = r->body,
		.root = r->root,
		.model = r->model,
		.encoding_format = r->encoding_format,
	};

	return dialect_of(target->backend->provider->dialect)->embed(&wish, target, t->arena, &t->outgoing, err);
}

/* Vectors in the encoding wanted: megabytes of numbers are read and written, so on a job. */
struct encoding {
	struct span *body;
	const struct embed_request *request;
	struct buf *out;
	int result;
	struct err err;
};

static void run_encoding(void *arg)
{
	struct encoding *e = arg;

	e->result = embedding_encode(e->body, e->request->encoding, e->request->inputs, e->out, &e->err);
}

static int encode(struct turn *t, const struct embed_request *r, struct span *body, struct buf *out,
		  struct err *err)
{
	struct encoding e = { .body = body, .request = r, .out = out };

	if (body->len <= ENCODE_INLINE_MAX)
		run_encoding(&e);
	else if (job_run(t->worker->core->jobs, run_encoding, &e, err) < 0)
		return -1;
	if (e.result < 0)
		*err = e.err;
	return e.result;
}

static int encode_vectors(struct turn *t, const void *request, struct turn_whole *w, struct failure *why,
			  struct err *err)
{
	if (encode(t, request, &w->body, &w->converted, err) == 0)
		return 0;
	failure_from_err(why, w->source->target, err);
	return -1;
}

static int take(struct turn *t, const void *request, struct source *s, struct failure *why, struct err *err)
{
	return turn_take_whole(t, request, s, turn_dialect(s)->embed_answer, encode_vectors, why, err);
}

int turn_embed(struct turn *t, const struct embed_request *r, struct err *err)
{
	static const struct call_kind kind = { SOURCE_EMBED, build, take };
	const struct turn_size size = {
		.alias = r->alias,
		.prompt_bytes = (int64_t)r->body.len,
		.choices = 1,
		.kind = ANSWER_VECTORS,
	};

	return turn_walk(t, &kind, r, &size, err);
}
