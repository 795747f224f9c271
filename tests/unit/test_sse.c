/*
 * tests/unit/test_sse.c - events come out the same however their bytes come in.
 */
#include "common/base/sse.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TEXT(s) { s, sizeof(s) - 1 }

struct text {
	const char *bytes;
	size_t len;
};

struct outcome {
	struct buf events; /* "[type|id|data]" each, "[]" for one without data */
	struct buf raw;    /* all raws */
	bool failed, mid_event;
};

static void free_outcome(struct outcome *o)
{
	buf_free(&o->events);
	buf_free(&o->raw);
}

static void note(struct outcome *o, const struct sse_event *event)
{
	buf_add_span(&o->raw, event->raw);
	if (!event->data.ptr)
		return;
	buf_add_char(&o->events, '[');
	buf_add_span(&o->events, event->type);
	buf_add_char(&o->events, '|');
	buf_add_span(&o->events, event->id);
	buf_add_char(&o->events, '|');
	buf_add_span(&o->events, event->data);
	buf_add_char(&o->events, ']');
}

/* Pieces: up to first, then step at a time; each in a block of its own that goes when it is used up. */
static struct outcome read_stream(struct text t, size_t event_max, size_t first, size_t step)
{
	struct outcome o = { .failed = false };
	struct sse_reader r;
	struct sse_event event;
	struct err err = ERR_INIT;

	buf_init(&o.events, 64 * KIB);
	buf_init(&o.raw, 1 * MIB);
	sse_reader_init(&r, event_max);
	for (size_t at = 0, len = first; at < t.len && !o.failed; at += len, len = step) {
		len = len < t.len - at ? len : t.len - at;
		if (len == 0)
			continue;
		char *copy = mem_alloc(len);
		int result;
		memcpy(copy, t.bytes + at, len);
		sse_reader_feed(&r, span_of(copy, len));
		while ((result = sse_reader_next(&r, &event, &err)) > 0)
			note(&o, &event);
		o.failed = result < 0;
		mem_free(copy);
	}
	if (o.failed) {
		assert_int_equal(err.code, E_upstream_error);
		assert_int_equal(sse_reader_next(&r, &event, &err), -1);
	} else {
		assert_int_equal(sse_reader_next(&r, &event, &err), 0);
	}
	o.mid_event = sse_reader_is_mid_event(&r);
	sse_reader_free(&r);
	return o;
}

static void assert_same(const struct outcome *a, const struct outcome *b, const char *bytes, size_t cut)
{
	if (a->failed != b->failed || a->mid_event != b->mid_event ||
	    !span_equal(buf_span(&a->events), buf_span(&b->events)))
		fail_msg("%s cut at %zu gives %s (%s), not %s", bytes, cut, buf_str(&b->events),
			 b->failed ? "failed" : b->mid_event ? "mid event" : "done", buf_str(&a->events));
}

/* The outcome of one piece, after comparing it with those of every cut. */
static struct outcome read_all_ways(struct text t, size_t event_max)
{
	struct outcome whole = read_stream(t, event_max, t.len, 1);

	for (size_t cut = 0; cut <= t.len; cut++)
		for (int drip = 0; drip < 2; drip++) {
			struct outcome o = read_stream(t, event_max, cut, drip ? 1 : t.len);
			assert_same(&whole, &o, t.bytes, cut);
			free_outcome(&o);
		}
	return whole;
}

