/* cmd/db_indices.c - see db_indices.h. */
#include "cmd/db_indices.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/rag/rag.h"

#include <dirent.h>
#include <sys/stat.h>

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static int copy_one(const char *from, const char *to, const struct db_copying *how, struct err *err)
{
	struct db *db = db_open(from, DB_READ, err);
	int result = db ? db_copy(db, to, how, err) : -1;

	db_close(db);
	return result;
}

int db_indices_copy(const char *from, const char *to, const struct db_copying *how,
		    struct db_indices_sum *sum, struct err *err)
{
	DIR *dir = opendir(from);
	const struct dirent *entry;
	int result = 0;

	*sum = (struct db_indices_sum){ 0 };
	while (dir && result == 0 && (entry = readdir(dir))) {
		char *source, *target;

		if (!span_ends(span_str(entry->d_name), ".db"))
			continue;
		source = mem_printf("%s/%s", from, entry->d_name);
		target = mem_printf("%s/%s", to, entry->d_name);
		result = file_make_dirs(to, err);
		if (result == 0)
			result = copy_one(source, target, how, err);
		sum->databases++;
		sum->bytes += size_of(target);
		mem_free(source);
		mem_free(target);
	}
	if (dir)
		closedir(dir);
	return result;
}

/* ---- verify ---- */

struct verifying {
	struct rag *rag;
	struct span tenant, index;
	void (*each)(void *arg, struct span tenant, struct span index, const char *what, struct span detail);
	void *arg;
	struct db_indices_sum *sum;
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

int db_indices_verify(const char *dir,
		      void (*each)(void *arg, struct span tenant, struct span index, const char *what, struct span detail),
		      void *arg, struct db_indices_sum *sum, struct err *err)
{
	const struct rag_options options = { .dir = dir };
	struct verifying v = { .each = each, .arg = arg, .sum = sum, .err = err };
	int result;

	*sum = (struct db_indices_sum){ 0 };
	if (!file_exists(dir))
		return 0;
	v.rag = rag_open(&options, err);
	if (!v.rag)
		return -1;
	result = rag_tenants_each(v.rag, verify_tenant, &v, err);
	rag_close(v.rag);
	return result;
}
