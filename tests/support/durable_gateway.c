/* tests/support/durable_gateway.c - the gateway's process. */
#include "tests/support/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_US = 30000000, LOOK_US = 2000 };

/* In the child: becomes `spass ARGUMENTS` with an environment of its own. */
static void become(struct durable *d, const char *const *arguments)
{
	char *environment[] = {
		kit_printf("PATH=%s", getenv("PATH")),
		kit_printf("HOME=%s", d->dir),
		kit_printf("XDG_RUNTIME_DIR=%s", d->dir),
		kit_printf("SPASS_DATA_DIR=%s", d->data),
		kit_printf("SPASS_LISTEN=unix:%s", d->socket),
		kit_strdup("SPASS_TOKEN=durable"),
		kit_strdup("SPASS_DISCOVER=false"),
		kit_strdup("SPASS_WORKERS=2"),
		NULL,
	};
	char *argv[16] = { kit_strdup("spass") };
	char *log = kit_printf("%s/log", d->dir);
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	for (size_t i = 0; arguments[i] && i < COUNT_OF(argv) - 2; i++)
		argv[i + 1] = kit_strdup(arguments[i]);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	if (d->file_max > 0) {
		const struct rlimit limit = { (rlim_t)d->file_max, (rlim_t)d->file_max };

		setrlimit(RLIMIT_FSIZE, &limit);
	}
	execve(d->spass, argv, environment);
	_exit(127);
}

static pid_t spawn(struct durable *d, const char *const *arguments)
{
	pid_t pid = fork();

	if (pid < 0)
		kit_fatal("fork: %s", strerrordesc_np(errno));
	if (pid == 0)
		become(d, arguments);
	return pid;
}

bool gateway_start(struct durable *d)
{
	static const char *const arguments[] = { "serve", NULL };
	int64_t until = kit_now_us() + START_US;

	unlink(d->socket);
	d->pid = spawn(d, arguments);
	while (kit_now_us() < until) {
		if (client_ask(d, "GET", "/healthz", NULL, NULL, NULL) == 200)
			return true;
		if (waitpid(d->pid, NULL, WNOHANG) == d->pid) {
			d->pid = 0;
			return false;
		}
		usleep(LOOK_US);
	}
	gateway_show_log(d);
	kit_fatal("the gateway does not start");
}

int gateway_end(struct durable *d, int number)
{
	int status = 0;

	kill(d->pid, number);
	while (waitpid(d->pid, &status, 0) < 0 && errno == EINTR)
		;
	d->pid = 0;
	return status;
}

int gateway_run(struct durable *d, const char *const *arguments)
{
	pid_t pid = spawn(d, arguments);
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void gateway_show_log(struct durable *d)
{
	char *path = kit_printf("%s/log", d->dir);
	struct text log = { 0 };

	if (kit_read_file(path, &log) == 0)
		fprintf(stderr, "--- the end of the log\n%s",
			text_str(&log) + (log.len > 4000 ? log.len - 4000 : 0));
	text_free(&log);
	free(path);
}
