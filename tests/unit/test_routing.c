/* Tests of common/upstream/routing.h; what a look finds is told through routing_inside.h. */
#include "common/upstream/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/upstream/routing_inside.h"

static char openai_key[] = "OPENAI_API_KEY=sk-1", router_key[] = "OPENROUTER_API_KEY=sk-2",
	    anthropic_key[] = "ANTHROPIC_API_KEY=sk-3";
static char *const no_keys[] = { NULL };
static char *const all_keys[] = { openai_key, router_key, anthropic_key, NULL };

/* A configuration made of text ("models:") and at most one backend. */
struct setting {
	struct config config;
	struct config_backend backend;
	char name[32], base_url[64];
};

static struct setting *setting_new(const char *text, const char *backend, const char *base_url)
{
	struct setting *s = mem_new(struct setting);
	struct err err = ERR_INIT;

	s->config = (struct config){
		.discover = true, .connect_timeout = 5000, .first_byte_timeout = 5000, .between_timeout = 5000,
		.total_timeout = 5000, .breaker_failures = 2, .breaker_rest = 1000,
	};
	if (text && !(s->config.file = yml_parse(span_str(text), "spass.yaml", &err)))
		fail_msg("%s", err.message);
	if (backend) {
		snprintf(s->name, sizeof s->name, "%s", backend);
		snprintf(s->base_url, sizeof s->base_url, "%s", base_url);
		s->backend = (struct config_backend){ .name = s->name, .base_url = s->base_url, .line = 3 };
		s->config.backends = &s->backend;
		s->config.backend_count = 1;
	}
	return s;
}

static void setting_free(struct setting *s)
{
	yml_free(s->config.file);
	mem_free(s);
}

static struct routing *must_route(struct setting *s, char *const *environment, const struct routing *previous)
{
	struct err err = ERR_INIT;
	struct routing *r = routing_new(&s->config, environment, previous, &err);

	if (!r)
		fail_msg("%s", err.message);
	return r;
}

static const struct model *must_find(const struct routing *r, const char *alias)
{
	const struct model *m = routing_find(r, span_str(alias));

	if (!m)
		fail_msg("no model %s", alias);
	return m;
}

static struct backend *backend(const struct routing *r, const char *name)
{
	for (size_t i = 0; i < routing_backend_count(r); i++)
		if (strcmp(routing_backend(r, i)->name, name) == 0)
			return routing_backend(r, i);
	fail_msg("no backend %s", name);
	return NULL;
}

/* "backend/model backend/model" */
static void assert_chain(const struct routing *r, const char *alias, const char *want)
{
	char text[512] = "";
	size_t count;
	const struct target *t = routing_chain(r, must_find(r, alias), &count);

	for (size_t i = 0; i < count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s=%s", i ? " " : "", t[i].backend->name,
			 t[i].model);
	assert_string_equal(text, want);
}

/* As if a look at the backend had been answered with these ids ("" = not answered at all). */
static void tell(struct routing *r, const char *name, const char *body)
{
	size_t index = 0;
	struct found_list list;
	struct err err = ERR_INIT;

	while (strcmp(routing_backend(r, index)->name, name) != 0)
		index++;
	if (!*body) {
		routing_found(r, index, false, NULL);
		return;
	}
	assert_int_equal(found_read(span_str(body), &list, &err), 0);
	routing_found(r, index, true, &list);
}

static void every_provider_is_a_backend_and_the_built_in_models_answer(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *r = must_route(s, no_keys, NULL);
	size_t rows = 0;

	(void)state;
	for (const struct provider *p = provider_table; p->name; p++)
		rows += p->base_url || !strcmp(p->name, PROVIDER_BUILTIN); /* without an address it is only for the file */
	assert_int_equal(routing_backend_count(r), rows);
	assert_null(routing_backend(r, rows));
	assert_string_equal(backend(r, "openai")->disabled_why, "OPENAI_API_KEY is not set");
	assert_chain(r, "spass-extract", "builtin=spass-extract");
	assert_chain(r, "spass-embed", "builtin=spass-embed");
	assert_chain(r, "flagship", "");
	assert_chain(r, "llama-4-scout", "");
	assert_null(routing_find(r, SPAN_LIT("flagshi")));
	assert_null(routing_find(r, SPAN_LIT("flagshipp")));
	assert_null(routing_find(r, SPAN_NONE));
	for (size_t i = 0; i < catalog_count(routing_catalog(r)); i++)
		must_find(r, catalog_at(routing_catalog(r), i)->alias);
	routing_free(r);
	setting_free(s);
}

