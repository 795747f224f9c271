/*
 * server/server.c - the gateway as a whole: what is shared, the workers, and the way through
 * start, reload, drain and stop.
 */
#include "server/server_parts.h"

#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "server/http/carrier.h"
#include "server/notify.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum {
	FILES_EXTRA = 1024, /* descriptors besides those of clients and their backends */
	FILES_MAX = 1024 * 1024,
	RELOAD_LOOK_MS = 1,
	RELOAD_WAIT_MS = 5000, /* for workers to take a new snapshot over */
	NAMES_MAX = 1024,
	LOOK_PAUSE_MS = 1,
	SOURCE_MAX = 16 * 1024 * 1024,
};

/* ---- start ---- */

/* The tables of libwebsockets grow with this limit, so it is not simply the hardest one. */
static void raise_file_limit(const struct config *c)
{
	struct rlimit limit;
	rlim_t want = (rlim_t)c->max_connections * 2 + FILES_EXTRA;

	if (want > FILES_MAX)
		want = FILES_MAX;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want < limit.rlim_max ? want : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur < want)
		log_debug("server", "the limit of open files is %lld; max_connections: %lld may want %lld (ulimit -n)",
			 (long long)limit.rlim_cur, (long long)c->max_connections, (long long)want);
}

/* Threads begin with all signals blocked: they are for the thread that waits for them. */
static void block_signals(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, before);
}

static int count_cores(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

static void apply_log(const struct config *c)
{
	static const char *const levels[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARN] = "warn",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_DEBUG] = "debug",
	};
	enum log_level level = LOG_LEVEL_INFO;

	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (strcmp(c->log_level, levels[i]) == 0)
			level = (enum log_level)i;
	log_setup(level, strcmp(c->log_format, "json") == 0 ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT);
}

int server_check_tls(const struct config *c, struct err *err)
{
	if (!c->tls_certificate[0] && !c->tls_key[0])
		return 0;
	if (!c->tls_certificate[0] || !c->tls_key[0])
		return err_set(err, E_invalid_config, "",
			       "tls_certificate and tls_key belong together");
	return carrier_check_tls(c->tls_certificate, c->tls_key, err);
}

static int make_data_dir(const struct config *c, struct err *err)
{
	char *path;
	int result;

	path = config_data_path(c, "", err);
	result = path ? file_make_dirs(path, err) : -1;
	mem_free(path);
	return result;
}

static int open_sockets(struct server *s, const struct config *c, struct err *err)
{
	const char *scheme = c->tls_certificate[0] ? "https" : "http";

	const char **names = mem_calloc(c->listen.count + 1, sizeof *names);
	size_t count = 0;

	for (; count < c->listen.count; count++)
		names[count] = c->listen.items[count];
	if (s->source.own_socket)
		names[count++] = arena_printf(&s->texts, "unix:%s", s->source.own_socket);
	s->sockets = listen_set_new(names, count, s->worker_count, err);
	mem_free(names);
	if (!s->sockets)
		return -1;
	s->addresses = mem_calloc(listen_set_count(s->sockets), sizeof *s->addresses);
	for (size_t i = 0; i < listen_set_count(s->sockets); i++) {
		const char *name = listen_set_name(s->sockets, i);

		s->addresses[s->address_count++] = listen_set_is_tcp(s->sockets, i)
							   ? mem_printf("%s://%s", scheme, name)
							   : mem_strdup(name);
	}
	return 0;
}

static void take_news(void *context);

static int start_workers(struct server *s, struct err *err)
{
	s->workers = mem_calloc((size_t)s->worker_count, sizeof(struct worker *));
	for (int i = 0; i < s->worker_count; i++) {
		struct worker_setup setup = {
			.core = s->core,
			.sockets = s->sockets,
			.gate = &s->gate,
			.index = i,
			.news = take_news,
			.context = s,
		};

		s->workers[i] = worker_new(&setup, err);
		if (!s->workers[i])
			return -1;
	}
	for (int i = 0; i < s->worker_count; i++)
		if (worker_start(s->workers[i], err) < 0)
			return -1;
	return 0;
}

