/* tests/support/upstream_ops.c - the operations of a rule, one row each. */
#include "tests/support/upstream.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { OUT_HIGH = 256 * 1024 };

void mock_shape_reset(struct mock_conn *c)
{
	struct mock_shape *s = &c->shape;
	text_free(&s->headers);
	text_free(&s->say);
	text_free(&s->tools);
	text_free(&s->reasoning);
	if (s->packer) {
		deflateEnd(s->packer);
		free(s->packer);
	}
	*s = (struct mock_shape){ .status = 200, .eol = "\n", .keep = true, .tokens = -1, .completion_used = -1,
				  .prompt_used = 9, .dimensions = 768 };
	c->split = 0;
}

/* Operations that only change the shape of the answer. */

static enum mock_step op_status(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.status = (int)op->n[0];
	return STEP_NEXT;
}

static enum mock_step op_header(struct mock_conn *c, const struct mock_op *op)
{
	text_printf(&c->shape.headers, "%.*s\r\n", (int)op->len, op->text);
	return STEP_NEXT;
}

static enum mock_step op_type(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.type = op->text;
	return STEP_NEXT;
}

static enum mock_step op_say(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.say.len = 0;
	text_add(&c->shape.say, op->text, op->len);
	return STEP_NEXT;
}

static enum mock_step op_think(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.reasoning.len = 0;
	text_add(&c->shape.reasoning, op->text, op->len);
	return STEP_NEXT;
}

static enum mock_step op_tokens(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.tokens = op->n[0];
	return STEP_NEXT;
}

/* tool NAME ARGUMENTS */
static enum mock_step op_tool(struct mock_conn *c, const struct mock_op *op)
{
	size_t name = strcspn(op->text, " ");
	const char *arguments = op->text + name + strspn(op->text + name, " ");
	text_printf(&c->shape.tools, "%.*s\t%s\n", (int)name, op->text, *arguments ? arguments : "{}");
	return STEP_NEXT;
}

static enum mock_step op_finish(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.finish = op->text;
	return STEP_NEXT;
}

static enum mock_step op_model(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.model = op->text;
	return STEP_NEXT;
}

static enum mock_step op_usage(struct mock_conn *c, const struct mock_op *op)
{
	static const char *const names[] = { "asked", "always", "content", "every", "none" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(op->text, names[i]) == 0)
			c->shape.usage = (enum mock_usage)i;
	return STEP_NEXT;
}

static enum mock_step op_used(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.prompt_used = op->n[0];
	c->shape.completion_used = op->n[1];
	return STEP_NEXT;
}

/* pace HEAD FIRST GAP: ms before the head, from there to the first event, between events */
static enum mock_step op_pace(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.head_ms = op->n[0];
	c->shape.first_ms = op->n[1];
	c->shape.gap_ms = op->n[2];
	return STEP_NEXT;
}

static enum mock_step op_pad(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.pad = op->n[0];
	return STEP_NEXT;
}

static enum mock_step op_size(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.size = op->n[0];
	return STEP_NEXT;
}

static enum mock_step op_dimensions(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.dimensions = op->n[0];
	return STEP_NEXT;
}

static enum mock_step set_fate(struct mock_conn *c, const struct mock_op *op, enum mock_fate fate)
{
	c->shape.fate = fate;
	c->shape.fate_after = op->row->arg == ARG_NUMBERS ? op->n[0] : strtol(op->text, NULL, 10);
	return STEP_NEXT;
}

static enum mock_step op_cut_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_fate(c, op, FATE_CUT);
}

static enum mock_step op_reset_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_fate(c, op, FATE_RESET);
}

static enum mock_step op_stall_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_fate(c, op, FATE_STALL);
}

static enum mock_step op_end_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_fate(c, op, FATE_END);
}

static enum mock_step set_text_fate(struct mock_conn *c, const struct mock_op *op, enum mock_fate fate)
{
	size_t digits = strspn(op->text, "0123456789");
	c->shape.error = op->text + digits + strspn(op->text + digits, " ");
	return set_fate(c, op, fate);
}

/* error-after N DATA: an event with that data, then a clean end without [DONE] */
static enum mock_step op_error_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_text_fate(c, op, FATE_ERROR);
}

/* garble-after N BYTES: those bytes in the place of an event, then on as if nothing had been */
static enum mock_step op_garble_after(struct mock_conn *c, const struct mock_op *op)
{
	return set_text_fate(c, op, FATE_GARBLE);
}

static enum mock_step op_no_done(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	c->shape.no_done = true;
	return STEP_NEXT;
}

static enum mock_step op_comments(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	c->shape.comments = true;
	return STEP_NEXT;
}

static enum mock_step op_eol(struct mock_conn *c, const struct mock_op *op)
{
	c->shape.eol = op->text;
	return STEP_NEXT;
}

static enum mock_step op_framing(struct mock_conn *c, const struct mock_op *op)
{
	static const char *const names[] = { "length", "chunked", "close" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(op->text, names[i]) == 0) {
			c->shape.framing = (enum mock_framing)i;
			c->shape.framing_set = true;
		}
	return STEP_NEXT;
}

