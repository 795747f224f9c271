/*
 * common/store/memory.h - the table of what is remembered of users.
 *
 * A bucket belongs to tenant, scope and user, and has a name.  Inside store_write or store_read;
 * the connection's thread.
 */
#ifndef SPASS_STORE_MEMORY_H
#define SPASS_STORE_MEMORY_H

#include "common/base/buf.h"
#include "common/store/db.h"

enum { MEMORY_BUCKET_MAX = 16384, MEMORY_BUCKETS_MAX = 32, MEMORY_NAME_MAX = 64 };

/* Whose it is; texts borrowed, scope_id "" = none. */
struct owner {
	const char *tenant_id, *scope_id, *user_id;
};

struct memory {
	struct span name, content; /* borrowed for the call of each */
	int64_t bytes, created_at, updated_at;
};

/* [A-Za-z0-9._-]{1,64}. */
bool memory_is_name(struct span name);
/* Calls each for every bucket, in order of name, until it returns -1 (which is then returned). */
int memory_list(struct db *db, const struct owner *o, int (*each)(void *context, const struct memory *m),
		void *context, struct err *err);
/* The same for one; E_memory_not_found. */
int memory_get(struct db *db, const struct owner *o, struct span name,
	       int (*each)(void *context, const struct memory *m), void *context, struct err *err);
/*
 * Sets, or with append adds to, a bucket.  E_memory_bucket_full when it would pass
 * MEMORY_BUCKET_MAX bytes, or be one bucket too many.
 */
int memory_put(struct db *db, const struct owner *o, struct span name, struct span content, bool append,
	       int64_t now_ms, struct err *err);
/* E_memory_not_found. */
int memory_delete(struct db *db, const struct owner *o, struct span name, struct err *err);

#endif
