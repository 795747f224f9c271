/*
 * cmd/session.h - what the commands about conversations have in common.
 */
#ifndef SPASS_CMD_SESSION_H
#define SPASS_CMD_SESSION_H

#include "cmd/cmd.h"
#include "cmd/gateway.h"

struct session_link {
	struct gateway *gateway;
	struct wire_target target;
	struct wire *wire;
};

/* The gateway that is found or started; 0, or -1 with err.  session_close in any case. */
int session_open(struct session_link *l, const struct cmd_globals *g, struct err *err);
/* Adds to err, of what failed, what there is to say about credentials. */
void session_close(struct session_link *l, struct err *err);
/* The whole conversation that is meant; the caller owns it. */
json_t *session_get(struct session_link *l, const char *reference, struct err *err);
/* The document with "schema_version" on stdout.  Takes root. */
void session_print_json_take(json_t *root);
/* The id on stdout, or with --json the row.  Takes row. */
void session_print_row_take(const struct cmd_globals *g, json_t *row);

/* Where stdout is a terminal its columns, else 0. */
size_t session_columns(void);
/* text, cut to so many columns with an ellipsis; 0 columns: all of it.  The caller frees. */
char *session_fit(const char *text, size_t columns);

/* Own options are rows of this kind. */
#define SESSION_FLAGS (CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE)

#endif
