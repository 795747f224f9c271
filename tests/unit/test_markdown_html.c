/* Tests of common/chat/markdown_html.h. */
#include "common/chat/markdown_html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

static void markdown_becomes_tags_and_nothing_else_does(void **state)
{
	static const struct {
		const char *text, *html;
	} cases[] = {
		{ "Some *light* and **strong** `<code>`.",
		  "<p>Some <em>light</em> and <strong>strong</strong> <code>&lt;code&gt;</code>.</p>\n" },
		{ "```c\nint a < b;\n```\n", "<pre><code>int a &lt; b;\n</code></pre>\n" },
		{ "# Head\n\n> said\n", "<h3>Head</h3>\n<blockquote><p>said</p>\n</blockquote>\n" },
		{ "- one\n- two\n", "<ul><li>one</li>\n<li>two</li>\n</ul>\n" },
		{ "3. three\n", "<ol start=\"3\"><li>three</li>\n</ol>\n" },
		{ "| a | b |\n|---|---|\n| 1 | 2 |\n",
		  "<table><thead><tr><th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody><tr><td>1</td>\n"
		  "<td>2</td>\n</tr>\n</tbody>\n</table>\n" },
		{ "<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>\n" },
		{ "<b>bold</b> & more", "<p>&lt;b&gt;bold&lt;/b&gt; &amp; more</p>\n" },
		{ "[a](javascript:alert(1))", "<p>a</p>\n" },
		{ "[a](https://x.example/?a=1&b=\"2)",
		  "<p><a rel=\"noreferrer\" href=\"https://x.example/?a=1&amp;b=&quot;2\">a</a></p>\n" },
		{ "![cat](https://x.example/c.png)",
		  "<p><a rel=\"noreferrer\" href=\"https://x.example/c.png\">cat</a></p>\n" },
		{ "[![x](data:text/html,1)](https://y.example)",
		  "<p><a rel=\"noreferrer\" href=\"https://y.example\">x</a></p>\n" },
		{ "a &lt; b &amp; c", "<p>a &lt; b &amp; c</p>\n" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out;

		buf_init(&out, 64 * 1024);
		markdown_html(&out, span_str(cases[i].text));
		assert_string_equal(buf_str(&out), cases[i].html);
		buf_free(&out);
	}
}

static void what_does_not_fit_fails(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 8);
	markdown_html(&out, SPAN_LIT("more than eight bytes"));
	assert_true(buf_failed(&out));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(markdown_becomes_tags_and_nothing_else_does),
		cmocka_unit_test(what_does_not_fit_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
