/*
 * server/api/v1_images.c - /v1/images: a tenant's stored pictures.
 */
#include <string.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/multipart.h"
#include "common/chat/image.h"
#include "common/chat/image_store.h"
#include "server/api/call.h"

enum {
	AROUND_MAX = 16 * KIB, /* of a body beside the picture */
	FORM_MAX = IMAGE_BYTES_MAX + AROUND_MAX,
	JSON_MAX = (IMAGE_BYTES_MAX + 2) / 3 * 4 + AROUND_MAX,
};

static struct image_place place_of(const struct call *c)
{
	return (struct image_place){ c->worker->core->store, c->worker->core->jobs, c->identity.tenant_id };
}

static json_t *image_line(const struct stored_image *i)
{
	return json_pack("{s:s, s:s, s:I, s:s, s:I}", "id", i->id, "mime", i->mime, "bytes",
			 (json_int_t)i->bytes, "sha256", i->sha256, "created_at", (json_int_t)i->created_at);
}

/* ---- POST ---- */

enum upload_kind { UPLOAD_JSON, UPLOAD_FORM, UPLOAD_RAW };

/* A body as it is read on a thread of jobs: megabytes are scanned, decoded and hashed. */
struct upload {
	struct span type, body;
	enum upload_kind kind;
	struct span bytes;  /* of the picture: in body or decoded */
	struct buf decoded;
	struct stored_image image;
	int result;
	struct err err;
};

