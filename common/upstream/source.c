/*
 * common/upstream/source.c - see source.h.
 */
#include "common/upstream/source.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/upstream/builtin.h"

/* Of a stream that lags behind: some events a write, and little memory. */
enum { STREAM_READ_MAX = 2048 };
enum { UNPACK_TURN = 512 * 1024 }; /* bytes unpacked before others get their turn */
enum { TOLD_MAX = 32 * 1024 * 1024 }; /* events of a whole answer, all together */
enum { BUILTIN_ANSWER_MAX = 16 * 1024 * 1024, BUILTIN_INLINE_MAX = 4096 };

/* The work of a built-in model, as a job. */
struct built_work {
	struct source *source;
	struct span body;
	struct err err;
	int result;
};

static void build(void *arg)
{
	struct built_work *w = arg;
	struct source *s = w->source;

	if (s->kind == SOURCE_EMBED)
		w->result = builtin_embed(w->body, &s->built, &w->err);
	else
		w->result = builtin_chat(w->body, s->kind == SOURCE_CHAT_STREAM, &s->built, &w->err);
}

/* Apart, so that calls that wait for minutes do not have its frame below theirs. */
__attribute__((noinline)) static int open_builtin(struct source *s, const struct source_request *req, struct err *err)
{
	struct built_work work = { .source = s };
	struct buf body;

	buf_init(&body, req->outgoing->length + 1);
	buf_init(&s->built, BUILTIN_ANSWER_MAX);
	for (size_t i = 0; i < req->outgoing->part_count; i++)
		buf_add_span(&body, req->outgoing->parts[i]);
	work.body = buf_span(&body);
	if (body.len <= BUILTIN_INLINE_MAX)
		build(&work);
	else
		work.result = job_run(req->jobs, build, &work, &work.err) < 0 ? -1 : work.result;
	buf_free(&body);
	if (work.result < 0) {
		if (err)
			*err = work.err;
		return -1;
	}
	return 0;
}

static void limit_by_deadline(struct upcall_limits *limits, int64_t deadline_ms, int64_t now_ms)
{
	int64_t left;

	if (!deadline_ms)
		return;
	left = deadline_ms - now_ms;
	if (left < 1)
		left = 1;
	if (left > INT32_MAX)
		left = INT32_MAX;
	if (limits->total_ms == 0 || left < limits->total_ms)
		limits->total_ms = (int)left;
}

#define HEAD_LINES(accept)                                                                         \
	SPAN_LIT("User-Agent: spass/" SPASS_VERSION "\r\nAccept-Encoding: identity\r\n"             \
		 "Accept: " accept "\r\n")

static struct span head_lines(enum source_kind kind)
{
	switch (kind) {
	case SOURCE_CHAT_STREAM:
		return HEAD_LINES("text/event-stream");
	case SOURCE_AUDIO:
		return HEAD_LINES("*/*");
	case SOURCE_CHAT:
	case SOURCE_EMBED:
	case SOURCE_RERANK:
		break;
	}
	return HEAD_LINES("application/json");
}

static int open_upcall(struct source *s, const struct source_request *req, struct err *err)
{
	const struct backend *backend = req->target->backend;
	const struct span lines[] = {
		head_lines(req->kind),
		req->outgoing->type_line.ptr ? req->outgoing->type_line
					     : SPAN_LIT("Content-Type: application/json\r\n"),
		span_str(backend->auth_line),
		req->forward,
	};
	struct upcall_request call = {
		.origin = &backend->origin,
		.method = HTTP1_POST,
		.base = span_str(backend->path_prefix),
		.path = span_str(req->outgoing->path),
		.headers = lines,
		.header_parts = ARRAY_LEN(lines),
		.body = req->outgoing->parts,
		.body_parts = req->outgoing->part_count,
		.supply = req->outgoing->supply,
		.limits = &s->limits,
		.read_max = req->kind == SOURCE_CHAT_STREAM ? STREAM_READ_MAX : 0,
	};

	s->limits = backend->limits;
	limit_by_deadline(&s->limits, req->deadline_ms, loop_now_ms(fiber_loop(fiber_self())));
	s->call = upcall_open(req->uplinks, &call, err);
	return s->call ? 0 : -1;
}

int source_open(struct source *s, const struct source_request *req, struct err *err)
{
	memset(s, 0, sizeof *s);
	s->target = req->target;
	s->kind = req->kind;
	s->unpack_max = req->unpack_max;
	if (req->target->backend->provider->dialect == DIALECT_BUILTIN)
		return open_builtin(s, req, err);
	return open_upcall(s, req, err);
}

static enum coding told_coding(const struct source *s)
{
	return coding_of(upcall_head(s->call)->known[HTTP1_CONTENT_ENCODING]);
}

enum upcall_result source_wait_head(struct source *s, int64_t wait_ms, struct err *err)
{
	enum upcall_result r;
	enum coding coding;

