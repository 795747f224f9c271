/* OpenAI's wire: what is spliced into a request, what a frame means, what was used. */
#include "common/upstream/dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/upstream/routing.h"

struct fixture {
	struct provider provider;
	struct backend backend;
	struct target target;
	struct arena arena;
	struct buf out;
};

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);

	f->backend.provider = &f->provider;
	f->target = (struct target){ .backend = &f->backend, .model = "real-model" };
	arena_init(&f->arena, MIB);
	buf_init(&f->out, MIB);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	arena_clear(&f->arena);
	buf_free(&f->out);
	mem_free(f);
	return 0;
}

static const char *join(struct fixture *f, const struct outgoing *o)
{
	buf_clear(&f->out);
	for (size_t i = 0; i < o->part_count; i++)
		buf_add_span(&f->out, o->parts[i]);
	assert_int_equal(f->out.len, o->length);
	return buf_str(&f->out);
}

static struct chat_wish wish_of(const char *body, int64_t floor)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("stream"), SPAN_INIT("stream_options"), SPAN_INIT("max_tokens"),
					     SPAN_INIT("max_completion_tokens") };
	struct jvalue v[ARRAY_LEN(names)];
	struct err err = ERR_INIT;
	struct chat_wish w = { .body = span_str(body), .floor = floor };

	assert_int_equal(jscan_members(w.body, NULL, names, v, ARRAY_LEN(names), &err), 0);
	w.root = (struct jvalue){ .type = J_OBJECT, .text = w.body };
	w.model = v[0];
	w.streams = v[1].type == J_TRUE;
	w.stream_options = v[2];
	if (v[2].type == J_OBJECT)
		w.include_usage = jwalk_get(v[2], "include_usage");
	w.max_tokens = v[3];
	w.max_completion_tokens = v[4];
	return w;
}

