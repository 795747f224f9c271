/* Tests of common/upstream/info.h. */
#include "common/upstream/info.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

static char openai_key[] = "OPENAI_API_KEY=sk-secret-1", router_key[] = "OPENROUTER_API_KEY=sk-secret-2";
static char *const no_keys[] = { NULL };
static char *const keys[] = { openai_key, router_key, NULL };

static struct config general = {
	.discover = true, .connect_timeout = 5000, .first_byte_timeout = 300000, .between_timeout = 60000,
	.total_timeout = 1800000, .breaker_failures = 2, .breaker_rest = 1000, .max_body_bytes = 33554432,
	.max_answer_bytes = 67108864, .max_connections = 20000,
};

static struct routing *must_route(char *const *environment)
{
	struct err err = ERR_INIT;
	struct routing *r = routing_new(&general, environment, NULL, &err);

	if (!r)
		fail_msg("%s", err.message);
	return r;
}

static struct backend *backend(const struct routing *r, const char *name)
{
	for (size_t i = 0; i < routing_backend_count(r); i++)
		if (strcmp(routing_backend(r, i)->name, name) == 0)
			return routing_backend(r, i);
	fail_msg("no backend %s", name);
	return NULL;
}

/* The entry of a list whose member key reads value; borrowed. */
static json_t *entry(const json_t *list, const char *key, const char *value)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *o = json_array_get(list, i);

		if (strcmp(json_string_value(json_object_get(o, key)), value) == 0)
			return o;
	}
	fail_msg("no %s %s", key, value);
	return NULL;
}

static void assert_json(const json_t *value, const char *want)
{
	char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS);

	assert_string_equal(text, want);
	free(text);
}

static void models_are_those_that_something_could_be_asked_for(void **state)
{
	struct routing *r = must_route(no_keys);
	json_t *doc = info_models(r, NULL);
	char want[256];

	(void)state;
	assert_string_equal(json_string_value(json_object_get(doc, "object")), "list");
	assert_int_equal(json_array_size(json_object_get(doc, "data")), 2);
	snprintf(want, sizeof want,
		 "{\"created\":%lld,\"id\":\"spass-extract\",\"object\":\"model\",\"owned_by\":\"spass\"}",
		 (long long)routing_created_s(r));
	assert_json(json_array_get(json_object_get(doc, "data"), 0), want);
	json_t *one = info_model(r, routing_find(r, SPAN_LIT("spass-extract")));
	assert_json(one, want);
	assert_true(info_is_listed(r, routing_find(r, SPAN_LIT("spass-embed"))));
	assert_false(info_is_listed(r, routing_find(r, SPAN_LIT("grok-4.20"))));
	json_decref(one);
	json_decref(doc);
	routing_free(r);

	r = must_route(keys);
	doc = info_models(r, NULL);
	/* All but the two embeddings that no key opens. */
	assert_int_equal(json_array_size(json_object_get(doc, "data")), 15);
	assert_json(json_object_get(entry(json_object_get(doc, "data"), "id", "flagship"), "owned_by"), "\"composite\"");
	json_decref(doc);
	routing_free(r);
}

static void the_document_describes_each_model(void **state)
{
	static const struct {
		const char *alias, *key, *want;
	} cases[] = {
		{ "gpt-5.5-pro", "family", "\"OpenAI GPT-5.5\"" },
		{ "gpt-5.5-pro", "context_window", "1050000" },
		{ "gpt-5.5-pro", "tools", "true" },
		{ "gpt-5.5-pro", "reasoning", "true" },
		{ "gpt-5.5-pro", "routing", "[\"openai\",\"openrouter\"]" },
		{ "gpt-5.5-pro", "modalities", "{\"input\":[\"text\",\"image\"],\"output\":[\"text\"]}" },
		{ "gpt-5.5-pro", "capabilities", "[\"chat\",\"streaming\",\"tools\",\"reasoning\",\"vision\"]" },
		{ "gpt-5.5-pro", "constraints",
		  "{\"accepts_image_url\":true,\"min_max_tokens\":200,\"typical_response_seconds\":8}" },
		{ "gpt-5.5-pro", "available", "true" },
		{ "claude-opus-4.7", "available", "false" },
		{ "claude-opus-4.7", "constraints",
		  "{\"accepts_image_url\":true,\"min_max_tokens\":0,\"typical_response_seconds\":5}" },
		{ "mistral-small-4", "reasoning", "\"configurable\"" },
		{ "mistral-small-4", "routing", "[\"vllm\",\"mistral\",\"openrouter\"]" },
		{ "llama-4-scout", "reasoning", "false" },
		{ "llama-4-scout", "license", "\"Llama 4 Community License\"" },
		{ "flagship", "members", "[\"gpt-5.5-pro\",\"claude-opus-4.7\",\"gemini-3.1-pro\"]" },
		{ "flagship", "routing", "[\"openai\",\"openrouter\",\"anthropic\",\"gemini\"]" },
		{ "nano-banana", "capabilities", "[\"chat\",\"streaming\",\"vision\",\"image_generation\"]" },
		{ "nano-banana", "kind", "\"image\"" },
		{ "nomic-embed", "dimensions", "768" },
		{ "nomic-embed", "capabilities", "[\"embeddings\"]" },
		{ "spass-extract", "available", "true" },
		{ "spass-extract", "constraints",
		  "{\"accepts_image_url\":false,\"min_max_tokens\":0,\"typical_response_seconds\":1}" },
	};
	struct routing *r = must_route(keys);

	(void)state;
	backend_report(backend(r, "openai"), true);
	json_t *doc = info_document(r, &general, NULL, routing_default(r));
	assert_non_null(doc);
	assert_int_equal(json_array_size(json_object_get(doc, "models")), 19);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_json(json_object_get(entry(json_object_get(doc, "models"), "alias", cases[i].alias), cases[i].key),
			    cases[i].want);
	assert_json(json_object_get(doc, "default_model"), "\"flagship\"");
	json_decref(doc);
	routing_free(r);
}

