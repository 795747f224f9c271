/*
 * cmd/tenant.h - what the commands of the group tenant share: one question to the gateway.
 */
#ifndef SPASS_CMD_TENANT_H
#define SPASS_CMD_TENANT_H

#include "cmd/cmd.h"
#include "cmd/grid.h"

struct tenant_request {
	const char *method; /* NULL: GET */
	const char *path;
	json_t *body;       /* borrowed; NULL: none */
};

/* Asks the gateway that is found or started; an answer without a body is null.  The caller owns
 * it. */
json_t *tenant_ask(const struct cmd_globals *g, const struct tenant_request *ask, struct err *err);
/* The items of all pages of path.  The caller owns the list. */
json_t *tenant_ask_all(const struct cmd_globals *g, const char *path, struct err *err);
/* g with the tenant that is the operand, if there is one; -1 with E_usage when --tenant names another. */
int tenant_choose(const struct cmd_globals *g, int argc, char **argv, struct cmd_globals *out, struct err *err);
/* An amount of money; "-" when it is null, which is not known. */
void tenant_add_amount(struct grid *grid, const json_t *amount, enum grid_style style);
/* A table of member and value. */
void tenant_print_members(const struct cmd_globals *g, json_t *object);

#endif
