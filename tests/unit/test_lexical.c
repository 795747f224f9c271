/* Tests of common/rag/lexical.h. */
#include "common/rag/lexical.h"

#include "common/base/mem.h"
#include "tests/support/segment_stage.h"

#include <math.h>
#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

enum { HITS = 50 };

struct index {
	struct segment_stage words;
	struct lexical_scratch *scratch;
	struct lexical_hit hits[HITS];
	size_t hit_count;
};

static void open_index(struct index *x, const struct lexical_row *rows, size_t count,
		       size_t segments)
{
	memset(x, 0, sizeof(*x));
	segment_stage_make(&x->words, rows, count, segments);
	x->scratch = lexical_scratch_new();
}

static void close_index(struct index *x)
{
	segment_stage_free(&x->words);
	lexical_scratch_free(x->scratch);
}

static void ask(struct index *x, const char *question)
{
	x->hit_count = lexical_search(&x->words.view, span_str(question), x->scratch, x->hits, HITS);
	for (size_t i = 0; i < x->hit_count; i++) {
		assert_true(x->hits[i].score > 0);
		assert_true(i == 0 || x->hits[i].score < x->hits[i - 1].score ||
			    (x->hits[i].score == x->hits[i - 1].score &&
			     x->hits[i].row > x->hits[i - 1].row));
	}
}

#define ROW(t)                                  \
	{                                       \
		.text = { "" t, sizeof(t) - 1 } \
	}
#define TITLED(h, t)                                                              \
	{                                                                         \
		.title = { "" h, sizeof(h) - 1 }, .text = { "" t, sizeof(t) - 1 } \
	}

static const struct lexical_row library[] = {
	ROW("The server listens on a port and answers requests."),
	ROW("A connection is closed when the timeout has passed."),
	ROW("max_body_bytes limits the body; getUserName() names the user."),
	ROW("Der Server wartet auf Verbindungen, die Verbindung endet."),
	ROW("北京是中国的首都。长江是最长的河。"),
	ROW("To be or not to be."),
	TITLED("Installation", "Run the program once, then again."),
	ROW("Words about nothing at all, without any meaning here or there, that go on and on, "
	    "port and so on."),
	ROW("ภาษาไทยเป็นภาษาที่ใช้ในประเทศไทย"),
	ROW("Le café est fermé, le thé aussi."),
};

static void questions_find_what_they_ask_for(void **state)
{
	static const struct {
		const char *question;
		uint32_t row;
	} cases[] = {
		{ "Which port does the server answer on?", 0 },
		{ "closing connections", 1 },
		{ "conection", 1 },
		{ "max body bytes", 2 },
		{ "user name", 2 },
		{ "getUserName", 2 },
		{ "MAX_BODY_BYTES", 2 },
		{ "Verbindungen", 3 },
		{ "中国的首都在哪里", 4 },
		{ "to be or not to be", 5 },
		{ "How do I install it? installation", 6 },
		{ "ประเทศไทย", 8 },
		{ "CAFÉ", 9 },
		{ "cafe ferme", 9 },
	};
	struct index x;

	(void)state;
	for (size_t segments = 1; segments <= STAGE_SEGMENTS_MAX; segments++) {
		open_index(&x, library, ARRAY_LEN(library), segments);
		for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
			ask(&x, cases[i].question);
			assert_true(x.hit_count > 0);
			assert_int_equal(x.hits[0].row, cases[i].row);
		}
		ask(&x, "xylophone");
		assert_int_equal(x.hit_count, 0);
		ask(&x, "");
		assert_int_equal(x.hit_count, 0);
		ask(&x, "\xff\xfe ?!");
		assert_int_equal(x.hit_count, 0);
		close_index(&x);
	}
}

