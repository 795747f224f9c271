/* tests/unit/test_news.c - what others have changed in the database, beside what is changed here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/chat/news.h"
#include "common/store/change.h"
#include "tests/support/tree.h"

static struct core *core_in(const char *directory)
{
	char data_dir[128];
	char *const environment[] = { data_dir, NULL };
	const struct config_flag flags[] = { { "discover", "false" } };
	struct err err = ERR_INIT;

	snprintf(data_dir, sizeof data_dir, "SPASS_DATA_DIR=%s", directory);
	struct config *config = config_new(NULL, environment, flags, ARRAY_LEN(flags), &err);
	struct snapshot *first = config ? snapshot_new(config, environment, NULL, &err) : NULL;
	struct core *c = first ? core_new(first, &err) : NULL;
	if (!c)
		fail_msg("%s", err.message);
	return c;
}

static int put(struct db *db, const char *value, struct err *err)
{
	const struct tenant_config row = { .tenant_id = SPAN_INIT("default"),
					   .key = SPAN_INIT("rag_default_top_k"),
					   .value = span_str(value),
					   .updated_by = SPAN_INIT("somebody"),
					   .updated_ms = 1 };

	return tenant_config_put(db, &row, err);
}

static int put_elsewhere(struct db *db, void *arg, struct err *err)
{
	return put(db, arg, err);
}

struct own_change {
	struct core *core;
	struct overrides *made;
};

static int gather(void *arg, const struct tenant_config *row, struct err *err)
{
	(void)err;
	overrides_add(arg, row);
	return 0;
}

/* News are looked for when the change is made and not yet committed. */
static int put_here(struct db *db, void *arg, struct err *err)
{
	struct own_change *k = arg;
	int64_t number;

	if (put(db, "20", err) < 0 || change_last(db, &number, err) < 0)
		return -1;
	k->made = overrides_new(SPAN_LIT("default"), (uint64_t)number);
	if (tenant_config_list(db, "default", gather, k->made, err) < 0)
		return -1;
	return news_take(k->core, err);
}

static int64_t top_k(struct core *c)
{
	struct snapshot *s = core_snapshot(c);
	const struct settings all = snapshot_settings(s, tenancy_find(s->tenancy, SPAN_LIT("default")));
	int64_t value = settings_int(&all, SETTING_KEY_rag_default_top_k);

	snapshot_unref(s);
	return value;
}

static void what_was_read_before_a_change_does_not_take_its_place(void **state)
{
	char directory[] = "/tmp/spass-news-XXXXXX", elsewhere[] = "10";
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(directory));
	struct core *c = core_in(directory);
	struct own_change k = { .core = c };

	assert_int_equal(store_write(c->store, put_elsewhere, elsewhere, &err), 0);
	assert_int_equal(top_k(c), 5);
	assert_int_equal(store_write(c->store, put_here, &k, &err), 0);
	assert_int_equal(top_k(c), 10);
	core_publish_settings(c, k.made);
	overrides_unref(k.made);
	assert_int_equal(top_k(c), 20);
	assert_int_equal(news_take(c, &err), 0);
	assert_int_equal(top_k(c), 20);
	core_free(c);
	tree_remove(directory);
}

static int put_alone(struct db *db, void *arg, struct err *err)
{
	struct own_change *k = arg;
	int64_t number;

	if (put(db, "30", err) < 0 || change_last(db, &number, err) < 0)
		return -1;
	overrides_unref(k->made);
	k->made = overrides_new(SPAN_LIT("default"), (uint64_t)number);
	return tenant_config_list(db, "default", gather, k->made, err);
}

/* A file that was removed is made anew; of its changes none is older than what was known before. */
static void changes_of_a_database_that_was_made_anew_count(void **state)
{
	char directory[] = "/tmp/spass-news-XXXXXX", elsewhere[] = "10", again[] = "40", file[64];
	static const char *const ends[] = { "", "-wal", "-shm" };
	struct err err = ERR_INIT;

	(void)state;
	assert_non_null(mkdtemp(directory));
	struct core *c = core_in(directory);
	struct own_change k = { .core = c };

	for (int i = 0; i < 3; i++)
		assert_int_equal(store_write(c->store, put_elsewhere, elsewhere, &err), 0);
	assert_int_equal(news_take(c, &err), 0);
	assert_int_equal(top_k(c), 10);
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		snprintf(file, sizeof file, "%s/spass.db%s", directory, ends[i]);
		assert_int_equal(unlink(file), 0);
	}
	assert_int_equal(store_write(c->store, put_alone, &k, &err), 0);
	core_publish_settings(c, k.made);
	overrides_unref(k.made);
	assert_int_equal(top_k(c), 30);
	assert_int_equal(store_write(c->store, put_elsewhere, again, &err), 0);
	assert_int_equal(news_take(c, &err), 0);
	assert_int_equal(top_k(c), 40);
	core_free(c);
	tree_remove(directory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_before_a_change_does_not_take_its_place),
		cmocka_unit_test(changes_of_a_database_that_was_made_anew_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
