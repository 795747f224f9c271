/*
 * tests/unit/test_rag_probes.c - how often a model is asked whether it is still the same one.
 */
#include "common/chat/rag_probes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/clock.h"
#include "common/chat/rag_batch.h"

/* Time, and the model, of this test. */
static int64_t now_ms = 1;
static int asked;
static bool fails, is_another;

int64_t clock_mono_us(void)
{
	return now_ms * 1000;
}

int64_t clock_mono_ms(void)
{
	return now_ms;
}

int64_t clock_wall_ms(void)
{
	return now_ms;
}

void clock_iso(int64_t wall_ms, char *out)
{
	(void)wall_ms;
	memset(out, 0, CLOCK_ISO_SIZE);
}

int clock_parse(const char *text, size_t len, int64_t *wall_ms)
{
	(void)text;
	(void)len;
	(void)wall_ms;
	return -1;
}

void clock_http_date(int64_t wall_ms, char *out)
{
	(void)wall_ms;
	memset(out, 0, CLOCK_HTTP_SIZE);
}

int rag_batch_embed(struct core_worker *w, struct snapshot *s, struct span tenant, struct span index,
		    const struct rag_embedder *e, struct err *err)
{
	(void)w;
	(void)s;
	(void)tenant;
	(void)index;
	(void)e;
	(void)err;
	return 0;
}

int rag_batch_probe(struct core_worker *w, struct snapshot *s, struct span tenant, const struct rag_embedder *e,
		    bool *is_other, struct err *err)
{
	(void)w;
	(void)s;
	(void)tenant;
	(void)e;
	asked++;
	*is_other = is_another;
	return fails ? err_set(err, E_upstream_timeout, "", "the model is slow") : 0;
}

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static bool look_at(struct rag_probes *p, const char *tenant, const char *model)
{
	struct rag_embedder e;

	memset(&e, 0, sizeof e);
	e.model = model;
	return rag_probes_look(p, NULL, NULL, span_str(tenant), &e);
}

static bool look(struct rag_probes *p, const char *tenant)
{
	return look_at(p, tenant, "embed");
}

static void a_model_is_asked_now_and_then(void **state)
{
	struct rag_probes *p = rag_probes_new();

	(void)state;
	asked = 0;
	fails = is_another = false;
	assert_false(look(p, "acme"));
	is_another = true;
	now_ms += 9 * MINUTE;
	assert_false(look(p, "acme"));
	assert_int_equal(asked, 1);
	assert_true(look(p, "beta"));
	assert_true(look_at(p, "acme", "another"));
	now_ms += 1 * MINUTE;
	assert_true(look(p, "acme"));
	assert_int_equal(asked, 4);
	rag_probes_free(p);
}

/* Each care step would begin with a call that takes its whole time-out. */
static void one_that_fails_is_left_alone_for_a_minute(void **state)
{
	struct rag_probes *p = rag_probes_new();

	(void)state;
	asked = 0;
	fails = is_another = true;
	assert_false(look(p, "acme"));
	now_ms += 59 * SECOND;
	assert_false(look(p, "acme"));
	assert_int_equal(asked, 1);
	now_ms += 1 * SECOND;
	fails = false;
	assert_true(look(p, "acme"));
	assert_int_equal(asked, 2);
	rag_probes_free(p);
}

/* Servers behind one address may have different models: not every call is followed by a look. */
static void one_that_is_doubted_is_looked_at_once_a_minute(void **state)
{
	struct rag_probes *p = rag_probes_new();
	struct span acme = SPAN_LIT("acme"), embed = SPAN_LIT("embed");

	(void)state;
	asked = 0;
	fails = is_another = false;
	assert_false(look(p, "acme"));
	assert_true(rag_probes_doubt(p, acme, embed));
	assert_false(look(p, "acme"));
	assert_int_equal(asked, 2);
	now_ms += 59 * SECOND;
	assert_false(rag_probes_doubt(p, acme, embed));
	assert_false(look(p, "acme"));
	assert_int_equal(asked, 2);
	now_ms += 1 * SECOND;
	is_another = true;
	assert_true(rag_probes_doubt(p, acme, embed));
	assert_true(look(p, "acme"));
	assert_int_equal(asked, 3);
	/* Of another tenant it is another model. */
	assert_true(look(p, "beta"));
	assert_true(rag_probes_doubt(p, SPAN_LIT("beta"), embed));
	rag_probes_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_model_is_asked_now_and_then),
		cmocka_unit_test(one_that_fails_is_left_alone_for_a_minute),
		cmocka_unit_test(one_that_is_doubted_is_looked_at_once_a_minute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
