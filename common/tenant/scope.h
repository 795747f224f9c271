/*
 * common/tenant/scope.h - scopes and roles: sets of bits, from one table.  Any thread.
 */
#ifndef SPASS_TENANT_SCOPE_H
#define SPASS_TENANT_SCOPE_H

#include <stdint.h>

#include "common/base/span.h"

/* Each includes those before it. */
enum role { ROLE_readonly, ROLE_tenant_user, ROLE_tenant_admin, ROLE_operator, ROLE_COUNT };

enum scope_index {
#define SCOPE(name, text, role) SCOPE_INDEX_##name,
#include "common/tenant/scope.def"
#undef SCOPE
	SCOPE_COUNT
};

/* One bit each, so that a set is an integer. */
_Static_assert(SCOPE_COUNT <= 64, "a set of scopes has 64 bits");

#define SCOPE_none UINT64_C(0)
#define SCOPE_all (UINT64_MAX >> (64 - SCOPE_COUNT))
#define SCOPE_BIT(name) (UINT64_C(1) << SCOPE_INDEX_##name)

/* "chat:exec" of the lowest bit of the set; "none" for an empty one. */
const char *scope_name(uint64_t scope);
/* The bit of a text, or SCOPE_none. */
uint64_t scope_find(struct span text);
/* What a role may do. */
uint64_t role_scopes(enum role role);
/* "tenant_user". */
const char *role_name(enum role role);
/* -1 when there is none of that name. */
int role_find(struct span text, enum role *role);

#endif
