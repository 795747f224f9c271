/* Tests of common/model/catalog.h. */
#include "common/model/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/base/mem.h"

/* NULL with err. */
static struct catalog *load_files(const char *path, const struct yml *y, struct err *err)
{
	struct catalog *c;

	if (catalog_load(&c, path, y, err) == 0)
		return c;
	catalog_free(c);
	return NULL;
}

/* The catalogue with text as spass.yaml; NULL with err. */
static struct catalog *load(const char *text, struct err *err)
{
	struct yml *y = yml_parse(span_str(text), "spass.yaml", err);

	if (!y)
		return NULL;
	struct catalog *c = load_files(NULL, y, err);
	yml_free(y);
	return c;
}

static struct catalog *must_load(const char *text)
{
	struct err err = ERR_INIT;
	struct catalog *c = load(text, &err);

	if (!c)
		fail_msg("%s", err.message);
	return c;
}

static const struct model *must_find(const struct catalog *c, const char *alias)
{
	const struct model *m = catalog_find(c, span_str(alias));

	if (!m)
		fail_msg("no model %s", alias);
	return m;
}

static void join(char *const *list, char *out, size_t size)
{
	out[0] = '\0';
	for (size_t i = 0; list[i]; i++)
		snprintf(out + strlen(out), size - strlen(out), "%s%s", i ? "+" : "", list[i]);
}

/* The documented table, row by row. */
static const struct {
	const char *alias, *family;
	enum model_kind kind;
	int64_t context_window;
	bool tools;
	const char *input, *output;
	enum model_reasoning reasoning;
	int floor, seconds, dimensions;
	bool composite, built_in;
	const char *first, *last; /* of the chain: backend or alias */
} shipped[] = {
#define CHAT MODEL_CHAT
#define NO REASONING_NO
#define YES REASONING_YES
#define CONF REASONING_CONFIGURABLE
	{ "llama-4-scout", "Meta Llama 4", CHAT, 10000000, true, "text+image", "text", NO, 0, 8, 0, false, false, "vllm", "openrouter" },
	{ "mistral-small-4", "Mistral Small 4", CHAT, 262144, true, "text+image", "text", CONF, 0, 5, 0, false, false, "vllm", "openrouter" },
	{ "qwen3-vl-30b-thinking", "Qwen3-VL", CHAT, 131072, true, "text+image", "text", YES, 0, 12, 0, false, false, "vllm", "openrouter" },
	{ "qwen3-vl-30b-instruct", "Qwen3-VL", CHAT, 131072, true, "text+image", "text", NO, 0, 5, 0, false, false, "vllm", "openrouter" },
	{ "gemma-4-31b", "Google Gemma 4", CHAT, 262144, true, "text+image", "text", NO, 0, 5, 0, false, false, "vllm", "openrouter" },
	{ "flagship", "composite", CHAT, 1050000, true, "text+image", "text", YES, 200, 8, 0, true, false, "gpt-5.5-pro", "gemini-3.1-pro" },
	{ "gpt-5.5-pro", "OpenAI GPT-5.5", CHAT, 1050000, true, "text+image", "text", YES, 200, 8, 0, false, false, "openai", "openrouter" },
	{ "claude-opus-4.7", "Anthropic Claude 4.7", CHAT, 1000000, true, "text+image", "text", YES, 0, 5, 0, false, false, "anthropic", "openrouter" },
	{ "gemini-3.1-pro", "Google Gemini 3.1", CHAT, 1048576, true, "text+image+audio+video", "text", YES, 200, 5, 0, false, false, "gemini", "openrouter" },
	{ "grok-4.20", "xAI Grok 4", CHAT, 2000000, true, "text+image", "text", YES, 0, 3, 0, false, false, "xai", "openrouter" },
	{ "nano-banana", "Google image", MODEL_IMAGE, 65536, false, "text+image", "text+image", NO, 0, 15, 0, false, false, "openrouter", "openrouter" },
	{ "gpt-image", "OpenAI image", MODEL_IMAGE, 272000, false, "text+image", "text+image", YES, 16, 150, 0, false, false, "openrouter", "openrouter" },
	{ "image-gen", "composite", MODEL_IMAGE, 65536, false, "text+image", "text+image", NO, 0, 15, 0, true, false, "nano-banana", "gpt-image" },
	{ "nomic-embed", "Nomic Embed", MODEL_EMBEDDING, 2048, false, "text", "text", NO, 0, 1, 768, false, false, "vllm", "fireworks" },
	{ "nomic-embed-local", "Nomic Embed", MODEL_EMBEDDING, 2048, false, "text", "text", NO, 0, 1, 768, false, false, "vllm", "lmstudio" },
	{ "bge-reranker", "BGE Reranker", MODEL_RERANK, 8192, false, "text", "text", NO, 0, 1, 0, false, false, "vllm", "vllm" },
	{ "cohere-rerank", "Cohere Rerank", MODEL_RERANK, 4096, false, "text", "text", NO, 0, 1, 0, false, false, "cohere", "cohere" },
	{ "spass-extract", "spass", CHAT, 131072, true, "text", "text", NO, 0, 1, 0, false, true, "builtin", "builtin" },
	{ "spass-embed", "spass", MODEL_EMBEDDING, 8192, false, "text", "text", NO, 0, 1, 768, false, true, "builtin", "builtin" },
};

