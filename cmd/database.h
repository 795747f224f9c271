/*
 * cmd/database.h - what `spass db` does with the gateway's database, be there a gateway or not.
 */
#ifndef SPASS_CMD_DATABASE_H
#define SPASS_CMD_DATABASE_H

#include "cmd/cmd.h"
#include "common/store/db.h"

/*
 * The configured database, which must be there; *indices, unless NULL, is the directory of those of
 * the tenants' indices, which need not.  The caller frees both, *indices also after NULL.
 */
char *database_find(const struct cmd_globals *g, char **indices, struct err *err);
/* Nobody else may have it open, or lets go of it within wait_ms.  NULL with err. */
struct db *database_open_alone(const char *path, int64_t wait_ms, struct err *err);
/* db_copy, with the progress on stderr and until a signal comes; what: the copy's name for that. */
int database_copy(const struct cmd_globals *g, const char *what, struct db *db, const char *to, bool replace,
		  struct err *err);
/* Of the file, in bytes; 0 when there is none. */
int64_t database_size(const char *path);
double database_mebibytes(int64_t bytes);

/* A row of the options that several of the commands have: of a struct with wait_ms. */
#define DATABASE_WAIT_OPTION(type)                                                             \
	{                                                                                      \
		.kind = OPT_DURATION, .name = "wait", .argument = "DURATION",                  \
		.help = "Wait so long for others to let go of the database",                   \
		.offset = offsetof(type, wait_ms),                                             \
	}

#endif
