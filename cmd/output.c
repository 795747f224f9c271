/* cmd/output.c - see output.h. */
#include "cmd/output.h"

#include "cmd/interrupt.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MODE_NEW = 0666, MODE_ALL = 07777, LINKS_MAX = 40 };

static int fail(const char *path, struct err *err)
{
	return err_set(err, E_output_failed, "output", "%s: %s", path, err_errno(errno));
}

static bool is_same(int fd, const struct stat *there)
{
	struct stat st;

	return fstat(fd, &st) == 0 && st.st_dev == there->st_dev && st.st_ino == there->st_ino;
}

/* Where the links of path end, be something there or not.  NULL: they go round. */
static char *follow(const char *path)
{
	char *at = mem_strdup(path), room[PATH_MAX];

	for (int links = 0; links < LINKS_MAX; links++) {
		ssize_t len = readlink(at, room, sizeof(room));
		const char *slash = strrchr(at, '/');
		char *next;

		if (len < 0)
			return at;
		next = mem_printf("%.*s%.*s",
				  room[0] != '/' && slash ? (int)(slash + 1 - at) : 0, at,
				  (int)len, room);
		mem_free(at);
		at = next;
	}
	mem_free(at);
	errno = ELOOP;
	return NULL;
}

/* A FIFO waits for its reader; who is tired of that interrupts. */
static int open_output(const char *path, int flags, mode_t mode)
{
	int fd;

	do
		fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, mode);
	while (fd < 0 && errno == EINTR && !interrupt_signal());
	return fd;
}

/* N of "/dev/fd/N"; -1: the path names no descriptor. */
static int descriptor_of(const char *path)
{
	static const char *const places[] = { "/dev/fd/", "/proc/self/fd/" };
	struct span name = span_str(path);
	int64_t number;

	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (span_starts(name, places[i]) &&
		    span_to_int(span_from(name, strlen(places[i])), 0, INT_MAX, &number) == 0)
			return (int)number;
	return -1;
}

/* One that we were started with; our own close when a program is started. */
static int open_descriptor(int number)
{
	int flags = fcntl(number, F_GETFD);

	if (flags >= 0 && !(flags & FD_CLOEXEC))
		return fcntl(number, F_DUPFD_CLOEXEC, 3);
	errno = EBADF;
	return -1;
}

static int open_directly(struct output *o, const struct stat *st)
{
	if (is_same(STDOUT_FILENO, st)) {
		o->file = stdout;
		return STDOUT_FILENO;
	}
	/* Where an open one stands is known to the descriptor alone. */
	if (is_same(STDERR_FILENO, st))
		return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	return open_output(o->path, 0, 0);
}

static int open_beside(struct output *o, const struct stat *st)
{
	o->target = follow(o->path);
	if (!o->target)
		return -1;
	if (st) {
		o->mode = st->st_mode & MODE_ALL;
		/* A renaming would not ask. */
		if (faccessat(AT_FDCWD, o->target, W_OK, AT_EACCESS) < 0)
			return -1;
	}
	o->beside = file_beside(o->target);
	return open_output(o->beside, O_CREAT | O_EXCL, st ? 0600 : MODE_NEW);
}

static void clear(struct output *o)
{
	mem_free(o->target);
	mem_free(o->beside);
	*o = (struct output){ .path = o->path };
}

int output_open(struct output *o, const char *path, struct err *err)
{
	int fd, descriptor = path ? descriptor_of(path) : -1;
	struct stat st;
	bool is_there;

	*o = (struct output){ .path = path };
	if (!path || strcmp(path, "-") == 0) {
		o->file = stdout;
		return 0;
	}
	is_there = stat(path, &st) == 0;
	if (is_there && (!S_ISREG(st.st_mode) || is_same(STDOUT_FILENO, &st) ||
			 is_same(STDERR_FILENO, &st)))
		fd = open_directly(o, &st);
	else if (descriptor >= 0)
		fd = open_descriptor(descriptor);
	else
		fd = open_beside(o, is_there ? &st : NULL);
	if (fd >= 0 && !o->file)
		o->file = fdopen(fd, "w");
	if (o->file)
		return 0;
	fail(path, err);
	clear(o);
	return -1;
}

static int settle(const struct output *o, struct err *err)
{
	if (o->mode && chmod(o->beside, o->mode) < 0)
		return fail(o->path, err);
	if (file_settle(o->beside, o->target, true, err) == 0)
		return 0;
	err->code = E_output_failed;
	snprintf(err->param, sizeof(err->param), "output");
	return -1;
}

int output_close(struct output *o, bool is_whole, struct err *err)
{
	int result = is_whole ? 0 : -1;

	if (o->file != stdout) {
		bool lost = ferror(o->file) != 0;

		if ((fclose(o->file) != 0 || lost) && result == 0)
			result = fail(o->path, err);
	}
	if (o->beside && result == 0)
		result = settle(o, err);
	if (o->beside && result < 0)
		unlink(o->beside);
	clear(o);
	return result;
}

int output_write(const char *path, struct span content, struct err *err)
{
	struct output o;

	if (output_open(&o, path, err) < 0)
		return -1;
	if (content.len > 0 && fwrite(content.ptr, 1, content.len, o.file) != content.len &&
	    o.file != stdout) {
		fail(path, err);
		return output_close(&o, false, err);
	}
	return output_close(&o, true, err);
}