static void chains_are_flattened_without_the_disabled(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *r = must_route(s, all_keys, NULL);
	size_t count;

	(void)state;
	assert_chain(r, "llama-4-scout", "openrouter=meta-llama/llama-4-scout");
	assert_chain(r, "gpt-5.5-pro", "openai=gpt-5.5-pro openrouter=openai/gpt-5.5-pro");
	assert_chain(r, "flagship",
		     "openai=gpt-5.5-pro openrouter=openai/gpt-5.5-pro anthropic=claude-opus-4-7 "
		     "openrouter=anthropic/claude-opus-4.7 openrouter=google/gemini-3.1-pro-preview");
	assert_chain(r, "image-gen",
		     "openrouter=google/gemini-3.1-flash-image-preview openrouter=openai/gpt-5.4-image-2");
	const struct target *t = routing_chain(r, must_find(r, "image-gen"), &count);
	assert_string_equal(t[1].link_model->alias, "gpt-image");
	assert_int_equal(t[1].link_model->min_max_tokens, 16);
	routing_free(r);
	setting_free(s);
}

static void repeated_targets_are_kept_once_and_share_a_breaker(void **state)
{
	struct setting *s = setting_new("models:\n"
					"  - alias: twice\n"
					"    chain: [ { alias: flagship }, { alias: gpt-5.5-pro },\n"
					"             { backend: openai, model: gpt-5.5-pro }, { backend: openai, model: other } ]\n",
					NULL, NULL);
	static char *const openai_only[] = { openai_key, NULL };
	struct routing *r = must_route(s, openai_only, NULL);
	size_t count, one;

	(void)state;
	assert_chain(r, "twice", "openai=gpt-5.5-pro openai=other");
	const struct target *t = routing_chain(r, must_find(r, "twice"), &count);
	const struct target *u = routing_chain(r, must_find(r, "gpt-5.5-pro"), &one);
	assert_ptr_equal(t[0].breaker, u[0].breaker);
	assert_ptr_not_equal(t[0].breaker, t[1].breaker);
	routing_free(r);
	setting_free(s);
}

static void all_backends_of_a_chain_are_named_the_disabled_too(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *r = must_route(s, no_keys, NULL);
	const char *names[8];

	(void)state;
	assert_int_equal(routing_chain_backends(r, must_find(r, "flagship"), names, ARRAY_LEN(names)), 4);
	assert_string_equal(names[0], "openai");
	assert_string_equal(names[1], "openrouter");
	assert_string_equal(names[2], "anthropic");
	assert_string_equal(names[3], "gemini");
	assert_int_equal(routing_chain_backends(r, must_find(r, "flagship"), names, 2), 2);
	routing_free(r);
	setting_free(s);
}

static void an_entry_takes_the_place_of_a_row_or_adds_a_backend(void **state)
{
	struct setting *s = setting_new("models: [ { alias: house, chain: [ { backend: box, model: m } ] } ]", "box",
					"http://box:8000/v1");
	struct setting *t = setting_new(NULL, "vllm", "http://gpu:8000/v1");
	struct routing *r = must_route(s, no_keys, NULL);
	size_t count = routing_backend_count(r);

	(void)state;
	assert_string_equal(routing_backend(r, 0)->name, "box");
	assert_chain(r, "house", "box=m");
	routing_free(r);
	r = must_route(t, no_keys, NULL);
	assert_int_equal(routing_backend_count(r), count - 1);
	assert_string_equal(backend(r, "vllm")->origin.host, "gpu");
	/* What the operator wrote is taken at his word: no look is needed. */
	assert_chain(r, "llama-4-scout", "vllm=meta-llama/Llama-4-Scout-17B-16E-Instruct");
	routing_free(r);
	setting_free(s);
	setting_free(t);
}

