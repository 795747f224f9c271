/* Tests of common/rag/reading_html.c. */
#include "common/rag/reading.h"

#include "common/base/mem.h"
#include "tests/support/reading.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void check_cases(const struct reading_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		reading_check(&cases[i]);
}

static void the_main_text_is_kept(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.html",
		  "<!DOCTYPE html><html><head><title>The &amp; page</title><style>p{}</style><script>var a = '<p>no</p>';"
		  "</script></head><body><nav>Home <a href=/>x</a></nav><h1>Head</h1>\n<p>One <b>bold</b>, a\n <a href='/l'>link</a>"
		  "&nbsp;&eacute;&#8364;&unknown;.</p><aside>ad</aside><p hidden>no</p><footer>(c)</footer></body></html>",
		  .text = "Head\n\nOne bold, a link \xc3\xa9\xe2\x82\xac&unknown;.\n", .marks = "h1(Head)", .title = "The & page" },
		{ "a.html", "<p>one<p>two<br>three<div>four</div>five", .text = "one\n\ntwo\nthree\n\nfour\nfive\n" },
		{ "a.htm", "<nav>only this</nav>", .text = "only this\n" },
		{ "a.html", "<h1>Head<a class='x headerlink' href='#h'>\xc2\xb6</a></h1><p>Text <a class=header>there</a>.",
		  .text = "Head\n\nText there.\n", .marks = "h1(Head)", .title = "Head" },
		{ "page", "\n<!doctype HTML><p>sniffed", .text = "sniffed\n" },
		{ "a.html", "<img src=x alt='A heron'> there", .text = "A heron there\n" },
		{ "a.html", "", .text = "" },
		{ "a.html", "<!-- never closed <p>x", .text = "" },
		{ "a.html", "<p>a < b && c > d</p>", .text = "a < b && c > d\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void a_link_to_its_own_heading_hides_no_words(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.html", "<h2><a class=headerlink href='#h'>Whole <b>heading</b></a></h2><p>x",
		  .text = "Whole heading\n\nx\n", .marks = "h2(Whole heading)", .title = "Whole heading" },
		{ "a.html", "<a class=permalink href='#h'><h2>Wrapped</h2></a><p>x",
		  .text = "Wrapped\n\nx\n", .marks = "h2(Wrapped)", .title = "Wrapped" },
		{ "a.html", "<main><a class=permalink href='#h'><span><h2>Wrapped</h2></span></a></main><p>x",
		  .text = "Wrapped\n\nx\n", .marks = "h2(Wrapped)", .title = "Wrapped" },
		/* A sign or a label beside the heading's own words is none of them. */
		{ "a.html", "<h2><a class=hash-link href='#h'>Link</a>Before</h2><h3>After<a class=doc-anchor>anchor</a></h3>",
		  .text = "Before\n\nAfter\n", .marks = "h2(Before)h3(After)", .title = "Before" },
		{ "a.html", "<h2><a class=permalink>\xc2\xa7</a></h2><p>x", .text = "x\n" },
		{ "a.html", "<h2><a class=permalink>Once</a></h2><h3></h3><p>x", .text = "Once\n\nx\n",
		  .marks = "h2(Once)", .title = "Once" },
		{ "a.html", "<h2><a class=permalink>Link</a>Before</h2><h3></h3><p>x", .text = "Before\n\nx\n",
		  .marks = "h2(Before)", .title = "Before" },
		/* Elsewhere it may be all that says what follows. */
		{ "a.html", "<div><a class=permalink href=/p>On herons</a></div><p>x<a class=headerlink>\xc2\xb6</a></p>",
		  .text = "On herons\n\nx\n" },
		{ "a.html", "<div><a class=permalink><svg><title>Icon</title></svg><b>On</b> <i hidden>no</i>herons</a></div>"
			    "<script class=permalink>run()</script><p>x",
		  .text = "On herons\n\nx\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

/* Notes are text; the numbers that lead to them and back are not. */
static void notes_are_kept_without_their_marks(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.html", "<p>Forty gulls<a href='#fn1' class='footnote-ref' role='doc-noteref'><sup>1</sup></a> came.</p><section role='doc-endnotes'>"
			    "<ol><li id=fn1><p>Larus.<a href='#fnref1' class=footnote-back role=doc-backlink>â©</a></p></li></ol></section>",
		  .text = "Forty gulls came.\n\n1. Larus.\n" },
		{ "a.html", "<p>Gulls<a class=sdfootnoteanc href='#s'><sup>1</sup></a> came<sup class=reference><a href='#c'>[2]</a></sup>.</p>"
			    "<div><p><a class=sdfootnotesym href='#a'>1</a>Larus, x<sup>2</sup> <a class=reference href=b>terns</a></p></div>",
		  .text = "Gulls came.\n\nLarus, x2 terns\n" },
		{ "a.xhtml", "<html xmlns:epub='e'><p>Gulls<sup><a epub:type='noteref' href='#n'>1</a></sup> came.</p>"
			     "<aside epub:type='footnote' id='n'><p><sup><a href='#c'>1</a></sup>Larus<sup>x</sup>.</p></aside><aside>Advertisement</aside></html>",
		  .text = "Gulls came.\n\nLarusx.\n" },
		{ "a.html", "<p>Gulls.</p><aside role='doc-footnote'>Larus.</aside>", .text = "Gulls.\n\nLarus.\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void main_wins_when_it_has_the_text(void **state)
{
	struct buf html, text;
	struct reading_case c = { .name = "a.html" };

	(void)state;
	buf_init(&html, MIB);
	buf_init(&text, MIB);
	for (int i = 0; i < 30; i++)
		buf_printf(&text, "%sword number %d", i ? " " : "", i);
	buf_printf(&html, "<div>menu</div><main><p>%s</p></main><div>more</div>", buf_str(&text));
	buf_add_char(&text, '\n');
	c.bytes = buf_str(&html);
	c.text = buf_str(&text);
	reading_check(&c);
	c.bytes = "<div>menu</div><main><p>short</p></main>";
	c.text = "menu\n\nshort\n";
	reading_check(&c);
	buf_free(&html);
	buf_free(&text);
}

static void lists_tables_and_code_are_marked(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.html", "<ul><li>a<li><p>b</p><ol><li>c</li><li>d</li></ol></li></ul><p>end",
		  .text = "- a\n- b\n  1. c\n  2. d\n\nend\n",
		  .marks = "item1(- a)item1(- b..2. d)item2(  1. c)item2(  2. d)" },
		{ "a.html", "<table><tr><th>n</th><th>v</th></tr><tr><td><p>a</p></td><td>1<br>2</td></tr></table>",
		  .text = "n | v\na | 1 2\n", .marks = "row1(n | v)row2(a | 1 2)" },
		{ "a.html", "<table><tr><td><h2>Layout</h2><p>text</p></td><td>side</td></tr></table>",
		  .text = "Layout\n\ntext\n\nside\n", .marks = "h2(Layout)", .title = "Layout" },
		{ "a.html", "<pre>int x;\n  int y;\n</pre>text", .text = "int x;\n  int y;\n\ntext\n",
		  .marks = "code0(int x;..int y;)" },
		{ "a.html", "<h2>Two <code>words</code><br>here</h2>x", .text = "Two words here\n\nx\n",
		  .marks = "h2(Two words here)", .title = "Two words here" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void charsets_come_from_the_page(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.html", "<meta charset=windows-1251><p>\xcf\xf0", .text = "\xd0\x9f\xd1\x80\n" },
		{ "a.html", "<meta http-equiv=Content-Type content='text/html; charset=iso-8859-1'><p>caf\xe9 \x93",
		  .text = "caf\xc3\xa9 \xe2\x80\x9c\n" },
		{ "a.html", "<meta charset=windows-1251><p>caf\xc3\xa9", .text = "caf\xc3\xa9\n" },
		{ "a.html", "<meta charset=koi8-r><p>\xf0\xd2", .type = "text/html; charset=windows-1251", .text = "\xd1\x80\xd0\xa2\n" },
		{ "a.html", "\xff\xfe<\0p\0>\0h\0i\0", .len = 12, .text = "hi\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void deep_nesting_and_limits_hold(void **state)
{
	struct reading_case c = { .name = "a.html", .limits = { .text_max = 1000 } };
	struct buf html;

	(void)state;
	buf_init(&html, 4 * MIB);
	for (int i = 0; i < 20000; i++)
		buf_add_str(&html, "<div><ul><li><table><tr><td>");
	buf_add_str(&html, "deep");
	c.bytes = buf_str(&html);
	reading_check(&c);
	buf_clear(&html);
	for (int i = 0; i < 200; i++)
		buf_add_str(&html, "<p>0123456789");
	c.bytes = buf_str(&html);
	c.code = E_document_too_large;
	c.says = "longer than 1000";
	reading_check(&c);
	buf_free(&html);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_main_text_is_kept),
		cmocka_unit_test(a_link_to_its_own_heading_hides_no_words),
		cmocka_unit_test(notes_are_kept_without_their_marks),
		cmocka_unit_test(main_wins_when_it_has_the_text),
		cmocka_unit_test(lists_tables_and_code_are_marked),
		cmocka_unit_test(charsets_come_from_the_page),
		cmocka_unit_test(deep_nesting_and_limits_hold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
