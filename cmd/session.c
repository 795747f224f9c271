/* cmd/session.c - a gateway to ask about conversations, and how they are printed. */
#include "cmd/session.h"

#include "common/base/mem.h"
#include "tui/models.h"
#include "tui/sessions.h"


int session_link_open(struct gateway_link *l, const struct cmd_globals *g, struct err *err)
{
	struct err fault = ERR_INIT;
	json_t *info;

	if (gateway_link_open(l, g, err) < 0)
		return -1;
	if (l->target.user)
		return 0;
	info = wire_get(l->wire, "/v1/info", models_is_info, &fault);
	/* A token may be for conversations alone. */
	if (!info && fault.code != E_insufficient_scope) {
		*err = fault;
		return -1;
	}
	if (models_needs_user(info))
		wire_name_user(l->wire);
	json_decref(info);
	return 0;
}

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
