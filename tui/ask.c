/* tui/ask.c - an answer from the wire to stdout. */
#include "tui/ask.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/models.h"

#include <errno.h>
#include <stdio.h>

enum {
	TICK_MS = 100,         /* how long a signal or the sign of waiting may go unseen */
	SPINNER_MS = 300,      /* a quick answer gets none */
	LINES_MAX = 64 * 1024 * 1024,
	TAIL_MAX = 64 * 1024
};

struct ask {
	const struct ask_setup *setup;
	struct page *page; /* NULL: raw */
	struct buf lines, tail;
	size_t newlines;   /* held back: the last ones are not part of the answer */
	int64_t started_ms;
	bool has_tail, has_spinner, has_text, in_thought;
	int failed;        /* errno of stdout */
};

/* stderr */

static void hide_spinner(struct ask *a)
{
	if (a->has_spinner)
		fputs("\r\033[K", stderr);
	a->has_spinner = false;
}

static void show_spinner(struct ask *a)
{
	static const char frames[] = "|/-\\";
	int64_t waited = clock_mono_ms() - a->started_ms;

	if (!a->setup->talks || !a->setup->can_repaint || a->has_text || a->in_thought || waited < SPINNER_MS)
		return;
	fprintf(stderr, "\r%c %lld s\033[K", frames[waited / TICK_MS % 4], (long long)(waited / 1000));
	a->has_spinner = true;
}

static void end_thought(struct ask *a)
{
	if (a->in_thought)
		fputs("\n\n", stderr);
	a->in_thought = false;
}

static void say_dim(struct ask *a, struct span text)
{
	struct buf out;

	buf_init(&out, 16 * (text.len + 16));
	ink_print_text(text, STYLE_DIM, a->setup->stderr_color, &out);
	fwrite(out.ptr, 1, out.len, stderr);
	buf_free(&out);
}

static void on_thought(void *context, struct span s)
{
	struct ask *a = context;

	if (!a->setup->talks || a->has_text)
		return;
	hide_spinner(a);
	say_dim(a, s);
	a->in_thought = true;
}

static void on_tool(void *context, const char *name, const char *arguments)
{
	struct ask *a = context;
	char *line = mem_printf("tool call: %s %s", name, arguments);

	if (a->setup->talks) {
		hide_spinner(a);
		end_thought(a);
		say_dim(a, span_str(line));
		fputc('\n', stderr);
	}
	mem_free(line);
}

/* stdout */

/* stdio keeps that it failed, but not why. */
static void note_failure(struct ask *a)
{
	if (!a->failed)
		a->failed = errno ? errno : EIO;
}

static void write_out(struct ask *a, struct span s)
{
	if (s.len && fwrite(s.ptr, 1, s.len, stdout) != s.len)
		note_failure(a);
}

/* Newlines wait until something follows them. */
static void write_raw(struct ask *a, struct span s)
{
	size_t end = s.len;

	while (end && s.ptr[end - 1] == '\n')
		end--;
	if (end) {
		for (; a->newlines; a->newlines--)
			write_out(a, SPAN_LIT("\n"));
		write_out(a, span_of(s.ptr, end));
	}
	a->newlines += s.len - end;
}

static void on_text(void *context, struct span s)
{
	struct ask *a = context;

	hide_spinner(a);
	end_thought(a);
	a->has_text = true;
	if (a->setup->is_silent)
		return;
	if (a->page)
		page_feed(a->page, PAGE_ANSWER, s);
	else
		write_raw(a, s);
}

static void flush(struct ask *a)
{
	if (fflush(stdout) != 0)
		note_failure(a);
}

/* The finished lines, and below them what there is of the next one. */
static void paint(struct ask *a)
{
	if (a->page && a->has_text) {
		if (a->has_tail)
			write_out(a, SPAN_LIT("\r\033[K"));
		write_out(a, buf_span(&a->lines));
		buf_clear(&a->lines);
		a->has_tail = false;
		if (a->setup->can_repaint) {
			page_tail(a->page, &a->tail);
			write_out(a, buf_span(&a->tail));
			a->has_tail = a->tail.len > 0;
		}
	}
	flush(a);
}

static void end_output(struct ask *a)
{
	hide_spinner(a);
	end_thought(a);
	if (a->setup->is_silent || !a->has_text)
		return;
	if (a->page) {
		if (a->has_tail)
			write_out(a, SPAN_LIT("\r\033[K"));
		page_end(a->page);
		write_out(a, buf_span(&a->lines));
	} else
		write_out(a, SPAN_LIT("\n"));
	flush(a);
}

static int follow(struct ask *a, struct wire *w, const struct answer *answer, struct err *err)
{
	size_t shown = 0;

	while (!answer_is_done(answer)) {
		wire_wait(w, NULL, 0, TICK_MS);
		if (answer_text(answer).len != shown)
			paint(a);
		else
			show_spinner(a);
		shown = answer_text(answer).len;
		if (a->failed)
			return 0;
	}
	if (answer_error(answer)->code == E_none)
		return 0;
	*err = *answer_error(answer);
	return -1;
}

static void keep_outcome(const struct ask *a, const struct answer *answer, struct ask_outcome *out)
{
	json_t *usage = json_deep_copy(answer_usage(answer));

	out->facts = *answer_facts(answer);
	out->usage = usage;
	out->output_errno = a->failed;
	buf_add_span(&out->text, answer_text(answer));
}

/* The request as JSON, with the gateway's own choice when no model is named. */
static int write_body(const struct ask_setup *setup, struct wire *w, const struct convo *question,
		      struct buf *body, struct err *err)
{
	struct convo_request request = setup->request;
	struct models models = { .count = 0 };
	int result = -1;

	if (!request.model) {
		if (models_read(w, &models, err) < 0)
			return -1;
		request.model = models.preferred;
	}
	result = convo_body(question, &request, body);
	if (result < 0)
		err_set(err, E_too_large, "", "the question is larger than %d bytes", CONVO_BODY_MAX);
	models_clear(&models);
	return result;
}

int ask_run(const struct ask_setup *setup, const struct convo *question, struct ask_outcome *out,
	    struct err *err)
{
	struct ask a = { .setup = setup, .started_ms = clock_mono_ms() };
	const struct answer_sink sink = { on_text, on_thought, on_tool, &a };
	struct wire *w = wire_new(&setup->target);
	struct answer *answer = NULL;
	struct buf body;
	int64_t waited_ms = 0;
	int result = -1;

	*out = (struct ask_outcome){ .usage = NULL };
	buf_init(&out->text, WIRE_REPLY_MAX);
	buf_init(&body, CONVO_BODY_MAX);
	buf_init(&a.lines, LINES_MAX);
	buf_init(&a.tail, TAIL_MAX);
	if (setup->renders && !setup->is_silent)
		a.page = page_new(&setup->page, &a.lines);
	if (write_body(setup, w, question, &body, err) < 0)
		goto out;
	do {
		answer_free(answer);
		answer = answer_start(w, buf_span(&body), setup->request.stream, &sink);
		err_clear(err);
		result = follow(&a, w, answer, err);
		hide_spinner(&a);
	} while (result < 0 && wire_again(w, &waited_ms, err));
	end_output(&a);
	keep_outcome(&a, answer, out);
out:
	answer_free(answer);
	wire_free(w);
	page_free(a.page);
	buf_free(&body);
	buf_free(&a.lines);
	buf_free(&a.tail);
	return result;
}

void ask_outcome_clear(struct ask_outcome *out)
{
	buf_free(&out->text);
	json_decref(out->usage);
}
