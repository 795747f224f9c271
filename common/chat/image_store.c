/*
 * common/chat/image_store.c - see image_store.h.
 */
#include "common/chat/image_store.h"

#include <string.h>

#include "common/base/clock.h"
#include "common/chat/image.h"
#include "common/loop/fiber.h"

int image_inspect(struct stored_image *i, struct span bytes, const char *param, struct err *err)
{
	uint8_t digest[DIGEST_SIZE];

	*i = (struct stored_image){ .bytes = (int64_t)bytes.len };
	if (bytes.len > IMAGE_BYTES_MAX)
		return err_set(err, E_body_too_large, param, "an image has at most %d bytes", IMAGE_BYTES_MAX);
	i->mime = image_type(bytes);
	if (!i->mime)
		return err_set(err, E_image_decode_error, param,
			       "the bytes are no png, jpeg, webp or gif picture");
	digest_sha256(bytes, digest);
	digest_hex(digest, sizeof digest, i->sha256);
	return 0;
}

/* ---- keeping ---- */

/* One step of an upload, as it is handed to the writer. */
struct keeping {
	const char *tenant;
	struct stored_image *image;
	struct span part;
	int64_t seq, bytes_max;
	bool lost;
};

static struct image_row row_of(const struct stored_image *i)
{
	return (struct image_row){
		.id = span_str(i->id),
		.mime = span_str(i->mime),
		.sha256 = span_str(i->sha256),
		.bytes = i->bytes,
		.created_at = i->created_at,
		.blob = i->blob,
	};
}

static int find_blob(struct db *db, void *arg, struct err *err)
{
	struct keeping *k = arg;

	return images_find_blob(db, k->tenant, span_str(k->image->sha256), &k->image->blob, err);
}

static int begin_blob(struct db *db, void *arg, struct err *err)
{
	struct keeping *k = arg;
	struct image_row row = row_of(k->image);

	return images_begin_blob(db, k->tenant, &row, k->bytes_max, &k->image->blob, err);
}

static int add_part(struct db *db, void *arg, struct err *err)
{
	struct keeping *k = arg;

	return images_add_part(db, k->image->blob, k->seq, k->part, err);
}

static int drop_blob(struct db *db, void *arg, struct err *err)
{
	struct keeping *k = arg;

	return images_drop_blob(db, k->image->blob, err);
}

static int add_image(struct db *db, void *arg, struct err *err)
{
	struct keeping *k = arg;
	struct image_row row = row_of(k->image);

	return images_add(db, k->tenant, &row, k->bytes_max, &k->lost, err);
}

/* Part by part, each a write of its own: others' are not held up by ten megabytes. */
static int write_blob(const struct image_place *p, struct keeping *k, struct span bytes, struct err *err)
{
	if (store_write(p->store, begin_blob, k, err) < 0)
		return -1;
	for (k->seq = 0; bytes.len > 0; k->seq++) {
		k->part = span_of(bytes.ptr, bytes.len < IMAGES_PART ? bytes.len : IMAGES_PART);
		bytes = span_from(bytes, k->part.len);
		if (store_write(p->store, add_part, k, err) < 0)
			return -1;
	}
	return 0;
}

/* What was written of an image that is not to be; a later upload drops what this cannot. */
static void forget_blob(const struct image_place *p, struct keeping *k)
{
	if (k->image->blob)
		(void)store_write(p->store, drop_blob, k, NULL);
	k->image->blob = 0;
}

int image_keep(const struct image_place *p, struct stored_image *i, struct span bytes, int64_t bytes_max,
	       struct err *err)
{
	struct keeping k = { .tenant = p->tenant, .image = i, .bytes_max = bytes_max };

