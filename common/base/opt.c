/* common/base/opt.c - reading arguments by a table, and the help made of the same table. */
#include "common/base/opt.h"

#include "common/base/mem.h"
#include "common/base/near.h"

#include <stdio.h>
#include <string.h>

enum { HELP_COLUMN_MAX = 32 };

/* One option as it was written, for the messages: "--port" or "-p". */
struct seen {
	const struct opt *row;
	char text[64];
	const char *value; /* NULL: none attached */
	bool negated;
};

static bool takes_value(const struct opt *row)
{
	return row->kind != OPT_SWITCH && row->kind != OPT_COUNT;
}

static const struct opt *find_name(const struct opt *table, struct span name)
{
	for (; table->kind != OPT_END; table++)
		if (table->name && span_is(name, table->name))
			return table;
	return NULL;
}

static const struct opt *find_letter(const struct opt *table, char letter)
{
	for (; table->kind != OPT_END; table++)
		if (table->letter == letter)
			return table;
	return NULL;
}

static int fail_unknown(const struct opt *table, struct span name, struct err *err)
{
	struct near similar;

	near_init(&similar, name);
	for (const struct opt *row = table; row->kind != OPT_END; row++)
		if (row->name)
			near_offer(&similar, row->name);
	if (near_best(&similar))
		return err_set(err, E_usage, "", "unknown option --%.*s; did you mean --%s?",
			       SPAN_ARGS(name), near_best(&similar));
	return err_set(err, E_usage, "", "unknown option --%.*s", SPAN_ARGS(name));
}

int opt_duration(struct span text, int64_t *ms)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = { { "ms", 1 },	{ "s", 1000 },	    { "m", 60000 },
		      { "h", 3600000 }, { "d", 86400000 }, { "", 1000 } };
	size_t digits = 0;
	int64_t number;

	while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
		digits++;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (!span_is(span_from(text, digits), units[i].unit))
			continue;
		if (span_to_int(span_of(text.ptr, digits), 0, INT64_MAX / units[i].ms, &number) < 0)
			return -1;
		*ms = number * units[i].ms;
		return 0;
	}
	return -1;
}

/* span_to_int has no sign, because fields of protocols have none; command lines do. */
static int parse_int(struct span text, int64_t min, int64_t max, int64_t *value)
{
	bool negative = text.len > 0 && text.ptr[0] == '-';
	int64_t number;

	if (span_to_int(span_from(text, negative), 0, INT64_MAX, &number) < 0)
		return -1;
	if (negative)
		number = -number;
	if (number < min || number > max)
		return -1;
	*value = number;
	return 0;
}

static bool is_choice(struct span choices, struct span value)
{
	while (choices.ptr)
		if (span_equal(span_cut(&choices, '|'), value))
			return true;
	return false;
}

/* Writes the value where the row says; values is the command's struct. */
static int store(const struct seen *seen, void *values, struct err *err)
{
	const struct opt *row = seen->row;
	void *at = (char *)values + row->offset;
	struct opt_texts *texts = at;
	struct span text = span_str(seen->value);

	switch (row->kind) {
	case OPT_SWITCH:
		*(bool *)at = !seen->negated;
		return 0;
	case OPT_COUNT:
		++*(int *)at;
		return 0;
	case OPT_TEXT:
		if (row->once && *(const char **)at)
			return err_set(err, E_usage, "", "%s is given twice, and names one", seen->text);
		*(const char **)at = seen->value;
		return 0;
	case OPT_TEXTS:
		if (texts->count == OPT_TEXTS_MAX)
			return err_set(err, E_usage, "", "%s is given more than %d times",
				       seen->text, OPT_TEXTS_MAX);
		texts->items[texts->count++] = seen->value;
		return 0;
	case OPT_INT:
		if (parse_int(text, row->min, row->max, at) == 0)
			return 0;
		return err_set(err, E_usage, "",
			       "%s wants a whole number from %lld to %lld, not \"%.64s\"",
			       seen->text, (long long)row->min, (long long)row->max, seen->value);
	case OPT_DURATION:
		if (opt_duration(text, at) == 0 && *(int64_t *)at >= row->min)
			return 0;
		return err_set(err, E_usage, "",
			       "%s wants a duration such as 500ms, 10s, 5m or 2h, not \"%.64s\"",
			       seen->text, seen->value);
	case OPT_CHOICE:
		if (is_choice(span_str(row->choices), text)) {
			*(const char **)at = seen->value;
			return 0;
		}
		return err_set(err, E_usage, "", "%s wants one of %s, not \"%.64s\"", seen->text,
			       row->choices, seen->value);
	case OPT_END:
		break;
	}
	return -1;
}

