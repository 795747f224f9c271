/* Tests of common/rag/filter.h: conditions run on real rows. */
#include "common/rag/filter.h"

#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "tests/support/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

struct stage {
	char directory[64];
	struct db *db;
};

static int set_up(void **state)
{
	static const char rows[] =
		"CREATE TABLE rag_document(id INTEGER PRIMARY KEY, index_id INTEGER, name TEXT, "
		"title TEXT, source TEXT,"
		" type TEXT);"
		"CREATE TABLE rag_meta(index_id INTEGER, document_id INTEGER, key TEXT, kind TEXT, "
		"text TEXT, number REAL);"
		"INSERT INTO rag_document VALUES (1, 1, 'a/one.md', 'One', 'a/one.md', 'markdown'),"
		" (2, 1, 'a/two.md', '', 'a/two.md', 'markdown'), (3, 1, 'b/three.pdf', 'Three', "
		"'b/three.pdf', 'pdf'),"
		" (4, 2, 'a/one.md', 'Other', '', 'markdown');"
		"INSERT INTO rag_meta VALUES (1, 1, 'year', 'n', NULL, 2020), (1, 2, 'year', 'n', "
		"NULL, 2021.5),"
		" (1, 3, 'year', 't', '2022', NULL), (1, 1, 'lang', 't', 'de', NULL), (1, 2, "
		"'lang', 't', 'en', NULL),"
		" (1, 1, 'draft', 'b', NULL, 1), (1, 2, 'draft', 'b', NULL, 0), (1, 3, 'draft', "
		"'n', NULL, 1),"
		" (2, 4, 'year', 'n', NULL, 2020);";
	struct stage *s = mem_new(struct stage);
	char path[128];

	snprintf(s->directory, sizeof(s->directory), "/tmp/spass-test-filter.XXXXXX");
	assert_non_null(mkdtemp(s->directory));
	snprintf(path, sizeof(path), "%s/rag.db", s->directory);
	s->db = db_open(path, DB_WRITE, NULL);
	assert_non_null(s->db);
	assert_int_equal(db_exec(s->db, rows, NULL), 0);
	*state = s;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *s = *state;

	db_close(s->db);
	tree_remove(s->directory);
	mem_free(s);
	return 0;
}

/* The ids of the documents of index 1 that it leaves, as "1 3". */
static void find(struct db *db, const char *json, struct buf *found)
{
	struct err err = ERR_INIT;
	struct filter *f = filter_read(span_str(json), "filter", &err);
	struct db_statement *st;
	char *sql;

	assert_string_equal(err.message, "");
	assert_non_null(f);
	sql = mem_printf(
		"SELECT d.id FROM rag_document AS d WHERE %s ORDER BY d.id",
		filter_condition(f, 2));
	st = db_prepare(db, sql, &err);
	assert_string_equal(err.message, "");
	db_bind_int(st, 1, 1);
	filter_bind(f, st);
	buf_clear(found);
	while (db_next(st, &err) == 1)
		buf_printf(found, "%s%d", found->len > 0 ? " " : "", (int)db_int(st, 0));
	assert_string_equal(err.message, "");
	db_finish(st);
	filter_free(f);
	mem_free(sql);
}

