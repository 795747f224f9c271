/* Tests of common/rag/cut.h. */
#include "common/rag/cut.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static const struct cut_options usual = CUT_OPTIONS;

static void add_mark(struct reading *r, enum mark_kind kind, size_t start, size_t end, int level)
{
	r->marks = mem_realloc(r->marks, (r->mark_count + 1) * sizeof(*r->marks));
	r->marks[r->mark_count++] =
		(struct mark){ .start = start, .end = end, .kind = kind, .level = level };
}

/* Marks of lines: "# heading", "- item", "| row", "{record", "@3" for page 3, and fences. */
static void mark_lines(struct reading *r, struct span text)
{
	size_t fence = SIZE_MAX;

	for (size_t at = 0, next; at < text.len; at = next) {
		const char *line = text.ptr + at, *end = memchr(line, '\n', text.len - at);
		size_t stop = end ? (size_t)(end - text.ptr) : text.len;
		int level = 0;

		next = end ? stop + 1 : stop;
		if (stop - at >= 3 && memcmp(line, "```", 3) == 0) {
			if (fence != SIZE_MAX)
				r->marks[fence].end = next;
			else
				add_mark(r, MARK_CODE, at, text.len, 0);
			fence = fence == SIZE_MAX ? r->mark_count - 1 : SIZE_MAX;
			continue;
		}
		if (fence != SIZE_MAX)
			continue;
		while (level < 6 && at + (size_t)level < stop && line[level] == '#')
			level++;
		if (level > 0)
			add_mark(r, MARK_HEADING, at, stop, level);
		else if (*line == '-')
			add_mark(r, MARK_LIST_ITEM, at, next, 0);
		else if (*line == '|')
			add_mark(r, MARK_TABLE_ROW, at, next, 0);
		else if (*line == '{')
			add_mark(r, MARK_RECORD, at, next, 0);
		else if (*line == '@' && stop > at + 1)
			add_mark(r, MARK_PAGE, at, at, line[1] - '0');
	}
}

static void read_lines(struct reading *r, struct span text, const char *language)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->text, 64 * MIB);
	buf_add_span(&r->text, text);
	if (language)
		r->language = mem_strdup(language);
	else
		mark_lines(r, buf_span(&r->text));
}

static void drop(struct reading *r)
{
	buf_free(&r->text);
	mem_free(r->marks);
	mem_free(r->language);
}

static size_t count_chars(struct span s)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
	return count;
}

static struct span piece_text(const struct reading *r, const struct piece *p)
{
	return span_of(r->text.ptr + p->start, p->end - p->start);
}

/* What holds for any text and any options. */
static void check_pieces(const struct reading *r, const struct cutting *c,
			 const struct cut_options *o)
{
	struct span text = buf_span(&r->text);
	uint32_t line = 1;
	size_t at = 0, chars = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct piece *p = &c->pieces[i];
		struct span s = piece_text(r, p);

		assert_true(p->start < p->end && p->end <= text.len);
		for (; at < p->start; at++) {
			line += text.ptr[at] == '\n';
			chars += ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
		}
		if (o->overlap == 0) {
			assert_int_equal(p->start, i > 0 ? c->pieces[i - 1].end : 0);
			assert_int_equal(p->line, line);
			assert_int_equal(p->chars_start, chars);
		} else if (i > 0) {
			assert_true(p->start <= c->pieces[i - 1].end);
			assert_true(p->start > c->pieces[i - 1].start);
			assert_true(c->pieces[i - 1].chars_end - p->chars_start <= o->overlap);
			assert_int_equal(p->chars_start, count_chars(span_of(text.ptr, p->start)));
		}
		assert_true(utf8_is_valid(s) && utf8_is_valid(p->heading));
		assert_int_equal(count_chars(s), p->chars_end - p->chars_start);
		assert_in_range(p->chars_end - p->chars_start, 1, o->max);
		assert_in_range(p->heading.len, 0, CUT_HEADING_MAX);
	}
	if (text.len > 0)
		assert_int_equal(c->pieces[c->count - 1].end, text.len);
	else
		assert_int_equal(c->count, 0);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Of bits that matter to the cutter, in runs of one kind. */
