/*
 * server/api/c1.h - what the files about conversations share.
 */
#ifndef SPASS_SERVER_C1_H
#define SPASS_SERVER_C1_H

#include "common/store/conversation.h"
#include "server/api/call.h"

/*
 * Whose conversations a call is about.  On routes that only read an administrator may leave the
 * user out, and sees the whole tenant.
 */
struct conversation_owner c1_owner(const struct call *c);
/* Nothing when the client has left. */
void c1_answer_error(struct exchange *x, const struct err *err);

#endif
