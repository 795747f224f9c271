/*
 * cmd/db_indices.h - the databases of the tenants' indices, which lie beside the gateway's own.
 */
#ifndef SPASS_CMD_DB_INDICES_H
#define SPASS_CMD_DB_INDICES_H

#include "common/base/err.h"
#include "common/store/db.h"

struct db_indices_sum {
	int64_t databases, indices, bytes, findings;
};

/*
 * Copies each database below from to a file of its name below to, as db_copy does; neither need be
 * there.  to is made when there is something to copy.
 */
int db_indices_copy(const char *from, const char *to, const struct db_copying *how,
		    struct db_indices_sum *sum, struct err *err);
/* Checks every index below dir, as rag_check does; calls each for a finding. */
int db_indices_verify(const char *dir,
		      void (*each)(void *arg, struct span tenant, struct span index, const char *what, struct span detail),
		      void *arg, struct db_indices_sum *sum, struct err *err);

#endif
