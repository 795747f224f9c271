/*
 * cmd/session.h - what the commands about conversations have in common.
 */
#ifndef SPASS_CMD_SESSION_H
#define SPASS_CMD_SESSION_H

#include "cmd/cmd.h"
#include "cmd/gateway.h"

/*
 * As gateway_link_open.  The conversations are those of one user: where the gateway wants one named and
 * none is, of who runs the command.  Else an administrator would read, and could name, those of all.
 */
int session_link_open(struct gateway_link *l, const struct cmd_globals *g, struct err *err);
/* The whole conversation that is meant; the caller owns it. */
json_t *session_get(struct gateway_link *l, const char *reference, struct err *err);
/* The id on stdout, or with --json the row.  Takes row. */
void session_print_row_take(const struct cmd_globals *g, json_t *row);

/* Own options are rows of this kind. */
#define SESSION_FLAGS (CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE)

#endif
