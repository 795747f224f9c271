/*
 * common/chat/request_inside.h - what the readers of a client's body share.  Internal to common/chat.
 */
#ifndef SPASS_CHAT_REQUEST_INSIDE_H
#define SPASS_CHAT_REQUEST_INSIDE_H

#include "common/chat/request.h"

/* null counts as absent. */
static inline bool request_has(struct jvalue v)
{
	return v.type != J_NONE && v.type != J_NULL;
}

/*
 * The whole body as one object; map may be NULL.  What is looked for has no second
 * member of its name, not in capitals either: all of a body goes on, and the backend may heed the
 * other.  The last of the names is user_id, which has no place in it.
 */
int request_read_object(struct span body, const struct span *names, struct jvalue *values, size_t count,
			struct jvalue *root, struct jmap *map, struct err *err);
/* param: the path of a member whose name is contested, see jscan.h, or the name of a form's field. */
int request_fault_of_contest(const char *param, struct err *err);
/* Of what the string stands for, in bytes. */
bool request_is_longer(struct jvalue text, size_t max);
/* messages as the body has it, or as a map of it has. */
int request_check_messages(struct jvalue messages, const struct model *alias, struct err *err);

#endif
