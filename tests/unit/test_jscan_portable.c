/*
 * The JSON reader without the processor's vector instructions, beside the one that is built in:
 * the same verdicts, faults, values and maps.  Where the two are the same code it proves nothing.
 */
#define JBYTES_PORTABLE
#define jscan_default_limits portable_default_limits
#define jscan_members_once portable_members_once
#define jscan_members portable_members
#define jscan_check portable_check
#define jscan_string portable_string
#define jscan_member portable_member
#define jstring_end portable_string_end
#define refuse refuse_string
#include "common/base/jstring.c"
#undef refuse
#include "common/base/jscan.c"
#undef jscan_members_once

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/mem.h"

int jscan_members_once(struct span text, const struct span *names, struct jvalue *out, size_t count,
		       size_t *contested, struct jmap *map, struct err *err);

enum { ROUNDS = 20000, TEXT_MAX = 160 };

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static struct jmap map, portable_map;

static void assert_read_alike(struct span text)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("k") };
	struct jvalue v[ARRAY_LEN(names)], p[ARRAY_LEN(names)];
	struct err err = ERR_INIT, portable_err = ERR_INIT;
	size_t contested, portable_contested;
	int got = jscan_members_once(text, names, v, ARRAY_LEN(names), &contested, &map, &err);
	int portable = portable_members_once(text, names, p, ARRAY_LEN(names), &portable_contested, &portable_map,
					     &portable_err);

	assert_int_equal(got, portable);
	assert_int_equal(contested, portable_contested);
	assert_string_equal(err.message, portable_err.message);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		assert_int_equal(v[i].type, p[i].type);
		assert_ptr_equal(v[i].text.ptr, p[i].text.ptr);
		assert_int_equal(v[i].text.len, p[i].text.len);
	}
	if (got < 0)
		return;
	assert_int_equal(map.count, portable_map.count);
	assert_memory_equal(map.rows, portable_map.rows, map.count * sizeof map.rows[0]);
}

/* A value of random shape, with strings about the widths at which the loops change their step. */
static void add_value(struct buf *b, int depth)
{
	static const char *const words[] = { "true", "null", "-1.5e3", "[]", "{}", "\"\"", "\"\\u00e9\"",
					     "\"\xc3\xa9\"", "\"\xf0\x9f\x98\x80 x\"" };

	switch (draw(depth > 0 ? 4 : 2)) {
	case 0:
		buf_add_str(b, words[draw(ARRAY_LEN(words))]);
		return;
	case 1:
		buf_add_char(b, '"');
		for (uint32_t i = draw(140); i > 0; i--)
			buf_add_char(b, (char)('#' + draw('[' - '#')));
		buf_add_char(b, '"');
		return;
	case 2:
		buf_add_str(b, draw(2) ? "{\"k\": " : "{\"model\":1,\"k\":");
		add_value(b, depth - 1);
		buf_add_char(b, '}');
		return;
	default:
		buf_add_str(b, draw(2) ? "[" : "[ 1 ,");
		add_value(b, depth - 1);
		buf_add_char(b, ']');
	}
}

static void random_texts_are_read_as_with_vectors(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct buf b;

		buf_init(&b, 4096);
		add_value(&b, 6);
		assert_read_alike(buf_span(&b));
		/* And broken: a byte changed, the end cut off. */
		b.ptr[draw((uint32_t)b.len)] = (char)draw(256);
		assert_read_alike(buf_span(&b));
		assert_read_alike(span_of(b.ptr, draw((uint32_t)b.len)));
		buf_free(&b);
	}
}

static void each_byte_at_each_place_of_a_string_is_read_as_with_vectors(void **state)
{
	char text[TEXT_MAX];

	(void)state;
	for (size_t len = 2; len < 140; len += len < 70 ? 1 : 13)
		for (size_t at = 1; at < len; at++)
			for (int c = 0; c < 256; c++) {
				memset(text, 'x', len);
				text[0] = text[len - 1] = '"';
				text[at] = (char)c;
				assert_read_alike(span_of(text, len));
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_texts_are_read_as_with_vectors),
		cmocka_unit_test(each_byte_at_each_place_of_a_string_is_read_as_with_vectors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
