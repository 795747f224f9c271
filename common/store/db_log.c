/*
 * common/store/db_log.c - see db_log.h.
 */
#include "common/store/db_log.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "common/base/mem.h"

/*
 * What SQLite's own write takes in one call.  It takes more modulo 128 KiB: when nothing is left of
 * that, it believes that the disk is full.
 */
enum { GATHERED_MAX = 128 * 1024 - 1 };

/* SQLite's handle of a log; behind it in the same memory lies the one of the default file system. */
struct log_file {
	sqlite3_file base;
	char *gathered; /* of GATHERED_MAX bytes, made with the first write */
	int len;
	sqlite3_int64 at; /* where the gathered bytes belong */
	bool ends_commit; /* the header of a commit's last page was written last */
};

/* The header of a page in the log.  Behind its number: 0, in a commit's last page the database's size. */
enum { FRAME_HEADER = 24, FRAME_SIZE_AT = 4, FRAME_SIZE_LEN = 4 };

static struct log_file *log_of(sqlite3_file *file)
{
	return (struct log_file *)file;
}

static sqlite3_file *real_of(sqlite3_file *file)
{
	return (sqlite3_file *)(log_of(file) + 1);
}

/* What could not be written is forgotten: SQLite learns it, and begins the commit anew. */
static int flush(sqlite3_file *file)
{
	struct log_file *l = log_of(file);
	int len = l->len;

	l->len = 0;
	return len ? real_of(file)->pMethods->xWrite(real_of(file), l->gathered, len, l->at) : SQLITE_OK;
}

static bool ends_commit(const char *header)
{
	static const char none[FRAME_SIZE_LEN];

	return memcmp(header + FRAME_SIZE_AT, none, sizeof none) != 0;
}

static int log_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 at)
{
	struct log_file *l = log_of(file);
	bool ends;
	int code;

	if (l->len && (at != l->at + l->len || len > GATHERED_MAX - l->len)) {
		code = flush(file);
		if (code != SQLITE_OK)
			return code;
	}
	if (len > GATHERED_MAX)
		return real_of(file)->pMethods->xWrite(real_of(file), bytes, len, at);
	if (!l->gathered)
		l->gathered = mem_alloc(GATHERED_MAX);
	if (!l->len)
		l->at = at;
	memcpy(l->gathered + l->len, bytes, (size_t)len);
	l->len += len;
	ends = l->ends_commit;
	l->ends_commit = len == FRAME_HEADER && ends_commit(bytes);
	return ends ? flush(file) : SQLITE_OK;
}

static int log_read(sqlite3_file *file, void *out, int len, sqlite3_int64 at)
{
	int code = flush(file);

	return code == SQLITE_OK ? real_of(file)->pMethods->xRead(real_of(file), out, len, at) : code;
}

static int log_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	int code = flush(file);

	return code == SQLITE_OK ? real_of(file)->pMethods->xTruncate(real_of(file), size) : code;
}

static int log_sync(sqlite3_file *file, int flags)
{
	int code = flush(file);

	return code == SQLITE_OK ? real_of(file)->pMethods->xSync(real_of(file), flags) : code;
}

static int log_size(sqlite3_file *file, sqlite3_int64 *size)
{
	int code = flush(file);

	return code == SQLITE_OK ? real_of(file)->pMethods->xFileSize(real_of(file), size) : code;
}

/* Frames that no commit ended mean nothing to anybody, so it does not matter whether they arrive. */
static int log_close(sqlite3_file *file)
{
	flush(file);
	mem_free(log_of(file)->gathered);
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int log_lock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int log_unlock(sqlite3_file *file, int level)
{
	return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int log_check_lock(sqlite3_file *file, int *is_locked)
{
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), is_locked);
}

static int log_control(sqlite3_file *file, int what, void *arg)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), what, arg);
}

static int log_sector(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int log_device(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = log_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = log_truncate,
	.xSync = log_sync,
	.xFileSize = log_size,
	.xLock = log_lock,
	.xUnlock = log_unlock,
	.xCheckReservedLock = log_check_lock,
	.xFileControl = log_control,
	.xSectorSize = log_sector,
	.xDeviceCharacteristics = log_device,
};

static int open_file(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags)
{
	sqlite3_vfs *real = vfs->pAppData;
	struct log_file *l;
	int code;

	if (!(flags & SQLITE_OPEN_WAL))
		return real->xOpen(real, path, file, flags, out_flags);
	l = log_of(file);
	memset(l, 0, sizeof *l);
	code = real->xOpen(real, path, real_of(file), flags, out_flags);
	/* One that could not be opened is not closed. */
	if (code == SQLITE_OK)
		l->base.pMethods = &log_methods;
	return code;
}

void db_log_register(void)
{
	static sqlite3_vfs vfs;
	sqlite3_vfs *real = sqlite3_vfs_find(NULL);

	vfs = *real;
	vfs.pNext = NULL;
	vfs.zName = DB_LOG_VFS;
	vfs.pAppData = real;
	vfs.szOsFile = real->szOsFile + (int)sizeof(struct log_file);
	vfs.xOpen = open_file;
	sqlite3_vfs_register(&vfs, 0);
}
