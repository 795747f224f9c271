/* Tests of common/rag/reading_code.c: languages and functions. */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"
#include "tests/support/reading.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static void languages_are_told_by_name_or_first_line(void **state)
{
	static const struct reading_case cases[] = {
		{ "src/a.c", "int x;\n", .language = "c" },
		{ "A.PY", "x = 1\n", .language = "python" },
		{ "Makefile", "all:\n", .language = "make" },
		{ "run", "#!/usr/bin/env -S python3.11 -u\nx\n", .language = "python" },
		{ "run", "#!/bin/sh\nx\n", .language = "shell" },
		{ "run", "#!/opt/what\nx\n", .text = "#!/opt/what\nx\n" },
		{ "a.unknown", "text\n", .text = "text\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

static void functions_are_marked_with_their_comments(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.c",
		  "#include <x.h>\n\n/* Adds. */\nstatic int add(int a,\n\t       int b)\n{\n\tif (a) {\n\t\tb++;\n\t}\n"
		  "\treturn a + b;\n}\n\nint main(void)\n{\n}\n",
		  .marks = "code1(/* Adds. */..})code1(int main(void)..})", .language = "c" },
		{ "a.js", "class A {\n  // says\n  hi(x) {\n    for (;;) {\n    }\n  }\n}\nconst f = (a) => {\n};\n",
		  .marks = "code1(class A {..})code2(  // says..})code1(const f = (a) => {..};)",
		  .language = "javascript" },
		{ "a.py", "import x\n\n@dec\ndef f(\n  a,\n):\n    return a\n\nclass C:\n    def m(self):\n        pass\n\n    x = 1\n\nrest()\n",
		  .marks = "code1(@dec..return a)code1(class C:..x = 1)code2(    def m(self):..pass)",
		  .language = "python" },
		{ "a.rb", "# doc\ndef f\n  if x\n    y\n  end\nend\nputs f\n", .marks = "code1(# doc..end)", .language = "ruby" },
		{ "a.el", "(defun a ()\n  1)\n; about b\n(defun b ()\n  2)\n",
		  .marks = "code1((defun a ()..1))code1(; about b..2))", .language = "lisp" },
		{ "a.c", "int f(void)\n{\n\tnever closed\n", .marks = "code1(int f(void)..never closed)", .language = "c" },
		{ "a.c", "}\n}\n{\n}\n", .language = "c", .marks = "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

static void the_row_lists_what_the_languages_have(void **state)
{
	const struct reader_row *row = reader_row(0);

	(void)state;
	for (size_t i = 0; strcmp(row->name, "code") != 0; i++)
		row = reader_row(i);
	for (size_t i = 0; code_extensions(i); i++) {
		struct span rest = span_str(code_extensions(i));

		while (rest.ptr && rest.len > 0)
			assert_true(reader_has_word(row->extensions, span_cut(&rest, ' ')));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(languages_are_told_by_name_or_first_line),
		cmocka_unit_test(functions_are_marked_with_their_comments),
		cmocka_unit_test(the_row_lists_what_the_languages_have),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
