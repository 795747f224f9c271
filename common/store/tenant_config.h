/*
 * common/store/tenant_config.h - the table of settings that tenants change at run time.
 *
 * Plain functions on a connection, for store_write and store_read.
 */
#ifndef SPASS_STORE_TENANT_CONFIG_H
#define SPASS_STORE_TENANT_CONFIG_H

#include "common/store/db.h"

struct tenant_config {
	struct span tenant_id, key, value, updated_by; /* value: JSON */
	int64_t updated_ms;
};

/* Sets one key; within the caller's transaction. */
int tenant_config_put(struct db *db, const struct tenant_config *row, struct err *err);
/* key NULL: all of the tenant.  None there is no error. */
int tenant_config_delete(struct db *db, const char *tenant_id, const char *key, struct err *err);
/*
 * Calls visit for each row, whose texts are borrowed for the call, in order of tenant and key;
 * tenant_id NULL: of all tenants.  -1 as soon as visit returns it.
 */
int tenant_config_list(struct db *db, const char *tenant_id,
		       int (*visit)(void *arg, const struct tenant_config *row, struct err *err),
		       void *arg, struct err *err);

#endif
