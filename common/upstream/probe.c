/*
 * common/upstream/probe.c - looks at the backends: are they there, how fast, with which models.
 */
#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/upstream/credential.h"
#include "common/upstream/routing_inside.h"

struct probe;

/* One backend's look, on a fiber of its own. */
struct look {
	struct probe *probe;
	size_t index;
	struct fiber *fiber; /* NULL once it has ended */
};

struct probe {
	struct routing *routing;
	struct uplink_pool *uplinks;
	struct fiber *waiter;
	size_t running;
};

/* What a look has shown. */
struct sight {
	bool answered;
	bool cancelled;
	int http_status;
	bool is_gateway; /* this one or another spass, by a header that all its answers have */
	int64_t latency_us;
	bool has_list;
	struct found_list list;
	const char *trouble; /* static text, or NULL */
	char detail[ERR_MESSAGE_MAX]; /* of a call that failed */
};

static bool wants_list(const struct routing *r, const struct backend *b)
{
	return r->discover && b->provider->quirks & QUIRK_LOCAL;
}

static void add_headers(const struct backend *b, struct buf *out)
{
	size_t key_len;
	const char *key = credential_key(b->auth_line, &key_len);

	if (b->provider->probe_key && key_len > 0)
		buf_printf(out, "%s: %.*s\r\n", b->provider->probe_key, (int)key_len, key);
	else
		buf_add_str(out, b->auth_line);
	if (b->provider->probe_lines)
		buf_add_str(out, b->provider->probe_lines);
	buf_add_str(out, "Accept-Encoding: identity\r\nAccept: application/json\r\n");
}

static void note_failure(struct sight *s, const struct err *err)
{
	s->cancelled = err->code == E_cancelled;
	s->trouble = err->code == E_upstream_timeout       ? "no answer in time"
		     : err->code == E_upstream_unavailable ? "cannot be connected to"
							   : "gives no HTTP answer";
	snprintf(s->detail, sizeof s->detail, "%s", err->message);
}

static void read_list(struct upcall *u, struct sight *s)
{
	struct buf body;
	struct err err = ERR_INIT;

	buf_init(&body, DISCOVERY_BODY_MAX);
	s->has_list = upcall_read_all(u, &body, &err) == 0 &&
		      found_read(buf_span(&body), &s->list, &err) == 0;
	s->cancelled = err.code == E_cancelled;
	buf_free(&body);
}

static void see(struct probe *p, struct backend *b, struct sight *s)
{
	struct upcall_limits limits = {
		.connect_ms = ROUTING_PROBE_MS,
		.first_byte_ms = ROUTING_PROBE_MS,
		.between_ms = ROUTING_PROBE_MS,
		.total_ms = ROUTING_PROBE_MS,
		.head_max = b->limits.head_max,
	};
	struct err err = ERR_INIT;
	struct buf path, headers;
	struct upcall *u = NULL;

	buf_init(&path, 2 * KIB);
	buf_init(&headers, 8 * KIB);
	buf_reserve(&headers, 8 * KIB); /* so that no copy of a key is left behind by growing */
	buf_printf(&path, "%s%s", b->path_prefix, b->provider->probe_path);
	add_headers(b, &headers);
	const struct span lines = buf_span(&headers);
	int64_t started_us = clock_mono_us();
	u = upcall_open(p->uplinks,
			&(struct upcall_request){
				.origin = &b->origin,
				.method = HTTP1_GET,
				.path = buf_span(&path),
				.headers = &lines,
				.header_parts = 1,
				.limits = &limits,
			},
			&err);
	enum upcall_result head = u ? upcall_wait_head(u, ROUTING_PROBE_MS, &err) : UPCALL_FAILED;
	s->latency_us = clock_mono_us() - started_us;
	if (head == UPCALL_DATA) {
		s->answered = true;
		s->http_status = upcall_head(u)->status;
		s->is_gateway = http1_field(upcall_head(u), "spass-request-id").ptr != NULL;
		if (s->http_status == 200 && wants_list(p->routing, b))
			read_list(u, s);
	} else if (head == UPCALL_FAILED) {
		note_failure(s, &err);
	} else {
		s->trouble = "no answer in time";
	}
	upcall_close(u);
	buf_free(&path);
	size_t len = headers.len;
	mem_free_secret(buf_take(&headers), len);
}

/* Why an answer does not count as the backend being there; NULL when it does. */
static const char *fault_of(const struct routing *r, const struct backend *b, const struct sight *s)
{
	if (s->http_status == 401 || s->http_status == 403)
		return *b->auth_line ? "key refused" : "wants a key";
	if (s->http_status >= 500)
		return "answers with a server error";
	/* A gateway that found itself would offer its own models again and again. */
	if (b->automatic && s->is_gateway)
		return "is a spass gateway";
	/* Anything may listen on the usual port of a model server. */
	if (b->automatic && wants_list(r, b) && !s->has_list)
		return "is not a model server";
	return NULL;
}

static void run_look(void *arg)
{
	struct look *k = arg;
	struct probe *p = k->probe;
	struct backend *b = &p->routing->backends[k->index];
	struct sight s = { 0 };

	see(p, b, &s);
	if (s.answered)
		s.trouble = fault_of(p->routing, b, &s);
	if (!s.cancelled) {
		bool ok = s.answered && !s.trouble;

		atomic_store(&b->latency_us, s.answered ? s.latency_us : -1);
		backend_set_status(b, ok ? BACKEND_AVAILABLE : BACKEND_UNREACHABLE, s.trouble,
				   *s.detail ? s.detail : NULL);
		routing_found(p->routing, k->index, ok, ok && s.has_list ? &s.list : NULL);
	}
	found_clear(&s.list);
	k->fiber = NULL;
	if (--p->running == 0)
		fiber_wake(p->waiter);
}

/* Until all looks have ended; a cancelled waiter first cancels them. */
static void wait_for_all(struct probe *p, struct look *looks, size_t count)
{
	struct err err = ERR_INIT;

	while (p->running > 0) {
		if (fiber_suspend(&err) == 0)
			continue;
		for (size_t i = 0; i < count; i++)
			if (looks[i].fiber)
				fiber_cancel(looks[i].fiber);
		fiber_shield_begin();
		while (p->running > 0)
			(void)fiber_suspend(&err);
		fiber_shield_end();
	}
}

void routing_probe(struct routing *r, struct uplink_pool *uplinks, enum routing_reach reach)
{
	struct probe p = { .routing = r, .uplinks = uplinks, .waiter = fiber_self() };
	struct look *looks = mem_calloc(r->backend_count, sizeof *looks);
	size_t count = 0;

	assert(p.waiter);
	for (size_t i = 0; i < r->backend_count; i++) {
		const struct backend *b = &r->backends[i];

		if (b->disabled_why || b->provider->dialect == DIALECT_BUILTIN)
			continue;
		if (reach == ROUTING_LOCAL && !wants_list(r, b))
			continue;
		struct look *k = &looks[count++];
		*k = (struct look){ .probe = &p, .index = i };
		p.running++;
		k->fiber = fiber_start(fiber_loop(p.waiter), run_look, k);
		if (!k->fiber)
			p.running--; /* looked at next time */
	}
	wait_for_all(&p, looks, count);
	mem_free(looks);
}
