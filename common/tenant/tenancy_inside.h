/*
 * common/tenant/tenancy_inside.h - a tenancy while it is put together.  Internal to common/tenant.
 */
#ifndef SPASS_TENANT_TENANCY_INSIDE_H
#define SPASS_TENANT_TENANCY_INSIDE_H

#include "common/tenant/tenancy.h"

/* Open addressing: 1-based places in an array, 0 for none. */
struct index {
	uint32_t *slots;
	size_t size, count; /* size: a power of two, 0 while empty */
};

struct tenancy {
	char *path;
	json_t *process[SETTING_COUNT];
	struct tenant *tenants;
	size_t tenant_count;
	struct token *tokens;
	size_t token_count, token_room;
	struct index by_tenant, by_id, by_digest;
	char *secret; /* of the gateway's own token, which is own */
	size_t secret_len;
	struct token own;
};

/* A zeroed row, which counts from now on. */
struct tenant *tenancy_add_tenant(struct tenancy *t, struct span id);
struct token *tenancy_add_token(struct tenancy *t);
/* What has that id or digest, or NULL. */
const struct token *tenancy_token_by_id(const struct tenancy *t, const char *id);
const struct token *tenancy_token_by_digest(const struct tenancy *t,
					    const uint8_t digest[DIGEST_SIZE]);
/* Once id and digest of the row are set, makes it known. */
void tenancy_index_token(struct tenancy *t, const struct token *token);
/* tenancy_process.c: what the environment says, and, once the file was read, its lists. */
int tenancy_read_process(struct tenancy *t, char *const *environment, struct err *err);
void tenancy_take_config(struct tenancy *t, const struct config *config);
int tenancy_take_lists(struct tenancy *t, struct err *err);
void tenancy_free_process(struct tenancy *t);
/* tenancy_read.c: a document's tenants and tokens. */
int tenancy_read(struct tenancy *t, struct yml *file, char *const *environment, struct err *err);

#endif
