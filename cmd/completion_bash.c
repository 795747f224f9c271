/* cmd/completion_bash.c - for bash 4 and later; does not need the bash-completion package. */
#include "cmd/completion.h"

#include <string.h>

static void add_command(const struct cmd *c, struct buf *out)
{
	struct opt options[CMD_OPTIONS_MAX];
	struct buf operands;
	char path[CMD_PATH_SIZE];

	buf_init(&operands, CMD_OUTPUT_MAX);
	cmd_path(c, path);
	cmd_options(c, options);
	completion_operands(c, &operands);
	buf_printf(out, "\t\"%s\") options=\"", path);
	for (const struct opt *row = options; row->kind != OPT_END; row++) {
		if (row->letter)
			buf_printf(out, "%s-%c", row == options ? "" : " ", row->letter);
		buf_printf(out, "%s--%s", row == options && !row->letter ? "" : " ", row->name);
	}
	buf_add_char(out, '"');
	if (operands.len)
		buf_printf(out, " operands=\"%s\"", buf_str(&operands));
	else if (c->complete == OPT_FILE)
		buf_add_str(out, " action=file");
	else if (completion_lister(c->complete))
		buf_printf(out, "; [[ $current == -* ]] || operands=\"$(%s)\"", completion_lister(c->complete));
	if (c->complete_first)
		buf_printf(out, "; [[ $current == -* || $count -gt 0 ]] || { action=\"\" operands=\"$(%s)\"; }",
			   completion_lister(c->complete_first));
	buf_add_str(out, " ;;\n");
	buf_free(&operands);
}

static bool is_seen(const struct opt *row, const struct cmd *const *until)
{
	for (const struct cmd *const *c = cmd_table; c != until; c++) {
		struct opt options[CMD_OPTIONS_MAX];

		cmd_options(*c, options);
		for (const struct opt *other = options; other->kind != OPT_END; other++)
			if (!strcmp(other->name, row->name) && completion_takes_value(other))
				return true;
	}
	return false;
}

static void add_value(const struct opt *row, struct buf *out)
{
	struct buf words;

	buf_init(&words, CMD_OUTPUT_MAX);
	completion_words(row->complete, row->choices, &words);
	buf_printf(out, "\t--%s", row->name);
	if (row->letter)
		buf_printf(out, "|-%c", row->letter);
	if (words.len)
		buf_printf(out, ") values=\"%s\" ;;\n", buf_str(&words));
	else if (completion_lister(row->complete))
		buf_printf(out, ") values=\"$(%s)\" ;;\n", completion_lister(row->complete));
	else if (row->complete == OPT_FILE || row->complete == OPT_DIR)
		buf_printf(out, ") action=%s ;;\n",
			   row->complete == OPT_FILE ? "file" : "directory");
	else
		buf_add_str(out, ") action=none ;;\n");
	buf_free(&words);
}

static void add_values(struct buf *out)
{
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		struct opt options[CMD_OPTIONS_MAX];

		cmd_options(*c, options);
		for (const struct opt *row = options; row->kind != OPT_END; row++)
			if (completion_takes_value(row) && !is_seen(row, c))
				add_value(row, out);
	}
}

/* "--model|-m|--system": what is followed by a value. */
static void add_takers(struct buf *out)
{
	bool more = false;

	for (const struct cmd *const *c = cmd_table; *c; c++) {
		struct opt options[CMD_OPTIONS_MAX];

		cmd_options(*c, options);
		for (const struct opt *row = options; row->kind != OPT_END; row++) {
			if (!completion_takes_value(row) || is_seen(row, c))
				continue;
			buf_printf(out, "%s--%s", more ? "|" : "", row->name);
			if (row->letter)
				buf_printf(out, "|-%c", row->letter);
			more = true;
		}
	}
}

static void add_first_words(struct buf *out)
{
	const struct cmd *c;
	const char *word;

	for (size_t i = 0; (word = completion_first_word(i, &c)); i++)
		buf_printf(out, "%s%s", i ? " " : "", word);
}

static void add_groups(struct buf *out)
{
	const struct cmd *first;
	const char *word;

	for (size_t i = 0; (word = completion_first_word(i, &first)); i++) {
		if (!first->group)
			continue;
		buf_printf(out, "\t%s) verbs=\"", word);
		for (const struct cmd *const *c = cmd_table; *c; c++)
			if ((*c)->group && !strcmp((*c)->group, word))
				buf_printf(out, "%s%s", *c == first ? "" : " ", (*c)->name);
		buf_add_str(out, "\" ;;\n");
	}
}

int completion_bash(struct buf *out)
{
	buf_add_str(out, "# bash completion of spass; written by `spass completion bash`\n"
			 "_spass()\n{\n"
			 "\tlocal current=\"${COMP_WORDS[COMP_CWORD]}\" "
			 "previous=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
			 "\tlocal command=\"\" verbs=\"\" options=\"\" operands=\"\" values=\"\" "
			 "action=\"\" word i count=0\n"
			 "\tCOMPREPLY=()\n\n"
			 "\tcase \"$previous\" in\n");
	add_values(out);
	buf_add_str(out, "\tesac\n"
			 "\tcase \"$action\" in\n"
			 "\tfile) mapfile -t COMPREPLY < <(compgen -f -- \"$current\"); compopt -o "
			 "filenames; return ;;\n"
			 "\tdirectory) mapfile -t COMPREPLY < <(compgen -d -- \"$current\"); "
			 "compopt -o filenames; return ;;\n"
			 "\tnone) return ;;\n"
			 "\tesac\n"
			 "\tif [[ -n $values ]]; then\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -W \"$values\" -- \"$current\")\n"
			 "\t\treturn\n"
			 "\tfi\n\n"
			 "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
			 "\t\tword=\"${COMP_WORDS[i]}\"\n"
			 "\t\t[[ $word == -* ]] && continue\n"
			 "\t\tif [[ -z $command ]]; then\n"
			 "\t\t\tcommand=$word\n"
			 "\t\telif [[ -n $verbs && $command != *\" \"* ]]; then\n"
			 "\t\t\tcommand=\"$command $word\"\n"
			 "\t\telse\n"
			 "\t\t\tcase \"${COMP_WORDS[i-1]}\" in\n\t\t\t");
	add_takers(out);
	buf_add_str(out, ") ;;\n"
			 "\t\t\t*) ((++count)) ;;\n"
			 "\t\t\tesac\n"
			 "\t\tfi\n"
			 "\t\tcase \"$command\" in\n");
	add_groups(out);
	buf_add_str(out, "\t\tesac\n"
			 "\tdone\n\n"
			 "\tcase \"$command\" in\n"
			 "\t\"\") operands=\"");
	add_first_words(out);
	buf_add_str(out, "\" options=\"-h --help -V --version\" ;;\n");
	for (const struct cmd *const *c = cmd_table; *c; c++)
		add_command(*c, out);
	buf_add_str(out, "\t*) operands=\"$verbs\" options=\"-h --help\" ;;\n"
			 "\tesac\n"
			 "\tif [[ $current == -* ]]; then\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
			 "\telif [[ $action == file ]]; then\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\"); compopt -o filenames\n"
			 "\telse\n"
			 "\t\tmapfile -t COMPREPLY < <(compgen -W \"$operands\" -- \"$current\")\n"
			 "\tfi\n"
			 "}\n"
			 "complete -F _spass spass\n");
	return buf_failed(out) ? -1 : 0;
}
