/*
 * common/chat/image.c - data URIs (RFC 2397, base64 only) and the first bytes of pictures.
 */
#include "common/chat/image.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"

static const struct {
	const char *type;
	size_t at, len;
	const char *magic;
} kinds[] = {
	{ "image/png", 0, 8, "\x89PNG\r\n\x1a\n" },
	{ "image/jpeg", 0, 3, "\xff\xd8\xff" },
	{ "image/gif", 0, 6, "GIF87a" },
	{ "image/gif", 0, 6, "GIF89a" },
	{ "image/webp", 8, 4, "WEBP" },
};

const char *image_type(struct span bytes)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (bytes.len >= kinds[i].at + kinds[i].len &&
		    memcmp(bytes.ptr + kinds[i].at, kinds[i].magic, kinds[i].len) == 0)
			return kinds[i].type;
	}
	return NULL;
}

const char *image_type_name(struct span type)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (span_is(type, kinds[i].type))
			return kinds[i].type;
	return NULL;
}

/* A type that is announced must be the one found; "image/jpg" is a common slip for jpeg. */
bool image_is_announced(struct span type, const char *found)
{
	return span_is_nocase(type, found) ||
	       (span_is_nocase(type, "image/jpg") && strcmp(found, "image/jpeg") == 0);
}

static int check_bytes(struct span type, struct span base64, struct err *err)
{
	struct buf head;
	const char *found;
	size_t size;
	int result = -1;

	buf_init(&head, 64);
	if (!base64_is_valid(base64, &size) || size == 0) {
		err_set(err, E_image_base64_invalid, "", "the data URI's payload is not base64");
		goto out;
	}
	if (base64_decode(&head, span_of(base64.ptr, base64.len < 32 ? base64.len : 32)) < 0) {
		err_set(err, E_image_base64_invalid, "", "the data URI's payload is not base64");
		goto out;
	}
	found = image_type(buf_span(&head));
	if (!found)
		err_set(err, E_image_decode_error, "", "the bytes are no png, jpeg, webp or gif picture");
	else if (!image_is_announced(type, found))
		err_set(err, E_image_decode_error, "", "the bytes are of type %s, not %.*s", found,
			SPAN_ARGS(type));
	else
		result = 0;
out:
	buf_free(&head);
	return result;
}

/* Schemes and types are read without case (RFC 3986 3.1, RFC 2045 5.1). */
static bool starts_nocase(struct span s, const char *start)
{
	size_t len = strlen(start);

	return s.len >= len && span_is_nocase(span_of(s.ptr, len), start);
}

static bool ends_nocase(struct span s, const char *end)
{
	size_t len = strlen(end);

	return s.len >= len && span_is_nocase(span_from(s, s.len - len), end);
}

int image_split_uri(struct span uri, struct span *type, struct span *base64, struct err *err)
{
	struct span rest = span_from(uri, 5), head;

	if (!starts_nocase(uri, "data:"))
		return err_set(err, E_image_decode_error, "",
			       "not a data: URI with an image type (data:image/png;base64,...)");
	head = span_cut(&rest, ',');
	if (!rest.ptr || !ends_nocase(head, ";base64"))
		return err_set(err, E_image_decode_error, "",
			       "the data URI is not of the form data:image/TYPE;base64,...");
	*type = span_cut(&head, ';');
	*base64 = rest;
	if (!starts_nocase(*type, "image/"))
		return err_set(err, E_image_decode_error, "", "the data URI has no image type");
	return 0;
}

int image_check_url(struct span url, bool takes_urls, struct err *err)
{
	struct span type = SPAN_NONE, base64 = SPAN_NONE;

	if (starts_nocase(url, "http://") || starts_nocase(url, "https://")) {
		if (takes_urls)
			return 0;
		return err_set(err, E_image_url_not_supported, "",
			       "the model's backends fetch no images; send a data: URI");
	}
	if (image_split_uri(url, &type, &base64, err) < 0)
		return -1;
	return check_bytes(type, base64, err);
}
