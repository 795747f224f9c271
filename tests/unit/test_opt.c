/* Tests of common/base/opt.h. */
#include "common/base/opt.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

struct values {
	bool stream, color;
	const char *model, *format, *index;
	struct opt_texts files;
	int64_t port, timeout_ms;
	int verbose;
};

static const struct opt table[] = {
	{ .kind = OPT_SWITCH, .name = "stream", .letter = 's', .help = "print as it arrives",
	  .offset = offsetof(struct values, stream) },
	{ .kind = OPT_SWITCH, .name = "color", .help = "colours",
	  .offset = offsetof(struct values, color) },
	{ .kind = OPT_TEXT, .name = "model", .letter = 'm', .argument = "NAME",
	  .help = "the model", .offset = offsetof(struct values, model) },
	{ .kind = OPT_TEXTS, .name = "file", .letter = 'f', .argument = "FILE",
	  .help = "add a file", .offset = offsetof(struct values, files) },
	{ .kind = OPT_INT, .name = "port", .letter = 'p', .argument = "N", .help = "the port",
	  .offset = offsetof(struct values, port), .min = -5, .max = 65535 },
	{ .kind = OPT_DURATION, .name = "timeout", .letter = 't', .argument = "TIME",
	  .help = "give up after", .offset = offsetof(struct values, timeout_ms) },
	{ .kind = OPT_COUNT, .name = "verbose", .letter = 'v', .help = "say more",
	  .offset = offsetof(struct values, verbose) },
	{ .kind = OPT_TEXT, .name = "index", .argument = "NAME", .help = "the one to ask", .once = true,
	  .offset = offsetof(struct values, index) },
	{ .kind = OPT_CHOICE, .name = "format", .help = "how to print",
	  .offset = offsetof(struct values, format), .choices = "text|json|md" },
	{ .kind = OPT_END },
};

enum { ARGS_MAX = 100 };

/* Splits line at blanks ("_" stands for an empty argument), parses it. */
static int parse(const char *line, struct values *v, char **argv, struct err *err)
{
	static char text[4096];
	int argc = 0;
	char *at = text;

	snprintf(text, sizeof(text), "%s", line);
	*v = (struct values){ .color = true };
	err_clear(err);
	while (at && *at && argc < ARGS_MAX) {
		char *blank = strchr(at, ' ');

		if (blank)
			*blank++ = '\0';
		argv[argc++] = strcmp(at, "_") == 0 ? at + 1 : at;
		at = blank;
	}
	return opt_parse(table, v, argc, argv, err);
}

static void reads_every_kind_and_form(void **state)
{
	char *argv[ARGS_MAX];
	struct values v;
	struct err err;

	(void)state;
	assert_int_equal(parse("--stream --no-color --model=x=y -f a -fb --file=c --port -5 -t 5m "
			       "-vv --verbose --format json",
			       &v, argv, &err),
			 0);
	assert_true(v.stream);
	assert_false(v.color);
	assert_string_equal(v.model, "x=y");
	assert_int_equal(v.files.count, 3);
	assert_string_equal(v.files.items[0], "a");
	assert_string_equal(v.files.items[1], "b");
	assert_string_equal(v.files.items[2], "c");
	assert_int_equal(v.port, -5);
	assert_int_equal(v.timeout_ms, 300000);
	assert_int_equal(v.verbose, 3);
	assert_string_equal(v.format, "json");
	/* Bundles end at the option that takes a value. */
	assert_int_equal(parse("-vsmx", &v, argv, &err), 0);
	assert_true(v.stream);
	assert_string_equal(v.model, "x");
	assert_int_equal(parse("-vsm x --model= --stream --no-stream", &v, argv, &err), 0);
	assert_string_equal(v.model, "");
	assert_false(v.stream);
	/* A value may look like an option. */
	assert_int_equal(parse("--model --stream", &v, argv, &err), 0);
	assert_string_equal(v.model, "--stream");
}

