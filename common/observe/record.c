/*
 * common/observe/record.c - a record as a line of audit.jsonl.
 *
 * Written by hand into a buffer: the store's writer prints every request that passes.
 */
#include "common/observe/record.h"

#include "common/base/clock.h"
#include "common/base/jscan.h"

/* key: with its quotes, colon, and the comma before it. */
static void add_text(struct buf *out, const char *key, const char *text)
{
	buf_add_str(out, key);
	if (!text || !*text) {
		buf_add_str(out, "null");
		return;
	}
	buf_add_char(out, '"');
	jtext_escape(out, span_str(text));
	buf_add_char(out, '"');
}

static void add_int(struct buf *out, const char *key, int64_t value)
{
	buf_add_str(out, key);
	buf_add_int(out, value);
}

/* Below 0: not known. */
static void add_count(struct buf *out, const char *key, int64_t value)
{
	buf_add_str(out, key);
	if (value < 0)
		buf_add_str(out, "null");
	else
		buf_add_int(out, value);
}

static void add_bool(struct buf *out, const char *key, bool value)
{
	buf_add_str(out, key);
	buf_add_str(out, value ? "true" : "false");
}

/* Microseconds as milliseconds with three places; below 0: not known. */
static void add_ms(struct buf *out, const char *key, int64_t us)
{
	int places = (int)(us % 1000);

	add_count(out, key, us < 0 ? us : us / 1000);
	if (us < 0)
		return;
	buf_add_char(out, '.');
	buf_add_char(out, (char)('0' + places / 100));
	buf_add_char(out, (char)('0' + places / 10 % 10));
	buf_add_char(out, (char)('0' + places % 10));
}

static void add_size(struct buf *out, const char *key, uint64_t bytes)
{
	add_int(out, key, bytes > INT64_MAX ? INT64_MAX : (int64_t)bytes);
}

static void add_who(const struct record *r, struct buf *out)
{
	char ts[CLOCK_ISO_SIZE];

	clock_iso(r->ts_ms, ts);
	buf_add_str(out, "{\"ts\":\"");
	buf_add(out, ts, sizeof(ts) - 1);
	buf_add_char(out, '"');
	add_text(out, ",\"request_id\":", r->request_id);
	add_text(out, ",\"parent_request_id\":", r->parent_request_id);
	add_int(out, ",\"depth\":", r->depth);
	add_text(out, ",\"tenant_id\":", r->tenant_id);
	add_text(out, ",\"token_id\":", r->token_id);
	add_text(out, ",\"user_id\":", r->user_id);
	add_text(out, ",\"scope_id\":", r->scope_id);
}

static void add_what(const struct record *r, struct buf *out)
{
	add_text(out, ",\"surface\":", r->surface);
	add_text(out, ",\"method\":", r->method);
	add_text(out, ",\"path\":", r->route);
	add_int(out, ",\"status\":", r->status);
	add_text(out, ",\"error_code\":", r->error == E_none ? NULL : err_info(r->error)->code);
	add_text(out, ",\"model\":", r->model);
	add_text(out, ",\"resolved_model\":", r->resolved_model);
	add_text(out, ",\"resolved_backend\":", r->resolved_backend);
}

static void add_how_much(const struct record *r, struct buf *out)
{
	add_count(out, ",\"prompt_tokens\":", r->prompt_tokens);
	add_count(out, ",\"completion_tokens\":", r->completion_tokens);
	add_count(out, ",\"cached_tokens\":", r->cached_tokens);
	add_count(out, ",\"reasoning_tokens\":", r->reasoning_tokens);
	add_text(out, ",\"cost_source\":", r->cost_source);
	add_int(out, ",\"attempts\":", r->attempts);
	add_bool(out, ",\"streamed\":", r->streamed);
	add_bool(out, ",\"finished\":", r->finished);
	add_ms(out, ",\"latency_ms\":", r->latency_us);
	add_ms(out, ",\"first_byte_ms\":", r->first_byte_us);
	add_ms(out, ",\"upstream_ms\":", r->upstream_us);
	add_size(out, ",\"bytes_in\":", r->bytes_in);
	add_size(out, ",\"bytes_out\":", r->bytes_out);
	buf_add_str(out, "}\n");
}

int record_print(const struct record *r, struct buf *out)
{
	size_t start = out->len;

	add_who(r, out);
	add_what(r, out);
	add_how_much(r, out);
	if (!buf_failed(out))
		return 0;
	if (out->len > start)
		buf_truncate(out, start);
	return -1;
}
