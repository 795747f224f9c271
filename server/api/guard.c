/*
 * server/api/guard.c - the checks before any handler.
 */
#include <ctype.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/ident.h"
#include "common/base/mem.h"
#include "common/base/near.h"
#include "server/api/augment.h"
#include "server/api/call.h"
#include "server/api/limits.h"

enum { DEPTH_MAX = 4, REQUEST_ID_MAX = 128, QUERY_NAME_MAX = 64 };

/* [A-Za-z0-9._:-]{1,128}; anything else is replaced, not refused. */
static bool is_request_id(struct span s)
{
	if (s.len == 0 || s.len > REQUEST_ID_MAX)
		return false;
	for (size_t i = 0; i < s.len; i++)
		if (!isalnum((unsigned char)s.ptr[i]) && (!s.ptr[i] || !strchr("._:-", s.ptr[i])))
			return false;
	return true;
}

static void copy_text(char *out, size_t size, struct span s)
{
	size_t len = s.len < size ? s.len : size - 1;

	if (s.ptr && len)
		memcpy(out, s.ptr, len);
	out[len] = '\0';
}

static const char exposed_headers[] =
	"x-request-id, retry-after, retry-after-ms, x-should-retry, x-ratelimit-limit-requests, "
	"x-ratelimit-remaining-requests, x-ratelimit-reset-requests, x-ratelimit-limit-tokens, "
	"x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, x-conversation-id, "
	"x-spass-applied, spass-request-id, spass-resolved-model, spass-resolved-backend, "
	"spass-augment-applied, spass-attempts, spass-cost-source, spass-cost-eur, spass-cost-usd, "
	"spass-cost-available, spass-cost-exchange-rate, spass-cost-exchange-rate-source, spass-sub-calls";

bool guard_cors(struct exchange *x, const struct config *config, bool preflight)
{
	struct span origin = x->head->known[HTTP1_ORIGIN], asked;
	bool any = false, allowed = false;

	if (!config->cors_origins.count)
		return false;
	/* Also when nothing is allowed: a cache must not give that answer to another origin. */
	if (!preflight)
		reply_header(x, "Vary", SPAN_LIT("Origin"));
	if (!origin.ptr)
		return false;
	for (size_t i = 0; i < config->cors_origins.count; i++) {
		any |= strcmp(config->cors_origins.items[i], "*") == 0;
		allowed |= span_is(origin, config->cors_origins.items[i]);
	}
	if (!any && !allowed)
		return false;
	if (!preflight) {
		reply_header(x, "Access-Control-Allow-Origin", allowed ? origin : SPAN_LIT("*"));
		reply_header(x, "Access-Control-Expose-Headers", span_str(exposed_headers));
		return true;
	}
	asked = exchange_header(x, "access-control-request-headers");
	reply_header(x, "Access-Control-Allow-Methods",
		     SPAN_LIT("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"));
	reply_header(x, "Access-Control-Allow-Headers",
		     asked.ptr ? asked : SPAN_LIT("authorization, content-type"));
	reply_header(x, "Access-Control-Max-Age", SPAN_LIT("86400"));
	return true;
}

void guard_name(struct exchange *x)
{
	static const struct span own = SPAN_INIT("SPASS-Request-Id: "), common = SPAN_INIT("\r\nX-Request-Id: ");
	char lines[sizeof "SPASS-Request-Id: \r\nX-Request-Id: \r\n" + 2 * sizeof x->request_id], *at = lines;
	const size_t len = strlen(x->request_id);

	/* Its characters are all fit: see is_request_id. */
	at = mempcpy(at, own.ptr, own.len);
	at = mempcpy(at, x->request_id, len);
	at = mempcpy(at, common.ptr, common.len);
	at = mempcpy(at, x->request_id, len);
	at = mempcpy(at, "\r\n", 2);
	reply_lines(x, span_of(lines, (size_t)(at - lines)));
}

void guard_identify(struct exchange *x, struct call *c)
{
	struct span id = exchange_header(x, "spass-request-id");

	if (!id.ptr)
		id = exchange_header(x, "x-request-id");
	if (id.ptr && is_request_id(id))
		copy_text(x->request_id, sizeof x->request_id, id);
	else
		ident_uuid(x->request_id);
	guard_name(x);
	guard_cors(x, c->snapshot->config, false);
}

