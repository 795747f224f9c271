/* cmd/session.c - a gateway to ask about conversations, and how they are printed. */
#include "cmd/session.h"

#include "cmd/asking.h"
#include "common/base/mem.h"
#include "tui/models.h"
#include "tui/sessions.h"
#include "tui/width.h"

#include <string.h>
#include <unistd.h>

json_t *session_get(struct gateway_link *l, const char *reference, struct err *err)
{
	char *id = sessions_find(l->wire, reference, err);
	json_t *root = id ? sessions_get(l->wire, id, err) : NULL;

	mem_free(id);
	return root;
}

void session_print_row_take(const struct cmd_globals *g, json_t *row)
{
	if (g->json) {
		cmd_print_document_take(row);
		return;
	}
	puts(models_text(row, "id"));
	json_decref(row);
}

size_t session_columns(void)
{
	return isatty(STDOUT_FILENO) ? asking_page(false, false).columns : 0;
}

char *session_fit(const char *text, size_t columns)
{
	struct span all = span_str(text);
	bool is_unicode = asking_page(false, false).is_unicode;
	const char *mark = is_unicode ? "\xe2\x80\xa6" : "...";
	size_t room = is_unicode ? 1 : 3;

	if (!columns || width_text(all) <= columns)
		return mem_strdup(text);
	all.len = width_cut(all, columns > room ? columns - room : 0);
	return mem_printf("%.*s%s", SPAN_ARGS(all), mark);
}
