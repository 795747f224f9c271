/*
 * tests/unit/test_metrics.c - counting by shard, and the text a scraper reads.
 */
#include "common/observe/metrics.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"

struct fixture {
	struct metrics *metrics;
	struct metrics_shard *shard;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->metrics = metrics_new();
	f->shard = metrics_shard_new(f->metrics);
	buf_init(&f->out, 64 * MIB);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	metrics_free(f->metrics);
	buf_free(&f->out);
	mem_free(f);
	return 0;
}

static const char *print(struct fixture *f)
{
	buf_clear(&f->out);
	assert_int_equal(metrics_print(f->metrics, NULL, 0, true, &f->out), 0);
	return buf_str(&f->out);
}

static void assert_has(struct fixture *f, const char *text)
{
	if (!strstr(print(f), text))
		fail_msg("the print lacks:\n%s\nit is:\n%s", text, buf_str(&f->out));
}

/* The sum of all series of a counter or gauge, as printed last. */
static int64_t printed(const struct fixture *f, const char *name)
{
	int64_t sum = 0;

	for (const char *line = f->out.ptr; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, strlen(name)) == 0 && strchr("{ ", line[strlen(name)]))
			sum += strtoll(line + strcspn(line, " \n"), NULL, 10);
	}
	return sum;
}

static void prints_counters_gauges_and_what_was_never_counted(void **state)
{
	struct fixture *f = *state;
	struct metrics_shard *second = metrics_shard_new(f->metrics);

	for (int i = 0; i < 3; i++)
		metrics_add(f->shard, M_spass_tokens_total, 7, LABELS(SPAN_LIT("m"), SPAN_LIT("in")));
	metrics_add(second, M_spass_tokens_total, 100, LABELS(SPAN_LIT("m"), SPAN_LIT("in")));
	metrics_add(second, M_spass_tokens_total, 1, LABELS(SPAN_LIT("a"), SPAN_LIT("out")));
	metrics_set(f->shard, M_spass_connections, 5, NULL);
	metrics_set(f->shard, M_spass_connections, 4, NULL);
	metrics_set(second, M_spass_connections, 40, NULL);
	assert_has(f, "# HELP spass_tokens_total Tokens as backends counted them\n"
		      "# TYPE spass_tokens_total counter\n"
		      "spass_tokens_total{model=\"a\",direction=\"out\"} 1\n"
		      "spass_tokens_total{model=\"m\",direction=\"in\"} 121\n"
		      "# HELP spass_usage_missing_total Answers whose backend reported no usage\n"
		      "# TYPE spass_usage_missing_total counter\n"
		      "# HELP spass_upstream_requests_total");
	assert_has(f, "# TYPE spass_connections gauge\nspass_connections 44\n"
		      "# HELP spass_requests_active Requests being worked on\n"
		      "# TYPE spass_requests_active gauge\nspass_requests_active 0\n");
}

static void prints_money_as_decimals_and_adds_it_up_in_millionths(void **state)
{
	struct fixture *f = *state;
	const struct span labels[] = { SPAN_LIT("acme"), SPAN_LIT("m") };

	for (int i = 0; i < 1000000; i++)
		metrics_add(f->shard, M_spass_cost_usd_total, 1, labels);
	metrics_add(f->shard, M_spass_cost_usd_total, 100003, labels);
	metrics_add(f->shard, M_spass_cost_eur_total, 7, labels);
	assert_has(f, "# TYPE spass_cost_usd_total counter\n"
		      "spass_cost_usd_total{tenant=\"acme\",model=\"m\"} 1.100003\n");
	assert_has(f, "spass_cost_eur_total{tenant=\"acme\",model=\"m\"} 0.000007\n");
}

static void prints_a_histogram_with_cumulative_buckets(void **state)
{
	static const int64_t us[] = { 5, 6, 10, 49999, 50000, 50001, 9000000, -3 };
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(us); i++)
		metrics_observe_us(f->shard, M_spass_overhead_seconds, us[i],
				   LABELS(SPAN_LIT("/v1/models")));
	assert_has(f,
		   "# TYPE spass_overhead_seconds histogram\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.000005\"} 2\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.00001\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.000025\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.00005\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.0001\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.00025\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.0005\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.001\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.0025\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.005\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.01\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.025\"} 4\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"0.05\"} 6\n"
		   "spass_overhead_seconds_bucket{route=\"/v1/models\",le=\"+Inf\"} 8\n"
		   "spass_overhead_seconds_sum{route=\"/v1/models\"} 9.150021\n"
		   "spass_overhead_seconds_count{route=\"/v1/models\"} 8\n");
}

