/* tui/talk.c - the loop: keyboard, signals, transfers. */
#include "tui/talk_inside.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/attach.h"
#include "tui/history.h"
#include "tui/signals.h"

#include <signal.h>
#include <string.h>

enum { LINES_MAX = 64 * 1024 * 1024, TAIL_MAX = 64 * 1024, TYPED_MAX = 16 * 1024 * 1024, TWICE_MS = 1000 };

/* What the prompt calls; what it says is done by the loop, outside of readline. */

static void on_line(void *context, const char *line)
{
	struct talk *t = context;

	if (line)
		buf_add(&t->typed, line, strlen(line) + 1);
	else
		t->at_end = true;
}

static void on_settle(void *context)
{
	struct talk *t = context;

	if (!t->has_tail)
		return;
	talk_take_tail(t);
	prompt_show(t->prompt);
}

static bool on_silent(void *context)
{
	return ((struct talk *)context)->answer != NULL;
}

static void on_edit(void *context)
{
	((struct talk *)context)->wants_editor = true;
}

/* Lines */

static void wait_for_turn(struct talk *t, const char *line)
{
	if (t->waiting_count == QUEUE_MAX) {
		talk_say(t, STYLE_BAD, "%d messages wait already; this one is dropped, Up brings it back.",
			 QUEUE_MAX);
		return;
	}
	t->waiting[t->waiting_count++] = mem_strdup(line);
	talk_say(t, STYLE_DIM, "[queued: it is sent when the answer has ended]");
}

static void take_line(struct talk *t, const char *line)
{
	struct span text = span_str(line), name, argument;
	const char *near;

	if (slash_split(text, &name, &argument)) {
		const struct slash *row = slash_find(slash_table, name, &near);

		if (t->answer && row && !row->any_time)
			wait_for_turn(t, line);
		else
			talk_command(t, name, argument);
		return;
	}
	if (t->answer) {
		wait_for_turn(t, line);
		return;
	}
	talk_send(t, span_starts(text, "//") ? span_from(text, 1) : text);
}

/* While an answer comes, what is said about a line does not cut it. */
static void do_line(struct talk *t, const char *line)
{
	t->interjects = t->answer && prompt_is_live(t->prompt);
	if (t->interjects)
		talk_say(t, 0, "> %s", line);
	take_line(t, line);
	t->interjects = false;
}

static void keep_history(struct talk *t, const char *line)
{
	struct err err = ERR_INIT;

	/* A history that cannot be kept is no reason to disturb a conversation. */
	if (t->setup->history_path && history_wants(line))
		history_append(t->setup->history_path, line, &err);
}

static void do_typed(struct talk *t)
{
	while (t->typed.len && !t->is_over) {
		char *line = mem_strdup(t->typed.ptr);

		buf_consume(&t->typed, strlen(line) + 1);
		keep_history(t, line);
		do_line(t, line);
		mem_free(line);
		talk_paint(t);
	}
	buf_clear(&t->typed);
	if (!t->answer && !prompt_is_live(t->prompt))
		prompt_show(t->prompt);
}

static void do_waiting(struct talk *t)
{
	while (!t->answer && t->waiting_count && !t->is_over) {
		char *line = t->waiting[0];

		t->waiting_count--;
		memmove(t->waiting, t->waiting + 1, t->waiting_count * sizeof t->waiting[0]);
		talk_say(t, STYLE_DIM, "> %s", line);
		do_line(t, line);
		mem_free(line);
		talk_paint(t);
	}
}

/* Signals */

static void interrupt(struct talk *t)
{
	int64_t now = clock_mono_ms();
	bool is_done = t->was_cancelled;

	t->was_cancelled = false;
	if (t->answer) {
		talk_stop(t);
	} else if (is_done) {
		return;
	} else if (*prompt_text(t->prompt)) {
		keep_history(t, prompt_text(t->prompt));
		prompt_clear(t->prompt);
	} else if (t->interrupted_ms && now - t->interrupted_ms < TWICE_MS) {
		t->is_over = true;
		t->end_signal = SIGINT;
	} else {
		t->interrupted_ms = now;
		talk_say(t, STYLE_DIM, "[Ctrl-C again, Ctrl-D or /quit ends]");
		if (!prompt_is_live(t->prompt)) {
			prompt_hide(t->prompt);
			prompt_clear(t->prompt);
		}
		talk_paint(t);
		prompt_show(t->prompt);
	}
}

static void stop_self(struct talk *t)
{
	talk_take_tail(t);
	prompt_pause(t->prompt);
	signals_stop_self();
	prompt_resume(t->prompt);
	talk_paint(t);
}

static void do_signals(struct talk *t)
{
	int number;

	while ((number = signals_next())) {
		switch (number) {
		case SIGINT:
			interrupt(t);
			break;
		case SIGTSTP:
			stop_self(t);
			break;
		case SIGCONT: /* after a stop that was not ours the terminal is the shell's */
			talk_take_tail(t);
			prompt_hide(t->prompt);
			prompt_resume(t->prompt);
			break;
		case SIGWINCH:
			talk_resize(t);
			break;
		default:
			t->end_signal = number;
			t->is_over = true;
			break;
		}
	}
}

static void do_editor(struct talk *t)
{
	struct err err = ERR_INIT;
	int number;

	t->wants_editor = false;
	if (t->answer) {
		talk_say(t, STYLE_DIM, "[the editor can be opened when the answer has ended]");
		talk_paint(t);
		return;
	}
	if (prompt_edit(t->prompt, &err) < 0)
		talk_say(t, STYLE_BAD, "%s", err.message);
	/* A Ctrl-C in the editor was for the editor. */
	while ((number = signals_next()))
		if (number == SIGTERM || number == SIGHUP) {
			t->end_signal = number;
			t->is_over = true;
		}
	talk_resize(t);
}