static void requests_are_spliced_and_nothing_else(void **state)
{
	static const struct {
		const char *in;
		int floor;
		unsigned quirks;
		const char *out, *applied;
	} cases[] = {
		{ "{\"model\":\"real-model\", \"x\" :0.10,\"max_tokens\":5}", 0, 0,
		  "{\"model\":\"real-model\", \"x\" :0.10,\"max_tokens\":5}", "" },
		{ "{ \"model\" : \"alias\" ,\"x\":1}", 0, 0, "{ \"model\" : \"real-model\" ,\"x\":1}", "" },
		{ "{\"model\":\"a\",\"max_tokens\":5}", 200, 0, "{\"model\":\"real-model\",\"max_tokens\":200}",
		  "max_tokens_floored=200" },
		{ "{\"model\":\"a\",\"max_tokens\":200}", 200, 0,
		  "{\"model\":\"real-model\",\"max_tokens\":200}", "" },
		{ "{\"model\":\"a\",\"max_completion_tokens\":5}", 16, 0,
		  "{\"model\":\"real-model\",\"max_completion_tokens\":16}", "max_tokens_floored=16" },
		{ "{\"model\":\"a\",\"max_tokens\":5,\"max_completion_tokens\":300}", 200, 0,
		  "{\"model\":\"real-model\",\"max_tokens\":200,\"max_completion_tokens\":300}",
		  "max_tokens_floored=200" },
		{ "{\"model\":\"a\"}", 200, 0, "{\"model\":\"real-model\"}", "" },
		{ "{\"model\":\"a\",\"max_tokens\":null}", 200, 0,
		  "{\"model\":\"real-model\",\"max_tokens\":null}", "" },
		{ "{\"model\":\"a\",\"max_tokens\":5}", 200, QUIRK_MAX_COMPLETION_TOKENS,
		  "{\"model\":\"real-model\",\"max_completion_tokens\":200}",
		  "max_tokens_floored=200, max_tokens_renamed=max_completion_tokens" },
		{ "{\"model\":\"a\",\"stream\":true}", 0, 0,
		  "{\"stream_options\":{\"include_usage\":true},\"model\":\"real-model\",\"stream\":true}", "" },
		{ "{\"model\":\"a\",\"stream\":true,\"stream_options\":null}", 0, 0,
		  "{\"model\":\"real-model\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "" },
		{ "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"k\":1}}", 0, 0,
		  "{\"model\":\"real-model\",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"k\":1}}",
		  "" },
		{ "{\"model\":\"a\",\"stream\":true,\"stream_options\":{}}", 0, 0,
		  "{\"model\":\"real-model\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "" },
		{ "{\"model\":\"a\",\"stream\":true,\"stream_options\":{\"include_usage\":false}}", 0, 0,
		  "{\"model\":\"real-model\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}", "" },
		{ "{\"model\":\"a\",\"stream\":true}", 0, QUIRK_NO_STREAM_OPTIONS,
		  "{\"model\":\"real-model\",\"stream\":true}", "" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chat_wish w = wish_of(cases[i].in, cases[i].floor);
		struct outgoing o;
		struct err err = ERR_INIT;

		f->provider.quirks = cases[i].quirks;
		assert_int_equal(dialect_of(DIALECT_OPENAI)->chat(&w, &f->target, &f->arena, &o, &err), 0);
		assert_string_equal(join(f, &o), cases[i].out);
		assert_true(span_is(o.applied, cases[i].applied));
	}
}

static void a_limit_that_must_be_is_said_by_the_name_the_backend_takes(void **state)
{
	static const struct {
		const char *in;
		unsigned quirks;
		const char *out;
	} cases[] = {
		{ "{\"model\":\"a\"}", 0, "{\"max_tokens\":7,\"model\":\"real-model\"}" },
		{ "{\"model\":\"a\",\"max_tokens\":null}", 0, "{\"model\":\"real-model\",\"max_tokens\":7}" },
		{ "{\"model\":\"a\"}", QUIRK_MAX_COMPLETION_TOKENS,
		  "{\"max_completion_tokens\":7,\"model\":\"real-model\"}" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct chat_wish w = wish_of(cases[i].in, 200);
		struct outgoing o;
		struct err err = ERR_INIT;

		w.limit = 7;
		f->provider.quirks = cases[i].quirks;
		assert_int_equal(dialect_of(DIALECT_OPENAI)->chat(&w, &f->target, &f->arena, &o, &err), 0);
		assert_string_equal(join(f, &o), cases[i].out);
		assert_true(span_is(o.applied, "max_tokens_set=7"));
	}
}

static void a_missing_encoding_is_float(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "{\"model\":\"real-model\",\"input\":\"x\"}",
		  "{\"encoding_format\":\"float\",\"model\":\"real-model\",\"input\":\"x\"}" },
		{ "{\"model\":\"real-model\",\"encoding_format\":null}",
		  "{\"model\":\"real-model\",\"encoding_format\":\"float\"}" },
		{ "{\"model\":\"a\",\"encoding_format\":\"base64\"}",
		  "{\"model\":\"real-model\",\"encoding_format\":\"base64\"}" },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("encoding_format") };
		struct embed_wish w = { .body = span_str(cases[i].in) };
		struct jvalue v[2];
		struct outgoing o;
		struct err err = ERR_INIT;

		assert_int_equal(jscan_members(w.body, NULL, names, v, 2, &err), 0);
		w.root = (struct jvalue){ .type = J_OBJECT, .text = w.body };
		w.model = v[0];
		w.encoding_format = v[1];
		assert_int_equal(dialect_of(DIALECT_OPENAI)->embed(&w, &f->target, &f->arena, &o, &err), 0);
		assert_string_equal(join(f, &o), cases[i].out);
	}
}

#define DELTA(delta, finish) "{\"choices\":[{\"index\":0,\"delta\":" delta ",\"finish_reason\":" finish "}]}"

static void frames_are_told_apart(void **state)
{
	static const struct {
		const char *data;
		enum frame_kind kind;
		bool finishes;
	} cases[] = {
		{ "[DONE]", FRAME_DONE, false },
		{ DELTA("{\"role\":\"assistant\",\"content\":\"\"}", "null"), FRAME_PRELUDE, false },
		{ DELTA("{\"role\":\"assistant\",\"content\":null}", "null"), FRAME_PRELUDE, false },
		{ DELTA("{\"content\":\"x\"}", "null"), FRAME_CONTENT, false },
		{ DELTA("{\"reasoning_content\":\"x\"}", "null"), FRAME_CONTENT, false },
		{ DELTA("{\"refusal\":\"no\"}", "null"), FRAME_CONTENT, false },
		{ DELTA("{\"tool_calls\":[{\"index\":0}]}", "null"), FRAME_CONTENT, false },
		{ DELTA("{\"tool_calls\":[]}", "null"), FRAME_PRELUDE, false },
		{ DELTA("{}", "\"stop\""), FRAME_CONTENT, true },
		{ "{\"choices\":[],\"usage\":{\"prompt_tokens\":1}}", FRAME_USAGE, false },
		{ "{\"choices\":[],\"prompt_filter_results\":[]}", FRAME_PRELUDE, false },
		{ "{\"choices\":[{\"index\":0}]}", FRAME_PRELUDE, false },
		{ "{\"error\":{\"message\":\"x\"}}", FRAME_ERROR, false },
		{ "{\"error\":\"x\"}", FRAME_ERROR, false },
		{ "{\"error\":null,\"choices\":[]}", FRAME_PRELUDE, false },
		{ DELTA("{\"content\":\"\"}", "\"\""), FRAME_PRELUDE, false },
		{ "{\"choices\":null}", FRAME_PRELUDE, false },
		{ "{\"type\":\"ping\"}", FRAME_PRELUDE, false },
		{ "{\"object\":\"error\",\"message\":\"x\"}", FRAME_ERROR, false },
		{ "{\"choices\":{}}", FRAME_BROKEN, false },
		{ "{\"choices\":[", FRAME_BROKEN, false },
		{ "[]", FRAME_BROKEN, false },
		{ "7", FRAME_BROKEN, false },
		{ "", FRAME_NOTHING, false },
		{ "DONE", FRAME_BROKEN, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct frame f;

		dialect_of(DIALECT_OPENAI)->frame(span_str(cases[i].data), &f);
		assert_int_equal(f.kind, cases[i].kind);
		assert_int_equal(f.finishes, cases[i].finishes);
	}
}

/* What a frame's meaning may hang on is in none of them. */
static void gaps_are_what_a_frame_does_not_hang_on(void **state)
{
	static const struct {
		const char *data, *gaps;
	} cases[] = {
		{ "{\"id\":\"i\",\"object\":\"chat.completion.chunk\",\"created\":17,\"model\":\"m\",\"choices\":"
		  "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"w\"},\"logprobs\":null,"
		  "\"finish_reason\":\"\"}],\"usage\":null,\"error\":null,\"us\":9,\"pad\":\"xx\"}",
		  "\"assistant\" \"w\" 9 \"xx\" " },
		{ "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]}}]}",
		  "\"{}\" " },
		{ "{\"choices\":[{\"delta\":{\"a\":[[[[[[[\"deep\"]]]]]]]}}]}", "" },
		{ "{\"choices\":[{\"delta\":{\"content\":\"a\"}},{\"delta\":{\"content\":\"b\"}}]}", "\"a\" \"b\" " },
		{ "{\"choices\":[{\"delta\":{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\",\"d\":\"4\"}}],\"e\":5}",
		  "\"1\" \"2\" \"3\" \"4\" " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span gaps[4];
		struct frame f;
		struct buf out;
		size_t count;

		buf_init(&out, 1024);
		dialect_of(DIALECT_OPENAI)->frame(span_str(cases[i].data), &f);
		assert_int_equal(f.kind, FRAME_CONTENT);
		count = dialect_of(DIALECT_OPENAI)->gaps(&f, gaps, ARRAY_LEN(gaps));
		for (size_t k = 0; k < count; k++) {
			buf_add_span(&out, gaps[k]);
			buf_add_char(&out, ' ');
		}
		assert_string_equal(buf_str(&out), cases[i].gaps);
		buf_free(&out);
	}
}

static void usage_is_read_and_what_is_not_told_stays_unknown(void **state)
{
	const char *full = "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":7,"
			   "\"completion_tokens\":9,\"prompt_tokens_details\":{\"cached_tokens\":3},"
			   "\"completion_tokens_details\":{\"reasoning_tokens\":4}}}";
	const char *none = "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}";
	struct err err = ERR_INIT;
	struct answer a = { .form = NULL };

	(void)state;
	assert_int_equal(dialect_of(DIALECT_OPENAI)->chat_answer(span_str(full), &a, &err), 0);
	assert_int_equal(a.usage.prompt, 7);
	assert_int_equal(a.usage.completion, 9);
	assert_int_equal(a.usage.cached, 3);
	assert_int_equal(a.usage.reasoning, 4);
	assert_int_equal(dialect_of(DIALECT_OPENAI)->chat_answer(span_str(none), &a, &err), 0);
	assert_int_equal(a.usage.prompt, -1);
	assert_int_equal(a.usage.reasoning, -1);
}

static void answers_are_read_alike_with_a_form_and_without(void **state)
{
#define CHOICE(text) "{\"choices\":[{\"message\":{\"content\":" text "}}],\"usage\":{\"prompt_tokens\":"
	static const char *const texts[] = {
		CHOICE("\"a\"") "7,\"completion_tokens\":9}}",
		CHOICE("\"b\"") "8,\"completion_tokens\":10}}",
		CHOICE("\"c\"") "0,\"completion_tokens\":1.5}}",
		CHOICE("null") "8,\"completion_tokens\":10}}",
		CHOICE("null") "9,\"completion_tokens\":10,\"cost\":0.5,\"prompt_tokens_details\":{\"cached_tokens\":3}}}",
		CHOICE("null") "9,\"completion_tokens\":10,\"cost\":0.25,\"prompt_tokens_details\":{\"cached_tokens\":4}}}",
		"{\"error\":\"x\",\"choices\":[]}",
		"{\"error\":\"y\",\"choices\":[]}",
		"{\"error\":null,\"choices\":[{}]}",
		"{\"choices\":[]}",
		"{\"choices\":[7]}",
		"{\"choices\":[8]}",
		"{\"choices\":[{\"index\":8}]}",
		"{\"choices\":[{\"index\":8}]]",
	};
	struct jform form = { .is_set = false };

	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_LEN(texts); i++) {
		struct span text = span_str(texts[i % ARRAY_LEN(texts)]);
		struct answer a = { .form = &form }, plain = { .form = NULL };
		int result = dialect_of(DIALECT_OPENAI)->chat_answer(text, &a, NULL);

		assert_int_equal(result, dialect_of(DIALECT_OPENAI)->chat_answer(text, &plain, NULL));
		if (result < 0)
			continue;
		assert_int_equal(a.is_error, plain.is_error);
		assert_memory_equal(&a.usage, &plain.usage, sizeof a.usage);
		assert_int_equal(a.items.type, plain.items.type);
		assert_ptr_equal(a.items.text.ptr, plain.items.text.ptr);
		assert_int_equal(a.items.text.len, plain.items.text.len);
	}
}

static void what_is_no_answer_is_refused(void **state)
{
	static const char *const cases[] = { "", "{", "null", "[]", "{}", "{\"choices\":[]}",
					     "{\"choices\":7}", "{\"choices\":[7]}" };
	struct answer a = { .form = NULL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(dialect_of(DIALECT_OPENAI)->chat_answer(span_str(cases[i]), &a, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(requests_are_spliced_and_nothing_else),
		TEST(a_limit_that_must_be_is_said_by_the_name_the_backend_takes),
		TEST(a_missing_encoding_is_float),
		cmocka_unit_test(frames_are_told_apart),
		cmocka_unit_test(gaps_are_what_a_frame_does_not_hang_on),
		cmocka_unit_test(usage_is_read_and_what_is_not_told_stays_unknown),
		cmocka_unit_test(answers_are_read_alike_with_a_form_and_without),
		cmocka_unit_test(what_is_no_answer_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
