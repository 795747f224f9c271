/*
 * tui/prompt.h - the line where the user types: by readline, or on a dumb terminal by the tty.
 *
 * prompt_readline.c is the only file that knows readline.  The user's inputrc holds ("$if spass");
 * Enter sends, Alt-Enter and Ctrl-J begin a new line, a paste keeps its lines, Ctrl-X Ctrl-E
 * opens the editor.  One prompt a process, as readline has one line.  UI thread; signals are the
 * caller's.
 */
#ifndef SPASS_TUI_PROMPT_H
#define SPASS_TUI_PROMPT_H

#include "common/base/err.h"

#include <stdio.h>

struct prompt_setup {
	FILE *in, *out; /* the terminal */
	bool is_dumb;   /* no cursor movement: lines are read as the tty gives them */
	bool color;
	/* A line was sent (borrowed), or NULL: the end of the input. */
	void (*line)(void *context, const char *line);
	/* Whether a line that is sent leaves no trace: the rows above are another's. */
	bool (*is_silent)(void *context);
	/* Something will be written below the line: rows that are repainted above it must go now. */
	void (*settle)(void *context);
	/* The editor was asked for. */
	void (*edit)(void *context);
	/* The index-th word that may stand for text at its place in line; NULL at the end. */
	const char *(*complete)(void *context, const char *line, const char *text, size_t index);
	/* Whether what follows this line is the name of a file instead. */
	bool (*wants_file)(void *context, const char *line);
	void *context;
};

struct prompt;

struct prompt_kind {
	/* Whether it may stay on the screen, and be typed into, while text is written above it. */
	bool is_live;
	void (*open)(struct prompt *p);
	void (*close)(struct prompt *p);
	void (*read)(struct prompt *p);
	void (*hide)(struct prompt *p);
	void (*hide_broken)(struct prompt *p, size_t columns);
	size_t (*rows)(const struct prompt *p, size_t columns);
	void (*show)(struct prompt *p);
	void (*clear)(struct prompt *p);
	const char *(*text)(const struct prompt *p);
	void (*set_text)(struct prompt *p, const char *text);
	void (*remember)(struct prompt *p, const char *text);
	void (*pause)(struct prompt *p);
	void (*resume)(struct prompt *p);
};
extern const struct prompt_kind prompt_readline, prompt_tty;

struct prompt {
	const struct prompt_kind *kind;
	struct prompt_setup setup;
};

/* Shows it. */
struct prompt *prompt_open(const struct prompt_setup *setup);
/* Leaves the terminal as it was. */
void prompt_close(struct prompt *p);
bool prompt_is_live(const struct prompt *p);
int prompt_fd(const struct prompt *p);
/* Its descriptor can be read. */
void prompt_read(struct prompt *p);
/* Takes it from the screen: the cursor is then at the start of its first row. */
void prompt_hide(struct prompt *p);
/* The same when the terminal may have another width now, and have broken its rows into more or joined them. */
void prompt_hide_broken(struct prompt *p, size_t columns);
/* That it takes when shown on so many columns (> 0). */
size_t prompt_rows(const struct prompt *p, size_t columns);
void prompt_show(struct prompt *p);
/* What is typed goes to the history, and the line is empty. */
void prompt_clear(struct prompt *p);
/* What is typed; borrowed until the next call. */
const char *prompt_text(const struct prompt *p);
/* An entry for the history, not sent. */
void prompt_remember(struct prompt *p, const char *text);
/* Hidden, the terminal as it was, for a stop or another program; and back, in its present size. */
void prompt_pause(struct prompt *p);
void prompt_resume(struct prompt *p);
/* The hidden line's text through $SPASS_EDITOR, $VISUAL, $EDITOR or vi; 0 or -1 with err. */
int prompt_edit(struct prompt *p, struct err *err);

#endif
