/*
 * server/worker.c - a worker thread, and the orders that other threads give it.
 */
#include "server/worker.h"

#include "common/base/log.h"
#include "common/base/mem.h"
#include "server/api/api.h"
#include "server/http/conn.h"
#include "server/upkeep.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
	OUT_HIGH = 256 * 1024, /* bytes queued for a slow client before its writer waits */
	QUIET_LOOK_MS = 2,     /* while stopping */
	QUIET_MAX_MS = 10000,
};

struct worker {
	struct worker_setup setup;
	struct loop *loop;
	struct http *http;
	struct http_limits limits;
	struct core_worker *core;
	struct listener *listeners;
	bool tls;
	pthread_t thread;
	bool started;
	struct upkeep upkeep;  /* of worker 0 */
	struct timer quiet;    /* while stopping */
	int64_t stopping_ms;
	bool stuck;
	_Atomic size_t busy;
	_Atomic uint64_t generation; /* of the snapshot in use */
	atomic_bool deaf, ponged;
};

/* An order from another thread. */
struct order {
	struct message message;
	struct worker *worker;
	void (*run)(struct worker *w);
};

static void order_run(struct loop *l, struct message *m)
{
	struct order *o = container_of(m, struct order, message);

	(void)l;
	o->run(o->worker);
	mem_free(o);
}

static void order(struct worker *w, void (*run)(struct worker *))
{
	struct order *o = mem_new(struct order);

	o->message.run = order_run;
	o->worker = w;
	o->run = run;
	loop_post(w->loop, &o->message);
}

/* Requests */

static struct worker *worker_of(const struct exchange *x)
{
	return x->conn->http->owner;
}

static void note_active(struct worker *w)
{
	size_t active = w->http->active;

	atomic_store_explicit(&w->busy, active, memory_order_relaxed);
	metrics_set(w->core->shard, M_spass_requests_active, (int64_t)active, NULL);
}

static void handle(struct exchange *x)
{
	note_active(worker_of(x));
	api_handle(x);
}

/* What never became a call of the layer above: no route, no tenant. */
static void count_refused(struct worker *w, const struct exchange *x)
{
	char status[8];

	snprintf(status, sizeof status, "%d", x->status);
	metrics_add(w->core->shard, M_spass_requests_total, 1,
		    LABELS(SPAN_LIT("none"), SPAN_LIT("none"), SPAN_LIT("none"), span_str(status)));
	if (x->error != E_none)
		metrics_add(w->core->shard, M_spass_errors_total, 1,
			    LABELS(span_str(err_info(x->error)->code)));
}

static void done(struct exchange *x)
{
	struct worker *w = worker_of(x);

	note_active(w);
	if (x->state)
		api_done(x);
	else
		count_refused(w, x);
}

static void note_connections(struct worker *w)
{
	metrics_set(w->core->shard, M_spass_connections, (int64_t)w->http->conn_count, NULL);
}

static int accepted(void *context, int fd, const struct sockaddr *peer, bool tcp, bool refused)
{
	struct worker *w = context;
	int result = http_accept(w->http, fd, peer, tcp && w->tls, refused);

	note_connections(w);
	return result;
}

static void ended(struct http *h, bool refused)
{
	struct worker *w = h->owner;

	gate_leave(w->setup.gate, refused);
	note_connections(w);
}

static void note_lag(void *context, int64_t busy_us)
{
	struct worker *w = context;

	metrics_observe_us(w->core->shard, M_spass_loop_lag_seconds, busy_us, NULL);
	metrics_set(w->core->shard, M_spass_upstream_idle,
		    (int64_t)uplink_pool_idle(w->core->uplinks), NULL);
}

bool worker_has_looked(const struct worker *w, enum routing_reach reach)
{
	return upkeep_has_looked(&w->upkeep, reach);
}

/* Configuration */

static void apply_limits(struct worker *w, const struct config *c)
{
	w->limits = (struct http_limits){
		.head_timeout_ms = c->head_timeout,
		.body_timeout_ms = c->body_timeout,
		.idle_timeout_ms = c->idle_timeout,
		.write_timeout_ms = c->write_timeout,
		.body_max = (size_t)c->max_body_bytes,
		.out_high = OUT_HIGH,
		.head = http1_default_limits,
	};
}

static int apply_tls(struct worker *w, const struct config *c, struct err *err)
{
	if (!c->tls_certificate[0]) {
		w->tls = false;
		return 0;
	}
	if (carrier_set_tls(w->http->carrier, c->tls_certificate, c->tls_key, err) < 0)
		return -1;
	w->tls = true;
	return 0;
}

static void take_over(struct worker *w)
{
	core_worker_refresh(w->core);
	apply_limits(w, w->core->snapshot->config);
}

static void refresh(struct worker *w)
{
	take_over(w);
	atomic_store(&w->generation, w->core->snapshot->generation);
}

static void refresh_all(struct worker *w)
{
	struct err err = ERR_INIT;

	take_over(w);
	if (apply_tls(w, w->core->snapshot->config, &err) < 0)
		log_error("worker", "%s; the former certificate stays", err.message);
	upkeep_refresh(&w->upkeep);
	atomic_store(&w->generation, w->core->snapshot->generation);
}

