/*
 * common/chat/stream.c - frames from a backend to the client, byte for byte.
 */
#include "common/chat/stream.h"

#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/sse.h"
#include "common/base/stencil.h"

enum { DRAIN_MS = 20, COST_EVENT_MAX = 4096, STENCILS_MAX = 32 };

/* One relay: what has been seen, what is held, what waits to be written. */
struct relay {
	struct turn *turn;
	struct source *source;
	const struct dialect *dialect;
	struct sse_reader reader;
	struct buf held;      /* before the commit point */
	struct span run;      /* adjacent raw events inside piece, not yet written */
	struct span piece;
	bool shows_usage, finishes, done;
	uint64_t seen, finished; /* choices, by index */
	struct failure *why;
	struct stencil stencil;  /* of the last event of content */
	unsigned stencils;       /* made in a row that no event fitted */
};

static int64_t ping_after(const struct turn *t)
{
	return t->snapshot->config->ping_after;
}

/* Silence that the client may still see before it gets a comment. */
static int64_t until_ping(const struct turn *t)
{
	int64_t left = t->quiet_since_ms + ping_after(t) - turn_now_ms(t);

	return left > 0 ? left : 0;
}

/* The head; target NULL: who will answer is not sure yet. */
static int begin_stream(struct turn *t, const struct target *target, struct err *err)
{
	if (t->begun)
		return 0;
	if (target)
		turn_announce(t, target);
	else
		turn_announce_changes(t);
	if (t->sink->begin(t->sink->context, 200, "text/event-stream") < 0)
		return err_set(err, E_cancelled, "", "the client has gone");
	t->begun = true;
	return 0;
}

/* A comment line: every SSE reader skips it, and no proxy on the way takes the stream for dead. */
static int ping(struct turn *t, struct err *err)
{
	static const struct span comment = { ": waiting\n\n", 11 };

	if (begin_stream(t, NULL, err) < 0)
		return -1;
	if (t->sink->write(t->sink->context, &comment, 1, err) < 0)
		return -1;
	t->sink->flush(t->sink->context);
	t->quiet_since_ms = turn_now_ms(t);
	return 0;
}

enum upcall_result stream_wait_head(struct turn *t, struct source *s, struct err *err)
{
	for (;;) {
		enum upcall_result r = source_wait_head(s, until_ping(t), err);

		if (r != UPCALL_WAIT)
			return r;
		if (ping(t, err) < 0)
			return UPCALL_FAILED;
	}
}

int stream_read_whole(struct turn *t, struct source *s, struct buf *room, struct err *err)
{
	for (;;) {
		struct span piece;

		switch (source_read(s, &piece, until_ping(t), err)) {
		case UPCALL_DATA:
			if (buf_add_span(room, piece) < 0)
				return err_set(err, E_upstream_error, "",
					       "the answer is larger than %zu bytes", room->max);
			break;
		case UPCALL_WAIT:
			if (ping(t, err) < 0)
				return -1;
			break;
		case UPCALL_END:
			return 0;
		case UPCALL_FAILED:
			return -1;
		}
	}
}

int stream_pause(struct turn *t, int64_t ms, struct err *err)
{
	while (ms > 0) {
		int64_t step = t->streamed && until_ping(t) < ms ? until_ping(t) : ms;

		if (step > 0 && fiber_sleep(step, err) < 0)
			return -1;
		ms -= step;
		if (t->streamed && until_ping(t) == 0 && ping(t, err) < 0)
			return -1;
	}
	return 0;
}

/* Everything up to here leaves: the head when it has not, what was held, then the parts. */
static int commit(struct relay *r, struct err *err)
{
	struct turn *t = r->turn;

	if (begin_stream(t, r->source->target, err) < 0)
		return -1;
	t->committed = true;
	t->target = r->source->target;
	if (t->first_event_us == 0)
		t->first_event_us = turn_now_us(t);
	if (r->held.len) {
		struct span held = buf_span(&r->held);

		if (t->sink->write(t->sink->context, &held, 1, err) < 0)
			return -1;
		buf_free(&r->held);
	}
	return 0;
}

static int write_run(struct relay *r, struct err *err)
{
	struct span run = r->run;

	r->run = SPAN_NONE;
	return run.len ? r->turn->sink->write(r->turn->sink->context, &run, 1, err) : 0;
}

static int hold(struct relay *r, struct span part, struct err *err)
{
	if (buf_add_span(&r->held, part) < 0)
		return err_set(err, E_upstream_error, "",
			       "the stream holds %d bytes without content", STREAM_HELD_MAX);
	return 0;
}

