/*
 * common/upstream/backend.h - one server that answers for models, ready to be called.
 *
 * Made at start and on reload from a provider's row, the operator's "backends:" and the
 * environment; immutable but for its health, which any thread may report.
 */
#ifndef SPASS_UPSTREAM_BACKEND_H
#define SPASS_UPSTREAM_BACKEND_H

#include "common/config/config.h"
#include "common/loop/upcall.h"
#include "common/upstream/provider.h"
#include "common/upstream/trouble.h"

enum backend_status { BACKEND_UNKNOWN, BACKEND_AVAILABLE, BACKEND_UNREACHABLE, BACKEND_DISABLED };

struct backend {
	const char *name;
	const struct provider *provider;
	const char *base_url; /* as written; holds no secret */
	struct origin origin;
	const char *path_prefix;  /* "/v1" */
	const char *auth_line;    /* "Authorization: Bearer ...\r\n", "" = none; secret */
	const char *disabled_why; /* "OPENAI_API_KEY is not set", or NULL */
	struct upcall_limits limits;
	bool forward_account;          /* the client may say which organisation and project pay */
	bool lacks_key;                /* the operator's, which is off for that alone */
	bool automatic;                /* a provider's row as it is, not written by the operator */
	_Atomic int status;            /* enum backend_status, by the last probe or call */
	_Atomic int64_t latency_us;    /* of the last probe, -1 = none */
	_Atomic(const char *) trouble; /* why the last probe failed, a static text, or NULL */
	struct trouble told;           /* of calls that failed, in the log */
};

/* What a backend is made from. */
struct backend_source {
	const struct config *config;
	char *const *environment;
	const struct provider *provider;    /* of an automatic one; else NULL */
	const struct config_backend *entry; /* what the operator wrote; else NULL */
};

/*
 * Fails with E_invalid_config (unknown provider, bad or missing base_url).  A missing key does
 * not fail: the backend is disabled and says why.
 *
 * A provider's own key variable is used only for the provider's own host: a base_url elsewhere
 * gets the key that key_env or key_file name, or none.  "provider: openai" with such a base_url
 * means the generic row.
 */
int backend_init(struct backend *b, const struct backend_source *s, struct err *err);
void backend_clear(struct backend *b);
/* "available", "unreachable", "disabled" for GET /v1/info ("unknown" reads unreachable). */
const char *backend_status_name(enum backend_status s);
/*
 * What a call showed: it answered, or it could not be reached.  A change is logged once.  A
 * disabled or built-in backend stays what it is.
 */
void backend_report(struct backend *b, bool ok);
/*
 * The same with a reason (static text, NULL when ok), which all may read, and with what the log
 * adds to it for the operator; it may name hosts and files.  NULL: nothing.
 */
void backend_set_status(struct backend *b, enum backend_status status, const char *trouble, const char *detail);
/* Whether both are the same server with the same credentials. */
bool backend_is_same(const struct backend *a, const struct backend *b);

#endif