static void discover_off_leaves_only_what_is_written(void **state)
{
	struct setting *s = setting_new(NULL, "vllm", "http://gpu:8000/v1");

	(void)state;
	s->config.discover = false;
	struct routing *r = must_route(s, all_keys, NULL);
	assert_string_equal(backend(r, "openai")->disabled_why, "discover is off");
	assert_string_equal(backend(r, "ollama")->disabled_why, "discover is off");
	assert_chain(r, "flagship", "");
	assert_chain(r, "gemma-4-31b", "vllm=google/gemma-4-31B-it");
	assert_chain(r, "spass-extract", "builtin=spass-extract");
	routing_free(r);
	setting_free(s);
}

static void faults_are_refused_with_their_place(void **state)
{
	static const struct {
		const char *text, *backend, *message;
	} cases[] = {
		{ "models:\n  - alias: x\n    chain:\n      - { backend: nowhere, model: m }", NULL,
		  "spass.yaml:4: x: chain: there is no backend \"nowhere\"" },
		{ "models:\n  - alias: x\n    chain: [ { backend: openai-compatible, model: m } ]", NULL,
		  "there is no backend \"openai-compatible\"" },
		{ "models: 1", NULL, "spass.yaml:1: models: must be a list" },
		{ "prices:\n  - { backend: openai, model: m, input: 1 }\n  - { backend: opnai, model: m, input: 1 }", NULL,
		  "spass.yaml:3: prices: there is no backend \"opnai\"" },
		{ "listen: x", "builtin", "spass.yaml:3: backends: builtin: the built-in backend" },
		{ "models:\n  - alias: x\n  - alias: y\n    chain: [ { backend: nowhere, model: m } ]\n"
		  "prices:\n  - { backend: opnai, model: m, inputt: 1 }", NULL,
		  "spass.yaml:2: x: chain: is missing\nspass.yaml:4: y: chain: there is no backend \"nowhere\"\n"
		  "spass.yaml:6: inputt: unknown key" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct setting *s = setting_new(cases[i].text, cases[i].backend, "http://h");

		err = (struct err)ERR_INIT;
		assert_null(routing_new(&s->config, no_keys, NULL, &err));
		assert_int_equal(err.code, E_invalid_config);
		if (!strstr(err.message, cases[i].message))
			fail_msg("case %zu gave %s", i, err.message);
		setting_free(s);
	}
	struct setting *s = setting_new(NULL, "box", "http://h");
	struct config_backend twice[2] = { s->backend, s->backend };
	s->config.backends = twice;
	s->config.backend_count = 2;
	assert_null(routing_new(&s->config, no_keys, NULL, &err));
	assert_non_null(strstr(err.message, "box is there twice"));
	setting_free(s);
}

static void breakers_and_health_outlive_a_reload(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *a = must_route(s, all_keys, NULL), *b;
	size_t count;
	const struct target *t = routing_chain(a, must_find(a, "gpt-5.5-pro"), &count);

	(void)state;
	breaker_failure(t[0].breaker, breaker_admit(t[0].breaker, 0), 0);
	backend_set_status(t[0].backend, BACKEND_UNREACHABLE, "key refused", NULL);
	atomic_store(&t[1].backend->latency_us, 1500);
	backend_report(t[1].backend, true);
	struct breaker *kept = t[0].breaker;
	int64_t left_out;

	assert_true(trouble_is_due(&t[0].backend->told, 100, &left_out));
	assert_false(trouble_is_due(&t[0].backend->told, 101, &left_out));
	s->config.breaker_rest = 5;
	a->created_s = 77;
	b = must_route(s, all_keys, a);
	routing_free(a);
	t = routing_chain(b, must_find(b, "gpt-5.5-pro"), &count);
	assert_ptr_equal(t[0].breaker, kept);
	breaker_failure(t[0].breaker, breaker_admit(t[0].breaker, 10), 10);
	assert_int_equal(breaker_wait_ms(t[0].breaker, 10), 5);
	assert_int_equal(atomic_load(&t[0].backend->status), BACKEND_UNREACHABLE);
	assert_string_equal(atomic_load(&t[0].backend->trouble), "key refused");
	assert_int_equal(atomic_load(&t[1].backend->status), BACKEND_AVAILABLE);
	assert_int_equal(atomic_load(&t[1].backend->latency_us), 1500);
	assert_int_equal(routing_created_s(b), 77);
	/* What the log has told of it is not told anew. */
	assert_false(trouble_is_due(&t[0].backend->told, 102, &left_out));
	assert_true(trouble_is_due(&t[0].backend->told, 100 + TROUBLE_QUIET_MS, &left_out));
	assert_int_equal(left_out, 2);

	/* A new key deserves a new look. */
	static char new_key[] = "OPENAI_API_KEY=sk-new";
	static char *const new_keys[] = { new_key, NULL };
	struct routing *c = must_route(s, new_keys, b);
	assert_int_equal(atomic_load(&backend(c, "openai")->status), BACKEND_UNKNOWN);
	assert_int_equal(atomic_load(&backend(c, "openrouter")->status), BACKEND_DISABLED);
	routing_free(b);
	routing_free(c);
	setting_free(s);
}

static void a_server_elsewhere_gets_a_fresh_breaker(void **state)
{
	struct setting *s = setting_new(NULL, "vllm", "http://one:8000/v1"), *t = setting_new(NULL, "vllm", "http://two:8000/v1");
	struct routing *a = must_route(s, no_keys, NULL);
	size_t count;
	struct breaker *old = routing_chain(a, must_find(a, "llama-4-scout"), &count)->breaker;

	(void)state;
	struct routing *b = must_route(t, no_keys, a);
	assert_ptr_not_equal(routing_chain(b, must_find(b, "llama-4-scout"), &count)->breaker, old);
	routing_free(a);
	routing_free(b);
	setting_free(s);
	setting_free(t);
}

static void found_models_are_offered_by_the_next_routing(void **state)
{
	static const char list[] = "{\"data\":[{\"id\":\"qwen3:8b\",\"max_model_len\":4096},{\"id\":\"nomic-embed-text:latest\"}]}";
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *a = must_route(s, no_keys, NULL), *b, *c;

	(void)state;
	assert_false(routing_has_news(a));
	tell(a, "ollama", "");
	assert_false(routing_has_news(a));
	tell(a, "ollama", list);
	assert_true(routing_has_news(a));
	assert_null(routing_find(a, SPAN_LIT("qwen3:8b")));

	b = must_route(s, no_keys, a);
	assert_false(routing_has_news(b));
	assert_chain(b, "qwen3:8b", "ollama=qwen3:8b");
	assert_true(must_find(b, "qwen3:8b")->discovered);
	assert_int_equal(must_find(b, "qwen3:8b")->context_window, 4096);
	assert_int_equal(must_find(b, "nomic-embed-text:latest")->kind, MODEL_EMBEDDING);
	assert_chain(b, "nomic-embed", "ollama=nomic-embed-text");
	assert_chain(b, "llama-4-scout", "");
	tell(b, "ollama", list);
	assert_false(routing_has_news(b));

	/* Away for two looks it is kept, with the third it is gone. */
	tell(b, "ollama", "");
	c = must_route(s, no_keys, b);
	assert_chain(c, "qwen3:8b", "ollama=qwen3:8b");
	tell(c, "ollama", "");
	assert_false(routing_has_news(c));
	tell(c, "ollama", "");
	assert_true(routing_has_news(c));
	routing_free(a);
	a = must_route(s, no_keys, c);
	assert_null(routing_find(a, SPAN_LIT("qwen3:8b")));
	assert_chain(a, "nomic-embed", "");
	routing_free(a);
	routing_free(b);
	routing_free(c);
	setting_free(s);
}

static void an_answer_between_keeps_the_models(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *a = must_route(s, no_keys, NULL), *b;

	(void)state;
	tell(a, "vllm", "{\"data\":[{\"id\":\"m\"}]}");
	b = must_route(s, no_keys, a);
	for (int i = 0; i < 4 * ROUTING_MISSES_MAX; i++)
		tell(b, "vllm", i % ROUTING_MISSES_MAX == 2 ? "{\"data\":[{\"id\":\"m\"}]}" : "");
	assert_false(routing_has_news(b));
	routing_free(a);
	routing_free(b);
	setting_free(s);
}

static void llama_cpp_answers_to_any_name_once_it_has_been_seen(void **state)
{
	struct setting *s = setting_new("models: [ { alias: house, chain: [ { backend: llamacpp, model: any } ] } ]", NULL, NULL);
	struct routing *a = must_route(s, no_keys, NULL), *b;

	(void)state;
	assert_chain(a, "house", "");
	tell(a, "llamacpp", "{\"data\":[{\"id\":\"/srv/Llama.gguf\"}]}");
	b = must_route(s, no_keys, a);
	assert_chain(b, "house", "llamacpp=any");
	assert_chain(b, "Llama", "llamacpp=/srv/Llama.gguf");
	routing_free(a);
	routing_free(b);
	setting_free(s);
}

static void a_found_model_that_an_alias_already_means_is_not_offered_twice(void **state)
{
	struct setting *s = setting_new("models: [ { alias: qwen3:8b, typical_seconds: 2, chain: [ { backend: ollama, model: \"qwen3:8b\" } ] } ]",
					NULL, NULL);
	struct routing *a = must_route(s, no_keys, NULL), *b;

	(void)state;
	tell(a, "ollama", "{\"data\":[{\"id\":\"qwen3:8b\"}]}");
	tell(a, "vllm", "{\"data\":[{\"id\":\"qwen3:8b\"}]}");
	b = must_route(s, no_keys, a);
	assert_chain(b, "qwen3:8b", "ollama=qwen3:8b");
	assert_chain(b, "qwen3:8b-2", "vllm=qwen3:8b");
	assert_null(routing_find(b, SPAN_LIT("qwen3:8b-3")));
	routing_free(a);
	routing_free(b);
	setting_free(s);
}

static void the_default_is_the_first_that_answers_else_the_built_in(void **state)
{
	struct setting *s = setting_new(NULL, NULL, NULL);
	struct routing *r = must_route(s, all_keys, NULL);

	(void)state;
	assert_string_equal(routing_default(r)->alias, "spass-extract");
	backend_report(backend(r, "anthropic"), true);
	assert_string_equal(routing_default(r)->alias, "flagship");
	backend_report(backend(r, "openrouter"), true);
	assert_string_equal(routing_default(r)->alias, "llama-4-scout");
	routing_free(r);

	char wanted[] = "grok-4.20", unknown[] = "nobody";
	s->config.default_model = wanted;
	r = must_route(s, all_keys, NULL);
	assert_string_equal(routing_default(r)->alias, "grok-4.20");
	routing_free(r);
	s->config.default_model = unknown;
	r = must_route(s, no_keys, NULL);
	assert_string_equal(routing_default(r)->alias, "spass-extract");
	routing_free(r);
	setting_free(s);
}

static void image_urls_pass_when_every_target_takes_them(void **state)
{
	struct setting *s = setting_new("models: [ { alias: grok-4.20, accepts_image_url: true } ]", NULL, NULL);
	struct routing *r = must_route(s, all_keys, NULL);

	(void)state;
	assert_true(must_find(r, "gpt-5.5-pro")->accepts_image_url);
	assert_false(must_find(r, "claude-opus-4.7")->accepts_image_url);
	assert_false(must_find(r, "flagship")->accepts_image_url);
	assert_true(must_find(r, "grok-4.20")->accepts_image_url);
	assert_false(must_find(r, "spass-extract")->accepts_image_url);
	routing_free(r);
	r = must_route(s, no_keys, NULL);
	assert_false(must_find(r, "gpt-5.5-pro")->accepts_image_url);
	routing_free(r);
	setting_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_provider_is_a_backend_and_the_built_in_models_answer),
		cmocka_unit_test(chains_are_flattened_without_the_disabled),
		cmocka_unit_test(repeated_targets_are_kept_once_and_share_a_breaker),
		cmocka_unit_test(all_backends_of_a_chain_are_named_the_disabled_too),
		cmocka_unit_test(an_entry_takes_the_place_of_a_row_or_adds_a_backend),
		cmocka_unit_test(discover_off_leaves_only_what_is_written),
		cmocka_unit_test(faults_are_refused_with_their_place),
		cmocka_unit_test(breakers_and_health_outlive_a_reload),
		cmocka_unit_test(a_server_elsewhere_gets_a_fresh_breaker),
		cmocka_unit_test(found_models_are_offered_by_the_next_routing),
		cmocka_unit_test(an_answer_between_keeps_the_models),
		cmocka_unit_test(llama_cpp_answers_to_any_name_once_it_has_been_seen),
		cmocka_unit_test(a_found_model_that_an_alias_already_means_is_not_offered_twice),
		cmocka_unit_test(the_default_is_the_first_that_answers_else_the_built_in),
		cmocka_unit_test(image_urls_pass_when_every_target_takes_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
