/*
 * common/chat/conversation_images.c - see conversation_images.h.
 *
 * What is kept of a conversation is the picture, not its id: it outlives the image's deletion.
 */
#include "common/chat/conversation_images.h"

#include <stdio.h>

static struct span id_of(struct jvalue image)
{
	struct span plain = jvalue_plain(image);

	return plain.ptr && span_starts(plain, "img_") ? plain : SPAN_NONE;
}

bool conversation_images_stored(const struct conversation_request *r)
{
	struct jwalk w;

	if (r->images.type != J_ARRAY)
		return false;
	for (w = jwalk_start(r->images); jwalk_next(&w);)
		if (id_of(w.value).ptr)
			return true;
	return false;
}

static int add_stored(const struct image_place *p, struct span id, size_t index, struct buf *out, struct err *err)
{
	buf_add_char(out, '"');
	/* No character of a data URI needs an escape. */
	if (image_data_uri(p, id, out, err) < 0) {
		snprintf(err->param, sizeof err->param, "images[%zu]", index);
		return -1;
	}
	return buf_add_char(out, '"');
}

int conversation_images_expand(const struct image_place *p, struct conversation_request *r, struct buf *out,
			       struct err *err)
{
	struct jwalk w;

	buf_add_char(out, '[');
	for (w = jwalk_start(r->images); jwalk_next(&w);) {
		struct span id = id_of(w.value);

		if (w.index > 0)
			buf_add_char(out, ',');
		if (!id.ptr)
			buf_add_span(out, w.value.text);
		else if (add_stored(p, id, w.index, out, err) < 0 && !buf_failed(out))
			return -1;
	}
	if (buf_add_char(out, ']') < 0)
		return err_set(err, E_body_too_large, "images", "the pictures have more than %zu bytes in all",
			       out->max);
	r->images.text = buf_span(out);
	return 0;
}