/*
 * coding gzip|deflate|bare|cut: the body is coded so, flushed after each piece; bare: deflate without
 * its wrapper; cut: gzip whose end is missing.  The length is not known ahead then.
 */
static enum mock_step op_coding(struct mock_conn *c, const struct mock_op *op)
{
	static const char *const names[] = { "none", "gzip", "deflate", "bare", "cut" };
	static const char *const told[] = { "identity", "gzip", "deflate", "deflate", "gzip" };
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(op->text, names[i]) == 0) {
			c->shape.coding = (enum mock_coding)i;
			text_printf(&c->shape.headers, "Content-Encoding: %s\r\n", told[i]);
		}
	if (!c->shape.framing_set)
		c->shape.framing = FRAME_CHUNKED;
	c->shape.framing_set = true;
	return STEP_NEXT;
}

static enum mock_step op_close(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	c->shape.keep = false;
	return STEP_NEXT;
}

/* split BYTES MS: from here on write in such pieces, with such pauses */
static enum mock_step op_split(struct mock_conn *c, const struct mock_op *op)
{
	c->split = (size_t)op->n[0];
	c->split_us = op->n[1] * 1000;
	return STEP_NEXT;
}

/* error STATUS CODE MESSAGE */
static enum mock_step op_error(struct mock_conn *c, const struct mock_op *op)
{
	char *at;
	c->shape.status = (int)strtol(op->text, &at, 10);
	at += strspn(at, " ");
	size_t code = strcspn(at, " ");
	c->shape.finish = NULL;
	c->shape.error = op->text;
	c->shape.say.len = 0;
	text_add_str(&c->shape.say, at + code + strspn(at + code, " "));
	text_printf(&c->shape.tools, "%.*s", (int)code, at);
	return STEP_NEXT;
}

/* Operations that send or wait. */

static enum mock_step op_delay(struct mock_conn *c, const struct mock_op *op)
{
	return c->phase++ ? STEP_NEXT : mock_wait_ms(c, op->n[0]);
}

/* Until the case has made that file. */
static enum mock_step op_await(struct mock_conn *c, const struct mock_op *op)
{
	enum { LOOK_MS = 5 };

	return access(op->text, F_OK) == 0 ? STEP_NEXT : mock_wait_ms(c, LOOK_MS);
}

static enum mock_step op_head(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	if (!c->shape.framing_set)
		c->shape.framing = FRAME_CHUNKED;
	mock_answer_head(c);
	return STEP_NEXT;
}

/* The whole answer's body, with its head when none was sent. */
static void send_body(struct mock_conn *c, const char *bytes, size_t len)
{
	if (!c->head_sent) {
		c->shape.size = (int64_t)len;
		mock_answer_head(c);
	}
	mock_answer_data(c, bytes, len);
	mock_answer_end(c);
}

static enum mock_step op_body(struct mock_conn *c, const struct mock_op *op)
{
	send_body(c, op->text, op->len);
	return STEP_NEXT;
}

static enum mock_step op_echo(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	send_body(c, c->req.body ? c->req.body : "", c->req.body_len);
	return STEP_NEXT;
}

static void need_stream_head(struct mock_conn *c)
{
	if (c->head_sent)
		return;
	if (!c->shape.type)
		c->shape.type = "text/event-stream";
	if (!c->shape.framing_set)
		c->shape.framing = FRAME_CHUNKED;
	mock_answer_head(c);
}

static enum mock_step op_event(struct mock_conn *c, const struct mock_op *op)
{
	need_stream_head(c);
	mock_answer_event(c, op->text, op->len);
	c->events++;
	return STEP_NEXT;
}

static enum mock_step op_chunk(struct mock_conn *c, const struct mock_op *op)
{
	need_stream_head(c);
	mock_answer_data(c, op->text, op->len);
	return STEP_NEXT;
}

static enum mock_step op_raw(struct mock_conn *c, const struct mock_op *op)
{
	c->head_sent = c->body_ended = true;
	mock_send(c, op->text, op->len);
	return STEP_NEXT;
}

static enum mock_step op_interim(struct mock_conn *c, const struct mock_op *op)
{
	struct text head = { 0 };
	text_printf(&head, "HTTP/1.1 %s\r\n\r\n", op->text);
	mock_send(c, head.ptr, head.len);
	text_free(&head);
	return STEP_NEXT;
}

/* repeat N BYTES: those bytes N times, raw; 0 = for ever */
static enum mock_step op_repeat(struct mock_conn *c, const struct mock_op *op)
{
	size_t digits = strspn(op->text, "0123456789");
	int64_t times = kit_number(op->text, digits);
	const char *bytes = op->text + digits + 1;
	size_t len = op->len > digits + 1 ? op->len - digits - 1 : 0;
	c->head_sent = c->body_ended = true;
	while (len && (times <= 0 || c->count < times)) {
		if (c->out.len - c->out_at > OUT_HIGH)
			return STEP_FULL;
		mock_send(c, bytes, len);
		c->count++;
	}
	return STEP_NEXT;
}

