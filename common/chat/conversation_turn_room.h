/*
 * common/chat/conversation_turn_room.h - whether what a turn adds to a conversation finds room, before a
 * model is paid for an answer that could not be kept.
 *
 * Three know a part of it.  The database knows what is kept: conversation_check_room.  What turns under
 * way will add stands in no database: that is conversation_holds.h.  And an owner who lately was far from
 * all limits need not be looked up for every new conversation: roomy.h spares that, and decides nothing.
 */
#ifndef SPASS_CHAT_CONVERSATION_TURN_ROOM_H
#define SPASS_CHAT_CONVERSATION_TURN_ROOM_H

#include "common/chat/conversation_turn.h"

/* What the tenant's settings let be kept. */
struct conversation_quota conversation_quota_of(const struct snapshot *s, const struct tenant *tenant);

/* The others fail with E_conversation_store_full, E_storage_error, E_cancelled. */

/* Of a new conversation, on a fiber: looks into the database, if need be. */
int conversation_room_look(struct conversation_turn *t, struct err *err);
/* Of one that is there, as a part of a store_read; turn: a struct conversation_turn. */
int conversation_room_read(struct db *db, void *turn, struct err *err);
/* After either: others count from now on what this turn will add. */
int conversation_room_hold(struct conversation_turn *t, struct err *err);

#endif
