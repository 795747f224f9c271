/*
 * common/loop/curl_engine.c - see curl_engine.h.
 */
#include "common/loop/curl_engine.h"

#include "common/base/mem.h"

/* A descriptor that libcurl waits for. */
struct wait {
	struct watch watch;
	struct curl_engine *engine;
	struct list link;
};

/* What it wakes may free the transfer's owner, and the engine with it unless that is shared. */
static void read_results(struct curl_engine *e)
{
	bool is_shared = e->is_shared;
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(e->multi, &left)) != NULL) {
		char *private = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
		e->done(private, message->data.result);
		if (!is_shared)
			return;
	}
}

static void on_wait(struct watch *w, int events)
{
	struct curl_engine *e = container_of(w, struct wait, watch)->engine;
	int running, mask = 0;

	if (events & LOOP_READ)
		mask |= CURL_CSELECT_IN;
	if (events & LOOP_WRITE)
		mask |= CURL_CSELECT_OUT;
	/* The call may free w. */
	curl_multi_socket_action(e->multi, w->fd, mask, &running);
	read_results(e);
}

static void on_timer(struct timer *t)
{
	struct curl_engine *e = container_of(t, struct curl_engine, timer);
	int running;

	curl_multi_socket_action(e->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	read_results(e);
}

static void wait_free(struct wait *w)
{
	watch_stop(&w->watch);
	list_remove(&w->link);
	mem_free(w);
}

static int curl_wants_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *known)
{
	struct curl_engine *e = context;
	struct wait *w = known;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		if (w)
			wait_free(w);
		return 0;
	}
	if (!w) {
		w = mem_new(struct wait);
		w->engine = e;
		watch_init(&w->watch, e->loop, fd, on_wait);
		list_push(&e->waits, &w->link);
		curl_multi_assign(e->multi, fd, w);
	}
	if (!e->is_resting)
		watch_set(&w->watch, (what & CURL_POLL_IN ? LOOP_READ : 0) |
					     (what & CURL_POLL_OUT ? LOOP_WRITE : 0));
	return 0;
}

static int curl_wants_timer(CURLM *multi, long timeout_ms, void *context)
{
	struct curl_engine *e = context;

	(void)multi;
	if (timeout_ms < 0 || e->is_resting)
		timer_cancel(&e->timer);
	else
		timer_set(&e->timer, timeout_ms);
	return 0;
}

int curl_engine_init(struct curl_engine *e, struct loop *l, bool is_shared, curl_engine_done *done)
{
	*e = (struct curl_engine){ .loop = l, .is_shared = is_shared, .done = done, .multi = curl_multi_init() };
	list_init(&e->waits);
	timer_init(&e->timer, l, on_timer);
	if (!e->multi)
		return -1;
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETFUNCTION, curl_wants_socket);
	curl_multi_setopt(e->multi, CURLMOPT_SOCKETDATA, e);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERFUNCTION, curl_wants_timer);
	curl_multi_setopt(e->multi, CURLMOPT_TIMERDATA, e);
	return 0;
}

void curl_engine_rest(struct curl_engine *e)
{
	e->is_resting = true;
	timer_cancel(&e->timer);
	list_each(&e->waits, at)
		watch_set(&container_of(at, struct wait, link)->watch, 0);
}

void curl_engine_clear(struct curl_engine *e)
{
	e->is_resting = true;
	curl_multi_cleanup(e->multi);
	timer_cancel(&e->timer);
	list_each(&e->waits, at)
		wait_free(container_of(at, struct wait, link));
}
