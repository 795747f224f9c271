/* tui/talk_paint.c - transcript, repainted row and prompt on the screen. */
#include "tui/talk_inside.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/remedy.h"
#include "tui/signals.h"
#include "tui/width.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

enum {
	PAINT_MS = 40,    /* at most 25 times a second */
	WAITING_MS = 300, /* then it is said that an answer is waited for */
	TICK_MS = 1000
};

/* The lines from there on. */
static void hold(struct talk *t, size_t from)
{
	if (buf_add(&t->held, t->lines.ptr + from, t->lines.len - from) == 0)
		buf_truncate(&t->lines, from);
}

void talk_place_held(struct talk *t)
{
	buf_add_span(&t->lines, buf_span(&t->held));
	buf_clear(&t->held);
}

void talk_say(struct talk *t, unsigned style, const char *format, ...)
{
	struct buf text;
	size_t before = t->lines.len;
	struct span rest;
	va_list args;

	buf_init(&text, MIB);
	va_start(args, format);
	buf_vprintf(&text, format, args);
	va_end(args);
	rest = buf_span(&text);
	while (rest.ptr)
		page_note(t->page, style, span_cut(&rest, '\n'));
	buf_free(&text);
	if (t->interjects)
		hold(t, before);
}

void talk_say_error(struct talk *t, const struct err *err)
{
	const char *remedy = remedy_of(err, REMEDY_CHAT);

	t->was_cancelled = err->code == E_cancelled && signals_want_end();
	if (t->was_cancelled) {
		talk_say(t, STYLE_DIM, "[interrupted]");
		return;
	}
	talk_say(t, STYLE_BAD, "%s: %s", err_info(err->code)->code, err->message);
	if (err->retry_after_s > 0)
		talk_say(t, STYLE_DIM, "It may work again in %d s.", err->retry_after_s);
	else if (remedy && *remedy)
		talk_say(t, STYLE_DIM, "%s", remedy);
}

/* The row below the finished lines: what has come of the next one, or that it is waited for. */
static void make_tail(struct talk *t)
{
	int64_t waited = clock_mono_ms() - t->asked_ms;

	page_tail(t->page, &t->tail);
	if (t->tail.len || !t->answer || answer_text(t->answer).len || waited < WAITING_MS)
		return;
	buf_printf(&t->tail, "%s[%lld s, Ctrl-C stops]%s", t->setup->page.color ? "\033[2m" : "",
		   (long long)(waited / 1000), t->setup->page.color ? "\033[0m" : "");
}

/* Behind the first blank line of what has come; 0: there is none. */
static size_t end_of_block(const struct talk *t)
{
	const char *at = t->lines.len ? memmem(t->lines.ptr, t->lines.len, "\n\n", 2) : NULL;

	if (t->lines.len && t->lines.ptr[0] == '\n')
		return 1;
	return at ? (size_t)(at - t->lines.ptr) + 2 : 0;
}

static struct winsize size_of(const struct talk *t)
{
	struct winsize size = { .ws_row = 0 };

	(void)ioctl(fileno(t->setup->out), TIOCGWINSZ, &size);
	return size;
}

/* Where a paragraph ends, or at once when there is none under way, or no room below it. */
static void place_between(struct talk *t)
{
	const struct winsize size = size_of(t);
	size_t at = end_of_block(t);
	struct buf rest;

	if (!t->held.len)
		return;
	if (!t->answer || !answer_text(t->answer).len ||
	    (t->ends_block && !t->lines.len && !t->tail.len) ||
	    2 * (width_rows(buf_span(&t->held), size.ws_col) - 1) > size.ws_row) {
		talk_place_held(t);
		return;
	}
	if (at == 0)
		return;
	buf_init(&rest, t->lines.len + 1);
	buf_add(&rest, t->lines.ptr + at, t->lines.len - at);
	buf_truncate(&t->lines, at);
	talk_place_held(t);
	buf_add_char(&t->lines, '\n');
	buf_add_span(&t->lines, buf_span(&rest));
	buf_free(&rest);
}

