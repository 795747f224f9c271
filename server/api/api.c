/*
 * server/api/api.c - a request's way through route, guard and handler.
 */
#include "server/api/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/base/ident.h"
#include "server/api/account.h"
#include "server/api/call.h"
#include "server/api/limits.h"

static struct call *call_new(struct exchange *x)
{
	struct call *c = arena_alloc(&x->arena, sizeof *c);

	memset(c, 0, offsetof(struct call, turn));
	turn_init(&c->turn);
	c->spend.turn = NULL;
	c->spend.estimated = (struct amount){ 0, 0 };
	c->worker = x->context;
	c->snapshot = snapshot_ref(core_worker_current(c->worker));
	c->identity.user_id = c->identity.scope_id = c->parent_request_id = c->model = "";
	x->state = c;
	return c;
}

/* OPTIONS on any route: a browser's pre-flight when it says so, else what the path can do. */
static void answer_options(struct exchange *x, struct call *c, unsigned methods)
{
	struct buf allow;

	buf_init(&allow, 128);
	route_print_methods(methods, &allow);
	reply_header(x, "Allow", buf_span(&allow));
	if (exchange_header(x, "access-control-request-method").ptr)
		guard_cors(x, c->snapshot->config, true);
	reply_send(x, 204, NULL, SPAN_NONE);
	buf_free(&allow);
}

static void answer_no_method(struct exchange *x, struct span path, unsigned methods)
{
	struct err err = ERR_INIT;
	struct buf allow;

	buf_init(&allow, 128);
	route_print_methods(methods, &allow);
	reply_header(x, "Allow", buf_span(&allow));
	err_set(&err, E_method_not_allowed, "", "%.*s allows %s", SPAN_ARGS(path), buf_str(&allow));
	reply_error(x, &err);
	buf_free(&allow);
}

/* Paths that programs ask for because others have them, and what stands here in their place. */
static const struct {
	const char *path, *instead;
} elsewhere[] = {
	{ "/", "programs use /v1, /c1 and /openapi.json; GET /errors explains errors" },
	{ "/v1", "its routes are listed by /openapi.json" },
	{ "/v1/responses", "use POST /v1/chat/completions, or POST /c1/chat where the gateway shall remember" },
	{ "/v1/completions", "use POST /v1/chat/completions" },
	{ "/v1/images/generations", "ask an image model by POST /v1/chat/completions" },
	{ "/v1/images/edits", "send the picture to an image model by POST /v1/chat/completions" },
	{ "/chat/completions", "the base URL ends with /v1" },
	{ "/models", "the base URL ends with /v1" },
	{ "/embeddings", "the base URL ends with /v1" },
};

static const char *instead_of(struct span path)
{
	for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere; i++)
		if (span_is(path, elsewhere[i].path))
			return elsewhere[i].instead;
	return NULL;
}

static void answer_no_route(struct exchange *x, struct call *c, unsigned methods)
{
	const unsigned all = HTTP1_GET | HTTP1_HEAD | HTTP1_POST | HTTP1_OPTIONS;
	struct span path = span_of(x->head->path.ptr, x->head->path.len < 200 ? x->head->path.len : 200);
	const char *instead = instead_of(path);
	struct err err = ERR_INIT;

	if (x->head->method == HTTP1_OPTIONS && (methods || span_is(path, "*"))) {
		answer_options(x, c, methods ? methods : all);
		return;
	}
	if (methods && !instead) {
		answer_no_method(x, path, methods);
		return;
	}
	err_set(&err, E_route_not_found, "", "there is no route %.*s%s%s", SPAN_ARGS(path),
		instead ? ": " : "", instead ? instead : "");
	reply_error(x, &err);
}

static bool wants_trailer(const struct exchange *x, const struct config *config)
{
	if (strcmp(config->cost_trailer, "asked") == 0)
		return span_is_nocase(exchange_header(x, "spass-cost-trailer"), "on");
	return strcmp(config->cost_trailer, "always") == 0;
}

static void prepare_bill(const struct exchange *x, struct call *c)
{
	const struct settings s = snapshot_settings(c->snapshot, c->identity.tenant);

	c->turn.request_id = x->request_id;
	c->turn.cost_factor = settings_markup_micros(&s);
	c->turn.tells_cost = wants_trailer(x, c->snapshot->config);
}

static void tell_tokens(void *context, const struct limit_ask *tokens)
{
	limits_tell_tokens(context, tokens);
}

static void prepare_spend(struct exchange *x, struct call *c)
{
	struct spend *s = &c->spend;

	s->worker = c->worker;
	s->snapshot = c->snapshot;
	s->identity = &c->identity;
	s->turn = &c->turn;
	s->tell = tell_tokens;
	s->context = x;
	spend_begin(s);
}

void api_handle(struct exchange *x)
{
	struct call *c = call_new(x);
	unsigned methods;

	guard_identify(x, c);
	c->route = route_find(x->head->method, x->head->path, c->params, &methods);
	if (!c->route) {
		answer_no_route(x, c, methods);
		return;
	}
	if (guard(x, c) < 0)
		return;
	prepare_bill(x, c);
	prepare_spend(x, c);
	c->route->handle(x, c);
}

void api_refuse(struct exchange *x)
{
	ident_uuid(x->request_id);
	guard_name(x);
}

void api_cut(struct exchange *x)
{
	const struct call *c = x->state;
	struct err err = ERR_INIT;
	struct turn_sink sink;

	err_set(&err, E_draining, "", "the gateway stops; the call took too long to be waited for");
	if (reply_error(x, &err) == 0)
		return;
	call_sink(x, &sink);
	if (c && c->turn.begun && !c->turn.is_raw)
		sink.fail(x, &err);
	else /* no stream of events */
		sink.abort(x, &err);
}

void api_done(struct exchange *x)
{
	struct call *c = x->state;

	if (!c)
		return;
	if (c->spend.turn)
		spend_end(&c->spend, x->bytes_out);
	account(x, c);
	snapshot_unref(c->snapshot);
	x->state = NULL;
}