static void a_bound_belongs_to_its_bucket(void **state)
{
	struct fixture *f = *state;

	metrics_observe_us(f->shard, M_spass_loop_lag_seconds, 1000, NULL);
	metrics_observe_us(f->shard, M_spass_loop_lag_seconds, 600000000, NULL);
	metrics_observe_us(f->shard, M_spass_loop_lag_seconds, 600000001, NULL);
	assert_has(f, "spass_loop_lag_seconds_bucket{le=\"0.001\"} 1\n"
		      "spass_loop_lag_seconds_bucket{le=\"0.0025\"} 1\n");
	assert_has(f, "spass_loop_lag_seconds_bucket{le=\"250\"} 1\n"
		      "spass_loop_lag_seconds_bucket{le=\"600\"} 2\n"
		      "spass_loop_lag_seconds_bucket{le=\"+Inf\"} 3\n"
		      "spass_loop_lag_seconds_sum 1200.001001\n"
		      "spass_loop_lag_seconds_count 3\n");
}

static void escapes_label_values(void **state)
{
	static const struct {
		const char *value, *printed;
	} cases[] = {
		{ "plain", "plain" },
		{ "a\"b", "a\\\"b" },
		{ "a\\b", "a\\\\b" },
		{ "a\nb", "a\\nb" },
		{ "", "" },
		{ "caf\xc3\xa9", "caf\xc3\xa9" },
	};
	struct fixture *f = *state;
	char line[128];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		metrics_add(f->shard, M_spass_fallbacks_total, (int64_t)i + 1,
			    LABELS(span_str(cases[i].value)));
		snprintf(line, sizeof(line), "spass_fallbacks_total{model=\"%s\"} %zu\n",
			 cases[i].printed, i + 1);
		assert_has(f, line);
	}
}

/* A value of every length and a change at every place: each its own series, found again. */
static void tells_label_values_apart(void **state)
{
	struct fixture *f = *state;
	char text[40], changed[40];
	int64_t series = 0;

	memset(text, 'x', sizeof(text));
	for (int round = 0; round < 2; round++)
		for (size_t len = 0; len <= 33; len++) {
			metrics_add(f->shard, M_spass_fallbacks_total, 1, LABELS(span_of(text, len)));
			for (size_t at = 0; at < len; at++) {
				memcpy(changed, text, sizeof(text));
				changed[at] = 'y';
				metrics_add(f->shard, M_spass_fallbacks_total, 1,
					    LABELS(span_of(changed, len)));
			}
		}
	for (const char *at = print(f); (at = strstr(at, "spass_fallbacks_total{")); at++) {
		assert_memory_equal(strchr(at, '}'), "} 2\n", 4);
		series++;
	}
	assert_int_equal(series, 34 + 33 * 34 / 2);
}

/* The same bytes, cut at another place, are other labels. */
static void tells_neighbouring_labels_apart(void **state)
{
	struct fixture *f = *state;

	metrics_add(f->shard, M_spass_tokens_total, 1, LABELS(SPAN_LIT("ab"), SPAN_LIT("c")));
	metrics_add(f->shard, M_spass_tokens_total, 2, LABELS(SPAN_LIT("a"), SPAN_LIT("bc")));
	metrics_add(f->shard, M_spass_tokens_total, 4, LABELS(SPAN_LIT("abc"), SPAN_LIT("")));
	assert_has(f, "spass_tokens_total{model=\"a\",direction=\"bc\"} 2\n"
		      "spass_tokens_total{model=\"ab\",direction=\"c\"} 1\n"
		      "spass_tokens_total{model=\"abc\",direction=\"\"} 4\n");
}

