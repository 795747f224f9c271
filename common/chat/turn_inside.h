/*
 * common/chat/turn_inside.h - the walk along the targets, for kinds of calls with a file of their
 * own.  Internal to common/chat.
 */
#ifndef SPASS_CHAT_TURN_INSIDE_H
#define SPASS_CHAT_TURN_INSIDE_H

#include "common/chat/turn.h"
#include "common/upstream/source.h"

enum { TAKEN = 0, TAKE_FAILED = 1, TAKE_GONE = -1 };

/* What differs between the kinds of call. */
struct call_kind {
	enum source_kind source;
	int (*build)(struct turn *t, const void *request, const struct target *target, struct err *err);
	/* Takes the answer of status 200: 0, 1 = failed (*why set), -1 = cancelled. */
	int (*take)(struct turn *t, const void *request, struct source *s, struct failure *why,
		    struct err *err);
};

/* An answer that is read before anything of it leaves. */
struct turn_whole {
	struct source *source;
	struct answer answer;
	struct span body;
	struct buf room, converted; /* where body may lie */
};

/* Looks at the answer, or changes it.  0, or -1 with *why set. */
typedef int turn_whole_step(struct turn *t, const void *request, struct turn_whole *w, struct failure *why,
			    struct err *err);

static inline const struct dialect *turn_dialect(const struct source *s)
{
	return dialect_of(s->target->backend->provider->dialect);
}

/* For take of a kind, each with what it returns then. */
/* Reading the answer failed: TAKE_GONE when the client has left. */
int turn_give_up(const struct target *target, struct failure *why, const struct err *err);
bool turn_is_json(const struct http1_head *head);
/* The body is not what was asked for. */
int turn_take_wrong_type(const struct source *s, struct failure *why, const char *wanted);
/* Status 200 with {"error":...}: some proxies do that. */
int turn_take_hidden_error(struct source *s, struct span body, struct failure *why);
/* The whole answer, up to its leaving; read: the dialect's, for this kind of answer. */
int turn_take_whole(struct turn *t, const void *request, struct source *s,
		    int (*read)(struct span body, struct answer *a, struct err *err), turn_whole_step *step,
		    struct failure *why, struct err *err);

/* As turn_chat. */
int turn_walk(struct turn *t, const struct call_kind *kind, const void *request,
	      const struct turn_size *size, struct err *err);
/* The same in steps, for turns of several calls: before the first, for each, after the last. */
int turn_admit(struct turn *t, const struct turn_size *size, struct err *err);
int turn_walk_once(struct turn *t, const struct call_kind *kind, const void *request, struct err *err);
void turn_end(struct turn *t);
/* Headers about the target that answers, once it is sure; of what was changed alone. */
void turn_announce(struct turn *t, const struct target *target);
void turn_announce_changes(struct turn *t);
/* t->bill, by what has been told of the usage. */
void turn_settle(struct turn *t, const struct target *target);

#endif