/* Okapi BM25 by hand; no word of the vocabulary is like another. */
static void scores_are_those_of_the_formula(void **state)
{
	static const struct lexical_row rows[] = {
		ROW("apple apple pear"),
		ROW("apple zebra zebra zebra monkey"),
		ROW("monkey"),
		TITLED("apple", "pear"),
	};
	static const double lengths[] = { 3, 5, 1, 1 }, times[] = { 2, 1, 0, 2 };
	double mean = 10.0 / 4, idf = log(1 + (4 - 3 + 0.5) / (3 + 0.5));
	struct index x;

	(void)state;
	open_index(&x, rows, ARRAY_LEN(rows), 1);
	ask(&x, "apple");
	assert_int_equal(x.hit_count, 3);
	for (size_t i = 0; i < x.hit_count; i++) {
		uint32_t row = x.hits[i].row;
		double score = idf * 2.2 * times[row] /
			       (times[row] + 1.2 * (0.25 + 0.75 * lengths[row] / mean));

		assert_true(fabs((double)x.hits[i].score - score) < 1e-5);
	}
	close_index(&x);
}

static void a_text_of_nothing_but_the_question_comes_near_the_highest(void **state)
{
	static const struct lexical_row rows[] = {
		ROW("zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra zebra"),
		ROW("the monkey ate one apple and two pears in the shade of an old tree at noon"),
		ROW("monkey see monkey do"),
	};
	struct index x;
	float highest;

	(void)state;
	open_index(&x, rows, ARRAY_LEN(rows), 1);
	ask(&x, "zebra");
	highest = lexical_highest(x.scratch);
	assert_true(x.hits[0].score > highest * 0.8f && x.hits[0].score < highest);
	/* what is nowhere counts, too */
	ask(&x, "zebra Verbindungsaufbau");
	assert_true(lexical_highest(x.scratch) > 2 * highest);
	ask(&x, "");
	assert_float_equal(lexical_highest(x.scratch), 0, 0);
	close_index(&x);
}

/* "How long is the Yangtze?": of its four pairs of characters one is a word that the text has. */
static void what_lies_across_words_says_little_against_an_answer(void **state)
{
	struct index x;

	(void)state;
	open_index(&x, library, ARRAY_LEN(library), 1);
	ask(&x, "长江有多长");
	assert_int_equal(x.hits[0].row, 4);
	assert_true(x.hits[0].score > 0.14f * lexical_highest(x.scratch));
	ask(&x, "长途汽车站在南京路");
	assert_true(x.hit_count == 0 || x.hits[0].score < 0.05f * lexical_highest(x.scratch));
	close_index(&x);
}

static void segments_together_score_like_one(void **state)
{
	static const char *const questions[] = { "server port", "the connection of the user",
						 "Verbindung",  "conection timeouts",
						 "中国的首都",  "to be" };
	struct index one, many;

	(void)state;
	open_index(&one, library, ARRAY_LEN(library), 1);
	open_index(&many, library, ARRAY_LEN(library), 3);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++) {
		ask(&one, questions[i]);
		ask(&many, questions[i]);
		assert_int_equal(one.hit_count, many.hit_count);
		for (size_t j = 0; j < one.hit_count; j++) {
			assert_int_equal(one.hits[j].row, many.hits[j].row);
			assert_true(fabsf(one.hits[j].score - many.hits[j].score) < 1e-5f);
		}
	}
	close_index(&one);
	close_index(&many);
}

static void neighbours_count_more_than_the_same_words_apart(void **state)
{
	static const struct lexical_row rows[] = {
		ROW("memory of an elephant and the leak of a pipe"),
		ROW("an elephant and the memory leak of a pipe of"),
		ROW("an elephant and the leak memory of a pipe of"),
	};
	struct index x;

	(void)state;
	open_index(&x, rows, ARRAY_LEN(rows), 1);
	ask(&x, "memory leak");
	assert_int_equal(x.hit_count, 3);
	assert_int_equal(x.hits[0].row, 1);
	assert_true(x.hits[0].score > x.hits[1].score);
	assert_true(x.hits[1].score == x.hits[2].score);
	close_index(&x);
}

