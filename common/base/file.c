/* common/base/file.c - reading and replacing whole files, and the XDG directories. */
#include "common/base/file.h"

#include "common/base/env.h"
#include "common/base/ident.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { READ_STEP = 64 * 1024 };

static int fail(struct err *err, const char *what, const char *path)
{
	return err_set(err, E_storage_error, "", "%s %s: %s", what, path, err_errno(errno));
}

static int open_retrying(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC | O_NOCTTY, mode);
	while (fd < 0 && errno == EINTR);
	return fd;
}

/* One byte more than out may hold is asked for, to tell a full file from one too large. */
static int read_all(int fd, const char *path, struct buf *out, struct err *err)
{
	for (;;) {
		size_t room = out->max - out->len;
		size_t step = room < READ_STEP ? room : READ_STEP;
		char extra;
		ssize_t got;

		if (step > 0 && buf_reserve(out, step) < 0)
			step = 0;
		got = step > 0 ? read(fd, out->ptr + out->len, step) : read(fd, &extra, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err, "cannot read", path);
		if (got == 0)
			break;
		if (step == 0)
			return err_set(err, E_too_large, "", "%s is larger than %zu bytes", path,
				       out->max);
		out->len += (size_t)got;
	}
	if (out->ptr)
		out->ptr[out->len] = '\0';
	return 0;
}

int file_read(const char *path, struct buf *out, struct err *err)
{
	size_t before = out->len;
	struct stat st;
	int result = -1;
	int fd = open_retrying(path, O_RDONLY, 0);

	if (fd < 0)
		return fail(err, "cannot open", path);
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		fail(err, "cannot read", path);
		goto out;
	}
	/* A hint only: the file may grow, and not all files know their size. */
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size <= out->max - out->len)
		buf_reserve(out, (size_t)st.st_size);
	result = read_all(fd, path, out, err);
out:
	if (result < 0)
		buf_truncate(out, before);
	close(fd);
	return result;
}

static int write_all(int fd, struct span content)
{
	while (content.len > 0) {
		ssize_t put = write(fd, content.ptr, content.len);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -1;
		content = span_from(content, (size_t)put);
	}
	return 0;
}

/* The directory of path: "." when it names none.  The caller frees. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

/* Makes the renaming itself last; file systems that cannot sync a directory say EINVAL. */
static int sync_dir(const char *dir)
{
	int fd = open_retrying(dir, O_RDONLY | O_DIRECTORY, 0);
	int result;

	if (fd < 0)
		return -1;
	result = fsync(fd) < 0 && errno != EINVAL ? -1 : 0;
	close(fd);
	return result;
}

char *file_beside(const char *path)
{
	char *dir = parent_of(path), *name;
	const char *base = strrchr(path, '/');
	char suffix[16];

	ident_token(suffix, sizeof(suffix), "", 12);
	name = mem_printf("%s/.%.200s.%s", dir, base ? base + 1 : path, suffix);
	mem_free(dir);
	return name;
}

static int sync_path(const char *path)
{
	int fd = open_retrying(path, O_RDONLY, 0), result;

	if (fd < 0)
		return -1;
	result = fsync(fd);
	close(fd);
	return result;
}

static int rename_to(const char *temporary, const char *path, bool replace)
{
	if (replace)
		return rename(temporary, path);
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	/* Not every file system can refuse by itself. */
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (file_exists(path)) {
		errno = EEXIST;
		return -1;
	}
	return rename(temporary, path);
}

/* A device that is renamed over is gone, for everybody. */
static bool is_special(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode) &&
	       !S_ISDIR(st.st_mode);
}

int file_settle(const char *temporary, const char *path, bool replace, struct err *err)
{
	char *dir = parent_of(path);
	int result = -1;

	if (is_special(path))
		err_set(err, E_storage_error, "", "cannot write %s: it is no regular file", path);
	else if (sync_path(temporary) < 0 || rename_to(temporary, path, replace) < 0)
		fail(err, "cannot write", path);
	else if (sync_dir(dir) < 0)
		fail(err, "cannot sync the directory of", path);
	else
		result = 0;
	mem_free(dir);
	return result;
}

