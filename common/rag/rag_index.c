/*
 * common/rag/rag_index.c - indices: made, configured, listed, deleted; replacements for them.
 */
#include "common/rag/rag_vectors.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"

/* ---- making, configuring, deleting ---- */

struct change {
	struct rag *rag;
	struct span name;
	const struct rag_config *config; /* filled, or NULL */
	int64_t id;                      /* told */
};

static int create(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row row;
	int found = rag_row_find(db, c->name, &row, err);

	if (found < 0)
		return -1;
	if (found == 1)
		return err_set(err, E_rag_index_exists, "id", "there is an index \"%.*s\"",
			       SPAN_ARGS(c->name));
	memset(&row, 0, sizeof(row));
	snprintf(row.name, sizeof(row.name), "%.*s", SPAN_ARGS(c->name));
	row.config = *c->config;
	row.generation = 1;
	if (rag_row_insert(db, &row, err) < 0)
		return -1;
	return rag_row_check_limits(c->rag, db, &row, err);
}

int rag_index_create(struct rag *r, struct span tenant, struct span name,
		     const struct rag_config *config, struct err *err)
{
	struct rag_config filled;
	struct change c = { .rag = r, .name = name, .config = &filled };
	struct rag_tenant *t;

	if (rag_index_name_check(name, E_invalid_field, "id", err) < 0 ||
	    rag_config_fill(config, &filled, err) < 0)
		return -1;
	t = rag_tenant_find(r, tenant, true, err);
	if (!t)
		return -1;
	rag_free_much(t, 0);
	return rag_write(t, create, &c, err);
}

static int configure(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row row;

	if (rag_row_get(db, c->name, &row, err) < 0 || rag_refused_want(db, row.id, err) < 0)
		return -1;
	row.config = *c->config;
	if (rag_model_drop(db, &row, err) < 0)
		return -1;
	row.changed_us = rag_now_us();
	row.generation++;
	return rag_row_update(db, &row, err);
}

int rag_index_configure(struct rag *r, struct span tenant, struct span name,
			const struct rag_config *config, struct err *err)
{
	struct rag_config filled;
	struct change c = { .rag = r, .name = name, .config = &filled };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);

	if (!t || rag_config_fill(config, &filled, err) < 0)
		return -1;
	return rag_write(t, configure, &c, err);
}

static int take_name(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row row;

	if (rag_row_get(db, c->name, &row, err) < 0)
		return -1;
	c->id = row.id;
	return rag_row_rename(db, row.id, SPAN_NONE, err);
}

int rag_index_delete(struct rag *r, struct span tenant, struct span name, struct err *err)
{
	struct change c = { .rag = r, .name = name };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);

	if (!t || rag_write(t, take_name, &c, err) < 0)
		return -1;
	rag_snapshot_forget(t, c.id);
	return 0;
}

/* ---- telling ---- */

static int tell_model(struct db *db, const struct rag_row *row, int64_t model, struct span *name,
		      int64_t *vectors, int64_t *refused, struct arena *a, int64_t *bytes,
		      struct err *err)
{
	char text[RAG_MODEL_MAX + 1];
	int64_t wanted, not_taken, dimensions;

	*name = SPAN_NONE;
	*vectors = 0;
	if (model == 0)
		return 0;
	if (rag_model_name(db, model, text, &dimensions, err) < 0 ||
	    rag_want_count(db, row->id, model, &wanted, err) < 0 ||
	    rag_refused_count(db, row->id, model, &not_taken, err) < 0)
		return -1;
	*name = arena_span(a, span_str(text));
	*vectors = row->chunks - wanted - not_taken;
	*refused += not_taken;
	*bytes += *vectors * dimensions * 2;
	return 0;
}

static int tell_segments(struct db *db, const struct rag_row *row, struct rag_index_info *out,
			 struct err *err)
{
	struct rag_segment_row *list;
	int64_t rows = 0;
	size_t count;