	if (!s->call)
		return UPCALL_DATA;
	r = upcall_wait_head(s->call, wait_ms, err);
	if (r != UPCALL_DATA || s->unpack)
		return r;
	coding = told_coding(s);
	if (coding == CODING_GZIP || coding == CODING_DEFLATE)
		s->unpack = unpack_new(coding, s->unpack_max);
	return UPCALL_DATA;
}

/* What a built-in model would have said over HTTP. */
static const struct http1_head built_json = {
	.status = 200,
	.known[HTTP1_CONTENT_TYPE] = { "application/json", 16 },
};
static const struct http1_head built_stream = {
	.status = 200,
	.known[HTTP1_CONTENT_TYPE] = { "text/event-stream", 17 },
};

const struct http1_head *source_head(const struct source *s)
{
	if (s->call)
		return upcall_head(s->call);
	return s->kind == SOURCE_CHAT_STREAM ? &built_stream : &built_json;
}

struct span source_coding(const struct source *s)
{
	if (s->call && told_coding(s) == CODING_UNKNOWN)
		return upcall_head(s->call)->known[HTTP1_CONTENT_ENCODING];
	return SPAN_NONE;
}

/* A little coded data may come to very much. */
static enum upcall_result pause_sometimes(struct source *s, size_t len, struct err *err)
{
	s->unpacked += len;
	if (s->unpacked < UNPACK_TURN)
		return UPCALL_DATA;
	s->unpacked = 0;
	return fiber_sleep(0, err) < 0 ? UPCALL_FAILED : UPCALL_DATA;
}

static enum upcall_result read_coded(struct source *s, struct span *piece, int64_t wait_ms,
				     struct err *err)
{
	for (;;) {
		int more = unpack_next(s->unpack, piece, err);
		enum upcall_result r;
		struct span coded;

		if (more < 0)
			return UPCALL_FAILED;
		if (more > 0)
			return pause_sometimes(s, piece->len, err);
		r = upcall_read(s->call, &coded, wait_ms, err);
		if (r == UPCALL_END && !unpack_is_whole(s->unpack)) {
			err_set(err, E_upstream_error, NULL, "the answer's coded data was cut");
			return UPCALL_FAILED;
		}
		if (r != UPCALL_DATA)
			return r;
		unpack_feed(s->unpack, coded);
	}
}

static int read_coded_whole(struct source *s, struct buf *room, struct err *err)
{
	enum upcall_result r;
	struct span piece;

	while ((r = read_coded(s, &piece, -1, err)) == UPCALL_DATA)
		if (buf_add_span(room, piece) < 0)
			return err_set(err, E_upstream_error, NULL,
				       "the answer inflates to more than %zu bytes", room->max);
	return r == UPCALL_END ? 0 : -1;
}

/* One event at a time, so that a built-in stream behaves like any other. */
static enum upcall_result read_built(struct source *s, struct span *piece)
{
	struct span rest = span_from(buf_span(&s->built), s->at);
	ptrdiff_t end = span_find(rest, SPAN_LIT("\n\n"));

	if (rest.len == 0)
		return UPCALL_END;
	*piece = s->kind == SOURCE_CHAT_STREAM && end >= 0 ? span_of(rest.ptr, (size_t)end + 2) : rest;
	s->at += piece->len;
	return UPCALL_DATA;
}

enum upcall_result source_read(struct source *s, struct span *piece, int64_t wait_ms, struct err *err)
{
	if (s->unpack)
		return read_coded(s, piece, wait_ms, err);
	return s->call ? upcall_read(s->call, piece, wait_ms, err) : read_built(s, piece);
}

void source_offer(struct source *s, upcall_taker *take, void *context)
{
	if (s->call && !s->unpack)
		upcall_offer(s->call, take, context);
}

bool source_has_piece(const struct source *s)
{
	return s->call && !s->unpack && upcall_has_piece(s->call);
}

int source_read_whole(struct source *s, struct buf *room, struct span *whole, struct err *err)
{
	if (s->unpack) {
		int result = read_coded_whole(s, room, err);

		*whole = buf_span(room);
		return result;
	}
	if (s->call)
		return upcall_read_whole(s->call, room, whole, err);
	*whole = span_from(buf_span(&s->built), s->at);
	s->at = s->built.len;
	return 0;
}

static void close_call(struct source *s)
{
	upcall_close(s->call);
	s->call = NULL;
	unpack_free(s->unpack);
	s->unpack = NULL;
}

int source_tell_as_stream(struct source *s, struct span whole, struct err *err)
{
	const struct dialect *dialect = dialect_of(s->target->backend->provider->dialect);

	buf_init(&s->built, TOLD_MAX);
	if (dialect->chat_events(whole, &s->built, err) < 0)
		return -1;
	close_call(s);
	return 0;
}

void source_close(struct source *s)
{
	close_call(s);
	if (s->built.max)
		buf_free(&s->built);
}