static void the_shipped_table_is_the_documented_one(void **state)
{
	struct err err = ERR_INIT;
	struct catalog *c = load_files(NULL, NULL, &err);

	(void)state;
	if (!c)
		fail_msg("%s", err.message);
	assert_int_equal(catalog_count(c), ARRAY_LEN(shipped));
	for (size_t i = 0; i < ARRAY_LEN(shipped); i++) {
		const struct model *m = catalog_at(c, i);
		char text[64];

		assert_string_equal(m->alias, shipped[i].alias);
		assert_ptr_equal(must_find(c, m->alias), m);
		assert_string_equal(m->family, shipped[i].family);
		assert_non_null(m->license);
		assert_int_equal(m->kind, shipped[i].kind);
		assert_int_equal(m->context_window, shipped[i].context_window);
		assert_int_equal(m->tools, shipped[i].tools);
		join(m->input, text, sizeof text);
		assert_string_equal(text, shipped[i].input);
		join(m->output, text, sizeof text);
		assert_string_equal(text, shipped[i].output);
		assert_int_equal(m->reasoning, shipped[i].reasoning);
		assert_int_equal(m->min_max_tokens, shipped[i].floor);
		assert_int_equal(m->typical_seconds, shipped[i].seconds);
		assert_int_equal(m->dimensions, shipped[i].dimensions);
		assert_int_equal(m->composite, shipped[i].composite);
		assert_int_equal(m->built_in, shipped[i].built_in);
		assert_false(m->accepts_image_url);
		assert_false(m->discovered);
		const struct model_link *first = &m->chain[0], *last = &m->chain[m->chain_count - 1];
		assert_string_equal(first->backend ? first->backend : first->model, shipped[i].first);
		assert_string_equal(last->backend ? last->backend : last->model, shipped[i].last);
	}
	assert_null(catalog_at(c, catalog_count(c)));
	assert_null(catalog_find(c, SPAN_LIT("gpt-5.5")));
	catalog_free(c);
}

static void composites_have_their_members_in_order(void **state)
{
	struct catalog *c = must_load("");
	const struct model *flagship = must_find(c, "flagship"), *image = must_find(c, "image-gen");

	(void)state;
	assert_int_equal(flagship->chain_count, 3);
	assert_string_equal(flagship->chain[1].model, "claude-opus-4.7");
	assert_int_equal(image->chain_count, 2);
	assert_string_equal(image->chain[0].model, "nano-banana");
	catalog_free(c);
}

static void a_row_overrides_only_the_members_it_gives(void **state)
{
	struct catalog *c = must_load("models:\n"
				      "  - alias: llama-4-scout\n"
				      "    typical_seconds: 3\n"
				      "    license: null\n"
				      "    input: [text]\n"
				      "    reasoning: yes\n"
				      "  - alias: llama-4-scout\n"
				      "    accepts_image_url: true\n");
	const struct model *m = must_find(c, "llama-4-scout");

	(void)state;
	assert_int_equal(catalog_count(c), ARRAY_LEN(shipped));
	assert_int_equal(m->typical_seconds, 3);
	assert_null(m->license);
	assert_null(m->input[1]);
	assert_int_equal(m->reasoning, REASONING_YES);
	assert_true(m->accepts_image_url);
	assert_string_equal(m->family, "Meta Llama 4");
	assert_int_equal(m->chain_count, 4);
	assert_ptr_equal(catalog_at(c, 0), m);
	catalog_free(c);
}