/* flood: a stream of content events without an end */
static enum mock_step op_flood(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	static const char event[] = "{\"id\":\"flood\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,"
				    "\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"flood \"},"
				    "\"finish_reason\":null}]}";
	need_stream_head(c);
	while (c->out.len - c->out_at <= OUT_HIGH) {
		mock_answer_event(c, event, sizeof event - 1);
		c->events++;
	}
	return STEP_FULL;
}

static enum mock_step op_answer(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	return mock_answer_run(c);
}

static enum mock_step op_end(struct mock_conn *c, const struct mock_op *op)
{
	(void)op;
	mock_answer_end(c);
	return STEP_NEXT;
}

static enum mock_step op_stall(struct mock_conn *c, const struct mock_op *op)
{
	(void)c;
	(void)op;
	return STEP_HOLD;
}

static enum mock_step op_cut(struct mock_conn *c, const struct mock_op *op)
{
	(void)c;
	(void)op;
	return STEP_CUT;
}

static enum mock_step op_reset(struct mock_conn *c, const struct mock_op *op)
{
	(void)c;
	(void)op;
	return STEP_RESET;
}

const struct mock_op_row mock_op_table[] = {
	{ "status", ARG_NUMBERS, op_status },
	{ "header", ARG_BYTES, op_header },
	{ "type", ARG_TEXT, op_type },
	{ "say", ARG_BYTES, op_say },
	{ "think", ARG_BYTES, op_think },
	{ "tokens", ARG_NUMBERS, op_tokens },
	{ "tool", ARG_TEXT, op_tool },
	{ "finish", ARG_TEXT, op_finish },
	{ "model", ARG_TEXT, op_model },
	{ "usage", ARG_TEXT, op_usage },
	{ "used", ARG_NUMBERS, op_used },
	{ "pace", ARG_NUMBERS, op_pace },
	{ "pad", ARG_NUMBERS, op_pad },
	{ "size", ARG_NUMBERS, op_size },
	{ "dimensions", ARG_NUMBERS, op_dimensions },
	{ "cut-after", ARG_NUMBERS, op_cut_after },
	{ "reset-after", ARG_NUMBERS, op_reset_after },
	{ "stall-after", ARG_NUMBERS, op_stall_after },
	{ "end-after", ARG_NUMBERS, op_end_after },
	{ "error-after", ARG_TEXT, op_error_after },
	{ "garble-after", ARG_BYTES, op_garble_after },
	{ "no-done", ARG_NONE, op_no_done },
	{ "comments", ARG_NONE, op_comments },
	{ "eol", ARG_BYTES, op_eol },
	{ "framing", ARG_TEXT, op_framing },
	{ "coding", ARG_TEXT, op_coding },
	{ "close", ARG_NONE, op_close },
	{ "split", ARG_NUMBERS, op_split },
	{ "error", ARG_TEXT, op_error },
	{ "delay", ARG_NUMBERS, op_delay },
	{ "await", ARG_TEXT, op_await },
	{ "head", ARG_NONE, op_head },
	{ "body", ARG_BYTES, op_body },
	{ "echo", ARG_NONE, op_echo },
	{ "event", ARG_BYTES, op_event },
	{ "chunk", ARG_BYTES, op_chunk },
	{ "raw", ARG_BYTES, op_raw },
	{ "interim", ARG_BYTES, op_interim },
	{ "repeat", ARG_BYTES, op_repeat },
	{ "flood", ARG_NONE, op_flood },
	{ "answer", ARG_NONE, op_answer },
	{ "end", ARG_NONE, op_end },
	{ "stall", ARG_NONE, op_stall },
	{ "cut", ARG_NONE, op_cut },
	{ "reset", ARG_NONE, op_reset },
	{ NULL, ARG_NONE, NULL },
};

/* What follows the last operation: the default answer, or the end of what was begun. */
static enum mock_step run_tail(struct mock_conn *c)
{
	if (!c->head_sent || (c->phase && !c->body_ended)) {
		enum mock_step step = mock_answer_run(c);
		if (step != STEP_NEXT)
			return step;
	}
	mock_answer_end(c);
	return STEP_NEXT;
}

void mock_run(struct mock_conn *c)
{
	size_t count = c->rule ? c->rule->op_count : 0;
	/* in may have moved while further bytes came */
	if (c->req.head != c->in.ptr) {
		c->req.head = c->in.ptr;
		if (!c->req.chunked && c->req.body)
			c->req.body = c->in.ptr + c->req.head_len;
	}
	for (;;) {
		enum mock_step step;
		if (c->pc < count) {
			const struct mock_op *op = &c->rule->ops[c->pc];
			step = op->row->run(c, op);
		} else {
			step = run_tail(c);
		}
		if (step == STEP_CUT || step == STEP_RESET)
			c->ending = step;
		if (step == STEP_HOLD)
			c->wake_us = 0;
		if (step != STEP_NEXT)
			return;
		c->count = c->phase = 0;
		if (c->pc >= count) {
			mock_conn_done(c);
			return;
		}
		c->pc++;
	}
}