static void texts_are_told_apart_by_their_places_for_an_epoch(void **state)
{
	struct fixture *f = *state;
	char model[] = "first", copy[] = "first";
	static const char in[] = "in", out[] = "out";

	metrics_epoch(f->shard, 1);
	metrics_add_texts(f->shard, M_spass_tokens_total, 1, TEXTS(model, in));
	metrics_add_texts(f->shard, M_spass_tokens_total, 10, TEXTS(model, out));
	metrics_add_texts(f->shard, M_spass_tokens_total, 2, TEXTS(model, in));
	metrics_add_texts(f->shard, M_spass_tokens_total, 4, TEXTS(copy, in));
	metrics_observe_texts_us(f->shard, M_spass_first_token_seconds, 1500, TEXTS(model));
	metrics_observe_us(f->shard, M_spass_first_token_seconds, 1500, LABELS(SPAN_LIT("first")));
	assert_has(f, "spass_tokens_total{model=\"first\",direction=\"in\"} 7\n"
		      "spass_tokens_total{model=\"first\",direction=\"out\"} 10\n");
	assert_has(f, "spass_first_token_seconds_count{model=\"first\"} 2\n");

	memcpy(model, "other", sizeof model);
	metrics_epoch(f->shard, 2);
	metrics_add_texts(f->shard, M_spass_tokens_total, 3, TEXTS(model, in));
	assert_has(f, "spass_tokens_total{model=\"first\",direction=\"in\"} 7\n");
	assert_has(f, "spass_tokens_total{model=\"other\",direction=\"in\"} 3\n");

	metrics_epoch(NULL, 1);
	metrics_add_texts(NULL, M_spass_tokens_total, 1, TEXTS(model, in));
	metrics_observe_texts_us(NULL, M_spass_first_token_seconds, 1, TEXTS(model));
}

static void what_cannot_be_a_label_counts_as_other(void **state)
{
	struct fixture *f = *state;
	char huge[300];

	memset(huge, 'x', sizeof(huge));
	for (int i = 0; i < 2; i++) {
		metrics_add(f->shard, M_spass_fallbacks_total, 1, LABELS(SPAN_LIT("\xff\xfe")));
		metrics_add(f->shard, M_spass_fallbacks_total, 1,
			    LABELS(span_of(huge, sizeof(huge))));
	}
	assert_has(f, "# TYPE spass_fallbacks_total counter\n"
		      "spass_fallbacks_total{model=\"other\"} 4\n# HELP");
}

static void too_many_series_count_as_other(void **state)
{
	enum { TOO_MANY = METRICS_SERIES_MAX + 500 };
	struct fixture *f = *state;
	char name[16];

	for (int i = 0; i < TOO_MANY; i++) {
		snprintf(name, sizeof(name), "m%d", i);
		metrics_add(f->shard, M_spass_fallbacks_total, 1, LABELS(span_str(name)));
	}
	metrics_add(f->shard, M_spass_usage_missing_total, 3, LABELS(SPAN_LIT("late")));
	metrics_observe_us(f->shard, M_spass_loop_lag_seconds, 5, NULL);
	metrics_set(f->shard, M_spass_connections, 9, NULL);
	metrics_add(f->shard, M_spass_fallbacks_total, 1, LABELS(SPAN_LIT("m1")));
	assert_has(f, "spass_fallbacks_total{model=\"other\"} 500\n");
	assert_has(f, "spass_fallbacks_total{model=\"m1\"} 2\n");
	assert_has(f, "spass_usage_missing_total{model=\"other\"} 3\n");
	assert_has(f, "spass_loop_lag_seconds_count 1\n");
	assert_has(f, "\nspass_connections 9\n");
	assert_int_equal(printed(f, "spass_fallbacks_total"), TOO_MANY + 1);
}

static void without_a_shard_nothing_is_counted(void **state)
{
	(void)state;
	metrics_add(NULL, M_spass_connections, 1, NULL);
	metrics_set(NULL, M_spass_connections, 1, NULL);
	metrics_observe_us(NULL, M_spass_loop_lag_seconds, 1, NULL);
}

static void tells_about_the_process(void **state)
{
	static const char *const names[] = {
		"\nprocess_cpu_seconds_total ", "\nprocess_resident_memory_bytes ",
		"\nprocess_open_fds ", "\nprocess_max_fds ", "\nprocess_start_time_seconds ",
	};
	struct fixture *f = *state;

	assert_has(f, "# TYPE spass_build_info gauge\nspass_build_info{version=\"" SPASS_VERSION
		      "\"} 1\n");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *at = strstr(print(f), names[i]);

		assert_non_null(at);
		assert_true(strtod(at + strlen(names[i]), NULL) > 0);
	}
}

