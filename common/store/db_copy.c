/*
 * common/store/db_copy.c - a whole copy of a database that is being written.
 *
 * One reading transaction spans all steps: the copy is of one moment, and does not begin again
 * when somebody commits.  The log cannot be cleared meanwhile, so steps do not rest for long.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/store/db_inside.h"

enum { STEP_PAGES = 256, REST_NS = 1000000 };

static int fail_copy(sqlite3 *to, int code, const char *path, struct err *err)
{
	if ((code & 0xff) == SQLITE_FULL)
		return err_set(err, E_storage_error, "",
			       "cannot write %s: the disk is full; free some space", path);
	return err_set(err, E_storage_error, "", "cannot write %s: %s", path,
		       to ? sqlite3_errmsg(to) : sqlite3_errstr(code));
}

static int make_file(const char *temporary, const char *path, struct err *err)
{
	int fd = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_set(err, E_storage_error, "", "cannot make a file beside %s: %s", path,
			       err_errno(errno));
	close(fd);
	return 0;
}

static int copy_pages(sqlite3_backup *backup, const char *path, const struct db_copying *how, int *code,
		      struct err *err)
{
	const struct timespec rest = { .tv_nsec = REST_NS };

	while ((*code = sqlite3_backup_step(backup, STEP_PAGES)) == SQLITE_OK) {
		int64_t total = sqlite3_backup_pagecount(backup);

		if (how->progress &&
		    how->progress(how->context, total - sqlite3_backup_remaining(backup), total) <
			    0)
			return err_set(err, E_cancelled, "", "interrupted; %s was not written", path);
		nanosleep(&rest, NULL);
	}
	if (how->progress && *code == SQLITE_DONE) {
		int64_t total = sqlite3_backup_pagecount(backup);

		how->progress(how->context, total, total);
	}
	return 0;
}

/* From a connection that reads one state all along. */
static int copy_to(struct db *db, sqlite3 *to, const char *path, const struct db_copying *how,
		   struct err *err)
{
	sqlite3_backup *backup = sqlite3_backup_init(to, "main", db->handle, "main");
	int code, result;

	if (!backup)
		return fail_copy(to, sqlite3_errcode(to), path, err);
	result = copy_pages(backup, path, how, &code, err);
	sqlite3_backup_finish(backup);
	if (result < 0)
		return -1;
	if ((code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB)
		return db_fail(db, code, "cannot copy", err);
	if (code != SQLITE_DONE)
		return fail_copy(NULL, code, path, err);
	/* The copy says of itself that it has a log; whoever opens it for writing gives it one. */
	code = sqlite3_exec(to, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL);
	return code == SQLITE_OK ? 0 : fail_copy(to, code, path, err);
}

static int copy_to_file(struct db *db, const char *temporary, const char *path,
			const struct db_copying *how, struct err *err)
{
	sqlite3 *to = NULL;
	int64_t tables;
	int result = -1, code;

	if (db_exec(db, "BEGIN", err) < 0)
		return -1;
	code = sqlite3_open_v2(temporary, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (code != SQLITE_OK)
		fail_copy(to, code, path, err);
	/* A transaction that has read nothing has not begun. */
	else if (db_number(db, "SELECT count(*) FROM sqlite_master", &tables, err) == 0)
		result = copy_to(db, to, path, how, err);
	sqlite3_close(to);
	db_rollback(db);
	return result;
}

static void remove_copy(const char *temporary)
{
	static const char *const endings[] = { "", "-journal", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char *name = mem_printf("%s%s", temporary, endings[i]);

		unlink(name);
		mem_free(name);
	}
}

int db_copy(struct db *db, const char *path, const struct db_copying *how, struct err *err)
{
	static const struct db_copying plain;
	char *temporary;
	int result = -1;
	struct stat st;

	if (!how)
		how = &plain;
	if (!how->replace && file_exists(path))
		return err_set(err, E_storage_error, "", "%s exists already", path);
	/* The renaming would put a file in the place of a device, or of a link. */
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		return err_set(err, E_storage_error, "", "%s is no regular file", path);
	temporary = file_beside(path);
	if (make_file(temporary, path, err) == 0) {
		if (copy_to_file(db, temporary, path, how, err) == 0)
			result = file_settle(temporary, path, how->replace, err);
		if (result < 0)
			remove_copy(temporary);
	}
	mem_free(temporary);
	return result;
}
