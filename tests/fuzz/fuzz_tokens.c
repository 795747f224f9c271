/* tests/fuzz/fuzz_tokens.c - whatever stands in tokens.yaml: read or refused with a reason. */
#include "common/tenant/grant.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a token may is what it was given, and covers itself. */
static void look_at(const struct token *token)
{
	json_t *all = constraints_inherit(token->constraints, NULL, NULL);
	const char *member;

	if (!constraints_cover(token->constraints, token->constraints, &member) ||
	    (token->scopes & ~SCOPE_all) || !*token->id)
		abort();
	json_decref(all);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct yml *file = yml_parse(span_of((const char *)data, size), "tokens.yaml", &err);
	struct tenancy *t = file ? tenancy_of(file, NULL, &err) : NULL;

	yml_free(file);
	if (!t)
		return err.code == E_none ? (abort(), 0) : 0;
	if (!tenancy_find(t, SPAN_LIT("default")))
		abort();
	for (size_t i = 0; i < tenancy_count(t); i++)
		if (tenancy_find(t, span_str(tenancy_at(t, i)->id)) != tenancy_at(t, i))
			abort();
	for (size_t i = 0; i < tenancy_token_count(t); i++)
		look_at(tenancy_token_at(t, i));
	tenancy_free(t);
	return 0;
}
