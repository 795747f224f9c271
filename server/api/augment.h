/*
 * server/api/augment.h - SPASS-Augment: what is put in front of a chat request, or is not.
 */
#ifndef SPASS_SERVER_AUGMENT_H
#define SPASS_SERVER_AUGMENT_H

#include "server/api/call.h"

/* The guard's part: reads the header into c->augment_off.  E_invalid_field. */
int augment_read(struct exchange *x, struct call *c, struct err *err);
/*
 * *messages: the system messages that belong in front of this caller's chat, "{...},{...}", in the
 * exchange's arena; empty when there are none.  Says what it did in SPASS-Augment-Applied, where
 * that was asked or anything is put in front.  Reads the database when the owner's texts are not
 * at hand (on a fiber); when it cannot be read, the call goes on without them, and is told so.
 */
int augment_messages(struct exchange *x, struct call *c, struct span *messages, struct err *err);

#endif
