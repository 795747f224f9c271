/*
 * common/store/usage.c - rows of the table usage.
 */
#include "common/store/usage.h"

#include "common/base/mem.h"

struct usage {
	struct db_statement *insert;
};

static const char insert_sql[] =
	"INSERT INTO usage (ts, request_id, parent_request_id, depth, tenant_id, token_id, user_id,"
	" scope_id, surface, method, route, status, error_code, model, resolved_model,"
	" resolved_backend, prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens,"
	" cost_source, attempts, streamed, finished, latency_us, first_byte_us, upstream_us,"
	" bytes_in, bytes_out) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
	" ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)";

struct usage *usage_new(struct db *db, struct err *err)
{
	struct db_statement *insert = db_prepare(db, insert_sql, err);
	struct usage *u;

	if (!insert)
		return NULL;
	u = mem_new(struct usage);
	u->insert = insert;
	return u;
}

void usage_free(struct usage *u)
{
	if (!u)
		return;
	db_finish(u->insert);
	mem_free(u);
}

/* No text is NULL. */
static void bind_name(struct db_statement *st, int at, const char *text)
{
	db_bind_text(st, at, text && *text ? span_str(text) : SPAN_NONE);
}

/* Below 0: unknown. */
static void bind_count(struct db_statement *st, int at, int64_t value)
{
	if (value < 0)
		db_bind_null(st, at);
	else
		db_bind_int(st, at, value);
}

static void bind_size(struct db_statement *st, int at, uint64_t bytes)
{
	db_bind_int(st, at, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

static void bind_names(struct db_statement *st, const struct record *r)
{
	db_bind_text(st, 2, span_str(r->request_id));
	bind_name(st, 3, r->parent_request_id);
	db_bind_int(st, 4, r->depth);
	bind_name(st, 5, r->tenant_id);
	bind_name(st, 6, r->token_id);
	bind_name(st, 7, r->user_id);
	bind_name(st, 8, r->scope_id);
	bind_name(st, 9, r->surface);
	bind_name(st, 10, r->method);
	bind_name(st, 11, r->route);
	db_bind_int(st, 12, r->status);
	bind_name(st, 13, r->error == E_none ? NULL : err_info(r->error)->code);
	bind_name(st, 14, r->model);
	bind_name(st, 15, r->resolved_model);
	bind_name(st, 16, r->resolved_backend);
}

int usage_insert(struct usage *u, const struct record *r, struct err *err)
{
	struct db_statement *st = u->insert;

	db_bind_int(st, 1, r->ts_ms);
	bind_names(st, r);
	bind_count(st, 17, r->prompt_tokens);
	bind_count(st, 18, r->completion_tokens);
	bind_count(st, 19, r->cached_tokens);
	bind_count(st, 20, r->reasoning_tokens);
	bind_name(st, 21, r->cost_source);
	db_bind_int(st, 22, r->attempts);
	db_bind_int(st, 23, r->streamed);
	db_bind_int(st, 24, r->finished);
	bind_count(st, 25, r->latency_us);
	bind_count(st, 26, r->first_byte_us);
	bind_count(st, 27, r->upstream_us);
	bind_size(st, 28, r->bytes_in);
	bind_size(st, 29, r->bytes_out);
	return db_run(st, err);
}
