/* cmd/cmd_db_vacuum.c - spass db vacuum: the database is written anew, without its gaps. */
#include "cmd/database.h"

#include "common/base/mem.h"
#include "common/store/migrate.h"

struct vacuum_options {
	struct cmd_globals globals;
	int64_t wait_ms;
};

static int vacuum(const struct vacuum_options *o, const char *path, struct err *err)
{
	const struct cmd_globals *g = &o->globals;
	struct db *db = database_open_alone(path, o->wait_ms, err);
	int64_t before, after, has, knows;
	int result = -1;

	if (!db)
		return -1;
	before = database_size(path);
	/* What is rewritten may be larger than the memory. */
	if (migrate_version(db, asset_table, MIGRATE_SCHEMA, &has, &knows, err) == 0 &&
	    db_exec(db, "PRAGMA temp_store=FILE; VACUUM; PRAGMA optimize", err) == 0)
		result = 0;
	db_close(db);
	if (result < 0)
		return -1;
	after = database_size(path);
	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:o,s:I,s:I}", "schema_version", 1, "database",
					      cmd_json_text(path), "bytes_before", (json_int_t)before,
					      "bytes_after", (json_int_t)after));
	else
		cmd_notice(g, "%s: %.1f MiB, was %.1f MiB", path, database_mebibytes(after),
			   database_mebibytes(before));
	return 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct vacuum_options *o = options;
	char *path = database_find(&o->globals, NULL, err);
	int result = path ? vacuum(o, path, err) : -1;

	(void)argc, (void)argv;
	mem_free(path);
	return result;
}

static const struct opt own[] = {
	DATABASE_WAIT_OPTION(struct vacuum_options),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass db vacuum --wait 30s", "When the gateway has stopped within that time." },
	{ NULL, NULL },
};

const struct cmd cmd_db_vacuum = {
	.group = "db",
	.name = "vacuum",
	.summary = "Rewrite the database without its gaps",
	.flags = CMD_CONFIG | CMD_JSON,
	.options = own,
	.options_size = sizeof(struct vacuum_options),
	.text = "Needs twice the database's size on the disk for a moment.",
	.examples = examples,
	.run = run,
};