static void a_new_row_comes_before_the_built_in_ones(void **state)
{
	struct catalog *c = must_load("models:\n"
				      "  - alias: house/model:7b\n"
				      "    chain:\n"
				      "      - { backend: vllm, model: acme/house }\n"
				      "      - { alias: grok-4.20 }\n"
				      "  - alias: vectors\n"
				      "    kind: embedding\n"
				      "    dimensions: 384\n"
				      "    chain: [ { backend: mine, model: minilm } ]\n");
	const struct model *m = catalog_at(c, 17), *vectors = catalog_at(c, 18);

	(void)state;
	assert_string_equal(m->alias, "house/model:7b");
	assert_true(m->composite);
	assert_true(m->tools);
	assert_int_equal(m->context_window, 0);
	assert_null(m->family);
	assert_string_equal(m->chain[0].where, "spass.yaml:4");
	assert_string_equal(vectors->alias, "vectors");
	assert_false(vectors->tools);
	assert_string_equal(catalog_at(c, 19)->alias, "spass-extract");
	assert_string_equal(catalog_at(c, 20)->alias, "spass-embed");
	catalog_free(c);
}

static void a_new_row_of_images_draws_and_has_no_tools(void **state)
{
	struct catalog *c = must_load("models:\n"
				      "  - alias: plain\n"
				      "    kind: image\n"
				      "    chain: [ { backend: mine, model: a } ]\n"
				      "  - alias: told\n"
				      "    kind: image\n"
				      "    tools: true\n"
				      "    output: [image]\n"
				      "    chain: [ { backend: mine, model: b } ]\n");
	const struct model *plain = must_find(c, "plain"), *told = must_find(c, "told");

	(void)state;
	assert_false(plain->tools);
	assert_string_equal(plain->output[0], "text");
	assert_string_equal(plain->output[1], "image");
	assert_null(plain->output[2]);
	assert_true(told->tools);
	assert_string_equal(told->output[0], "image");
	assert_null(told->output[1]);
	catalog_free(c);
}

static void a_row_is_removed(void **state)
{
	struct catalog *c = must_load("models: [ { alias: grok-4.20, remove: true } ]");

	(void)state;
	assert_int_equal(catalog_count(c), ARRAY_LEN(shipped) - 1);
	assert_null(catalog_find(c, SPAN_LIT("grok-4.20")));
	must_find(c, "nano-banana");
	catalog_free(c);
}