static bool is_open(const struct call *c)
{
	return c->route->access == ACCESS_PUBLIC ||
	       (c->route->access == ACCESS_METRICS && c->snapshot->config->metrics_public);
}

/*
 * A field that may come once: a proxy in front may have believed one of two, and the gateway the
 * other.  ptr NULL = absent; -1 when it is there twice.
 */
static int search_single(const struct exchange *x, struct span name, struct span *value)
{
	for (size_t i = 0; i < x->head->field_count; i++) {
		if (!span_equal_nocase(http1_field_at(x->head, i).name, name))
			continue;
		if (value->ptr)
			return -1;
		*value = http1_field_at(x->head, i).value;
	}
	return 0;
}

static inline int read_single(const struct exchange *x, const char *name, struct span *value)
{
	*value = SPAN_NONE;
	return http1_may_have(x->head, span_str(name)) ? search_single(x, span_str(name), value) : 0;
}

static inline int read_single_field(const struct exchange *x, const char *name, const char *param,
			     struct span *value, struct err *err)
{
	if (read_single(x, name, value) == 0)
		return 0;
	return err_set(err, E_invalid_field, param, "%s is given twice", name);
}

int call_read_single(const struct exchange *x, const char *name, const char *param, struct span *value,
		     struct err *err)
{
	return read_single_field(x, name, param, value, err);
}

/* The same of Authorization, which every request has. */
static int read_authorization(const struct exchange *x, struct span *value)
{
	*value = x->head->known[HTTP1_AUTHORIZATION];
	return x->head->repeated & 1u << HTTP1_AUTHORIZATION ? -1 : 0;
}

/* Where none is needed a token that is known may still show more. */
static void read_offered_token(struct exchange *x, struct call *c)
{
	const struct snapshot *s = c->snapshot;
	const struct token *token;
	struct span authorization;

	if (c->route->access == ACCESS_METRICS && read_authorization(x, &authorization) == 0 &&
	    authorization.ptr &&
	    identity_find(s->tenancy, s->keys, authorization, clock_wall_ms(), &token, NULL) == 0)
		c->identity.scopes = token->scopes;
}

static int check_token(struct exchange *x, struct call *c, struct err *err)
{
	const struct snapshot *s = c->snapshot;
	struct span authorization;

	c->identity.tenant_id = "default";
	c->identity.token_id = "-";
	if (!s->config->auth) {
		c->identity.scopes = SCOPE_all;
		c->identity.role = ROLE_operator;
		return 0;
	}
	if (is_open(c)) {
		read_offered_token(x, c);
		return 0;
	}
	if (read_authorization(x, &authorization) < 0)
		return err_set(err, E_invalid_authorization, "headers.authorization",
			       "Authorization is given twice");
	if (identity_find(s->tenancy, s->keys, authorization, loop_wall_ms(c->worker->loop), &c->identity.token,
			  err) < 0)
		return -1;
	/* What is refused from here on is its tenant's, though the tenant is checked later. */
	if (*c->identity.token->tenant)
		c->identity.tenant_id = c->identity.token->tenant;
	c->identity.token_id = c->identity.token->id;
	c->identity.scopes = c->identity.token->scopes;
	c->identity.role = c->identity.token->role;
	return 0;
}

/* Whoever may see all tenants is told that there is none of that name; others learn nothing. */
static int refuse_tenant(const struct call *c, struct span tenant, const char *param, struct err *err)
{
	const struct token *token = c->identity.token;
	const bool sees_all = token && (!token->tenant[0] || token->role == ROLE_operator);

	if (sees_all && !tenancy_find(c->snapshot->tenancy, tenant))
		return err_set(err, E_invalid_authorization, param, "there is no tenant '%.*s'",
			       tenant.len > 64 ? 64 : (int)tenant.len, tenant.ptr);
	return err_set(err, E_invalid_authorization, param, "the token does not belong to this tenant");
}

/*
 * A bound token may only repeat its own tenant.  Where no token is asked for a tenant is nobody's to
 * name: the answer would tell everybody which there are.
 */