static void make_text(struct buf *out, uint64_t *seed)
{
	static const char *const kinds[][8] = {
		{ "word ", "another ", "Sentence. ", "and, ", "Dr. ", "end.\n", "\n\n", "why? " },
		{ "# Top\n", "## Sub\n\n", "text ", "- item\n", "| a | b |\n", "{\"k\":1}\n",
		  "@2\n", "para.\n\n" },
		{ "```\n", "int f(void)\n{\n", "\treturn 1;\n", "}\n\n", "\t\tif (x)\n", "\n",
		  "call(a, b);\n", "\t\n" },
		{ "长江", "的水。", "「好」", "、", "ภาษาไทย", " ", "カタカナ", "。\n" },
		{ "a\xcc\x81", "e\xcc\x82\xcc\x83", "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb",
		  "x", "क्षि", "ก็", "y", "\xcc\x81" },
		{ "xxxxxxxxxxxxxxxxxxxx", "0123456789", "/", "aaaaaaa", "_", "=", "+", "Zz" },
		{ " ", "\n", "\t", "          ", "\n\n\n\n", " \n", "x", "\t\t\t\t\t\t\t\t" },
	};
	size_t length = next_random(seed) % 6000;

	while (out->len < length) {
		const char *const *kind = kinds[next_random(seed) % ARRAY_LEN(kinds)];

		for (uint64_t n = next_random(seed) % 200; n > 0; n--)
			buf_add_str(out, kind[next_random(seed) % 8]);
	}
}

static void pieces_join_back_to_the_text_whatever_it_is(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (int round = 0; round < 400; round++) {
		struct cut_options o = { .target = CUT_TARGET_LEAST + next_random(&seed) % 900 };
		struct cutting one, two;
		struct reading r;
		struct buf text;

		o.max = o.target + (round % 4 > 0 ? next_random(&seed) % 900 : 0);
		o.overlap = round % 3 == 0 ? next_random(&seed) % (o.target / 2) : 0;
		buf_init(&text, MIB);
		make_text(&text, &seed);
		read_lines(&r, buf_span(&text), round % 5 == 0 ? "c" : NULL);
		assert_int_equal(cut_document(&r, &o, &one, NULL), 0);
		assert_int_equal(cut_document(&r, &o, &two, NULL), 0);
		check_pieces(&r, &one, &o);
		assert_int_equal(one.count, two.count);
		for (size_t i = 0; i < one.count; i++)
			assert_memory_equal(one.pieces[i].hash, two.pieces[i].hash, 16);
		cutting_free(&one);
		cutting_free(&two);
		drop(&r);
		buf_free(&text);
	}
}

/* Where the pieces begin, as "|" in the text; each line of a case is repeated. */
static void cut_small(struct buf *out, const char *text, const char *language,
		      const struct cut_options *o)
{
	struct cutting c;
	struct reading r;

	read_lines(&r, span_str(text), language);
	assert_int_equal(cut_document(&r, o, &c, NULL), 0);
	check_pieces(&r, &c, o);
	buf_init(out, MIB);
	for (size_t i = 0; i < c.count; i++) {
		if (i > 0)
			buf_add_char(out, '|');
		buf_add_span(out, piece_text(&r, &c.pieces[i]));
	}
	cutting_free(&c);
	drop(&r);
}