/* It would be the question's word by and by: "container", named often, for who asks for mountains. */
static void a_word_that_is_only_alike_stays_so_however_often_it_stands_there(void **state)
{
#define TEN(w) w " " w " " w " " w " " w " " w " " w " " w " " w " " w " "
	static const struct lexical_row rows[] = {
		ROW(TEN("preset") TEN("preset") TEN("preset") TEN("preset")),
		ROW("A long text about the rights of shareholders, where the president of the company is named "
		    "once, and much else is told of meetings, votes, chairs, tables, windows and doors."),
		ROW("Nothing of the kind."),
		ROW("A text of something else."),
	};
	struct index x;

	(void)state;
	open_index(&x, rows, ARRAY_LEN(rows), 1);
	ask(&x, "president");
	assert_int_equal(x.hits[0].row, 1);
	close_index(&x);
	/* ... nor is the question answered where its own word is nowhere */
	open_index(&x, rows, 1, 1);
	ask(&x, "president");
	assert_true(x.hits[0].score < 0.4f * lexical_highest(x.scratch));
	close_index(&x);
#undef TEN
}

static void the_dead_and_the_filtered_are_not_found(void **state)
{
	struct lexical_row rows[200];
	uint64_t dead[4] = { 0 }, only[4] = { 0 };
	struct index x;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		rows[i] = (struct lexical_row){ .text = SPAN_LIT("the same words in each row") };
	open_index(&x, rows, ARRAY_LEN(rows), 2);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (i % 2)
			dead[i / 64] |= UINT64_C(1) << (i % 64);
		if (i % 10 == 0 || i % 10 == 1)
			only[i / 64] |= UINT64_C(1) << (i % 64);
	}
	ask(&x, "words");
	assert_int_equal(x.hit_count, HITS);
	assert_int_equal(x.hits[HITS - 1].row, HITS - 1);
	x.words.view.dead = dead;
	ask(&x, "words");
	assert_int_equal(x.hit_count, HITS);
	for (size_t i = 0; i < x.hit_count; i++)
		assert_int_equal(x.hits[i].row, 2 * i);
	x.words.view.only = only;
	ask(&x, "words");
	assert_int_equal(x.hit_count, 20);
	for (size_t i = 0; i < x.hit_count; i++)
		assert_int_equal(x.hits[i].row, 10 * i);
	close_index(&x);
}

static void matches_are_named(void **state)
{
	struct lexical_match found[10];
	struct index x;
	size_t count;

	(void)state;
	open_index(&x, library, ARRAY_LEN(library), 2);
	ask(&x, "does the conection timeout pass");
	assert_int_equal(x.hits[0].row, 1);
	count = lexical_matches(&x.words.view, 1, x.scratch, found, 10);
	assert_int_equal(count, 3);
	assert_true(span_is(found[0].term, "connect") && found[0].weight < 0.5f);
	assert_true(span_is(found[1].term, "timeout") && found[1].weight == 1);
	assert_true(span_is(found[2].term, "pass") && found[2].weight == 1);
	assert_int_equal(lexical_matches(&x.words.view, 1, x.scratch, found, 1), 1);
	assert_int_equal(lexical_matches(&x.words.view, 4, x.scratch, found, 10), 0);
	close_index(&x);
}