static void a_filter_leaves_what_it_says(void **state)
{
	static const struct {
		const char *json, *found;
	} cases[] = {
		{ "{}", "1 2 3" },
		{ "{\"year\": 2020}", "1" },
		{ "{\"year\": \"2022\"}", "3" },
		{ "{\"year\": 2022}", "" },
		{ "{\"year\": {\"$eq\": 2020.0}}", "1" },
		{ "{\"year\": {\"$gte\": 2020, \"$lt\": 2021.5}}", "1" },
		{ "{\"year\": {\"$gt\": 2020, \"$lte\": 2021.5}}", "2" },
		{ "{\"year\": {\"$lt\": \"2023\"}}", "3" },
		{ "{\"year\": {\"$ne\": 2020}}", "2 3" },
		{ "{\"lang\": {\"$ne\": \"de\"}}", "2 3" },
		{ "{\"lang\": {\"$in\": [\"de\", \"en\", 7]}}", "1 2" },
		{ "{\"lang\": {\"$in\": []}}", "" },
		{ "{\"lang\": {\"$nin\": [\"de\"]}}", "2 3" },
		{ "{\"lang\": {\"$nin\": []}}", "1 2 3" },
		{ "{\"lang\": {\"$prefix\": \"d\"}}", "1" },
		{ "{\"lang\": {\"$prefix\": \"\"}}", "1 2" },
		{ "{\"lang\": {\"$exists\": true}}", "1 2" },
		{ "{\"lang\": {\"$exists\": false}}", "3" },
		{ "{\"draft\": true}", "1" },
		{ "{\"draft\": false}", "2" },
		{ "{\"draft\": 1}", "3" },
		{ "{\"lang\": \"de\", \"year\": 2020}", "1" },
		{ "{\"lang\": \"de\", \"year\": 2021.5}", "" },
		{ "{\"$or\": [{\"lang\": \"de\"}, {\"year\": {\"$gt\": 2021}}]}", "1 2" },
		{ "{\"$and\": [{\"lang\": \"de\"}, {\"$not\": {\"draft\": true}}]}", "" },
		{ "{\"$not\": {\"lang\": \"de\", \"year\": 2020}}", "2 3" },
		{ "{\"$not\": {}}", "" },
		{ "{\"$document\": {\"$prefix\": \"a/\"}}", "1 2" },
		{ "{\"$document\": \"a/one.md\"}", "1" },
		{ "{\"$type\": {\"$ne\": \"markdown\"}}", "3" },
		{ "{\"$type\": {\"$in\": [\"pdf\", \"html\"]}}", "3" },
		{ "{\"$title\": {\"$exists\": false}}", "2" },
		{ "{\"a'b\\\"; DROP TABLE rag_meta; --\": \"x' OR 1 --\"}", "" },
	};
	struct stage *s = *state;
	struct buf found;

	buf_init(&found, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		find(s->db, cases[i].json, &found);
		if (strcmp(buf_str(&found), cases[i].found) != 0)
			fail_msg("%s: %s", cases[i].json, buf_str(&found));
	}
	buf_free(&found);
}

static void what_is_no_filter_is_refused_with_its_place(void **state)
{
	static const struct {
		const char *json;
		enum err_code code;
		const char *param;
	} cases[] = {
		{ "", E_invalid_json, "filter" },
		{ "{", E_invalid_json, "filter" },
		{ "{\"a\": 1, \"a\": 2}", E_invalid_json, "filter" },
		{ "[]", E_invalid_field, "filter" },
		{ "{\"a\": null}", E_invalid_field, "filter.a" },
		{ "{\"a\": [1]}", E_invalid_field, "filter.a" },
		{ "{\"a\": {}}", E_invalid_field, "filter.a" },
		{ "{\"a\": {\"gte\": 1}}", E_invalid_field, "filter.a.gte" },
		{ "{\"a\": {\"$in\": 1}}", E_invalid_field, "filter.a.$in" },
		{ "{\"a\": {\"$in\": [1, {}]}}", E_invalid_field, "filter.a.$in[1]" },
		{ "{\"a\": {\"$gt\": true}}", E_invalid_field, "filter.a.$gt" },
		{ "{\"a\": {\"$prefix\": 1}}", E_invalid_field, "filter.a.$prefix" },
		{ "{\"a\": {\"$exists\": 1}}", E_invalid_field, "filter.a.$exists" },
		{ "{\"$or\": {}}", E_invalid_field, "filter.$or" },
		{ "{\"$or\": []}", E_invalid_field, "filter.$or" },
		{ "{\"$or\": [{\"$nor\": []}]}", E_invalid_field, "filter.$or[0].$nor" },
		{ "{\"$not\": 1}", E_invalid_field, "filter.$not" },
		{ "{\"$type\": 1}", E_invalid_field, "filter.$type" },
		{ "{\"$type\": {\"$in\": [\"pdf\", true]}}", E_invalid_field, "filter.$type.$in" },
		{ "{\"$not\":{\"$not\":{\"$not\":{\"$not\":{\"$not\":{\"$not\":{\"$not\":{\"$not\":"
		  "{}}}}}}}}}",
		  E_invalid_field, "filter.$not.$not.$not.$not.$not.$not.$not.$not" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_null(filter_read(span_str(cases[i].json), "filter", &err));
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.param, cases[i].param);
	}
}

