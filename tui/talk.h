/*
 * tui/talk.h - a conversation on the terminal's main screen.
 *
 * The transcript is written once and belongs to the terminal's scrollback; below it are one row
 * that is repainted while an answer comes, and the prompt, which can be typed into all the time.
 * Ctrl-C stops the answer, else empties the line, else (twice) ends.  Main thread; while it runs,
 * SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT and SIGWINCH are its own.
 */
#ifndef SPASS_TUI_TALK_H
#define SPASS_TUI_TALK_H

#include "tui/page.h"
#include "tui/wire.h"

#include <stdio.h>

struct talk_setup {
	struct wire_target target;
	const char *model;  /* NULL: the gateway's default */
	const char *system; /* or NULL */
	struct span context; /* goes with the first message: piped text, files */
	const char *index;   /* what is searched for each message, or NULL */
	const char *filter;  /* of the documents of index, or NULL */
	/* Notes of notes.h: the index and the system message that a conversation had; NULL: none are kept. */
	const char *indices_path, *systems_path;
	const char *first;   /* a message to begin with, or NULL */
	FILE *in, *out;      /* the terminal */
	bool is_dumb;        /* its cursor cannot be moved */
	bool is_quiet;       /* no greeting */
	struct page_setup page;
	const char *history_path; /* NULL: none is kept */
	bool keeps;          /* the gateway keeps the conversation, where it can */
	const char *session; /* one to go on with, as sessions_find reads it; NULL: a new one */
	bool forks;          /* in a copy of it */
};

/* 0, or the signal that ended it; -1 with err when it could not begin. */
int talk_run(const struct talk_setup *setup, struct err *err);

#endif