	if (rag_segment_list(db, row->id, &list, &count, err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		out->size += list[i].size;
		if (list[i].kind == RAG_POSTINGS) {
			out->segments++;
			rows += list[i].rows;
		} else if (list[i].kind == RAG_LATENT_ROWS) {
			out->latent_chunks += list[i].rows;
		}
	}
	out->dead = rows - row->chunks;
	mem_free(list);
	return 0;
}

static int tell(struct db *db, const struct rag_row *row, struct arena *a,
		struct rag_index_info *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	out->name = arena_span(a, span_str(row->name));
	out->config = row->config;
	out->documents = row->documents;
	out->chunks = row->chunks;
	out->bytes = row->bytes;
	out->created_us = row->created_us;
	out->changed_us = row->changed_us;
	out->generation = row->generation;
	out->size = row->stored;
	if (rag_model_is_past(db, row->model, &out->model_changed, err) < 0 ||
	    tell_model(db, row, row->model, &out->model, &out->vectors, &out->refused, a,
		       &out->size, err) < 0 ||
	    tell_model(db, row, row->building, &out->building, &out->building_vectors,
		       &out->refused, a, &out->size, err) < 0 ||
	    tell_segments(db, row, out, err) < 0)
		return -1;
	if (arena_failed(a))
		return err_set(err, E_too_large, "", "what is known of an index does not fit");
	return 0;
}

int rag_index_get(struct rag *r, struct span tenant, struct span name, struct arena *a,
		  struct rag_index_info *out, struct err *err)
{
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);
	struct db *db = t ? rag_read_begin(t, err) : NULL;
	struct rag_row row;
	int result = -1;

	if (db && rag_row_get(db, name, &row, err) == 0)
		result = tell(db, &row, a, out, err);
	if (t)
		rag_read_end(t, db);
	return result;
}

/* The first name after that one.  1, 0, -1. */
static int next_name(struct db *db, const char *after, struct rag_row *row, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "SELECT name FROM rag_index WHERE name > ?1 ORDER BY name LIMIT 1", err);
	char name[RAG_INDEX_NAME_MAX + 1];
	int found;

	if (!st)
		return -1;
	db_bind_str(st, 1, after);
	found = db_next(st, err);
	if (found == 1)
		snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(db_text(st, 0)));
	db_reset(st);
	return found == 1 ? rag_row_find(db, span_str(name), row, err) : found;
}

int rag_index_each(struct rag *r, struct span tenant,
		   int (*each)(void *arg, const struct rag_index_info *index), void *arg,
		   struct err *err)
{
	struct err none = ERR_INIT;
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, &none);
	struct rag_row row = { .name = "" };
	struct rag_index_info info;
	struct arena a;
	struct db *db;
	int more = -1;

	/* A tenant without a database has no index, which is no error. */
	if (!t && none.code == E_rag_index_not_found)
		return 0;
	if (!t) {
		if (err)
			*err = none;
		return -1;
	}
	db = rag_read_begin(t, err);
	arena_init(&a, 4096);
	while (db && (more = next_name(db, row.name, &row, err)) == 1) {
		arena_reset(&a);
		if (tell(db, &row, &a, &info, err) < 0 || each(arg, &info) < 0) {
			more = -1;
			break;
		}
	}
	arena_clear(&a);
	rag_read_end(t, db);
	return more;
}

/* ---- replacements ---- */

enum {
	REPLACEMENTS_MAX = 8,    /* of a tenant, under way */
	LEFT_MS = 5 * 60 * 1000, /* when there are so many: nobody goes on with it */
};

/*
 * What a replacement has counts in no limit, so they are few.  One that nobody went on with for a
 * while makes room for another.
 */
static int make_room(struct db *db, struct err *err)
{
	struct db_statement *st;
	int64_t count;

	if (db_number(db, "SELECT count(*) FROM rag_index WHERE stands_for IS NOT NULL", &count,
		      err) < 0)
		return -1;
	if (count < REPLACEMENTS_MAX)
		return 0;
	st = db_statement(db,
			  "UPDATE rag_index SET stands_for = NULL WHERE stands_for IS NOT NULL"
			  " AND changed_at < ?1",
			  err);
	if (!st)
		return -1;
	db_bind_int(st, 1, rag_now_us() - (int64_t)LEFT_MS * 1000);
	if (db_run(st, err) < 0)
		return -1;
	return db_changes(db) > 0 ? 0
				  : err_set(err, E_overloaded, "",
					    "%d replacements of indices are under way; try again",
					    REPLACEMENTS_MAX);
}

