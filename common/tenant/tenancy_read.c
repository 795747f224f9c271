/*
 * common/tenant/tenancy_read.c - tokens.yaml.
 *
 * The first fault ends the reading; its message says file, line and key.
 */
#include <stdio.h>

#include "common/base/mem.h"
#include "common/tenant/reading.h"
#include "common/tenant/secret.h"
#include "common/tenant/tenancy_inside.h"

enum { TENANTS_MAX = 10000, TOKENS_MAX = 1000000, NAME_MAX_LEN = 256 };

struct load {
	struct reading r;
	struct tenancy *t;
	char *const *environment;
};

/* A token as it is written. */
struct token_form {
	const char *id, *secret, *secret_sha256, *secret_env;
	enum role role;
	uint64_t extra, deny;
	struct constraints *constraints;
	int64_t expires_ms;
	bool bypass;
};

#define FIELD(name) offsetof(struct token_form, name)
static const struct member token_members[] = {
	{ "id", read_text, FIELD(id), 1, TOKEN_ID_SIZE - 1, true },
	{ "secret_sha256", read_text, FIELD(secret_sha256), 1, 256, false },
	{ "secret", read_text, FIELD(secret), 1, TOKEN_MAX, false },
	{ "secret_env", read_text, FIELD(secret_env), 1, 128, false },
	{ "role", read_role, FIELD(role), .is_required = true },
	{ "extra_scopes", read_scopes, FIELD(extra), 0, 0, false },
	{ "deny_scopes", read_scopes, FIELD(deny), 0, 0, false },
	{ "constraints", read_constraints, FIELD(constraints), 0, 0, false },
	{ "expires_at", read_time, FIELD(expires_ms), 0, 0, false },
	{ "rate_limit_bypass", read_bool, FIELD(bypass), 0, 0, false },
};
#undef FIELD

/* A fault at a member of what is read. */
#define FAULT_AT(r, object, key, ...)                                     \
	((r)->line = yml_member_line((r)->file, (object), (key)) ?        \
			     yml_member_line((r)->file, (object), (key)) : \
			     (r)->line,                                    \
	 reading_enter((r), (key)), reading_fault((r), __VA_ARGS__))

