/* cmd/database.c - see database.h. */
#include "cmd/database.h"

#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#include <string.h>
#include <sys/stat.h>

char *database_find(const struct cmd_globals *g, char **indices, struct err *err)
{
	struct config *c = cmd_config(g, NULL, 0, err);
	char *path;

	if (indices)
		*indices = c ? config_indices_path(c, err) : NULL;
	if (!c)
		return NULL;
	path = config_database_path(c, err);
	config_free(c);
	if (path && file_is_absent(path)) {
		err_set(err, E_storage_error, "",
			"there is no database at %s; a gateway makes it when it first starts",
			path);
		mem_free(path);
		return NULL;
	}
	return path;
}

struct db *database_open_alone(const char *path, int64_t wait_ms, struct err *err)
{
	struct db *db = db_open_within(path, DB_ALONE, (int)wait_ms, err);

	if (!db && strstr(err->message, "another process"))
		err_set(err, E_storage_error, "wait",
			"%s is in use; stop the gateway, or wait for its end with --wait", path);
	return db;
}

static int show_progress(void *context, int64_t done, int64_t total)
{
	enum { PAGE_KIB = 4 };
	struct progress *p = context;

	if (interrupt_signal())
		return -1;
	p->total = total * PAGE_KIB;
	progress_step(p, done * PAGE_KIB - p->done, 0);
	return 0;
}

int database_copy(const struct cmd_globals *g, const char *what, struct db *db, const char *to, bool replace,
		  struct err *err)
{
	struct progress p;
	const struct db_copying how = { .replace = replace, .progress = show_progress, .context = &p };
	int result;

	progress_begin(&p, g, what, "KiB", 0);
	interrupt_watch();
	result = db_copy(db, to, &how, err);
	progress_end(&p);
	return result;
}

int64_t database_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

double database_mebibytes(int64_t bytes)
{
	return (double)bytes / (double)MIB;
}
