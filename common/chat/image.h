/*
 * common/chat/image.h - pictures inside a request: data URIs whose bytes are what they say.
 *
 * Any thread.  Kinds: png, jpeg, webp, gif, by their first bytes.
 */
#ifndef SPASS_CHAT_IMAGE_H
#define SPASS_CHAT_IMAGE_H

#include "common/base/err.h"
#include "common/base/span.h"

/*
 * url: the unescaped value of an image_url.url.  takes_urls: http(s) URLs pass.  Fails with
 * E_image_url_not_supported, E_image_decode_error or E_image_base64_invalid; param is left empty.
 */
int image_check_url(struct span url, bool takes_urls, struct err *err);
/* "image/png" etc. by the first bytes (16 are enough), or NULL. */
const char *image_type(struct span bytes);

#endif
