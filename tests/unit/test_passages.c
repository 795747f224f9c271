/* Tests of common/rag/passages.h. */
#include "common/rag/passages.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

/* Of ASCII texts, where bytes are characters. */
static struct passage piece_of(int64_t document, size_t start, size_t end)
{
	return (struct passage){ .document = document,
				 .start = start,
				 .end = end,
				 .chars_start = start,
				 .chars_end = end };
}

/* "document:start-end@rank", separated by blanks. */
static void fill(struct buf *out, const struct passage *ranked, size_t count,
		 const struct passages_wish *wish, size_t max)
{
	struct passage list[16];
	size_t sent = 0;

	count = passages_fill(ranked, count, wish, list, max);
	buf_init(out, MIB);
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, "%s%d:%zu-%zu@%zu", i > 0 ? " " : "", (int)list[i].document,
			   list[i].start, list[i].end, list[i].rank);
		assert_int_equal(list[i].end - list[i].start,
				 list[i].chars_end - list[i].chars_start);
		sent += list[i].chars_end - list[i].chars_start;
	}
	assert_true(sent <= wish->budget);
}

static void pieces_become_passages(void **state)
{
	static const struct {
		const char *what;
		struct {
			int document;
			size_t start, end;
		} ranked[6];
		size_t count, budget, max;
		const char *passages;
	} cases[] = {
		{ "nothing", { { 0 } }, 0, 1000, 16, "" },
		{ "by rank",
		  { { 1, 500, 600 }, { 2, 0, 100 } },
		  2,
		  1000,
		  16,
		  "1:500-600@0 2:0-100@1" },
		{ "neighbours",
		  { { 1, 100, 200 }, { 2, 0, 9 }, { 1, 0, 100 } },
		  3,
		  1000,
		  16,
		  "1:0-200@0 2:0-9@1" },
		{ "the gap between two",
		  { { 1, 0, 100 }, { 1, 200, 300 }, { 1, 100, 200 } },
		  3,
		  1000,
		  16,
		  "1:0-300@0" },
		{ "a gap that stays",
		  { { 1, 0, 100 }, { 1, 101, 300 } },
		  2,
		  1000,
		  16,
		  "1:0-100@0 1:101-300@1" },
		{ "shared text once",
		  { { 1, 0, 100 }, { 1, 80, 180 }, { 1, 160, 260 } },
		  3,
		  260,
		  16,
		  "1:0-260@0" },
		{ "the same twice", { { 1, 0, 100 }, { 1, 0, 100 } }, 2, 1000, 16, "1:0-100@0" },
		{ "other documents",
		  { { 1, 0, 100 }, { 2, 100, 200 } },
		  2,
		  1000,
		  16,
		  "1:0-100@0 2:100-200@1" },
		{ "what does not fit",
		  { { 1, 0, 100 }, { 2, 0, 950 }, { 3, 0, 100 } },
		  3,
		  1000,
		  16,
		  "1:0-100@0 3:0-100@2" },
		{ "room for one",
		  { { 1, 0, 100 }, { 2, 0, 100 }, { 1, 100, 200 } },
		  3,
		  1000,
		  1,
		  "1:0-200@0" },
		{ "no budget", { { 1, 0, 100 } }, 1, 0, 16, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct passages_wish wish = { .budget = cases[i].budget };
		struct passage ranked[6];
		struct buf out;

		for (size_t j = 0; j < cases[i].count; j++)
			ranked[j] = piece_of(cases[i].ranked[j].document, cases[i].ranked[j].start,
					     cases[i].ranked[j].end);
		fill(&out, ranked, cases[i].count, &wish, cases[i].max);
		assert_string_equal(buf_str(&out), cases[i].passages);
		buf_free(&out);
	}
}

static void a_piece_counts_more_when_its_neighbour_was_found(void **state)
{
	struct passage ranked[] = { piece_of(1, 0, 100), piece_of(2, 0, 100), piece_of(3, 0, 100),
				    piece_of(3, 100, 200) };
	static const float scores[] = { 1, .55f, .5f, .5f };
	struct passages_wish wish = { .budget = 300 };
	struct buf out;

	(void)state;
	fill(&out, ranked, ARRAY_LEN(ranked), &wish, 16);
	assert_string_equal(buf_str(&out), "1:0-100@0 2:0-100@1 3:0-100@2");
	buf_free(&out);
	for (size_t i = 0; i < ARRAY_LEN(ranked); i++)
		ranked[i].score = scores[i];
	fill(&out, ranked, ARRAY_LEN(ranked), &wish, 16);
	assert_string_equal(buf_str(&out), "1:0-100@0 3:0-200@2");
	buf_free(&out);
}

static struct span give_text(void *data, const struct passage *piece)
{
	const char *text = data;

	return span_of(text + piece->start, piece->end - piece->start);
}

static void what_is_left_takes_the_beginning_of_a_piece(void **state)
{
	enum { LONG = 400, SENTENCE = 180, LINE = 200, WORD = 210 };
	static const struct {
		size_t budget;
		bool has_sentence, has_line, has_word;
		const char *passages;
	} cases[] = {
		{ 320, true, true, true, "1:1000-1100@0 2:0-180@1" },
		{ 320, false, true, true, "1:1000-1100@0 2:0-200@1" },
		{ 320, false, false, true, "1:1000-1100@0 2:0-210@1" },
		{ 320, false, false, false, "1:1000-1100@0" },
		{ 285, true, true, true, "1:1000-1100@0 2:0-180@1" },
		{ 279, true, true, true, "1:1000-1100@0" },
		{ 500, true, true, true, "1:1000-1100@0 2:0-400@1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct passage ranked[] = { piece_of(1, 1000, 1100), piece_of(2, 0, LONG) };
		char text[LONG + 1];
		struct passages_wish wish = { cases[i].budget, give_text, text };
		struct buf out;

		memset(text, 'x', LONG);
		text[LONG] = '\0';
		if (cases[i].has_sentence)
			memcpy(text + SENTENCE - 1, ". ", 2);
		if (cases[i].has_line)
			text[LINE - 1] = '\n';
		if (cases[i].has_word)
			text[WORD] = ' ';
		fill(&out, ranked, 2, &wish, 16);
		assert_string_equal(buf_str(&out), cases[i].passages);
		buf_free(&out);
	}
}

static void a_part_stands_at_the_place_of_its_rank(void **state)
{
	struct passage ranked[] = { piece_of(1, 0, 400), piece_of(2, 0, 100) };
	struct passages_wish wish = { 300, give_text, NULL };
	char text[401];
	struct buf out;

	(void)state;
	memset(text, 'x', 400);
	text[400] = '\0';
	memcpy(text + 169, ". ", 2);
	wish.data = text;
	fill(&out, ranked, 2, &wish, 16);
	assert_string_equal(buf_str(&out), "1:0-170@0 2:0-100@1");
	buf_free(&out);
}

static void white_space_at_the_ends_is_not_sent_in_parts(void **state)
{
	static char text[] = "   \n\n            gulls nest on cliffs and roofs of towns   \n\n";
	static const struct {
		size_t budget;
		const char *passages;
	} cases[] = { { 10, "1:17-27@0" }, { 21, "1:17-37@0" }, { 41, "1:17-56@0" }, { 2, "" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct passage ranked[] = { piece_of(1, 0, sizeof(text) - 1) };
		struct passages_wish wish = { cases[i].budget, give_text, text };
		struct buf out;

		fill(&out, ranked, 1, &wish, 16);
		assert_string_equal(buf_str(&out), cases[i].passages);
		buf_free(&out);
	}
}

/* Random pieces of two cuttings, one with overlap. */
static void passages_never_overlap_and_never_pass_the_budget(void **state)
{
	uint64_t seed = 5;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		struct passage ranked[24], out[24];
		size_t step = round % 2 ? 100 : 80, sent = 0, count;
		struct passages_wish wish = { .budget = 0 };

		for (size_t i = 0; i < ARRAY_LEN(ranked); i++) {
			size_t start;

			seed = seed * UINT64_C(6364136223846793005) + 1;
			start = (seed >> 40) % 12 * step;
			ranked[i] = piece_of((int64_t)(seed >> 60), start, start + 100);
		}
		wish.budget = (seed >> 33) % 2000;
		count = passages_fill(ranked, ARRAY_LEN(ranked), &wish, out, ARRAY_LEN(out));
		for (size_t i = 0; i < count; i++) {
			sent += out[i].chars_end - out[i].chars_start;
			assert_true(i == 0 || out[i - 1].rank < out[i].rank);
			for (size_t j = 0; j < i; j++)
				assert_true(out[i].document != out[j].document ||
					    out[i].end < out[j].start || out[j].end < out[i].start);
		}
		assert_true(sent <= wish.budget);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_become_passages),
		cmocka_unit_test(a_piece_counts_more_when_its_neighbour_was_found),
		cmocka_unit_test(what_is_left_takes_the_beginning_of_a_piece),
		cmocka_unit_test(a_part_stands_at_the_place_of_its_rank),
		cmocka_unit_test(white_space_at_the_ends_is_not_sent_in_parts),
		cmocka_unit_test(passages_never_overlap_and_never_pass_the_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