/* The loop */

static void turn(struct talk *t)
{
	struct pollfd fds[] = {
		{ .fd = signals_fd(), .events = POLLIN },
		{ .fd = prompt_fd(t->prompt), .events = POLLIN },
	};
	/* Where a dumb terminal shows no prompt, what is typed waits. */
	size_t count = t->answer && !prompt_is_live(t->prompt) ? 1 : 2;

	wire_wait(t->wire, fds, count, talk_next_paint(t));
	do_signals(t);
	if (t->is_over)
		return;
	if (count == 2 && fds[1].revents)
		prompt_read(t->prompt);
	if (t->wants_editor)
		do_editor(t);
	do_typed(t);
	if (t->answer && answer_is_done(t->answer))
		talk_finish(t);
	else if (t->answer && talk_next_paint(t) == 0)
		talk_paint(t);
	do_waiting(t);
	t->is_over |= t->at_end;
}

static void remember(void *context, const char *text)
{
	prompt_remember(((struct talk *)context)->prompt, text);
}

static void begin(struct talk *t)
{
	struct err err = ERR_INIT;

	if (t->setup->history_path && history_load(t->setup->history_path, remember, t, &err) < 0)
		talk_say(t, STYLE_DIM, "The history cannot be read: %s", err.message);
	if (!t->setup->is_quiet) {
		talk_greet(t);
		talk_say(t, STYLE_DIM, "/help lists the commands, Ctrl-D ends.");
		if (t->index)
			talk_say(t, STYLE_DIM, "Each message is searched for in %s%s%s; /rag off ends that.",
				 t->index, t->filter ? " where " : "", t->filter ? t->filter : "");
		if (t->context.len)
			talk_say(t, STYLE_DIM, "%zu bytes go with the first message.", t->context.len);
		buf_add_char(&t->lines, '\n');
	}
	if (t->conversation)
		talk_keep_show(t);
	if (t->setup->first) {
		talk_say(t, STYLE_BOLD, "> %s", t->setup->first);
		keep_history(t, t->setup->first);
		remember(t, t->setup->first);
		talk_send(t, span_str(t->setup->first));
	}
	talk_paint(t);
}

static int choose_model(struct talk *t, struct err *err)
{
	const char *wanted = t->setup->model;

	if (models_read(t->wire, &t->models, err) < 0)
		return -1;
	if (wanted && !models_may_have(&t->models, wanted)) {
		const char *near = models_near(&t->models, wanted);

		return err_set(err, E_model_not_in_allowlist, "model", "there is no model \"%.128s\"%s%s%s",
			       wanted, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	}
	t->model = mem_strdup(wanted ? wanted : t->models.preferred);
	return 0;
}

static void init(struct talk *t, const struct talk_setup *setup)
{
	*t = (struct talk){ .setup = setup };
	t->wire = wire_new(&setup->target);
	t->convo = convo_new();
	convo_system(t->convo, setup->system);
	buf_init(&t->lines, LINES_MAX);
	buf_init(&t->tail, TAIL_MAX);
	buf_init(&t->shown_tail, TAIL_MAX);
	buf_init(&t->held, TAIL_MAX);
	buf_init(&t->body, CONVO_BODY_MAX);
	buf_init(&t->typed, TYPED_MAX);
	attach_init(&t->context);
	buf_init(&t->passages, CONVO_BODY_MAX);
	buf_init(&t->asked, CONVO_BODY_MAX);
	buf_init(&t->before, CONVO_BODY_MAX);
	t->index = setup->index ? mem_strdup(setup->index) : NULL;
	t->filter = setup->filter ? mem_strdup(setup->filter) : NULL;
	buf_add_span(&t->context, setup->context);
	t->columns = talk_columns(t);
	t->page = page_new(&setup->page, &t->lines);
}

static void release(struct talk *t)
{
	answer_free(t->answer);
	wire_free(t->wire);
	convo_free(t->convo);
	models_clear(&t->models);
	page_free(t->page);
	for (size_t i = 0; i < t->waiting_count; i++)
		mem_free(t->waiting[i]);
	mem_free(t->model);
	talk_keep_release(t);
	talk_rag_release(t);
	buf_free(&t->lines);
	buf_free(&t->tail);
	buf_free(&t->shown_tail);
	buf_free(&t->held);
	buf_free(&t->body);
	buf_free(&t->typed);
	buf_free(&t->context);
}

int talk_run(const struct talk_setup *setup, struct err *err)
{
	struct talk t;
	int result = -1;

	init(&t, setup);
	if (choose_model(&t, err) < 0 || (t.index && !sources_has_index(t.wire, t.index, err)) ||
	    talk_keep_begin(&t, err) < 0 || signals_open(err) < 0)
		goto out;
	t.prompt = prompt_open(&(struct prompt_setup){ .in = setup->in,
						       .out = setup->out,
						       .is_dumb = setup->is_dumb,
						       .color = setup->page.color,
						       .line = on_line,
						       .is_silent = on_silent,
						       .settle = on_settle,
						       .edit = on_edit,
						       .complete = talk_complete,
						       .wants_file = talk_wants_file,
						       .context = &t });
	begin(&t);
	while (!t.is_over)
		turn(&t);
	if (t.answer)
		talk_stop(&t);
	talk_keep_farewell(&t);
	talk_take_tail(&t);
	prompt_hide(t.prompt);
	fwrite(t.lines.ptr, 1, t.lines.len, setup->out);
	prompt_close(t.prompt);
	fflush(setup->out);
	signals_close();
	result = t.end_signal;
out:
	release(&t);
	return result;
}