static int begin_replacement(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row old, row = { .generation = 1 };
	int found = make_room(db, err) < 0 ? -1 : rag_row_find(db, c->name, &old, err);

	if (found < 0)
		return -1;
	if (found == 1) {
		row.config = old.config;
		row.model = old.model;
		row.building = old.building;
	} else if (rag_index_name_check(c->name, E_invalid_field, "index", err) < 0 ||
		   rag_config_fill(NULL, &row.config, err) < 0) {
		return -1;
	}
	snprintf(row.stands_for, sizeof(row.stands_for), "%.*s", SPAN_ARGS(c->name));
	if (rag_row_insert(db, &row, err) < 0)
		return -1;
	c->id = row.id;
	return 0;
}

int rag_replace_begin(struct rag *r, struct span tenant, struct span index,
		      struct rag_replacement *out, struct err *err)
{
	struct change c = { .rag = r, .name = index };
	struct rag_tenant *t;

	if (!rag_name_is_valid(index))
		return rag_index_name_check(index, E_invalid_field, "index", err);
	t = rag_tenant_find(r, tenant, true, err);
	if (t)
		rag_free_much(t, INT64_MAX);
	if (!t || rag_write(t, begin_replacement, &c, err) < 0)
		return -1;
	out->id = c.id;
	return 0;
}

static int end_replacement(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row old, row;
	struct span name;
	int found;

	if (rag_row_get_replacement(db, c->id, &row, err) < 0)
		return -1;
	name = span_str(row.stands_for);
	found = rag_row_find(db, name, &old, err);
	c->id = 0;
	if (found < 0)
		return -1;
	if (found == 1) {
		c->id = old.id;
		row.generation = old.generation > row.generation ? old.generation : row.generation;
		row.created_us = old.created_us;
		if (rag_row_rename(db, old.id, SPAN_NONE, err) < 0)
			return -1;
	}
	row.generation++;
	row.changed_us = rag_now_us();
	if (rag_row_check_limits(c->rag, db, &row, err) < 0 || rag_row_update(db, &row, err) < 0)
		return -1;
	return rag_row_rename(db, row.id, name, err);
}

/* What it shares with the old one, or any other index, is not embedded again. */
static int find_vectors(struct rag_tenant *t, int64_t id, struct err *err)
{
	struct db *db = rag_read_begin(t, err);
	char models[2][RAG_MODEL_MAX + 1] = { "" };
	struct rag_row row;
	int64_t dimensions;
	int result = -1;

	if (db && rag_row_get_replacement(db, id, &row, err) == 0 &&
	    rag_model_name(db, row.model, models[0], &dimensions, err) == 0)
		result = rag_model_name(db, row.building, models[1], &dimensions, err);
	rag_read_end(t, db);
	for (size_t i = 0; i < 2 && result == 0; i++)
		if (models[i][0])
			result = rag_vectors_find(t, id, span_str(models[i]), err);
	return result;
}

int rag_replace_end(struct rag *r, struct span tenant, const struct rag_replacement *to,
		    struct err *err)
{
	struct change c = { .rag = r, .id = to->id };
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, err);

	if (!t || find_vectors(t, to->id, err) < 0 || rag_write(t, end_replacement, &c, err) < 0)
		return -1;
	if (c.id > 0)
		rag_snapshot_forget(t, c.id);
	return 0;
}

/* What stands for nothing any more is gone: rag_tend takes it apart. */
static int cancel_replacement(struct db *db, void *arg, struct err *err)
{
	struct change *c = arg;
	struct rag_row row;

	if (rag_row_get_replacement(db, c->id, &row, err) < 0)
		return -1;
	return rag_row_rename(db, row.id, SPAN_NONE, err);
}

void rag_replace_cancel(struct rag *r, struct span tenant, const struct rag_replacement *to)
{
	struct change c = { .rag = r, .id = to->id };
	struct err err = ERR_INIT;
	struct rag_tenant *t = rag_tenant_find(r, tenant, false, &err);

	/* When this fails, RAG_REPLACE_IDLE_MS comes to pass. */
	if (t && rag_write(t, cancel_replacement, &c, &err) == 0)
		rag_snapshot_forget(t, to->id);
}
