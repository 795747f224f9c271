/*
 * common/store/conversation.h - the tables of conversations and their messages.
 *
 * Plain functions over a connection: what changes runs inside store_write, what reads inside
 * store_read.  Somebody else's conversation is not there: E_conversation_not_found, as for one that
 * never was.  Spans in rows that are handed out are borrowed for the call they are handed to.
 */
#ifndef SPASS_STORE_CONVERSATION_H
#define SPASS_STORE_CONVERSATION_H

#include "common/store/db.h"

enum {
	CONVERSATION_ID_SIZE = 32, /* "conv_" or "msg_", 26 characters, NUL */
	CONVERSATION_MESSAGES_MAX = 1000000,
	CONVERSATION_TITLE_MAX = 200, /* characters */
	CONVERSATION_INDEXED_MAX = 32768, /* characters of a message that search knows */
};

struct conversation_owner {
	const char *tenant_id;
	const char *user_id; /* NULL, for reading: the whole tenant */
};

struct conversation_row {
	int64_t number;
	struct span id, user_id, title, model, parent_id, parent_message; /* the last two: or ptr NULL */
	int64_t created_ms, used_ms, message_count, sent_from;
	int64_t last_seq; /* of its messages, whose seqs may have gaps */
	struct span snippet; /* of a search: where it was found, words between ** and ** */
};

struct message_row {
	int64_t number; /* told by reading: its place in the table */
	int64_t seq; /* 1, 2, ...; given when it is added */
	struct span id; /* ptr NULL when adding: a new one */
	struct span role, finish_reason, model;
	struct span text, body, images; /* ptr NULL: none; see the schema */
	int64_t created_ms, tokens, bytes;
	int64_t prompt_tokens, completion_tokens; /* -1: unknown */
	bool interrupted;
};

/* New ids at that time, into out[CONVERSATION_ID_SIZE]. */
void conversation_make_id(char *out, int64_t now_ms);
void conversation_make_message_id(char *out, int64_t now_ms);
/* Characters of an id, and no more than there can be. */
bool conversation_is_id(struct span text);

/* How much may be kept. */
struct conversation_quota {
	int64_t count_max; /* conversations of a user */
	int64_t bytes_max; /* of all the tenant's; a message weighs some more than it has */
};
/*
 * Whether the owner may keep so many bytes more, and (is_new) another conversation: 0, or -1 with
 * E_conversation_store_full.  left: may be NULL; what of the quota is left, its count only when is_new.
 */
int conversation_check_room(struct db *db, const struct conversation_owner *owner,
			    const struct conversation_quota *quota, bool is_new, int64_t bytes,
			    struct conversation_quota *left, struct err *err);
/* What messages would weigh. */
int64_t conversation_weigh(const struct message_row *messages, size_t count);

typedef int conversation_each(void *arg, const struct conversation_row *row, struct err *err);
typedef int message_each(void *arg, const struct message_row *row, struct err *err);

/* 1 with *row (borrowed until the next conversation_find on db), 0 when there is none, -1. */
int conversation_find(struct db *db, const struct conversation_owner *owner, struct span id,
		      struct conversation_row *row, struct err *err);
/* The same, where none is E_conversation_not_found.  0 or -1. */
int conversation_get(struct db *db, const struct conversation_owner *owner, struct span id,
		     struct conversation_row *row, struct err *err);
/*
 * Calls each for the messages from seq on, in order; ends early with -1 when each returns -1, with 0
 * when it returns 1.
 */
int conversation_messages(struct db *db, int64_t number, int64_t from, message_each *each, void *arg,
			  struct err *err);
/* The same without text, body and images: what a message weighs. */
int conversation_weights(struct db *db, int64_t number, int64_t from, message_each *each, void *arg,
			 struct err *err);

/* Newest first.  prefix: of ids, or empty.  *total: of all pages. */
int conversation_list(struct db *db, const struct conversation_owner *owner, struct span prefix,
		      int64_t limit, int64_t offset, conversation_each *each, void *arg, int64_t *total,
		      struct err *err);
/*
 * Search knows a message only when it was indexed, which is done some at a time while the writer
 * has nothing else to do, and before a search.  *left: how many there are; no change.
 */
