/*
 * tests/unit/test_jform.c - a text read by the form of another: what fits is what a scan finds.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/jform.h"
#include "common/base/mem.h"

#define OPEN "{\"id\":\"chatcmpl-1\",\"created\":1732185600,\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"content\":\""
#define MIDDLE "\",\"refusal\":null,\"list\":[]},\"done\":true}],\"usage\":{\"prompt_tokens\":"
#define CLOSE ",\"completion_tokens\":42,\"details\":{\"cached_tokens\":0}},\"cost\":0.25,\"fp\":\"\"} "
#define FIRST OPEN "Hello, you." MIDDLE "19" CLOSE

enum { CHOICES, FP, ID, COST, PROMPT, CACHED, ABSENT, VALUES };

static int find(struct span text, struct jvalue v[VALUES])
{
	static const struct span names[] = { SPAN_INIT("choices"), SPAN_INIT("fp"), SPAN_INIT("id"), SPAN_INIT("cost"), SPAN_INIT("usage") };
	struct jvalue m[ARRAY_LEN(names)];

	if (jscan_members(text, NULL, names, m, ARRAY_LEN(names), NULL) < 0)
		return -1;
	memcpy(v, m, sizeof m);
	v[PROMPT] = jwalk_get(m[4], "prompt_tokens");
	v[CACHED] = jwalk_get(jwalk_get(m[4], "details"), "cached_tokens");
	v[ABSENT] = (struct jvalue){ .type = J_NONE };
	return 0;
}

static void learn(struct jform *f, struct span text)
{
	struct jvalue v[VALUES];

	assert_int_equal(find(text, v), 0);
	jform_learn(f, text, v, VALUES);
}

/* Whether text fits; if so it is valid, and each value is the one that is found without a form. */
static bool fits_truly(struct jform *f, struct span text)
{
	struct jvalue v[VALUES], want[VALUES];
	char *copy = mem_alloc(text.len + 1);

	/* At the end of its block, so that a read past it is seen. */
	if (text.len > 0)
		memcpy(copy + 1, text.ptr, text.len);
	text.ptr = copy + 1;
	bool fits = jform_fits(f, text, v);
	if (fits) {
		assert_int_equal(find(text, want), 0);
		for (size_t i = 0; i < VALUES; i++) {
			assert_int_equal(v[i].type, want[i].type);
			assert_int_equal(v[i].is_single, want[i].is_single);
			assert_int_equal(v[i].text.len, want[i].text.len);
			assert_true(v[i].type == J_NONE || v[i].text.ptr == want[i].text.ptr);
		}
	}
	mem_free(copy);
	return fits;
}

static void what_differs_in_strings_and_numbers_fits(void **state)
{
	static const struct {
		const char *text;
		bool fits;
	} cases[] = {
		{ FIRST, true },
		{ OPEN "" MIDDLE "0" CLOSE, true },
		{ OPEN "A longer text, which goes on for more than one step of the scanner." MIDDLE "123456789012345678" CLOSE, true },
		{ OPEN "\\\"\\u00e9\\n \xc3\xa9\xe4\xbd\xa0" MIDDLE "2.5" CLOSE, true },
		{ OPEN "\\" MIDDLE "19" CLOSE, false },
		{ OPEN "\x01" MIDDLE "19" CLOSE, false },
		{ OPEN "\xc3" MIDDLE "19" CLOSE, false },
		{ OPEN "\\x" MIDDLE "19" CLOSE, false },
		{ OPEN "x" MIDDLE "01" CLOSE, false },
		{ OPEN "x" MIDDLE "1." CLOSE, false },
		{ OPEN "x" MIDDLE "" CLOSE, false },
		{ OPEN "x" MIDDLE "-1" CLOSE, false },
		{ OPEN "x" MIDDLE "1e3" CLOSE, false },
		{ OPEN "x" MIDDLE "null" CLOSE, false },
		{ OPEN "x" MIDDLE "\"1\"" CLOSE, false },
		{ OPEN "x" MIDDLE "1,\"more\":1" CLOSE, false },
		{ OPEN "x" MIDDLE "1" CLOSE "1", false },
		{ OPEN "x" MIDDLE "1", false },
		{ OPEN "x", false },
		{ "", false },
		{ " " OPEN "x" MIDDLE "1" CLOSE, false },
	};
	struct jform f = { .is_set = false };

	(void)state;
	assert_false(fits_truly(&f, SPAN_LIT(FIRST)));
	learn(&f, SPAN_LIT(FIRST));
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		if (fits_truly(&f, span_str(cases[i].text)) != cases[i].fits)
			fail_msg("%s: %s", cases[i].text, cases[i].fits ? "does not fit" : "fits");
}