static int check_tenant(struct exchange *x, struct call *c, struct err *err)
{
	static const char param[] = "headers.spass-tenant-id";
	const char *bound = c->identity.token ? c->identity.token->tenant : "";
	struct span tenant, alias;

	if (is_open(c)) {
		c->identity.tenant = tenancy_find(c->snapshot->tenancy, SPAN_LIT("default"));
		return 0;
	}
	if (read_single_field(x, "SPASS-Tenant-Id", param, &tenant, err) < 0 ||
	    read_single_field(x, "X-Tenant-Id", param, &alias, err) < 0)
		return -1;
	if (tenant.ptr && alias.ptr && !span_equal(tenant, alias))
		return err_set(err, E_invalid_field, param,
			       "SPASS-Tenant-Id and X-Tenant-Id differ");
	if (!tenant.ptr)
		tenant = alias;
	if (tenant.ptr && *bound && !span_is(tenant, bound))
		return refuse_tenant(c, tenant, param, err);
	if (!tenant.ptr)
		tenant = *bound ? span_str(bound) : SPAN_LIT("default");
	c->identity.tenant = tenancy_find(c->snapshot->tenancy, tenant);
	if (!c->identity.tenant && *bound)
		return err_set(err, E_invalid_authorization, "headers.authorization",
			       "the tenant of the token is not there any more");
	if (!c->identity.tenant)
		return refuse_tenant(c, tenant, param, err);
	c->identity.tenant_id = c->identity.tenant->id;
	return 0;
}

/* An administrator who reads may leave the user out, and then reads what all users have. */
static bool may_see_all(const struct call *c)
{
	return c->route->method == HTTP1_GET && c->identity.token &&
	       c->identity.token->role >= ROLE_tenant_admin;
}

static int keep_text(struct exchange *x, struct span text, const char **kept, struct err *err)
{
	const struct span copy = arena_span(&x->arena, text);

	if (!copy.ptr)
		return err_used_up(err);
	*kept = copy.ptr;
	return 0;
}

static int check_user(struct exchange *x, struct call *c, struct err *err)
{
	struct span user, scope;

	if (read_single_field(x, "SPASS-User-Id", "headers.spass-user-id", &user, err) < 0 ||
	    read_single_field(x, "SPASS-Scope-Id", "headers.spass-scope-id", &scope, err) < 0)
		return -1;
	c->identity.is_whole_tenant = !user.ptr && c->route->needs_user && may_see_all(c);
	if (c->route->needs_user && !user.ptr && !c->identity.is_whole_tenant &&
	    snapshot_needs_user(c->snapshot))
		return err_set(err, E_missing_field, "headers.spass-user-id",
			       "the SPASS-User-Id header is required");
	if (user.ptr && !identity_is_user_id(user))
		return err_set(err, E_invalid_field, "headers.spass-user-id",
			       "SPASS-User-Id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + -");
	if (scope.ptr && !identity_is_user_id(scope))
		return err_set(err, E_invalid_field, "headers.spass-scope-id",
			       "SPASS-Scope-Id must be 1 to 128 characters of A-Z a-z 0-9 . _ : @ + -");
	if (!user.ptr && !c->identity.is_whole_tenant)
		c->identity.user_id = c->identity.token_id;
	if ((user.ptr && keep_text(x, user, &c->identity.user_id, err) < 0) ||
	    (scope.ptr && keep_text(x, scope, &c->identity.scope_id, err) < 0))
		return -1;
	return 0;
}

static int check_scope(struct exchange *x, struct call *c, struct err *err)
{
	uint64_t needed = c->route->scope;

	(void)x;
	if (is_open(c) || (c->identity.scopes & needed) == needed)
		return 0;
	return err_set(err, E_insufficient_scope, "headers.authorization", "the token lacks the scope %s",
		       scope_name(needed & ~c->identity.scopes));
}

/* constraints.endpoints of the token: by the path as it was sent. */
static int check_endpoint(struct exchange *x, struct call *c, struct err *err)
{
	const struct token *token = c->identity.token;

	if (!token || list_admits(&token->constraints->endpoints, x->head->path))
		return 0;
	return err_set(err, E_insufficient_scope, "headers.authorization",
		       "the token may not use %s %.100s", http1_method_name(x->head->method),
		       c->route->pattern);
}

