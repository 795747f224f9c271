/*
 * common/chat/roomy.h - owners of conversations who lately had room for far more than may come.
 *
 * Known by their whole names: clients choose them, so that they can choose names of one hash, too.  Of
 * two whose hashes share a row the later is known.  One worker's own.
 *
 * For a second the look into the database is spared them, of each new conversation.  What turns under way
 * are about to add is not known here: conversation_holds.h has that, of everybody, and decides.
 */
#ifndef SPASS_CHAT_ROOMY_H
#define SPASS_CHAT_ROOMY_H

#include <stdbool.h>
#include <stdint.h>

struct conversation_owner;

/* Longer names are not noted. */
enum { ROOMY_OWNERS = 256, ROOMY_NAME_MAX = 64 };

struct roomy_owner {
	int64_t until_ms; /* monotonic */
	uint8_t tenant_len, user_len;
	char tenant[ROOMY_NAME_MAX], user[ROOMY_NAME_MAX];
};

/* All zero: knows nobody. */
struct roomy {
	struct roomy_owner rows[ROOMY_OWNERS];
};

bool roomy_knows(const struct roomy *r, const struct conversation_owner *owner, int64_t now_ms);
void roomy_note(struct roomy *r, const struct conversation_owner *owner, int64_t until_ms);

#endif
