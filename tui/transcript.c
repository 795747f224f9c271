/* tui/transcript.c - messages as they looked when they were said. */
#include "tui/transcript.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"
#include "tui/sessions.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 64 * 1024 * 1024, RESULT_SHOWN = 200 };

static void note(struct page *page, unsigned style, const char *text)
{
	page_note(page, style, span_str(text));
}

static void show_user(struct page *page, struct span text)
{
	const char *mark = "> ";
	struct buf line;

	buf_init(&line, TEXT_MAX);
	do {
		struct span one = span_cut(&text, '\n');

		buf_clear(&line);
		buf_add_str(&line, mark);
		buf_add_span(&line, one);
		page_note(page, STYLE_BOLD, buf_span(&line));
		mark = "  ";
	} while (text.ptr);
	buf_free(&line);
}

static void show_calls(struct page *page, const json_t *calls)
{
	json_t *call;
	size_t i;

	json_array_foreach(calls, i, call)
	{
		const json_t *function = json_object_get(call, "function");
		char *line = mem_printf("[the model asks for the tool %s %s]", models_text(function, "name"),
					models_text(function, "arguments"));

		note(page, STYLE_DIM, line);
		mem_free(line);
	}
}

static void show_result(struct page *page, struct span text)
{
	bool is_cut = text.len > RESULT_SHOWN;
	struct buf line;

	buf_init(&line, 1 * KIB);
	buf_add_str(&line, "[the tool's result: ");
	buf_add(&line, text.ptr, is_cut ? utf8_whole(span_of(text.ptr, RESULT_SHOWN)) : text.len);
	buf_add_str(&line, is_cut ? "...]" : "]");
	page_note(page, STYLE_DIM, buf_span(&line));
	buf_free(&line);
}

static void show_answer(struct page *page, const json_t *message, struct span text)
{
	if (text.len)
		page_feed(page, PAGE_ANSWER, text);
	page_end(page);
	show_calls(page, json_object_get(message, "tool_calls"));
	if (json_is_true(json_object_get(message, "interrupted")))
		note(page, STYLE_DIM, "[interrupted]");
}

static void show_message(struct page *page, const json_t *message)
{
	const char *role = models_text(message, "role");
	struct buf text;

	buf_init(&text, TEXT_MAX);
	sessions_message_text(message, &text);
	if (!strcmp(role, "user"))
		show_user(page, span_of(buf_str(&text), text.len));
	else if (!strcmp(role, "tool"))
		show_result(page, buf_span(&text));
	else
		show_answer(page, message, buf_span(&text));
	buf_free(&text);
}

static void show_number(struct page *page, const json_t *message, int64_t turn, int64_t now_ms)
{
	char ago[SESSIONS_TIME_SIZE], line[64];

	sessions_ago(json_integer_value(json_object_get(message, "created_at")), now_ms, ago);
	snprintf(line, sizeof line, "[%lld, %s]", (long long)turn, ago);
	note(page, STYLE_DIM, line);
}

void transcript_show(struct page *page, const json_t *conversation, int64_t from, bool numbered,
		     int64_t now_ms)
{
	json_t *message;
	int64_t turn = 0;
	bool is_first = true;
	size_t i;

	json_array_foreach(json_object_get(conversation, "messages"), i, message)
	{
		bool begins = !strcmp(models_text(message, "role"), "user");

		turn += begins;
		if (turn < from)
			continue;
		if (begins && !is_first)
			note(page, 0, "");
		if (begins && numbered)
			show_number(page, message, turn, now_ms);
		is_first = false;
		show_message(page, message);
	}
}