static int check_depth(struct exchange *x, struct call *c, struct err *err)
{
	struct span depth, parent = exchange_header(x, "spass-parent-request-id");
	int64_t value = 0;

	if (read_single_field(x, "SPASS-Caller-Depth", "headers.spass-caller-depth", &depth, err) < 0)
		return -1;
	if (parent.ptr && is_request_id(parent) && keep_text(x, parent, &c->parent_request_id, err) < 0)
		return -1;
	if (!depth.ptr)
		return 0;
	if (span_to_int(depth, 0, INT32_MAX, &value) < 0)
		return err_set(err, E_invalid_field, "headers.spass-caller-depth",
			       "SPASS-Caller-Depth must be a whole number");
	if (value > DEPTH_MAX)
		return err_set(err, E_caller_depth_exceeded, "headers.spass-caller-depth",
			       "calls are nested %d deep, at most %d are allowed", (int)value, DEPTH_MAX);
	c->depth = (int)value;
	return 0;
}

/* Of two of a name one would be left out.  seen: the bits of those that were there before. */
static int note_parameter(struct exchange *x, struct span name, unsigned bit, unsigned *seen, struct err *err)
{
	if (*seen & bit)
		return err_set(err, E_invalid_field, arena_printf(&x->arena, "query.%.*s", SPAN_ARGS(name)),
			       "%.*s is given twice", SPAN_ARGS(name));
	*seen |= bit;
	return 0;
}

/*
 * What a list does not know it would leave out, and be of something else than was asked for.  Routes
 * without parameters are sent some by programs that were made for others.  seen: a bit for each name.
 */
static int check_parameter(struct exchange *x, const char *names, struct span name, unsigned *seen, struct err *err)
{
	struct near near;
	unsigned bit = 1;

	if (span_is(name, "user_id"))
		return err_set(err, E_invalid_field, "query.user_id",
			       "user_id does not belong in the query; send the SPASS-User-Id header");
	if (!names)
		return 0;
	near_init(&near, name);
	for (struct span rest = span_str(names); rest.ptr;) {
		const struct span known = span_cut(&rest, ' ');

		if (span_equal(name, known))
			return note_parameter(x, name, bit, seen, err);
		bit <<= 1;
		near_offer(&near, arena_printf(&x->arena, "%.*s", SPAN_ARGS(known)));
	}
	err_set(err, E_invalid_field, arena_printf(&x->arena, "query.%.*s", SPAN_ARGS(name)),
		"there is no parameter \"%.*s\" here, only %s", SPAN_ARGS(name), names);
	return near_suggest(&near, err);
}

static int check_query(struct exchange *x, struct call *c, struct err *err)
{
	struct span rest = x->head->query;
	struct buf name;
	unsigned seen = 0;
	int result = 0;

	buf_init(&name, QUERY_NAME_MAX);
	while (rest.ptr && result == 0) {
		struct span pair = span_cut(&rest, '&'), key = span_cut(&pair, '=');

		buf_clear(&name);
		call_decode(key, &name);
		if (key.len > 0)
			result = check_parameter(x, c->route->query,
						 buf_failed(&name) ? key : buf_span(&name), &seen, err);
	}
	buf_free(&name);
	return result;
}

/* In this order, so that nobody learns more than his credentials allow. */
static int (*const checks[])(struct exchange *x, struct call *c, struct err *err) = {
	check_token, limits_check, check_tenant, check_user, check_scope,
	check_endpoint, check_depth, augment_read, check_query,
};

int guard(struct exchange *x, struct call *c)
{
	struct err err;

	err_clear(&err);
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (checks[i](x, c, &err) == 0)
			continue;
		if (err.code == E_missing_authorization || err.code == E_invalid_authorization)
			limits_refuse_address(x, c, &err);
		if (err.code == E_missing_field && checks[i] == check_user)
			limits_excuse_token(x, c);
		limits_tell_requests(x, c);
		if (err_info(err.code)->status == 401)
			reply_header(x, "WWW-Authenticate", SPAN_LIT("Bearer"));
		reply_error(x, &err);
		return -1;
	}
	limits_tell_requests(x, c);
	return 0;
}
