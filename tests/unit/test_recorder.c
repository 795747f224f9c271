/*
 * tests/unit/test_recorder.c - records that share what they have in common, and those that do not.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "tests/support/store_stage.h"

enum { LONG = RECORD_TEXT_MAX + 20 };

static void member(struct record *r, int number, const char *text)
{
	const char **const members[] = { &r->tenant_id, &r->token_id, &r->user_id, &r->scope_id, &r->model,
					 &r->resolved_model, &r->resolved_backend, &r->link_model,
					 &r->rate_source };

	*members[number] = text;
}

static const char *const columns[] = { "tenant_id", "token_id", "user_id", "scope_id", "model",
				       "resolved_model", "resolved_backend", "link_model", "rate_source" };
static const int maxima[] = { RECORD_NAME_MAX, RECORD_NAME_MAX, RECORD_TEXT_MAX, RECORD_TEXT_MAX,
			      RECORD_TEXT_MAX, RECORD_TEXT_MAX, RECORD_NAME_MAX, RECORD_TEXT_MAX,
			      RECORD_RATE_SOURCE_MAX };

/* Row by row what the column says; "-" where it is NULL. */
static void assert_column(const struct fixture *f, const char *column, const char *const *wanted, size_t count)
{
	struct err err = ERR_INIT;
	struct db *db = open_db(f->database, DB_READ);
	char sql[128];
	struct db_statement *st;

	snprintf(sql, sizeof sql, "SELECT coalesce(%s, '-') FROM usage ORDER BY rowid", column);
	st = db_prepare(db, sql, &err);
	assert_non_null(st);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(db_next(st, &err), 1);
		if (!span_is(db_text(st, 0), wanted[i]))
			fail_msg("%s, row %zu: %.*s instead of %s", column, i, SPAN_ARGS(db_text(st, 0)), wanted[i]);
	}
	assert_int_equal(db_next(st, &err), 0);
	db_finish(st);
	db_close(db);
}

/* NULL and "" are none; one that is too long is cut, and differs from another only where it is kept. */
static void each_text_is_that_of_its_own_record(void **state)
{
	struct fixture *f = *state;

	for (int m = 0; m < (int)ARRAY_LEN(columns); m++) {
		char long_text[LONG + 1], longer[LONG + 2], cut[LONG + 1], id[EXAMPLE_ID_SIZE];
		char *own = mem_strdup("xb"); /* so that reading past its end is seen */
		const char *const texts[] = { "a", "a", "ab", "b", NULL, "", "a", long_text, longer, "a",
					      long_text, own, long_text };
		const char *const wanted[] = { "a", "a", "ab", "b", "-", "-", "a", cut, cut, "a", cut, own, cut };
		struct store *s = open_store(f);
		struct recorder *recorder = recorder_new(s);
		struct record r = example_record(1, id);

		memset(long_text, 'x', LONG);
		long_text[LONG] = '\0';
		snprintf(longer, sizeof longer, "%sy", long_text);
		snprintf(cut, sizeof cut, "%.*s", maxima[m], long_text);
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			member(&r, m, texts[i]);
			recorder_keep(recorder, &r);
		}
		recorder_free(recorder);
		store_close(s);
		assert_column(f, columns[m], wanted, ARRAY_LEN(wanted));
		assert_int_equal(remove(f->database), 0);
		mem_free(own);
	}
}

/* Within an epoch the address tells the text; in another it tells nothing. */
static void an_address_counts_only_in_its_epoch(void **state)
{
	static const char *const epochs[] = { "first", "first", "second", "third", "fourth" };
	struct fixture *f = *state;

	for (int m = 0; m < (int)ARRAY_LEN(columns); m++) {
		struct store *s = open_store(f);
		struct recorder *recorder = recorder_new(s);
		char id[EXAMPLE_ID_SIZE], text[16];
		struct record r = example_record(1, id);

		member(&r, m, text);
		for (size_t i = 0; i < ARRAY_LEN(epochs); i++) {
			snprintf(text, sizeof text, "%s", epochs[i]);
			/* The last two promise nothing. */
			r.epoch = i < 3 ? 1 + i / 2 : 0;
			recorder_keep(recorder, &r);
		}
		recorder_free(recorder);
		store_close(s);
		assert_column(f, columns[m], epochs, ARRAY_LEN(epochs));
		assert_int_equal(remove(f->database), 0);
	}
}

