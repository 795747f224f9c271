/* Tests of common/rag/snippet.h. */
#include "common/rag/snippet.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static const char long_text[] = "Everything begins with a token, and a token is made once. Much is "
				"said of the weather here, of the long "
				"way home, of bread and butter, and of how a day goes by when "
				"nothing at all happens in it. The limit of a "
				"token is in its row: requests a minute, tokens a minute and a "
				"budget. Who passes the limit is told when to "
				"come again, and so it goes on for many words more, none of which "
				"matters to anybody who reads this text.";

/* The snippet with its marks in brackets. */
static void check(struct terms *t, const char *text, const char *terms, const char *expected)
{
	struct lexical_match matches[8];
	struct snippet s;
	struct buf out;
	size_t count = 0, at = 0;

	for (struct span rest = span_str(terms); rest.len > 0 && count < ARRAY_LEN(matches);
	     count++)
		matches[count] =
			(struct lexical_match){ .term = span_cut(&rest, ' '), .worth = 1 };
	snippet_make(t, span_str(text), matches, count, false, &s);
	buf_init(&out, 10000);
	for (size_t i = 0; i < s.mark_count; i++) {
		buf_add(&out, s.text.ptr + at, s.marks[i].start - at);
		buf_printf(&out, "[%.*s]", (int)(s.marks[i].end - s.marks[i].start),
			   s.text.ptr + s.marks[i].start);
		at = s.marks[i].end;
	}
	buf_add_span(&out, span_from(s.text, at));
	assert_string_equal(buf_str(&out), expected);
	assert_in_range(s.text.len, 0, SNIPPET_BYTES);
	assert_true(utf8_is_valid(s.text));
	buf_free(&out);
}

static void a_short_text_is_its_snippet(void **state)
{
	struct terms *t = terms_new();

	(void)state;
	check(t, "", "x", "");
	check(t, "  Limits of tokens.\n", "limit token", "[Limits] of [tokens].");
	check(t, "getUserNames(x)", "user name", "get[UserNames](x)");
	check(t, "\xe9\x95\xbf\xe6\xb1\x9f\xe7\x9a\x84\xe6\xb0\xb4",
	      "\xe9\x95\xbf\xe6\xb1\x9f \xe6\xb1\x9f\xe7\x9a\x84",
	      "[\xe9\x95\xbf\xe6\xb1\x9f\xe7\x9a\x84]\xe6\xb0\xb4");
	terms_free(t);
}

static void the_best_window_has_most_of_the_words(void **state)
{
	struct terms *t = terms_new();

	(void)state;
	check(t, long_text, "limit token minut budget",
	      "in it. The [limit] of a [token] is in its row: requests a [minute], [tokens] a "
	      "[minute] and a [budget]. Who "
	      "passes the [limit] is told when to come again, and so it goes on for many words "
	      "more, none of which matters to "
	      "anybody who reads this text.");
	check(t, long_text, "zebra",
	      "Everything begins with a token, and a token is made once. Much is said of the "
	      "weather here, of the long way "
	      "home, of bread and butter, and of how a day goes by when nothing at all happens in "
	      "it. The limit of a token is "
	      "in its row: requests");
	terms_free(t);
}

static void the_sentence_is_the_one_with_most_of_what_was_asked(void **state)
{
	static const struct {
		const char *text, *terms, *sentence;
		bool by_line;
	} cases[] = {
		{ "Boats sail. Tokens have a limit. The limit is told.", "token limit",
		  "Tokens have a limit.", false },
		/* whole, also where it is longer than the snippet; of equal ones the first */
		{ long_text, "weather bread",
		  "Much is said of the weather here, of the long way home, of bread and butter, "
		  "and of how a day goes by when nothing at all happens in it.",
		  false },
		{ "A limit. One limit more.", "limit", "A limit.", false },
		{ "# Limits\n\nA token has none.\n", "limit token", "A token has none.", false },
		{ "# Limits\n\nNothing here.\n", "limit", "# Limits", false },
		{ "int limit;\n\tint tokens = limit + 1;\n", "limit token",
		  "int tokens = limit + 1;", true },
		{ "Nothing of it.", "limit", "Nothing of it.", false },
		{ "", "limit", "", false },
	};
	struct terms *t = terms_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct lexical_match matches[8];
		struct snippet s;
		size_t count = 0;

		for (struct span rest = span_str(cases[i].terms); rest.len > 0; count++)
			matches[count] = (struct lexical_match){ .term = span_cut(&rest, ' '),
								 .worth = 1 };
		snippet_make(t, span_str(cases[i].text), matches, count, cases[i].by_line, &s);
		assert_int_equal(s.sentence.len, strlen(cases[i].sentence));
		assert_memory_equal(s.sentence.len > 0 ? s.sentence.ptr : "", cases[i].sentence,
				    s.sentence.len);
	}
	terms_free(t);
}

/* Of any text, with any of its words, the window is whole characters and its marks lie in it. */
static void marks_lie_in_the_snippet(void **state)
{
	struct terms *t = terms_new();
	struct buf text;
	unsigned seed = 1;

	(void)state;
	buf_init(&text, 100000);
	for (int round = 0; round < 500; round++) {
		static const char *const parts[] = {
			"token", "\xc3\xa9t\xc3\xa9", " ", "\n", "\xe6\xb0\xb4", "a_b", "x",
			". ",    "\xf0\x9f\x98\x80"
		};
		struct lexical_match matches[] = { { SPAN_LIT("token"), 1, 2 },
						   { SPAN_LIT("x"), 0.5F, 1 },
						   { SPAN_LIT("\xe6\xb0\xb4\xe6\xb0\xb4"), 1, 3 } };
		struct snippet s;
		size_t last = 0;

		buf_clear(&text);
		for (int i = 0; i < round; i++) {
			seed = seed * 1103515245U + 12345U;
			buf_add_str(&text, parts[(seed >> 16) % ARRAY_LEN(parts)]);
		}
		snippet_make(t, buf_span(&text), matches, ARRAY_LEN(matches), round % 2, &s);
		assert_true(utf8_is_valid(s.text));
		assert_in_range(s.text.len, 0, SNIPPET_BYTES);
		for (size_t i = 0; i < s.mark_count; i++) {
			assert_true(s.marks[i].start >= last && s.marks[i].end > s.marks[i].start);
			last = s.marks[i].end;
		}
		assert_in_range(last, 0, s.text.len);
		assert_true(utf8_is_valid(s.sentence));
		assert_true(s.sentence.len == 0 ||
			    (s.sentence.ptr >= text.ptr &&
			     s.sentence.ptr + s.sentence.len <= text.ptr + text.len));
		/* It is in the snippet, at least in part. */
		assert_true(s.sentence.len == 0 ||
			    (s.sentence.ptr <= s.text.ptr + s.text.len &&
			     s.sentence.ptr + s.sentence.len >= s.text.ptr));
	}
	buf_free(&text);
	terms_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_text_is_its_snippet),
		cmocka_unit_test(the_best_window_has_most_of_the_words),
		cmocka_unit_test(the_sentence_is_the_one_with_most_of_what_was_asked),
		cmocka_unit_test(marks_lie_in_the_snippet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
