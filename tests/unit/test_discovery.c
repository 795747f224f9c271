/* Tests of common/upstream/discovery.h. */
#include "common/upstream/discovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

static struct found_list must_read(const char *body)
{
	struct err err = ERR_INIT;
	struct found_list l;

	if (found_read(span_str(body), &l, &err) < 0)
		fail_msg("%s: %s", body, err.message);
	return l;
}

static void lists_of_each_kind_of_server_are_read(void **state)
{
	static const struct {
		const char *body, *id;
		enum model_kind kind;
		int64_t context;
	} cases[] = {
		/* vLLM */
		{ "{\"object\":\"list\",\"data\":[{\"id\":\"meta-llama/Llama-4-Scout-17B-16E-Instruct\",\"object\":\"model\","
		  "\"owned_by\":\"vllm\",\"root\":\"x\",\"parent\":null,\"max_model_len\":131072,\"permission\":[{}]}]}",
		  "meta-llama/Llama-4-Scout-17B-16E-Instruct", MODEL_CHAT, 131072 },
		/* llama.cpp gives its list twice */
		{ "{\"models\":[{\"name\":\"m.gguf\",\"model\":\"m.gguf\"}],\"object\":\"list\",\"data\":[{\"id\":\"/srv/m.gguf\","
		  "\"meta\":{\"vocab_type\":2,\"n_ctx_train\":32768,\"n_params\":1}}]}",
		  "/srv/m.gguf", MODEL_CHAT, 32768 },
		{ "{\"data\":[{\"id\":\"m\",\"meta\":{\"n_ctx_train\":32768,\"n_ctx\":4096}}]}", "m", MODEL_CHAT, 4096 },
		{ "{\"data\":[{\"id\":\"m\",\"meta\":null}]}", "m", MODEL_CHAT, 0 },
		/* Ollama: as OpenAI, and its own */
		{ "{\"object\":\"list\",\"data\":[{\"id\":\"nomic-embed-text:latest\",\"object\":\"model\",\"created\":1,"
		  "\"owned_by\":\"library\"}]}",
		  "nomic-embed-text:latest", MODEL_EMBEDDING, 0 },
		{ "{\"models\":[{\"name\":\"qwen3:8b\",\"model\":\"qwen3:8b\",\"size\":1}]}", "qwen3:8b", MODEL_CHAT, 0 },
		/* LM Studio */
		{ "{\"data\":[{\"id\":\"bert\",\"type\":\"embeddings\",\"max_context_length\":512}]}", "bert", MODEL_EMBEDDING, 512 },
		{ "{\"data\":[{\"id\":\"BAAI/BGE-small\"}]}", "BAAI/BGE-small", MODEL_EMBEDDING, 0 },
		{ "{\"data\":[{\"id\":\"BAAI/bge-reranker-v2-m3\",\"type\":\"embeddings\"}]}", "BAAI/bge-reranker-v2-m3", MODEL_RERANK, 0 },
		/* Nonsense in what is optional */
		{ "{\"data\":[{\"id\":\"m\",\"max_model_len\":-4,\"context_length\":\"big\"}]}", "m", MODEL_CHAT, 0 },
		{ "{\"data\":[{\"id\":\"a\\u00e4\\/b\"}]}", "a\xc3\xa4/b", MODEL_CHAT, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct found_list l = must_read(cases[i].body);

		assert_int_equal(l.count, 1);
		assert_string_equal(l.items[0].id, cases[i].id);
		assert_int_equal(l.items[0].kind, cases[i].kind);
		assert_int_equal(l.items[0].context_window, cases[i].context);
		assert_false(l.truncated);
		found_clear(&l);
	}
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const cases[] = {
		"", "[]", "{}", "<html>", "{\"data\":{}}", "{\"data\":3,\"models\":\"x\"}", "{\"data\":[", "null",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct found_list l;

		assert_int_equal(found_read(span_str(cases[i]), &l, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		assert_int_equal(l.count, 0);
	}
}

static void entries_that_cannot_be_named_are_left_out(void **state)
{
	struct found_list l = must_read("{\"data\":[3,{},{\"id\":\"\"},{\"id\":7},{\"id\":\"a\\nb\"},{\"id\":\"ok\"},"
					"{\"id\":\"a\\u0000b\"},null]}");

	(void)state;
	assert_int_equal(l.count, 1);
	assert_string_equal(l.items[0].id, "ok");
	found_clear(&l);
}

static void lists_are_bounded_sorted_and_without_repeats(void **state)
{
	struct found_list l = must_read("{\"data\":[{\"id\":\"b\"},{\"id\":\"a\"},{\"id\":\"b\"}]}");
	struct buf body;

	(void)state;
	assert_int_equal(l.count, 2);
	assert_string_equal(l.items[0].id, "a");
	assert_string_equal(l.items[1].id, "b");
	found_clear(&l);

	buf_init(&body, 65536);
	buf_add_str(&body, "{\"data\":[");
	for (int i = 0; i < DISCOVERY_MODELS_MAX + 5; i++)
		buf_printf(&body, "%s{\"id\":\"m%03d\"}", i ? "," : "", i);
	buf_add_str(&body, "]}");
	l = must_read(buf_str(&body));
	assert_int_equal(l.count, DISCOVERY_MODELS_MAX);
	assert_true(l.truncated);
	found_clear(&l);
	buf_free(&body);
}

static void lists_are_compared_copied_and_searched(void **state)
{
	struct found_list a = must_read("{\"data\":[{\"id\":\"llama4:scout\"},{\"id\":\"nomic:latest\"}]}");
	struct found_list b;

	(void)state;
	found_copy(&a, &b);
	assert_true(found_is_equal(&a, &b));
	b.items[0].context_window = 5;
	assert_false(found_is_equal(&a, &b));
	assert_true(found_has(&a, "nomic"));
	assert_true(found_has(&a, "nomic:latest"));
	assert_true(found_has(&a, "llama4:scout"));
	assert_false(found_has(&a, "llama4"));
	assert_false(found_has(&a, "nom"));
	found_clear(&a);
	assert_false(found_is_equal(&a, &b));
	found_clear(&b);
}

static void paths_of_model_files_become_short_names(void **state)
{
	static const struct {
		const char *id, *alias;
	} cases[] = {
		{ "/srv/models/Llama-4.Q4.gguf", "Llama-4.Q4" }, { "m.GGUF", "m" }, { "org/model", "org/model" },
		{ "/", "/" }, { ".gguf", ".gguf" }, { "unsloth/gemma:Q4", "unsloth/gemma:Q4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char *alias = found_alias(cases[i].id);

		assert_string_equal(alias, cases[i].alias);
		mem_free(alias);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_of_each_kind_of_server_are_read),
		cmocka_unit_test(what_is_no_list_is_refused),
		cmocka_unit_test(entries_that_cannot_be_named_are_left_out),
		cmocka_unit_test(lists_are_bounded_sorted_and_without_repeats),
		cmocka_unit_test(lists_are_compared_copied_and_searched),
		cmocka_unit_test(paths_of_model_files_become_short_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