void worker_refresh(struct worker *w, bool certificates)
{
	order(w, certificates ? refresh_all : refresh);
}

uint64_t worker_generation(const struct worker *w)
{
	return atomic_load(&w->generation);
}

/* The end */

static void part(struct worker *w)
{
	http_part(w->http);
	w->core->draining = true;
}

void worker_part(struct worker *w)
{
	order(w, part);
}

static void stop_listening(struct worker *w)
{
	for (size_t i = 0; i < listen_set_count(w->setup.sockets); i++)
		listener_stop(&w->listeners[i]);
}

static void drain(struct worker *w)
{
	/* Once deaf, the sockets may be closed by another thread. */
	if (!atomic_load(&w->deaf))
		stop_listening(w);
	atomic_store(&w->deaf, true);
	http_drain(w->http);
	w->core->draining = true;
}

void worker_drain(struct worker *w)
{
	order(w, drain);
}

bool worker_is_deaf(const struct worker *w)
{
	return atomic_load(&w->deaf);
}

size_t worker_busy(const struct worker *w)
{
	return atomic_load_explicit(&w->busy, memory_order_relaxed);
}

static void pong(struct worker *w)
{
	atomic_store(&w->ponged, true);
}

bool worker_is_alive(struct worker *w)
{
	if (!atomic_exchange(&w->ponged, false))
		return false;
	order(w, pong);
	return true;
}

/* Cancelled fibers need a few turns of the loop to clean up. */
static void look_for_quiet(struct timer *t)
{
	struct worker *w = container_of(t, struct worker, quiet);

	if (w->http->conn_count == 0 && w->http->active == 0 && upkeep_is_over(&w->upkeep)) {
		loop_stop(w->loop);
	} else if (loop_now_ms(w->loop) - w->stopping_ms > QUIET_MAX_MS) {
		w->stuck = true;
		loop_stop(w->loop);
	} else {
		timer_set(t, QUIET_LOOK_MS);
	}
}

static void stop(struct worker *w)
{
	drain(w);
	http_cut(w->http);
	upkeep_stop(&w->upkeep);
	w->stopping_ms = loop_now_ms(w->loop);
	look_for_quiet(&w->quiet);
}

/* Life */

static void free_parts(struct worker *w)
{
	if (w->stuck) {
		/* Something still runs on the loop; what it uses must not go. */
		log_error("worker", "worker %d does not come to rest", w->setup.index);
		return;
	}
	http_free(w->http);
	if (w->core)
		core_worker_free(w->core);
	loop_free(w->loop);
}

static void *thread_main(void *arg)
{
	struct worker *w = arg;
	char name[16];

	snprintf(name, sizeof name, "spass-%d", w->setup.index);
	pthread_setname_np(pthread_self(), name);
	w->core = core_worker_new(w->setup.core, w->loop, w->setup.index);
	w->http->service.context = w->core;
	if (w->core->shard)
		loop_on_lag(w->loop, note_lag, w);
	for (size_t i = 0; i < listen_set_count(w->setup.sockets); i++)
		listener_start(&w->listeners[i], w->loop,
			       listen_set_fd(w->setup.sockets, i, w->setup.index),
			       listen_set_is_tcp(w->setup.sockets, i), w->setup.gate, accepted, w);
	if (w->setup.index == 0) {
		w->upkeep.worker = w->core;
		upkeep_start(&w->upkeep);
	}
	loop_run(w->loop);
	free_parts(w);
	return NULL;
}

struct worker *worker_new(const struct worker_setup *setup, struct err *err)
{
	struct worker *w = mem_new(struct worker);
	const struct http_service service = { .handle = handle,
					      .refuse = api_refuse,
					      .cut = api_cut,
					      .done = done,
					      .limits = &w->limits };
	struct snapshot *s = core_snapshot(setup->core);

	w->setup = *setup;
	w->upkeep.news = setup->news;
	w->upkeep.context = setup->context;
	atomic_store(&w->ponged, true);
	apply_limits(w, s->config);
	w->loop = loop_new();
	timer_init(&w->quiet, w->loop, look_for_quiet);
	w->http = http_new(w->loop, &service, err);
	w->listeners = mem_calloc(listen_set_count(setup->sockets), sizeof *w->listeners);
	if (!w->http || apply_tls(w, s->config, err) < 0) {
		worker_stop(w);
		w = NULL;
	} else {
		w->http->owner = w;
		w->http->ended = ended;
	}
	snapshot_unref(s);
	return w;
}

int worker_start(struct worker *w, struct err *err)
{
	int code = pthread_create(&w->thread, NULL, thread_main, w);
	char text[128];

	if (code)
		return err_set(err, E_internal_error, "", "a thread cannot be started: %s",
			       strerror_r(code, text, sizeof text));
	w->started = true;
	return 0;
}

void worker_stop(struct worker *w)
{
	if (!w)
		return;
	if (w->started) {
		order(w, stop);
		pthread_join(w->thread, NULL);
	} else {
		free_parts(w);
	}
	if (!w->stuck) {
		mem_free(w->listeners);
		mem_free(w);
	}
}