static void an_implied_value_never_takes_the_next_argument(void **state)
{
	static const struct opt implied[] = {
		{ .kind = OPT_INT, .name = "port", .argument = "N", .implied = "1", .min = -1, .max = 9,
		  .offset = offsetof(struct values, port), .help = "x" },
		{ .kind = OPT_END },
	};
	char bare[] = "--port", word[] = "5", given[] = "--port=-1";
	char *argv[] = { bare, word }, *other[] = { given };
	struct err err = ERR_INIT;
	struct values v = { .port = 0 };
	struct buf help;

	(void)state;
	assert_int_equal(opt_parse(implied, &v, 2, argv, &err), 1);
	assert_int_equal(v.port, 1);
	assert_string_equal(argv[0], "5");
	assert_int_equal(opt_parse(implied, &v, 1, other, &err), 0);
	assert_int_equal(v.port, -1);
	buf_init(&help, 1000);
	opt_help(implied, &help);
	assert_non_null(strstr(buf_str(&help), "--port[=N]"));
	buf_free(&help);
}

static void operands_move_to_the_front(void **state)
{
	char *argv[ARGS_MAX];
	struct values v;
	struct err err;

	(void)state;
	assert_int_equal(parse("a -v b - -m x _ -- -v --no", &v, argv, &err), 6);
	assert_string_equal(argv[0], "a");
	assert_string_equal(argv[1], "b");
	assert_string_equal(argv[2], "-");
	assert_string_equal(argv[3], "");
	assert_string_equal(argv[4], "-v");
	assert_string_equal(argv[5], "--no");
	assert_int_equal(v.verbose, 1);
	assert_string_equal(v.model, "x");
	assert_int_equal(parse("", &v, argv, &err), 0);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "--modle x", "unknown option --modle; did you mean --model?" },
		{ "--mod x", "unknown option --mod" },
		{ "--mo x", "unknown option --mo" },
		{ "--zzz", "unknown option --zzz" },
		{ "--=x", "unknown option --" },
		{ "-x", "unknown option -x in -x" },
		{ "-vx", "unknown option -x in -vx" },
		{ "--model", "--model wants a value" },
		{ "-m", "-m wants a value" },
		{ "--index a --index=b", "--index is given twice, and names one" },
		{ "--stream=yes", "--stream takes no value" },
		{ "--no-color=x", "--no-color takes no value" },
		{ "--verbose=2", "--verbose takes no value" },
		{ "--no-model", "unknown option --no-model" },
		{ "--no-verbose", "unknown option --no-verbose; did you mean --verbose?" },
		{ "--port 65536", "--port wants a whole number from -5 to 65535, not \"65536\"" },
		{ "--port -6", "--port wants a whole number from -5 to 65535, not \"-6\"" },
		{ "--port 1x", "--port wants a whole number from -5 to 65535, not \"1x\"" },
		{ "-p _", "-p wants a whole number from -5 to 65535, not \"\"" },
		{ "-p -", "-p wants a whole number from -5 to 65535, not \"-\"" },
		{ "-t 5x", "-t wants a duration such as 500ms, 10s, 5m or 2h, not \"5x\"" },
		{ "--format tex", "--format wants one of text|json|md, not \"tex\"" },
		{ "--format _", "--format wants one of text|json|md, not \"\"" },
		{ "--format text|json", "--format wants one of text|json|md, not \"text|json\"" },
	};
	char *argv[ARGS_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct values v;
		struct err err = ERR_INIT;

		assert_int_equal(parse(cases[i].line, &v, argv, &err), -1);
		assert_int_equal(err.code, E_usage);
		assert_string_equal(err.message, cases[i].message);
	}
}

static void a_repeated_option_has_a_limit(void **state)
{
	char line[OPT_TEXTS_MAX * 4 + 8] = "";
	char *argv[ARGS_MAX];
	struct values v;
	struct err err = ERR_INIT;

	(void)state;
	for (size_t i = 0; i < OPT_TEXTS_MAX; i++)
		memcpy(line + 4 * i, "-fx ", 4);
	assert_int_equal(parse(line, &v, argv, &err), 0);
	assert_int_equal(v.files.count, OPT_TEXTS_MAX);
	memcpy(line + 4 * OPT_TEXTS_MAX, "-fx", 4);
	assert_int_equal(parse(line, &v, argv, &err), -1);
	assert_string_equal(err.message, "-f is given more than 64 times");
}

