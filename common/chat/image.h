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
/* The same text as image_type gives, for a type that is one of those, else NULL. */
const char *image_type_name(struct span type);
/*
 * Takes a data URI apart: *base64 is its payload, not decoded yet, *type the type it announces.
 * E_image_decode_error; param is left empty.
 */
int image_split_uri(struct span uri, struct span *type, struct span *base64, struct err *err);
/* Whether bytes that were found to be of type found may be called type. */
bool image_is_announced(struct span type, const char *found);

#endif