/* Who can connect finds the token: it is made before there is a socket. */
static int prepare(struct server *s, struct snapshot *first, struct err *err)
{
	const struct config *config = first->config;

	if (server_check_tls(config, err) < 0 || make_data_dir(config, err) < 0 ||
	    snapshot_complete(first, &s->made_token, &s->token_path, err) < 0 ||
	    open_sockets(s, config, err) < 0)
		return -1;
	s->token = mem_strdup(tenancy_secret(first->tenancy));
	atomic_store(&s->gate.max, config->max_connections);
	return 0;
}

/* Takes config. */
static int start(struct server *s, struct config *config, struct err *err)
{
	struct snapshot *first = snapshot_draft(config, environ, NULL, err);

	if (!first)
		return -1;
	if (prepare(s, first, err) < 0) {
		snapshot_unref(first);
		return -1;
	}
	s->core = core_new(first, err);
	if (!s->core)
		return -1;
	if (s->core->metrics)
		s->shard = metrics_shard_new(s->core->metrics);
	return start_workers(s, err);
}

/* It is read again long after whoever started the server has gone on. */
static int keep_source(struct server *s, const struct server_source *from, struct err *err)
{
	struct config_flag *flags;

	arena_init(&s->texts, SOURCE_MAX);
	s->source.path = from->path ? arena_strdup(&s->texts, from->path) : NULL;
	s->source.own_socket = from->own_socket ? arena_strdup(&s->texts, from->own_socket) : NULL;
	flags = arena_zalloc(&s->texts, (from->flag_count + 1) * sizeof *flags);
	for (size_t i = 0; flags && i < from->flag_count; i++)
		flags[i] = (struct config_flag){ arena_strdup(&s->texts, from->flags[i].name),
						 arena_strdup(&s->texts, from->flags[i].value) };
	s->source.flags = flags;
	s->source.flag_count = from->flag_count;
	if (arena_failed(&s->texts))
		return err_set(err, E_too_large, "", "the flags have more than %d bytes", SOURCE_MAX);
	return 0;
}

struct server *server_start(struct config *config, const struct server_source *source,
			    struct err *err)
{
	struct server *s = mem_new(struct server);
	sigset_t before;
	int result;

	pthread_mutex_init(&s->reload_lock, NULL);
	s->worker_count = config->workers > 0 ? (int)config->workers : count_cores();
	apply_log(config);
	raise_file_limit(config);
	if (keep_source(s, source, err) < 0) {
		config_free(config);
		server_stop(s);
		return NULL;
	}
	block_signals(&before);
	result = start(s, config, err);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result < 0) {
		server_stop(s);
		return NULL;
	}
	for (size_t i = 0; i < s->address_count; i++)
		log_info("server", "listening on %s with %d workers", s->addresses[i], s->worker_count);
	return s;
}

const char *server_address(const struct server *s, size_t index)
{
	return index < s->address_count ? s->addresses[index] : NULL;
}

const char *server_token(const struct server *s)
{
	return s->token;
}

const char *server_token_path(const struct server *s)
{
	return s->token_path;
}

bool server_made_token(const struct server *s)
{
	return s->made_token;
}

static void await_look(const struct server *s, enum routing_reach reach, int64_t limit_ms)
{
	const struct timespec pause = { .tv_nsec = LOOK_PAUSE_MS * 1000000L };
	int64_t until_ms = clock_mono_ms() + limit_ms;

	while (!worker_has_looked(s->workers[0], reach) && clock_mono_ms() < until_ms)
		nanosleep(&pause, NULL);
}

void server_await_local(const struct server *s, int64_t limit_ms)
{
	await_look(s, ROUTING_LOCAL, limit_ms);
}

void server_await_backends(const struct server *s, int64_t limit_ms)
{
	await_look(s, ROUTING_ALL, limit_ms);
}

/* ---- reload ---- */

/*
 * Reads the configuration and publishes what comes of it, as *generation.  Names of settings that
 * need a restart go to kept.  Under reload_lock.
 */
static int publish_new(struct server *s, struct buf *kept, uint64_t *generation, struct err *err)
{
	struct config *config =
		config_load(s->source.path, environ, s->source.flags, s->source.flag_count, err);
	struct snapshot *previous, *next;

	if (!config)
		return -1;
	if (server_check_tls(config, err) < 0) {
		config_free(config);
		return -1;
	}
	previous = core_snapshot(s->core);
	config_keep_started(config, previous->config, kept);
	next = snapshot_new(config, environ, previous, err);
	snapshot_unref(previous);
	if (!next)
		return -1;
	*generation = core_publish(s->core, next);
	return 0;
}