int file_write(const char *path, struct span content, struct err *err)
{
	char *temporary = file_beside(path);
	int result = -1, fd, closed;

	fd = open_retrying(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
	if (fd < 0) {
		fail(err, "cannot create a file beside", path);
		goto out;
	}
	result = write_all(fd, content);
	if (result < 0)
		fail(err, "cannot write", path);
	closed = close(fd);
	if (result == 0 && closed < 0)
		result = fail(err, "cannot write", path);
	if (result == 0)
		result = file_settle(temporary, path, true, err);
	if (result < 0)
		unlink(temporary);
out:
	mem_free(temporary);
	return result;
}

bool file_is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* mkdir(2) failed: whether that is because another process was faster.  Keeps errno. */
static bool is_made_meanwhile(const char *path)
{
	int why = errno;
	bool made = why == EEXIST && file_is_directory(path);

	errno = why;
	return made;
}

int file_make_dirs(const char *path, struct err *err)
{
	char *copy = mem_strdup(path);
	int result = 0;

	for (char *at = copy + 1; copy[0] && result == 0; at++) {
		char end = *at;

		if (end != '/' && end != '\0')
			continue;
		*at = '\0';
		/* Looked for first: EROFS and EACCES would hide that it is there already. */
		if (!file_is_directory(copy) && mkdir(copy, 0700) < 0 && !is_made_meanwhile(copy))
			result = fail(err, "cannot make the directory", copy);
		*at = end;
		if (end == '\0')
			break;
	}
	mem_free(copy);
	return result;
}

int file_make_parents(const char *path, struct err *err)
{
	char *dir = parent_of(path);
	int result = file_make_dirs(dir, err);

	mem_free(dir);
	return result;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

bool file_is_absent(const char *path) /* NOLINT(misc-no-recursion) */
{
	struct stat st;
	bool result;
	char *dir;

	if (lstat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		return false;
	/* A directory on the way may be a link that leads nowhere. */
	dir = parent_of(path);
	result = stat(dir, &st) == 0 || file_is_absent(dir);
	mem_free(dir);
	return result;
}

static const struct {
	const char *variable;
	const char *below_home; /* NULL: no default there */
} places[] = {
	[FILE_CONFIG] = { "XDG_CONFIG_HOME", ".config" },
	[FILE_DATA] = { "XDG_DATA_HOME", ".local/share" },
	[FILE_STATE] = { "XDG_STATE_HOME", ".local/state" },
	[FILE_CACHE] = { "XDG_CACHE_HOME", ".cache" },
	[FILE_RUNTIME] = { "XDG_RUNTIME_DIR", NULL },
};

/* $HOME, else what the user database says; NULL when neither knows.  The caller frees. */
static char *home_dir(void)
{
	const char *home = env_get("HOME");
	struct passwd entry, *found = NULL;
	char text[4096];

	if (home && home[0] == '/')
		return mem_strdup(home);
	if (getpwuid_r(getuid(), &entry, text, sizeof(text), &found) == 0 && found &&
	    found->pw_dir && found->pw_dir[0] == '/')
		return mem_strdup(found->pw_dir);
	return NULL;
}

/* /tmp is everybody's: a directory that somebody else made or can enter is not used. */
static char *own_tmp_dir(void)
{
	char *path = mem_printf("/tmp/spass-%lu", (unsigned long)getuid());
	struct stat st;

	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		goto refused;
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != getuid() ||
	    (st.st_mode & 077))
		goto refused;
	return path;
refused:
	mem_free(path);
	return NULL;
}

char *file_place(enum file_place place, const char *name)
{
	const char *separator = name[0] ? "/" : "";
	const char *value = env_get(places[place].variable);
	char *base, *result = NULL;

	if (value && value[0] == '/')
		return mem_printf("%s/spass%s%s", value, separator, name);
	if (!places[place].below_home) {
		base = own_tmp_dir();
		if (base)
			result = mem_printf("%s%s%s", base, separator, name);
	} else {
		base = home_dir();
		if (base)
			result = mem_printf("%s/%s/spass%s%s", base, places[place].below_home,
					    separator, name);
	}
	mem_free(base);
	return result;
}
