/*
 * common/chat/conversation_turn.h - one turn of a conversation: what a model is sent, and what is
 * kept of its answer.
 *
 * A turn holds its conversation's turnstile from before its history is read until it has been kept:
 * two clients of one conversation come one after the other.  The user's message and the answer are
 * committed together, before the client sees the end of the answer.  An answer that breaks off is
 * kept as far as it came, marked as interrupted; when nothing has left, not even the head of a
 * stream, nothing is kept and the client may simply repeat its call.
 *
 * Owner thread; on a fiber.
 */
#ifndef SPASS_CHAT_CONVERSATION_TURN_H
#define SPASS_CHAT_CONVERSATION_TURN_H

#include "common/base/sse.h"
#include "common/chat/conversation_gather.h"
#include "common/chat/conversation_holds.h"
#include "common/chat/conversation_request.h"
#include "common/chat/turn.h"
#include "common/loop/turnstile.h"

struct conversation_turn {
	/* given */
	struct core_worker *worker;
	struct snapshot *snapshot;
	struct conversation_owner owner;
	struct offer offer;      /* the models that may be named */
	struct span front;       /* system messages, "{...},{...}", that go before all others */
	struct span named;       /* the conversation, as a header names it; ptr NULL: the body may */
	struct turn *turn;       /* with its arena; the rest of it before conversation_turn_run */
	const struct turn_sink *sink; /* where the answer leaves */
	/* told */
	char id[CONVERSATION_ID_SIZE];
	bool exists;             /* the conversation is in the database */
	const struct model *alias;
	struct chat_request chat;
	struct turn_sink tee;    /* for the turn */
	/* private */
	struct conversation_request request;
	struct new_messages news;
	struct turnstile_pass pass;
	struct hold hold;
	struct conversation_quota left; /* of what may be kept */
	bool is_taken_for_ample; /* nobody has looked what is left */
	struct buf pictures;     /* in the place of the ids of stored ones, as JSON */
	struct buf model, body, calls; /* calls: ids that wait for results, as JSON, a line each */
	int64_t sent_from;
	struct gather answer;
	struct sse_reader reader;
	struct buf held;         /* the end of a stream, until the answer has been kept */
	bool is_new, begun, is_held, kept, failed;
	struct err failure;      /* why it could not be kept */
};

/* The given members come next; sink may come before conversation_turn_run. */
void conversation_turn_init(struct conversation_turn *t);
/*
 * Reads and checks the request, waits for the conversation, puts together what the model is sent.
 * body stays borrowed.  Fails with what chat_request_check says, with E_conversation_not_found,
 * E_conversation_store_full, E_conversation_busy, E_storage_error, E_cancelled.
 */
int conversation_turn_prepare(struct conversation_turn *t, struct span body, struct err *err);
/* As turn_chat.  E_storage_error when the answer could not be kept and nothing of it has left. */
int conversation_turn_run(struct conversation_turn *t, struct err *err);
/*
 * The turnstile of a conversation, for whoever deletes it: behind the turn that is under way, and
 * before those that wait, for which no model is to be paid.  0, or -1 with E_conversation_busy or
 * E_cancelled.
 */
int conversation_enter_ahead(struct turnstile *turnstile, const struct conversation_owner *owner,
			     struct span id, int64_t wait_ms, struct turnstile_pass *pass, struct err *err);
/* Lets the next one in.  Always, after init. */
void conversation_turn_end(struct conversation_turn *t);

#endif
