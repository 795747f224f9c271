/* Tests of common/upstream/rerank.h: what is asked, and what counts as an answer. */
#include "common/upstream/rerank.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/upstream/routing.h"

struct stage {
	struct arena arena;
	struct provider provider;
	struct backend backend;
	struct target target;
};

static void begin(struct stage *s, unsigned quirks)
{
	memset(s, 0, sizeof(*s));
	arena_init(&s->arena, MIB);
	s->provider.quirks = quirks;
	s->backend.provider = &s->provider;
	s->target = (struct target){ .backend = &s->backend, .model = "a \"model\"" };
}

static void body_is(struct stage *s, const char *expected)
{
	const struct rerank_wish wish = { SPAN_LIT("\"why\""), SPAN_LIT("[\"x\",\"y\"]"), 2 };
	struct outgoing out;
	struct err err = ERR_INIT;
	struct buf body;

	buf_init(&body, MIB);
	assert_int_equal(dialect_of(DIALECT_OPENAI)->rerank(&wish, &s->target, &s->arena, &out, &err), 0);
	for (size_t i = 0; i < out.part_count; i++)
		buf_add_span(&body, out.parts[i]);
	assert_string_equal(out.path, "/rerank");
	assert_string_equal(buf_str(&body), expected);
	assert_int_equal(out.length, body.len);
	buf_free(&body);
	arena_clear(&s->arena);
}

static void a_question_and_its_documents_are_sent_as_each_server_wants_them(void **state)
{
	struct stage s;

	(void)state;
	begin(&s, 0);
	body_is(&s, "{\"model\":\"a \\\"model\\\"\",\"query\":\"why\",\"documents\":[\"x\",\"y\"],\"top_n\":2}");
	begin(&s, QUIRK_RERANK_TEXTS);
	body_is(&s, "{\"query\":\"why\",\"texts\":[\"x\",\"y\"],\"truncate\":true}");
}

static void the_built_in_models_are_not_asked(void **state)
{
	const struct rerank_wish wish = { SPAN_LIT("\"why\""), SPAN_LIT("[\"x\"]"), 1 };
	struct outgoing out;
	struct err err = ERR_INIT;
	struct stage s;

	(void)state;
	begin(&s, 0);
	assert_int_equal(dialect_of(DIALECT_BUILTIN)->rerank(&wish, &s.target, &s.arena, &out, &err), -1);
	assert_int_equal(err.code, E_upstream_error);
	arena_clear(&s.arena);
}

static void scores_are_read_from_all_forms_of_answers(void **state)
{
	static const struct {
		const char *body;
		float scores[3];
		int64_t prompt;
	} cases[] = {
		/* Jina, vLLM */
		{ "{\"model\":\"m\",\"usage\":{\"total_tokens\":9},\"results\":["
		  "{\"index\":2,\"document\":{\"text\":\"z\"},\"relevance_score\":0.5},"
		  "{\"index\":0,\"relevance_score\":0.25},{\"index\":1,\"relevance_score\":0.125}]}",
		  { 0.25F, 0.125F, 0.5F }, 9 },
		/* llama.cpp: no probabilities */
		{ "{\"object\":\"list\",\"usage\":{\"prompt_tokens\":7,\"total_tokens\":8},\"results\":["
		  "{\"index\":0,\"relevance_score\":-11.5},{\"index\":1,\"relevance_score\":2},"
		  "{\"index\":2,\"relevance_score\":0}]}",
		  { -11.5F, 2, 0 }, 7 },
		/* Cohere */
		{ "{\"id\":\"x\",\"results\":[{\"index\":1,\"relevance_score\":1},{\"index\":0,\"relevance_score\":0.5},"
		  "{\"index\":2,\"relevance_score\":1e-3}],\"meta\":{\"billed_units\":{\"search_units\":1},"
		  "\"tokens\":{\"input_tokens\":5}}}",
		  { 0.5F, 1, 1e-3F }, 5 },
		/* Text Embeddings Inference */
		{ "[{\"index\":0,\"score\":0.75},{\"index\":2,\"score\":0.5},{\"index\":1,\"score\":0.25}]",
		  { 0.75F, 0.25F, 0.5F }, -1 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct answer a;
		struct err err = ERR_INIT;
		float scores[3];

		assert_int_equal(dialect_of(DIALECT_OPENAI)->rerank_answer(span_str(cases[i].body), &a, &err), 0);
		assert_false(a.is_error);
		assert_int_equal(a.usage.prompt, cases[i].prompt);
		assert_int_equal(a.usage.completion, 0);
		assert_int_equal(rerank_scores(a.items, 3, scores, &err), 0);
		assert_memory_equal(scores, cases[i].scores, sizeof scores);
	}
}

static void what_is_no_ranking_of_all_documents_is_refused(void **state)
{
	static const char *const bodies[] = {
		"", "7", "\"x\"", "{}", "{\"results\":{}}", "{\"results\":[]}", "[]", "[7]",
		"{\"results\":[{\"index\":0,\"relevance_score\":1}]}",
		"[{\"index\":0,\"score\":1},{\"index\":0,\"score\":2}]",
		"[{\"index\":0,\"score\":1},{\"index\":2,\"score\":2}]",
		"[{\"index\":0,\"score\":1},{\"index\":-1,\"score\":2}]",
		"[{\"index\":0,\"score\":1},{\"index\":1.5,\"score\":2}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":\"2\"}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":null}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":1e999}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":1e39}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":NaN}]",
		"[{\"index\":0,\"score\":1},{\"index\":1}]",
		"[{\"index\":0,\"score\":1},{\"score\":1}]",
		"[{\"index\":0,\"score\":1},{\"index\":1,\"score\":1},{\"index\":1,\"score\":1}]",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		struct answer a;
		struct err err = ERR_INIT;
		float scores[2];

		if (rerank_answer(span_str(bodies[i]), &a, &err) == 0 && !a.is_error)
			assert_int_equal(rerank_scores(a.items, 2, scores, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
	}
}

static void an_error_inside_an_answer_is_told(void **state)
{
	struct answer a;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(rerank_answer(SPAN_LIT("{\"error\":{\"message\":\"no\"}}"), &a, &err), 0);
	assert_true(a.is_error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_and_its_documents_are_sent_as_each_server_wants_them),
		cmocka_unit_test(the_built_in_models_are_not_asked),
		cmocka_unit_test(scores_are_read_from_all_forms_of_answers),
		cmocka_unit_test(what_is_no_ranking_of_all_documents_is_refused),
		cmocka_unit_test(an_error_inside_an_answer_is_told),
	};

	return cmocka_run_group_tests_name("rerank", tests, NULL, NULL);
}
