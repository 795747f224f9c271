/*
 * common/rag/rag_model.c - embedding models: what they want to read, and which one an index uses.
 */
#include "common/rag/rag_vectors.h"

#include <string.h>

#include "common/base/mem.h"

struct rag_prefixes rag_model_prefixes(struct span model)
{
	/* The first whose words all stand in the name. */
	static const struct {
		const char *words[2];
		struct rag_prefixes prefixes;
	} rows[] = {
		{ { "nomic-embed-code" },
		  { "", "Represent this query for searching relevant code: " } },
		{ { "nomic" }, { "search_document: ", "search_query: " } },
		{ { "e5", "instruct" },
		  { "", "Instruct: Given a web search query, retrieve relevant passages that "
			"answer the query\nQuery: " } },
		{ { "-e5-" }, { "passage: ", "query: " } },
		{ { "e5-" }, { "passage: ", "query: " } },
		{ { "bge-m3" }, { "", "" } },
		{ { "bge", "-en" },
		  { "", "Represent this sentence for searching relevant passages: " } },
		{ { "bge", "-zh" },
		  { "",
		    "\xe4\xb8\xba\xe8\xbf\x99\xe4\xb8\xaa\xe5\x8f\xa5\xe5\xad\x90\xe7\x94\x9f"
		    "\xe6\x88\x90\xe8\xa1\xa8\xe7\xa4\xba\xe4\xbb\xa5\xe7\x94\xa8\xe4\xba\x8e\xe6"
		    "\xa3\x80\xe7\xb4\xa2\xe7\x9b\xb8\xe5\x85\xb3\xe6\x96\x87\xe7\xab\xa0\xef\xbc"
		    "\x9a" } },
		{ { "mxbai-embed" },
		  { "", "Represent this sentence for searching relevant passages: " } },
		{ { "arctic-embed", "v2" }, { "", "query: " } },
		{ { "arctic-embed2" }, { "", "query: " } },
		{ { "arctic-embed" },
		  { "", "Represent this sentence for searching relevant passages: " } },
		{ { "embeddinggemma" },
		  { "title: none | text: ", "task: search result | query: " } },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const *words = rows[i].words;

		if (span_find(model, span_str(words[0])) >= 0 &&
		    (!words[1] || span_find(model, span_str(words[1])) >= 0))
			return rows[i].prefixes;
	}
	return (struct rag_prefixes){ "", "" };
}

static int change(struct db *db, const char *sql, int64_t index_id, int64_t model, struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, model);
	return db_run(st, err);
}

/* What was built of a model in this index is past then; its vectors stay for a while. */
static int give_up_model(struct db *db, int64_t index_id, int64_t model, struct err *err)
{
	if (change(db, "DELETE FROM rag_want WHERE index_id = ?1 AND model = ?2", index_id, model,
		   err) < 0)
		return -1;
	return change(db, "DELETE FROM rag_refused WHERE index_id = ?1 AND model = ?2", index_id,
		      model, err);
}

/* One that comes back before all that was past of it has gone. */
static int begin_anew(struct db *db, int64_t index_id, int64_t model, struct err *err)
{
	return change(db,
		      "DELETE FROM rag_segment WHERE index_id = ?1 AND kind IN (2, 3, 6, 7)"
		      " AND model = ?2",
		      index_id, model, err);
}

static int want_all(struct db *db, int64_t index_id, int64_t model, struct err *err)
{
	return change(db,
		      "INSERT INTO rag_want (index_id, model, first_chunk, chunks)"
		      " SELECT ?1, ?2, first_chunk, chunks FROM rag_document"
		      " WHERE index_id = ?1 AND chunks > 0",
		      index_id, model, err);
}

/* A batch may have been under way when the index was told to have none. */
static bool may_have(const struct rag_row *row)
{
	return strcmp(row->config.embedder, "none") != 0;
}

int rag_model_drop(struct db *db, struct rag_row *row, struct err *err)
{
	const int64_t models[] = { row->model, row->building };

	if (may_have(row))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(models); i++)
		if (models[i] > 0 && give_up_model(db, row->id, models[i], err) < 0)
			return -1;
	row->model = row->building = 0;
	return 0;
}

/* The first model of an index is used at once, as far as it is; a further one is built beside. */
int rag_model_begin(struct db *db, void *arg, struct err *err)
{
	struct rag_modelling *m = arg;
	struct rag_row row;
	int64_t model;

	if (rag_row_get(db, m->index, &row, err) < 0)
		return -1;
	if (!may_have(&row))
		return 0;
	model = rag_model_id(db, m->model, true, err);
	if (model < 0)
		return -1;
	if (model == row.building || (model == row.model && row.building == 0))
		return 0;
	if (row.building > 0 && give_up_model(db, row.id, row.building, err) < 0)
		return -1;
	if (model == row.model) {
		row.building = 0;
		return rag_row_update(db, &row, err);
	}
	if (row.model > 0)
		row.building = model;
	else
		row.model = model;
	row.generation++;
	if (begin_anew(db, row.id, model, err) < 0 || want_all(db, row.id, model, err) < 0)
		return -1;
	return rag_row_update(db, &row, err);
}

int rag_model_end(struct db *db, void *arg, struct err *err)
{
	struct rag_modelling *m = arg;
	struct rag_row row;
	int64_t model, wanted;

	if (rag_row_get(db, m->index, &row, err) < 0)
		return -1;
	model = rag_model_id(db, m->model, false, err);
	if (model <= 0 || row.building != model)
		return model < 0 ? -1 : 0;
	if (rag_want_count(db, row.id, model, &wanted, err) < 0)
		return -1;
	if (wanted > 0)
		return 0;
	if (give_up_model(db, row.id, row.model, err) < 0)
		return -1;
	row.model = model;
	row.building = 0;
	row.generation++;
	return rag_row_update(db, &row, err);
}
