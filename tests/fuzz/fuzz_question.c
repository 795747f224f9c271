/*
 * tests/fuzz/fuzz_question.c - any bytes as a filter, a quote and a text with its snippet.
 *
 * A filter that is taken is a condition that SQLite takes, too; places lie in the text.
 */
#include "common/base/jscan.h"
#include "common/rag/filter.h"
#include "common/rag/quote.h"
#include "common/rag/snippet.h"
#include "tests/fuzz/must.h"

#include <sqlite3.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_condition(const char *condition)
{
	static sqlite3 *db;
	sqlite3_stmt *st;
	char *sql;

	if (!db) {
		must(sqlite3_open(":memory:", &db) == SQLITE_OK);
		must(sqlite3_exec(db,
				  "CREATE TABLE rag_document(id, index_id, name, title, source, type);"
				  "CREATE TABLE rag_meta(index_id, document_id, key, kind, text, number)",
				  NULL, NULL, NULL) == SQLITE_OK);
	}
	sql = sqlite3_mprintf("SELECT 1 FROM rag_document AS d WHERE %s", condition);
	must(sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK);
	sqlite3_finalize(st);
	sqlite3_free(sql);
}

static void read_filter(struct span text)
{
	struct filter *f = filter_read(text, "filter", NULL);

	if (f)
		check_condition(filter_condition(f, 2));
	filter_free(f);
}

static void find_quote(struct span text, struct span quote)
{
	struct quote_place place;

	if (quote_find(text, quote, &place, NULL) < 0)
		return;
	must(place.start <= place.end && place.end <= text.len);
	must(place.likeness >= 0 && place.likeness <= 1);
}

static void cut_snippet(struct span text, struct span word)
{
	const struct lexical_match matches[] = { { word, 1, 1 }, { SPAN_LIT("a"), 0.5F, 0.5F } };
	struct terms *t = terms_new();
	struct snippet s;
	size_t last = 0;

	snippet_make(t, text, matches, 2, text.len % 2, &s);
	must(s.text.len <= SNIPPET_BYTES && s.mark_count <= SNIPPET_MARKS_MAX);
	for (size_t i = 0; i < s.mark_count; i++) {
		must(s.marks[i].start >= last && s.marks[i].end > s.marks[i].start);
		last = s.marks[i].end;
	}
	must(last <= s.text.len);
	must(s.sentence.len == 0 || (s.sentence.ptr >= text.ptr &&
				     s.sentence.ptr + s.sentence.len <= text.ptr + text.len));
	terms_free(t);
}

/* The first byte says how much of the rest is the quote, or the word. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span all = span_of((const char *)data, size), head;

	if (size < 2)
		return 0;
	read_filter(all);
	all = span_from(all, 1);
	head = span_of(all.ptr, data[0] < all.len ? data[0] : all.len);
	find_quote(span_from(all, head.len), head);
	cut_snippet(span_from(all, head.len), head);
	return 0;
}