static void long_questions_and_many_hits_stay_within_bounds(void **state)
{
	static struct lexical_row rows[3000];
	static struct lexical_hit hits[3000];
	struct buf question, texts;
	struct index x;
	size_t count;

	(void)state;
	buf_init(&question, 1 * MIB);
	buf_init(&texts, 4 * MIB);
	buf_reserve(&texts, 1 * MIB);
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		size_t begin = texts.len;

		buf_printf(&texts, "common word%c%c%c w%u ", 'a' + i % 26, 'a' + i / 26 % 26,
			   'a' + i % 7, i);
		rows[i].text = span_of(texts.ptr + begin, texts.len - begin);
		buf_add_span(&question, rows[i].text);
	}
	open_index(&x, rows, ARRAY_LEN(rows), 3);
	ask(&x, buf_str(&question));
	assert_int_equal(x.hit_count, HITS);
	count = lexical_search(&x.words.view, SPAN_LIT("common"), x.scratch, hits, ARRAY_LEN(hits));
	assert_int_equal(count, ARRAY_LEN(rows));
	assert_int_equal(lexical_search(&x.words.view, SPAN_LIT("common"), x.scratch, hits, 0), 0);
	x.words.view.count = 0;
	assert_int_equal(lexical_search(&x.words.view, SPAN_LIT("common"), x.scratch, hits, 5), 0);
	assert_int_equal(lexical_matches(&x.words.view, 0, x.scratch, NULL, 0), 0);
	x.words.view.count = 3;
	close_index(&x);
	buf_free(&question);
	buf_free(&texts);
}

struct plain_adding {
	struct segment_builder *builder;
	bool is_first;
};

static void add_plain(void *data, const struct term *term)
{
	struct plain_adding *a = data;
	const struct term_number one = {
		segment_builder_number(a->builder, term->text, term->hash), term->is_beside
	};

	segment_builder_terms(a->builder, &one, 1, 4, a->is_first ? SEGMENT_APART : SEGMENT_NEXT);
	a->is_first = false;
}

/* Two builders by turns, each written twice: words are known to the terms from the other one. */
static void a_word_that_is_looked_up_once_is_indexed_like_any_other(void **state)
{
	static const char *const texts[] = {
		"running runs run getUserName get_user names", "\u957f\u6c5f\u7684\u6c34 names of users",
		"The run of a name, max_body_bytes; runs", "Stra\u00dfe strasse user",
	};
	struct terms *shared = terms_new(), *alone = terms_new();
	struct segment_builder *b[] = { segment_builder_new(), segment_builder_new() },
			       *plain = segment_builder_new();
	struct buf bytes, expected;

	(void)state;
	for (size_t round = 0; round < 4; round++) {
		buf_init(&bytes, SEGMENT_BYTES_MAX);
		buf_init(&expected, SEGMENT_BYTES_MAX);
		for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
			struct span text = span_str(texts[(i + round) % ARRAY_LEN(texts)]);
			const struct lexical_row row = { .chunk = (int64_t)i + 1, .text = text };
			struct plain_adding adding = { plain, true };

			assert_int_equal(lexical_add(b[round % 2], shared, &row, NULL), 0);
			assert_int_equal(segment_builder_row(plain, row.chunk, NULL), 0);
			segment_builder_length(plain, terms_each(alone, text, add_plain, &adding));
		}
		assert_int_equal(segment_builder_write(b[round % 2], &bytes, NULL), 0);
		assert_int_equal(segment_builder_write(plain, &expected, NULL), 0);
		assert_int_equal(bytes.len, expected.len);
		assert_memory_equal(bytes.ptr, expected.ptr, bytes.len);
		buf_free(&bytes);
		buf_free(&expected);
	}
	segment_builder_free(b[0]);
	segment_builder_free(b[1]);
	segment_builder_free(plain);
	terms_free(shared);
	terms_free(alone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_find_what_they_ask_for),
		cmocka_unit_test(a_word_that_is_looked_up_once_is_indexed_like_any_other),
		cmocka_unit_test(scores_are_those_of_the_formula),
		cmocka_unit_test(a_text_of_nothing_but_the_question_comes_near_the_highest),
		cmocka_unit_test(what_lies_across_words_says_little_against_an_answer),
		cmocka_unit_test(segments_together_score_like_one),
		cmocka_unit_test(neighbours_count_more_than_the_same_words_apart),
		cmocka_unit_test(a_word_that_is_only_alike_stays_so_however_often_it_stands_there),
		cmocka_unit_test(the_dead_and_the_filtered_are_not_found),
		cmocka_unit_test(matches_are_named),
		cmocka_unit_test(long_questions_and_many_hits_stay_within_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