static void durations_have_units_and_bounds(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "0", 0 },
		{ "90", 90000 },
		{ "500ms", 500 },
		{ "10s", 10000 },
		{ "5m", 300000 },
		{ "2h", 7200000 },
		{ "90d", 7776000000 },
		{ "9223372036854775807ms", INT64_MAX },
		{ "9223372036854775s", INT64_C(9223372036854775000) },
		{ "9223372036854776s", -1 },
		{ "9223372036854775808ms", -1 },
		{ "2562047788016h", -1 },
		{ "", -1 },
		{ "ms", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "+1s", -1 },
		{ "1.5s", -1 },
		{ "1 s", -1 },
		{ "1S", -1 },
		{ "1w", -1 },
		{ "1sm", -1 },
		{ "1h30m", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ms = -1;

		assert_int_equal(opt_duration(span_str(cases[i].text), &ms),
				 cases[i].ms < 0 ? -1 : 0);
		assert_int_equal(ms, cases[i].ms);
	}
	assert_int_equal(opt_duration(SPAN_NONE, &(int64_t){ 0 }), -1);
}

static void a_duration_may_have_a_least_one(void **state)
{
	static const struct opt positive[] = {
		{ .kind = OPT_DURATION, .name = "expires", .argument = "DURATION", .min = 1,
		  .offset = offsetof(struct values, timeout_ms) },
		{ .kind = OPT_END },
	};
	char none[] = "--expires=0s", least[] = "--expires=1ms";
	char *zero[] = { none }, *one[] = { least };
	struct err err = ERR_INIT;
	struct values v = { .timeout_ms = 0 };

	(void)state;
	assert_int_equal(opt_parse(positive, &v, 1, zero, &err), -1);
	assert_int_equal(err.code, E_usage);
	assert_int_equal(opt_parse(positive, &v, 1, one, &err), 0);
	assert_int_equal(v.timeout_ms, 1);
}

static void help_is_aligned(void **state)
{
	static const struct opt rows[] = {
		{ .kind = OPT_SWITCH, .name = "stream", .letter = 's', .help = "as it arrives" },
		{ .kind = OPT_TEXT, .name = "model", .letter = 'm', .argument = "NAME",
		  .help = "the model" },
		{ .kind = OPT_CHOICE, .name = "format", .choices = "a|b", .help = "how" },
		{ .kind = OPT_TEXT, .name = "a-very-long-option-name", .argument = "SOMETHING",
		  .help = "wraps" },
		{ .kind = OPT_SWITCH, .name = "hidden" },
		{ .kind = OPT_END },
	};
	struct buf out;

	(void)state;
	buf_init(&out, 1000);
	assert_int_equal(opt_help(rows, &out), 0);
	assert_string_equal(buf_str(&out), "  -s, --stream      as it arrives\n"
					   "  -m, --model NAME  the model\n"
					   "      --format a|b  how\n"
					   "      --a-very-long-option-name SOMETHING\n"
					   "                    wraps\n");
	buf_free(&out);
	buf_init(&out, 20);
	assert_int_equal(opt_help(rows, &out), -1);
	buf_free(&out);
	buf_init(&out, 1000);
	opt_help_text("Eighty columns hold what stands here, to the very end of this line, and: "
			       "1234567\nAnother  line, of which this-word-is-as-long-as-it-is-and-goes-down, "
			       "with what follows.\nLast.", 4, &out);
	assert_string_equal(buf_str(&out),
			    "Eighty columns hold what stands here, to the very end of this line, and:\n"
			    "    1234567\n"
			    "    Another  line, of which this-word-is-as-long-as-it-is-and-goes-down, with\n"
			    "    what follows.\n    Last.\n");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_every_kind_and_form),
		cmocka_unit_test(an_implied_value_never_takes_the_next_argument),
		cmocka_unit_test(operands_move_to_the_front),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(a_repeated_option_has_a_limit),
		cmocka_unit_test(durations_have_units_and_bounds),
		cmocka_unit_test(a_duration_may_have_a_least_one),
		cmocka_unit_test(help_is_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
