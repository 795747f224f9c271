/* cmd/completion_zsh.c - for zsh, by _arguments and _describe. */
#include "cmd/completion.h"

#include <string.h>

/* Inside '...' and inside [...] of _arguments. */
static void add_quoted(const char *text, struct buf *out)
{
	for (; *text; text++) {
		if (*text == '\'')
			buf_add_str(out, "'\\''");
		else if (strchr("[]:\\", *text))
			buf_printf(out, "\\%c", *text);
		else
			buf_add_char(out, *text);
	}
}

static void add_action(enum opt_complete complete, const char *choices,
		       const struct cmd *operands_of, struct buf *out)
{
	struct buf words;

	buf_init(&words, CMD_OUTPUT_MAX);
	if (operands_of)
		completion_operands(operands_of, &words);
	else
		completion_words(complete, choices, &words);
	if (words.len)
		buf_printf(out, "(%s)", buf_str(&words));
	else if (completion_lister(complete))
		buf_printf(out, "{compadd -- $(%s)}", completion_lister(complete));
	else if (complete == OPT_FILE)
		buf_add_str(out, "_files");
	else if (complete == OPT_DIR)
		buf_add_str(out, "_files -/");
	else
		buf_add_char(out, ' ');
	buf_free(&words);
}

static void add_option(const struct opt *row, struct buf *out)
{
	const char *repeat = row->kind == OPT_TEXTS || row->kind == OPT_COUNT ? "*" : "";
	bool value = completion_takes_value(row);

	buf_add_str(out, " \\\n\t\t\t");
	if (row->letter)
		buf_printf(out, "%s{-%c,--%s%s}", *repeat ? "\\*" : "", row->letter, row->name,
			   value ? "=" : "");
	buf_printf(out, "'");
	if (!row->letter)
		buf_printf(out, "%s--%s%s", repeat, row->name, value ? "=" : "");
	buf_add_char(out, '[');
	add_quoted(row->help ? row->help : "", out);
	buf_add_char(out, ']');
	if (value) {
		buf_add_char(out, ':');
		add_quoted(row->argument ? row->argument : row->name, out);
		buf_add_char(out, ':');
		add_action(row->complete, row->choices, NULL, out);
	}
	buf_add_char(out, '\'');
}

static void add_command(const struct cmd *c, struct buf *out)
{
	struct opt options[CMD_OPTIONS_MAX];
	char path[CMD_PATH_SIZE];

	cmd_path(c, path);
	cmd_options(c, options);
	buf_printf(out, "\t'%s')\n\t\t_arguments -s", path);
	for (const struct opt *row = options; row->kind != OPT_END; row++)
		add_option(row, out);
	if (c->complete_first) {
		buf_add_str(out, " \\\n\t\t\t'1:");
		add_quoted(c->operands, out);
		buf_add_char(out, ':');
		add_action(c->complete_first, NULL, NULL, out);
		buf_add_char(out, '\'');
	}
	if (c->operands && !(c->complete_first && c->operands_max == 1)) {
		buf_printf(out, " \\\n\t\t\t'%s:", c->operands_max == 1 ? "1" : "*");
		add_quoted(c->operands, out);
		buf_add_char(out, ':');
		add_action(c->complete, c->choices, c, out);
		buf_add_char(out, '\'');
	}
	buf_add_str(out, "\n\t\t;;\n");
}

static void add_described(const char *word, const char *summary, struct buf *out)
{
	buf_printf(out, " '%s:", word);
	add_quoted(summary, out);
	buf_add_char(out, '\'');
}

static void add_groups(struct buf *out)
{
	const struct cmd *first;
	const char *word;

	for (size_t i = 0; (word = completion_first_word(i, &first)); i++) {
		if (!first->group)
			continue;
		buf_printf(out, "\t%s)\n\t\tif ((CURRENT == 3)); then\n\t\t\twords_of=(", word);
		for (const struct cmd *const *c = cmd_table; *c; c++)
			if ((*c)->group && !strcmp((*c)->group, word))
				add_described((*c)->name, (*c)->summary, out);
		buf_add_str(out, " )\n\t\t\t_describe command words_of\n\t\t\treturn\n\t\tfi\n"
				 "\t\tcommand=\"$command $words[3]\"\n\t\tshift 2 "
				 "words\n\t\t((CURRENT -= 2))\n\t\t;;\n");
	}
}

int completion_zsh(struct buf *out)
{
	const struct cmd *c;
	const char *word;

	buf_add_str(out, "#compdef spass\n# written by `spass completion zsh`\n\n_spass()\n{\n"
			 "\tlocal command=$words[2]\n\tlocal -a words_of\n\n"
			 "\tif ((CURRENT == 2)); then\n\t\twords_of=(");
	for (size_t i = 0; (word = completion_first_word(i, &c)); i++) {
		if (c->group)
			buf_printf(out, " '%s'", word);
		else
			add_described(word, c->summary, out);
	}
	buf_add_str(out,
		    " )\n\t\t_describe command words_of\n\t\treturn\n\tfi\n\tcase $command in\n");
	add_groups(out);
	buf_add_str(out, "\t*)\n\t\tshift words\n\t\t((CURRENT -= 1))\n\t\t;;\n\tesac\n\tcase "
			 "$command in\n");
	for (const struct cmd *const *row = cmd_table; *row; row++)
		add_command(*row, out);
	buf_add_str(out, "\tesac\n}\n\n"
			 "if [[ $funcstack[1] == _spass ]]; then\n\t_spass \"$@\"\nelse\n\tcompdef "
			 "_spass spass\nfi\n");
	return buf_failed(out) ? -1 : 0;
}
