/*
 * server/api/sink.c - a turn's answer into an exchange's reply.
 */
#include "common/base/sse.h"
#include "server/api/call.h"

enum { ERROR_EVENT_MAX = 64 * 1024 };

static void sink_header(void *context, const char *name, struct span value)
{
	reply_header(context, name, value);
}

static void sink_lines(void *context, struct span lines)
{
	reply_lines(context, lines);
}

static void sink_send(void *context, int status, const char *type, struct span body)
{
	reply_send(context, status, type, body);
}

static int sink_begin(void *context, int status, const char *type)
{
	reply_header(context, "Cache-Control", SPAN_LIT("no-cache"));
	reply_header(context, "X-Accel-Buffering", SPAN_LIT("no"));
	return reply_begin(context, status, type);
}

static int sink_write(void *context, const struct span *parts, size_t count, struct err *err)
{
	return reply_write(context, parts, count, err);
}

static void sink_flush(void *context)
{
	reply_flush(context);
}

static bool sink_pass(void *context, const struct span *parts, size_t count)
{
	return reply_pass(context, parts, count);
}

static void sink_end(void *context)
{
	reply_end(context);
}

static void sink_fail(void *context, const struct err *err)
{
	struct exchange *x = context;
	struct buf body, event;
	struct span part;
	struct err ignored;

	buf_init(&body, ERROR_EVENT_MAX);
	buf_init(&event, ERROR_EVENT_MAX);
	x->error = err->code;
	reply_error_body(x, err, &body);
	sse_write_data(&event, buf_span(&body));
	part = buf_span(&event);
	(void)reply_write(x, &part, 1, &ignored);
	reply_abort(x);
	buf_free(&body);
	buf_free(&event);
}

static void sink_abort(void *context, const struct err *err)
{
	struct exchange *x = context;

	x->error = err->code;
	reply_abort(x);
}

void call_sink(struct exchange *x, struct turn_sink *sink)
{
	*sink = (struct turn_sink){
		.context = x,
		.header = sink_header,
		.lines = sink_lines,
		.send = sink_send,
		.begin = sink_begin,
		.write = sink_write,
		.flush = sink_flush,
		.pass = sink_pass,
		.end = sink_end,
		.fail = sink_fail,
		.abort = sink_abort,
	};
}