static void cuts_stand_at_the_best_place(void **state)
{
	static const struct cut_options small = { 48, 96, 0 };
	static const struct {
		const char *text, *language, *cut;
	} cases[] = {
		{ "short", NULL, "short" },
		{ "First sentence here. Second one, by Dr. Who, after it.", NULL,
		  "First sentence here. Second one, by Dr. Who, after it." },
		{ "The first sentence has quite some words in it. The second one, by Dr. Who, "
		  "has as many words.",
		  NULL,
		  "The first sentence has quite some words in it. |The second one, by Dr. Who, "
		  "has as many words." },
		{ "A paragraph of some forty characters it is.\n\nAnother. With two sentences, "
		  "the later longer.\n",
		  NULL,
		  "A paragraph of some forty characters it is.\n\n|Another. With two sentences, "
		  "the later longer.\n" },
		{ "wrapped text whose lines end where the\nmargin was. Not where a sentence\nends "
		  "there, as one can see.\n",
		  NULL,
		  "wrapped text whose lines end where the\nmargin was. |Not where a sentence\nends "
		  "there, as one can see.\n" },
		{ "Ends one section with words, so many.\n\n# Title\n\nBegins the other, with as "
		  "many words.\n",
		  NULL,
		  "Ends one section with words, so many.\n\n|# Title\n\nBegins the other, with as "
		  "many words.\n" },
		{ "They are these, no others:\n- one thing that is to be had\n- and "
		  "the other thing to be had\n- and a third\n",
		  NULL,
		  "They are these, no others:\n- one thing that is to be had\n|- and "
		  "the other thing to be had\n- and a third\n" },
		{ "长江是亚洲第一长河，也是世界第三长河。它发源于青藏高原的唐古拉山脉，流经十一个省"
		  "级行政区，"
		  "最后注入东海。长江流域是中国人口最密集、经济最发达的地区之一。它的水力资源十分丰"
		  "富。",
		  NULL,
		  "长江是亚洲第一长河，也是世界第三长河。它发源于青藏高原的唐古拉山脉，流经十一个省"
		  "级行政区，"
		  "最后注入东海。|"
		  "长江流域是中国人口最密集、经济最发达的地区之一。它的水力资源十分丰富。" },
		{ "int one(void)\n{\n\tint a;\n\n\treturn a + a + a;\n}\n\nint two(void)\n{\n\tint "
		  "b;\n\n\treturn b + b + b;\n}\n",
		  "c",
		  "int one(void)\n{\n\tint a;\n\n\treturn a + a + a;\n}\n\n|int "
		  "two(void)\n{\n\tint "
		  "b;\n\n\treturn b + b + b;\n}\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;

		cut_small(&out, cases[i].text, cases[i].language, &small);
		assert_string_equal(buf_str(&out), cases[i].cut);
		buf_free(&out);
	}
}

/* A block of every length that fits, after text of every length that shifts it. */
static void a_block_that_fits_stays_whole(void **state)
{
	static const struct cut_options o = { 100, 200, 0 };

	(void)state;
	for (size_t lines = 1; lines < 15; lines++)
		for (size_t before = 0; before < 300; before += 7) {
			struct cutting c;
			struct reading r;
			struct buf text;
			size_t start, end;

			buf_init(&text, MIB);
			for (size_t i = 0; i < before; i++)
				buf_add_str(&text, i % 9 == 8 ? ". A" : i % 5 == 4 ? " " : "o");
			buf_add_str(&text, "\n\n");
			start = text.len;
			buf_add_str(&text, "```\n");
			for (size_t i = 0; i < lines; i++)
				buf_add_str(&text, i % 3 == 2 ? "\n" : "a = b + c. D;\n");
			buf_add_str(&text, "```\n");
			end = text.len;
			buf_add_str(&text, "\nAnd more text, then. It goes on until its end.\n");
			assert_true(end - start <= o.max);
			read_lines(&r, buf_span(&text), NULL);
			assert_int_equal(cut_document(&r, &o, &c, NULL), 0);
			check_pieces(&r, &c, &o);
			for (size_t i = 0; i < c.count; i++)
				assert_false(c.pieces[i].start > start && c.pieces[i].start < end);
			cutting_free(&c);
			drop(&r);
			buf_free(&text);
		}
}

/* Marks end before the last line's end: what follows begins after it. */
static void no_piece_begins_with_blank_lines(void **state)
{
	static const char *const texts[] = {
		"- one thing that is to be had here\n\n- and the other thing to be had here\n\n"
		"- and the third thing to be had here\n\nA paragraph that follows it all, at "
		"last.\n",
		"# Title\n\n```\na block of some forty characters here\n```\n\n\nA paragraph that "
		"follows it all, at last.\n",
	};
	static const struct cut_options o = { 40, 80, 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct cutting c;
		struct reading r;

		read_lines(&r, span_str(texts[i]), NULL);
		for (size_t m = 0; m < r.mark_count; m++)
			while (r.text.ptr[r.marks[m].end - 1] == '\n')
				r.marks[m].end--;
		assert_int_equal(cut_document(&r, &o, &c, NULL), 0);
		check_pieces(&r, &c, &o);
		assert_true(c.count > 1);
		for (size_t k = 0; k < c.count; k++)
			assert_int_not_equal(piece_text(&r, &c.pieces[k]).ptr[0], '\n');
		cutting_free(&c);
		drop(&r);
	}
}

static void a_block_that_does_not_fit_is_cut_at_its_blank_lines(void **state)
{
	static const struct cut_options o = { 48, 64, 0 };
	struct buf out;

	(void)state;
	cut_small(
		&out,
		"Text.\n\n```\nfirst line of all\nsecond line of all\n\nthird line of all\nfourth "
		"line of all\n```\n",
		NULL, &o);
	assert_string_equal(buf_str(&out),
			    "Text.\n\n```\nfirst line of all\nsecond line of all\n\n|third line of "
			    "all\nfourth line of all\n```\n");
	buf_free(&out);
}

static void a_piece_knows_the_headings_above_it(void **state)
{
	static const char text[] =
		"Nothing is above this text, which is long enough for a piece of its own.\n\n"
		"# Manual\n\nThe manual begins with this text, which is a piece of its own too.\n\n"
		"## Install ##\n\n### Debian\n\nOn Debian it is installed with the usual command, "
		"apt-get.\n\n"
		"### Fedora\n\nOn Fedora it is installed with their usual command, that is dnf.\n\n"
		"## Use\n\nIt is used from day to day as one uses all things of that kind.\n";
	static const char *const headings[] = { "", "Manual", "Manual > Install > Debian",
						"Manual > Install > Fedora", "Manual > Use" };
	static const uint32_t lines[] = { 1, 3, 7, 13, 17 };
	static const struct cut_options o = { 80, 120, 0 };
	struct cutting c;
	struct reading r;

	(void)state;
	read_lines(&r, span_str(text), NULL);
	assert_int_equal(cut_document(&r, &o, &c, NULL), 0);
	assert_int_equal(c.count, ARRAY_LEN(headings));
	for (size_t i = 0; i < c.count; i++) {
		assert_true(span_is(c.pieces[i].heading, headings[i]));
		assert_int_equal(c.pieces[i].line, lines[i]);
		assert_int_equal(c.pieces[i].page, 0);
	}
	cutting_free(&c);
	drop(&r);
}

static void a_piece_of_code_knows_what_encloses_it(void **state)
{
	static const char text[] = "class Machine:\n"
				   "    def start(self, with_steam):\n"
				   "        self.check_all_valves_first()\n"
				   "        self.and_the_boiler_after()\n"
				   "\n"
				   "        if with_steam:\n"
				   "            self.open_the_great_valve()\n"
				   "            self.blow_the_whistle_twice()\n"
				   "\n"
				   "    def stop(self):\n"
				   "        self.close_the_great_valve()\n";
	static const struct cut_options o = { 90, 130, 0 };
	struct cutting c;
	struct reading r;

	(void)state;
	read_lines(&r, span_str(text), "python");
	assert_int_equal(cut_document(&r, &o, &c, NULL), 0);
	assert_int_equal(c.count, 3);
	assert_true(span_is(c.pieces[0].heading, ""));
	assert_true(span_is(c.pieces[1].heading, "class Machine > def start(self, with_steam)"));
	assert_true(span_is(c.pieces[2].heading, "class Machine"));
	cutting_free(&c);
	drop(&r);
}

static void a_piece_knows_its_page(void **state)
{
	static const char text[] = "@1 begins with a sentence of some length, as pages do, too.\n"
				   "@2 begins with a sentence of some length, as pages do, too.\n"
				   "@3 begins with a sentence of some length, as pages do, too.\n";
	/* Also when all pages together are no more than one piece. */
	static const struct cut_options options[] = { { 60, 90, 0 }, { 800, 1600, 0 } };

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(options); k++) {
		struct cutting c;
		struct reading r;

		read_lines(&r, span_str(text), NULL);
		assert_int_equal(cut_document(&r, &options[k], &c, NULL), 0);
		assert_int_equal(c.count, 3);
		for (uint32_t i = 0; i < 3; i++)
			assert_int_equal(c.pieces[i].page, i + 1);
		cutting_free(&c);
		drop(&r);
	}
}

