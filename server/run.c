/*
 * server/run.c - `spass serve`: the thread that waits for signals, and tells the service manager.
 */
#include "server/server_parts.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "server/footprint.h"
#include "server/notify.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

enum { EXIT_SIGNALLED = 128 };

/* A message of several lines has a fault on each. */
static void tell_faults(const char *message)
{
	struct span rest = span_str(message);

	while (rest.ptr) {
		struct span line = span_cut(&rest, '\n');

		if (line.len)
			log_error("server", "the configuration stays as it was: %.*s",
				  SPAN_ARGS(line));
	}
}

static void reload_on_signal(struct server *s)
{
	struct err err = ERR_INIT;

	notify_reloading();
	if (server_reload(s, &err) < 0)
		tell_faults(err.message);
	else
		log_info("server", "configuration reloaded");
	notify_ready();
}

/* The manager hears from us only while every loop turns. */
static void tell_alive(struct server *s)
{
	bool alive = true;

	for (int i = 0; i < s->worker_count; i++)
		alive = worker_is_alive(s->workers[i]) && alive;
	if (alive)
		notify_alive();
	else
		log_error("server", "a worker does not answer");
}

/* The next signal of set, or 0 when timeout_ms (< 0: none) has passed. */
static int wait_signal(const sigset_t *set, int64_t timeout_ms)
{
	struct timespec limit = { .tv_sec = timeout_ms / 1000,
				  .tv_nsec = timeout_ms % 1000 * 1000000 };
	int got;

	do
		got = timeout_ms < 0 ? sigwaitinfo(set, NULL) : sigtimedwait(set, NULL, &limit);
	while (got < 0 && errno == EINTR);
	return got < 0 ? 0 : got;
}

/* Waits; true when a further signal says to stop at once, which is then the exit status. */
static bool is_hurried(const sigset_t *set, int64_t timeout_ms, int *status)
{
	int got = wait_signal(set, timeout_ms);

	if (got != SIGTERM && got != SIGINT)
		return false;
	log_warn("server", "stopping at once");
	*status = EXIT_SIGNALLED + got;
	return true;
}

/* Load balancers get time to see /readyz, as long as there is somebody to ask. */
static bool give_notice(struct server *s, int64_t notice_ms, const sigset_t *set, int *status)
{
	int64_t until_ms = clock_mono_ms() + notice_ms, left_ms;

	if (notice_ms == 0)
		return false;
	server_part(s);
	while ((left_ms = until_ms - clock_mono_ms()) > 0)
		if (is_hurried(set, left_ms, status))
			return true;
	return false;
}

/* Returns the exit status. */
static int drain_on_signal(struct server *s, const sigset_t *set)
{
	struct snapshot *now = core_snapshot(s->core);
	int64_t notice_ms = now->config->drain_notice, limit_ms = now->config->drain_timeout;
	int64_t until_ms;
	int left, status = 0;

	snapshot_unref(now);
	notify_stopping();
	if (give_notice(s, notice_ms, set, &status))
		return status;
	until_ms = clock_mono_ms() + limit_ms;
	server_begin_drain(s);
	while ((left = server_drain_left(s)) != 0 && clock_mono_ms() < until_ms)
		if (is_hurried(set, DRAIN_LOOK_MS, &status))
			return status;
	if (left > 0)
		log_warn("server", "cutting %d request%s the drain limit", left,
			 left == 1 ? " that outlasts" : "s that outlast");
	return 0;
}

int server_run(struct server *s)
{
	int64_t alive_ms = notify_alive_every_ms();
	sigset_t set;
	int got, status;

	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a full file is a write that fails */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	notify_ready();
	footprint_trim();
	while ((got = wait_signal(&set, alive_ms > 0 ? alive_ms : -1)) != SIGTERM &&
	       got != SIGINT) {
		if (got == SIGHUP)
			reload_on_signal(s);
		else
			tell_alive(s);
	}
	log_info("server", "stopping");
	status = drain_on_signal(s, &set);
	server_stop(s);
	log_info("server", "stopped");
	return status;
}
