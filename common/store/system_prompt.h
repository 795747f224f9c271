/*
 * common/store/system_prompt.h - the table of texts that stand in front of requests.
 *
 * Three layers, joined in this order: the tenant's, a scope's, a user's (of one scope or none).
 * Inside store_write or store_read; the connection's thread.
 */
#ifndef SPASS_STORE_SYSTEM_PROMPT_H
#define SPASS_STORE_SYSTEM_PROMPT_H

#include "common/store/memory.h"

enum { SYSTEM_PROMPT_MAX = 16384 };
enum prompt_layer { LAYER_tenant, LAYER_scope, LAYER_user, LAYER_COUNT };

struct system_prompt {
	enum prompt_layer layer;
	struct span content; /* borrowed for the call of each */
	bool enabled;
	int64_t version, updated_at; /* version: 1, 2, ... */
};

/* "tenant", "scope", "user". */
const char *prompt_layer_name(enum prompt_layer layer);
/* -1 when there is none of that name. */
int prompt_layer_find(struct span name, enum prompt_layer *layer);
/* Those that o sees, in the order in which they are joined. */
int system_prompt_list(struct db *db, const struct owner *o,
		       int (*each)(void *context, const struct system_prompt *p), void *context,
		       struct err *err);
/* content with ptr NULL leaves the text as it is (E_system_prompt_not_found when there is none). */
int system_prompt_put(struct db *db, const struct owner *o, enum prompt_layer layer, struct span content,
		      const bool *enabled, const char *by, int64_t now_ms, struct err *err);
/* E_system_prompt_not_found. */
int system_prompt_delete(struct db *db, const struct owner *o, enum prompt_layer layer, struct err *err);

#endif
