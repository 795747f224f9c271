/* common/chat/rerank.c - see rerank.h. */
#include "common/chat/rerank.h"

#include "common/chat/turn_inside.h"
#include "common/upstream/rerank.h"

static int build(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct rerank_request *r = request;
	const struct rerank_wish wish = { r->query, r->documents, r->count };

	return dialect_of(target->backend->provider->dialect)->rerank(&wish, target, t->arena, &t->outgoing, err);
}

static int read_scores(struct turn *t, const void *request, struct turn_whole *w, struct failure *why,
		       struct err *err)
{
	const struct rerank_request *r = request;

	(void)t;
	if (rerank_scores(w->answer.items, r->count, r->scores, err) == 0)
		return 0;
	failure_from_err(why, w->source->target, err);
	return -1;
}

static int take(struct turn *t, const void *request, struct source *s, struct failure *why, struct err *err)
{
	const struct dialect *dialect = dialect_of(s->target->backend->provider->dialect);

	return turn_take_whole(t, request, s, dialect->rerank_answer, read_scores, why, err);
}

int turn_rerank(struct turn *t, const struct rerank_request *r, struct err *err)
{
	static const struct call_kind kind = { SOURCE_RERANK, build, take };
	/* The question is read with each document. */
	const struct turn_size size = {
		.alias = r->alias,
		.prompt_bytes = (int64_t)(r->documents.len + r->count * r->query.len),
		.choices = 1,
		.kind = ANSWER_VECTORS,
	};

	return turn_walk(t, &kind, r, &size, err);
}
