/*
 * common/store/images.c - see images.h.
 */
#include "common/store/images.h"

#include <string.h>

bool images_is_id(struct span id)
{
	if (id.len != IMAGES_ID_SIZE - 1 || !span_starts(id, "img_"))
		return false;
	for (size_t i = 4; i < id.len; i++)
		if (!(id.ptr[i] >= 'a' && id.ptr[i] <= 'z') && !(id.ptr[i] >= '0' && id.ptr[i] <= '9'))
			return false;
	return true;
}

static int not_found(struct span id, struct err *err)
{
	return err_set(err, E_image_not_found, "id", "there is no image '%.*s'",
		       (int)(id.len < 64 ? id.len : 64), id.ptr ? id.ptr : "");
}

int images_find_blob(struct db *db, const char *tenant, struct span sha256, int64_t *blob, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT number FROM image_blob"
					       " WHERE tenant_id = ?1 AND sha256 = ?2 AND complete = 1",
					       err);
	int row;

	*blob = 0;
	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_text(st, 2, sha256);
	row = db_next(st, err);
	if (row == 1)
		*blob = db_int(st, 0);
	db_reset(st);
	return row < 0 ? -1 : 0;
}

static int drop_dead(struct db *db, int64_t before_ms, struct err *err)
{
	if (db_run_with(db,
			"DELETE FROM image_part WHERE blob_number IN"
			" (SELECT number FROM image_blob WHERE complete = 0 AND created_at < ?1)",
			before_ms, err) < 0)
		return -1;
	return db_run_with(db, "DELETE FROM image_blob WHERE complete = 0 AND created_at < ?1", before_ms, err);
}

static int64_t weight(int64_t bytes)
{
	return bytes < IMAGES_LEAST ? IMAGES_LEAST : bytes;
}

int images_count(struct db *db, const char *tenant, int64_t *images, int64_t *bytes, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT images, bytes FROM image_total WHERE tenant_id = ?1", err);
	int row;

	*images = *bytes = 0;
	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	row = db_next(st, err);
	if (row == 1) {
		*images = db_int(st, 0);
		*bytes = db_int(st, 1);
	}
	db_reset(st);
	return row < 0 ? -1 : 0;
}

/* Whether the tenant may have so many bytes more. */
static int check_room(struct db *db, const char *tenant, const struct image_row *i, int64_t bytes_max,
		      struct err *err)
{
	int64_t images, bytes;

	if (images_count(db, tenant, &images, &bytes, err) < 0)
		return -1;
	bytes += weight(i->bytes);
	if (bytes > bytes_max)
		return err_set(err, E_image_store_full, "body",
			       "the tenant's images would have %lld bytes, at most %lld are kept",
			       (long long)bytes, (long long)bytes_max);
	return 0;
}

int images_begin_blob(struct db *db, const char *tenant, const struct image_row *b, int64_t bytes_max,
		      int64_t *blob, struct err *err)
{
	struct db_statement *st;
	uint64_t number;

	*blob = 0;
	if (check_room(db, tenant, b, bytes_max, err) < 0)
		return -1;
	if (drop_dead(db, b->created_at - IMAGES_UNFINISHED_MS, err) < 0)
		return -1;
	/* Never that of an earlier one, which somebody may still be reading. */
	ident_random(&number, sizeof number);
	*blob = (int64_t)(number >> 2) + 1;
	st = db_statement(db,
			  "INSERT INTO image_blob (tenant_id, sha256, mime, bytes, created_at, number, complete)"
			  " VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0)",
			  err);
	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_text(st, 2, b->sha256);
	db_bind_text(st, 3, b->mime);
	db_bind_int(st, 4, b->bytes);
	db_bind_int(st, 5, b->created_at);
	db_bind_int(st, 6, *blob);
	return db_run(st, err);
}

int images_add_part(struct db *db, int64_t blob, int64_t seq, struct span content, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "INSERT INTO image_part (blob_number, seq, content)"
					       " VALUES (?1, ?2, ?3)",
					       err);

	if (!st)
		return -1;
	db_bind_int(st, 1, blob);
	db_bind_int(st, 2, seq);
	db_bind_blob(st, 3, content);
	return db_run(st, err);
}

int images_drop_blob(struct db *db, int64_t blob, struct err *err)
{
	if (db_run_with(db,
			"DELETE FROM image_part WHERE blob_number IN"
			" (SELECT number FROM image_blob WHERE number = ?1 AND complete = 0)",
			blob, err) < 0)
		return -1;
	return db_run_with(db, "DELETE FROM image_blob WHERE number = ?1 AND complete = 0", blob, err);
}

/* The blob that i is made of: one that was complete before, or its own; 0 = neither is there. */
static int settle_blob(struct db *db, const char *tenant, const struct image_row *i, int64_t *blob,
		       struct err *err)
{
	if (images_find_blob(db, tenant, i->sha256, blob, err) < 0)
		return -1;
	if (*blob)
		return i->blob ? images_drop_blob(db, i->blob, err) : 0;
	if (i->blob == 0)
		return 0;
	if (db_run_with(db, "UPDATE image_blob SET complete = 1 WHERE number = ?1", i->blob, err) < 0)
		return -1;
	*blob = db_changes(db) ? i->blob : 0;
	return 0;
}

