/*
 * tui/convo.h - a conversation: its messages, the request that they make, what it has used.
 *
 * Pure; UI thread.
 */
#ifndef SPASS_TUI_CONVO_H
#define SPASS_TUI_CONVO_H

#include "common/base/buf.h"

enum { CONVO_BODY_MAX = 64 * 1024 * 1024 };

struct convo;

struct convo_usage {
	int64_t prompt, completion; /* tokens */
	int64_t answers, interrupted; /* of the answers: those whose tokens are not known */
	int64_t eur, usd; /* millionths; -1: of no answer it is known */
	int64_t unpriced; /* of the answers that were counted: those whose cost is not known */
};

struct convo *convo_new(void);
void convo_free(struct convo *c);
/* An empty or NULL text takes the system message away. */
void convo_system(struct convo *c, const char *text);
/* Borrowed until it changes; NULL: none. */
const char *convo_system_text(const struct convo *c);
/* role "user" or "assistant"; bytes that are not UTF-8 become U+FFFD. */
void convo_add(struct convo *c, const char *role, struct span text);
/* Takes the last message away when it has this role; whether it had. */
bool convo_drop_last(struct convo *c, const char *role);
/* Whether the last message has this role. */
bool convo_last_is(const struct convo *c, const char *role);
/* The last message of this role; borrowed; NULL: none. */
const char *convo_last(const struct convo *c, const char *role);
/* Messages of the user. */
size_t convo_turns(const struct convo *c);
/* Messages besides the system's. */
size_t convo_count(const struct convo *c);
/* Forgets the messages, not the system's. */
void convo_forget(struct convo *c);
/* The same, and what was used. */
void convo_clear(struct convo *c);
void convo_count_usage(struct convo *c, int64_t prompt, int64_t completion);
/* What that answer cost; -1: not known. */
void convo_count_cost(struct convo *c, int64_t eur, int64_t usd);
void convo_count_interrupted(struct convo *c);
struct convo_usage convo_usage(const struct convo *c);

struct convo_request {
	const char *model;  /* NULL: the gateway's default */
	int64_t max_tokens; /* 0 = not given */
	bool stream;
	struct span material; /* read with the system message, this time only; or empty */
};
/* The chat completion request as JSON; 0, or -1 past out->max. */
int convo_body(const struct convo *c, const struct convo_request *r, struct buf *out);
/*
 * The last message alone, as a turn of the conversation that the gateway keeps under this id; NULL:
 * a new one.  The last message is the user's.
 */
int convo_turn_body(const struct convo *c, const struct convo_request *r, const char *id,
		    struct buf *out);

#endif
