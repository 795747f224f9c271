/*
 * tui/talk_inside.h - the parts of a conversation on the terminal.  Private to talk*.c.
 *
 * talk.c is the loop, talk_answer.c asks and shows what comes, talk_slash.c has the commands,
 * talk_paint.c the screen; talk_keep.c is about conversations that the gateway keeps, talk_rag.c about
 * what an index has for each message, talk_system.c about the system message.
 */
#ifndef SPASS_TUI_TALK_INSIDE_H
#define SPASS_TUI_TALK_INSIDE_H

#include "tui/answer.h"
#include "tui/convo.h"
#include "tui/models.h"
#include "tui/prompt.h"
#include "tui/slash.h"
#include "tui/sources.h"
#include "tui/talk.h"

enum { QUEUE_MAX = 16, LISTED_MAX = 20 };

struct talk {
	const struct talk_setup *setup;
	struct wire *wire;
	struct prompt *prompt;
	struct convo *convo;
	struct models models;
	char *model;
	struct buf context; /* waits for the next message to go with */
	size_t context_sent; /* bytes of it that went with the message under way */

	bool keeps;         /* the gateway keeps what is said */
	char *conversation; /* where; NULL: it begins with the next message */
	bool is_seen;       /* the gateway is known to have it */
	/* After a lost connection: the message of the last turn, which the gateway may not have; or NULL. */
	char *doubted;
	size_t doubted_turns; /* of the conversation, that one included */
	char *listed[LISTED_MAX]; /* ids, as /sessions numbered them */
	size_t listed_count;

	char *index;             /* searched for each message; NULL: none */
	char *filter;            /* of its documents, or NULL */
	/* Conversations whose note is of that index and filter, of the system message of now; or NULL. */
	char *index_noted, *system_noted;
	json_t *indices;         /* that there are, for completion; NULL: not asked for yet */
	struct sources *sources; /* found for the last message; NULL: it was not searched for */
	struct buf passages;     /* they, for the model */
	struct buf asked, before; /* the last message, and the one that it may follow up */

	struct page *page;
	struct buf lines, tail, shown_tail;
	bool has_tail;
	/* What was said meanwhile is painted below the row that grows, and stays where a paragraph ends. */
	struct buf held;
	bool interjects, ends_block; /* what is said now goes there; nothing is below the last blank line */
	int64_t painted_ms;
	size_t columns; /* painted for so many; 0 = not known */

	struct answer *answer; /* under way, or NULL */
	struct buf body;
	int64_t asked_ms;
	char *waiting[QUEUE_MAX]; /* typed while it comes */
	size_t waiting_count;

	struct buf typed;     /* lines of the prompt, each ended by NUL */
	bool at_end, wants_editor, is_over;
	int end_signal;
	bool was_cancelled;     /* by a Ctrl-C that is still to come, and has been told */
	int64_t interrupted_ms; /* the last Ctrl-C with nothing to stop */
};

/* talk_paint.c: finished lines are added, and painted with the next paint. */
void talk_say(struct talk *t, unsigned style, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void talk_say_error(struct talk *t, const struct err *err);
/* Writes what there is; the prompt stays below. */
void talk_paint(struct talk *t);
/* What was said meanwhile comes next. */
void talk_place_held(struct talk *t);
/* Takes the repainted row away, with the prompt hidden or about to be redrawn. */
void talk_take_tail(struct talk *t);
/* Milliseconds until the next painting, -1 = nothing is to be painted. */
int talk_next_paint(const struct talk *t);
/* Of the terminal, now; 0 = not known. */
size_t talk_columns(const struct talk *t);
void talk_resize(struct talk *t);
void talk_clear_screen(struct talk *t);

/* talk_answer.c */
void talk_send(struct talk *t, struct span text);
/* Asks again what was asked last; false when nothing was. */
bool talk_retry(struct talk *t);
/* An answer that has ended is taken into the conversation. */
void talk_finish(struct talk *t);
/* Ctrl-C. */
void talk_stop(struct talk *t);

/* talk_keep.c */
/* The conversation to begin with; -1 with err: it cannot be gone on with. */
int talk_keep_begin(struct talk *t, struct err *err);
/* The title, and the last turns as they were. */
void talk_keep_show(struct talk *t);
/* An answer has told where it is kept; id may be "". */
void talk_keep_id(struct talk *t, const char *id);
/* What went with the last message is kept with it, and does not go with the next. */
void talk_keep_context(struct talk *t);
/* An answer has ended: whether the gateway may not have it, nor its message. */
void talk_keep_doubt(struct talk *t, bool is_in_doubt);
/*
 * Before the conversation goes on: after a lost connection the gateway is asked what it has, and that is what
 * has been said.  A turn that it has not kept counts as not answered; where that was the first, another
 * conversation begins.  False when it cannot be asked, which has been told.
 */
bool talk_keep_settle(struct talk *t);
/* The next message begins another one. */
void talk_keep_new(struct talk *t);
/* Goes back to before the last turn, in a copy; false when that fails, which has been told. */
bool talk_keep_back(struct talk *t);
/* How to go on with it, once it is over. */
void talk_keep_farewell(struct talk *t);
/*
 * The kept conversation is asked with text from now on (NULL: with none), being its what: that is
 * noted at path, a path of notes.h or NULL.  *noted: of whom that has been done.
 */
void talk_keep_note(struct talk *t, const char *path, const char *what, const char *text, char **noted);
void talk_keep_release(struct talk *t);
void talk_sessions(struct talk *t, struct span argument);
void talk_resume(struct talk *t, struct span argument);
void talk_fork(struct talk *t, struct span argument);
void talk_title(struct talk *t, struct span argument);

/* talk_rag.c */
/*
 * message: the question in the conversation's last, to which more may belong.  What goes wrong is told.
 * Whether the model is to be asked: one that only quotes is not, when nothing fits and the message
 * brings nothing else.  It would quote what was said before, and that be taken for what the index has.
 */
bool talk_rag_search(struct talk *t, struct span message);
/* The same for the last message, in the index that is chosen now. */
bool talk_rag_again(struct talk *t);
/* Of what is no longer the last answer. */
void talk_rag_forget(struct talk *t);
void talk_rag_release(struct talk *t);
/* How many of the passages the answer names, below it. */
void talk_rag_tell(struct talk *t, struct span answer);
void talk_rag(struct talk *t, struct span argument);
/* Takes the index that a kept conversation was asked with, unless another was wanted from the start. */
void talk_rag_recall(struct talk *t, const char *conversation);
/* The conversation is kept, and asked with the index of now: that is noted. */
void talk_rag_note(struct talk *t);
/* The name of the i-th index that begins so, or NULL. */
const char *talk_rag_complete(struct talk *t, const char *text, size_t i);
void talk_sources(struct talk *t, struct span argument);

/* talk_system.c */
/* Takes the system message of a kept conversation, unless another was wanted from the start. */
void talk_system_recall(struct talk *t, const char *conversation);
/* The conversation is kept, and asked with the system message of now: that is noted. */
void talk_system_note(struct talk *t);
/* How it begins, when there is one. */
void talk_system_show(struct talk *t);
void talk_system(struct talk *t, struct span argument);

/* talk_slash.c */
void talk_command(struct talk *t, struct span name, struct span argument);
const char *talk_complete(void *context, const char *line, const char *text, size_t index);
bool talk_wants_file(void *context, const char *line);
/* Who answers, and what to do when it is no language model. */
void talk_greet(struct talk *t);

#endif
