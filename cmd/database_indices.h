/*
 * cmd/database_indices.h - the databases of the tenants' indices, which lie beside the gateway's own.
 */
#ifndef SPASS_CMD_DATABASE_INDICES_H
#define SPASS_CMD_DATABASE_INDICES_H

#include "cmd/cmd.h"

struct database_indices_sum {
	int64_t databases, indices, bytes, findings;
};

/*
 * Copies each database below from to a file of its name below to, as database_copy does; neither
 * need be there.  to is made when there is something to copy.  When it replaces, those of to that from
 * has no more are removed.
 */
int database_indices_copy(const struct cmd_globals *g, const char *from, const char *to, bool replace,
			  struct database_indices_sum *sum, struct err *err);
/* Checks every index below dir, as rag_check does; calls each for a finding. */
int database_indices_verify(const char *dir,
			    void (*each)(void *arg, struct span tenant, struct span index, const char *what,
					 struct span detail),
			    void *arg, struct database_indices_sum *sum, struct err *err);

#endif