static uint32_t seed = 1;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % below;
}

static void changed_texts_fit_only_when_a_scan_finds_the_same(void **state)
{
	static const char odd[] = "\"\\{}[],: 0129.-e\n\xc3\xa9u";
	struct jform f = { .is_set = false };
	char text[sizeof FIRST];
	size_t fitting = 0;

	(void)state;
	learn(&f, SPAN_LIT(FIRST));
	for (int round = 0; round < 100000; round++) {
		size_t len = draw(8) ? sizeof FIRST - 1 : draw(sizeof FIRST);

		memcpy(text, FIRST, sizeof text);
		for (uint32_t i = draw(3); i > 0; i--)
			text[draw(sizeof FIRST - 1)] = draw(2) ? odd[draw(sizeof odd - 1)] : (char)draw(256);
		fitting += fits_truly(&f, span_of(text, len));
	}
	assert_in_range(fitting, 10000, 90000);
}

static void what_is_too_large_or_too_deep_or_has_too_many_values_has_no_form(void **state)
{
	struct jform f = { .is_set = false };
	struct jvalue none[1] = { { .type = J_NONE } };
	struct buf b;

	(void)state;
	for (int kind = 0; kind < 3; kind++) {
		buf_init(&b, 1 * MIB);
		buf_add_str(&b, kind == 0 ? "[0" : kind == 1 ? "[null" : "[\"");
		for (int i = 0; i < (kind == 0 ? JFORM_GAPS : 100000); i++)
			buf_add_str(&b, kind == 0 ? ",1" : kind == 1 ? ",true" : "x");
		buf_add_str(&b, kind == 2 ? "\"]" : "]");
		f = (struct jform){ .is_set = false };
		jform_learn(&f, SPAN_LIT("[1]"), none, 1);
		assert_true(jform_fits(&f, SPAN_LIT("[2]"), none));
		jform_learn(&f, buf_span(&b), none, 1);
		assert_false(jform_fits(&f, buf_span(&b), none));
		buf_free(&b);
	}
	for (int is_deep = 0; is_deep < 2; is_deep++) {
		const struct span text = is_deep ? SPAN_LIT("[[[[[[[[[[1]]]]]]]]]]") : SPAN_LIT("[[[[[[[[1]]]]]]]]");

		f = (struct jform){ .is_set = false };
		jform_learn(&f, text, none, 1);
		assert_int_equal(jform_fits(&f, text, none), !is_deep);
	}
}

static void forms_that_do_not_pay_are_learned_less_often_until_one_does(void **state)
{
	struct jform f = { .is_set = false };
	struct jvalue none[1] = { { .type = J_NONE } };
	char text[1003];
	int learned = 0, tries = 0;

	(void)state;
	memset(text, ' ', sizeof text);
	text[0] = '[';
	for (size_t i = 1; i <= 1000; i++) {
		text[i] = '1';
		text[i + 1] = ']';
		assert_false(jform_fits(&f, span_of(text, i + 2), none));
		jform_learn(&f, span_of(text, i + 2), none, 1);
		learned += f.runs[0] == i;
		text[i] = ' ';
	}
	assert_in_range(learned, 5, 30);
	for (; !jform_fits(&f, SPAN_LIT("[1]"), none); tries++)
		jform_learn(&f, SPAN_LIT("[1]"), none, 1);
	assert_in_range(tries, 1, 65);
	/* From then on the next is learned at once, and the one after it. */
	jform_learn(&f, SPAN_LIT("{\"a\":1}"), none, 1);
	jform_learn(&f, SPAN_LIT("[\"a\"]"), none, 1);
	assert_true(jform_fits(&f, SPAN_LIT("[\"b\"]"), none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_differs_in_strings_and_numbers_fits),
		cmocka_unit_test(changed_texts_fit_only_when_a_scan_finds_the_same),
		cmocka_unit_test(what_is_too_large_or_too_deep_or_has_too_many_values_has_no_form),
		cmocka_unit_test(forms_that_do_not_pay_are_learned_less_often_until_one_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
