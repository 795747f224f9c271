/* cmd/cmd_db.c - spass db backup, verify, migrate, vacuum: the database, with or without a gateway.
 */
#include "cmd/cmd.h"
#include "cmd/db_indices.h"
#include "cmd/grid.h"
#include "cmd/interrupt.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "common/store/verify.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { EXIT_FOUND = 1, PROGRESS_MS = 100 };

struct db_options {
	struct cmd_globals globals;
	bool force, no_backup, dry_run;
	int64_t wait_ms;
};

/* ---- what all of them need ---- */

/*
 * The configured database, which must be there, and where those of indices are (may be NULL).  The
 * caller frees both.
 */
static char *find_databases(const struct cmd_globals *g, char **indices, struct err *err)
{
	struct config *c = cmd_config(g, NULL, 0, err);
	char *path;

	if (indices)
		*indices = c ? config_data_path(c, "rag", err) : NULL;
	if (!c)
		return NULL;
	path = c->database[0] ? mem_strdup(c->database) : config_data_path(c, "spass.db", err);
	config_free(c);
	if (path && !file_exists(path)) {
		err_set(err, E_storage_error, "",
			"there is no database at %s; a gateway makes it when it first starts",
			path);
		mem_free(path);
		return NULL;
	}
	return path;
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static double mebibytes(int64_t bytes)
{
	return (double)bytes / (double)MIB;
}

static char *find_database(const struct cmd_globals *g, struct err *err)
{
	return find_databases(g, NULL, err);
}

/* Nobody else may have it open: a gateway would lose what it wants to write meanwhile. */
static struct db *open_alone(const struct db_options *o, const char *path, struct err *err)
{
	struct db *db = db_open_within(path, DB_ALONE, (int)o->wait_ms, err);

	if (!db && strstr(err->message, "another process"))
		err_set(err, E_storage_error, "",
			"%s is in use; stop the gateway, or wait for its end with --wait", path);
	return db;
}

/* ---- backup ---- */

struct progress {
	int64_t shown_ms;
	bool is_shown, wanted;
};

static int show_progress(void *context, int64_t done, int64_t total)
{
	struct progress *p = context;
	int64_t now = clock_mono_ms();

	if (interrupt_signal())
		return -1;
	if (!p->wanted || (now - p->shown_ms < PROGRESS_MS && done < total))
		return 0;
	p->shown_ms = now;
	p->is_shown = true;
	fprintf(stderr, "\r%3d%%  %.1f of %.1f MiB\033[K",
		total > 0 ? (int)(done * 100 / total) : 100, (double)done * 4096 / (double)MIB,
		(double)total * 4096 / (double)MIB);
	return 0;
}

static int copy(const struct cmd_globals *g, struct db *db, const char *to, bool replace,
		struct err *err)
{
	struct progress p = { .wanted = !g->quiet && isatty(STDERR_FILENO) };
	const struct db_copying how = { .replace = replace,
					.progress = show_progress,
					.context = &p };
	int result;

	interrupt_watch();
	result = db_copy(db, to, &how, err);
	if (p.is_shown)
		fputs("\r\033[K", stderr);
	return result;
}

/* Those of the indices of "backup.db" go to "backup.db.rag". */
static int copy_indices(const struct db_options *o, const char *from, const char *to,
			struct db_indices_sum *sum, struct err *err)
{
	struct progress p = { .wanted = !o->globals.quiet && isatty(STDERR_FILENO) };
	const struct db_copying how = { .replace = o->force, .progress = show_progress, .context = &p };
	char *beside = mem_printf("%s.rag", to);
	int result = db_indices_copy(from, beside, &how, sum, err);

	if (p.is_shown)
		fputs("\r\033[K", stderr);
	mem_free(beside);
	return result;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

static int back_up(const struct db_options *o, const char *from, const char *indices, const char *to,
		   struct err *err)
{
	const struct cmd_globals *g = &o->globals;
	int64_t started_ms = clock_mono_ms(), schema;
	struct db_indices_sum sum = { 0 };
	struct db *db;
	int result = -1;

	if (is_same_file(from, to))
		return err_set(err, E_usage, "", "%s is the database itself", to);
	if (!o->force && file_exists(to))
		return err_set(err, E_usage, "", "%s exists already; --force replaces it", to);
	db = db_open(from, DB_READ, err);
	if (!db)
		return -1;
	if (db_number(db, "PRAGMA user_version", &schema, err) == 0)
		result = copy(g, db, to, o->force, err);
	db_close(db);
	if (result == 0 && indices)
		result = copy_indices(o, indices, to, &sum, err);
	if (result < 0)
		return -1;
	if (g->json)
		cmd_print_json_take(json_pack(
			"{s:i,s:s,s:s,s:I,s:I,s:I,s:I,s:I}", "schema_version", 1, "database", from, "file",
			to, "bytes", (json_int_t)size_of(to), "schema", (json_int_t)schema,
			"elapsed_ms", (json_int_t)(clock_mono_ms() - started_ms), "index_databases",
			(json_int_t)sum.databases, "index_bytes", (json_int_t)sum.bytes));
	else
		cmd_notice(g, "%s: %.1f MiB, schema %d", to, mebibytes(size_of(to)), (int)schema);
	if (!g->json && sum.databases > 0)
		cmd_notice(g, "%s.rag: the indices of %lld tenants, %.1f MiB", to, (long long)sum.databases,
			   mebibytes(sum.bytes));
	return 0;
}

static int run_backup(const void *options, int argc, char **argv, struct err *err)
{
	const struct db_options *o = options;
	char *indices, *path = find_databases(&o->globals, &indices, err);
	int result = path ? back_up(o, path, indices, argv[0], err) : -1;

	(void)argc;
	mem_free(path);
	mem_free(indices);
	return result;
}

/* ---- verify ---- */

struct report {
	struct grid grid;
	json_t *checks;
};

static void add_check(void *context, const struct verify_check *check)
{
	struct report *r = context;

	grid_add(&r->grid, check->name, GRID_PLAIN);
	if (check->found == 0)
		grid_add(&r->grid, "ok", GRID_GOOD);
	else
		grid_addf(&r->grid, GRID_BAD, "%lld %s%s%s", (long long)check->found,
			  check->meaning, *check->detail ? ": " : "", check->detail);
	json_array_append_new(r->checks,
			      json_pack("{s:s,s:b,s:I,s:s*}", "name", check->name, "ok",
					check->found == 0, "found", (json_int_t)check->found,
					"detail", *check->detail ? check->detail : NULL));
}

static void print_report(const struct cmd_globals *g, const char *path, struct report *r,
			 const struct verify_report *sum)
{
	struct buf out;

	if (g->json) {
		cmd_print_json_take(json_pack("{s:i,s:s,s:b,s:I,s:I,s:b,s:O}", "schema_version", 1,
					      "database", path, "ok", sum->found == 0, "schema",
					      (json_int_t)sum->schema, "schema_known",
					      (json_int_t)sum->known, "search_words",
					      sum->searched_words, "checks", r->checks));
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	grid_print(&r->grid, &out);
	if (!g->quiet || sum->found > 0)
		cmd_print(&out);
	buf_free(&out);
	if (sum->schema < sum->known)
		cmd_notice(g,
			   "schema %d of %d; a gateway or `spass db migrate` brings it up to date",
			   (int)sum->schema, (int)sum->known);
	if (sum->found > 0)
		cmd_notice(g, "%s: %lld faults; restore a backup, or report how they came about",
			   path, (long long)sum->found);
}

static void add_index_finding(void *arg, struct span tenant, struct span index, const char *what,
			      struct span detail)
{
	struct report *r = arg;
	char *name = mem_printf("%.*s/%.*s", SPAN_ARGS(tenant), SPAN_ARGS(index));
	char *found = mem_printf("%s: %.*s", what, SPAN_ARGS(detail));

	grid_add(&r->grid, name, GRID_PLAIN);
	grid_add(&r->grid, found, GRID_BAD);
	json_array_append_new(r->checks, json_pack("{s:s,s:b,s:i,s:s}", "name", name, "ok", 0, "found", 1,
						   "detail", found));
	mem_free(name);
	mem_free(found);
}

static int verify_indices(const char *dir, struct report *r, struct verify_report *sum, struct err *err)
{
	struct db_indices_sum found;

	if (!dir)
		return 0;
	if (db_indices_verify(dir, add_index_finding, r, &found, err) < 0)
		return -1;
	sum->found += found.findings;
	if (found.indices == 0 || found.findings > 0)
		return 0;
	grid_addf(&r->grid, GRID_PLAIN, "%lld indices", (long long)found.indices);
	grid_add(&r->grid, "ok", GRID_GOOD);
	json_array_append_new(r->checks, json_pack("{s:s,s:b,s:i}", "name", "indices", "ok", 1, "found", 0));
	return 0;
}

static int verify(const struct cmd_globals *g, const char *path, const char *indices, struct err *err)
{
	struct verify_report sum;
	struct report r = { .checks = json_array() };
	int result;

	grid_init(&r.grid, 2, cmd_color(g, stdout));
	grid_head(&r.grid, "CHECK|RESULT");
	result = verify_database(path, add_check, &r, &sum, err);
	if (result == 0)
		result = verify_indices(indices, &r, &sum, err);
	if (result == 0)
		print_report(g, path, &r, &sum);
	grid_free(&r.grid);
	json_decref(r.checks);
	return result < 0 ? -1 : sum.found > 0 ? EXIT_FOUND : 0;
}

static int run_verify(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	char *indices, *path;
	int result;

	if (argc > 0) {
		path = mem_strdup(argv[0]);
		indices = mem_printf("%s.rag", argv[0]);
	} else {
		path = find_databases(g, &indices, err);
	}
	result = path ? verify(g, path, indices, err) : -1;
	mem_free(path);
	mem_free(indices);
	return result;
}

/* ---- migrate ---- */

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

static void tell_migration(const struct db_options *o, const char *path, int64_t from, int64_t to,
			   const char *backup)
{
	const struct cmd_globals *g = &o->globals;

	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:s,s:I,s:I,s:b,s:s?}", "schema_version", 1,
					      "database", path, "from", (json_int_t)from, "to",
					      (json_int_t)to, "migrated", from < to && !o->dry_run,
					      "backup", backup));
	else if (from == to)
		cmd_notice(g, "%s has schema %d already", path, (int)to);
	else
		cmd_notice(g, "%s: schema %d %s %d%s%s", path, (int)from,
			   o->dry_run ? "would become" : "became", (int)to,
			   backup ? "; backup in " : "", backup ? backup : "");
}

