/* Tests of common/rag/reading_unpack.c. */
#include "common/base/mem.h"
#include "common/rag/reading.h"

#include "tests/support/reading.h"

#include <setjmp.h>
#include <cmocka.h>

/* Packed by gzip, bzip2, xz and zstd; two is two files of gzip, one behind the other. */
static const char manual_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\323\013\361P\360\017\011q\015R0\344\322\013"
	"\366P\360s\364u\345\312/)I-R\210\321U(.\317\314-\346\002\000"
	"\350\212\206\003$\000\000\000";
static const char html_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\263\311(\311\315\261\263\3110\264\363/)I"
	"-*\266\321\0072m\012\354B2R+\025\212\3133s\365l\364\013\354\200"
	"\242 e\000\205\\\327\252-\000\000\000";
static const char two_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\363\317K\325\343\002\000LQ\266b\005\000\000"
	"\000\037\213\010\000\000\000\000\000\002\003\013)\317\327\343\002\000\034j\000U\005\000"
	"\000\000";
static const char nothing_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\003\000\000\000\000\000\000\000\000\000";
static const char big_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\355\3011\001\000\000\000\302\240\332\213o\015\017"
	"\240\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000"
	"\000\200W\003q\021\007\376\240\206\001\000";
static const char program_gz[] =
	"\037\213\010\000\000\000\000\000\002\003\253w\365qcbdd\000\202z\254L\000"
	"\305\000^\217!\000\000\000";
static const char text_bz2[] =
	"BZh91AY&SY{@\367=\000\000\001\325\200\000\020@\001\000"
	"\000\202\"\034\200 \0001\000\323M\0050\017H\373\220 E#\205\334\221N"
	"\024$\036\320=\317@";
static const char text_xz[] =
	"\3757zXZ\000\000\004\346\326\264F\002\000!\001\026\000\000\000t/\345\243"
	"\001\000\014Otters swim.\012\000\000\000\000\220\335\266g"
	"\030<\020K\000\001%\015q\031\304\266\037\266\363}\001\000\000\000\000\004YZ";
static const char text_zst[] =
	"(\265/\375\004Xi\000\000Otters swim.\012R\333"
	"\037\327";

#define PACKED(name_, bytes_) .name = (name_), .bytes = (bytes_), .len = sizeof(bytes_) - 1

static void what_is_packed_reads_as_what_it_is(void **state)
{
	static const struct reading_case cases[] = {
		{ PACKED("otter.1.gz", manual_gz), .text = "NAME\n\notter - swims\n", .marks = "h1(NAME)", .title = "OTTER(1)" },
		{ PACKED("index.HTML.GZ", html_gz), .text = "Otters\n\nThey swim.\n", .marks = "h1(Otters)", .title = "Otters" },
		{ PACKED("two.txt.gz", two_gz), .text = "One.\nTwo.\n" },
		{ PACKED("nothing.gz", nothing_gz), .text = "" },
		{ PACKED("a.bz2", text_bz2), .text = "Otters swim.\n" },
		{ PACKED("a.md.xz", text_xz), .text = "Otters swim.\n" },
		{ PACKED("a.zst", text_zst), .text = "Otters swim.\n" },
		/* neither name nor content alone says so */
		{ .name = "a.gz", .bytes = "Otters swim.\n", .text = "Otters swim.\n" },
		{ .name = "a.txt", .bytes = "BZh is how bzip2 begins.\n", .text = "BZh is how bzip2 begins.\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

static void what_is_cut_off_or_too_much_is_refused(void **state)
{
	static const struct reading_case cases[] = {
		{ .name = "otter.1.gz", .bytes = manual_gz, .len = sizeof(manual_gz) - 12, .code = E_document_unreadable,
		  .says = "it cannot be unpacked" },
		{ .name = "big.txt.gz", .bytes = big_gz, .len = sizeof(big_gz) - 1, .limits = { .text_max = 1000 },
		  .code = E_document_too_large, .says = "come out" },
		{ .name = "big.txt.gz", .bytes = big_gz, .len = sizeof(big_gz) - 1, .limits = { .bytes_in = 1000 },
		  .code = E_document_too_large, .says = "it has 100000 bytes" },
		{ .name = "program.gz", .bytes = program_gz, .len = sizeof(program_gz) - 1,
		  .code = E_unsupported_document, .says = "binary" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		reading_check(&cases[i]);
}

/* Of a large file its beginning is looked at. */
static void what_nobody_reads_is_unknown_packed_or_not(void **state)
{
	(void)state;
	assert_false(reader_is_unknown("man/otter.1.gz", span_of(manual_gz, sizeof(manual_gz) - 1)));
	assert_false(reader_is_unknown("index.html.gz", span_of(html_gz, sizeof(html_gz) - 1)));
	assert_false(reader_is_unknown("big.gz", span_of(big_gz, sizeof(big_gz) - 20)));
	assert_true(reader_is_unknown("program.gz", span_of(program_gz, sizeof(program_gz) - 1)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_reads_as_what_it_is),
		cmocka_unit_test(what_is_cut_off_or_too_much_is_refused),
		cmocka_unit_test(what_nobody_reads_is_unknown_packed_or_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
