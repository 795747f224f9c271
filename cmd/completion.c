/* cmd/completion.c - the words that all three shells offer. */
#include "cmd/completion.h"

#include <string.h>

static void add_choices(const char *choices, struct buf *out)
{
	struct span rest = span_str(choices);

	while (rest.ptr) {
		struct span word = span_cut(&rest, '|');

		buf_printf(out, "%s%.*s", out->len ? " " : "", SPAN_ARGS(word));
	}
}

void completion_words(enum opt_complete complete, const char *choices, struct buf *out)
{
	if (choices)
		add_choices(choices, out);
	else if (complete == OPT_ERROR_CODE)
		for (int code = E_none + 1; code < ERR_CODE_COUNT; code++)
			buf_printf(out, "%s%s", out->len ? " " : "",
				   err_info((enum err_code)code)->code);
	else if (complete == OPT_SETTING)
		for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
			buf_printf(out, "%s%s", out->len ? " " : "", config_table[i].name);
}

const char *completion_lister(enum opt_complete complete)
{
	switch (complete) {
	case OPT_MODEL:
		return "spass model list -q 2>/dev/null | tail -n +2 | cut -d \" \" -f 1";
	case OPT_CHAT_MODEL:
		return "spass model list -q 2>/dev/null | grep -E \" (chat|image) \" | cut -d \" \" -f 1";
	case OPT_EMBEDDING_MODEL:
		return "spass model list -q 2>/dev/null | grep \" embedding \" | cut -d \" \" -f 1";
	case OPT_SESSION:
		return "spass session list -q 2>/dev/null | cut -f 1 | sed \"1i @last\"";
	case OPT_INDEX:
		return "spass rag list -q 2>/dev/null | tail -n +2 | cut -d \" \" -f 1";
	default:
		return NULL;
	}
}

const char *completion_first_word(size_t index, const struct cmd **c)
{
	const char *last = "";

	for (const struct cmd *const *row = cmd_table; *row; row++) {
		const char *word = (*row)->group ? (*row)->group : (*row)->name;

		/* Rows of a group stand together. */
		if (!strcmp(word, last))
			continue;
		last = word;
		if (index-- == 0) {
			*c = *row;
			return word;
		}
	}
	return NULL;
}

void completion_operands(const struct cmd *c, struct buf *out)
{
	const struct cmd *row;
	const char *word;

	if (c != &cmd_help) {
		completion_words(c->complete, c->choices, out);
		return;
	}
	for (size_t i = 0; (word = completion_first_word(i, &row)); i++)
		buf_printf(out, "%s%s", i ? " " : "", word);
	buf_add_str(out, " exit-codes");
}

bool completion_takes_value(const struct opt *row)
{
	return row->kind != OPT_SWITCH && row->kind != OPT_COUNT && !row->implied;
}
