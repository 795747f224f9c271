/*
 * common/store/tenant_key.h - the table of keys that tenants make at run time.
 *
 * Plain functions on a connection, for store_write and store_read.  Secrets are never here, only
 * their SHA-256.
 */
#ifndef SPASS_STORE_TENANT_KEY_H
#define SPASS_STORE_TENANT_KEY_H

#include "common/base/digest.h"
#include "common/store/db.h"

enum { TENANT_KEY_ID_SIZE = 65, TENANT_KEY_PREFIX_SIZE = 17, TENANT_KEY_LABEL_SIZE = 257 };

/* A row.  Texts of any length are the row's own: tenant_key_clear. */
struct tenant_key {
	char id[TENANT_KEY_ID_SIZE], tenant_id[TENANT_KEY_ID_SIZE];
	char prefix[TENANT_KEY_PREFIX_SIZE]; /* the first characters of the secret */
	char label[TENANT_KEY_LABEL_SIZE], created_by[TENANT_KEY_ID_SIZE];
	uint8_t digest[DIGEST_SIZE], old_digest[DIGEST_SIZE];
	bool has_old; /* old_digest is valid, until old_until_ms */
	char *role, *extra_scopes, *deny_scopes; /* names, a blank between */
	char *constraints;                       /* JSON as in tokens.yaml, or NULL */
	int64_t created_ms, rotated_ms, expires_ms, revoked_ms, old_until_ms; /* 0: not */
	int64_t version; /* 1, and one more with each change */
};

void tenant_key_clear(struct tenant_key *k);

/* Within the caller's transaction. */
int tenant_key_insert(struct db *db, const struct tenant_key *k, struct err *err);
/* All that can change of the row of that tenant and id; 1, 0 when there is none, -1. */
int tenant_key_update(struct db *db, const struct tenant_key *k, struct err *err);
/* 1 and k (tenant_key_clear), 0 when there is none, -1. */
int tenant_key_get(struct db *db, const char *tenant_id, const char *id, struct tenant_key *k,
		   struct err *err);
/* What the key is for, of whichever tenant it is: 1, 0 when there is none, -1. */
int tenant_key_label(struct db *db, const char *id, char label[TENANT_KEY_LABEL_SIZE], struct err *err);
int tenant_key_count(struct db *db, const char *tenant_id, int64_t *count, struct err *err);
/* The same of those that were revoked. */
int tenant_key_count_revoked(struct db *db, const char *tenant_id, int64_t *count, struct err *err);
/*
 * Removes those that were revoked before then, but for makers of keys that stay: the line to the
 * token whose budget a key draws on is never broken.
 */
int tenant_key_prune(struct db *db, const char *tenant_id, int64_t before_ms, struct err *err);
/*
 * Calls visit for each row, the newest first; k is cleared afterwards.  tenant_id NULL: of all
 * tenants; limit < 0: all.  -1 as soon as visit returns it.
 */
int tenant_key_list(struct db *db, const char *tenant_id, int64_t limit, int64_t offset,
		    int (*visit)(void *arg, struct tenant_key *k, struct err *err), void *arg,
		    struct err *err);

#endif