static void the_document_tells_the_truth_about_backends(void **state)
{
	static const struct {
		const char *name, *status, *reason, *latency;
	} cases[] = {
		{ "openai", "\"available\"", "null", "12" },
		{ "openrouter", "\"unreachable\"", "\"key refused\"", "null" },
		{ "anthropic", "\"disabled\"", "\"ANTHROPIC_API_KEY is not set\"", "null" },
		{ "vllm", "\"unreachable\"", "\"not looked at yet\"", "null" },
		{ "ollama", "\"unreachable\"", "\"a call failed\"", "null" },
		{ "builtin", "\"available\"", "null", "null" },
	};
	struct routing *r = must_route(keys);

	(void)state;
	backend_report(backend(r, "openai"), true);
	atomic_store(&backend(r, "openai")->latency_us, 11700);
	atomic_store(&backend(r, "openrouter")->latency_us, 9000); /* as it was, before it was away */
	backend_set_status(backend(r, "openrouter"), BACKEND_UNREACHABLE, "key refused", NULL);
	backend_report(backend(r, "ollama"), false);
	json_t *doc = info_document(r, &general, NULL, routing_default(r));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		json_t *b = entry(json_object_get(doc, "backends"), "name", cases[i].name);

		assert_json(json_object_get(b, "status"), cases[i].status);
		assert_json(json_object_get(b, "reason"), cases[i].reason);
		assert_json(json_object_get(b, "latency_ms"), cases[i].latency);
	}
	assert_json(json_object_get(entry(json_object_get(doc, "backends"), "name", "vllm"), "local"), "true");
	assert_json(json_object_get(json_object_get(doc, "gateway"), "max_body_bytes"), "33554432");
	assert_json(json_object_get(json_object_get(doc, "gateway"), "version"), "\"" SPASS_VERSION "\"");

	char *text = json_dumps(doc, 0);
	assert_null(strstr(text, "secret"));
	assert_null(strstr(text, "http"));
	free(text);
	json_decref(doc);
	routing_free(r);
}

static void readiness_follows_the_chat_backends(void **state)
{
	enum { OK = 1, DOWN = 2, UNSEEN = 0 };
	static const struct {
		char *const *environment;
		int openai, openrouter;
		bool ready;
		const char *want;
	} cases[] = {
		{ no_keys, UNSEEN, UNSEEN, true,
		  "{\"backends\":{\"builtin\":{\"latency_ms\":0,\"status\":\"ok\"}},\"status\":\"ready\"}" },
		{ keys, UNSEEN, UNSEEN, false,
		  "{\"backends\":{\"builtin\":{\"latency_ms\":0,\"status\":\"ok\"},\"openai\":{\"latency_ms\":null,\"status\":\"unreachable\"},"
		  "\"openrouter\":{\"latency_ms\":null,\"status\":\"unreachable\"}},\"status\":\"unavailable\"}" },
		{ keys, OK, DOWN, true,
		  "{\"backends\":{\"builtin\":{\"latency_ms\":0,\"status\":\"ok\"},\"openai\":{\"latency_ms\":null,\"status\":\"ok\"},"
		  "\"openrouter\":{\"latency_ms\":null,\"status\":\"unreachable\"}},\"status\":\"degraded\"}" },
		{ keys, OK, OK, true,
		  "{\"backends\":{\"builtin\":{\"latency_ms\":0,\"status\":\"ok\"},\"openai\":{\"latency_ms\":null,\"status\":\"ok\"},"
		  "\"openrouter\":{\"latency_ms\":null,\"status\":\"ok\"}},\"status\":\"ready\"}" },
		{ keys, DOWN, DOWN, false,
		  "{\"backends\":{\"builtin\":{\"latency_ms\":0,\"status\":\"ok\"},\"openai\":{\"latency_ms\":null,\"status\":\"unreachable\"},"
		  "\"openrouter\":{\"latency_ms\":null,\"status\":\"unreachable\"}},\"status\":\"unavailable\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct routing *r = must_route(cases[i].environment);
		bool ready = !cases[i].ready;

		if (cases[i].openai != UNSEEN)
			backend_report(backend(r, "openai"), cases[i].openai == OK);
		if (cases[i].openrouter != UNSEEN)
			backend_report(backend(r, "openrouter"), cases[i].openrouter == OK);
		json_t *doc = info_ready(r, &ready);
		assert_json(doc, cases[i].want);
		assert_int_equal(ready, cases[i].ready);
		json_decref(doc);
		routing_free(r);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_are_those_that_something_could_be_asked_for),
		cmocka_unit_test(the_document_describes_each_model),
		cmocka_unit_test(the_document_tells_the_truth_about_backends),
		cmocka_unit_test(readiness_follows_the_chat_backends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
