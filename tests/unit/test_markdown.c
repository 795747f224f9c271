/* tests/unit/test_markdown.c - Markdown to lines, the same however the text is cut. */
#include "tui/markdown.h"
#include "tui/page.h"
#include "tui/width.h"

#include "common/base/mem.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

enum { OUT_MAX = 16 * 1024 * 1024 };

struct setup {
	size_t columns;
	unsigned flags;
	bool color;
};

struct sink {
	struct buf out;
	bool color;
};

static void add_line(void *context, const struct ink *line)
{
	struct sink *sink = context;

	ink_print(line, line->text.len, sink->color, &sink->out);
	buf_add_char(&sink->out, '\n');
}

/* piece: bytes fed at once, 0 = all; the tail is looked at between two. */
static char *render(struct span text, const struct setup *s, size_t piece)
{
	struct sink sink = { .color = s->color };
	struct markdown *m = markdown_new(s->columns, s->flags, 0, add_line, &sink);
	struct ink tail;

	buf_init(&sink.out, OUT_MAX);
	ink_init(&tail, OUT_MAX);
	piece = piece ? piece : text.len;
	while (text.len) {
		size_t len = piece < text.len ? piece : text.len;

		markdown_feed(m, span_of(text.ptr, len));
		markdown_tail(m, &tail);
		text = span_from(text, len);
	}
	markdown_end(m);
	markdown_free(m);
	ink_free(&tail);
	return sink.out.len ? buf_take(&sink.out) : mem_strdup("");
}

static void expect(const char *text, const struct setup *s, const char *lines)
{
	char *got = render(span_str(text), s, 0);

	if (strcmp(got, lines) != 0)
		fail_msg("of:\n%s\ncame:\n%s\nnot:\n%s", text, got, lines);
	mem_free(got);
}

static void marks_become_styles(void **state)
{
	static const struct {
		const char *text, *lines; /* <b> ... stand for SGR, see below */
	} cases[] = {
		{ "plain", "plain\n" },
		{ "a *b* c", "a {3}b{} c\n" },
		{ "a _b_ c", "a {3}b{} c\n" },
		{ "**b**", "{1}b{}\n" },
		{ "__b c__", "{1}b c{}\n" },
		{ "***b***", "{1;3}b{}\n" },
		{ "~~b~~ ~c~", "{9}b{} ~c~\n" },
		{ "**a *b* c**", "{1}a {1;3}b{1} c{}\n" },
		{ "*a **b** c*", "{3}a {1;3}b{3} c{}\n" },
		{ "**a *b***", "{1}a {1;3}b{}\n" },
		{ "`a*b*`", "{36}a*b*{}\n" },
		{ "`` a`b ``", "{36}a`b{}\n" },
		{ "*a `*` b*", "{3}a {3;36}*{3} b{}\n" },
		{ "[t](http://x)", "{4}t{2} (http://x){}\n" },
		{ "[http://x](http://x)", "{4}http://x{}\n" },
		{ "[**t**](u \"title\")", "{1;4}t{2} (u){}\n" },
		{ "![alt](p.png)", "{2;4}image: {4}alt{2} (p.png){}\n" },
		{ "<https://x.y>", "{4}https://x.y{}\n" },
		{ "# Big", "{1;4}Big{}\n" },
		{ "### Small ###", "{1}Small{}\n" },
		{ "# C#", "{1;4}C#{}\n" },
		/* What only looks like a mark. */
		{ "2 * 3 * 4", "2 * 3 * 4\n" },
		{ "*args and **kwargs", "*args and **kwargs\n" },
		{ "snake_case_name", "snake_case_name\n" },
		{ "__init__", "__init__\n" },
		{ "a `b", "a `b\n" },
		{ "[1] and [x](", "[1] and [x](\n" },
		{ "\\*a\\* \\\\", "*a* \\\n" },
		{ "&lt;b&gt; &amp;&copy;", "<b> &&copy;\n" },
		{ "#hash", "#hash\n" },
		{ "a < b > c", "a < b > c\n" },
		{ "*****", "{2}\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
			   "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500{}\n" },
		/* A bold phrase of CJK may touch its neighbours. */
		{ "\u4e2d**\u6587\u3002**\u5b57", "\u4e2d{1}\u6587\u3002{}\u5b57\n" },
	};
	struct setup s = { .columns = 20, .color = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf lines;

		buf_init(&lines, OUT_MAX);
		for (const char *at = cases[i].lines; *at; at++)
			if (*at == '{')
				buf_add_str(&lines, at[1] == '}' ? "\033[0" : "\033[0;");
			else
				buf_add_char(&lines, *at == '}' ? 'm' : *at);
		s.columns = strchr(cases[i].text, '(') ? 60 : 20;
		expect(cases[i].text, &s, buf_str(&lines));
		buf_free(&lines);
	}
}