	i->created_at = clock_wall_ms();
	i->blob = 0;
	ident_sorted(i->id, sizeof i->id, "img_", i->created_at);
	if (store_read(p->store, p->jobs, find_blob, &k, err) < 0)
		return -1;
	k.lost = i->blob == 0;
	i->blob = 0; /* not ours: it is looked for again by those who may use it */
	if (!k.lost && store_write(p->store, add_image, &k, err) < 0)
		return -1;
	if (!k.lost)
		return 0;
	/* There are no such bytes yet, or their last image was deleted at this moment. */
	if (write_blob(p, &k, bytes, err) == 0 && store_write(p->store, add_image, &k, err) == 0) {
		if (!k.lost)
			return 0;
		err_set(err, E_storage_error, "", "the upload took too long and was given up");
	}
	forget_blob(p, &k);
	return -1;
}

/* ---- reading ---- */

struct finding {
	const struct image_place *place;
	struct span id;
	struct stored_image *image;
	int64_t seq;
	struct buf *out;
};

static int take_row(void *context, const struct image_row *row)
{
	struct stored_image *i = context;

	/* The first bytes were looked at when it came: the type is one of ours. */
	i->mime = image_type_name(row->mime);
	i->bytes = row->bytes;
	i->created_at = row->created_at;
	i->blob = row->blob;
	memcpy(i->id, row->id.ptr, row->id.len < sizeof i->id ? row->id.len : sizeof i->id - 1);
	memcpy(i->sha256, row->sha256.ptr,
	       row->sha256.len < sizeof i->sha256 ? row->sha256.len : sizeof i->sha256 - 1);
	return 0;
}

static int find_image(struct db *db, void *arg, struct err *err)
{
	struct finding *f = arg;

	return images_get(db, f->place->tenant, f->id, take_row, f->image, err);
}

int image_find(const struct image_place *p, struct span id, struct stored_image *i, struct err *err)
{
	struct finding f = { .place = p, .id = id, .image = i };

	*i = (struct stored_image){ .blob = 0 };
	if (!images_is_id(id))
		return err_set(err, E_image_not_found, "id", "there is no image '%.*s'",
			       (int)(id.len < 64 ? id.len : 64), id.ptr ? id.ptr : "");
	return store_read(p->store, p->jobs, find_image, &f, err);
}

static int read_part(struct db *db, void *arg, struct err *err)
{
	struct finding *f = arg;
	struct span content;

	if (images_part(db, f->image->blob, f->seq, &content, err) < 0)
		return -1;
	if (buf_add_span(f->out, content) == 0)
		return 0;
	return err_set(err, E_internal_error, "", "the image does not fit its buffer");
}

int image_read_part(const struct image_place *p, const struct stored_image *i, int64_t seq, struct buf *out,
		    struct err *err)
{
	struct stored_image copy = *i;
	struct finding f = { .place = p, .image = &copy, .seq = seq, .out = out };

	return store_read(p->store, p->jobs, read_part, &f, err);
}

/* The whole, from one state of the database. */
static int read_uri(struct db *db, void *arg, struct err *err)
{
	struct finding *f = arg;
	struct buf bytes;
	int result = -1;

	buf_init(&bytes, IMAGE_BYTES_MAX);
	if (find_image(db, f, err) < 0)
		goto out;
	for (int64_t seq = 0; (int64_t)bytes.len < f->image->bytes; seq++) {
		struct span content;

		if (images_part(db, f->image->blob, seq, &content, err) < 0)
			goto out;
		buf_add_span(&bytes, content);
	}
	buf_printf(f->out, "data:%s;base64,", f->image->mime);
	if (base64_encode(f->out, buf_span(&bytes)) < 0)
		err_set(err, E_body_too_large, "id", "the images do not fit into the request");
	else
		result = 0;
out:
	buf_free(&bytes);
	return result;
}

int image_data_uri(const struct image_place *p, struct span id, struct buf *out, struct err *err)
{
	struct stored_image i = { .blob = 0 };
	struct finding f = { .place = p, .id = id, .image = &i, .out = out };

	if (!images_is_id(id))
		return err_set(err, E_image_not_found, "id", "there is no image '%.*s'",
			       (int)(id.len < 64 ? id.len : 64), id.ptr ? id.ptr : "");
	return store_read(p->store, p->jobs, read_uri, &f, err);
}
