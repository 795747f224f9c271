/*
 * common/store/images.h - the tables of stored pictures.
 *
 * An image belongs to a tenant and has an id of its own; images of the same bytes share one blob,
 * which goes with the last of them.  Inside store_write or store_read; the connection's thread.
 */
#ifndef SPASS_STORE_IMAGES_H
#define SPASS_STORE_IMAGES_H

#include "common/base/ident.h"
#include "common/store/db.h"

enum {
	IMAGES_ID_SIZE = sizeof "img_" + IDENT_SORTED_LEN,
	IMAGES_PART = 1024 * 1024,           /* bytes in one part; the last has fewer */
	IMAGES_LEAST = 4096,                 /* bytes that an image counts at least */
	IMAGES_UNFINISHED_MS = 3600 * 1000,  /* an upload that takes longer has died */
};

struct image_row {
	struct span id, mime, sha256; /* sha256 in hex; borrowed for the call of each */
	int64_t bytes, created_at, blob;
};

/* "img_" and 26 characters of ident_sorted. */
bool images_is_id(struct span id);

/* The tenant's complete blob of that digest; *blob 0 = there is none. */
int images_find_blob(struct db *db, const char *tenant, struct span sha256, int64_t *blob, struct err *err);
/*
 * A new one to add parts to; b's id and blob are not read.  Drops the remains of dead uploads.
 * E_image_store_full, and nothing begun, when the tenant would have more than bytes_max with it.
 */
int images_begin_blob(struct db *db, const char *tenant, const struct image_row *b, int64_t bytes_max,
		      int64_t *blob, struct err *err);
int images_add_part(struct db *db, int64_t blob, int64_t seq, struct span content, struct err *err);
/* Drops one that is not complete. */
int images_drop_blob(struct db *db, int64_t blob, struct err *err);

/*
 * The image i, made of the tenant's complete blob of these bytes (i->blob is dropped then), else of
 * i->blob, which is complete from now on.  When neither is there, or i->blob is 0, *lost is set and
 * nothing added.  E_image_store_full when the tenant would have more than bytes_max.
 */
int images_add(struct db *db, const char *tenant, const struct image_row *i, int64_t bytes_max, bool *lost,
	       struct err *err);
/* Newest first.  Calls each until it returns -1 (which is then returned). */
int images_list(struct db *db, const char *tenant, int64_t limit, int64_t offset,
		int (*each)(void *context, const struct image_row *i), void *context, struct err *err);
int images_count(struct db *db, const char *tenant, int64_t *images, int64_t *bytes, struct err *err);
/* E_image_not_found. */
int images_get(struct db *db, const char *tenant, struct span id,
	       int (*each)(void *context, const struct image_row *i), void *context, struct err *err);
int images_delete(struct db *db, const char *tenant, struct span id, struct err *err);
/* E_image_not_found when it is gone.  content: borrowed until the next call on db. */
int images_part(struct db *db, int64_t blob, int64_t seq, struct span *content, struct err *err);

#endif
