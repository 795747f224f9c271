/* cmd/completion_fish.c - for fish: one `complete` line a word. */
#include "cmd/completion.h"

#include <string.h>

static void add_quoted(const char *text, struct buf *out)
{
	buf_add_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
	buf_add_char(out, '\'');
}

static void add_condition(const struct cmd *c, struct buf *out)
{
	if (c->group)
		buf_printf(out,
			   "complete -c spass -n '__fish_seen_subcommand_from %s; and "
			   "__fish_seen_subcommand_from %s'",
			   c->group, c->name);
	else
		buf_printf(out, "complete -c spass -n '__fish_seen_subcommand_from %s'", c->name);
}

/* The first operand follows the command's name, or nothing is known of it. */
static void add_first(const struct cmd *c, struct buf *out)
{
	buf_printf(out,
		   "complete -c spass -n '__fish_seen_subcommand_from %s; and "
		   "__fish_prev_arg_in %s' -a '(%s)'\n",
		   c->group ? c->group : c->name, c->name, completion_lister(c->complete_first));
}

static void add_option(const struct cmd *c, const struct opt *row, struct buf *out)
{
	struct buf words;

	buf_init(&words, CMD_OUTPUT_MAX);
	completion_words(row->complete, row->choices, &words);
	add_condition(c, out);
	buf_printf(out, " -l %s", row->name);
	if (row->letter)
		buf_printf(out, " -s %c", row->letter);
	if (words.len)
		buf_printf(out, " -x -a '%s'", buf_str(&words));
	else if (completion_lister(row->complete))
		buf_printf(out, " -x -a '(%s)'", completion_lister(row->complete));
	else if (completion_takes_value(row))
		buf_add_str(out, row->complete == OPT_FILE ? " -r -F"
				 : row->complete == OPT_DIR
					 ? " -x -a '(__fish_complete_directories)'"
					 : " -x");
	if (row->help) {
		buf_add_str(out, " -d ");
		add_quoted(row->help, out);
	}
	buf_add_char(out, '\n');
	buf_free(&words);
}

static void add_command(const struct cmd *c, struct buf *out)
{
	struct opt options[CMD_OPTIONS_MAX];
	struct buf operands;

	buf_init(&operands, CMD_OUTPUT_MAX);
	cmd_options(c, options);
	completion_operands(c, &operands);
	for (const struct opt *row = options; row->kind != OPT_END; row++)
		add_option(c, row, out);
	if (c->complete_first)
		add_first(c, out);
	if (c->complete == OPT_FILE) {
		add_condition(c, out);
		buf_add_str(out, " -F\n");
	} else if (operands.len) {
		add_condition(c, out);
		buf_printf(out, " -a '%s'\n", buf_str(&operands));
	} else if (completion_lister(c->complete)) {
		add_condition(c, out);
		buf_printf(out, " -a '(%s)'\n", completion_lister(c->complete));
	}
	buf_free(&operands);
}

static void add_group(const char *group, struct buf *out)
{
	struct buf verbs;

	buf_init(&verbs, CMD_OUTPUT_MAX);
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if ((*c)->group && !strcmp((*c)->group, group))
			buf_printf(&verbs, "%s%s", verbs.len ? " " : "", (*c)->name);
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		if (!(*c)->group || strcmp((*c)->group, group) != 0)
			continue;
		buf_printf(out,
			   "complete -c spass -n '__fish_seen_subcommand_from %s; and not "
			   "__fish_seen_subcommand_from %s' -a %s -d ",
			   group, buf_str(&verbs), (*c)->name);
		add_quoted((*c)->summary, out);
		buf_add_char(out, '\n');
	}
	buf_free(&verbs);
}

int completion_fish(struct buf *out)
{
	const struct cmd *c;
	const char *word;

	buf_add_str(out, "# fish completion of spass; written by `spass completion fish`\n"
			 "complete -c spass -f\n");
	for (size_t i = 0; (word = completion_first_word(i, &c)); i++) {
		buf_printf(out, "complete -c spass -n __fish_use_subcommand -a %s", word);
		if (!c->group) {
			buf_add_str(out, " -d ");
			add_quoted(c->summary, out);
		}
		buf_add_char(out, '\n');
		if (c->group)
			add_group(word, out);
	}
	for (const struct cmd *const *row = cmd_table; *row; row++)
		add_command(*row, out);
	return buf_failed(out) ? -1 : 0;
}
