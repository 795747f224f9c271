/*
 * tests/unit/test_conversation_turn.c - what is gathered of an answer, however it comes in pieces;
 * and what of a request is told to be wrong.
 */
#include "common/chat/conversation_gather.h"
#include "common/chat/conversation_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "common/base/sse.h"

static const char stream[] =
	": hello\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"reasoning_content\":\"hidden\"}}]}\r\n\r\n"
	"data: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"another choice\"}},"
	"{\"index\":0,\"delta\":{\"content\":\"Gr\\u00fc\\u00df \"}}]}\n\n"
	"event: note\ndata: {\"choices\":[{\"delta\":{\"content\":\"Gott\"}}]}\n\n"
	"data: not JSON at all\n\n"
	"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1}}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"id\":\"c1\",\"function\":"
	"{\"name\":\"second\",\"arguments\":\"{\\\"a\\\"\"}},{\"index\":0,\"id\":\"c0\",\"function\":{\"name\":"
	"\"first\",\"arguments\":\"\"}}]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":"
	"\":1}\"}}]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"images\":[{\"type\":\"image_url\"}]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{\"images\":[5]}}]}\n\n"
	"data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n"
	"data: [DONE]\n\n";

static const char gathered[] =
	"{\"role\":\"assistant\",\"content\":\"Grüß Gott\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
	"\"function\":{\"name\":\"second\",\"arguments\":\"{\\\"a\\\":1}\"}},{\"id\":\"c0\",\"type\":"
	"\"function\",\"function\":{\"name\":\"first\",\"arguments\":\"\"}}]}";

static void take(struct gather *g, struct sse_reader *r, struct span piece)
{
	struct sse_event event;
	struct err err = ERR_INIT;

	sse_reader_feed(r, piece);
	while (sse_reader_next(r, &event, &err) == 1)
		if (event.data.ptr)
			gather_frame(g, event.data);
	assert_int_equal(err.code, E_none);
}

static void expect_gathered(const struct gather *g)
{
	struct buf out;

	buf_init(&out, 64 * KIB);
	assert_true(gather_write_body(g, &out));
	assert_string_equal(buf_str(&out), gathered);
	buf_clear(&out);
	assert_true(gather_write_images(g, &out));
	assert_string_equal(buf_str(&out), "[{\"type\":\"image_url\"},5]");
	assert_string_equal(buf_str(&g->text), "Grüß Gott");
	assert_string_equal(g->finish_reason, "tool_calls");
	assert_false(g->overflowed);
	buf_free(&out);
}

/* Every way to cut the stream in three. */
static void a_stream_is_gathered_however_it_is_cut(void **state)
{
	const size_t len = sizeof stream - 1;

	(void)state;
	for (size_t a = 0; a <= len; a += 3)
		for (size_t b = a; b <= len; b += 41) {
			struct gather g;
			struct sse_reader r;

			gather_init(&g, 64 * KIB);
			sse_reader_init(&r, 64 * KIB);
			take(&g, &r, span_of(stream, a));
			take(&g, &r, span_of(stream + a, b - a));
			take(&g, &r, span_of(stream + b, len - b));
			expect_gathered(&g);
			sse_reader_free(&r);
			gather_free(&g);
		}
}

static void a_stream_is_gathered_byte_by_byte(void **state)
{
	struct gather g;
	struct sse_reader r;

	(void)state;
	gather_init(&g, 64 * KIB);
	sse_reader_init(&r, 64 * KIB);
	for (size_t i = 0; i < sizeof stream - 1; i++)
		take(&g, &r, span_of(stream + i, 1));
	expect_gathered(&g);
	sse_reader_free(&r);
	gather_free(&g);
}

static void whole_answers_give_the_same_message(void **state)
{
	static const struct {
		const char *message, *text, *body, *images;
	} cases[] = {
		{ "{\"role\":\"assistant\",\"content\":\"a\\nb\",\"reasoning\":\"no\"}", "a\nb", NULL, NULL },
		{ "{\"content\":null,\"refusal\":\"No.\"}", "",
		  "{\"role\":\"assistant\",\"content\":null,\"refusal\":\"No.\"}", NULL },
		{ "{\"content\":\"\",\"tool_calls\":[{\"id\":\"x\"}]}", "",
		  "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"x\"}]}", NULL },
		{ "{\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}", "t",
		  "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"t\"}]}", NULL },
		{ "{\"content\":\"c\",\"images\":[1,2],\"tool_calls\":[]}", "c", NULL, "[1,2]" },
		{ "{\"content\":5}", "", NULL, NULL },
		{ "5", "", NULL, NULL },
	};
	struct buf answer, out;

	(void)state;
	buf_init(&answer, 4 * KIB);
	buf_init(&out, 4 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct gather g;

		gather_init(&g, 4 * KIB);
		buf_clear(&answer);
		buf_printf(&answer, "{\"choices\":[{\"message\":%s,\"finish_reason\":\"stop\"}]}",
			   cases[i].message);
		gather_answer(&g, jscan_member(buf_span(&answer), "choices"));
		assert_string_equal(buf_str(&g.text), cases[i].text);
		assert_string_equal(g.finish_reason, "stop");
		buf_clear(&out);
		assert_int_equal(gather_write_body(&g, &out), cases[i].body != NULL);
		assert_string_equal(buf_str(&out), cases[i].body ? cases[i].body : "");
		buf_clear(&out);
		assert_int_equal(gather_write_images(&g, &out), cases[i].images != NULL);
		assert_string_equal(buf_str(&out), cases[i].images ? cases[i].images : "");
		gather_free(&g);
	}
	buf_free(&answer);
	buf_free(&out);
}

