/* Tests of common/rag/reading_command.c: loader commands, and PDF made by groff. */
#include "common/rag/reading.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/loop/child.h"
#include "tests/support/reading.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char directory[] = "/tmp/spass-test-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? setenv("TMPDIR", directory, 1) : -1;
}

/* Fails when something was left there. */
static int remove_directory(void **state)
{
	(void)state;
	return rmdir(directory);
}

static int run_loader(const char *name, const char *bytes, const char *command, struct reading *r, struct err *err)
{
	struct reader_command commands[] = { { "xyz", command }, { "*", "tr a-z A-Z <\"$1\"" } };
	struct reader_options options = { .commands = commands, .command_count = 2,
					  .limits = { .seconds = 1, .text_max = 10000 } };

	reading_init(r);
	return read_document(r, name, NULL, span_str(bytes), &options, err);
}

static void loaders_are_given_a_file_of_their_own(void **state)
{
	static const struct {
		const char *name, *bytes, *command, *text, *type;
	} cases[] = {
		{ "a.XYZ", "hello", "rev \"$1\"", "olleh\n", "command" },
		{ "a.xyz", "x", "stat -c %a \"$1\"; basename \"$1\" | sed 's/.*\\.//'", "600\nxyz\n", "command" },
		{ "a.xyz", "x", "printf '# H\\f\\ntext'", "# H\n\ntext\n", "command" },
		{ "a.bin", "\1\2\3\4binary", "false", "\1\2\3\4BINARY", "command" },
		{ "a.txt", "text", "false", "text\n", "text" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct reading r;

		if (run_loader(cases[i].name, cases[i].bytes, cases[i].command, &r, &err) < 0) {
			/* what is binary stays so */
			assert_int_equal(err.code, E_unsupported_document);
			assert_true(cases[i].text[0] == '\1');
		} else {
			reading_check_whole(&r);
			assert_string_equal(buf_str(&r.text), cases[i].text);
			assert_string_equal(r.type, cases[i].type);
		}
		reading_free(&r);
	}
}

static void failures_of_loaders_have_what_they_said(void **state)
{
	static const struct {
		const char *command, *says;
		enum err_code code;
	} cases[] = {
		{ "echo 'no such thing' >&2; exit 3", "status 3: no such thing", E_loader_failed },
		{ "not-a-program-of-ours \"$1\"", "status 127", E_loader_failed },
		{ "echo stuck >&2; sleep 100", "longer than 1 s: stuck", E_loader_failed },
		{ "kill -SEGV $$", "signal 11", E_loader_failed },
		{ "yes", "longer than 10000 bytes", E_document_too_large },
		{ "printf 'a\\0b'", "binary", E_unsupported_document },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct reading r;

		if (i + 1 == ARRAY_LEN(cases)) {
			struct reader_command one = { "xyz", cases[i].command };
			struct reader_options options = { .commands = &one, .command_count = 1 };

			reading_init(&r);
			assert_int_equal(read_document(&r, "a.xyz", NULL, SPAN_LIT("x"), &options, &err), -1);
		} else {
			assert_int_equal(run_loader("a.xyz", "x", cases[i].command, &r, &err), -1);
		}
		assert_int_equal(err.code, cases[i].code);
		assert_non_null(strstr(err.message, cases[i].says));
		reading_free(&r);
	}
}

/* ---- PDF ---- */

/* What groff makes of three pages; false where it is not installed. */
static bool make_pdf(const char *line, struct buf *pdf)
{
	const char *argv[] = { "/bin/sh", "-c", line, NULL };
	struct child_options o = { .argv = argv, .timeout_ms = 60000 };
	struct child_end end;

	if (child_run(&o, pdf, &end, NULL) == 0 && end.status == 0 && pdf->len > 0)
		return true;
	print_message("there is no groff that makes PDF\n");
	return false;
}

static void a_sentence_of_page_three_is_on_page_three(void **state)
{
	static const char line[] = "printf '%s\\n' 'First page.' .bp 'Second page.' .bp "
				   "'The heron stood in the third page.' 'Caf\\[e aa] here.' | groff -Tpdf";
	struct err err = ERR_INIT;
	struct reading r;
	struct buf pdf;
	const char *found;

	(void)state;
	buf_init(&pdf, MIB);
	if (!make_pdf(line, &pdf)) {
		buf_free(&pdf);
		skip();
	}
	reading_init(&r);
	assert_int_equal(read_document(&r, "a.pdf", NULL, buf_span(&pdf), NULL, &err), -1);
	assert_non_null(strstr(err.message, "a scan")); /* so little text */
	reading_free(&r);
	buf_clear(&pdf);
	assert_true(make_pdf("for p in 1 2 3; do echo \"This is page $p, whose heron number $p stands in the reeds.\"; "
			     "echo .bp; done | groff -Tpdf", &pdf));
	assert_int_equal(read_document(&r, "a.pdf", NULL, buf_span(&pdf), NULL, &err), 0);
	reading_check_whole(&r);
	assert_string_equal(r.type, "pdf");
	found = strstr(buf_str(&r.text), "heron number 3 stands in the reeds.");
	assert_non_null(found);
	assert_in_range(r.mark_count, 3, 4);
	for (size_t i = 0; i < r.mark_count; i++) {
		size_t at = (size_t)(found - r.text.ptr);

		assert_int_equal(r.marks[i].kind, MARK_PAGE);
		assert_int_equal(r.marks[i].level, (int)i + 1);
		assert_int_equal(at >= r.marks[i].start && at < r.marks[i].end, i == 2);
	}
	reading_free(&r);
	buf_free(&pdf);
}

static void a_pdf_is_called_what_its_maker_called_it(void **state)
{
	static const struct {
		const char *given, *title;
	} cases[] = {
		{ "The Lights of the Coast", "The Lights of the Coast" },
		{ "Title pages", "Title pages" },
		{ "untitled", NULL },
		{ "Microsoft Word - Draft 3", NULL },
		{ "paper.TEX", NULL },
		{ "2021-03", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		struct reading r;
		struct buf pdf;
		char *line = mem_printf("printf '%%s\\n' '.pdfinfo /Title %s' 'A page about herons, "
					"gulls and terns.' | groff -Tpdf",
					cases[i].given);

		buf_init(&pdf, MIB);
		if (!make_pdf(line, &pdf)) {
			buf_free(&pdf);
			mem_free(line);
			skip();
		}
		reading_init(&r);
		assert_int_equal(read_document(&r, "a.pdf", NULL, buf_span(&pdf), NULL, &err), 0);
		if (cases[i].title)
			assert_string_equal(r.title, cases[i].title);
		else
			assert_null(r.title);
		reading_free(&r);
		buf_free(&pdf);
		mem_free(line);
	}
}

/* The smallest that wants a password: standard security handler, keys that fit no empty one. */
static const char encrypted[] =
	"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
	"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n"
	"4 0 obj<</Filter/Standard/V 1/R 2/P -4/O<0000000000000000000000000000000000000000000000000000000000000000>"
	"/U<0000000000000000000000000000000000000000000000000000000000000000>>>endobj\n"
	"trailer<</Root 1 0 R/Encrypt 4 0 R/ID[<00><00>]/Size 5>>\n%%EOF\n";

static void what_cannot_be_read_says_why(void **state)
{
	static const struct reading_case cases[] = {
		{ "a.pdf", encrypted, .code = E_document_unreadable, .says = "encrypted" },
		{ "a.pdf", "%PDF-1.4\nnothing", .code = E_document_unreadable,
		  .says = "the PDF is damaged: Couldn't find trailer dictionary; Couldn't read xref table" },
		{ "scan", "%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
			  "2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
			  "3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\ntrailer<</Root 1 0 R/Size 4>>\n%%EOF\n",
		  .code = E_document_unreadable, .says = "1 page hold almost no text (0 characters): a scan" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(loaders_are_given_a_file_of_their_own),
		cmocka_unit_test(failures_of_loaders_have_what_they_said),
		cmocka_unit_test(a_sentence_of_page_three_is_on_page_three),
		cmocka_unit_test(a_pdf_is_called_what_its_maker_called_it),
		cmocka_unit_test(what_cannot_be_read_says_why),
	};
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