static int find_file(struct upload *u, struct err *err)
{
	enum { FIELDS_MAX = 8 };
	struct multipart_field fields[FIELDS_MAX];
	size_t count;

	if (multipart_read_all(u->type, u->body, fields, FIELDS_MAX, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct span name = fields[i].part.name;

		if (!span_is(name, "file"))
			return err_set(err, E_invalid_field, "body", "there is no field \"%.*s\" here",
				       (int)(name.len < 64 ? name.len : 64), name.ptr);
		if (u->bytes.ptr)
			return err_set(err, E_invalid_field, "body.file", "file is given twice");
		u->bytes = fields[i].content;
	}
	return u->bytes.ptr ? 0 : err_set(err, E_missing_field, "body.file", "the form needs the field file");
}

/* The one member there is; a string. */
static int find_data(struct span body, struct jvalue *data, struct err *err)
{
	struct jvalue root;
	struct jwalk w;

	*data = (struct jvalue){ .type = J_NONE };
	if (jscan_check(body, NULL, &root, err) < 0)
		return -1;
	if (root.type != J_OBJECT)
		return err_set(err, E_invalid_field, "body", "the body must be a JSON object");
	for (w = jwalk_start(root); jwalk_next(&w);) {
		if (!jkey_is(w.key, "data"))
			return err_set(err, E_invalid_field, "body", "there is no member \"%.*s\" here, only data",
				       (int)(w.key.len < 64 ? w.key.len : 64), w.key.ptr);
		if (data->type != J_NONE)
			return err_set(err, E_invalid_field, "body.data", "data is given twice");
		*data = w.value;
	}
	if (data->type == J_NONE)
		return err_set(err, E_missing_field, "body.data", "the body needs the member data");
	if (data->type != J_STRING)
		return err_set(err, E_invalid_field, "body.data", "data must be a data: URI");
	return 0;
}

static int decode_uri(struct upload *u, struct span uri, struct span *type, struct err *err)
{
	struct span base64;
	size_t size;

	if (image_split_uri(uri, type, &base64, err) < 0)
		goto fault;
	if (!base64_is_valid(base64, &size) || size == 0) {
		err_set(err, E_image_base64_invalid, "", "the data URI's payload is not base64");
		goto fault;
	}
	if (size > IMAGE_BYTES_MAX)
		return err_set(err, E_body_too_large, "body.data", "an image has at most %d bytes",
			       IMAGE_BYTES_MAX);
	(void)base64_decode(&u->decoded, base64);
	u->bytes = buf_span(&u->decoded);
	return 0;
fault:
	memccpy(err->param, "body.data", 0, sizeof err->param);
	return -1;
}

static int check_announced(const struct upload *u, struct span type, const char *param, struct err *err)
{
	if (image_is_announced(type, u->image.mime))
		return 0;
	return err_set(err, E_image_decode_error, param, "the bytes are of type %s, not %.*s", u->image.mime,
		       (int)(type.len < 64 ? type.len : 64), type.ptr);
}

static int read_json(struct upload *u, struct err *err)
{
	struct span uri, type = SPAN_NONE;
	struct jvalue data;
	struct buf text;
	int result = -1;

	buf_init(&text, JSON_MAX);
	if (find_data(u->body, &data, err) < 0)
		goto out;
	uri = jvalue_plain(data);
	if (!uri.ptr) {
		jvalue_unescape(data, &text);
		uri = buf_span(&text);
	}
	if (decode_uri(u, uri, &type, err) < 0 || image_inspect(&u->image, u->bytes, "body.data", err) < 0)
		goto out;
	result = check_announced(u, type, "body.data", err);
out:
	buf_free(&text);
	return result;
}

static int read_raw(struct upload *u, struct err *err)
{
	if (image_inspect(&u->image, u->bytes, "body", err) < 0)
		return -1;
	return check_announced(u, u->type, "body", err);
}

static void run_upload(void *arg)
{
	struct upload *u = arg;

	switch (u->kind) {
	case UPLOAD_JSON:
		u->result = read_json(u, &u->err);
		break;
	case UPLOAD_FORM:
		u->result = find_file(u, &u->err) < 0 ? -1 : image_inspect(&u->image, u->bytes, "body.file", &u->err);
		break;
	case UPLOAD_RAW:
		u->bytes = u->body;
		u->result = read_raw(u, &u->err);
		break;
	}
}

/* The picture itself is only taken as what it says it is, which no page of a browser may say unasked. */
static enum upload_kind kind_of(struct exchange *x)
{
	const struct span type = x->head->known[HTTP1_CONTENT_TYPE];

	if (call_has_form(x))
		return UPLOAD_FORM;
	return span_starts(type, "image/") ? UPLOAD_RAW : UPLOAD_JSON;
}

static const size_t body_max[] = {
	[UPLOAD_JSON] = JSON_MAX, [UPLOAD_FORM] = FORM_MAX, [UPLOAD_RAW] = IMAGE_BYTES_MAX
};

/* A body that is no JSON, and was not said to be, mostly is a picture that was put without its type. */
static int refuse_type(struct exchange *x, struct upload *u)
{
	const struct span type = u->type.len ? u->type : SPAN_LIT("absent");

	if (u->kind != UPLOAD_JSON || u->err.code != E_invalid_json || call_says_json(x) || u->body.len == 0 ||
	    span_starts(span_strip(u->body), "{"))
		return -1;
	return err_set(&u->err, E_unsupported_media_type, "headers.content-type",
		       "Content-Type must be that of the image, as in image/png, or application/json, not %.*s",
		       (int)(type.len < 64 ? type.len : 64), type.ptr);
}

static int take_upload(struct exchange *x, struct call *c, struct upload *u)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);
	struct image_place place = place_of(c);

	u->type = x->head->known[HTTP1_CONTENT_TYPE];
	u->kind = kind_of(x);
	if ((u->kind == UPLOAD_JSON && call_check_type(x, &u->err) < 0) ||
	    exchange_body(x, body_max[u->kind], &u->body, &u->err) < 0 ||
	    job_run(c->worker->core->jobs, run_upload, u, &u->err) < 0)
		return -1;
	if (u->result < 0)
		return refuse_type(x, u);
	return image_keep(&place, &u->image, u->bytes, settings_bytes(&s, SETTING_KEY_images_max_bytes), &u->err);
}

void v1_images_post(struct exchange *x, struct call *c)
{
	struct upload *u = arena_zalloc(&x->arena, sizeof *u);
	char *location;

	if (!u) /* the layer below answers */
		return;
	buf_init(&u->decoded, IMAGE_BYTES_MAX);
	if (take_upload(x, c, u) < 0) {
		reply_error(x, &u->err);
	} else {
		location = arena_printf(&x->arena, "/v1/images/%s", u->image.id);
		reply_header(x, "Location", span_str(location));
		call_reply_json(x, 201, image_line(&u->image));
	}
	buf_free(&u->decoded);
}

/* ---- GET, DELETE ---- */

struct listing {
	const char *tenant;
	struct page page;
	json_t *items;
	int64_t total;
};

