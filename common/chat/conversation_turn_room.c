/*
 * common/chat/conversation_turn_room.c - see conversation_turn_room.h.
 */
#include "common/chat/conversation_turn_room.h"

struct conversation_quota conversation_quota_of(const struct snapshot *s, const struct tenant *tenant)
{
	const struct settings all = snapshot_settings(s, tenant);

	return (struct conversation_quota){
		.count_max = settings_int(&all, SETTING_KEY_conversations_max),
		.bytes_max = settings_bytes(&all, SETTING_KEY_conversations_max_bytes),
	};
}

int conversation_room_read(struct db *db, void *turn, struct err *err)
{
	struct conversation_turn *t = turn;
	const struct conversation_quota quota = conversation_quota_of(t->snapshot, t->offer.tenant);

	return conversation_check_room(db, &t->owner, &quota, t->is_new,
				       conversation_weigh(t->news.rows, t->news.count), &t->left, err);
}

static int read_room(struct conversation_turn *t, struct err *err)
{
	return store_read(t->worker->core->store, t->worker->core->jobs, conversation_room_read, t, err);
}

/* What is taken for left is less than ample by more than can be written until the next look. */
int conversation_room_look(struct conversation_turn *t, struct err *err)
{
	enum { COUNT_AMPLE = 100000, BYTES_AMPLE = 1024 * MIB, ROOMY_MS = 1000 };
	static const struct conversation_quota ample = { COUNT_AMPLE / 4, BYTES_AMPLE / 2 };
	const int64_t now_ms = loop_now_ms(t->worker->loop);

	if (roomy_knows(&t->worker->roomy, &t->owner, now_ms)) {
		t->left = ample;
		t->is_taken_for_ample = true;
		return 0;
	}
	if (read_room(t, err) < 0)
		return -1;
	if (t->left.count_max > COUNT_AMPLE && t->left.bytes_max > BYTES_AMPLE)
		roomy_note(&t->worker->roomy, &t->owner, now_ms + ROOMY_MS);
	return 0;
}

/* A token of prose is about four bytes. */
int conversation_room_hold(struct conversation_turn *t, struct err *err)
{
	enum { ANSWER_TOKENS = 32768, TOKEN_BYTES = 4 };
	const int64_t limit = t->chat.limit, news = conversation_weigh(t->news.rows, t->news.count);
	const struct message_row most = {
		.bytes = TOKEN_BYTES * (limit >= 0 && limit < ANSWER_TOKENS ? limit : ANSWER_TOKENS)
	};
	const int64_t answer = conversation_weigh(&most, 1);

	if (holds_take(&t->hold, &t->left, t->is_new, news, answer, err) == 0)
		return 0;
	/* Worth a look when nobody has looked, or when what others kept since may have been counted twice. */
	if (!holds_renew(&t->hold) && !t->is_taken_for_ample)
		return -1;
	err_clear(err);
	if (read_room(t, err) < 0)
		return -1;
	return holds_take(&t->hold, &t->left, t->is_new, news, answer, err);
}
