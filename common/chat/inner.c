/*
 * common/chat/inner.c - see inner.h.
 */
#include "common/chat/inner.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/base/ident.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/chat/embedding.h"
#include "common/chat/rerank.h"
#include "common/chat/turn_record.h"

enum { ARENA_MAX = 1 * MIB, BODY_MAX = 8 * MIB, STATUS_OK = 200 };

/* One call and what comes of it; on the heap, as a fiber's stack is small. */
struct inner {
	const struct inner_call *call;
	struct arena arena;
	struct turn turn;
	struct spend spend;
	struct turn_sink sink;
	char request_id[IDENT_UUID_SIZE];
	struct buf body;   /* sent */
	struct buf answer; /* got */
	int64_t started_us;
	const char *kind; /* for the metrics */
	const char *model;
};

void inner_sum_begin(struct inner_sum *sum, const struct snapshot *snapshot)
{
	*sum = (struct inner_sum){ .bill = { .is_made = true, .source = COST_ZERO, .rate = snapshot->rate } };
}

/* ---- the sink: an answer that goes nowhere ---- */

static void drop_header(void *context, const char *name, struct span value)
{
	(void)context;
	(void)name;
	(void)value;
}

static void keep_answer(void *context, int status, const char *type, struct span body)
{
	struct inner *i = context;

	(void)status;
	(void)type;
	buf_add_span(&i->answer, body);
}

static int begin_none(void *context, int status, const char *type)
{
	(void)context;
	(void)status;
	(void)type;
	return 0;
}

static int write_on(void *context, const struct span *parts, size_t count, struct err *err)
{
	struct inner *i = context;

	for (size_t k = 0; k < count; k++)
		if (buf_add_span(&i->answer, parts[k]) < 0)
			return err_set(err, E_upstream_error, "",
				       "the answer is larger than %zu bytes", i->answer.max);
	return 0;
}

static void drop_lines(void *context, struct span lines)
{
	(void)context, (void)lines;
}

static void do_nothing(void *context)
{
	(void)context;
}

static void lose(void *context, const struct err *err)
{
	struct inner *i = context;

	(void)err;
	buf_clear(&i->answer);
}

/* ---- the call ---- */

static struct inner *begin_inner(const struct inner_call *call, const char *kind)
{
	const struct settings s = snapshot_settings(call->snapshot, call->identity->tenant);
	struct inner *i = mem_new(struct inner);

	i->call = call;
	i->kind = kind;
	i->started_us = clock_mono_us();
	i->model = "";
	ident_uuid(i->request_id);
	arena_init(&i->arena, ARENA_MAX);
	buf_init(&i->body, BODY_MAX);
	buf_init(&i->answer, (size_t)call->snapshot->config->max_answer_bytes);
	i->sink = (struct turn_sink){ .context = i,
				      .header = drop_header,
				      .lines = drop_lines,
				      .send = keep_answer,
				      .begin = begin_none,
				      .write = write_on,
				      .flush = do_nothing,
				      .end = do_nothing,
				      .fail = lose,
				      .abort = lose };
	turn_init(&i->turn);
	i->turn.worker = call->worker;
	i->turn.snapshot = call->snapshot;
	i->turn.arena = &i->arena;
	i->turn.sink = &i->sink;
	i->turn.request_id = i->request_id;
	i->turn.cost_factor = settings_markup_micros(&s);
	if (call->patience_ms > 0)
		i->turn.deadline_ms = turn_now_ms(&i->turn) + call->patience_ms;
	i->spend.worker = call->worker;
	i->spend.snapshot = call->snapshot;
	i->spend.identity = call->identity;
	i->spend.turn = &i->turn;
	spend_begin(&i->spend);
	return i;
}

static void keep_record(const struct inner *i, const struct err *err)
{
	const struct inner_call *call = i->call;
	const struct settings s = snapshot_settings(call->snapshot, call->identity->tenant);
	int64_t took_us = clock_mono_us() - i->started_us;
	char source[RATE_SOURCE_MAX];
	struct record r = { .ts_ms = clock_wall_ms() - took_us / 1000,
			    .request_id = i->request_id,
			    .parent_request_id = call->parent_request_id,
			    .depth = call->depth + 1,
			    .status = err->code == E_none ? STATUS_OK : err_info(err->code)->status,
			    .error = err->code,
			    .finished = i->turn.finished,
			    .pseudonymous =
				    settings_bool(&s, SETTING_KEY_audit_user_id_pseudonymize),
			    .surface = "inner",
			    .method = "POST",
			    .route = call->route,
			    .tenant_id = call->identity->tenant_id,
			    .token_id = call->identity->token_id,
			    .user_id = call->identity->user_id,
			    .scope_id = call->identity->scope_id,
			    .model = i->model,
			    .latency_us = took_us,
			    .first_byte_us = -1,
			    .bytes_in = i->body.len,
			    .bytes_out = i->answer.len };

	turn_record(&r, &i->turn, &i->spend, source);
	recorder_keep(call->worker->recorder, &r);
}

static void count(const struct inner *i, struct metrics_shard *shard)
{
	metrics_epoch(shard, i->call->snapshot->generation);
	turn_count(shard, &i->turn, i->call->identity->tenant_id, i->started_us);
	if (i->turn.attempts)
		metrics_add_texts(shard, M_spass_subcalls_total, 1, TEXTS(i->kind));
}