static int migrate_database(const struct db_options *o, const char *path, struct err *err)
{
	struct db *db = o->dry_run ? db_open(path, DB_READ, err) : open_alone(o, path, err);
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
			if (copy(&o->globals, db, backup, false, err) < 0)
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

static int run_migrate(const void *options, int argc, char **argv, struct err *err)
{
	const struct db_options *o = options;
	char *path = find_database(&o->globals, err);
	int result = path ? migrate_database(o, path, err) : -1;

	(void)argc, (void)argv;
	mem_free(path);
	return result;
}

/* ---- vacuum ---- */

static int vacuum(const struct db_options *o, const char *path, struct err *err)
{
	const struct cmd_globals *g = &o->globals;
	struct db *db = open_alone(o, path, err);
	int64_t before, after, has, knows;
	int result = -1;

	if (!db)
		return -1;
	before = size_of(path);
	/* What is rewritten may be larger than the memory. */
	if (migrate_version(db, asset_table, MIGRATE_SCHEMA, &has, &knows, err) == 0 &&
	    db_exec(db, "PRAGMA temp_store=FILE; VACUUM; PRAGMA optimize", err) == 0)
		result = 0;
	db_close(db);
	if (result < 0)
		return -1;
	after = size_of(path);
	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:s,s:I,s:I}", "schema_version", 1, "database",
					      path, "bytes_before", (json_int_t)before,
					      "bytes_after", (json_int_t)after));
	else
		cmd_notice(g, "%s: %.1f MiB, was %.1f MiB", path, mebibytes(after),
			   mebibytes(before));
	return 0;
}

