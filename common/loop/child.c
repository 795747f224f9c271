/* common/loop/child.c - see common/loop/child.h. */
#include "common/loop/child.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOK_MS = 50,    /* how often cancelling and the child's end are looked at */
	LINGER_MS = 200, /* for output of a child that has ended, while others hold its pipe */
	PIECE = 16 * 1024,
};

/* The parts of the environment that programs need; nothing that could be a secret. */
static const char *const passed_on[] = {
	"PATH",
	"HOME",
	"USER",
	"LOGNAME",
	"LANG",
	"LANGUAGE",
	"LC_ALL",
	"LC_CTYPE",
	"TZ",
	"TMPDIR",
	"XDG_CACHE_HOME",
	"XDG_CONFIG_HOME",
	"XDG_DATA_HOME",
	"XDG_RUNTIME_DIR",
	"LD_LIBRARY_PATH",
};

struct child {
	const struct child_options *o;
	struct child_end *end;
	struct buf *out;
	struct buf said; /* on stderr; only its end is kept */
	pid_t pid;
	int fds[2]; /* its stdout and stderr; -1 = ended */
	int64_t deadline_ms;
};

/* ---- start ---- */

static char **make_environment(void)
{
	char **environment = mem_calloc(ARRAY_LEN(passed_on) + 1, sizeof(*environment));
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(passed_on); i++) {
		const char *value =
			getenv(passed_on[i]); /* NOLINT(concurrency-mt-unsafe): nobody sets any */

		if (value)
			environment[count++] = mem_printf("%s=%s", passed_on[i], value);
	}
	return environment;
}

static void free_environment(char **environment)
{
	for (size_t i = 0; environment[i]; i++)
		mem_free(environment[i]);
	mem_free(environment);
}

/* The first error of a chain is kept. */
static int set_up(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int out,
		  int said)
{
	sigset_t all, none;
	int rc;

	sigfillset(&all);
	sigemptyset(&none);
	rc = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, out, 1);
	rc = rc ? rc : posix_spawn_file_actions_adddup2(actions, said, 2);
	rc = rc ? rc : posix_spawn_file_actions_addclosefrom_np(actions, 3);
	rc = rc ? rc : posix_spawnattr_setpgroup(attributes, 0);
	rc = rc ? rc : posix_spawnattr_setsigdefault(attributes, &all);
	rc = rc ? rc : posix_spawnattr_setsigmask(attributes, &none);
	return rc ? rc
		  : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP |
								 POSIX_SPAWN_SETSIGDEF |
								 POSIX_SPAWN_SETSIGMASK);
}

static int spawn(struct child *c, int out, int said)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	char **environment = make_environment();
	/* It only reads the words.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	char *const *argv = (char *const *)(uintptr_t)c->o->argv;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	rc = set_up(&actions, &attributes, out, said);
	if (rc == 0)
		rc = posix_spawnp(&c->pid, argv[0], &actions, &attributes, argv, environment);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	free_environment(environment);
	return rc;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* Descriptors above 2, so that no dup2 in the child meets the other's source. */
