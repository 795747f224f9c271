/*
 * common/rag/rag_row.c - the rows of indices and of models.
 */
#include "common/rag/rag_inside.h"

#include <stdio.h>
#include <string.h>

#include "common/rag/cut.h"

#define COLUMNS                                                                                \
	"id, generation, chunk_target, chunk_max, chunk_overlap, embedder, documents, chunks," \
	" bytes, stored, model, building, rebuilt, created_at, changed_at, name, stands_for"

static void read_text(struct db_statement *st, int column, char *out, size_t size)
{
	snprintf(out, size, "%.*s", SPAN_ARGS(db_text(st, column)));
}

static int read_row(struct db_statement *st, struct rag_row *row, struct err *err)
{
	int found = db_next(st, err);

	if (found != 1)
		return found;
	memset(row, 0, sizeof(*row));
	row->id = db_int(st, 0);
	row->generation = db_int(st, 1);
	row->config.chunk_target = (uint32_t)db_int(st, 2);
	row->config.chunk_max = (uint32_t)db_int(st, 3);
	row->config.chunk_overlap = (uint32_t)db_int(st, 4);
	read_text(st, 5, row->config.embedder, sizeof(row->config.embedder));
	row->documents = db_int(st, 6);
	row->chunks = db_int(st, 7);
	row->bytes = db_int(st, 8);
	row->stored = db_int(st, 9);
	row->model = db_int(st, 10);
	row->building = db_int(st, 11);
	row->rebuilt = db_int(st, 12);
	row->created_us = db_int(st, 13);
	row->changed_us = db_int(st, 14);
	read_text(st, 15, row->name, sizeof(row->name));
	read_text(st, 16, row->stands_for, sizeof(row->stands_for));
	db_reset(st);
	return 1;
}

int rag_row_find(struct db *db, struct span name, struct rag_row *row, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT " COLUMNS " FROM rag_index WHERE name = ?1", err);

	if (!st)
		return -1;
	db_bind_text(st, 1, name);
	return read_row(st, row, err);
}

int rag_row_get(struct db *db, struct span name, struct rag_row *row, struct err *err)
{
	int found = rag_row_find(db, name, row, err);

	if (found == 0)
		return err_set(err, E_rag_index_not_found, "index", "there is no index \"%.*s\"",
			       SPAN_ARGS(name));
	return found < 0 ? -1 : 0;
}

int rag_row_find_id(struct db *db, int64_t id, struct rag_row *row, struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT " COLUMNS " FROM rag_index WHERE id = ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	return read_row(st, row, err);
}

int rag_row_get_replacement(struct db *db, int64_t id, struct rag_row *row, struct err *err)
{
	int found = rag_row_find_id(db, id, row, err);

	if (found < 0)
		return -1;
	if (found == 0 || row->name[0] || !row->stands_for[0])
		return err_set(err, E_rag_index_not_found, "index", "the replacement was given up");
	return 0;
}

static void bind_row(struct db_statement *st, const struct rag_row *row)
{
	db_bind_int(st, 1, row->generation);
	db_bind_int(st, 2, row->config.chunk_target);
	db_bind_int(st, 3, row->config.chunk_max);
	db_bind_int(st, 4, row->config.chunk_overlap);
	db_bind_str(st, 5, row->config.embedder);
	db_bind_int(st, 6, row->documents);
	db_bind_int(st, 7, row->chunks);
	db_bind_int(st, 8, row->bytes);
	db_bind_int(st, 9, row->stored);
	if (row->model > 0)
		db_bind_int(st, 10, row->model);
	if (row->building > 0)
		db_bind_int(st, 11, row->building);
	db_bind_int(st, 12, row->rebuilt);
	db_bind_int(st, 13, row->changed_us);
}

int rag_row_insert(struct db *db, struct rag_row *row, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"INSERT INTO rag_index (generation, chunk_target, chunk_max, chunk_overlap,"
		" embedder, documents, chunks, bytes, stored, model, building, rebuilt,"
		" changed_at, created_at, name, stands_for)"
		" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
		err);

	if (!st)
		return -1;
	row->created_us = row->changed_us = rag_now_us();
	bind_row(st, row);
	db_bind_int(st, 14, row->created_us);
	db_bind_str(st, 15, row->name[0] ? row->name : NULL);
	db_bind_str(st, 16, row->stands_for[0] ? row->stands_for : NULL);
	if (db_run(st, err) < 0)
		return -1;
	row->id = db_last_id(db);
	return 0;
}

int rag_row_update(struct db *db, struct rag_row *row, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"UPDATE rag_index SET generation = ?1, chunk_target = ?2, chunk_max = ?3,"
		" chunk_overlap = ?4, embedder = ?5, documents = ?6, chunks = ?7, bytes = ?8,"
		" stored = ?9, model = ?10, building = ?11, rebuilt = ?12, changed_at = ?13,"
		" created_at = ?15"
		" WHERE id = ?14",
		err);

	if (!st)
		return -1;
	bind_row(st, row);
	db_bind_int(st, 14, row->id);
	db_bind_int(st, 15, row->created_us);
	return db_run(st, err);
}

