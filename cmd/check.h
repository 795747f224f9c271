/*
 * cmd/check.h - what a gateway with this configuration would do, without starting one.
 */
#ifndef SPASS_CMD_CHECK_H
#define SPASS_CMD_CHECK_H

#include "cmd/cmd.h"

/*
 * Reads settings, catalogue, backends and token as the gateway would and prints a summary on stdout, with
 * --json as an object.  Makes and changes nothing.  0, or -1 with E_invalid_config or
 * E_storage_error; the message tells the faults of all of them.
 */
int check_config(const struct cmd_globals *g, struct err *err);
/*
 * Warns of variables that are named almost as one of a setting: what nobody reads else says nothing.
 * Others that begin with SPASS_ are somebody's own, as those that Kubernetes sets for a service.
 */
void check_variables(char *const *environment);

#endif