static int open_pipe(int ends[2])
{
	if (pipe2(ends, O_CLOEXEC) < 0)
		return errno;
	for (int i = 0; i < 2; i++)
		if (ends[i] < 3) {
			int higher = fcntl(ends[i], F_DUPFD_CLOEXEC, 3);

			if (higher < 0)
				return errno;
			close(ends[i]);
			ends[i] = higher;
		}
	fcntl(ends[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static int start(struct child *c, struct err *err)
{
	int out[2] = { -1, -1 }, said[2] = { -1, -1 };
	int rc = open_pipe(out);

	rc = rc ? rc : open_pipe(said);
	rc = rc ? rc : spawn(c, out[1], said[1]);
	close_fd(&out[1]);
	close_fd(&said[1]);
	if (rc == 0) {
		c->fds[0] = out[0];
		c->fds[1] = said[0];
		return 0;
	}
	close_fd(&out[0]);
	close_fd(&said[0]);
	if (rc == ENOENT)
		return err_set(err, E_loader_failed, "", "%s is not installed", c->o->argv[0]);
	return err_set(err, E_loader_failed, "", "%s cannot be started: %s", c->o->argv[0],
		       err_errno(rc));
}

/* ---- while it runs ---- */

/* What a pipe has; its end closes it. */
static void take_output(struct child *c, int which)
{
	char piece[PIECE];
	ssize_t got = read(c->fds[which], piece, sizeof(piece));

	if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
		close_fd(&c->fds[which]);
	} else if (got > 0 && which == 0) {
		buf_add(c->out, piece, (size_t)got);
	} else if (got > 0) {
		buf_add(&c->said, piece, (size_t)got);
		if (c->said.len > CHILD_TAIL)
			buf_consume(&c->said, c->said.len - CHILD_TAIL);
	}
}

static void wait_for_output(struct child *c, int ms)
{
	struct pollfd fds[2] = { { .fd = c->fds[0], .events = POLLIN },
				 { .fd = c->fds[1], .events = POLLIN } };

	if (poll(fds, 2, ms) > 0)
		for (int i = 0; i < 2; i++)
			if (c->fds[i] >= 0 && fds[i].revents)
				take_output(c, i);
}

/* It stays to be waited for, so that its number, and its group's, is nobody else's yet. */
static bool has_ended(const struct child *c)
{
	siginfo_t info = { .si_pid = 0 };

	return waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 ||
	       info.si_pid != 0;
}

static bool must_stop(struct child *c)
{
	const atomic_bool *cancelled = c->o->cancelled;

	if (buf_failed(c->out))
		c->end->outcome = CHILD_TOO_LONG;
	else if (cancelled && atomic_load_explicit(cancelled, memory_order_relaxed))
		c->end->outcome = CHILD_CANCELLED;
	else if (clock_mono_ms() >= c->deadline_ms)
		c->end->outcome = CHILD_TIMED_OUT;
	else
		return false;
	return true;
}

/* True when it ended by itself. */
static bool attend(struct child *c)
{
	int64_t ended_ms = 0;
	int nap_ms = 1;

	while (!must_stop(c)) {
		bool is_open = c->fds[0] >= 0 || c->fds[1] >= 0;

		if (is_open)
			wait_for_output(c, ended_ms ? 1 : LOOK_MS);
		if (!has_ended(c)) {
			if (!is_open) {
				poll(NULL, 0, nap_ms);
				nap_ms = nap_ms < LOOK_MS ? 2 * nap_ms : LOOK_MS;
			}
			continue;
		}
		/* Somebody it started may hold the pipes for ever. */
		if (!ended_ms)
			ended_ms = clock_mono_ms();
		if (!is_open || clock_mono_ms() - ended_ms > LINGER_MS)
			return true;
	}
	return false;
}

/* Readable on one line. */
static void keep_tail(struct child *c)
{
	struct buf out;
	struct span said = buf_span(&c->said);
	size_t len;

	buf_init(&out, CHILD_TAIL);
	while (said.len > 0 && (said.ptr[0] & 0xc0) == 0x80)
		said = span_from(said, 1); /* the rest of a character that was cut */
	while (said.len > 0) {
		uint32_t ch = utf8_next(said, &len);

		if (ch == '\n' || ch == '\t' || ch == '\r')
			buf_add_char(&out, ' ');
		else if (ch >= 0x20 && ch != 0x7f && ch != 0xfffd && (ch < 0x80 || ch > 0x9f))
			buf_add(&out, said.ptr, len);
		said = span_from(said, len);
	}
	said = span_trim(buf_span(&out));
	if (said.len > 0)
		memcpy(c->end->tail, said.ptr, said.len);
	c->end->tail[said.len] = '\0';
	buf_free(&out);
}

int child_run(const struct child_options *o, struct buf *out, struct child_end *end,
	      struct err *err)
{
	struct child c = { .o = o, .end = end, .out = out, .fds = { -1, -1 } };
	int status = 0;
	bool by_itself;

	*end = (struct child_end){ .outcome = CHILD_EXITED };
	c.deadline_ms = clock_mono_ms() + o->timeout_ms;
	if (start(&c, err) < 0)
		return -1;
	buf_init(&c.said, CHILD_TAIL + (size_t)PIECE);
	by_itself = attend(&c);
	kill(-c.pid, SIGKILL);
	close_fd(&c.fds[0]);
	close_fd(&c.fds[1]);
	while (waitpid(c.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (by_itself && WIFSIGNALED(status)) {
		end->outcome = CHILD_SIGNALLED;
		end->status = WTERMSIG(status);
	} else if (by_itself) {
		end->status = WEXITSTATUS(status);
	}
	keep_tail(&c);
	buf_free(&c.said);
	return 0;
}