static int swap(struct server *s, bool certificates, struct buf *kept, uint64_t *generation,
		struct err *err)
{
	int result;

	pthread_mutex_lock(&s->reload_lock);
	result = s->stopping ? err_set(err, E_draining, "", "the gateway is stopping")
			     : publish_new(s, kept, generation, err);
	if (certificates)
		metrics_add(s->shard, M_spass_reloads_total, 1,
			    LABELS(result < 0 ? SPAN_LIT("failed") : SPAN_LIT("done")));
	if (result == 0)
		for (int i = 0; i < s->worker_count; i++)
			worker_refresh(s->workers[i], certificates);
	pthread_mutex_unlock(&s->reload_lock);
	return result;
}

static void take_news(void *context)
{
	struct server *s = context;
	struct err err = ERR_INIT;
	uint64_t generation;
	struct buf kept;

	buf_init(&kept, NAMES_MAX);
	if (swap(s, false, &kept, &generation, &err) < 0)
		log_warn("server", "new models of backends are not taken over: %s", err.message);
	buf_free(&kept);
}

/* Whoever reads "reloaded" finds it so, whichever worker answers. */
static void wait_for_workers(struct server *s, uint64_t generation)
{
	const struct timespec pause = { .tv_nsec = RELOAD_LOOK_MS * 1000000L };
	int64_t until_ms = clock_mono_ms() + RELOAD_WAIT_MS;

	for (int i = 0; i < s->worker_count; i++) {
		while (worker_generation(s->workers[i]) < generation && clock_mono_ms() < until_ms)
			nanosleep(&pause, NULL);
		if (worker_generation(s->workers[i]) < generation)
			log_warn("server", "worker %d has not taken the configuration over yet", i);
	}
}

static void apply_new(struct server *s)
{
	struct snapshot *now = core_snapshot(s->core);
	const struct usage_limits limits = { now->config->usage_retention, now->config->usage_max_rows,
					     now->config->usage_users_max };

	apply_log(now->config);
	atomic_store(&s->gate.max, now->config->max_connections);
	store_reopen_audit(s->core->store, now->config->audit_max_bytes);
	store_limit_usage(s->core->store, &limits);
	snapshot_unref(now);
}

int server_reload(struct server *s, struct err *err)
{
	uint64_t generation = 0;
	struct buf kept;
	int result;

	buf_init(&kept, NAMES_MAX);
	result = swap(s, true, &kept, &generation, err);
	if (result == 0) {
		apply_new(s);
		wait_for_workers(s, generation);
		if (kept.len)
			log_warn("server", "a change of these settings needs a restart: %s",
				 buf_str(&kept));
	}
	buf_free(&kept);
	return result;
}

/* ---- drain and stop ---- */

void server_part(struct server *s)
{
	for (int i = 0; i < s->worker_count; i++)
		worker_part(s->workers[i]);
}

void server_begin_drain(struct server *s)
{
	if (s->draining)
		return;
	s->draining = true;
	for (int i = 0; i < s->worker_count; i++)
		worker_drain(s->workers[i]);
}

int server_drain_left(struct server *s)
{
	size_t busy = 0;

	for (int i = 0; i < s->worker_count; i++) {
		if (!worker_is_deaf(s->workers[i]))
			return -1;
		busy += worker_busy(s->workers[i]);
	}
	/* Closed now, so that who connects is refused and not left waiting. */
	listen_set_free(s->sockets);
	s->sockets = NULL;
	return busy > INT32_MAX ? INT32_MAX : (int)busy;
}

void server_stop(struct server *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->reload_lock);
	s->stopping = true;
	pthread_mutex_unlock(&s->reload_lock);
	for (int i = 0; s->workers && i < s->worker_count; i++)
		worker_stop(s->workers[i]);
	mem_free(s->workers);
	listen_set_free(s->sockets);
	core_free(s->core);
	for (size_t i = 0; i < s->address_count; i++)
		mem_free(s->addresses[i]);
	mem_free(s->addresses);
	if (s->token)
		mem_free_secret(s->token, strlen(s->token));
	mem_free(s->token_path);
	arena_clear(&s->texts);
	pthread_mutex_destroy(&s->reload_lock);
	mem_free(s);
}
