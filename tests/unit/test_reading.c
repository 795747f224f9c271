/* Tests of common/rag/reading.h: text, Markdown, charsets, limits. */
#include "common/rag/reading.h"

#include "common/base/mem.h"
#include "tests/support/reading.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void check_cases(const struct reading_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reading_check(&cases[i]);
}

static void plain_text_comes_out_clean(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.txt", "", .text = "" },
		{ "a.txt", "one", .text = "one\n" },
		{ "a.txt", "\xef\xbb\xbfone\r\ntwo\rthree\n\n\n", .text = "one\ntwo\nthree\n" },
		{ "a.txt", "tab\tbell\a esc\x1b[1m\xc2\x80 soft\xc2\xadhyphen", .text = "tab\tbell esc[1m softhyphen\n" },
		{ "a.txt", "one\ntwo\n\fthree\n\f\ffive", .text = "one\ntwo\nthree\nfive\n",
		  .marks = "page1(one..two)page2(three)page3()page4(five)" },
		{ "README", "no extension", .text = "no extension\n" },
		{ NULL, "no name", .text = "no name\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void charsets_are_named_or_guessed(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.txt", "Stra\xdf" "e \x93quoted\x94 \x80 5", .text = "Stra\xc3\x9f" "e \xe2\x80\x9cquoted\xe2\x80\x9d \xe2\x82\xac 5\n" },
		{ "a.txt", "\xcf\xf0\xe8\xe2\xe5\xf2", .text = "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82\n",
		  .type = "text/plain; charset=\"windows-1251\"" },
		{ "a.txt", "caf\xe9", .text = "caf\xc3\xa9\n", .type = "text/plain;charset=latin1" },
		{ "a.txt", "caf\xc3\xa9", .text = "caf\xc3\xa9\n", .type = "text/plain; charset=latin1" },
		{ "a.txt", "\x1b$B4A;z\x1b(B", .text = "\xe6\xbc\xa2\xe5\xad\x97\n", .type = "text/plain; charset=iso-2022-jp" },
		{ "a.txt", "caf\xc3\xa9 cut \xe2\x82", .text = "caf\xc3\xa9 cut\n" },
		{ "a.txt", "\xff\xfeh\0i\0", .text = "hi\n", .len = 6 },
		{ "a.txt", "\xfe\xff\0h\0i", .text = "hi\n", .len = 6 },
		{ "a.txt", "h\0i\0!\0?\0", .text = "hi!?\n", .len = 8 },
		{ "a.txt", "good \xc3\xa9, then \xff\xfe broken", .code = E_document_unreadable, .says = "byte 14" },
		{ "a.txt", "abc \xff\xfe def", .code = E_document_unreadable, .says = "byte 4" },
		{ "a.txt", "\xcf\xf0\xe8\xe2\xe5\xf2 \xec\xe8\xf0", .code = E_document_unreadable, .says = "UTF-8" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void what_is_binary_is_refused_by_its_content(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.rtf", "{\\rtf1\\ansi{\\fonttbl}Herons.\\par}", .code = E_unsupported_document, .says = "RTF" },
		{ "a.txt", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR", .len = 16, .code = E_unsupported_document, .says = "PNG" },
		{ "a.md", "\x7f" "ELF\2\1\1\0\0\0", .len = 10, .code = E_unsupported_document, .says = "a program" },
		{ "notes.txt", "some\0text", .len = 9, .code = E_unsupported_document, .says = "binary" },
		{ "a.txt", "\1\2\3\4\5\6\7", .code = E_unsupported_document, .says = "binary" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void code_that_stands_in_markdown_as_it_is_has_no_headings(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.md", "# Licensed to\n#\n#  everyone\n\nimport x\n", .marks = "" },
		{ "a.md", "x = 1\n## a\n## b\n## c", .marks = "" },
		{ "a.md", "# a\n# b\n# c\n## Two\n# Three\n\n# Four\n",
		  .marks = "h2(## Two)h1(# Three)h1(# Four)", .title = "Two" },
		{ "a.md", "# The\n# title\n\n## A\n## B", .marks = "h1(# The)h1(# title)h2(## A)h2(## B)",
		  .title = "The" },
		{ "a.md", "- a\n# b\n# c\n# d\n- e\n", .marks = "item1(- a)item1(- e)" },
		{ "a.md", "# if !A\n#  define B \\\n  c\n# else  // A\n# define B\n# endif\n", .marks = "" },
		{ "a.md", "# if defined(A)\nx\n# include <a.h>\nx\n# else\nx\n", .marks = "" },
		{ "a.md", "# if it rains\n\n# Define it\n\n# include me\n\n## define\n",
		  .marks = "h1(# if it rains)h1(# Define it)h1(# include me)h2(## define)",
		  .title = "if it rains" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void markdown_keeps_its_text_and_gets_marks(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.md", "# One\n\ntext\n## Two ##\n", .text = "# One\n\ntext\n## Two ##\n",
		  .marks = "h1(# One)h2(## Two ##)", .title = "One" },
		{ "a.md", "Big\n===\n\nSmall\n---\ntext\n", .marks = "h1(Big)h2(Small)", .title = "Big" },
		{ "a.md", "two\nlines\n---\n", .marks = "" },
		{ "a.md", "#include <x>\n\n    # code\n", .marks = "" },
		{ "a.md", "```sh\n# not a heading\n```\n~~~\n```\n~~~\n",
		  .marks = "code0(```sh..```)code0(~~~..~~~)" },
		{ "a.md", "```\nnever closed\n\n# x", .marks = "code0(```..# x)" },
		{ "a.md", "- a\n  - b\n    more\n- c\n\n  still c\n\nend\n",
		  .marks = "item1(- a..more)item2(  - b..more)item1(- c..still c)" },
		{ "a.md", "1. a\n2) b\n\n* * *\n", .marks = "item1(1. a)item1(2) b)" },
		{ "a.md", "- a\n\n  ```\n  code\n  ```\n- b\n",
		  .marks = "item1(- a..```)code0(  ```..```)item1(- b)" },
		{ "a.md", "| a | b |\n|---|:-:|\n| 1 | 2 |\n\nend | of\n",
		  .marks = "row1(| a | b |..|---|:-:|)row2(| 1 | 2 |)" },
		{ "a.md", "---\ntitle: \"The  book\"\ntags: [x]\n---\n# First\n",
		  .marks = "record0(---..---)h1(# First)", .title = "The book" },
		{ "a.md", "+++\ntitle = 'T'\n+++\ntext\n", .marks = "record0(+++..+++)", .title = "T" },
		{ "a.md", "---\nA rule, and text.\n\n---\nMore.\n", .marks = "" },
		{ "x", "# Typed", .type = "text/markdown", .marks = "h1(# Typed)", .title = "Typed" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void the_words_of_a_heading_are_without_its_marks(void **state)
{
	static const struct {
		const char *line, *words;
	} cases[] = {
		{ "# One", "One" }, { "## Two ##", "Two" }, { "### C#", "C#" }, { "Plain", "Plain" },
		{ "  # In", "In" }, { "#", "" }, { "# # #", "#" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct reading r;
		struct mark mark = { 0, strlen(cases[i].line), MARK_HEADING, 1 };

		reading_init(&r);
		buf_add_str(&r.text, cases[i].line);
		assert_true(span_is(reading_heading(&r, &mark), cases[i].words));
		reading_free(&r);
	}
}

static void limits_and_cancelling_are_told(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.txt", "12345678", .limits = { .bytes_in = 7 }, .code = E_document_too_large, .says = "8 bytes; the limit is 7" },
		{ "a.txt", "12345678", .text = "12345678\n", .limits = { .bytes_in = 8, .text_max = 8 } },
		{ "a.txt", "12345678", .limits = { .text_max = 7 }, .code = E_document_too_large, .says = "longer than 7" },
		{ "a.txt", "x", .is_cancelled = true, .code = E_cancelled },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void the_table_of_readers_ends(void **state)
{
	size_t i = 0;

	(void)state;
	for (const struct reader_row *row; (row = reader_row(i)); i++)
		assert_true(row->name && row->extensions && row->media_types && row->by);
	assert_in_range(i, 2, 100);
	assert_null(reader_row(i + 1));
}

static void a_type_says_what_its_places_are_told_by(void **state)
{
	static const struct {
		const char *type;
		enum reader_places places;
	} cases[] = {
		{ "text", READER_LINES }, { "markdown", READER_LINES }, { "code", READER_LINES },
		{ "csv", READER_ROWS },	  { "jsonl", READER_ROWS },	{ "xlsx", READER_ROWS },
		{ "html", READER_TEXT },  { "pdf", READER_TEXT },	{ "manual", READER_TEXT },
		{ "command", READER_TEXT }, { "", READER_TEXT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(reader_places(span_str(cases[i].type)), cases[i].places);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain_text_comes_out_clean),
		cmocka_unit_test(charsets_are_named_or_guessed),
		cmocka_unit_test(what_is_binary_is_refused_by_its_content),
		cmocka_unit_test(markdown_keeps_its_text_and_gets_marks),
		cmocka_unit_test(code_that_stands_in_markdown_as_it_is_has_no_headings),
		cmocka_unit_test(the_words_of_a_heading_are_without_its_marks),
		cmocka_unit_test(limits_and_cancelling_are_told),
		cmocka_unit_test(the_table_of_readers_ends),
		cmocka_unit_test(a_type_says_what_its_places_are_told_by),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