static bool lies_in(struct span part, struct span whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

/* An event as it came; those that lie side by side in one piece become one write. */
static int put_raw(struct relay *r, struct span raw, struct err *err)
{
	bool inside = lies_in(raw, r->piece);

	if (!r->turn->committed)
		return hold(r, raw, err);
	if (r->run.len && r->run.ptr + r->run.len == raw.ptr && inside) {
		r->run.len += raw.len;
		return 0;
	}
	if (write_run(r, err) < 0)
		return -1;
	if (inside) {
		r->run = raw;
		return 0;
	}
	return r->turn->sink->write(r->turn->sink->context, &raw, 1, err);
}

/* An event in parts. */
static int put_parts(struct relay *r, const struct span *parts, size_t count, struct err *err)
{
	if (r->turn->committed)
		return write_run(r, err) < 0
			       ? -1
			       : r->turn->sink->write(r->turn->sink->context, parts, count, err);
	for (size_t i = 0; i < count; i++)
		if (hold(r, parts[i], err) < 0)
			return -1;
	return 0;
}

/* The rare forms: data of several lines, a member given twice.  The event is written anew. */
static int rewrite_without_usage(struct relay *r, const struct sse_event *e, const struct frame *f,
				 struct err *err)
{
	struct jsplice s;
	struct span parts[2 * JSPLICE_MAX + 1];
	size_t count, length;
	struct buf data, event;
	int result = 0;

	jsplice_init(&s, e->data);
	if (jsplice_remove_member(&s, f->root, f->usage.text) < 0)
		return put_raw(r, e->raw, err);
	buf_init(&data, STREAM_EVENT_MAX);
	buf_init(&event, (size_t)STREAM_EVENT_MAX * 2);
	count = jsplice_parts(&s, parts, ARRAY_LEN(parts), &length);
	for (size_t i = 0; i < count; i++)
		buf_add_span(&data, parts[i]);
	if (sse_write_data(&event, buf_span(&data)) < 0)
		result = err_set(err, E_upstream_error, "", "an event of the stream is too large");
	else
		result = put_raw(r, buf_span(&event), err);
	buf_free(&data);
	buf_free(&event);
	return result;
}

/* An event without its "usage" member, which the client did not ask for. */
static int put_without_usage(struct relay *r, const struct sse_event *e, const struct frame *f,
			     struct err *err)
{
	struct span parts[2];

	if (!lies_in(e->data, e->raw) || !f->usage.is_single)
		return rewrite_without_usage(r, e, f, err);
	jsplice_cut(e->raw, f->usage, parts);
	return put_parts(r, parts, ARRAY_LEN(parts), err);
}

static int broken(struct relay *r, struct err *err, const char *what)
{
	failure_set(r->why, FAILURE_CUT, "%s", what);
	return err_set(err, E_upstream_error, "", "%s", what);
}

static int take_error(struct relay *r, const struct sse_event *e, struct err *err)
{
	failure_from_error(r->why, r->source->target, e->data);
	return err_set(err, E_upstream_error, "", "the backend reported an error");
}

/* What it has cost, for a client that asked. */
static int put_cost(struct relay *r, struct err *err)
{
	struct turn *t = r->turn;
	const struct target *target = r->source->target;
	const struct bill_facts facts = {
		.request_id = t->request_id,
		.model = target->link_model ? target->link_model->alias : target->model,
		.backend = target->backend->name,
		.usage = &t->usage,
	};
	struct buf event;
	struct span part;
	int result;

	if (!t->tells_cost)
		return 0;
	turn_settle(t, target);
	buf_init(&event, COST_EVENT_MAX);
	result = bill_event(&t->bill, &facts, &event);
	part = buf_span(&event);
	/* One that does not fit is left out: the answer is worth more. */
	result = result == 0 ? put_parts(r, &part, 1, err) : 0;
	buf_free(&event);
	return result;
}

static int take_done(struct relay *r, const struct sse_event *e, struct err *err)
{
	if (!r->finishes)
		return broken(r, err, "the stream ended before any choice had finished");
	if (!r->turn->committed && commit(r, err) < 0)
		return -1;
	r->done = true;
	if (put_cost(r, err) < 0 || put_raw(r, e->raw, err) < 0)
		return -1;
	/* The LF of a last CRLF may still be under way; nobody will read it. */
	return span_ends(e->raw, "\n\r") ? put_raw(r, SPAN_LIT("\n"), err) : 0;
}

static void count_images(struct relay *r, const struct frame *f)
{
	int64_t more = r->dialect->images(f->choices), *images = &r->turn->usage.images;

	if (more > 0)
		*images = (*images < 0 ? 0 : *images) + more;
}

/* Events like this one, which has been relayed as it came or without its usage, need not be read. */
static void learn(struct relay *r, const struct sse_event *e, const struct frame *f)
{
	bool is_cut = f->usage.type != J_NONE && !r->shows_usage;
	struct span gaps[STENCIL_GAPS], parts[2] = { SPAN_NONE, SPAN_NONE }, cut = SPAN_NONE;
	size_t count;

	if (r->stencils == STENCILS_MAX || f->finishes || f->usage.type > J_NULL || r->turn->draws ||
	    !lies_in(e->data, e->raw) || !span_ends(e->raw, "\n") || (is_cut && !f->usage.is_single))
		return;
	r->stencils++;
	if (is_cut) {
		jsplice_cut(e->raw, f->usage, parts);
		cut = span_of(parts[0].ptr + parts[0].len,
			      (size_t)(parts[1].ptr - parts[0].ptr) - parts[0].len);
	}
	count = r->dialect->gaps(f, gaps, ARRAY_LEN(gaps));
	stencil_make(&r->stencil, e->raw, gaps, count, cut);
}

/* Relays what is like the events before it, and moves piece on. */
static int take_alike(struct relay *r, struct span *piece, struct err *err)
{
	struct span parts[2];
	size_t len;

	while ((len = stencil_fits(&r->stencil, *piece, parts)) > 0) {
		int result = parts[1].len ? put_parts(r, parts, ARRAY_LEN(parts), err)
					  : put_raw(r, parts[0], err);

		if (result < 0)
			return -1;
		r->turn->content_events++;
		r->stencils = 0;
		*piece = span_from(*piece, len);
	}
	return 0;
}

/* 0: go on; -1: err is set, and r->why when it is the backend's fault. */
static int take_event(struct relay *r, const struct sse_event *e, struct err *err)
{
	struct frame f;

	r->dialect->frame(e->data, &f);
	if (f.usage.type == J_OBJECT)
		r->dialect->usage(f.usage, &r->turn->usage);
	if (r->turn->draws && f.kind == FRAME_CONTENT)
		count_images(r, &f);
	r->finishes |= f.finishes;
	r->seen |= f.seen;
	r->finished |= f.finished;
	switch (f.kind) {
	case FRAME_NOTHING:
		return r->turn->committed ? put_raw(r, e->raw, err) : 0;
	case FRAME_BROKEN:
		return broken(r, err, "the stream holds an event that is not a completion chunk");
	case FRAME_ERROR:
		return take_error(r, e, err);
	case FRAME_DONE:
		return take_done(r, e, err);
	case FRAME_USAGE:
		return r->shows_usage ? put_raw(r, e->raw, err) : 0;
	case FRAME_CONTENT:
		if (!r->turn->committed && commit(r, err) < 0)
			return -1;
		r->turn->content_events++;
		break;
	case FRAME_PRELUDE:
		break;
	}
	if (f.kind == FRAME_CONTENT)
		learn(r, e, &f);
	if (f.usage.type != J_NONE && !r->shows_usage)
		return put_without_usage(r, e, &f, err);
	return put_raw(r, e->raw, err);
}

static int take_piece(struct relay *r, struct span piece, struct err *err)
{
	struct sse_event event;
	int more;

	r->piece = piece;
	if (sse_reader_is_between(&r->reader) && take_alike(r, &piece, err) < 0)
		return -1;
	sse_reader_feed(&r->reader, piece);
	while (!r->done && (more = sse_reader_next(&r->reader, &event, err)) != 0) {
		if (more < 0) {
			failure_set(r->why, FAILURE_CUT, "%s", err->message);
			return -1;
		}
		if (take_event(r, &event, err) < 0)
			return -1;
	}
	if (write_run(r, err) < 0)
		return -1;
	r->piece = SPAN_NONE;
	/* What came together leaves together. */
	if (r->turn->committed && !r->done && !source_has_piece(r->source)) {
		r->turn->sink->flush(r->turn->sink->context);
		r->turn->quiet_since_ms = turn_now_ms(r->turn);
	}
	return 0;
}

/*
 * The body's framing ended: that is an end only when the answer had ended too.  Some servers
 * leave out the last blank line, or the end mark.
 */
static int take_end(struct relay *r, struct err *err)
{
	static const struct span done = { "data: [DONE]\n\n", 14 };

	if (sse_reader_is_mid_event(&r->reader) && take_piece(r, SPAN_LIT("\n\n"), err) < 0)
		return -1;
	if (r->done)
		return 0;
	if (!r->finishes)
		return broken(r, err, "the stream ended before any choice had finished");
	if (r->seen & ~r->finished)
		return broken(r, err, "the stream ended before every choice had finished");
	if (!r->turn->committed && commit(r, err) < 0)
		return -1;
	r->done = true;
	if (put_cost(r, err) < 0)
		return -1;
	return r->turn->sink->write(r->turn->sink->context, &done, 1, err);
}

/*
 * After the last event the backend's connection may go on to serve others.  The client has its
 * answer, and may have asked the next question: so the wait for that is short, in all.
 */
static void drain(const struct turn *t, struct source *s)
{
	int64_t until_ms = turn_now_ms(t) + DRAIN_MS, left_ms;
	struct span piece;
	struct err ignored;

	while ((left_ms = until_ms - turn_now_ms(t)) > 0)
		if (source_read(s, &piece, left_ms, &ignored) != UPCALL_DATA)
			return;
}

/* An event that is all that has come, and like those before it, leaves without the fiber. */
static bool take_offered(void *context, struct span piece)
{
	struct relay *r = context;
	struct turn *t = r->turn;
	struct span parts[2];

	if (stencil_fits(&r->stencil, piece, parts) != piece.len ||
	    !sse_reader_is_between(&r->reader) ||
	    !t->sink->pass(t->sink->context, parts, parts[1].len ? 2 : 1))
		return false;
	t->content_events++;
	t->quiet_since_ms = turn_now_ms(t);
	r->stencils = 0;
	return true;
}

static int relay_loop(struct relay *r, struct err *err)
{
	struct turn *t = r->turn;
	bool trimmed = false;

	if (t->sink->pass)
		source_offer(r->source, take_offered, r);
	while (!r->done) {
		struct span piece;
		int64_t before = turn_now_us(t);
		enum upcall_result got = source_read(r->source, &piece, until_ping(t), err);

		t->waited_us += turn_now_us(t) - before;
		switch (got) {
		case UPCALL_DATA:
			if (take_piece(r, piece, err) < 0)
				return -1;
			if (t->committed && !r->done && !trimmed) {
				trimmed = true; /* minutes may follow: what the start used goes */
				fiber_trim();
			}
			break;
		case UPCALL_WAIT:
			if (until_ping(t) == 0 && ping(t, err) < 0)
				return -1;
			break;
		case UPCALL_END:
			if (take_end(r, err) < 0)
				return -1;
			break;
		case UPCALL_FAILED:
			failure_from_err(r->why, r->source->target, err);
			return -1;
		}
	}
	return 0;
}

enum relay_end stream_relay(struct turn *t, struct source *s, bool shows_usage, struct failure *why,
			    struct err *err)
{
	/* Long-lived, so not on the fiber's stack. */
	struct relay *r = arena_zalloc(t->arena, sizeof *r);
	enum relay_end end = RELAY_DONE;
	int result;

	if (!r) {
		err_used_up(err);
		failure_from_err(why, s->target, err);
		return RELAY_FAILED;
	}
	r->turn = t;
	r->source = s;
	r->dialect = dialect_of(s->target->backend->provider->dialect);
	r->shows_usage = shows_usage;
	r->why = why;
	failure_set(why, FAILURE_CANCELLED, "the client left");
	sse_reader_init(&r->reader, STREAM_EVENT_MAX);
	buf_init(&r->held, STREAM_HELD_MAX);
	result = relay_loop(r, err);
	source_offer(s, NULL, NULL);
	if (result < 0) {
		end = err->code == E_cancelled ? RELAY_GONE : RELAY_FAILED;
		if (end == RELAY_FAILED && why->class == FAILURE_CANCELLED)
			failure_from_err(why, s->target, err);
		/* What has come in order still leaves, ahead of the error. */
		if (t->committed && end == RELAY_FAILED)
			write_run(r, err);
	} else {
		t->finished = true;
		t->sink->end(t->sink->context);
		drain(t, s);
	}
	sse_reader_free(&r->reader);
	buf_free(&r->held);
	return end;
}