/* Most pieces after a changed line are those from before it. */
static void a_change_changes_few_pieces(void **state)
{
	struct cutting c[2];
	struct reading r[2];
	size_t equal = 0;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct buf text;
		uint64_t seed = 3;

		buf_init(&text, MIB);
		for (int line = 0; line < 4000; line++) {
			if (line == 1000 && i == 1)
				buf_add_str(&text, "A line that was not there, with some words. ");
			for (uint64_t n = 3 + next_random(&seed) % 20; n > 0; n--)
				buf_printf(&text, "%x ", (unsigned)next_random(&seed) & 0xffffff);
			buf_add_str(&text, next_random(&seed) % 4 == 0 ? "end.\n\n" : "end. ");
		}
		read_lines(&r[i], buf_span(&text), NULL);
		assert_int_equal(cut_document(&r[i], &usual, &c[i], NULL), 0);
		buf_free(&text);
	}
	for (size_t i = 0, j = 0; i < c[1].count; i++) {
		size_t at = j;

		while (at < c[0].count &&
		       memcmp(c[0].pieces[at].hash, c[1].pieces[i].hash, 16) != 0)
			at++;
		equal += at < c[0].count;
		j = at < c[0].count ? at + 1 : j;
	}
	assert_true(c[1].count > 300);
	assert_true(c[1].count - equal <= 4);
	for (int i = 0; i < 2; i++) {
		cutting_free(&c[i]);
		drop(&r[i]);
	}
}

