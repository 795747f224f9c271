/*
 * common/store/audit.c - appending lines to a file that never ends in half of one.
 */
#include "common/store/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/mem.h"

enum { PROBE_BYTES = 65536 };

struct audit {
	char *path, *older;
	int fd;
	bool is_file; /* a pipe or a terminal is neither measured nor rotated */
	int64_t size, max_bytes;
};

static int fail(const struct audit *a, const char *what, struct err *err)
{
	return err_set(err, E_storage_error, "", "cannot %s the audit file %s: %s", what, a->path,
		       err_errno(errno));
}

/* The bytes written; fewer than len with errno set. */
static size_t write_all(int fd, const char *bytes, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, bytes + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	return done;
}

/* After a crash, or another program's appending: the next line begins on its own. */
static int end_line(int fd, int64_t *size)
{
	char last;

	if (*size == 0 || pread(fd, &last, 1, *size - 1) != 1 || last == '\n')
		return 0;
	if (write_all(fd, "\n", 1) != 1)
		return -1;
	*size += 1;
	return 0;
}

/* Puts a freshly opened file in the place of the present one. */
static int start_file(struct audit *a, struct err *err)
{
	struct stat st;
	int fd = open(a->path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
		      0600);
	int64_t size = 0;

	if (fd < 0)
		return fail(a, "open", err);
	if (fstat(fd, &st) < 0)
		goto fail;
	if (S_ISREG(st.st_mode))
		size = st.st_size;
	if (end_line(fd, &size) < 0)
		goto fail;
	if (a->fd >= 0)
		close(a->fd);
	a->fd = fd;
	a->is_file = S_ISREG(st.st_mode);
	a->size = size;
	return 0;
fail:
	fail(a, "open", err);
	close(fd);
	return -1;
}

struct audit *audit_open(const char *path, int64_t max_bytes, struct err *err)
{
	struct audit *a = mem_new(struct audit);

	a->path = mem_strdup(path);
	a->older = mem_printf("%s.1", path);
	a->fd = -1;
	a->max_bytes = max_bytes;
	if (start_file(a, err) == 0)
		return a;
	audit_close(a);
	return NULL;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		close(a->fd);
	mem_free(a->path);
	mem_free(a->older);
	mem_free(a);
}

int audit_reopen(struct audit *a, int64_t max_bytes, struct err *err)
{
	a->max_bytes = max_bytes;
	return start_file(a, err);
}

static int rotate(struct audit *a, struct err *err)
{
	if (rename(a->path, a->older) < 0)
		return fail(a, "rotate", err);
	return start_file(a, err);
}

static int append(struct audit *a, struct span lines, struct err *err)
{
	size_t done = write_all(a->fd, lines.ptr, lines.len);
	int number = errno;

	if (done == lines.len) {
		a->size += (int64_t)done;
		return 0;
	}
	/* Half of a batch is worse than none: its last line would be broken. */
	if (a->is_file && done > 0 && ftruncate(a->fd, a->size) < 0)
		a->size += (int64_t)done;
	errno = number;
	return fail(a, "write", err);
}

/* The whole lines at the start of lines that fit into room, at least one. */
static struct span fitting(struct span lines, int64_t room)
{
	const char *end;

	if ((int64_t)lines.len <= room)
		return lines;
	end = room > 0 ? memrchr(lines.ptr, '\n', (size_t)room) : NULL;
	if (!end)
		end = memchr(lines.ptr, '\n', lines.len);
	return end ? span_of(lines.ptr, (size_t)(end - lines.ptr) + 1) : lines;
}

/* What others did to the file meanwhile: removed, cut or grown. */
static int look_again(struct audit *a, struct err *err)
{
	struct stat st;

	if (!a->is_file)
		return 0;
	if (fstat(a->fd, &st) < 0)
		return fail(a, "look at", err);
	a->size = st.st_size;
	return st.st_nlink > 0 ? 0 : start_file(a, err);
}

int audit_write(struct audit *a, struct span lines, struct err *err)
{
	if (look_again(a, err) < 0)
		return -1;
	while (lines.len > 0) {
		struct span part = lines;

		if (a->is_file) {
			part = fitting(lines, a->max_bytes - a->size);
			if (a->size > 0 && a->size + (int64_t)part.len > a->max_bytes) {
				if (rotate(a, err) < 0)
					return -1;
				continue;
			}
		}
		if (append(a, part, err) < 0)
			return -1;
		lines = span_from(lines, part.len);
	}
	return 0;
}

int audit_probe(struct audit *a, struct err *err)
{
	struct stat st;

	if (start_file(a, err) < 0)
		return -1;
	if (!a->is_file)
		return 0;
	/* Claims room past the end and gives it back. */
	if (fallocate(a->fd, FALLOC_FL_KEEP_SIZE, a->size, PROBE_BYTES) < 0)
		return errno == EOPNOTSUPP || errno == ENOSYS ? 0 : fail(a, "write", err);
	if (fstat(a->fd, &st) == 0 && ftruncate(a->fd, st.st_size) < 0)
		return fail(a, "write", err);
	return 0;
}