static int add_total(struct db *db, const char *tenant, int64_t images, int64_t bytes, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "INSERT INTO image_total (tenant_id, images, bytes)"
					       " VALUES (?1, ?2, ?3) ON CONFLICT (tenant_id) DO UPDATE SET"
					       " images = image_total.images + excluded.images,"
					       " bytes = image_total.bytes + excluded.bytes",
					       err);

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_int(st, 2, images);
	db_bind_int(st, 3, bytes);
	return db_run(st, err);
}

int images_add(struct db *db, const char *tenant, const struct image_row *i, int64_t bytes_max, bool *lost,
	       struct err *err)
{
	struct db_statement *st;
	int64_t blob;

	*lost = false;
	/* Of a blob of one's own once more: others came meanwhile. */
	if (check_room(db, tenant, i, bytes_max, err) < 0)
		return -1;
	if (settle_blob(db, tenant, i, &blob, err) < 0)
		return -1;
	*lost = blob == 0;
	if (*lost)
		return 0;
	st = db_statement(db,
			  "INSERT INTO image (tenant_id, id, blob_number, created_at) VALUES (?1, ?2, ?3, ?4)",
			  err);
	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_text(st, 2, i->id);
	db_bind_int(st, 3, blob);
	db_bind_int(st, 4, i->created_at);
	if (db_run(st, err) < 0)
		return -1;
	return add_total(db, tenant, 1, weight(i->bytes), err);
}

static int tell_rows(struct db_statement *st, int (*each)(void *context, const struct image_row *i),
		     void *context, int *count, struct err *err)
{
	int row, result = 0;

	*count = 0;
	while (result == 0 && (row = db_next(st, err)) == 1) {
		struct image_row i = {
			.id = db_text(st, 0),
			.mime = db_text(st, 1),
			.sha256 = db_text(st, 2),
			.bytes = db_int(st, 3),
			.created_at = db_int(st, 4),
			.blob = db_int(st, 5),
		};

		++*count;
		result = each(context, &i);
	}
	if (result == 0)
		result = row;
	db_reset(st);
	return result;
}

#define COLUMNS "SELECT i.id, b.mime, b.sha256, b.bytes, i.created_at, b.number" \
		" FROM image AS i JOIN image_blob AS b ON b.number = i.blob_number"

int images_list(struct db *db, const char *tenant, int64_t limit, int64_t offset,
		int (*each)(void *context, const struct image_row *i), void *context, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       COLUMNS " WHERE i.tenant_id = ?1"
						       " ORDER BY i.id DESC LIMIT ?2 OFFSET ?3",
					       err);
	int count;

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_int(st, 2, limit);
	db_bind_int(st, 3, offset);
	return tell_rows(st, each, context, &count, err);
}

int images_get(struct db *db, const char *tenant, struct span id,
	       int (*each)(void *context, const struct image_row *i), void *context, struct err *err)
{
	struct db_statement *st =
		db_statement(db, COLUMNS " WHERE i.tenant_id = ?1 AND i.id = ?2", err);
	int count;

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_text(st, 2, id);
	if (tell_rows(st, each, context, &count, err) < 0)
		return -1;
	return count ? 0 : not_found(id, err);
}

static int note_row(void *context, const struct image_row *i)
{
	struct image_row *found = context;

	found->bytes = i->bytes;
	found->blob = i->blob;
	return 0;
}

/* A blob that no image is made of any more. */
static int drop_unused(struct db *db, int64_t blob, struct err *err)
{
	if (db_run_with(db,
			"DELETE FROM image_part WHERE blob_number = ?1 AND NOT EXISTS"
			" (SELECT 1 FROM image WHERE blob_number = ?1)",
			blob, err) < 0)
		return -1;
	return db_run_with(db,
			   "DELETE FROM image_blob WHERE number = ?1 AND NOT EXISTS"
			   " (SELECT 1 FROM image WHERE blob_number = ?1)",
			   blob, err);
}

int images_delete(struct db *db, const char *tenant, struct span id, struct err *err)
{
	struct image_row row = { .blob = 0 };
	struct db_statement *st;

	if (images_get(db, tenant, id, note_row, &row, err) < 0)
		return -1;
	st = db_statement(db, "DELETE FROM image WHERE tenant_id = ?1 AND id = ?2", err);
	if (!st)
		return -1;
	db_bind_str(st, 1, tenant);
	db_bind_text(st, 2, id);
	if (db_run(st, err) < 0 || drop_unused(db, row.blob, err) < 0)
		return -1;
	return add_total(db, tenant, -1, -weight(row.bytes), err);
}

int images_part(struct db *db, int64_t blob, int64_t seq, struct span *content, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT content FROM image_part WHERE blob_number = ?1 AND seq = ?2", err);
	int row;

	if (!st)
		return -1;
	db_bind_int(st, 1, blob);
	db_bind_int(st, 2, seq);
	row = db_next(st, err);
	if (row == 1)
		*content = db_blob(st, 0);
	else if (row == 0)
		return err_set(err, E_image_not_found, "id", "the image has been deleted");
	return row < 0 ? -1 : 0;
}