/* The user is often the token; one who is not has a text that does not stay. */
static void a_user_is_told_from_the_token(void **state)
{
	static const char *const users[] = { "tok", "tok", "ann", "bob", "tok" };
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct recorder *recorder = recorder_new(s);
	char id[EXAMPLE_ID_SIZE], token[] = "tok", user[16];
	struct record r = example_record(1, id);

	r.epoch = 1;
	r.token_id = token;
	for (size_t i = 0; i < ARRAY_LEN(users); i++) {
		snprintf(user, sizeof user, "%s", users[i]);
		r.user_id = strcmp(user, token) == 0 ? token : user;
		recorder_keep(recorder, &r);
	}
	recorder_free(recorder);
	store_close(s);
	assert_column(f, "user_id", users, ARRAY_LEN(users));
}

static void more_users_than_are_remembered_are_kept_apart(void **state)
{
	enum { USERS = 3000, ROUNDS = 3 };
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct recorder *recorders[2] = { recorder_new(s), recorder_new(s) };
	char id[EXAMPLE_ID_SIZE], user[24];

	for (int round = 0; round < ROUNDS; round++)
		for (int i = 0; i < USERS; i++) {
			struct record r = example_record(i, id);

			snprintf(user, sizeof user, "user-%d", i);
			r.user_id = user;
			r.prompt_tokens = i;
			recorder_keep(recorders[(i ^ round) & 1], &r);
		}
	recorder_free(recorders[0]);
	recorder_free(recorders[1]);
	store_close(s);
	assert_int_equal(count_rows(f), USERS * ROUNDS);
	assert_int_equal(number_in(f->database, "SELECT count(DISTINCT user_id) FROM usage"), USERS);
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage WHERE user_id = 'user-' || prompt_tokens"),
			 USERS * ROUNDS);
	assert_int_equal(number_in(f->database, "SELECT count(*) FROM usage_kind"), USERS);
	assert_int_equal(count_lines(f->audit), USERS * ROUNDS);
}

/* What few records have is that of those that have it, and of no other. */
static void what_few_have_is_of_their_own_record(void **state)
{
	static const char *const sounds[] = { "-", "1200", "-", "0", "-" };
	static const char *const spoken[] = { "-", "-", "40", "-", "-" };
	static const char *const parents[] = { "-", "-", "-", "above", "-" };
	static const char *const costs[] = { "-", "-", "17", "-", "0" };
	static const char *const cached[] = { "3", "-", "-", "-", "-" };
	struct fixture *f = *state;
	struct store *s = open_store(f);
	struct recorder *recorder = recorder_new(s);
	char id[EXAMPLE_ID_SIZE];

	for (size_t i = 0; i < ARRAY_LEN(sounds); i++) {
		struct record r = example_record((int)i, id);

		r.audio_ms = i == 1 ? 1200 : i == 3 ? 0 : -1;
		r.characters = i == 2 ? 40 : -1;
		r.estimated_eur = i == 4 ? 7 : 0;
		r.estimated_usd = i == 4 ? 8 : 0;
		r.parent_request_id = i == 3 ? "above" : NULL;
		r.cost_billed_eur = i == 2 ? 17 : i == 4 ? 0 : -1;
		r.cached_tokens = i == 0 ? 3 : -1;
		recorder_keep(recorder, &r);
		/* The next takes the same place in memory. */
		store_flush(s);
	}
	recorder_free(recorder);
	store_close(s);
	assert_column(f, "audio_ms", sounds, ARRAY_LEN(sounds));
	assert_column(f, "characters", spoken, ARRAY_LEN(spoken));
	assert_column(f, "parent_request_id", parents, ARRAY_LEN(parents));
	assert_column(f, "cost_billed_eur", costs, ARRAY_LEN(costs));
	assert_column(f, "cached_tokens", cached, ARRAY_LEN(cached));
	assert_int_equal(number_in(f->database, "SELECT sum(estimated_usd) * 10 + sum(estimated_eur) FROM usage_day"), 87);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_make, fixture_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_text_is_that_of_its_own_record),
		TEST(an_address_counts_only_in_its_epoch),
		TEST(a_user_is_told_from_the_token),
		TEST(more_users_than_are_remembered_are_kept_apart),
		TEST(what_few_have_is_of_their_own_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
