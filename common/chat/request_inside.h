/*
 * common/chat/request_inside.h - what the files behind request.h share.
 */
#ifndef SPASS_CHAT_REQUEST_INSIDE_H
#define SPASS_CHAT_REQUEST_INSIDE_H

#include "common/chat/request.h"

/* null counts as absent. */
static inline bool request_has(struct jvalue v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

/* Of what the string stands for, in bytes. */
bool request_is_longer(struct jvalue text, size_t max);
/* messages as the body has it, or as a map of it has. */
int request_check_messages(struct jvalue messages, const struct model *alias, struct err *err);

#endif
