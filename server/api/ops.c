/*
 * server/api/ops.c - what operators and their machines ask: health, readiness, metrics, errors.
 */
#include <stdatomic.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/upstream/info.h"
#include "server/api/call.h"

enum { METRICS_TEXT_MAX = 16 * 1024 * 1024 };

void ops_healthz(struct exchange *x, struct call *c)
{
	(void)c;
	reply_send(x, 200, "application/json", SPAN_LIT("{\"status\":\"ok\"}"));
}

/* Records that cannot be written are lost; that is no reason to take calls elsewhere. */
static void add_storage(json_t *document, const struct core *core, bool ready)
{
	bool works;

	if (!core->store)
		return;
	works = store_check(core->store, NULL) == 0;
	json_object_set_new(document, "storage", json_string(works ? "ok" : "failing"));
	if (!works && ready)
		json_object_set_new(document, "status", json_string("degraded"));
}

void ops_readyz(struct exchange *x, struct call *c)
{
	bool ready;
	json_t *document = info_ready(c->snapshot->routing, &ready);

	add_storage(document, c->worker->core, ready);
	if (c->worker->draining) {
		ready = false;
		json_object_set_new(document, "status", json_string("draining"));
	}
	call_reply_json(x, ready ? 200 : 503, document);
}

/* Told as it is now, so that a backend that a reload removed leaves nothing behind. */
static struct metrics_fact *backend_facts(const struct routing *routing, size_t *count)
{
	size_t backends = routing_backend_count(routing);
	struct metrics_fact *facts = backends ? mem_calloc(backends, 2 * sizeof *facts) : NULL;
	const int64_t now_ms = clock_mono_ms();

	*count = 0;
	for (size_t i = 0; i < backends; i++) {
		const struct backend *b = routing_backend(routing, i);
		int status = atomic_load_explicit(&b->status, memory_order_relaxed);

		if (status == BACKEND_DISABLED)
			continue;
		facts[(*count)++] = (struct metrics_fact){
			.metric = M_spass_backend_up,
			.value = status == BACKEND_AVAILABLE,
			.labels = { span_str(b->name) },
		};
		facts[(*count)++] = (struct metrics_fact){
			.metric = M_spass_backend_resting,
			.value = (int64_t)routing_resting(routing, b, now_ms, NULL, 0),
			.labels = { span_str(b->name) },
		};
	}
	return facts;
}

/* Who the tenants are and what they spend is no matter for everybody, where there are several. */
static bool may_see_tenants(const struct call *c)
{
	return !tenancy_path(c->snapshot->tenancy) || (c->identity.scopes & SCOPE_BIT(metrics_read));
}

void ops_metrics(struct exchange *x, struct call *c)
{
	struct err err = ERR_INIT;
	struct metrics_fact *facts;
	struct buf text;
	size_t count;

	if (!c->worker->core->metrics) {
		err_set(&err, E_route_not_found, "", "metrics are switched off (metrics: false)");
		reply_error(x, &err);
		return;
	}
	buf_init(&text, METRICS_TEXT_MAX);
	facts = backend_facts(c->snapshot->routing, &count);
	metrics_print(c->worker->core->metrics, facts, count, may_see_tenants(c), &text);
	reply_send(x, 200, "text/plain; version=0.0.4; charset=utf-8", buf_span(&text));
	mem_free(facts);
	buf_free(&text);
}

static json_t *error_entry(enum err_code code)
{
	const struct err_info *e = err_info(code);

	return json_pack("{s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "code", e->code, "type",
			 err_type_name(e->type), "http_status", e->status, "title", e->title,
			 "description", e->description, "remediation", e->remedy, "typical_param",
			 e->param);
}

void ops_errors(struct exchange *x, struct call *c)
{
	json_t *entries = json_array();

	(void)c;
	for (enum err_code code = E_none + 1; code < ERR_CODE_COUNT; code++)
		json_array_append_new(entries, error_entry(code));
	call_reply_json(x, 200, json_pack("{s:o}", "entries", entries));
}
