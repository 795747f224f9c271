/*
 * common/tenant/scope.c - see scope.h.
 */
#include "common/tenant/scope.h"

#include "common/base/mem.h"

static const struct {
	const char *text;
	enum role lowest;
} scopes[] = {
#define SCOPE(name, text, role) { text, ROLE_##role },
#include "common/tenant/scope.def"
#undef SCOPE
};

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_readonly] = "readonly",
	[ROLE_tenant_user] = "tenant_user",
	[ROLE_tenant_admin] = "tenant_admin",
	[ROLE_operator] = "operator",
};

const char *scope_name(uint64_t scope)
{
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (scope & UINT64_C(1) << i)
			return scopes[i].text;
	return "none";
}

uint64_t scope_find(struct span text)
{
	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (span_is(text, scopes[i].text))
			return UINT64_C(1) << i;
	return SCOPE_none;
}

uint64_t role_scopes(enum role role)
{
	uint64_t set = SCOPE_none;

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
		if (scopes[i].lowest <= role)
			set |= UINT64_C(1) << i;
	return set;
}

const char *role_name(enum role role)
{
	return role_names[role];
}

int role_find(struct span text, enum role *role)
{
	for (int i = 0; i < ROLE_COUNT; i++)
		if (span_is(text, role_names[i])) {
			*role = (enum role)i;
			return 0;
		}
	return -1;
}
