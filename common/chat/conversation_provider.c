/*
 * common/chat/conversation_provider.c - "provider": which of a model's targets may answer.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/conversation_keep.h"

static bool is_local(const struct backend *b)
{
	return (b->provider->quirks & QUIRK_LOCAL) || strcmp(b->name, "local") == 0;
}

static bool is_ollama(const struct backend *b)
{
	return span_starts(span_str(b->provider->name), "ollama") || span_starts(span_str(b->name), "ollama");
}

static bool is_openrouter(const struct backend *b)
{
	return strcmp(b->provider->name, "openrouter") == 0 || strcmp(b->name, "openrouter") == 0;
}

static const struct {
	const char *name;
	bool (*serves)(const struct backend *b);
} providers[] = {
	{ "local", is_local },
	{ "ollama", is_ollama },
	{ "openrouter", is_openrouter },
};

bool conversation_is_provider(struct jvalue v, const char **name)
{
	for (size_t i = 0; i < ARRAY_LEN(providers); i++)
		if (jvalue_is(v, providers[i].name)) {
			*name = providers[i].name;
			return true;
		}
	return false;
}

const struct model *conversation_find_alias(const struct routing *routing, struct span name,
					    const char *provider)
{
	char own[CATALOG_ALIAS_MAX + 16];
	const struct model *alias = NULL;
	int length;

	/* An alias of its own for that provider comes first. */
	if (provider && name.len <= CATALOG_ALIAS_MAX) {
		length = snprintf(own, sizeof own, "%.*s-%s", SPAN_ARGS(name), provider);
		alias = routing_find(routing, span_of(own, (size_t)length));
	}
	return alias ? alias : routing_find(routing, name);
}

int conversation_narrow(struct conversation_turn *t, struct err *err)
{
	size_t count, kept = 0;
	const struct target *chain = routing_chain(t->snapshot->routing, t->alias, &count);
	struct target *targets;
	size_t p = 0;

	if (!t->request.provider)
		return 0;
	while (strcmp(providers[p].name, t->request.provider) != 0)
		p++;
	targets = arena_alloc(t->turn->arena, (count + 1) * sizeof *targets);
	if (!targets)
		return err_used_up(err);
	for (size_t i = 0; i < count; i++)
		if (providers[p].serves(chain[i].backend))
			targets[kept++] = chain[i];
	if (kept == 0)
		return err_set(err, E_invalid_field, "body.provider", "%s has no target at %s",
			       t->alias->alias, t->request.provider);
	t->turn->targets = targets;
	t->turn->target_count = kept;
	return 0;
}