/* Some servers leave out the index, and say id and name in each fragment. */
static void fragments_without_an_index_follow_each_other(void **state)
{
	static const char *const frames[] = {
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
		"\"arguments\":\"1\"}}]}}]}",
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"function\":{\"arguments\":\"2\"}}]}}]}",
		"{\"choices\":[{\"delta\":{\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}}]}",
	};
	struct gather g;
	struct buf out;

	(void)state;
	gather_init(&g, 4 * KIB);
	buf_init(&out, 4 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++)
		gather_frame(&g, span_str(frames[i]));
	assert_true(gather_write_body(&g, &out));
	assert_string_equal(buf_str(&out),
			    "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"a\",\"type\":"
			    "\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"12\"}},{\"id\":\"b\","
			    "\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}");
	buf_free(&out);
	gather_free(&g);
}

static void what_does_not_fit_is_known(void **state)
{
	struct gather g;

	(void)state;
	gather_init(&g, 8);
	gather_frame(&g, SPAN_LIT("{\"choices\":[{\"delta\":{\"content\":\"12345678\"}}]}"));
	assert_false(g.overflowed);
	gather_frame(&g, SPAN_LIT("{\"choices\":[{\"delta\":{\"content\":\"9\"}}]}"));
	assert_true(g.overflowed);
	assert_string_equal(buf_str(&g.text), "12345678");
	gather_free(&g);
}

static void titles_are_the_first_words_on_one_line(void **state)
{
	static const struct {
		const char *text, *title;
	} cases[] = {
		{ "Hello", "Hello" },
		{ "  a\n\tb \x1b[31m ", "a b [31m" },
		{ "", "" },
		{ "123456789 123456789 123456789 123456789 123456789 123456789 ",
		  "123456789 123456789 123456789 123456789 123456789 123456789" },
		{ "123456789 123456789 123456789 123456789 123456789 123456789 x",
		  "123456789 123456789 123456789 123456789 123456789 123456789…" },
		{ "Zürich\x7f, 日本 \xff end", "Zürich , 日本 \xef\xbf\xbd end" },
		{ "why?\n\nspass/Makefile:\n\n```\n# spass\n```\n\nb.c:\n\n````\n```\n````\n", "why?" },
		{ "Mend this:\n```c\nint a\n```\nsoon", "Mend this:" },
		{ "Look.\nThis one:\n\n```\nx\n```", "Look. This one:" },
		{ "Makefile:\n\n```\nx\n```", "Makefile:" },
		{ "```\nx\n```", "``` x ```" },
		{ "\n\n```\nx\n```", "``` x ```" },
		{ "what does ``` mean?", "what does ``` mean?" },
		{ "a word of its own: 0123456789012345678901234567890123456789012",
		  "a word of its own: 01234567890123456789012345678901234567890…" },
		{ "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää",
		  "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää…" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		conversation_make_title(span_str(cases[i].text), &out);
		assert_string_equal(buf_str(&out), cases[i].title);
	}
	buf_free(&out);
}

/* No member of the request's own reaches a model, however its name is written. */
static void the_head_has_what_models_know(void **state)
{
	static const struct {
		const char *body, *head;
	} cases[] = {
		{ "{\"message\":\"x\",\"model\":\"a\",\"conversation_id\":\"b\",\"provider\":\"local\",\"seed\":1}",
		  "{\"model\":\"m\",\"seed\":1,\"messages\":[" },
		{ "{\"message\":\"x\",\"\\u006dodel\":\"a\",\"images\":[],\"odd\":{\"message\":1}}",
		  "{\"model\":\"m\",\"odd\":{\"message\":1},\"messages\":[" },
		{ "{\"message\":\"x\",\"tools\":[],\"tool_choice\":\"auto\"}", "{\"model\":\"m\",\"messages\":[" },
		{ "{\"message\":\"x\",\"tools\":null,\"tool_choice\":\"none\"}", "{\"model\":\"m\",\"messages\":[" },
		{ "{\"message\":\"x\",\"tools\":[1],\"tool_choice\":\"none\"}",
		  "{\"model\":\"m\",\"tools\":[1],\"tool_choice\":\"none\",\"messages\":[" },
	};
	struct conversation_request r;
	struct err err = ERR_INIT;
	struct buf out;

	(void)state;
	buf_init(&out, 4 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		buf_clear(&out);
		assert_int_equal(conversation_request_read(&r, span_str(cases[i].body), &err), 0);
		conversation_request_head(&r, SPAN_LIT("m"), &out);
		assert_string_equal(buf_str(&out), cases[i].head);
	}
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_stream_is_gathered_however_it_is_cut),
		cmocka_unit_test(a_stream_is_gathered_byte_by_byte),
		cmocka_unit_test(whole_answers_give_the_same_message),
		cmocka_unit_test(fragments_without_an_index_follow_each_other),
		cmocka_unit_test(what_does_not_fit_is_known),
		cmocka_unit_test(titles_are_the_first_words_on_one_line),
		cmocka_unit_test(the_head_has_what_models_know),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