static bool is_id(const char *text, const char *extra)
{
	for (; *text; text++)
		if (!(*text >= 'a' && *text <= 'z') && !(*text >= '0' && *text <= '9') &&
		    !strchr(extra, *text))
			return false;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_digest(const char *hex, uint8_t digest[DIGEST_SIZE])
{
	for (size_t i = 0; i < DIGEST_SIZE; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		digest[i] = (uint8_t)(high << 4 | low);
	}
	return 0;
}

/* NULL when it is not set, or to nothing. */
static const char *variable(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return (*environment)[len + 1] ? *environment + len + 1 : NULL;
	return NULL;
}

/* Exactly one of the three ways to give a secret. */
static int take_secret(struct load *l, json_t *object, const struct token_form *f,
		       uint8_t digest[DIGEST_SIZE])
{
	struct reading *r = &l->r;
	int given = !!f->secret + !!f->secret_sha256 + !!f->secret_env;
	const char *key = f->secret_env ? "secret_env" : "secret", *secret = f->secret;

	if (given != 1)
		return reading_fault(r, given ? "has more than one of secret_sha256, secret and secret_env"
					      : "needs secret_sha256, secret or secret_env");
	if (f->secret_sha256) {
		if (strlen(f->secret_sha256) != 2 * (size_t)DIGEST_SIZE ||
		    read_digest(f->secret_sha256, digest) < 0)
			return FAULT_AT(r, object, "secret_sha256",
					"must be a SHA-256 in 64 hexadecimal digits");
		return 0;
	}
	if (f->secret_env) {
		secret = variable(l->environment, f->secret_env);
		if (!secret)
			return FAULT_AT(r, object, key, "the variable %s is not set", f->secret_env);
	}
	if (!secret_is_valid(span_str(secret)))
		return FAULT_AT(r, object, key, "must be 1 to %d visible characters without blanks",
				TOKEN_MAX);
	digest_sha256(span_str(secret), digest);
	return 0;
}

static int check_new(struct load *l, json_t *object, const char *id,
		     const uint8_t digest[DIGEST_SIZE])
{
	const struct token *same = tenancy_token_by_digest(l->t, digest);

	if (strcmp(id, "operator") == 0)
		return FAULT_AT(&l->r, object, "id", "is the name of the gateway's own token");
	if (tenancy_token_by_id(l->t, id))
		return FAULT_AT(&l->r, object, "id", "\"%.64s\" is the id of an earlier token", id);
	if (same)
		return reading_fault(&l->r, "has the same secret as %s%s%s", same->tenant,
				     *same->tenant ? "/" : "", same->id);
	return 0;
}

static int take_token(struct load *l, json_t *object, const struct tenant *tenant,
		      struct token_form *f)
{
	uint8_t digest[DIGEST_SIZE];
	struct token *row;

	if (!is_id(f->id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-"))
		return FAULT_AT(&l->r, object, "id", "may hold A-Z a-z 0-9 . _ -");
	if (tenant && f->role == ROLE_operator)
		return FAULT_AT(&l->r, object, "role", "operator is for unbound_tokens");
	if (take_secret(l, object, f, digest) < 0 || check_new(l, object, f->id, digest) < 0)
		return -1;
	if (l->t->token_count == TOKENS_MAX)
		return reading_fault(&l->r, "more than %d tokens", TOKENS_MAX);
	row = tenancy_add_token(l->t);
	snprintf(row->id, sizeof row->id, "%s", f->id);
	snprintf(row->tenant, sizeof row->tenant, "%s", tenant ? tenant->id : "");
	row->role = f->role;
	row->scopes = (role_scopes(f->role) | f->extra) & ~f->deny;
	if (f->constraints)
		row->constraints = f->constraints;
	f->constraints = NULL;
	row->expires_ms = f->expires_ms;
	row->rate_limit_bypass = f->bypass;
	token_bucket(row->id, row->bucket);
	memcpy(row->digest, digest, sizeof row->digest);
	tenancy_index_token(l->t, row);
	return 0;
}

static int read_tokens(struct load *l, json_t *list, struct tenant *tenant)
{
	struct reading *r = &l->r;
	int line = r->line;
	json_t *item;
	size_t i;

	if (!json_is_array(list))
		return reading_fault(r, "must be a list of tokens");
	json_array_foreach(list, i, item)
	{
		struct token_form form = { .id = NULL };
		size_t before = reading_enter_at(r, i);
		int result;

		r->line = yml_line(r->file, item) ? yml_line(r->file, item) : line;
		result = reading_object(r, item, token_members, ARRAY_LEN(token_members), &form);
		if (tenant && form.constraints)
			tenant->token_budgets += form.constraints->budget_count;
		if (result == 0)
			result = take_token(l, item, tenant, &form);
		constraints_free(form.constraints);
		if (result < 0)
			return -1;
		if (tenant)
			tenant->token_count++;
		reading_leave(r, before);
		r->line = line;
	}
	return 0;
}

/* Tenants */

struct tenant_form {
	const char *id, *name;
	struct budget_list budgets;
	json_t *defaults, *tokens; /* borrowed */
};

static int read_later(struct reading *r, const struct member *m, json_t *value, void *field)
{
	(void)r;
	(void)m;
	*(json_t **)field = value;
	return 0;
}

#define FIELD(name) offsetof(struct tenant_form, name)
static const struct member tenant_members[] = {
	{ "id", read_text, FIELD(id), 1, TENANT_ID_SIZE - 1, true },
	{ "name", read_text, FIELD(name), 1, NAME_MAX_LEN, false },
	{ "budgets", read_budgets, FIELD(budgets), 0, 0, false },
	{ "defaults", read_later, FIELD(defaults), 0, 0, false },
	{ "tokens", read_later, FIELD(tokens), 0, 0, false },
};
#undef FIELD

/* Those that tokens are checked against; all are kept as they are for the cascade. */
static const struct member list_members[] = {
	{ "models_allowlist", read_names, offsetof(struct tenant, models_allowlist), 0, 0, false },
	{ "models_blacklist", read_names, offsetof(struct tenant, models_blacklist), 0, 0, false },
};

static int check_default(struct reading *r, struct tenant *tenant, const char *key,
			 const json_t *value)
{
	const struct setting_info *info = setting_find(span_str(key));
	const char *near = setting_near(span_str(key));
	struct err cause = ERR_INIT;

	if (!info)
		return near ? reading_fault(r, "is no setting of tenants; did you mean %s?", near) :
			      reading_fault(r, "is no setting of tenants");
	if (info->group == SETTING_GROUP_A)
		return reading_fault(r, "is fixed in code");
	if (setting_check(info, value, "", &cause) < 0)
		return reading_fault(r, "%s", cause.message);
	tenant->settings[info - setting_table] = value;
	return 0;
}

static int read_default(struct load *l, struct tenant *tenant, json_t *object, const char *key,
			json_t *value)
{
	struct reading *r = &l->r;
	size_t before = reading_enter(r, key);
	int line = yml_member_line(r->file, object, key);

	r->line = line;
	for (size_t i = 0; i < ARRAY_LEN(list_members); i++)
		if (strcmp(list_members[i].name, key) == 0 &&
		    read_names(r, &list_members[i], value,
			       (char *)tenant + list_members[i].offset) < 0)
			return -1;
	if (check_default(r, tenant, key, value) < 0)
		return -1;
	tenant->defaults[tenant->default_count++] = (struct tenant_default){
		.key = mem_strdup(key), .value = json_incref(value), .line = line
	};
	reading_leave(r, before);
	return 0;
}

static int read_defaults(struct load *l, struct tenant *tenant, json_t *object)
{
	struct reading *r = &l->r;
	size_t before = reading_enter(r, "defaults");
	int line = r->line;
	const char *key;
	json_t *value;

	if (!json_is_object(object))
		return reading_fault(r, "must be a mapping");
	if (json_object_size(object) > 0)
		tenant->defaults = mem_calloc(json_object_size(object), sizeof *tenant->defaults);
	json_object_foreach(object, key, value)
	{
		if (read_default(l, tenant, object, key, value) < 0)
			return -1;
	}
	if (tenant->models_allowlist.count > 0 && tenant->models_blacklist.count > 0)
		return FAULT_AT(r, object, "models_blacklist",
				"the tenant %s has models_allowlist, too; only one of them may be set",
				tenant->id);
	reading_leave(r, before);
	r->line = line;
	return 0;
}

static struct tenant *take_tenant(struct load *l, json_t *object, const struct tenant_form *f)
{
	struct tenant *row;

	if (!is_id(f->id, "-")) {
		FAULT_AT(&l->r, object, "id", "may hold a-z 0-9 -");
		return NULL;
	}
	if (tenancy_find(l->t, span_str(f->id))) {
		FAULT_AT(&l->r, object, "id", "\"%.64s\" is the id of an earlier tenant", f->id);
		return NULL;
	}
	row = tenancy_add_tenant(l->t, span_str(f->id));
	row->name = mem_strdup(f->name ? f->name : f->id);
	row->line = l->r.line;
	return row;
}

static int read_tenant(struct load *l, json_t *object)
{
	struct tenant_form form = { .id = NULL };
	struct tenant *row = NULL;
	size_t before;

	if (reading_object(&l->r, object, tenant_members, ARRAY_LEN(tenant_members), &form) == 0)
		row = take_tenant(l, object, &form);
	if (!row) {
		budgets_free(form.budgets.rows, form.budgets.count);
		return -1;
	}
	row->budgets = form.budgets.rows;
	row->budget_count = form.budgets.count;
	if (form.defaults && read_defaults(l, row, form.defaults) < 0)
		return -1;
	if (!form.tokens)
		return 0;
	before = reading_enter(&l->r, "tokens");
	if (read_tokens(l, form.tokens, row) < 0)
		return -1;
	reading_leave(&l->r, before);
	return 0;
}

static int read_tenants(struct load *l, json_t *list)
{
	struct reading *r = &l->r;
	json_t *item;
	size_t i;

	if (!json_is_array(list) || json_array_size(list) > TENANTS_MAX)
		return reading_fault(r, "must be a list of at most %d tenants", TENANTS_MAX);
	json_array_foreach(list, i, item)
	{
		size_t before = reading_enter_at(r, i);

		r->line = yml_line(r->file, item);
		if (read_tenant(l, item) < 0)
			return -1;
		reading_leave(r, before);
	}
	return 0;
}

/* The file */

struct file_form {
	json_t *tenants, *unbound;
};

static const struct member file_members[] = {
	{ "tenants", read_later, offsetof(struct file_form, tenants), 0, 0, false },
	{ "unbound_tokens", read_later, offsetof(struct file_form, unbound), 0, 0, false },
};

int tenancy_read(struct tenancy *t, struct yml *file, char *const *environment, struct err *err)
{
	struct load l = { .r = { .file = file, .err = err }, .t = t, .environment = environment };
	struct file_form form = { NULL, NULL };
	json_t *root = yml_root(file);

	if (!json_is_object(root))
		return err_set(err, E_invalid_config, "", "%s: must hold tenants: and unbound_tokens:",
			       yml_name(file));
	if (reading_object(&l.r, root, file_members, ARRAY_LEN(file_members), &form) < 0)
		return -1;
	if (form.tenants) {
		reading_enter(&l.r, "tenants");
		l.r.line = yml_member_line(file, root, "tenants");
		if (read_tenants(&l, form.tenants) < 0)
			return -1;
		reading_leave(&l.r, 0);
	}
	if (form.unbound) {
		reading_enter(&l.r, "unbound_tokens");
		l.r.line = yml_member_line(file, root, "unbound_tokens");
		if (read_tokens(&l, form.unbound, NULL) < 0)
			return -1;
	}
	return 0;
}