int rag_row_rename(struct db *db, int64_t id, struct span name, struct err *err)
{
	struct db_statement *st = db_statement(
		db, "UPDATE rag_index SET name = ?2, stands_for = NULL WHERE id = ?1", err);

	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	db_bind_text(st, 2, name);
	return db_run(st, err);
}

int rag_row_check_limits(struct rag *r, struct db *db, const struct rag_row *row, struct err *err)
{
	const struct rag_limits *limits = &r->options.limits;
	/* The others that stand, without the one that row is a replacement for. */
	struct db_statement *st = db_statement(
		db,
		"SELECT count(*), coalesce(sum(documents), 0), coalesce(sum(chunks), 0),"
		" coalesce(sum(bytes), 0) FROM rag_index"
		" WHERE name IS NOT NULL AND name <> ?1 AND id <> ?2",
		err);
	const struct {
		const char *name;
		int64_t max, mine;
	} rows[] = {
		{ "indices", limits->indices_max, 1 },
		{ "documents", limits->documents_max, row->documents },
		{ "chunks", limits->chunks_max, row->chunks },
		{ "bytes", limits->bytes_max, row->bytes },
	};

	if (!st)
		return -1;
	db_bind_str(st, 1, row->stands_for);
	db_bind_int(st, 2, row->id);
	if (db_next(st, err) < 0)
		return -1;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t all = db_int(st, (int)i) + rows[i].mine;

		if (rows[i].max <= 0 || all <= rows[i].max)
			continue;
		db_reset(st);
		return err_set(err, E_rag_limit_exceeded, rows[i].name,
			       "there would be %lld %s; a tenant may have %lld", (long long)all,
			       rows[i].name, (long long)rows[i].max);
	}
	db_reset(st);
	return 0;
}

int rag_config_fill(const struct rag_config *config, struct rag_config *out, struct err *err)
{
	*out = config ? *config : (struct rag_config){ .embedder = "" };
	out->embedder[RAG_MODEL_MAX] = '\0';
	if (!out->embedder[0])
		snprintf(out->embedder, sizeof(out->embedder), "auto");
	if (out->chunk_target == 0)
		out->chunk_target = CUT_TARGET;
	if (out->chunk_max == 0)
		out->chunk_max = out->chunk_target > CUT_MAX / 2 ? 2 * out->chunk_target : CUT_MAX;
	if (out->chunk_target < CUT_TARGET_LEAST || out->chunk_target > CUT_MAX_MOST / 2)
		return err_set(err, E_invalid_field, "chunk_target",
			       "a chunk has about %d to %d characters, not %u", CUT_TARGET_LEAST,
			       CUT_MAX_MOST / 2, out->chunk_target);
	if (out->chunk_max < out->chunk_target || out->chunk_max > CUT_MAX_MOST)
		return err_set(err, E_invalid_field, "chunk_max",
			       "the longest chunk has %u to %d characters, where chunks have about %u, "
			       "not %u",
			       out->chunk_target, CUT_MAX_MOST, out->chunk_target, out->chunk_max);
	if (out->chunk_overlap > out->chunk_target / 2)
		return err_set(err, E_invalid_field, "chunk_overlap",
			       "a chunk of about %u characters repeats at most %u of the one before, "
			       "not %u",
			       out->chunk_target, out->chunk_target / 2, out->chunk_overlap);
	return 0;
}

int64_t rag_model_id(struct db *db, struct span name, bool make, struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT id FROM rag_model WHERE name = ?1"
			     " ORDER BY seen_at DESC, id DESC LIMIT 1",
			     err);
	int64_t id = 0;
	int found;

	if (!st)
		return -1;
	db_bind_text(st, 1, name);
	found = db_next(st, err);
	if (found == 1)
		id = db_int(st, 0);
	db_reset(st);
	if (found != 0 || !make)
		return found < 0 ? -1 : id;
	st = db_statement(db, 
			  "INSERT INTO rag_model (name, dimensions, seen_at) VALUES (?1, 0, 0)",
			  err);
	if (!st)
		return -1;
	db_bind_text(st, 1, name);
	return db_run(st, err) < 0 ? -1 : db_last_id(db);
}

int rag_model_name(struct db *db, int64_t id, char name[RAG_MODEL_MAX + 1], int64_t *dimensions,
		   struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT name, dimensions FROM rag_model WHERE id = ?1", err);
	int found;

	name[0] = '\0';
	*dimensions = 0;
	if (!st)
		return -1;
	db_bind_int(st, 1, id);
	found = db_next(st, err);
	if (found == 1) {
		read_text(st, 0, name, RAG_MODEL_MAX + 1);
		*dimensions = db_int(st, 1);
	}
	db_reset(st);
	return found < 0 ? -1 : 0;
}

int rag_model_is_past(struct db *db, int64_t id, bool *is, struct err *err)
{
	char name[RAG_MODEL_MAX + 1];
	int64_t dimensions, now;

	*is = false;
	if (id == 0)
		return 0;
	if (rag_model_name(db, id, name, &dimensions, err) < 0)
		return -1;
	now = rag_model_id(db, span_str(name), false, err);
	*is = now > 0 && now != id;
	return now < 0 ? -1 : 0;
}