static void add_up(const struct inner *i, struct inner_sum *sum)
{
	sum->calls += i->turn.attempts > 0;
	if (i->turn.bill.is_made)
		bill_add(&sum->bill, &i->turn.bill);
}

/* Settles it; err as it ended. */
static void end_inner(struct inner *i, const struct err *err)
{
	const struct config *config = i->call->snapshot->config;
	struct metrics_shard *shard = i->call->worker->shard;

	spend_end(&i->spend, i->answer.len);
	if (shard)
		count(i, shard);
	if (i->call->sum)
		add_up(i, i->call->sum);
	if (i->call->worker->core->store && (config->usage || config->audit))
		keep_record(i, err);
	buf_free(&i->body);
	buf_free(&i->answer);
	arena_clear(&i->arena);
	mem_free(i);
}

static void write_embedding(struct inner *i, const char *model, const struct span *texts,
			    size_t count)
{
	buf_add_str(&i->body, "{\"model\":");
	jtext_string(&i->body, span_str(model));
	buf_add_str(&i->body, ",\"encoding_format\":\"base64\",\"input\":[");
	for (size_t k = 0; k < count; k++) {
		if (k > 0)
			buf_add_char(&i->body, ',');
		jtext_string(&i->body, texts[k]);
	}
	buf_add_str(&i->body, "]}");
}

/* No other model may answer, however the alias falls back. */
static int keep_targets(struct inner *i, const struct model *alias, struct err *err)
{
	const char *upstream = i->call->upstream;
	size_t count, kept = 0;
	const struct target *chain = routing_chain(i->call->snapshot->routing, alias, &count);
	struct target *targets;

	if (!upstream)
		return 0;
	targets = arena_alloc(&i->arena, (count + 1) * sizeof *targets);
	if (!targets)
		return err_used_up(err);
	for (size_t k = 0; k < count; k++)
		if (strcmp(chain[k].model, upstream) == 0)
			targets[kept++] = chain[k];
	if (kept == 0)
		return err_set(err, E_upstream_unavailable, "model", "%s has no backend with %s",
			       alias->alias, upstream);
	i->turn.targets = targets;
	i->turn.target_count = kept;
	return 0;
}

int inner_embed(const struct inner_call *call, const char *model, const struct span *texts,
		size_t count, float **vectors, size_t *dimensions, struct err *err)
{
	const struct offer offer = { call->snapshot->routing, call->identity->tenant,
				     call->identity->token };
	struct embed_request request;
	struct inner *i = begin_inner(call, "embedding");
	struct err why = ERR_INIT;
	int result;

	write_embedding(i, model, texts, count);
	result = embed_request_check(&request, buf_span(&i->body), &offer, &why);
	if (result == 0) {
		i->model = request.alias->alias;
		result = keep_targets(i, request.alias, &why);
	}
	if (result == 0)
		result = turn_embed(&i->turn, &request, &why);
	if (result == 0) {
		result = embedding_vectors(buf_span(&i->answer), count, vectors, dimensions, &why);
		if (result < 0)
			err_prefix(&why, "%s", call->upstream ? call->upstream : i->model);
	}
	end_inner(i, &why);
	if (result < 0 && err)
		*err = why;
	return result;
}

static void write_text(struct buf *out, struct span text)
{
	if (text.len > RERANK_TEXT_MAX)
		text.len = utf8_whole(span_of(text.ptr, RERANK_TEXT_MAX));
	jtext_string(out, text);
}

/* Both parts of the body, as the dialects put them together. */
static int write_ranking(struct inner *i, struct span query, const struct span *documents, size_t count,
			 struct rerank_request *r, struct err *err)
{
	size_t begin;

	write_text(&i->body, query);
	begin = i->body.len;
	for (size_t k = 0; k < count; k++) {
		buf_add_char(&i->body, k > 0 ? ',' : '[');
		write_text(&i->body, documents[k]);
	}
	if (buf_add_char(&i->body, ']') < 0 || buf_failed(&i->body))
		return err_set(err, E_too_large, "", "the documents are larger than %zu bytes", i->body.max);
	r->query = span_of(i->body.ptr, begin);
	r->documents = span_of(i->body.ptr + begin, i->body.len - begin);
	r->count = count;
	return 0;
}

static const struct model *find_reranker(const struct inner_call *call, const char *model, struct err *err)
{
	const struct offer offer = { call->snapshot->routing, call->identity->tenant,
				     call->identity->token };
	const struct model *m = offer_find(&offer, span_str(model), err);

	if (!m || m->kind == MODEL_RERANK)
		return m;
	err_set(err, E_model_not_in_allowlist, "model", "model '%s' is of kind %s: it does not rerank", m->alias,
		model_kind_name(m->kind));
	return NULL;
}

int inner_rerank(const struct inner_call *call, const char *model, struct span query,
		 const struct span *documents, size_t count,
		 float *scores, /* NOLINT(readability-non-const-parameter): written */
		 struct err *err)
{
	struct rerank_request request = { .scores = scores };
	struct inner *i = begin_inner(call, "rerank");
	struct err why = ERR_INIT;
	int result = -1;

	request.alias = find_reranker(call, model, &why);
	if (request.alias && write_ranking(i, query, documents, count, &request, &why) == 0) {
		i->model = request.alias->alias;
		result = turn_rerank(&i->turn, &request, &why);
	}
	end_inner(i, &why);
	if (result < 0 && err)
		*err = why;
	return result;
}
