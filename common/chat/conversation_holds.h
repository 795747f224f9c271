/*
 * common/chat/conversation_holds.h - what turns under way will add to what is kept.
 *
 * Quotas are looked at before a model is paid, and what its answer weighs is known only when it is
 * kept: so a turn holds what it will add, and others count it.  It is admitted while what is kept,
 * what others hold and what it brings itself fit; then it holds its answer, too, as long as it may be
 * expected to become.  So a quota is passed by at most what turns under way had held.  What comes to be
 * kept between entering and looking into the database is counted by both: too many are never let
 * in, and one that would just fit may be refused; see holds_renew.  Any thread, within one process.
 *
 * Holds decide; roomy.h, which spares owners far from all limits the look into the database, only says
 * what was left a moment ago.
 */
#ifndef SPASS_CHAT_CONVERSATION_HOLDS_H
#define SPASS_CHAT_CONVERSATION_HOLDS_H

#include "common/store/conversation.h"

struct holds;

struct holds *holds_new(void);
/* NULL is fine. */
void holds_free(struct holds *h);

/* What one turn holds; all zero: nothing. */
struct hold {
	struct holds *holds;
	struct held_by *tenant, *user;
	int64_t tenant_bytes, user_count; /* that had come to be kept when it was entered */
	int64_t bytes, count;
};

/* Before the database is looked at: what others come to keep meanwhile is counted, too. */
void holds_enter(struct holds *holds, const struct conversation_owner *owner, struct hold *hold);
/*
 * left: as conversation_check_room found it after that.  0, or -1 with E_conversation_store_full.
 * Once more: takes the place of what was held.
 */
int holds_take(struct hold *hold, const struct conversation_quota *left, bool is_new, int64_t bytes,
	       int64_t answer_bytes, struct err *err);
/*
 * After a refusal, or before another look into the database: what others came to keep before now is no
 * more counted, since the next look finds it.  True when there was any, so that looking may find room.
 */
bool holds_renew(struct hold *hold);
/* It is over: so much is kept now, in a new conversation or not.  Again: does nothing. */
void holds_leave(struct hold *hold, int64_t kept_bytes, bool made);

#endif
