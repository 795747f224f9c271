/*
 * common/tenant/tenancy.h - tenants and their tokens, as the operator's files give them.
 *
 * A tenancy is immutable once complete, counted, and part of the snapshot; any thread.  Keys that
 * are made at run time are in keyring.h and look the same: struct token.
 */
#ifndef SPASS_TENANT_TENANCY_H
#define SPASS_TENANT_TENANCY_H

#include <jansson.h>

#include "common/base/digest.h"
#include "common/base/err.h"
#include "common/config/config.h"
#include "common/tenant/scope.h"
#include "common/tenant/setting.h"

enum { TENANT_ID_SIZE = 65, TOKEN_ID_SIZE = 65 };

enum budget_currency { BUDGET_EUR, BUDGET_USD };
enum budget_period { BUDGET_DAY, BUDGET_MONTH };

/* What may be spent in a period (UTC). */
struct budget {
	int64_t amount_micros; /* > 0 */
	enum budget_currency currency;
	enum budget_period period;
	char *model; /* NULL: all models together */
	char *owner; /* the token on whose account it is: of a key that inherits it; NULL: the token's own */
	bool allow_unknown; /* calls whose cost is not known beforehand, which then count nothing */
	int line;    /* in the file; 0 for one of a key */
};

/* How often a token may ask, and how much; 0: the setting's, or no limit. */
struct rates {
	double rate_limit_per_second;
	int64_t rate_limit_burst, requests_per_minute, tokens_per_minute;
};

/* Another token's, on whose buckets its keys draw besides their own. */
struct shared_rates {
	struct rates rates;
	char owner[TOKEN_ID_SIZE];
	uint8_t bucket[DIGEST_SIZE];
};

/* What narrows a token.  An empty list, or 0, narrows nothing. */
struct constraints {
	struct config_list models, agents, endpoints; /* "name", or "begin*" */
	int64_t max_tokens;           /* most that a request may ask for */
	struct rates rates;
	struct shared_rates *shared;  /* of a key: those of its maker, and of his */
	size_t shared_count;
	struct budget *budgets;
	size_t budget_count;
};

/* Who may ask, and for what. */
struct token {
	char id[TOKEN_ID_SIZE];      /* of all tokens and keys no two are the same */
	char tenant[TENANT_ID_SIZE]; /* "": not bound to one */
	enum role role;
	uint64_t scopes; /* of the role, and those extra, without those denied */
	const struct constraints *constraints; /* never NULL */
	int64_t expires_ms, revoked_ms;        /* wall clock; 0: not */
	bool rate_limit_bypass;
	bool is_key; /* one of keyring.h */
	uint8_t digest[DIGEST_SIZE];
	uint8_t bucket[DIGEST_SIZE]; /* by which its limits are kept: of its id, whatever its secret is */
};
/* The bucket of the token of that id. */
void token_bucket(const char *id, uint8_t out[DIGEST_SIZE]);

/* A member of a tenant's "defaults:", as it stands in the file. */
struct tenant_default {
	char *key;
	json_t *value; /* borrowed; never change it, nor its count */
	int line;
};

struct tenant {
	char id[TENANT_ID_SIZE];
	char *name; /* the id where none is given */
	struct tenant_default *defaults;
	size_t default_count;
	const json_t *settings[SETTING_COUNT]; /* of defaults, checked; NULL: not there */
	/* Of defaults, or of the process where they say nothing; one at most. */
	struct config_list models_allowlist, models_blacklist;
	struct budget *budgets;
	size_t budget_count;
	size_t token_count, token_budgets; /* token_budgets: rows of all its tokens */
	int line; /* 0: not in the file */
};

struct tenancy;

/*
 * Reads c's tokens_file, or tokens.yaml beside spass.yaml when there is one.  Changes and makes
 * nothing.  There is always a tenant "default".  environment: as environ, for secret_env and
 * settings.  E_invalid_config names file, line and key, or the variable.
 */
struct tenancy *tenancy_new(const struct config *c, char *const *environment, struct err *err);
/* The same of a document; NULL: none.  Borrows file for the call. */
struct tenancy *tenancy_of(struct yml *file, char *const *environment, struct err *err);
/*
 * Adds the gateway's own token (secret.h), which is not bound, of role operator and named
 * "operator".  Once, before others see t.  made, path: as secret_load.
 */
int tenancy_add_own(struct tenancy *t, const struct config *c, bool *made, char **path, struct err *err);
/* Its text, for commands of this process; NULL before tenancy_add_own. */
const char *tenancy_secret(const struct tenancy *t);
void tenancy_free(struct tenancy *t);

/* What the process says for all tenants: SPASS_<KEY> of the environment, or the default. */
const json_t *tenancy_process(const struct tenancy *t, enum setting_key key);
/* The file's path, NULL when there is none. */
const char *tenancy_path(const struct tenancy *t);
size_t tenancy_count(const struct tenancy *t);
const struct tenant *tenancy_at(const struct tenancy *t, size_t index);
/* NULL when there is none of that id. */
const struct tenant *tenancy_find(const struct tenancy *t, struct span id);
size_t tenancy_token_count(const struct tenancy *t);
const struct token *tenancy_token_at(const struct tenancy *t, size_t index);
/*
 * The token of that text, or NULL; takes the same time for few and for many.  digest is set to
 * its SHA-256 when it is not the gateway's own.
 */
const struct token *tenancy_token_of(const struct tenancy *t, struct span secret,
				     uint8_t digest[DIGEST_SIZE]);

/* Whether one of the list is text; "chat-*" is all that begin so.  An empty list has all. */
bool list_admits(const struct config_list *list, struct span text);
/* Whether this token may use that model in this tenant; both may be NULL. */
bool tenancy_admits_model(const struct tenant *tenant, const struct token *token, struct span alias);

#endif
