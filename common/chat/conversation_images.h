/*
 * common/chat/conversation_images.h - stored pictures that a request to /c1/chat names by their ids.
 */
#ifndef SPASS_CHAT_CONVERSATION_IMAGES_H
#define SPASS_CHAT_CONVERSATION_IMAGES_H

#include "common/chat/conversation_request.h"
#include "common/chat/image_store.h"

/* Whether one of r's images begins as ids do. */
bool conversation_images_stored(const struct conversation_request *r);
/*
 * Puts the pictures in the place of their ids: r's images are those in out afterwards, which lives
 * as long as r.  Fails with E_image_not_found at "images[1]", E_body_too_large beyond out's max, and
 * store_read's errors.  Owner thread; on a fiber.
 */
int conversation_images_expand(const struct image_place *p, struct conversation_request *r, struct buf *out,
			       struct err *err);

#endif
