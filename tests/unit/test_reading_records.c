/* Tests of the readers of tables and records: CSV, JSON, notebooks, subtitles. */
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

static void rows_are_records_with_the_names_of_columns(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.csv", "name,city\nAda,London\n\"Bo \"\"B\"\"\",\"Oslo,\nNorway\"\n",
		  .text = "name: Ada\ncity: London\n\nname: Bo \"B\"\ncity: Oslo, Norway\n",
		  .marks = "record0(name: Ada..city: London)record0(name: Bo \"B\"..city: Oslo, Norway)" },
		{ "a.csv", "n;v\r\na;1,5\r\n;2\r\n", .text = "n: a\nv: 1,5\n\nv: 2\n" },
		{ "a.tsv", "n\tv, w\na\tb\n", .text = "n: a\nv, w: b\n" },
		{ "a.csv", "1,2\n3,4", .text = "column 1: 1\ncolumn 2: 2\n\ncolumn 1: 3\ncolumn 2: 4\n" },
		{ "a.csv", "one,two", .text = "column 1: one\ncolumn 2: two\n" },
		{ "a.csv", "a,b\n1,2,3\n", .text = "a: 1\nb: 2\ncolumn 3: 3\n" },
		{ "a.csv", "a,b\n\"never closed,2\n", .text = "a: never closed,2\n" },
		{ "a.csv", "", .text = "" },
		{ "a.csv", "\n\n", .text = "" },
		{ "a.csv", "x\0y", .len = 3, .code = E_unsupported_document, .says = "binary" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void json_becomes_lines_with_paths(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.json", "{\"title\":\"T\",\"a\":{\"b\":1,\"c\":null},\"tags\":[\"x\",\"y\\nz\"]}",
		  .text = "title: T\na.b: 1\ntags: x, y z\n", .title = "T",
		  .marks = "record0(title: T..tags: x, y z)" },
		{ "a.json", "[{\"n\":\"A\"},{\"n\":\"B\",\"\\u00e9\":true}]", .text = "n: A\n\nn: B\n\xc3\xa9: true\n",
		  .marks = "record0(n: A)record0(n: B..\xc3\xa9: true)" },
		{ "a.json", "{\"list\":[{\"a\":1},{\"a\":2}]}", .text = "list.a: 1\n\nlist.a: 2\n",
		  .marks = "record0(list.a: 1..list.a: 2)record1(list.a: 1)record1(list.a: 2)" },
		{ "a.json", "\"text\"", .text = "text\n" },
		{ "a.json", "{}", .text = "" },
		{ "a.json", "{ // why\n \"a\": 1 }", .text = "{ // why\n \"a\": 1 }\n" },
		{ "a.json", "{\"a\":1}\n{\"a\":2}\n", .text = "a: 1\n\na: 2\n" },
		{ "a.jsonl", "{\"a\":1}\r\n\nbroken {\n[1,2]\n", .text = "a: 1\n\nbroken {\n\n1, 2\n",
		  .marks = "record0(a: 1)record0(broken {)record0(1, 2)" },
		{ "a", "{\"a\":1}", .type = "application/json; charset=utf-8", .text = "a: 1\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void notebooks_are_their_cells(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.ipynb",
		  "{\"cells\":[{\"cell_type\":\"markdown\",\"source\":[\"# Head\\n\",\"text\"]},"
		  "{\"cell_type\":\"code\",\"source\":\"x = 1\\nx\",\"outputs\":[{\"text\":[\"1\\n\"]},"
		  "{\"data\":{\"image/png\":\"AAAA\",\"text/plain\":\"<Figure>\"}}]}],"
		  "\"metadata\":{\"language_info\":{\"name\":\"python\"}}}",
		  .text = "# Head\ntext\n\n```python\nx = 1\nx\n```\n\n1\n\n<Figure>\n",
		  .marks = "h1(# Head)code0(```python..```)", .title = "Head", .language = "python" },
		{ "a.ipynb", "{\"no\":\"cells\"}", .text = "no: cells\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

static void cues_are_behind_their_time(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.srt", "1\r\n00:00:01,500 --> 00:00:04,000\r\n<i>Hello</i>\r\n{\\an8}there\r\n\r\n2\n00:01:00,0 --> x\nEnd",
		  .text = "[00:00:01] Hello\nthere\n\n[00:01:00] End\n",
		  .marks = "record0([00:00:01] Hello..there)record0([00:01:00] End)" },
		{ "a.vtt", "WEBVTT - T\n\nNOTE no\n\n01:02.000 --> 01:03.000 line:0\n<v Ann>Hi</v> a < b\n",
		  .text = "[01:02] Ann: Hi a < b\n" },
		{ "a", "WEBVTT\n\n00:01.000 --> 00:02.000\nx\n", .text = "[00:01] x\n" },
	};

	(void)state;
	check_cases(cases, ARRAY_LEN(cases));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_records_with_the_names_of_columns),
		cmocka_unit_test(json_becomes_lines_with_paths),
		cmocka_unit_test(notebooks_are_their_cells),
		cmocka_unit_test(cues_are_behind_their_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