static int add_line(void *context, const struct image_row *i)
{
	struct listing *l = context;

	return json_array_append_new(
		l->items, json_pack("{s:s%, s:s%, s:I, s:s%, s:I}", "id", i->id.ptr, i->id.len, "mime",
				    i->mime.ptr, i->mime.len, "bytes", (json_int_t)i->bytes, "sha256",
				    i->sha256.ptr, i->sha256.len, "created_at", (json_int_t)i->created_at));
}

static int read_list(struct db *db, void *arg, struct err *err)
{
	struct listing *l = arg;
	int64_t bytes;

	if (images_count(db, l->tenant, &l->total, &bytes, err) < 0)
		return -1;
	return images_list(db, l->tenant, l->page.limit, l->page.offset, add_line, l, err);
}

void v1_images_list(struct exchange *x, struct call *c)
{
	struct listing l = { .tenant = c->identity.tenant_id };
	struct err err = ERR_INIT;

	if (call_query_page(x, &l.page, &err) < 0) {
		reply_error(x, &err);
		return;
	}
	l.items = json_array();
	if (store_read(c->worker->core->store, c->worker->core->jobs, read_list, &l, &err) == 0) {
		call_reply_page(x, l.items, l.total, &l.page);
		return;
	}
	json_decref(l.items);
	reply_error(x, &err);
}

static int find_image(struct exchange *x, struct call *c, struct image_place *p, struct stored_image *i)
{
	struct err err = ERR_INIT;

	*p = place_of(c);
	if (image_find(p, span_str(call_param(x, c, 0)), i, &err) == 0)
		return 0;
	reply_error(x, &err);
	return -1;
}

void v1_images_get(struct exchange *x, struct call *c)
{
	struct image_place p;
	struct stored_image i;

	if (find_image(x, c, &p, &i) == 0)
		call_reply_json(x, 200, image_line(&i));
}

/* RFC 9110 13.1.2: a list of tags, weak ones too, or a star. */
static bool is_known(struct span tags, const char *etag)
{
	while (tags.ptr) {
		struct span tag = span_trim(span_cut(&tags, ','));

		if (span_starts(tag, "W/"))
			tag = span_from(tag, 2);
		if (span_is(tag, etag) || span_is(tag, "*"))
			return true;
	}
	return false;
}

/* Part by part: what a slow client has not taken yet is never all of it. */
static int send_parts(struct exchange *x, const struct image_place *p, const struct stored_image *i,
		      struct err *err)
{
	struct buf part;
	int result = 0;

	buf_init(&part, IMAGES_PART);
	for (int64_t seq = 0; result == 0 && seq * IMAGES_PART < i->bytes; seq++) {
		buf_clear(&part);
		result = image_read_part(p, i, seq, &part, err);
		if (seq == 0 && result == 0)
			result = reply_begin_sized(x, 200, i->mime, (size_t)i->bytes);
		if (result == 0) {
			struct span bytes = buf_span(&part);

			result = reply_write(x, &bytes, 1, err);
		}
		if (x->head->method == HTTP1_HEAD)
			break;
		reply_flush(x);
	}
	buf_free(&part);
	return result;
}

void v1_images_content(struct exchange *x, struct call *c)
{
	struct image_place p;
	struct stored_image i;
	struct err err = ERR_INIT;
	char *etag;

	if (find_image(x, c, &p, &i) < 0)
		return;
	etag = arena_printf(&x->arena, "\"%s\"", i.sha256);
	reply_header(x, "ETag", span_str(etag));
	reply_header(x, "Cache-Control", SPAN_LIT("private, max-age=31536000, immutable"));
	reply_header(x, "X-Content-Type-Options", SPAN_LIT("nosniff"));
	if (is_known(exchange_header(x, "if-none-match"), etag))
		reply_send(x, 304, NULL, SPAN_NONE);
	else if (send_parts(x, &p, &i, &err) == 0)
		reply_end(x);
	else if (reply_error(x, &err) < 0) /* deleted meanwhile, and part of it has left */
		reply_abort(x);
}

static int delete_image(struct db *db, void *arg, struct err *err)
{
	const struct span *names = arg;

	return images_delete(db, names[0].ptr, names[1], err);
}

void v1_images_delete(struct exchange *x, struct call *c)
{
	struct span names[] = { span_str(c->identity.tenant_id), span_str(call_param(x, c, 0)) };
	struct err err = ERR_INIT;

	if (store_write(c->worker->core->store, delete_image, names, &err) < 0)
		reply_error(x, &err);
	else
		call_reply_nothing(x);
}
