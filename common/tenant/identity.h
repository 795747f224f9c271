/*
 * common/tenant/identity.h - who asks.  Any thread.
 */
#ifndef SPASS_TENANT_IDENTITY_H
#define SPASS_TENANT_IDENTITY_H

#include "common/tenant/keyring.h"
#include "common/tenant/tenancy.h"

/*
 * Of one request.  Objects belong to (tenant_id, user_id); where is_whole_tenant, which is never
 * so where something is changed, user_id is "" and all of the tenant's are meant.
 */
struct identity {
	const struct token *token;   /* NULL on public routes and with auth: false */
	const struct tenant *tenant; /* NULL on public routes */
	const char *tenant_id;       /* "default" on public routes */
	const char *token_id;        /* "-" without a token */
	const char *user_id;         /* SPASS-User-Id or the token's id */
	const char *scope_id;        /* SPASS-Scope-Id or "" */
	enum role role;
	uint64_t scopes;
	bool is_whole_tenant;
};

/*
 * authorization: the header's value (ptr NULL = absent).  0 and *found, or -1 with
 * E_missing_authorization or E_invalid_authorization, also for a token that has expired or was
 * revoked.
 */
int identity_find(const struct tenancy *t, const struct keyring *k, struct span authorization,
		  int64_t now_ms, const struct token **found, struct err *err);
/* [A-Za-z0-9._:@+-]{1,128}. */
bool identity_is_user_id(struct span s);

#endif