/* What is repainted: the row that grows, and what waits for its paragraph's end. */
static void add_held(struct talk *t)
{
	struct span held = buf_span(&t->held);

	if (!held.len)
		return;
	if (t->tail.len)
		buf_add_char(&t->tail, '\n');
	buf_add(&t->tail, held.ptr, held.len - 1); /* without its last newline */
}

/*
 * What leaves the screen at its top cannot be repainted.  Above a long draft only finished lines are painted,
 * and above one that fills the screen none until the answer has ended: false.
 */
static bool make_room(struct talk *t)
{
	const struct winsize size = size_of(t);
	size_t taken;

	if (!t->answer || !size.ws_row || !size.ws_col)
		return true;
	taken = prompt_rows(t->prompt, size.ws_col);
	if (taken + width_rows(buf_span(&t->tail), size.ws_col) > size.ws_row)
		buf_clear(&t->tail);
	return taken < size.ws_row;
}

static bool is_new(const struct talk *t)
{
	if (t->lines.len)
		return true;
	return prompt_is_live(t->prompt) && !span_equal(buf_span(&t->tail), buf_span(&t->shown_tail));
}

static void put(const struct talk *t, struct span s)
{
	fwrite(s.ptr, 1, s.len, t->setup->out);
}

/* As many rows as the terminal has for it now: it may have become narrower since, or have been too narrow. */
void talk_take_tail(struct talk *t)
{
	if (!t->has_tail)
		return;
	prompt_hide(t->prompt);
	fprintf(t->setup->out, "\033[%zuA\r\033[J", width_rows(buf_span(&t->shown_tail), talk_columns(t)));
	t->has_tail = false;
	buf_clear(&t->shown_tail);
}

void talk_paint(struct talk *t)
{
	bool is_live = prompt_is_live(t->prompt);

	/* Before its signal is seen, the terminal may have broken and joined rows already. */
	if (is_live && talk_columns(t) != t->columns) {
		talk_resize(t);
		return;
	}
	t->painted_ms = clock_mono_ms();
	make_tail(t);
	place_between(t);
	add_held(t);
	if ((is_live && !make_room(t)) || !is_new(t))
		return;
	if (is_live)
		prompt_hide(t->prompt);
	talk_take_tail(t);
	put(t, buf_span(&t->lines));
	if (t->lines.len)
		t->ends_block = span_ends(buf_span(&t->lines), "\n\n") || span_is(buf_span(&t->lines), "\n");
	buf_clear(&t->lines);
	if (is_live && t->tail.len) {
		put(t, buf_span(&t->tail));
		fputc('\n', t->setup->out);
		buf_add_span(&t->shown_tail, buf_span(&t->tail));
		t->has_tail = true;
	}
	if (is_live)
		prompt_show(t->prompt);
	fflush(t->setup->out);
}

int talk_next_paint(const struct talk *t)
{
	int64_t due = t->painted_ms + PAINT_MS, now = clock_mono_ms();

	if (!t->answer)
		return -1;
	if (!answer_text(t->answer).len)
		due = now - t->asked_ms < WAITING_MS ? t->asked_ms + WAITING_MS : t->painted_ms + TICK_MS / 4;
	return due > now ? (int)(due - now) : 0;
}

size_t talk_columns(const struct talk *t)
{
	return size_of(t).ws_col;
}

void talk_resize(struct talk *t)
{
	t->columns = talk_columns(t);
	prompt_hide_broken(t->prompt, t->columns);
	talk_take_tail(t);
	if (t->columns)
		page_resize(t->page, t->columns);
	prompt_resume(t->prompt);
	talk_paint(t);
}

void talk_clear_screen(struct talk *t)
{
	prompt_hide(t->prompt);
	t->has_tail = false;
	buf_clear(&t->shown_tail);
	buf_clear(&t->lines);
	if (!t->setup->is_dumb)
		fputs("\033[H\033[2J", t->setup->out);
	prompt_show(t->prompt);
}
