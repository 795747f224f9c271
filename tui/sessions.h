/*
 * tui/sessions.h - the conversations that a gateway keeps, as a client sees them.
 *
 * Documents are the gateway's own, owned by the caller.  Each function asks the gateway and waits;
 * those that fail return NULL or -1 with err, as wire_get.  UI thread.
 */
#ifndef SPASS_TUI_SESSIONS_H
#define SPASS_TUI_SESSIONS_H

#include "tui/wire.h"

enum { SESSIONS_PAGE = 100, SESSIONS_ALL_MAX = 10000, SESSIONS_TIME_SIZE = 24 };

struct sessions_query {
	const char *words; /* found in messages; NULL: any */
	int64_t limit;     /* 0 = all, at most SESSIONS_ALL_MAX */
};

/* {"items":[...],"total":N}, the last used first. */
json_t *sessions_list(struct wire *w, const struct sessions_query *q, struct err *err);
/*
 * The id that is meant by an id, a unique beginning of one (with or without "conv_"), "@last" or
 * "@N", the Nth of the list.  E_conversation_not_found; E_usage names what an ambiguous one may mean.
 */
char *sessions_find(struct wire *w, const char *reference, struct err *err);
/* With its messages. */
json_t *sessions_get(struct wire *w, const char *id, struct err *err);
/* format "json", "md" or "html". */
int sessions_export(struct wire *w, const char *id, const char *format, struct buf *out,
		    struct err *err);
/* The row as it is now. */
json_t *sessions_rename(struct wire *w, const char *id, const char *title, struct err *err);
/* A copy up to and with this message (NULL: all); title NULL: that of the origin. */
json_t *sessions_fork(struct wire *w, const char *id, const char *at, const char *title,
		      struct err *err);
json_t *sessions_import(struct wire *w, struct span document, struct err *err);
int sessions_delete(struct wire *w, const char *id, struct err *err);

/*
 * A turn is a message of the user and what answers it; turns count from 1.  The id of the last
 * message of that turn, borrowed; NULL: there is no such turn.
 */
const char *sessions_turn_end(const json_t *conversation, int64_t turn);
int64_t sessions_turns(const json_t *conversation);
/* What a message says: its text, or those of its parts, a line each. */
void sessions_message_text(const json_t *message, struct buf *out);
/* An id without what all ids begin with.  Borrowed. */
const char *sessions_bare_id(const char *id);
/* How much of the bare ids tells these items apart; at least 8. */
size_t sessions_id_width(const json_t *items);
/* "5 min ago", a date when that is long ago. */
void sessions_ago(int64_t then_ms, int64_t now_ms, char out[SESSIONS_TIME_SIZE]);
/* "in 5 min", a date when that is more than two days ahead; of what is past as sessions_ago. */
void sessions_until(int64_t then_ms, int64_t now_ms, char out[SESSIONS_TIME_SIZE]);

#endif
