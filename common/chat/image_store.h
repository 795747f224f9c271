/*
 * common/chat/image_store.h - a tenant's stored pictures: kept, looked up and read back.
 *
 * What the bytes are is told by themselves, never by a name or a header.  An upload gets an id of
 * its own, whatever is stored already, so that nobody's deletion takes away another's image; the
 * bytes are kept once.  Owner thread; on a fiber.
 */
#ifndef SPASS_CHAT_IMAGE_STORE_H
#define SPASS_CHAT_IMAGE_STORE_H

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/loop/job.h"
#include "common/store/images.h"
#include "common/store/store.h"

enum { IMAGE_BYTES_MAX = 10 * 1024 * 1024 };

struct image_place {
	struct store *store;
	struct job_pool *jobs;
	const char *tenant;
};

struct stored_image {
	char id[IMAGES_ID_SIZE];
	const char *mime; /* static */
	char sha256[DIGEST_HEX_SIZE];
	int64_t bytes, created_at, blob;
};

/*
 * Looks at the bytes of a picture: i's mime, sha256 and bytes.  Fails with E_image_decode_error
 * (no picture) or E_body_too_large, both at param.  Any thread; hashes all bytes.
 */
int image_inspect(struct stored_image *i, struct span bytes, const char *param, struct err *err);
/*
 * Keeps what image_inspect looked at; sets the rest of i.  It is durable on return.  bytes_max: of
 * all the tenant's images.  E_image_store_full, and store_write's errors.
 */
int image_keep(const struct image_place *p, struct stored_image *i, struct span bytes, int64_t bytes_max,
	       struct err *err);
/* E_image_not_found, at "id". */
int image_find(const struct image_place *p, struct span id, struct stored_image *i, struct err *err);
/* Appends one part of it: seq counts from 0, in steps of IMAGES_PART bytes. */
int image_read_part(const struct image_place *p, const struct stored_image *i, int64_t seq, struct buf *out,
		    struct err *err);
/* Appends "data:image/png;base64,..." of the tenant's image id; E_image_not_found. */
int image_data_uri(const struct image_place *p, struct span id, struct buf *out, struct err *err);

#endif
