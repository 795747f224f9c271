/* cmd/cmd_db_backup.c - spass db backup: a copy of the databases as they are at one moment. */
#include "cmd/database.h"
#include "cmd/database_indices.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#include <sys/stat.h>

struct backup_options {
	struct cmd_globals globals;
	bool force;
};

/* What is copied, and where to.  "backup.db" has those of indices in "backup.db.rag". */
struct backup {
	const struct backup_options *options;
	char *from, *from_indices, *to_indices;
	const char *to;
	int64_t schema, began_ms;
	struct database_indices_sum sum;
};

static bool is_same_file(const char *a, const char *b)
{
	struct stat one, other;

	return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
	       one.st_ino == other.st_ino;
}

/* Before anything is copied. */
static int check(const struct backup *b, struct err *err)
{
	const char *const places[] = { b->to, b->to_indices };
	struct stat st;

	if (!*b->to)
		return err_set(err, E_usage, "", "FILE is empty");
	if (is_same_file(b->from, b->to))
		return err_set(err, E_usage, "", "%s is the database itself", b->to);
	if (b->from_indices && is_same_file(b->from_indices, b->to_indices))
		return err_set(err, E_usage, "", "%s has the indices themselves", b->to_indices);
	/* A copy of it would be refused, but the indices would be there before. */
	if (lstat(b->to, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, E_usage, "", "%s is no regular file", b->to);
	for (size_t i = 0; i < ARRAY_LEN(places) && !b->options->force; i++)
		if (file_exists(places[i]))
			return err_set(err, E_usage, "", "%s exists already; --force replaces it", places[i]);
	return 0;
}

/* The indices first: once FILE is there, all of the backup is. */
static int copy(struct backup *b, struct err *err)
{
	const struct cmd_globals *g = &b->options->globals;
	struct db *db = db_open(b->from, DB_READ, err);
	int result = db ? db_number(db, "PRAGMA user_version", &b->schema, err) : -1;

	if (result == 0 && b->from_indices)
		result = database_indices_copy(g, b->from_indices, b->to_indices, b->options->force, &b->sum, err);
	if (result == 0)
		result = database_copy(g, b->to, db, b->to, b->options->force, err);
	db_close(db);
	return result;
}

static void tell(const struct backup *b)
{
	const struct cmd_globals *g = &b->options->globals;

	if (g->json) {
		cmd_print_json_take(json_pack(
			"{s:i,s:o,s:o,s:I,s:I,s:I,s:I,s:I}", "schema_version", 1, "database",
			cmd_json_text(b->from), "file", cmd_json_text(b->to), "bytes",
			(json_int_t)database_size(b->to), "schema", (json_int_t)b->schema, "elapsed_ms",
			(json_int_t)(clock_mono_ms() - b->began_ms), "index_databases",
			(json_int_t)b->sum.databases, "index_bytes", (json_int_t)b->sum.bytes));
		return;
	}
	cmd_notice(g, "%s: %.1f MiB, schema %d", b->to, database_mebibytes(database_size(b->to)), (int)b->schema);
	if (b->sum.databases > 0)
		cmd_notice(g, "%s: the indices of %lld tenant%s, %.1f MiB", b->to_indices,
			   (long long)b->sum.databases, b->sum.databases == 1 ? "" : "s",
			   database_mebibytes(b->sum.bytes));
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct backup_options *o = options;
	struct backup b = { .options = o, .to = argv[0], .began_ms = clock_mono_ms() };
	int result = -1;

	(void)argc;
	b.from = database_find(&o->globals, &b.from_indices, err);
	b.to_indices = mem_printf("%s.rag", b.to);
	if (b.from && check(&b, err) == 0)
		result = copy(&b, err);
	if (result == 0)
		tell(&b);
	mem_free(b.from);
	mem_free(b.from_indices);
	mem_free(b.to_indices);
	return result;
}

static const struct opt own[] = {
	{ .kind = OPT_SWITCH, .name = "force", .letter = 'f', .help = "Replace FILE when it exists",
	  .offset = offsetof(struct backup_options, force) },
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass db backup ~/spass-backup.db", "A copy of one moment; the gateway goes on." },
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
	.options = own,
	.options_size = sizeof(struct backup_options),
	.text = "The tenants' indices go to FILE.rag, a file each.  To restore, stop the gateway, remove "
		"the -wal and -shm files beside the databases, and put the copies in their place.",
	.examples = examples,
	.run = run,
};