static int run_vacuum(const void *options, int argc, char **argv, struct err *err)
{
	const struct db_options *o = options;
	char *path = find_database(&o->globals, err);
	int result = path ? vacuum(o, path, err) : -1;

	(void)argc, (void)argv;
	mem_free(path);
	return result;
}

/* ---- rows ---- */

#define DB_OPTION(kind_, field, ...)                                                       \
	{                                                                                  \
		.kind = (kind_), .offset = offsetof(struct db_options, field), __VA_ARGS__ \
	}
#define WAIT_OPTION                                                              \
	DB_OPTION(OPT_DURATION, wait_ms, .name = "wait", .argument = "DURATION", \
		  .help = "Wait so long for others to let go of the database")

static const struct opt backup_own[] = {
	DB_OPTION(OPT_SWITCH, force, .name = "force", .letter = 'f',
		  .help = "Replace FILE when it exists"),
	{ .kind = OPT_END },
};
static const struct opt migrate_own[] = {
	DB_OPTION(OPT_SWITCH, no_backup, .name = "no-backup", .help = "Make no copy first"),
	DB_OPTION(OPT_SWITCH, dry_run, .name = "dry-run", .letter = 'n',
		  .help = "Only show from which schema to which"),
	WAIT_OPTION,
	{ .kind = OPT_END },
};
static const struct opt vacuum_own[] = {
	WAIT_OPTION,
	{ .kind = OPT_END },
};

