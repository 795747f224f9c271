/* cmd/cmd_db_migrate.c - spass db migrate: the database is brought to the schema of this version. */
#include "cmd/database.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"

struct migrate_options {
	struct cmd_globals globals;
	bool no_backup, dry_run;
	int64_t wait_ms;
};

/* "spass.db.schema-2", or with a number behind it: what is there stays.  The caller frees. */
static char *name_backup(const char *path, int64_t schema)
{
	char *name = mem_printf("%s.schema-%d", path, (int)schema);

	for (int n = 2; file_exists(name); n++) {
		mem_free(name);
		name = mem_printf("%s.schema-%d.%d", path, (int)schema, n);
	}
	return name;
}

static void tell_migration(const struct migrate_options *o, const char *path, int64_t from, int64_t to,
			   const char *backup)
{
	const struct cmd_globals *g = &o->globals;

	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:o,s:I,s:I,s:b,s:o?}", "schema_version", 1,
					      "database", cmd_json_text(path), "from", (json_int_t)from, "to",
					      (json_int_t)to, "migrated", from < to && !o->dry_run,
					      "backup", cmd_json_text(backup)));
	else if (from == to)
		cmd_notice(g, "%s has schema %d already", path, (int)to);
	else
		cmd_notice(g, "%s: schema %d %s %d%s%s", path, (int)from,
			   o->dry_run ? "would become" : "became", (int)to,
			   backup ? "; backup in " : "", backup ? backup : "");
}

static int migrate_database(const struct migrate_options *o, const char *path, struct err *err)
{
	struct db *db = o->dry_run ? db_open(path, DB_READ, err) : database_open_alone(path, o->wait_ms, err);
	char *backup = NULL;
	int64_t has, knows;
	int result = -1;

	if (!db)
		return -1;
	if (migrate_version(db, asset_table, MIGRATE_SCHEMA, &has, &knows, err) < 0)
		goto out;
	if (!o->dry_run && has < knows) {
		if (!o->no_backup) {
			backup = name_backup(path, has);
			if (database_copy(&o->globals, backup, db, backup, false, err) < 0)
				goto out;
		}
		if (migrate(db, asset_table, MIGRATE_SCHEMA, err) < 0)
			goto out;
	}
	tell_migration(o, path, has, knows, backup);
	result = 0;
out:
	db_close(db);
	mem_free(backup);
	return result;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct migrate_options *o = options;
	char *path = database_find(&o->globals, NULL, err);
	int result = path ? migrate_database(o, path, err) : -1;

	(void)argc, (void)argv;
	mem_free(path);
	return result;
}

static const struct opt own[] = {
	{ .kind = OPT_SWITCH, .name = "no-backup", .help = "Make no copy first",
	  .offset = offsetof(struct migrate_options, no_backup) },
	{ .kind = OPT_SWITCH, .name = "dry-run", .letter = 'n', .help = "Only show from which schema to which",
	  .offset = offsetof(struct migrate_options, dry_run) },
	DATABASE_WAIT_OPTION(struct migrate_options),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass db migrate --dry-run", "Whether there is something to do." },
	{ "spass db migrate", "With a copy of the old one beside it." },
	{ NULL, NULL },
};
const struct cmd cmd_db_migrate = {
	.group = "db",
	.name = "migrate",
	.summary = "Bring the database to this version's schema",
	.flags = CMD_CONFIG | CMD_JSON,
	.options = own,
	.options_size = sizeof(struct migrate_options),
	.text = "A gateway does the same when it starts, without a copy.",
	.examples = examples,
	.run = run,
};