static const struct {
	struct text text;
	const char *events;
	bool mid_event;
} streams[] = {
	{ TEXT(""), "", false },
	{ TEXT("data: a\n\n"), "[||a]", false },
	{ TEXT("data: a\r\n\r\n"), "[||a]", false },
	{ TEXT("data: a\r\r"), "[||a]", false },
	{ TEXT("data: a\n\rdata: b\r\n\ndata: c\r\r\ndata: d\r\n\r"), "[||a][||b][||c][||d]", false },
	{ TEXT("data: a\r\rdata: b\r\r"), "[||a][||b]", false },
	{ TEXT("data: a\n\ndata: b\n\n\n\n\ndata: c\n\n"), "[||a][||b][||c]", false },
	{ TEXT("data:a\n\n"), "[||a]", false },
	{ TEXT("data:  a \n\n"), "[|| a ]", false },
	{ TEXT("data:\ta\n\n"), "[||\ta]", false },
	{ TEXT("data\n\n"), "[||]", false },
	{ TEXT("data:\n\n"), "[||]", false },
	{ TEXT("data: \n\n"), "[||]", false },
	{ TEXT("data\ndata\n\n"), "[||\n]", false },
	{ TEXT("data: a\ndata: b\ndata:c\n\n"), "[||a\nb\nc]", false },
	{ TEXT("data: a\r\ndata: b\r\n\r\n"), "[||a\nb]", false },
	{ TEXT("data: a\rdata: b\r\r"), "[||a\nb]", false },
	{ TEXT("data:\ndata: b\n\n"), "[||\nb]", false },
	{ TEXT("event: message_start\nid: 7\ndata: {\"a\":1}\nretry: 10\n\n"), "[message_start|7|{\"a\":1}]", false },
	{ TEXT("data: a\nevent: x\nevent: y\nid: 1\nid: 2\n\ndata: b\n\n"), "[y|2|a][||b]", false },
	{ TEXT("event\nid\ndata: a\n\n"), "[||a]", false },
	{ TEXT("id: a\0b\ndata: x\n\n"), "[||x]", false },
	{ TEXT("event: x\n\nid: 3\n\n"), "", false },
	{ TEXT(": comment\n\ndata: a\n\n"), "[||a]", false },
	{ TEXT(": ping\ndata: a\n:pong\ndata: b\n\n"), "[||a\nb]", false },
	{ TEXT(":\n\n:\n\n"), "", false },
	{ TEXT("Data: a\ndataa: b\n data: c\ndat: d\nerror: e\n\n"), "", false },
	{ TEXT("data : a\n\n"), "", false },
	{ TEXT("data: a:b: c\n\n"), "[||a:b: c]", false },
	{ TEXT("data: [DONE]\n\n"), "[||[DONE]]", false },
	{ TEXT("\n\n\r\n\rdata: a\n\n"), "[||a]", false },
	/* a byte order mark, whole, cut, or only looking like one */
	{ TEXT("\xef\xbb\xbf" "data: a\n\n"), "[||a]", false },
	{ TEXT("\xef\xbb\xbf\xef\xbb\xbf" "data: a\n\n"), "", false },
	{ TEXT("\xef\xbb" "data: a\ndata: b\n\n"), "[||b]", false },
	{ TEXT("\xef" "data: a\n\n"), "", false },
	{ TEXT("data: a\n\n\xef\xbb\xbf" "data: b\n\n"), "[||a]", false },
	{ TEXT("data: \xef\xbb\xbf\n\n"), "[||\xef\xbb\xbf]", false },
	{ TEXT("\xef\xbb"), "", true },
	{ TEXT("\xef\xbb\xbf"), "", false },
	/* the body ends too early */
	{ TEXT("d"), "", true },
	{ TEXT("data: a"), "", true },
	{ TEXT("data: a\n"), "", true },
	{ TEXT("data: a\r\n"), "", true },
	{ TEXT("data: a\n\ndata: b\n"), "[||a]", true },
	{ TEXT("data: a\n\n:"), "[||a]", true },
	/* bytes that mean nothing here */
	{ TEXT("data: \xff\xfe\0\x01\n\n"), "[||\xff\xfe", false },
	{ TEXT("data: 0123456789abcdef0123456789abcdef\r\ndata: 0123456789abcdef\n\n"),
	  "[||0123456789abcdef0123456789abcdef\n0123456789abcdef]", false },
};

static void reads_streams_the_same_however_they_are_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
		struct outcome o = read_all_ways(streams[i].text, 1000);
		assert_false(o.failed);
		/* A NUL in the data ends the comparison. */
		assert_string_equal(buf_str(&o.events), streams[i].events);
		if (o.mid_event != streams[i].mid_event)
			fail_msg("%s: mid event is %d", streams[i].text.bytes, o.mid_event);
		free_outcome(&o);
	}
}

