/* A whole completion as the events of a stream. */
#include "common/upstream/chunks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/sse.h"
#include "common/upstream/dialect.h"

#define CHUNK "data: {\"object\":\"chat.completion.chunk\""
#define DONE "data: [DONE]\n\n"

static void every_answer_has_its_events(void **state)
{
	static const struct {
		const char *body, *events;
	} cases[] = {
		{ "{\"id\":\"x\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\","
		  "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},"
		  "\"logprobs\":null,\"finish_reason\":\"length\"}],\"usage\":{\"prompt_tokens\":1},\"extra\":0.10}",
		  CHUNK ",\"id\":\"x\",\"created\":1,\"model\":\"m\",\"extra\":0.10,\"choices\":[{\"index\":0,"
			"\"delta\":{\"role\":\"assistant\",\"content\":\"h\\u00e9\"},\"logprobs\":null,"
			"\"finish_reason\":null}]}\n\n"
		  CHUNK ",\"id\":\"x\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},"
			"\"finish_reason\":\"length\"}]}\n\n"
		  CHUNK ",\"id\":\"x\",\"created\":1,\"model\":\"m\",\"choices\":[],"
			"\"usage\":{\"prompt_tokens\":1}}\n\n" DONE },
		/* Calls get their places; a reason that is missing is found. */
		{ "{\"choices\":[{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"function\":"
		  "{\"name\":\"f\",\"arguments\":\"{}\"}},{\"index\":7,\"id\":\"b\"}]},\"finish_reason\":null}]}",
		  CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,"
			"\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
			"{\"index\":1,\"id\":\"b\"}]},\"finish_reason\":null}]}\n\n"
		  CHUNK ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n" DONE },
		/* Several choices, in their order; line breaks between tokens go. */
		{ "\r\n{\n\"choices\": [\n{\"index\":1,\"message\":{\"reasoning\":[\n1\r\n]},\"finish_reason\":\"\"},"
		  "{\"message\":{\"tool_calls\":[]}} ] }\n",
		  CHUNK ",\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\",\"reasoning\":[1]},"
			"\"finish_reason\":null}]}\n\n"
		  CHUNK ",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		  CHUNK ",\"choices\":[{\"index\":1,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"
		  CHUNK ",\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" DONE },
		{ "{\"choices\":[{}],\"usage\":null}",
		  CHUNK ",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\"},\"finish_reason\":null}]}\n\n"
		  CHUNK ",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" DONE },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, 1 * MIB);
		assert_int_equal(chunks_of_completion(span_str(cases[i].body), &out, &err), 0);
		assert_string_equal(buf_str(&out), cases[i].events);
		buf_free(&out);
	}
}

/* What reads a backend's stream reads these events too. */
static void the_events_are_frames(void **state)
{
	static const char body[] = "{\n\"choices\":[{\"message\":{\"content\":\"a\\nb\"}}],\n\"usage\":{\n}}";
	static const enum frame_kind kinds[] = { FRAME_CONTENT, FRAME_CONTENT, FRAME_USAGE, FRAME_DONE };
	const struct dialect *dialect = dialect_of(DIALECT_OPENAI);
	struct err err = ERR_INIT;
	struct sse_reader reader;
	struct sse_event event;
	struct frame frame;
	struct buf out;
	size_t count = 0;

	(void)state;
	buf_init(&out, 1 * MIB);
	sse_reader_init(&reader, 1 * MIB);
	assert_int_equal(dialect->chat_events(span_str(body), &out, &err), 0);
	sse_reader_feed(&reader, buf_span(&out));
	while (sse_reader_next(&reader, &event, &err) > 0) {
		dialect->frame(event.data, &frame);
		assert_int_equal(frame.kind, kinds[count]);
		assert_int_equal(frame.finishes, count == 1);
		count++;
	}
	assert_int_equal(count, ARRAY_LEN(kinds));
	sse_reader_free(&reader);
	buf_free(&out);
}

static void what_is_not_json_or_too_large_is_refused(void **state)
{
	static const struct {
		const char *body, *message;
	} cases[] = {
		{ "{\"choices\":[", "the answer is not JSON: " },
		{ "{\"choices\":[{\"message\":{\"content\":\"0123456789\"}}]}",
		  "the answer is too large to be told as a stream" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, 100);
		assert_int_equal(chunks_of_completion(span_str(cases[i].body), &out, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		assert_true(span_starts(span_str(err.message), cases[i].message));
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_answer_has_its_events),
		cmocka_unit_test(the_events_are_frames),
		cmocka_unit_test(what_is_not_json_or_too_large_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
