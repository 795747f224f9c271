/*
 * tests/support/conversation_stage.h - conversations in a fixture's database, and what is told of them.
 */
#ifndef SPASS_TEST_CONVERSATION_STAGE_H
#define SPASS_TEST_CONVERSATION_STAGE_H

#include "common/base/buf.h"
#include "common/store/conversation.h"
#include "tests/support/store_stage.h"

/* Two users of a tenant, the tenant's whole, and a namesake elsewhere. */
static const struct conversation_owner ada = { "acme", "ada" }, bob = { "acme", "bob" },
				       acme = { "acme", NULL }, other = { "other", "ada" };

struct message_row say_message(const char *role, const char *text);
/* One question and its answer, a millisecond later than what came before. */
void add_turn(struct fixture *f, const struct conversation_owner *owner, const char *id, bool is_new,
	      const char *question, const char *answer);
/* In a new one, whose id goes into id[CONVERSATION_ID_SIZE]. */
void begin_conversation(struct fixture *f, const struct conversation_owner *owner, char *id,
			const char *question, const char *answer);
/* All slices of it. */
int fork_conversation(struct db *db, const struct conversation_owner *owner, struct span id, struct span at,
		      struct span title, const char *new_id, int64_t now_ms, struct err *err);
/* Until nothing is left to go. */
void sweep_conversations(struct fixture *f);
/* As a search of the gateway: what was written before is indexed first. */
int search_conversations(struct db *db, const struct conversation_owner *owner, struct span query, int64_t limit,
			 int64_t offset, conversation_each *each, void *arg, int64_t *total, bool *more,
			 struct err *err);

/* What a callback has been told, as text: "title/messages/user;", or with snippets in the user's place. */
struct told {
	struct buf text;
	bool snippets;
};
struct told *hear(struct told *t, bool snippets);
int tell_row(void *arg, const struct conversation_row *row, struct err *err);
/* Ends it. */
void expect_told(struct told *t, const char *text);
void expect_list(struct fixture *f, const struct conversation_owner *owner, const char *prefix, int64_t limit,
		 int64_t offset, int64_t wanted_total, const char *text);
/* "1 user: text;" from the message from on. */
void expect_messages(struct fixture *f, const struct conversation_owner *owner, const char *id, int64_t from,
		     const char *text);

#endif
