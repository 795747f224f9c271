/*
 * common/tenant/grant.h - what may be handed on: no key can do more than its maker.  Any thread.
 */
#ifndef SPASS_TENANT_GRANT_H
#define SPASS_TENANT_GRANT_H

#include "common/tenant/tenancy.h"

/* As in tokens.yaml, without what narrows nothing; the caller owns it. */
json_t *constraints_json(const struct constraints *c);
/*
 * The members of asked (an object, or NULL for none), and those of the maker that it does not
 * have: budgets of both, the maker's on his own account (owner; his token's id).  The caller owns it.
 */
json_t *constraints_inherit(const struct constraints *maker, const char *owner, json_t *asked);
/* Whether c is as narrow as the maker's; else *member names what is wider. */
bool constraints_cover(const struct constraints *maker, const struct constraints *c,
		       const char **member);

#endif
