/* cmd/cmd_db_verify.c - spass db verify: whether the databases are whole and do not contradict themselves. */
#include "cmd/database.h"
#include "cmd/database_indices.h"
#include "cmd/grid.h"

#include "common/base/mem.h"
#include "common/store/verify.h"

#include <stdio.h>

enum { EXIT_FOUND = 1 };

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
		cmd_print_json_take(json_pack("{s:i,s:o,s:b,s:I,s:I,s:b,s:O}", "schema_version", 1,
					      "database", cmd_json_text(path), "ok", sum->found == 0, "schema",
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
		cmd_notice(g, "%s: %lld fault%s; restore a backup, or report how they came about", path,
			   (long long)sum->found, sum->found == 1 ? "" : "s");
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
	struct database_indices_sum found;

	if (!dir)
		return 0;
	if (database_indices_verify(dir, add_index_finding, r, &found, err) < 0)
		return -1;
	sum->found += found.findings;
	if (found.indices == 0 || found.findings > 0)
		return 0;
	grid_addf(&r->grid, GRID_PLAIN, "%lld %s", (long long)found.indices,
		  found.indices == 1 ? "index" : "indices");
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

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	char *indices, *path;
	int result;

	if (argc > 0) {
		path = mem_strdup(argv[0]);
		indices = mem_printf("%s.rag", argv[0]);
	} else {
		path = database_find(g, &indices, err);
	}
	result = path ? verify(g, path, indices, err) : -1;
	if (result < 0 && argc > 0 && err->code == E_storage_error)
		snprintf(err->param, sizeof err->param, "file");
	mem_free(path);
	mem_free(indices);
	return result;
}

static const struct cmd_example examples[] = {
	{ "spass db verify", "Whether the gateway's database is whole." },
	{ "spass db verify ~/spass-backup.db", "The same of a backup." },
	{ NULL, NULL },
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
	.examples = examples,
	.run = run,
};
