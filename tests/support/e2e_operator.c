/* tests/support/e2e_operator.c - what is done to the gateway, and what it takes of memory: steps of an operator. */
#include "tests/support/e2e.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int e2e_step_signal(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	static const struct { const char *name; int number; } names[] = {
		{ "HUP", SIGHUP }, { "TERM", SIGTERM }, { "INT", SIGINT }, { "KILL", SIGKILL }, { "STOP", SIGSTOP }, { "CONT", SIGCONT },
	};
	(void)s;
	for (size_t i = 0; i < COUNT_OF(names); i++)
		if (strcmp(names[i].name, rest) == 0)
			return kill(e->gateway, names[i].number) ? e2e_fail(e, "the gateway is gone") : 0;
	return e2e_fail(e, "unknown signal %s", rest);
}

/* exit STATUS: the gateway ends with it */
int e2e_step_exit(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	int status;
	(void)s;
	if (e2e_gateway_wait(e, 2 * DEADLINE_MS, &status))
		return e2e_fail(e, "the gateway has not ended");
	int got = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	return got == strtol(rest, NULL, 10) ? 0 : e2e_fail(e, "the gateway ended with %d, expected %s", got, rest);
}

/* start [inherited]: with a listening socket handed over as systemd does */
int e2e_step_start(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	for (size_t i = 0; i < e->conn_count; i++) /* of the gateway before */
		e2e_conn_close(e->conns[i], false);
	e->inherited = strcmp(rest, "inherited") == 0;
	int result = e2e_gateway_start(e);
	e->inherited = false;
	return result;
}

/* config and lines below: the file's new content */
int e2e_step_config(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct text config = { 0 };
	(void)rest;
	for (size_t i = 0; i < s->count; i++) {
		const char *line = s->subs[i].text;
		line += *line == '|' ? 1 + (line[1] == ' ') : 0;
		char *text = e2e_expand(e, line);
		text_printf(&config, "%s\n", text);
		free(text);
	}
	e2e_write_config(e, text_str(&config));
	text_free(&config);
	return 0;
}

static int64_t status_kb(pid_t pid, const char *field)
{
	struct text status = { 0 };
	char *path = kit_printf("/proc/%d/status", (int)pid);
	kit_read_file(path, &status);
	free(path);
	const char *line = strstr(text_str(&status), field);
	int64_t kb = line ? strtol(line + strlen(field), NULL, 10) : -1;
	text_free(&status);
	return kb;
}

/* Lets the kernel's record of the most memory begin anew. */
static void forget_peak(pid_t pid)
{
	char *path = kit_printf("/proc/%d/clear_refs", (int)pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	free(path);
	if (fd < 0)
		return;
	(void)!write(fd, "5", 1);
	close(fd);
}

/* rss mark | rss below N | rss peak below N: KiB above the mark, now or at the worst since then */
int e2e_step_rss(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	/* What is the program's own: pages of code come and go with the page cache. */
	int64_t now = status_kb(e->gateway, "RssAnon:"), mark = e->rss_mark_kb;
	const char *limit;
	(void)s;
	if (strcmp(rest, "mark") == 0) {
		e->rss_mark_kb = now;
		forget_peak(e->gateway);
		e->peak_mark_kb = status_kb(e->gateway, "VmHWM:");
		return 0;
	}
	if (kit_word(rest, "peak", &rest)) {
		now = status_kb(e->gateway, "VmHWM:");
		mark = e->peak_mark_kb;
	}
	if (!kit_word(rest, "below", &limit))
		return e2e_fail(e, "rss mark, rss below KIB, or rss peak below KIB");
	if (now - mark <= strtol(limit, NULL, 10) || e->slow > 1) /* sanitizers keep what is freed */
		return 0;
	return e2e_fail(e, "memory rose by %lld KiB, allowed are %s", (long long)(now - mark), limit);
}
