/* tests/bench/fts.c - chunks in an FTS5 table, found by any of a question's words. */
#include "tests/bench/fts.h"

#include "common/base/mem.h"
#include "common/text/terms.h"

static void run_sql(sqlite3 *db, const char *sql)
{
	bench_must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sqlite3_errmsg(db));
}

void fts_build(struct fts *f, const struct chunks *p)
{
	sqlite3_stmt *insert;

	bench_must(sqlite3_open(":memory:", &f->db) == SQLITE_OK, "SQLite cannot be opened");
	run_sql(f->db, "CREATE VIRTUAL TABLE t USING fts5(title, text, tokenize='porter "
		       "unicode61', content='')");
	run_sql(f->db, "BEGIN");
	bench_must(sqlite3_prepare_v2(f->db, "INSERT INTO t(rowid, title, text) VALUES(?1, ?2, ?3)",
				      -1, &insert, NULL) == SQLITE_OK,
		   "FTS5 is not there");
	for (size_t i = 0; i < p->count; i++) {
		const struct chunk *one = &p->list[i];

		sqlite3_bind_int64(insert, 1, (sqlite3_int64)i + 1);
		sqlite3_bind_text(insert, 2, one->title.ptr ? one->title.ptr : "",
				  (int)one->title.len, SQLITE_STATIC);
		sqlite3_bind_text(insert, 3, one->text.ptr, (int)one->text.len, SQLITE_STATIC);
		bench_must(sqlite3_step(insert) == SQLITE_DONE, sqlite3_errmsg(f->db));
		sqlite3_reset(insert);
	}
	sqlite3_finalize(insert);
	run_sql(f->db, "COMMIT");
	sqlite3_prepare_v2(f->db, "SELECT rowid FROM t WHERE t MATCH ?1 ORDER BY bm25(t) LIMIT ?2",
			   -1, &f->search, NULL);
}

void fts_free(struct fts *f)
{
	sqlite3_finalize(f->search);
	sqlite3_close(f->db);
}

/* Runs of ASCII letters and digits, and of anything above ASCII. */
static bool is_word_byte(unsigned char c)
{
	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z');
}

static void note_stop(void *data, const struct term *term)
{
	bool *is_stop = data;

	*is_stop = term->is_stop;
}

size_t fts_search(void *data, const char *text, uint32_t *rows, size_t max)
{
	struct fts *f = data;
	struct terms *terms = f->without_stops ? terms_new() : NULL;
	struct buf query;
	size_t count = 0;

	buf_init(&query, 1 * MIB);
	for (const char *at = text; *at;) {
		const char *end = at;
		bool is_stop = false;

		while (*end && is_word_byte((unsigned char)*end))
			end++;
		if (f->without_stops)
			terms_each(terms, span_of(at, (size_t)(end - at)), note_stop, &is_stop);
		if (end > at && !is_stop)
			buf_printf(&query, "%s\"%.*s\"", query.len > 0 ? " OR " : "",
				   (int)(end - at), at);
		at = end > at ? end : at + 1;
	}
	sqlite3_reset(f->search);
	sqlite3_bind_text(f->search, 1, buf_str(&query), -1, SQLITE_TRANSIENT);
	sqlite3_bind_int64(f->search, 2, (sqlite3_int64)max);
	while (count < max && sqlite3_step(f->search) == SQLITE_ROW)
		rows[count++] = (uint32_t)(sqlite3_column_int64(f->search, 0) - 1);
	sqlite3_reset(f->search);
	buf_free(&query);
	terms_free(terms);
	return count;
}