static const struct cmd_example backup_examples[] = {
	{ "spass db backup ~/spass-backup.db", "A copy of one moment; the gateway goes on." },
	{ NULL, NULL },
};
static const struct cmd_example verify_examples[] = {
	{ "spass db verify", "Whether the gateway's database is whole." },
	{ "spass db verify ~/spass-backup.db", "The same of a backup." },
	{ NULL, NULL },
};
static const struct cmd_example migrate_examples[] = {
	{ "spass db migrate --dry-run", "Whether there is something to do." },
	{ "spass db migrate", "With a copy of the old one beside it." },
	{ NULL, NULL },
};
static const struct cmd_example vacuum_examples[] = {
	{ "spass db vacuum --wait 30s", "When the gateway has stopped within that time." },
	{ NULL, NULL },
};

const struct cmd cmd_db_backup = {
	.group = "db",
	.name = "backup",
	.summary = "Copy the database while it is used",
	.operands = "FILE",
	.operands_min = 1,
	.operands_max = 1,
	.complete = OPT_FILE,
	.flags = CMD_CONFIG | CMD_JSON,
	.options = backup_own,
	.options_size = sizeof(struct db_options),
	.text = "The tenants' indices go to FILE.rag, a file each.  To restore, stop the gateway, remove "
		"the -wal and -shm files beside the databases, and put the copies in their place.",
	.examples = backup_examples,
	.run = run_backup,
};

const struct cmd cmd_db_verify = {
	.group = "db",
	.name = "verify",
	.summary = "Check the database for damage and contradictions",
	.operands = "[FILE]",
	.operands_max = 1,
	.complete = OPT_FILE,
	.flags = CMD_CONFIG | CMD_JSON | CMD_COLOR,
	.text = "Exits with 1 when something is wrong.  Changes nothing; a gateway may run.",
	.examples = verify_examples,
	.run = run_verify,
};

const struct cmd cmd_db_migrate = {
	.group = "db",
	.name = "migrate",
	.summary = "Bring the database to this version's schema",
	.flags = CMD_CONFIG | CMD_JSON,
	.options = migrate_own,
	.options_size = sizeof(struct db_options),
	.text = "A gateway does the same when it starts, without a copy.",
	.examples = migrate_examples,
	.run = run_migrate,
};

const struct cmd cmd_db_vacuum = {
	.group = "db",
	.name = "vacuum",
	.summary = "Rewrite the database without its gaps",
	.flags = CMD_CONFIG | CMD_JSON,
	.options = vacuum_own,
	.options_size = sizeof(struct db_options),
	.text = "Needs twice the database's size on the disk for a moment.",
	.examples = vacuum_examples,
	.run = run_vacuum,
};