/* HELP, TYPE, then samples: nothing else, and no sample twice. */
static void every_line_has_the_form_of_the_format(void **state)
{
	struct fixture *f = *state;
	struct span rest;

	metrics_add(f->shard, M_spass_requests_total, 1,
		    LABELS(SPAN_LIT("v1"), SPAN_LIT("/v1/models"), SPAN_LIT("GET"), SPAN_LIT("200")));
	rest = span_str(print(f));
	while (rest.len > 0) {
		struct span line = span_cut(&rest, '\n');

		if (span_starts(line, "# HELP ") || span_starts(line, "# TYPE "))
			continue;
		assert_true(span_starts(line, "spass_") || span_starts(line, "process_"));
		assert_true(span_find(line, SPAN_LIT(" ")) > 0);
	}
	assert_int_equal(f->out.ptr[f->out.len - 1], '\n');
}

static void facts_of_the_moment_stand_among_what_is_counted(void **state)
{
	struct fixture *f = *state;
	const struct metrics_fact facts[] = {
		{ M_spass_backend_up, 0, { SPAN_LIT("b") } },
		{ M_spass_backend_up, 1, { SPAN_LIT("a") } },
	};

	metrics_add(f->shard, M_spass_reloads_total, 1, LABELS(SPAN_LIT("done")));
	assert_int_equal(metrics_print(f->metrics, facts, 2, true, &f->out), 0);
	assert_non_null(strstr(buf_str(&f->out), "# TYPE spass_backend_up gauge\n"
						 "spass_backend_up{backend=\"a\"} 1\n"
						 "spass_backend_up{backend=\"b\"} 0\n"));
	assert_non_null(strstr(buf_str(&f->out), "spass_reloads_total{outcome=\"done\"} 1\n"));
	assert_null(strstr(print(f), "spass_backend_up{"));
}

static void a_print_that_does_not_fit_says_so(void **state)
{
	struct fixture *f = *state;
	struct buf small;

	buf_init(&small, 100);
	assert_int_equal(metrics_print(f->metrics, NULL, 0, true, &small), -1);
	buf_free(&small);
}

enum { WRITERS = 4, ROUNDS = 20000 };

struct crowd {
	struct metrics *metrics;
	atomic_int running;
};

static void *count_much(void *data)
{
	struct crowd *c = data;
	struct metrics_shard *shard = metrics_shard_new(c->metrics);
	char name[16];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "m%d", i % 300);
		metrics_add(shard, M_spass_fallbacks_total, 1, LABELS(span_str(name)));
		metrics_observe_us(shard, M_spass_first_token_seconds, i, LABELS(span_str(name)));
		metrics_set(shard, M_spass_connections, i, NULL);
	}
	atomic_fetch_sub(&c->running, 1);
	return NULL;
}

static void printing_disturbs_no_counting(void **state)
{
	struct fixture *f = *state;
	struct crowd c = { .metrics = f->metrics, .running = WRITERS };
	pthread_t threads[WRITERS];
	int64_t seen = 0;

	for (int i = 0; i < WRITERS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count_much, &c), 0);
	do {
		int64_t now;

		print(f);
		now = printed(f, "spass_fallbacks_total");
		assert_true(now >= seen);
		seen = now;
	} while (atomic_load(&c.running) > 0);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(threads[i], NULL);
	print(f);
	assert_int_equal(printed(f, "spass_fallbacks_total"), WRITERS * ROUNDS);
	assert_int_equal(printed(f, "spass_connections"), WRITERS * (ROUNDS - 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(prints_counters_gauges_and_what_was_never_counted),
		TEST(prints_money_as_decimals_and_adds_it_up_in_millionths),
		TEST(prints_a_histogram_with_cumulative_buckets),
		TEST(a_bound_belongs_to_its_bucket),
		TEST(escapes_label_values),
		TEST(tells_label_values_apart),
		TEST(tells_neighbouring_labels_apart),
		TEST(texts_are_told_apart_by_their_places_for_an_epoch),
		TEST(what_cannot_be_a_label_counts_as_other),
		TEST(too_many_series_count_as_other),
		TEST(without_a_shard_nothing_is_counted),
		TEST(tells_about_the_process),
		TEST(every_line_has_the_form_of_the_format),
		TEST(facts_of_the_moment_stand_among_what_is_counted),
		TEST(a_print_that_does_not_fit_says_so),
		TEST(printing_disturbs_no_counting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