static void the_hash_tells_text_and_heading_apart(void **state)
{
	static const char *const texts[] = { "# One\nText.", "# Two\nText.", "# One\nText!" };
	uint64_t hashes[3][2];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cutting c;
		struct reading r;

		read_lines(&r, span_str(texts[i]), NULL);
		assert_int_equal(cut_document(&r, &usual, &c, NULL), 0);
		memcpy(hashes[i], c.pieces[0].hash, sizeof(hashes[i]));
		cutting_free(&c);
		drop(&r);
	}
	assert_memory_not_equal(hashes[0], hashes[1], 16);
	assert_memory_not_equal(hashes[0], hashes[2], 16);
}

static void an_empty_text_has_no_pieces(void **state)
{
	struct cutting c;
	struct reading r;

	(void)state;
	read_lines(&r, SPAN_NONE, NULL);
	add_mark(&r, MARK_HEADING, 0, 5, 1);
	assert_int_equal(cut_document(&r, &usual, &c, NULL), 0);
	assert_int_equal(c.count, 0);
	cutting_free(&c);
	drop(&r);
}

static void options_that_cannot_be_are_refused(void **state)
{
	static const struct {
		struct cut_options options;
		const char *param;
	} cases[] = {
		{ { 0, 0, 0 }, "target" },         { { CUT_TARGET_LEAST - 1, 100, 0 }, "target" },
		{ { 200, 100, 0 }, "target" },     { { 800, (size_t)CUT_MAX_MOST + 1, 0 }, "max" },
		{ { 800, 1600, 401 }, "overlap" },
	};
	struct reading r;

	(void)state;
	read_lines(&r, SPAN_LIT("text"), NULL);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct cutting c;

		assert_int_equal(cut_document(&r, &cases[i].options, &c, &err), -1);
		assert_int_equal(err.code, E_invalid_field);
		assert_string_equal(err.param, cases[i].param);
		cutting_free(&c);
	}
	drop(&r);
}

/* Marks that lie: outside the text, inside a character, within one another, backwards. */
static void marks_that_are_wrong_do_no_harm(void **state)
{
	uint64_t seed = 11;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct cut_options o = { 64, 128, 0 };
		struct cutting c;
		struct reading r;
		struct buf text;
		size_t start = 0;

		buf_init(&text, MIB);
		make_text(&text, &seed);
		read_lines(&r, buf_span(&text), "c");
		for (uint64_t n = next_random(&seed) % 100; n > 0; n--) {
			start += next_random(&seed) % 100;
			add_mark(&r, (enum mark_kind)(next_random(&seed) % 6), start,
				 next_random(&seed) % (text.len + 10),
				 (int)(next_random(&seed) % 9) - 1);
		}
		if (round % 2 == 0) {
			mem_free(r.language);
			r.language = NULL;
		}
		assert_int_equal(cut_document(&r, &o, &c, NULL), 0);
		check_pieces(&r, &c, &o);
		cutting_free(&c);
		drop(&r);
		buf_free(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_join_back_to_the_text_whatever_it_is),
		cmocka_unit_test(cuts_stand_at_the_best_place),
		cmocka_unit_test(a_block_that_fits_stays_whole),
		cmocka_unit_test(no_piece_begins_with_blank_lines),
		cmocka_unit_test(a_block_that_does_not_fit_is_cut_at_its_blank_lines),
		cmocka_unit_test(a_piece_knows_the_headings_above_it),
		cmocka_unit_test(a_piece_of_code_knows_what_encloses_it),
		cmocka_unit_test(a_piece_knows_its_page),
		cmocka_unit_test(a_change_changes_few_pieces),
		cmocka_unit_test(the_hash_tells_text_and_heading_apart),
		cmocka_unit_test(an_empty_text_has_no_pieces),
		cmocka_unit_test(options_that_cannot_be_are_refused),
		cmocka_unit_test(marks_that_are_wrong_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
