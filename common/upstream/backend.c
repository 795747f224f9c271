/* common/upstream/backend.c - see backend.h. */
#include "common/upstream/backend.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/near.h"
#include "common/upstream/credential.h"
#include "common/upstream/endpoint.h"

static const char *const status_names[] = {
	[BACKEND_UNKNOWN] = "unreachable",
	[BACKEND_AVAILABLE] = "available",
	[BACKEND_UNREACHABLE] = "unreachable",
	[BACKEND_DISABLED] = "disabled",
};

const char *backend_status_name(enum backend_status s)
{
	return status_names[s];
}

static void free_const(const char *text)
{
	union {
		const char *in;
		void *out;
	} u = { text }; /* owned here, const for all others */

	mem_free(u.out);
}

void backend_clear(struct backend *b)
{
	union {
		const char *in;
		char *out;
	} secret = { b->auth_line };

	credential_free(secret.out);
	b->auth_line = NULL;
	free_const(b->name);
	free_const(b->base_url);
	free_const(b->path_prefix);
	free_const(b->disabled_why);
	free_const(b->origin.host);
	free_const(b->origin.unix_path);
	free_const(b->origin.ca_file);
	free_const(b->origin.proxy);
}

static int limit(int64_t own_ms, int64_t general_ms)
{
	int64_t ms = own_ms > 0 ? own_ms : general_ms;

	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static void set_limits(struct backend *b, const struct config *c, const struct config_backend *e)
{
	static const struct config_backend none;

	if (!e)
		e = &none;
	b->limits = (struct upcall_limits){
		.connect_ms = limit(e->connect_timeout, c->connect_timeout),
		.first_byte_ms = limit(e->first_byte_timeout, c->first_byte_timeout),
		.between_ms = limit(e->between_timeout, c->between_timeout),
		.total_ms = limit(e->total_timeout, c->total_timeout),
		.head_max = upcall_default_limits.head_max,
	};
}

static int refuse(const struct backend_source *s, struct err *err, const char *what)
{
	assert(s->entry); /* a row of the provider table has nothing to refuse */
	return err_set(err, E_invalid_config, "backends", "%s:%d: backends: %s: %s",
		       s->config->file ? yml_name(s->config->file) : "configuration",
		       s->entry->line, s->entry->name, what);
}

static const char *provider_name(const struct config_backend *e)
{
	return e->provider ? e->provider : e->base_url ? "openai" : e->name;
}

static void refuse_provider(const struct backend_source *s, struct err *err)
{
	struct near near;
	char what[256];

	near_init(&near, span_str(provider_name(s->entry)));
	for (const struct provider *p = provider_table; p->name; p++)
		near_offer(&near, p->name);
	snprintf(what, sizeof what, "there is no such provider; %s \"%s\"%s",
		 near_best(&near) ? "did you mean" : "use",
		 near_best(&near) ? near_best(&near) : PROVIDER_GENERIC,
		 near_best(&near) ? "?" : " for any other server");
	refuse(s, err, what);
}

/* The row an entry means; NULL with err. */
static const struct provider *entry_provider(const struct backend_source *s, struct err *err)
{
	const struct config_backend *e = s->entry;
	const struct provider *p = provider_find(provider_name(e));

	if (!p)
		refuse_provider(s, err);
	else if (p->dialect == DIALECT_BUILTIN)
		refuse(s, err, "the built-in backend cannot be changed");
	else if (!e->base_url && !p->base_url)
		refuse(s, err, "needs a base_url");
	else
		return p;
	return NULL;
}

/* Sets auth_line, or disabled_why. */
static void set_credentials(struct backend *b, const struct backend_source *s, bool at_home)
{
	const struct config_backend *e = s->entry;
	const char *file = e ? e->key_file : NULL, *variable = e ? e->key_env : NULL;
	char why[CREDENTIAL_WHY_MAX];

	if (!file && !variable && at_home)
		variable = b->provider->key_env;
	if (!file && !variable) {
		b->auth_line = mem_strdup("");
		return;
	}
	b->auth_line = credential_line(variable, file, s->environment, why);
	if (b->auth_line)
		return;
	b->auth_line = mem_strdup("");
	if (!b->disabled_why)
		b->disabled_why = mem_strdup(why);
	b->lacks_key = e && !e->disabled;
}

static int set_endpoint(struct backend *b, const struct backend_source *s, struct err *err)
{
	struct endpoint at;
	const char *url =
		s->entry && s->entry->base_url ? s->entry->base_url : b->provider->base_url;
	struct err inner = ERR_INIT;

	if (endpoint_parse(url, &at, &inner) < 0)
		return refuse(s, err, inner.message);
	bool at_home = endpoint_belongs_to(&at, b->provider->base_url);
	if (!at_home && strcmp(b->provider->name, "openai") == 0)
		b->provider = provider_find(PROVIDER_GENERIC);
	b->base_url = mem_strdup(url);
	set_credentials(b, s, at_home);
	if (*b->auth_line && !at.tls && !endpoint_is_loopback(&at))
		log_warn("upstream",
			 "backend %s gets its key unencrypted: its base_url is not https", b->name);
	if (!b->origin.proxy && endpoint_is_loopback(&at))
		b->origin.proxy = mem_strdup(""); /* this machine is not behind a proxy */
	b->origin.tls = at.tls;
	b->origin.port = at.port;
	b->origin.host = at.host;
	b->origin.unix_path = at.unix_path;
	b->path_prefix = at.prefix;
	return 0;
}

static char *copy(const char *text)
{
	return text ? mem_strdup(text) : NULL;
}

int backend_init(struct backend *b, const struct backend_source *s, struct err *err)
{
	const struct config_backend *e = s->entry;

	*b = (struct backend){ .provider = e ? entry_provider(s, err) : s->provider,
			       .automatic = !e };
	atomic_init(&b->latency_us, -1);
	if (!b->provider)
		return -1;
	b->name = mem_strdup(e ? e->name : b->provider->name);
	set_limits(b, s->config, e);
	if (b->provider->dialect == DIALECT_BUILTIN) {
		b->base_url = mem_strdup("");
		b->path_prefix = mem_strdup("");
		b->auth_line = mem_strdup("");
		atomic_init(&b->status, BACKEND_AVAILABLE);
		return 0;
	}
	if (e && e->disabled)
		b->disabled_why = mem_strdup("disabled in the configuration");
	else if (!e && !s->config->discover)
		b->disabled_why = mem_strdup("discover is off");
	if (e) {
		b->origin.ca_file = copy(e->ca_file);
		b->origin.proxy = copy(e->proxy);
		b->forward_account = e->forward_account;
	}
	if (set_endpoint(b, s, err) < 0) {
		backend_clear(b);
		return -1;
	}
	atomic_init(&b->status, b->disabled_why ? BACKEND_DISABLED : BACKEND_UNKNOWN);
	return 0;
}

void backend_set_status(struct backend *b, enum backend_status status, const char *trouble, const char *detail)
{
	if (b->disabled_why || b->provider->dialect == DIALECT_BUILTIN)
		return;
	atomic_store(&b->trouble, trouble);
	if (!trouble)
		trouble = "a call failed";
	int before = atomic_exchange(&b->status, (int)status);
	if (before == (int)status)
		return;
	if (status == BACKEND_AVAILABLE)
		log_info("upstream", "backend %s is available at %s", b->name, b->base_url);
	else if (b->automatic && before == BACKEND_UNKNOWN)
		log_debug("upstream", "backend %s is not there: %s", b->name, trouble);
	else
		log_warn("upstream", "backend %s is unreachable: %s%s%s%s", b->name, trouble, detail ? " (" : "",
			 detail ? detail : "", detail ? ")" : "");
}

void backend_report(struct backend *b, bool ok)
{
	/* The common case costs one load and shares no cache line for writing. */
	enum backend_status status = ok ? BACKEND_AVAILABLE : BACKEND_UNREACHABLE;

	if (atomic_load_explicit(&b->status, memory_order_relaxed) != (int)status)
		backend_set_status(b, status, ok ? NULL : "a call failed", NULL);
}

bool backend_is_same(const struct backend *a, const struct backend *b)
{
	return a->provider == b->provider && strcmp(a->name, b->name) == 0 &&
	       strcmp(a->base_url, b->base_url) == 0 && strcmp(a->auth_line, b->auth_line) == 0;
}
