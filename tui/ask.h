/*
 * tui/ask.h - one question, one answer: on stdout nothing but the answer.
 *
 * On a terminal Markdown is rendered as it comes; else the text leaves as it comes, and ends with
 * exactly one newline.  Thoughts, tool calls and the sign of waiting go to stderr, and only when
 * that is a terminal.  Main thread.
 */
#ifndef SPASS_TUI_ASK_H
#define SPASS_TUI_ASK_H

#include "tui/answer.h"
#include "tui/convo.h"
#include "tui/page.h"

struct ask_setup {
	struct wire_target target;
	struct convo_request request;
	bool is_silent;      /* nothing goes to stdout: the caller wants the text alone */
	bool renders;        /* stdout is a terminal */
	bool can_repaint;    /* which can move its cursor */
	bool talks;          /* stderr is a terminal that may be talked to */
	bool stderr_color;
	struct page_setup page; /* for renders */
};

struct ask_outcome {
	struct answer_facts facts;
	struct buf text;
	json_t *usage;   /* NULL: not told */
	int output_errno; /* why stdout failed, or 0 */
};

/*
 * 0, or -1 with err when the answer failed; what came before is on stdout and in out.  Also 0
 * when stdout failed.  Free out with ask_outcome_clear in all cases.
 */
int ask_run(const struct ask_setup *setup, const struct convo *question, struct ask_outcome *out,
	    struct err *err);
void ask_outcome_clear(struct ask_outcome *out);

#endif