static void hands_on_every_byte_of_whole_events(void **state)
{
	static const struct text texts[] = {
		TEXT("data: a\r\n\r\n: x\r\n\r\n\r\n\r\rdata: b\n\n\n\revent: q\n\n"),
		TEXT("data: a\r\rdata: b\r\n\r\ndata: c\r\ndata: d\r\n\rdata: e\n\r\n"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t cut = 0; cut <= texts[i].len; cut++)
			for (size_t step = 1; step < 5; step++) {
				struct outcome o = read_stream(texts[i], 1000, cut, step);
				size_t want = texts[i].len;
				/* The LF of a last CRLF may be still waiting for its next event. */
				if (o.raw.len == want - 1 && texts[i].bytes[want - 1] == '\n')
					want--;
				assert_int_equal(o.raw.len, want);
				assert_memory_equal(o.raw.ptr, texts[i].bytes, want);
				free_outcome(&o);
			}
}

static void leaves_the_byte_order_mark_out(void **state)
{
	struct text t = TEXT("\xef\xbb\xbf" "data: a\n\n");

	(void)state;
	for (size_t step = 1; step <= t.len; step++) {
		struct outcome o = read_stream(t, 1000, step, step);
		assert_string_equal(buf_str(&o.raw), "data: a\n\n");
		free_outcome(&o);
	}
}

static void gives_an_event_for_comments_and_blank_lines(void **state)
{
	static const char text[] = ": ping\n\n\ndata: a\n\n";
	static const char *const raws[] = { ": ping\n\n", "\n", "data: a\n\n" };
	struct sse_reader r;
	struct sse_event event;

	(void)state;
	sse_reader_init(&r, 100);
	sse_reader_feed(&r, span_str(text));
	for (size_t i = 0; i < ARRAY_LEN(raws); i++) {
		assert_int_equal(sse_reader_next(&r, &event, NULL), 1);
		assert_true(span_is(event.raw, raws[i]));
		assert_int_equal(event.data.ptr != NULL, i == 2);
	}
	assert_int_equal(sse_reader_next(&r, &event, NULL), 0);
	sse_reader_free(&r);
}

static void points_into_the_piece_when_an_event_is_whole(void **state)
{
	static const char text[] = "data: a\n\ndata: b\n\n";
	struct sse_reader r;
	struct sse_event event;

	(void)state;
	sse_reader_init(&r, 100);
	sse_reader_feed(&r, span_str(text));
	assert_int_equal(sse_reader_next(&r, &event, NULL), 1);
	assert_ptr_equal(event.raw.ptr, text);
	assert_ptr_equal(event.data.ptr, text + 6);
	assert_int_equal(sse_reader_next(&r, &event, NULL), 1);
	assert_ptr_equal(event.data.ptr, text + 15);
	assert_int_equal(r.held.capacity, 0);
	sse_reader_free(&r);
}

static void keeps_the_limit_of_an_event_to_the_byte(void **state)
{
	static const char *const ends[] = { "\n\n", "\r\r", "\r\n\r", "\r\n\r\n", "\n\r\n" };
	/* The last LF of a CRLF is not counted: an event is whole before it comes. */
	static const size_t counted[] = { 2, 2, 3, 3, 2 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		for (size_t n = 39; n <= 41; n++) {
			struct buf b;
			buf_init(&b, 100);
			buf_add_str(&b, "data: a\n\n");
			size_t start = b.len;
			buf_add_str(&b, "data: ");
			while (b.len - start < n - counted[i])
				buf_add_char(&b, 'x');
			buf_add_str(&b, ends[i]);
			struct outcome o = read_all_ways((struct text){ b.ptr, b.len }, 40);
			assert_int_equal(o.failed, n > 40);
			assert_int_equal(strncmp(buf_str(&o.events), "[||a]", 5), 0);
			free_outcome(&o);
			buf_free(&b);
		}
}

static void does_not_count_the_lf_of_the_event_before(void **state)
{
	/* Dripped, the second event begins with the first one's LF; its own CRLFs come after that. */
	struct text t = TEXT("data: ab\r\n\r\ndata: ab\r\n\r\n\n\r");

	(void)state;
	struct outcome o = read_all_ways(t, 11);
	assert_false(o.failed);
	assert_string_equal(buf_str(&o.events), "[||ab][||ab]");
	free_outcome(&o);
}

static void bounds_an_endless_line_and_endless_comments(void **state)
{
	static const char *const pieces[] = { "x", "\n:", "data: y\n", ":\r" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		struct sse_reader r;
		struct sse_event event;
		size_t fed = 0;
		int result = 0;
		sse_reader_init(&r, 5000);
		sse_reader_feed(&r, SPAN_LIT("data: "));
		assert_int_equal(sse_reader_next(&r, &event, NULL), 0);
		while (result == 0 && fed < 100000) {
			sse_reader_feed(&r, span_str(pieces[i]));
			result = sse_reader_next(&r, &event, NULL);
			fed += strlen(pieces[i]);
		}
		assert_int_equal(result, -1);
		assert_in_range(fed, 4990, 5010);
		assert_true(r.held.capacity < 20000);
		sse_reader_free(&r);
	}
}

static void gives_back_the_memory_of_a_large_event(void **state)
{
	struct sse_reader r;
	struct sse_event event;
	struct buf b;

	(void)state;
	buf_init(&b, 1 * MIB);
	buf_add_str(&b, "data: ");
	while (b.len < 300000)
		buf_add_str(&b, "0123456789");
	sse_reader_init(&r, 1 * MIB);
	sse_reader_feed(&r, buf_span(&b));
	assert_int_equal(sse_reader_next(&r, &event, NULL), 0);
	sse_reader_feed(&r, SPAN_LIT("\n\n"));
	assert_int_equal(sse_reader_next(&r, &event, NULL), 1);
	assert_int_equal(event.raw.len, b.len + 2);
	assert_int_equal(sse_reader_next(&r, &event, NULL), 0);
	assert_true(r.held.capacity <= 64 * KIB);
	sse_reader_free(&r);
	buf_free(&b);
}

static void writes_events_that_read_back_the_same(void **state)
{
	static const struct {
		struct text data;
		const char *written, *events;
	} cases[] = {
		{ TEXT("{\"a\":1}"), "data: {\"a\":1}\n\n", "[||{\"a\":1}]" },
		{ TEXT(""), "data: \n\n", "[||]" },
		{ TEXT("a\nb"), "data: a\ndata: b\n\n", "[||a\nb]" },
		{ TEXT("a\r\nb\rc\n"), "data: a\ndata: b\ndata: c\ndata: \n\n", "[||a\nb\nc\n]" },
		{ TEXT("a\n\ndata: forged"), "data: a\ndata: \ndata: data: forged\n\n", "[||a\n\ndata: forged]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf b;
		struct span data = span_of(cases[i].data.bytes, cases[i].data.len);
		buf_init(&b, 200);
		assert_int_equal(sse_write_data(&b, data), 0);
		assert_string_equal(buf_str(&b), cases[i].written);
		struct outcome o = read_stream((struct text){ b.ptr, b.len }, 1000, b.len, 1);
		assert_string_equal(buf_str(&o.events), cases[i].events);
		free_outcome(&o);
		buf_free(&b);
	}
}

static void reports_a_full_buffer_when_writing(void **state)
{
	(void)state;
	for (size_t max = 1; max <= 9; max++) {
		struct buf b;
		buf_init(&b, max);
		/* "data: x\n\n" */
		assert_int_equal(sse_write_data(&b, SPAN_LIT("x")), max < 9 ? -1 : 0);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_streams_the_same_however_they_are_cut),
		cmocka_unit_test(hands_on_every_byte_of_whole_events),
		cmocka_unit_test(leaves_the_byte_order_mark_out),
		cmocka_unit_test(gives_an_event_for_comments_and_blank_lines),
		cmocka_unit_test(points_into_the_piece_when_an_event_is_whole),
		cmocka_unit_test(keeps_the_limit_of_an_event_to_the_byte),
		cmocka_unit_test(does_not_count_the_lf_of_the_event_before),
		cmocka_unit_test(bounds_an_endless_line_and_endless_comments),
		cmocka_unit_test(gives_back_the_memory_of_a_large_event),
		cmocka_unit_test(writes_events_that_read_back_the_same),
		cmocka_unit_test(reports_a_full_buffer_when_writing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