/* The value in the next argument when the row wants one; *i moves past it. */
static int fetch_value(struct seen *seen, int argc, char **argv, int *i, struct err *err)
{
	if (!takes_value(seen->row))
		return seen->value ? err_set(err, E_usage, "", "%s takes no value", seen->text) : 0;
	if (!seen->value)
		seen->value = seen->row->implied;
	if (seen->value)
		return 0;
	if (*i + 1 >= argc)
		return err_set(err, E_usage, "", "%s wants a value", seen->text);
	seen->value = argv[++*i];
	return 0;
}

static int parse_long(const struct opt *table, void *values, int argc, char **argv, int *i,
		      struct err *err)
{
	struct span rest = span_str(argv[*i] + 2);
	struct span name = span_cut(&rest, '=');
	struct seen seen = { .row = find_name(table, name), .value = rest.ptr };

	if (!seen.row && span_starts(name, "no-")) {
		seen.row = find_name(table, span_from(name, 3));
		seen.negated = true;
		if (seen.row && seen.row->kind != OPT_SWITCH)
			seen.row = NULL;
	}
	if (!seen.row)
		return fail_unknown(table, name, err);
	snprintf(seen.text, sizeof(seen.text), "--%.*s", SPAN_ARGS(name));
	if (fetch_value(&seen, argc, argv, i, err) < 0)
		return -1;
	return store(&seen, values, err);
}

/* "-vvx", "-oFILE", "-o FILE". */
static int parse_short(const struct opt *table, void *values, int argc, char **argv, int *i,
		       struct err *err)
{
	for (const char *at = argv[*i] + 1; *at; at++) {
		struct seen seen = { .row = find_letter(table, *at) };

		if (!seen.row)
			return err_set(err, E_usage, "", "unknown option -%c in %.64s", *at, argv[*i]);
		snprintf(seen.text, sizeof(seen.text), "-%c", *at);
		if (takes_value(seen.row) && at[1])
			seen.value = at + 1;
		if (fetch_value(&seen, argc, argv, i, err) < 0 || store(&seen, values, err) < 0)
			return -1;
		if (takes_value(seen.row))
			break;
	}
	return 0;
}

int opt_parse(const struct opt *table, void *values, int argc, char **argv, struct err *err)
{
	bool ended = false;
	int operands = 0;

	for (int i = 0; i < argc; i++) {
		char *arg = argv[i];
		int result;

		if (ended || arg[0] != '-' || arg[1] == '\0') {
			argv[operands++] = arg;
			continue;
		}
		if (strcmp(arg, "--") == 0) {
			ended = true;
			continue;
		}
		if (arg[1] == '-')
			result = parse_long(table, values, argc, argv, &i, err);
		else
			result = parse_short(table, values, argc, argv, &i, err);
		if (result < 0)
			return -1;
	}
	return operands;
}

/* "  -p, --port NUMBER" */
static void help_left(const struct opt *row, struct buf *out)
{
	const char *argument = row->argument ? row->argument : row->choices;

	if (row->letter)
		buf_printf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "      --%s", row->name);
	if (takes_value(row))
		buf_printf(out, row->implied ? "[=%s]" : " %s", argument ? argument : "VALUE");
}

void opt_help_text(const char *text, size_t indent, struct buf *out)
{
	size_t at = indent;

	while (*text) {
		size_t gap = strspn(text, " "), word = strcspn(text + gap, " \n");
		bool is_ended = *text == '\n', is_full = at > indent && at + gap + word > OPT_HELP_COLUMNS;

		if (is_ended || is_full) {
			buf_printf(out, "\n%*s", (int)indent, "");
			text += is_ended ? 1 : gap;
			at = indent;
			continue;
		}
		buf_add(out, text, gap + word);
		text += gap + word;
		at += gap + word;
	}
	buf_add_char(out, '\n');
}

int opt_help(const struct opt *table, struct buf *out)
{
	size_t column = 0;

	/* Written once to be measured, then taken back. */
	for (const struct opt *row = table; row->kind != OPT_END; row++) {
		size_t before = out->len, width;

		help_left(row, out);
		width = out->len - before + 2;
		buf_truncate(out, before);
		if (width > column && width <= HELP_COLUMN_MAX)
			column = width;
	}
	for (const struct opt *row = table; row->kind != OPT_END; row++) {
		size_t before = out->len, width;

		if (!row->help)
			continue;
		help_left(row, out);
		width = out->len - before;
		if (width + 2 > column) {
			buf_add_char(out, '\n');
			width = 0;
		}
		buf_printf(out, "%*s", (int)(column - width), "");
		opt_help_text(row->help, column, out);
	}
	return buf_failed(out) ? -1 : 0;
}