static void lines_are_folded_at_words(void **state)
{
	static const struct {
		const char *text, *lines;
	} cases[] = {
		{ "aaaa bbbb cccc dddd eeee", "aaaa bbbb cccc dddd\neeee\n" },
		{ "aaaa bbbb cccc ddddd eeee", "aaaa bbbb cccc ddddd\neeee\n" },
		{ "aaaa bbbb cccc dddddd", "aaaa bbbb cccc\ndddddd\n" },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaaaaaa\naaaaa\n" },
		{ "- aaaa bbbb cccc dddd", "\u2022 aaaa bbbb cccc\n  dddd\n" },
		{ "10. aaaa bbbb cccc dddd", "10. aaaa bbbb cccc\n    dddd\n" },
		{ "- a\n  - b", "\u2022 a\n  \u2022 b\n" },
		{ "> aaaa bbbb cccc dddd\n> x", "\u2502 aaaa bbbb cccc\n\u2502 dddd\n\u2502 x\n" },
		{ ">> aaaa bbbb cccc dddd", "\u2502 \u2502 aaaa bbbb cccc\n\u2502 \u2502 dddd\n" },
		/* Wide characters may be parted anywhere, and never stick out. */
		{ "a\u4e2d\u6587\u5b57\u7b26\u4e5f\u8981\u6298\u884c\u7684\u54e6",
		  "a\u4e2d\u6587\u5b57\u7b26\u4e5f\u8981\u6298\u884c\u7684\n\u54e6\n" },
		{ "a\n\n\n\nb\n\n", "a\n\nb\n" },
		{ "\n\na", "a\n" },
		{ "a\r\nb\r\n", "a\nb\n" },
		{ "a  \nb", "a\nb\n" },
		{ "\ta", "  a\n" },
		{ "```c\nint  x;\n\n  /* a comment longer than the line */\n```\nafter",
		  "c\n  int  x;\n\n    /* a comment longer than the line */\nafter\n" },
		{ "```\na `b`\n", "  a `b`\n" },
		{ "~~~\n```\n~~~", "  ```\n" },
		{ "- a\n  ```\n  b\n    c\n  ```", "\u2022 a\n    b\n      c\n" },
		{ "```not a fence```", "not a fence\n" },
		{ "a\n\n    code  *x*\n\nb", "a\n\n  code  *x*\n\nb\n" },
	};
	const struct setup s = { .columns = 20 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect(cases[i].text, &s, cases[i].lines);
}

static void tables_are_fitted(void **state)
{
	static const struct {
		size_t columns;
		const char *text, *lines;
	} cases[] = {
		{ 40, "|a|b|\n|-|-|\n|1|2|\n", "a \u2502 b\n\u2500\u2500\u253c\u2500\u2500\n1 \u2502 2\n" },
		{ 40, "| a | bbb |\n|--:|:---:|\n| 10 | 2 |\nx",
		  " a \u2502 bbb\n\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u2500\n10 \u2502  2\nx\n" },
		{ 20, "|a|b|\n|-|-|\n|1|one two three four|\n",
		  "a \u2502 b\n\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
		  "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\n1 \u2502 one two three\n  \u2502 four\n" },
		{ 40, "|a|b|\n|-|-|\n|x\\|y|\n", NULL },
		{ 40, "| not | a table\nx", "| not | a table\nx\n" },
		{ 40, "|a|\n|b|\n", "|a|\n|b|\n" },
		/* No room for columns, or only for parts of words: a row is lines of its own. */
		{ 20, "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n|1|2|3|4|5|6|\n",
		  "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\nf: 6\n" },
		{ 20, "|Name|What it means|\n|-|-|\n|alphabetical|sortedfromatoz|\n|beta|the second of two|\nx",
		  "Name: alphabetical\nWhat it means:\n  sortedfromatoz\n\nName: beta\nWhat it means: the\n  second of two\nx\n" },
		{ 20, "|Name||\n|-|-|\n|alphabetical|sortedfromatoz|\n|beta|", "Name: alphabetical\nsortedfromatoz\n\nName: beta\n\n" },
		{ 21, "|a|b|c|d|e|f|\n|-|-|-|-|-|-|\n|1|2|3|4|5|6|\n",
		  "a \u2502 b \u2502 c \u2502 d \u2502 e \u2502 f\n"
		  "\u2500\u2500\u253c\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u253c\u2500\u2500\n"
		  "1 \u2502 2 \u2502 3 \u2502 4 \u2502 5 \u2502 6\n" },
		/* A word that has no room anywhere is cut where it is. */
		{ 20, "|a|b|\n|-|-|\n|1|0123456789012345678901234|\n",
		  "a \u2502 b\n\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
		  "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\n1 \u2502 0123456789012345\n  \u2502 678901234\n" },
		/* Wide characters may be parted anywhere: they are no long words. */
		{ 20, "|a|b|\n|-|-|\n|\u4e2d\u6587\u5b57\u7b26\u4e5f\u8981\u6298\u884c|\u4e2d\u6587\u5b57\u7b26\u4e5f\u8981\u6298\u884c\u7684|\n",
		  "a        \u2502 b\n"
		  "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\n"
		  "\u4e2d\u6587\u5b57\u7b26 \u2502 \u4e2d\u6587\u5b57\u7b26\n\u4e5f\u8981\u6298\u884c \u2502 \u4e5f\u8981\u6298\u884c\n"
		  "         \u2502 \u7684\n" },
		/* What has no words to lose is narrowed for what has. */
		{ 24, "|alphabetical|b|\n|-|-|\n|x|the second of two|\n",
		  "alphabetical \u2502 b\n"
		  "\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\n"
		  "x            \u2502 the\n"
		  "             \u2502 second of\n"
		  "             \u2502 two\n" },
		/* In a quote and in a list it stands where they do, each by itself. */
		{ 20, "> |a|b|\n> |-|-|\n> |1|one two three four|\n|c|\n|-|\n",
		  "\u2502 a \u2502 b\n\u2502 \u2500\u2500\u253c\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500\u2500"
		  "\u2500\u2500\u2500\u2500\u2500\u2500\n\u2502 1 \u2502 one two three\n\u2502   \u2502 four\nc\n\u2500\n" },
		{ 40, "- x\n\n  |a|b|\n  |-|-|\n  |1|2|\n\n  y\n", "\u2022 x\n\n  a \u2502 b\n  \u2500\u2500\u253c\u2500\u2500\n  1 \u2502 2\n\n  y\n" },
		{ 40, "> - x\n>   |a|\n>   |-|\n", "\u2502 \u2022 x\n\u2502   a\n\u2502   \u2500\n" },
		{ 40, "  |a|\n  |-|\n", "a\n\u2500\n" },
		{ 20, "> |no\n> |table of any kind\nx", "\u2502 |no\n\u2502 |table of any kind\nx\n" },
		{ 20, "> |a|b|c|d|e|f|\n> |-|-|-|-|-|-|\n> |1|2|3|4|5|6|\n",
		  "\u2502 a: 1\n\u2502 b: 2\n\u2502 c: 3\n\u2502 d: 4\n\u2502 e: 5\n\u2502 f: 6\n" },
		/* Nothing but heads. */
		{ 20, "|one|two|three|four|five|six|\n|-|-|-|-|-|-|\n",
		  "|one|two|three|four|\nfive|six|\n|-|-|-|-|-|-|\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct setup s = { .columns = cases[i].columns };
		char *got = render(span_str(cases[i].text), &s, 0);

		for (const char *at = got; *at; at += strcspn(at, "\n") + 1)
			assert_true(width_text(span_of(at, strcspn(at, "\n"))) <= s.columns);
		if (!cases[i].lines)
			assert_non_null(strstr(got, "x|y"));
		else if (strcmp(got, cases[i].lines) != 0)
			fail_msg("of:\n%s\ncame:\n%s", cases[i].text, got);
		mem_free(got);
	}
}

static void without_styles_headings_and_code_keep_their_marks(void **state)
{
	const struct setup s = { .columns = 40, .flags = MARKDOWN_MARKS | MARKDOWN_ASCII };

	(void)state;
	expect("# A\n`b` **c**\n- d\n> e\n---", &s,
	       "# A\n`b` c\n- d\n> e\n----------------------------------------\n");
	expect("```sh\nls\n```", &s, "```sh\n  ls\n```\n");
}

static void plain_text_is_only_folded(void **state)
{
	const struct setup s = { .columns = 20, .flags = MARKDOWN_PLAIN };

	(void)state;
	expect("# *a*\n\n\n- b  c\n    d\n| x |", &s, "# *a*\n\n\n- b  c\n    d\n| x |\n");
}

static void control_characters_are_made_harmless(void **state)
{
	static const char *const texts[] = {
		"a\033[2Jb", "`\033]52;c;AAAA\a`", "```\n\033c\n```", "|\033[1m|\n|-|\n|\b|\n",
		"[\033](\033\x9b)", "\xc2\x9b" "2J", "# \033[31m", "> \x7f", "\xe2\x80\xae" "abc",
	};
	const struct setup setups[] = { { .columns = 30 }, { .columns = 30, .flags = MARKDOWN_PLAIN } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		for (size_t k = 0; k < ARRAY_LEN(setups); k++) {
			char *got = render(span_str(texts[i]), &setups[k], 0);

			for (const unsigned char *at = (unsigned char *)got; *at; at++)
				if ((*at < 0x20 && *at != '\n') || *at == 0x7f)
					fail_msg("%zu: byte %02x", i, *at);
			assert_null(strstr(got, "\xc2\x9b"));
			assert_null(strstr(got, "\xe2\x80\xae"));
			mem_free(got);
		}
}

static const char document[] =
	"# Title *it*\n\nSome **bold text**, `code`, [a *link*](http://x.y/z) and 2 * 3.\n"
	"- one two three four five six seven\n  1. two\n\n> quote **b**\n>\n> - c\n\n"
	"```c\nint x; /* `` */\n```\n| a | b |\n|---|:-:|\n| **1** | a long cell of words |\n\n"
	"> | a | b |\n> |---|---|\n> | *1* | more |\n|c|\n|-|\n"
	"    code\n\n---\n***a*** *b **c** d* ~~e~~ \\* &amp; <http://x> <br> __init__\n"
	"\u4e2d\u6587\u5b57 \U0001f469\u200d\U0001f467 e\u0301 \xff\xfe \xe4\xb8\n- [ ] x\n*\n**\n-\n1.\n#\n>\n";

static void every_split_gives_the_same_lines(void **state)
{
	const struct setup setups[] = {
		{ .columns = 20, .color = true },
		{ .columns = 0 },
		{ .columns = 33, .flags = MARKDOWN_MARKS | MARKDOWN_ASCII },
		{ .columns = 21, .flags = MARKDOWN_PLAIN },
	};
	struct span text = span_of(document, sizeof document - 1);

	(void)state;
	for (size_t k = 0; k < ARRAY_LEN(setups); k++) {
		char *whole = render(text, &setups[k], 0);

		for (size_t piece = 1; piece < 40; piece++) {
			char *cut = render(text, &setups[k], piece);

			assert_string_equal(cut, whole);
			mem_free(cut);
		}
		mem_free(whole);
	}
}

static void what_is_told_does_not_change(void **state)
{
	const struct setup s = { .columns = 30, .color = true };
	char *whole = render(span_of(document, sizeof document - 1), &s, 0);
	struct sink sink = { .color = true };
	struct markdown *m = markdown_new(s.columns, s.flags, 0, add_line, &sink);

	(void)state;
	buf_init(&sink.out, OUT_MAX);
	for (size_t i = 0; i < sizeof document - 1; i++) {
		markdown_feed(m, span_of(document + i, 1));
		assert_true(sink.out.len <= strlen(whole));
		assert_memory_equal(buf_str(&sink.out), whole, sink.out.len);
	}
	markdown_free(m);
	buf_free(&sink.out);
	mem_free(whole);
}

/* A paragraph is not held back until its end. */
static void long_lines_leave_while_they_come(void **state)
{
	struct sink sink = { .color = false };
	struct markdown *m = markdown_new(20, 0, 0, add_line, &sink);

	(void)state;
	buf_init(&sink.out, OUT_MAX);
	markdown_feed(m, SPAN_LIT("aaaa bbbb cccc dddd eeee ff"));
	assert_string_equal(buf_str(&sink.out), "aaaa bbbb cccc dddd\n");
	markdown_free(m);
	buf_free(&sink.out);
}

static void endless_lines_are_bounded(void **state)
{
	static const char *const units[] = { "*", "`", "[", "a", "|", " ", "\xe4\xb8\xad", "-", "\\", "<", ">" };
	const struct setup s = { .columns = 80 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		struct buf text;
		char *whole, *cut;

		buf_init(&text, OUT_MAX);
		while (text.len < 200000)
			buf_add_str(&text, units[i]);
		whole = render(buf_span(&text), &s, 0);
		cut = render(buf_span(&text), &s, 4093);
		assert_string_equal(cut, whole);
		mem_free(whole);
		mem_free(cut);
		buf_free(&text);
	}
}

static void a_page_parts_thoughts_from_the_answer(void **state)
{
	const struct page_setup setup = { .columns = 30, .color = true, .markdown = true, .is_unicode = true };
	struct buf lines, tail;
	struct page *p;

	(void)state;
	buf_init(&lines, OUT_MAX);
	buf_init(&tail, OUT_MAX);
	p = page_new(&setup, &lines);
	page_feed(p, PAGE_THOUGHT, SPAN_LIT("hm"));
	page_tail(p, &tail);
	assert_string_equal(buf_str(&tail), "\033[0;2mhm\033[0m");
	page_feed(p, PAGE_ANSWER, SPAN_LIT("yes, an answer that is longer"));
	assert_string_equal(buf_str(&lines), "\033[0;2mhm\033[0m\n\n");
	page_tail(p, &tail);
	assert_string_equal(buf_str(&tail), "yes, an answer that is longer");
	page_feed(p, PAGE_ANSWER, SPAN_LIT(" still"));
	page_tail(p, &tail);
	assert_string_equal(buf_str(&tail), "still");
	page_end(p);
	assert_true(span_ends(buf_span(&lines), "longer\nstill\n"));
	page_free(p);
	buf_free(&lines);
	buf_free(&tail);
}

static void a_note_does_not_end_what_is_coming(void **state)
{
	const struct page_setup setup = { .columns = 30, .markdown = true, .is_unicode = true };
	struct buf lines;
	struct page *p;

	(void)state;
	buf_init(&lines, OUT_MAX);
	p = page_new(&setup, &lines);
	page_feed(p, PAGE_ANSWER, SPAN_LIT("```\n*a*\n*b"));
	page_note(p, STYLE_DIM, SPAN_LIT("[note]"));
	page_feed(p, PAGE_ANSWER, SPAN_LIT("*\n```\n"));
	page_end(p);
	assert_string_equal(buf_str(&lines), "```\n  *a*\n[note]\n  *b*\n```\n");
	page_free(p);
	buf_free(&lines);
}

static void widths_are_those_of_a_terminal(void **state)
{
	static const struct {
		const char *text;
		size_t width, cut_at_3; /* bytes of the prefix of at most three cells */
	} cases[] = {
		{ "", 0, 0 },           { "abcd", 4, 3 },          { "\u4e2d\u6587", 4, 3 },
		{ "e\u0301abc", 4, 5 }, { "a\u200db", 1, 5 },      { "\u2764\ufe0f", 1, 6 },
		{ "ab\u4e2d", 4, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		assert_int_equal(width_text(span_str(cases[i].text)), cases[i].width);
		assert_int_equal(width_cut(span_str(cases[i].text), 3), cases[i].cut_at_3);
	}
}

static void broken_lines_take_more_rows(void **state)
{
	static const struct {
		const char *text;
		size_t columns, rows;
	} cases[] = {
		{ "", 4, 1 },
		{ "abcd", 4, 1 },
		{ "abcde", 4, 2 },
		{ "abcdefghi", 4, 3 },
		{ "abcdefghi", 0, 1 },
		{ "abcdefghi\nb", 0, 2 },
		{ "abcd\nabcde\n", 4, 4 },
		{ "\n\n", 4, 3 },
		{ "\033[2mabcd\033[0m", 4, 1 },
		{ "\033[2mabc\033[1;34md\033[0me", 4, 2 },
		/* What has no room for both its cells goes to the next row. */
		{ "abc\u4e2dabc", 4, 3 },
		{ "ab\u4e2d", 4, 1 },
		{ "[queued: it is sent when the answer has ended]", 46, 1 },
		{ "[queued: it is sent when the answer has ended]", 40, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(width_rows(span_str(cases[i].text), cases[i].columns), cases[i].rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(marks_become_styles),
		cmocka_unit_test(lines_are_folded_at_words),
		cmocka_unit_test(tables_are_fitted),
		cmocka_unit_test(without_styles_headings_and_code_keep_their_marks),
		cmocka_unit_test(plain_text_is_only_folded),
		cmocka_unit_test(control_characters_are_made_harmless),
		cmocka_unit_test(every_split_gives_the_same_lines),
		cmocka_unit_test(what_is_told_does_not_change),
		cmocka_unit_test(long_lines_leave_while_they_come),
		cmocka_unit_test(endless_lines_are_bounded),
		cmocka_unit_test(a_page_parts_thoughts_from_the_answer),
		cmocka_unit_test(a_note_does_not_end_what_is_coming),
		cmocka_unit_test(widths_are_those_of_a_terminal),
		cmocka_unit_test(broken_lines_take_more_rows),
	};

	setlocale(LC_CTYPE, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
