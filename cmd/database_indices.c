/* cmd/database_indices.c - see database_indices.h. */
#include "cmd/database_indices.h"

#include "cmd/database.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/rag/rag.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

static int copy_one(const struct cmd_globals *g, const char *name, const char *from, const char *to, bool replace,
		    struct err *err)
{
	struct db *db = db_open(from, DB_READ, err);
	int result = db ? database_copy(g, name, db, to, replace, err) : -1;

	db_close(db);
	return result;
}

/* Of each database in dir; one that is not there has none. */
static int each_database(const char *dir, int (*each)(void *arg, const char *name, struct err *err), void *arg,
			 struct err *err)
{
	const struct dirent *entry;
	int result = 0;
	DIR *all;

	if (file_is_absent(dir))
		return 0;
	all = opendir(dir);
	if (!all)
		return err_set(err, E_storage_error, "", "cannot read %s: %s", dir, err_errno(errno));
	while (result == 0 && (entry = readdir(all))) /* NOLINT(concurrency-mt-unsafe) */
		if (span_ends(span_str(entry->d_name), ".db"))
			result = each(arg, entry->d_name, err);
	closedir(all);
	return result;
}

struct copying {
	const struct cmd_globals *globals;
	const char *from, *to;
	bool replace;
	struct database_indices_sum *sum;
};

static int copy_next(void *arg, const char *name, struct err *err)
{
	struct copying *c = arg;
	char *from = mem_printf("%s/%s", c->from, name), *to = mem_printf("%s/%s", c->to, name);
	int result = file_make_dirs(c->to, err);

	if (result == 0)
		result = copy_one(c->globals, name, from, to, c->replace, err);
	c->sum->databases++;
	c->sum->bytes += database_size(to);
	mem_free(from);
	mem_free(to);
	return result;
}

/* A former backup's, of a tenant that is no more. */
static int remove_former(void *arg, const char *name, struct err *err)
{
	const struct copying *c = arg;
	char *from = mem_printf("%s/%s", c->from, name), *to = mem_printf("%s/%s", c->to, name);
	int result = 0;

	if (file_is_absent(from) && unlink(to) < 0)
		result = err_set(err, E_storage_error, "", "cannot remove %s: %s", to, err_errno(errno));
	mem_free(from);
	mem_free(to);
	return result;
}

int database_indices_copy(const struct cmd_globals *g, const char *from, const char *to, bool replace,
			  struct database_indices_sum *sum, struct err *err)
{
	struct copying c = { g, from, to, replace, sum };

	*sum = (struct database_indices_sum){ 0 };
	if (each_database(from, copy_next, &c, err) < 0)
		return -1;
	return replace ? each_database(to, remove_former, &c, err) : 0;
}

/* ---- verify ---- */

struct verifying {
	struct rag *rag;
	struct span tenant, index;
	void (*each)(void *arg, struct span tenant, struct span index, const char *what, struct span detail);
	void *arg;
	struct database_indices_sum *sum;
	struct err *err;
	int result;
};

static void add_finding(void *arg, const struct rag_finding *finding)
{
	struct verifying *v = arg;
	struct span detail = finding->document.len > 0 ? finding->document : finding->detail;

	v->sum->findings++;
	v->each(v->arg, v->tenant, v->index, finding->what, detail);
}

static int verify_index(void *arg, const struct rag_index_info *index)
{
	struct verifying *v = arg;

	v->index = index->name;
	v->sum->indices++;
	v->result = rag_check(v->rag, v->tenant, index->name, add_finding, NULL, v, v->err);
	return v->result;
}

static int verify_tenant(void *arg, struct span tenant)
{
	struct verifying *v = arg;

	v->tenant = tenant;
	v->sum->databases++;
	return rag_index_each(v->rag, tenant, verify_index, v, v->err);
}

int database_indices_verify(const char *dir,
			    void (*each)(void *arg, struct span tenant, struct span index, const char *what,
					 struct span detail),
			    void *arg, struct database_indices_sum *sum, struct err *err)
{
	const struct rag_options options = { .dir = dir };
	struct verifying v = { .each = each, .arg = arg, .sum = sum, .err = err };
	int result;

	*sum = (struct database_indices_sum){ 0 };
	if (file_is_absent(dir))
		return 0;
	v.rag = rag_open(&options, err);
	if (!v.rag)
		return -1;
	result = rag_tenants_each(v.rag, verify_tenant, &v, err);
	rag_close(v.rag);
	return result;
}
