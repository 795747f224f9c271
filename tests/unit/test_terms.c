/* Tests of common/text/terms.h. */
#include "common/text/terms.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* "-" before a stop word, "+" before what is beside the term before. */
static void add_term(void *data, const struct term *term)
{
	struct buf *out = data;

	buf_printf(out, "%s%s%s%.*s", out->len > 0 ? " " : "", term->is_beside ? "+" : "",
		   term->is_stop ? "-" : "", SPAN_ARGS(term->text));
	assert_int_equal(term->hash, terms_hash(term->text));
	assert_in_range(term->text.len, 1, TERM_MAX);
}

static void words_are_stemmed_by_their_script(void **state)
{
	static const struct {
		const char *text, *terms;
		uint32_t places;
	} cases[] = {
		{ "", "", 0 },
		{ "The running Cats", "-the run cat", 3 },
		{ "universities", "univers", 1 },
		{ "getUserNames()", "getusernam +-get user name", 3 },
		{ "max_body_bytes here", "max_body_bytes +max bodi byte -here", 4 },
		{ "HTTP2", "http2 +http 2", 2 },
		{ "книгами книги", "книг книг", 2 },
		{ "الكتاب كتاب", "كتاب كتاب", 2 },
		{ "Straßen café", "strassen café", 2 },
		{ "长江的水", "长江 -江的 -的水", 3 },
		{ "ภาษาไทย", "ภาษ าษา ษาไ าไท ไทย", 5 },
	};
	struct terms *t = terms_new();
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	for (size_t round = 0; round < 2; round++) /* the second time from memory */
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			buf_clear(&out);
			assert_int_equal(terms_each(t, span_str(cases[i].text), add_term, &out),
					 cases[i].places);
			assert_string_equal(buf_str(&out), cases[i].terms);
		}
	buf_free(&out);
	terms_free(t);
}

static void check_source(void *data, const struct term *term)
{
	struct span *expected = data;

	assert_true(term->source.ptr == expected->ptr && term->source.len == expected->len);
}

static void terms_say_where_they_stand(void **state)
{
	static const char text[] = "  Universities.";
	struct span expected = { text + 2, 12 };
	struct terms *t = terms_new();

	(void)state;
	terms_each(t, span_str(text), check_source, &expected);
	terms_free(t);
}

static void compare_again(void *data, const struct term *term)
{
	struct buf *all = data;

	buf_add_span(all, term->text);
	buf_add_char(all, ' ');
}

/* More words than are remembered: what was forgotten is stemmed anew, to the same. */
static void many_words_do_not_confuse_it(void **state)
{
	struct terms *t = terms_new();
	struct buf text, first, again;

	(void)state;
	buf_init(&text, 4 * MIB);
	buf_init(&first, 4 * MIB);
	buf_init(&again, 4 * MIB);
	for (unsigned i = 0; i < 100000; i++) {
		char word[12];
		size_t len = 0;

		for (unsigned n = i + 7; n > 0; n /= 20)
			word[len++] = (char)('a' + n % 20);
		buf_add(&text, word, len);
		buf_add_str(&text, "s ");
	}
	terms_each(t, buf_span(&text), compare_again, &first);
	terms_each(t, buf_span(&text), compare_again, &again);
	assert_true(first.len > 400000 && span_equal(buf_span(&first), buf_span(&again)));
	buf_free(&text);
	buf_free(&first);
	buf_free(&again);
	terms_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_stemmed_by_their_script),
		cmocka_unit_test(terms_say_where_they_stand),
		cmocka_unit_test(many_words_do_not_confuse_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
