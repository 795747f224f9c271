/*
 * server/upkeep.c - see upkeep.h.
 */
#include "server/upkeep.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/chat/news.h"
#include "common/chat/rag_jobs.h"
#include "common/model/exchange.h"

enum { RATE_LOOK_MS = 60000, RATE_RETRY_MAX_MS = 3600000 };

/* Backends */

/* -1 when it is cancelled. */
static int rest(struct upkeep *u, int64_t pause_ms)
{
	int result;

	u->resting = true;
	result = fiber_suspend_for(u->look_again ? 0 : pause_ms, NULL);
	u->resting = false;
	return result;
}

/* Looks, and takes over what is new; how long to rest then. */
static int64_t look(struct upkeep *u, enum routing_reach reach)
{
	struct snapshot *s = snapshot_ref(core_worker_current(u->worker));
	int64_t pause_ms = s->config->probe_interval;
	struct err err = ERR_INIT;

	routing_probe(s->routing, u->worker->uplinks, reach);
	if (routing_has_news(s->routing) && !fiber_is_cancelled(u->looking) &&
	    job_run(u->worker->core->jobs, u->news, u->context, &err) < 0)
		log_warn("worker", "new models of backends are not taken over: %s", err.message);
	snapshot_unref(s);
	return pause_ms;
}

static void look_at_backends(void *arg)
{
	struct upkeep *u = arg;
	int64_t pause_ms;

	u->looking = fiber_self();
	/* What answers on this machine does so at once: it does not wait for distant ones. */
	look(u, ROUTING_LOCAL);
	atomic_store(&u->has_looked[ROUTING_LOCAL], true);
	do {
		u->look_again = false;
		pause_ms = look(u, ROUTING_ALL);
		atomic_store(&u->has_looked[ROUTING_ALL], true);
	} while (rest(u, pause_ms) >= 0);
	u->looking = NULL;
}

bool upkeep_has_looked(const struct upkeep *u, enum routing_reach reach)
{
	return atomic_load(&u->has_looked[reach]);
}

/* The exchange rate */

struct fetching {
	struct upkeep *upkeep;
	const struct config *config;
	int result;
	struct err err;
};

static void fetch_rate(void *arg)
{
	struct fetching *f = arg;

	f->result = exchange_fetch(f->config, &f->upkeep->ending, &f->err);
	if (f->result == 0)
		f->upkeep->news(f->upkeep->context);
}

/* True when a fetch failed. */
static bool keep_rate(struct upkeep *u, const struct config *config)
{
	struct fetching f = { .upkeep = u, .config = config };

	if (!exchange_is_due(config, clock_wall_ms()))
		return false;
	if (job_run(u->worker->core->jobs, fetch_rate, &f, &f.err) < 0)
		f.result = -1;
	if (f.result == 0)
		log_info("exchange", "fetched the exchange rates of %s", config->exchange_rate_url);
	else if (!atomic_load(&u->ending))
		log_warn("exchange", "the exchange rate stays as it was: %s", f.err.message);
	return f.result < 0;
}

static void keep_rates(void *arg)
{
	struct upkeep *u = arg;
	int64_t pause_ms = RATE_LOOK_MS;
	int result;

	u->keeping = fiber_self();
	do {
		struct snapshot *s = snapshot_ref(u->worker->snapshot);
		bool failed = keep_rate(u, s->config);

		snapshot_unref(s);
		pause_ms = !failed ? RATE_LOOK_MS : pause_ms < RATE_RETRY_MAX_MS ? 2 * pause_ms : pause_ms;
		u->keeper_rests = true;
		result = fiber_suspend_for(pause_ms, NULL);
		u->keeper_rests = false;
	} while (result >= 0);
	u->keeping = NULL;
}

/* What other processes change in the database */

static void watch_database(void *arg)
{
	struct upkeep *u = arg;
	bool failed = false;

	u->watching = fiber_self();
	while (fiber_suspend_for(NEWS_LOOK_MS, NULL) >= 0) {
		struct err err = ERR_INIT;
		int result = news_take(u->worker->core, &err);

		if (result < 0 && !failed)
			log_warn("worker", "keys and settings that others change are not heard of: %s",
				 err.message);
		failed = result < 0;
	}
	u->watching = NULL;
}

/* What indices need in the background */

static void keep_indices(void *arg)
{
	struct upkeep *u = arg;
	int number = u->tending++;

	u->tenders[number] = fiber_self();
	rag_keeper_run(u->worker->core->keeper, u->worker, number);
	u->tenders[number] = NULL;
}

static bool is_tending(const struct upkeep *u)
{
	bool is = false;

	for (int i = 0; i < RAG_KEEPER_FIBERS; i++)
		is |= u->tenders[i] != NULL;
	return is;
}

static void begin_fiber(struct upkeep *u, void (*run)(void *), const char *what)
{
	if (!fiber_start(u->worker->loop, run, u))
		log_error("worker", "there is no memory to %s", what);
}

void upkeep_start(struct upkeep *u)
{
	begin_fiber(u, look_at_backends, "look at the backends");
	begin_fiber(u, keep_rates, "keep the exchange rate");
	begin_fiber(u, watch_database, "watch the database");
	for (int i = 0; i < RAG_KEEPER_FIBERS; i++)
		begin_fiber(u, keep_indices, "tend the indices");
}

void upkeep_refresh(struct upkeep *u)
{
	u->look_again = true;
	if (u->resting)
		fiber_wake(u->looking);
	if (u->keeper_rests)
		fiber_wake(u->keeping);
}

void upkeep_stop(struct upkeep *u)
{
	if (u->looking)
		fiber_cancel(u->looking);
	atomic_store(&u->ending, true);
	if (u->keeping)
		fiber_cancel(u->keeping);
	if (u->watching)
		fiber_cancel(u->watching);
	if (is_tending(u)) {
		rag_stop(u->worker->core->rag);
		rag_jobs_stop(u->worker->core->rag_jobs);
	}
	for (int i = 0; i < RAG_KEEPER_FIBERS; i++)
		if (u->tenders[i])
			fiber_cancel(u->tenders[i]);
}

bool upkeep_is_over(const struct upkeep *u)
{
	return !u->looking && !u->keeping && !u->watching && !is_tending(u);
}
