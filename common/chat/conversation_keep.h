/*
 * common/chat/conversation_keep.h - what the files of a turn share.  Internal to common/chat.
 *
 * The tee of a turn gathers what passes by, and commits it before its end leaves.
 */
#ifndef SPASS_CHAT_CONVERSATION_KEEP_H
#define SPASS_CHAT_CONVERSATION_KEEP_H

#include "common/chat/conversation_turn.h"

enum {
	STREAM_TAIL_MAX = 32 * 1024 * 1024, /* from the event that finishes an answer on */
	ANSWER_MAX = 64 * 1024 * 1024,      /* of what is gathered */
};

void conversation_keep_free(struct conversation_turn *t);
/* The alias that answers for a provider (NULL: any): NAME-ollama for ollama, if there is one. */
const struct model *conversation_find_alias(const struct routing *routing, struct span name,
					    const char *provider);
/* Leaves the turn the targets of the request's provider alone. */
int conversation_narrow(struct conversation_turn *t, struct err *err);

#endif