static void faults_are_refused_with_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "models: 3", "spass.yaml:1: models: must be a list of rows" },
		{ "models:\n  - 3", "spass.yaml:2: models: each row is a mapping" },
		{ "models:\n  - kind: chat", "spass.yaml:2: models: alias: each row needs an alias" },
		{ "models:\n  - alias: 'a b'", "spass.yaml:2: models: alias: " },
		{ "models:\n  - alias: ''", "spass.yaml:2: models: alias: " },
		{ "models:\n  - alias: new", "spass.yaml:2: new: chain: is missing" },
		{ "models:\n  - alias: grok-4.20\n    famly: x", "spass.yaml:3: grok-4.20: unknown key \"famly\"" },
		{ "models:\n  - alias: grok-4.20\n    kind: talk", "spass.yaml:3: grok-4.20: kind: must be one of chat, image, embedding, rerank, transcription, speech" },
		{ "models:\n  - alias: grok-4.20\n    reasoning: much", "spass.yaml:3: grok-4.20: reasoning: must be one of no, yes, configurable" },
		{ "models:\n  - alias: grok-4.20\n    family: 4", "spass.yaml:3: grok-4.20: family: must be a text" },
		{ "models:\n  - alias: grok-4.20\n    family: ''", "spass.yaml:3: grok-4.20: family: must have 1 to 256 bytes" },
		{ "models:\n  - alias: grok-4.20\n    family: \"a\\nb\"", "spass.yaml:3: grok-4.20: family: must not hold control" },
		{ "models:\n  - alias: grok-4.20\n    context_window: -1", "spass.yaml:3: grok-4.20: context_window: must be a whole number" },
		{ "models:\n  - alias: grok-4.20\n    min_max_tokens: 1000001", "spass.yaml:3: grok-4.20: min_max_tokens: " },
		{ "models:\n  - alias: grok-4.20\n    typical_seconds: 1.5", "spass.yaml:3: grok-4.20: typical_seconds: " },
		{ "models:\n  - alias: grok-4.20\n    tools: maybe", "spass.yaml:3: grok-4.20: tools: must be true or false" },
		{ "models:\n  - alias: grok-4.20\n    input: text", "spass.yaml:3: grok-4.20: input: must be a list" },
		{ "models:\n  - alias: grok-4.20\n    input: []", "spass.yaml:3: grok-4.20: input: must be a list" },
		{ "models:\n  - alias: grok-4.20\n    input: [text, smell]", "spass.yaml:3: grok-4.20: input: must be one of text, " },
		{ "models:\n  - alias: grok-4.20\n    chain: []", "spass.yaml:3: grok-4.20: chain: must be a list of 1 to 16" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ x ]", "spass.yaml:3: grok-4.20: chain: a step is" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ { backend: x } ]", "spass.yaml:3: grok-4.20: chain: a step is" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ { model: x } ]", "spass.yaml:3: grok-4.20: chain: a step is" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ { backend: x, alias: y } ]", "spass.yaml:3: grok-4.20: chain: a step is" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ { model: x, alias: y } ]", "spass.yaml:3: grok-4.20: chain: a step has a model or an alias" },
		{ "models:\n  - alias: grok-4.20\n    chain: [ { host: y } ]", "spass.yaml:3: grok-4.20: chain: unknown key \"host\"" },
		{ "models:\n  - alias: nobody\n    remove: true", "spass.yaml:2: nobody: remove: there is no such model" },
		{ "models:\n  - alias: grok-4.20\n    remove: true\n    tools: true", "grok-4.20: remove: goes with alias and nothing else" },
		{ "models:\n  - alias: spass-extract\n    tools: false", "spass.yaml:2: spass-extract: is built in" },
		{ "models:\n  - alias: spass-embed\n    remove: true", "spass.yaml:2: spass-embed: is built in" },
		{ "models:\n  - alias: new\n    chain:\n      - { alias: nobody }", "spass.yaml:4: new: chain: there is no model \"nobody\"" },
		{ "models:\n  - alias: grok-4.20\n    chain:\n      - { alias: grok-4.20 }", "spass.yaml:4: grok-4.20: chain: \"grok-4.20\" leads back to itself" },
		{ "models:\n  - alias: gpt-5.5-pro\n    chain:\n      - { alias: flagship }", "chain: \"flagship\" leads back to itself" },
		{ "models:\n  - alias: gpt-5.5-pro\n    remove: true", "catalog.yaml (built in):" },
		{ "models:\n  - alias: new\n    chain: [ { backend: x, model: m } ]\n"
		  "  - alias: new\n    chain: [ { backend: y, model: m } ]",
		  "spass.yaml:5: new: chain: there is one on line 3 already" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct catalog *c = load(cases[i].text, &err);

		if (c)
			fail_msg("accepted: %s", cases[i].text);
		assert_int_equal(err.code, E_invalid_config);
		if (!strstr(err.message, cases[i].message))
			fail_msg("%s\ngave \"%s\"\nnot  \"%s\"", cases[i].text, err.message, cases[i].message);
	}
}

static void aliases_may_lead_so_deep_and_no_deeper(void **state)
{
	char text[2048] = "models:\n";
	struct err err = ERR_INIT;
	struct catalog *c;

	(void)state;
	for (int i = 1; i <= CATALOG_DEPTH_MAX - 1; i++) {
		char next[32] = "grok-4.20";

		if (i > 1)
			snprintf(next, sizeof next, "m%d", i - 1);
		snprintf(text + strlen(text), sizeof text - strlen(text),
			 "  - { alias: m%d, chain: [ { alias: %s } ] }\n", i, next);
	}
	catalog_free(must_load(text));
	snprintf(text + strlen(text), sizeof text - strlen(text), "  - { alias: top, chain: [ { alias: m%d } ] }\n",
		 CATALOG_DEPTH_MAX - 1);
	c = load(text, &err);
	assert_null(c);
	assert_non_null(strstr(err.message, "more than 8 aliases deep"));
}

