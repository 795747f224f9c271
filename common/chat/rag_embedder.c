/*
 * common/chat/rag_embedder.c - see rag_embedder.h.
 */
#include "common/chat/rag_embedder.h"

#include <string.h>

#include "common/base/mem.h"

static bool is_there(const struct target *t)
{
	return t->backend->provider->dialect != DIALECT_BUILTIN &&
	       atomic_load(&t->backend->status) == BACKEND_AVAILABLE;
}

const struct target *rag_embedder_target(const struct routing *r, const struct rag_embedder *e)
{
	size_t count;
	const struct target *targets = routing_chain(r, e->alias, &count);

	for (size_t i = 0; i < count; i++)
		if (is_there(&targets[i]) && strcmp(targets[i].model, e->model) == 0)
			return &targets[i];
	return NULL;
}

const char *rag_embedder_name(const struct routing *r, const struct model *alias, struct span model,
			      bool *reached)
{
	size_t count;
	const struct target *targets = routing_chain(r, alias, &count);
	const char *found = NULL;

	*reached = false;
	for (size_t i = 0; i < count; i++) {
		bool there = is_there(&targets[i]);

		if (model.len > 0 && !span_is(model, targets[i].model))
			continue;
		if (!found || (there && !*reached)) {
			found = targets[i].model;
			*reached = there;
		}
	}
	return found;
}

/* The built-in model's vectors are made of words alone, of which the index knows more: it is never asked. */
static bool is_builtin(const struct routing *r, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(r, m, &count);

	for (size_t i = 0; i < count; i++)
		if (targets[i].backend->provider->dialect != DIALECT_BUILTIN)
			return false;
	return count > 0;
}

static void add_aliases(const struct routing *r, struct buf *out)
{
	const struct catalog *catalog = routing_catalog(r);

	for (size_t i = 0; i < catalog_count(catalog); i++) {
		const struct model *m = catalog_at(catalog, i);

		if (m->kind == MODEL_EMBEDDING && !is_builtin(r, m))
			buf_printf(out, ", %s", m->alias);
	}
}

int rag_embedder_check(const struct routing *r, struct span name, struct err *err)
{
	const struct model *m;
	struct buf known;

	if (name.len == 0 || span_is(name, "auto") || span_is(name, "none"))
		return 0;
	m = routing_find(r, name);
	if (m && m->kind == MODEL_EMBEDDING && !is_builtin(r, m))
		return 0;
	buf_init(&known, 64 * KIB);
	add_aliases(r, &known);
	err_set(err, E_invalid_field, "embedder",
		"\"%.*s\" is no embedding model %s; there are auto, none%s",
		(int)(name.len < 64 ? name.len : 64), name.ptr,
		m && m->kind == MODEL_EMBEDDING ? "for an index, whose words say more" : "here",
		buf_str(&known));
	buf_free(&known);
	return -1;
}

bool rag_embedder_is_named(const struct rag_index_info *index)
{
	const char *embedder = index->config.embedder;

	return embedder[0] && strcmp(embedder, "auto") != 0 && strcmp(embedder, "none") != 0;
}

static bool take_model(const struct routing *r, const struct model *alias, struct span model,
		       struct rag_embedder *out, bool *reached)
{
	const char *name = rag_embedder_name(r, alias, model, reached);

	if (name)
		*out = (struct rag_embedder){ alias, name };
	return name;
}

/* Of all aliases that have that model: one by which it can be reached, else any. */
static bool find_model(const struct routing *r, struct span model, struct rag_embedder *out,
		       bool *reached)
{
	const struct catalog *catalog = routing_catalog(r);
	bool found = false;

	*reached = false;
	for (size_t i = 0; i < catalog_count(catalog) && !*reached; i++) {
		const struct model *m = catalog_at(catalog, i);

		found |= m->kind == MODEL_EMBEDDING && take_model(r, m, model, out, reached);
	}
	return found;
}

bool rag_embedder_find(const struct routing *r, const struct rag_index_info *index,
		       struct rag_embedder *out)
{
	/* What it has is kept as long as it is offered. */
	const struct span has[] = { index->model, index->building };
	const struct model *m = NULL;
	bool reached = false;

	*out = (struct rag_embedder){ NULL, NULL };
	if (strcmp(index->config.embedder, "none") == 0)
		return false;
	if (rag_embedder_is_named(index)) {
		m = routing_find(r, span_str(index->config.embedder));
		if (!m || m->kind != MODEL_EMBEDDING)
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(has); i++)
		if (has[i].len > 0 && (m ? take_model(r, m, has[i], out, &reached)
					 : find_model(r, has[i], out, &reached)))
			return reached;
	if (!m)
		m = routing_default_embedder(r);
	return m && take_model(r, m, SPAN_NONE, out, &reached) && reached;
}

const struct model *rag_embedder_alias(const struct routing *r, const struct rag_index_info *index,
				       struct span model)
{
	const struct model *own = rag_embedder_is_named(index)
					  ? routing_find(r, span_str(index->config.embedder))
					  : NULL;
	struct rag_embedder e;
	bool reached;

	if (own && own->kind == MODEL_EMBEDDING && take_model(r, own, model, &e, &reached) &&
	    reached)
		return own;
	return find_model(r, model, &e, &reached) && reached ? e.alias : NULL;
}
