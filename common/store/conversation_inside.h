/*
 * common/store/conversation_inside.h - what the files about conversations share.
 */
#ifndef SPASS_STORE_CONVERSATION_INSIDE_H
#define SPASS_STORE_CONVERSATION_INSIDE_H

#include "common/store/conversation.h"

/* The tenant of what nobody may see: see conversation_remove.c. */
#define CONVERSATION_NOBODY ""

/* The columns of a conversation_row, its alias being c, and their reading. */
#define CONVERSATION_COLUMNS                                                                       \
	"c.number, c.id, c.user_id, c.title, c.model, c.parent_id, c.parent_message, c.created_at,"    \
	" c.used_at, c.message_count, c.sent_from, c.last_seq"
void conversation_read_row(struct db_statement *st, struct conversation_row *row);

/* "t0123456789abcdef u0123456789abcdef": one word for the tenant, one for the user. */
enum { OWNER_WORD_SIZE = 18, OWNER_WORDS_SIZE = 2 * OWNER_WORD_SIZE };
void conversation_owner_words(const struct conversation_owner *owner, char out[OWNER_WORDS_SIZE]);

/* Rows on their way into their tables: one statement takes all of a call. */
struct new_conversation {
	const struct conversation_addition *addition;
	int64_t bytes; /* that its messages weigh */
	int64_t last_seq; /* of its messages; 0 = as many as there are */
	int64_t first_message; /* its number, 0 = they are added later, as conversation_note_run tells */
	char words[OWNER_WORDS_SIZE];
};
struct new_message {
	int64_t conversation, seq, now_ms;
	const struct message_row *row;
	char id[CONVERSATION_ID_SIZE]; /* for a row without one */
};
/* *first: the number of rows[0], whose successors follow it.  count: 1 or more. */
int conversation_insert(struct db *db, struct new_conversation *rows, size_t count, int64_t *first,
			struct err *err);
int conversation_insert_messages(struct db *db, struct new_message *rows, size_t count, struct err *err);
/* The number that the next message will have. */
int conversation_next_message(struct db *db, int64_t *number, struct err *err);
/* From seq on messages follow each other, the first with that number.  Fails when another run begins there. */
int conversation_note_run(struct db *db, int64_t conversation, int64_t seq, int64_t number, struct err *err);

enum { MESSAGE_WEIGHT = 512 }; /* bytes that a message counts beside its own: see the schema */
int conversation_bytes(struct db *db, int64_t number, int64_t *bytes, struct err *err);
/* What all that the tenant sees weighs changes by so much. */
int conversation_add_total(struct db *db, const char *tenant_id, int64_t bytes, struct err *err);

/* What people and models said goes into the index, the rest does not. */
bool conversation_is_said(struct span role, struct span text);
int conversation_unindex(struct db *db, int64_t message, struct span text, struct span owner_words,
			 struct err *err);
/* After messages were deleted: the numbers of the last ones are given out again. */
int conversation_index_back(struct db *db, struct err *err);

#endif