static void all_faults_are_told(void **state)
{
	static const char text[] = "models:\n"
				   "  - { alias: bare }\n"
				   "  - 3\n"
				   "  - { alias: self, chain: [ { alias: self } ] }\n"
				   "  - { alias: lost, chain: [ { alias: nowhere }, { alias: nobody } ], toools: 1, kind: x }\n"
				   "  - { alias: p, chain: [ { alias: q } ] }\n"
				   "  - { alias: q, chain: [ { alias: p } ] }\n";
	static const char *const told[] = {
		"spass.yaml:2: bare: chain: is missing",
		"\nspass.yaml:3: models: each row is a mapping",
		"\nspass.yaml:4: self: chain: \"self\" leads back to itself",
		"\nspass.yaml:5: lost: unknown key \"toools\"; did you mean tools?",
		"\nspass.yaml:5: lost: kind: must be one of",
		"\nspass.yaml:5: lost: chain: there is no model \"nowhere\"",
		"\nspass.yaml:5: lost: chain: there is no model \"nobody\"",
		"\nspass.yaml:7: q: chain: \"p\" leads back to itself",
	};
	struct err err = ERR_INIT;
	size_t lines = 1;

	(void)state;
	assert_null(load(text, &err));
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		if (!strstr(err.message, told[i]))
			fail_msg("%s lacks %s", err.message, told[i]);
	for (const char *at = err.message; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, ARRAY_LEN(told));
}

static void the_operators_file_comes_between(void **state)
{
	char path[] = "/tmp/spass-catalog-XXXXXX";
	static const char text[] = "models:\n  - { alias: grok-4.20, family: file, license: file }\n";
	struct err err = ERR_INIT;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
	struct yml *y = yml_parse(SPAN_LIT("models: [ { alias: grok-4.20, license: config } ]"), "spass.yaml", &err);
	struct catalog *c = load_files(path, y, &err);
	assert_non_null(c);
	assert_string_equal(must_find(c, "grok-4.20")->family, "file");
	assert_string_equal(must_find(c, "grok-4.20")->license, "config");
	catalog_free(c);
	yml_free(y);

	assert_int_equal(write(fd, "listen: x\n", 10), 10);
	assert_null(load_files(path, NULL, &err));
	assert_non_null(strstr(err.message, ":3: models: unknown key \"listen\""));
	close(fd);
	unlink(path);
	assert_null(load_files(path, NULL, &err));
}

static void discovered_models_get_a_free_and_lawful_alias(void **state)
{
	struct catalog *c = must_load("");
	size_t count = catalog_count(c);
	const struct model *m;

	(void)state;
	m = catalog_add_discovered(c, "qwen3:8b", MODEL_CHAT, "ollama", "qwen3:8b", 40960);
	assert_string_equal(m->alias, "qwen3:8b");
	assert_true(m->discovered && m->tools && !m->composite);
	assert_int_equal(m->context_window, 40960);
	assert_int_equal(m->chain_count, 1);
	assert_string_equal(m->chain[0].backend, "ollama");
	m = catalog_add_discovered(c, "qwen3:8b", MODEL_CHAT, "llamacpp", "qwen3:8b", 0);
	assert_string_equal(m->alias, "qwen3:8b-2");
	m = catalog_add_discovered(c, "grok-4.20", MODEL_EMBEDDING, "vllm", "grok-4.20", 0);
	assert_string_equal(m->alias, "grok-4.20-2");
	assert_false(m->tools);
	m = catalog_add_discovered(c, "my model\n(best)", MODEL_CHAT, "vllm", "my model\n(best)", 0);
	assert_string_equal(m->alias, "my-model--best-");
	assert_null(catalog_add_discovered(c, "", MODEL_CHAT, "vllm", "", 0));
	char longest[300];
	memset(longest, 'x', sizeof longest - 1);
	longest[sizeof longest - 1] = '\0';
	m = catalog_add_discovered(c, longest, MODEL_CHAT, "vllm", longest, 0);
	assert_true(strlen(m->alias) <= CATALOG_ALIAS_MAX);
	assert_int_equal(catalog_count(c), count + 5);
	assert_string_equal(catalog_at(c, count + 4)->alias, "spass-embed");
	catalog_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shipped_table_is_the_documented_one),
		cmocka_unit_test(composites_have_their_members_in_order),
		cmocka_unit_test(a_row_overrides_only_the_members_it_gives),
		cmocka_unit_test(a_new_row_comes_before_the_built_in_ones),
		cmocka_unit_test(a_new_row_of_images_draws_and_has_no_tools),
		cmocka_unit_test(a_row_is_removed),
		cmocka_unit_test(faults_are_refused_with_file_line_and_key),
		cmocka_unit_test(aliases_may_lead_so_deep_and_no_deeper),
		cmocka_unit_test(all_faults_are_told),
		cmocka_unit_test(the_operators_file_comes_between),
		cmocka_unit_test(discovered_models_get_a_free_and_lawful_alias),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