int conversation_index_left(struct db *db, int64_t *left, struct err *err);
/* In a store_write: the oldest that are left, at most so many; *more: there are others. */
enum { CONVERSATION_INDEX_STEP = 200 };
int conversation_index_some(struct db *db, int64_t at_most, bool *more, struct err *err);
/*
 * Conversations in which every word of query, and every "phrase in quotes", stands in one message;
 * the newest find first.  *total counts those that CONVERSATION_VISITS_MAX finds lie in; *more: there
 * are others.  E_invalid_field (query.q) when query has no word.
 */
enum { CONVERSATION_VISITS_MAX = 500 };
int conversation_search(struct db *db, const struct conversation_owner *owner, struct span query,
			int64_t limit, int64_t offset, conversation_each *each, void *arg,
			int64_t *total, bool *more, struct err *err);

/* Inside store_write. */

/* A conversation and what is added to it. */
struct conversation_addition {
	struct conversation_owner owner;
	const char *id;
	bool is_new;               /* makes the conversation, with the members below */
	bool is_unfinished;        /* more follows: nobody sees it until conversation_publish */
	struct span title, parent_id, parent_message;
	int64_t created_ms;        /* of a new one, 0 = now */
	struct span model;
	int64_t now_ms, sent_from; /* sent_from: 0 leaves it */
	const struct message_row *messages;
	size_t count;
};
int conversation_add(struct db *db, const struct conversation_addition *a, struct err *err);
/*
 * Many of them at the price of a few: what they write goes into each table at once.  result: 0, or -1
 * with *err when nothing of that one was changed; -1 with err when the database failed, and what is
 * there of them all is not known.
 */
struct conversation_adding {
	const struct conversation_addition *addition;
	struct err *err;
	int result;
	/* private */
	int64_t number, seq, bytes;
	size_t at; /* its first message, among those of all */
};
int conversation_add_all(struct db *db, struct conversation_adding *all, size_t count, struct err *err);
int conversation_rename(struct db *db, const struct conversation_owner *owner, struct span id,
			struct span title, struct err *err);
/* An unfinished one, whole now. */
int conversation_publish(struct db *db, const struct conversation_owner *owner, struct span id,
			 int64_t now_ms, struct err *err);
/* Nobody sees it from then on; its rows go with conversation_sweep. */
int conversation_delete(struct db *db, const struct conversation_owner *owner, struct span id,
			struct err *err);
/*
 * Removes some rows of a conversation that was deleted, or was not finished within
 * CONVERSATION_UNFINISHED_MS.  *more: there are others.
 */
enum { CONVERSATION_UNFINISHED_MS = 3600 * 1000 };
int conversation_sweep(struct db *db, int64_t now_ms, bool *more, struct err *err);
/* Whether that would find any: 1, 0, or -1.  No change. */
int conversation_is_to_sweep(struct db *db, int64_t now_ms, struct err *err);

/* What is written of large conversations in one go: others wait for it. */
enum { CONVERSATION_SLICE_BYTES = 512 * 1024, CONVERSATION_SLICE_MESSAGES = 500 };
/*
 * A new conversation with copies of the messages up to at (ptr NULL: all), under new ids, slice by
 * slice: conversation_fork_some until *more is false, when it is there for all to see.  title: ptr
 * NULL = the origin's with "(copy)" behind it.  E_invalid_field (at) when the conversation has no such message.
 */
struct conversation_fork {
	struct conversation_owner owner;
	struct span id, at, title;
	const char *new_id;
	const struct conversation_quota *quota; /* NULL: none; E_conversation_store_full */
	int64_t now_ms;
	/* told by conversation_fork_begin */
	int64_t bytes;                  /* that all of them weigh */
	struct conversation_quota left; /* of quota, without them */
	/* private */
	int64_t number, seq, last; /* of the copy; of the last message copied, and to copy */
	int64_t count;             /* of messages to copy */
	bool found;                /* the message that at names */
};
int conversation_fork_begin(struct db *db, struct conversation_fork *f, struct err *err);
int conversation_fork_some(struct db *db, struct conversation_fork *f, bool *more, struct err *err);

#endif