/* As many values as are allowed, in the form that binds most. */
static void a_filter_has_a_limit(void **state)
{
	struct stage *s = *state;
	struct buf json, found;

	buf_init(&json, 100000);
	buf_init(&found, 1000);
	for (int count = FILTER_VALUES_MAX / 2; count <= FILTER_VALUES_MAX / 2 + 1; count++) {
		struct err err = ERR_INIT;

		buf_clear(&json);
		for (int i = 0; i < count; i++)
			buf_printf(&json, "%s\"k%d\": {\"$ne\": %d.5}", i > 0 ? ", " : "{", i, i);
		buf_add_char(&json, '}');
		if (count <= FILTER_VALUES_MAX / 2) {
			find(s->db, buf_str(&json), &found);
			assert_string_equal(buf_str(&found), "1 2 3");
			continue;
		}
		assert_null(filter_read(buf_span(&json), "filter", &err));
		assert_int_equal(err.code, E_invalid_field);
	}
	buf_free(&json);
	buf_free(&found);
}

/* Where SQLite begins, and that no table is read from its first row to its last. */
static void a_search_begins_where_little_is_to_be_looked_at(void **state)
{
	static const struct {
		const char *json, *begins;
	} cases[] = {
		{ "{\"lang\": \"de\"}", "PRIMARY KEY" },
		{ "{\"lang\": {\"$in\": [\"de\", \"en\"]}}", "PRIMARY KEY" },
		{ "{\"lang\": {\"$exists\": true}}", "PRIMARY KEY" },
		{ "{\"year\": {\"$gt\": 2020}, \"$type\": \"pdf\"}", "PRIMARY KEY" },
		{ "{\"$and\": [{\"$title\": \"a\"}, {\"year\": 1}]}", "PRIMARY KEY" },
		{ "{\"$or\": [{\"lang\": \"de\"}, {\"year\": 1}]}", "MULTI-INDEX OR" },
		{ "{\"lang\": {\"$ne\": \"de\"}}", "rag_document_by_chunk (index_id=?)" },
		{ "{\"lang\": {\"$exists\": false}}", "rag_document_by_chunk (index_id=?)" },
		{ "{\"$not\": {\"lang\": \"de\"}}", "rag_document_by_chunk (index_id=?)" },
		{ "{\"$or\": [{\"lang\": \"de\"}, {\"$title\": \"a\"}]}",
		  "rag_document_by_chunk (index_id=?)" },
		{ "{\"$title\": \"a\"}", "rag_document_by_chunk (index_id=?)" },
		{ "{\"$document\": \"a\", \"year\": 1}", "(index_id=? AND name=?)" },
		{ "{\"$document\": {\"$prefix\": \"a\"}}",
		  "(index_id=? AND name>? AND name<?)" },
		{ "{}", "rag_document_by_chunk (index_id=?)" },
	};
	struct stage *s = *state;
	struct err err = ERR_INIT;
	char path[128];
	struct db *db;

	snprintf(path, sizeof(path), "%s/real.db", s->directory);
	db = db_open(path, DB_WRITE, &err);
	assert_non_null(db);
	assert_int_equal(migrate(db, asset_table, "common/rag/schema/", &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct filter *f = filter_read(span_str(cases[i].json), "filter", &err);
		char *sql = mem_printf("EXPLAIN QUERY PLAN SELECT d.first_chunk, d.chunks FROM"
				       " rag_document AS d WHERE %s ORDER BY d.first_chunk",
				       filter_condition(f, 2));
		struct db_statement *st = db_prepare(db, sql, &err);

		assert_non_null(st);
		for (int row = 0; db_next(st, &err) == 1; row++) {
			char *step = db_str(st, 3);

			if ((row == 0 && !strstr(step, cases[i].begins)) || strstr(step, "SCAN"))
				fail_msg("%s: %s", cases[i].json, step);
			mem_free(step);
		}
		db_finish(st);
		filter_free(f);
		mem_free(sql);
	}
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_filter_leaves_what_it_says, set_up, tear_down),
		cmocka_unit_test(what_is_no_filter_is_refused_with_its_place),
		cmocka_unit_test_setup_teardown(a_filter_has_a_limit, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_search_begins_where_little_is_to_be_looked_at,
						set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
