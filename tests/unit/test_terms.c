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

/* Numbers as segment_builder_number would give them; how often one was asked for. */
struct numbering {
	struct span known[64];
	uint32_t count, asked;
};

static uint32_t number_of(void *data, struct span text, uint64_t hash)
{
	struct numbering *n = data;
	uint32_t i = 0;

	assert_int_equal(hash, terms_hash(text));
	n->asked++;
	while (i < n->count && !span_equal(n->known[i], text))
		i++;
	if (i == n->count) {
		n->known[i] = span_of(mem_strndup(text.ptr, text.len), text.len);
		n->count++;
	}
	return i;
}

struct expected {
	struct numbering *numbering;
	struct term_number list[400];
	size_t count;
};

static void expect_term(void *data, const struct term *term)
{
	struct expected *e = data;

	e->list[e->count++] = (struct term_number){
		number_of(e->numbering, term->text, term->hash), term->is_beside
	};
}

static void terms_have_the_numbers_that_are_given_to_them(void **state)
{
	static const char sentence[] = "The users of getUserNames() run, running 2 max_body_bytes: \u957f\u6c5f\u7684\u6c34 ";
	struct numbering given = { .count = 0 }, other = { .count = 0 };
	struct expected expected = { .numbering = &other };
	struct terms *t = terms_new();
	struct term_numbers n;
	struct buf text;
	uint32_t asked = 0, places, tag = terms_tag(t);

	(void)state;
	buf_init(&text, 4000);
	for (size_t i = 0; i < 12; i++)
		buf_add_str(&text, sentence);
	places = terms_each(t, buf_span(&text), expect_term, &expected);
	for (size_t round = 0; round < 3; round++) {
		n = terms_numbers(t, buf_span(&text), tag, number_of, &given);
		assert_int_equal(n.places, places);
		assert_int_equal(n.count, expected.count);
		assert_memory_equal(n.list, expected.list, n.count * sizeof(*n.list));
		if (round == 0)
			asked = given.asked;
	}
	/* The three grams of each sentence are not remembered. */
	assert_int_equal(given.asked - asked, 2 * 12 * 3);
	terms_numbers(t, SPAN_LIT("users"), terms_tag(t), number_of, &given);
	assert_int_equal(given.asked - asked, 2 * 12 * 3 + 1);
	assert_int_equal(terms_numbers(t, SPAN_NONE, tag, number_of, &given).count, 0);
	for (uint32_t i = 0; i < given.count; i++) {
		mem_free((void *)(uintptr_t)given.known[i].ptr);
		mem_free((void *)(uintptr_t)other.known[i].ptr);
	}
	buf_free(&text);
	terms_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_stemmed_by_their_script),
		cmocka_unit_test(terms_say_where_they_stand),
		cmocka_unit_test(terms_have_the_numbers_that_are_given_to_them),
		cmocka_unit_test(many_words_do_not_confuse_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
