/*
 * server/api/tenant_keys.c - /v1/tenant/keys: keys made, listed, rotated and revoked.
 *
 * A change is in the database before it is answered, and known to all workers before that, too.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/ident.h"
#include "common/base/mem.h"
#include "common/tenant/grant.h"
#include "common/tenant/reading.h"
#include "server/api/call.h"

enum {
	BODY_MAX = 64 * KIB,
	SECRET_CHARS = 43, /* 256 bits and a little, of 62 characters */
	SECRET_SIZE = 64,
	PREFIX_CHARS = 12,
	KEYS_MAX = 10000,     /* of a tenant, that are not revoked */
	REVOKED_MAX = 100000, /* and that are, and are still kept */
	REVOKED_DAYS = 100,   /* longer than a budget's period: what they spent is their maker's */
	GRACE_MAX_S = 90 * 86400,
};

/* A key is named in the database as it is told. */
static json_t *time_json(int64_t ms)
{
	char text[CLOCK_ISO_SIZE];

	if (!ms)
		return json_null();
	clock_iso(ms, text);
	return json_string(text);
}

static json_t *words_json(const char *text)
{
	struct span rest = span_str(text);
	json_t *all = json_array();

	while (rest.len > 0) {
		struct span word = span_cut(&rest, ' ');

		json_array_append_new(all, json_stringn(word.ptr, word.len));
	}
	return all;
}

static const char *status_of(const struct tenant_key *k, int64_t now_ms)
{
	if (k->revoked_ms)
		return "revoked";
	return k->expires_ms && k->expires_ms <= now_ms ? "expired" : "active";
}

static json_t *key_json(const struct tenant_key *k)
{
	int64_t now_ms = clock_wall_ms();
	bool is_old_valid = k->has_old && k->old_until_ms > now_ms;
	json_t *constraints = k->constraints ? json_loads(k->constraints, 0, NULL) : NULL;

	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
			 "id", k->id, "tenant_id", k->tenant_id, "prefix", k->prefix, "label", k->label,
			 "status", status_of(k, now_ms), "role", k->role, "extra_scopes",
			 words_json(k->extra_scopes), "deny_scopes", words_json(k->deny_scopes),
			 "constraints", constraints ? constraints : json_object(), "created_by",
			 k->created_by, "created_at", time_json(k->created_ms), "rotated_at",
			 time_json(k->rotated_ms), "expires_at", time_json(k->expires_ms), "revoked_at",
			 time_json(k->revoked_ms), "old_secret_until",
			 time_json(is_old_valid ? k->old_until_ms : 0));
}

/* Its secret is told this once. */
static void reply_key(struct exchange *x, int status, const struct tenant_key *k, const char *secret)
{
	json_t *document = key_json(k);

	json_object_set_new(document, "secret", json_string(secret));
	reply_header(x, "Cache-Control", SPAN_LIT("no-store"));
	call_reply_json(x, status, document);
}

static void make_secret(struct tenant_key *k, char secret[SECRET_SIZE])
{
	ident_token(secret, SECRET_SIZE, "spass_", SECRET_CHARS);
	snprintf(k->prefix, sizeof k->prefix, "%.*s", PREFIX_CHARS, secret);
	digest_sha256(span_str(secret), k->digest);
}

/* What the asker could do himself */

static const struct constraints *constraints_of(const struct call *c)
{
	return c->identity.token ? c->identity.token->constraints : &no_constraints;
}

static enum role role_of(const struct call *c)
{
	return c->identity.token ? c->identity.token->role : ROLE_operator;
}

/* A key is a tenant's: none of them is an operator's. */
static int check_role(const struct call *c, enum role role, struct err *err)
{
	if (role == ROLE_operator)
		return err_set(err, E_invalid_field, "body.role",
			       "body.role operator is for tokens of the operator's file");
	if (role <= role_of(c))
		return 0;
	return err_set(err, E_insufficient_scope, "body.role",
		       "a token of role %s makes no key of role %s", role_name(role_of(c)),
		       role_name(role));
}

static int check_scopes(const struct call *c, uint64_t scopes, struct err *err)
{
	uint64_t more = scopes & ~c->identity.scopes;

	if (!more)
		return 0;
	return err_set(err, E_insufficient_scope, "body.extra_scopes",
		       "the key would have the scope %s, which the token that makes it lacks",
		       scope_name(more));
}

static int check_constraints(const struct call *c, const struct constraints *wanted, struct err *err)
{
	const char *member;
	char param[ERR_PARAM_MAX];

	if (constraints_cover(constraints_of(c), wanted, &member))
		return 0;
	snprintf(param, sizeof param, "body.constraints.%s", member);
	return err_set(err, E_insufficient_scope, param,
		       "%s is wider than that of the token that makes the key", param);
}

/* Making */

struct key_form {
	const char *label;
	enum role role;
	uint64_t extra, deny;
	json_t *constraints; /* borrowed */
	int64_t expires_ms;
};

static int read_raw(struct reading *r, const struct member *m, json_t *value, void *field)
{
	struct constraints *parsed = NULL;

	/* Here for its faults; what counts is read when the maker's have been added. */
	if (read_constraints(r, m, value, &parsed) < 0)
		return -1;
	constraints_free(parsed);
	*(json_t **)field = value;
	return 0;
}

#define FIELD(name) offsetof(struct key_form, name)
static const struct member key_members[] = {
	{ "label", read_text, FIELD(label), 0, TENANT_KEY_LABEL_SIZE - 1, false },
	{ "role", read_role, FIELD(role), 0, 0, false },
	{ "extra_scopes", read_scopes, FIELD(extra), 0, 0, false },
	{ "deny_scopes", read_scopes, FIELD(deny), 0, 0, false },
	{ "constraints", read_raw, FIELD(constraints), 0, 0, false },
	{ "expires_at", read_time, FIELD(expires_ms), 0, 0, false },
};
#undef FIELD

static char *scopes_text(uint64_t set)
{
	struct buf text;

	if (!set)
		return NULL;
	buf_init(&text, 64 * (size_t)SCOPE_COUNT);
	for (size_t i = 0; i < SCOPE_COUNT; i++) {
		if (!(set & UINT64_C(1) << i))
			continue;
		if (text.len > 0)
			buf_add_char(&text, ' ');
		buf_add_str(&text, scope_name(UINT64_C(1) << i));
	}
	return buf_take(&text);
}

/* The key's constraints: those asked for, and the maker's. */
static int take_constraints(const struct call *c, const struct key_form *f, struct tenant_key *k,
			    struct err *err)
{
	struct reading r = { .path = "body.constraints", .err = err, .is_stored = true };
	struct constraints *parsed = NULL;
	json_t *all = constraints_inherit(constraints_of(c), c->identity.token ? c->identity.token->id : NULL,
					  f->constraints);
	int result = read_constraints(&r, NULL, all, &parsed);

	if (result == 0)
		result = check_constraints(c, parsed, err);
	if (result == 0 && json_object_size(all) > 0)
		k->constraints = json_dumps(all, JSON_COMPACT);
	constraints_free(parsed);
	json_decref(all);
	return result;
}

static int take_expiry(const struct call *c, const struct key_form *f, struct tenant_key *k,
		       struct err *err)
{
	int64_t own_ms = c->identity.token ? c->identity.token->expires_ms : 0;

	if (f->expires_ms && f->expires_ms <= k->created_ms)
		return err_set(err, E_invalid_field, "body.expires_at",
			       "body.expires_at has already passed");
	k->expires_ms = f->expires_ms;
	/* It does not outlive the token that makes it. */
	if (own_ms && (!k->expires_ms || k->expires_ms > own_ms))
		k->expires_ms = own_ms;
	return 0;
}

static int fill_key(const struct call *c, const struct key_form *f, struct tenant_key *k,
		    struct err *err)
{
	k->version = 1;
	k->created_ms = clock_wall_ms();
	if (check_role(c, f->role, err) < 0 ||
	    check_scopes(c, (role_scopes(f->role) | f->extra) & ~f->deny, err) < 0 ||
	    take_constraints(c, f, k, err) < 0 || take_expiry(c, f, k, err) < 0)
		return -1;
	ident_token(k->id, sizeof k->id, "key_", 20);
	snprintf(k->tenant_id, sizeof k->tenant_id, "%s", c->identity.tenant_id);
	snprintf(k->label, sizeof k->label, "%s", f->label ? f->label : "");
	snprintf(k->created_by, sizeof k->created_by, "%s", c->identity.token_id);
	k->role = mem_strdup(role_name(f->role));
	k->extra_scopes = scopes_text(f->extra);
	k->deny_scopes = scopes_text(f->deny);
	return 0;
}

static int insert(struct db *db, void *arg, struct err *err)
{
	const int64_t day_ms = 86400000;
	const struct tenant_key *k = arg;
	int64_t all = 0, revoked = 0;

	if (tenant_key_prune(db, k->tenant_id, k->created_ms - REVOKED_DAYS * day_ms, err) < 0 ||
	    tenant_key_count(db, k->tenant_id, &all, err) < 0 ||
	    tenant_key_count_revoked(db, k->tenant_id, &revoked, err) < 0)
		return -1;
	if (all - revoked >= KEYS_MAX)
		return err_set(err, E_too_large, "", "the tenant has %d keys already; revoke some", KEYS_MAX);
	if (revoked >= REVOKED_MAX)
		return err_set(err, E_too_large, "",
			       "the tenant has %d revoked keys, each kept for %d days or while keys that it made are",
			       REVOKED_MAX, REVOKED_DAYS);
	return tenant_key_insert(db, k, err);
}

static int create(struct exchange *x, struct call *c, struct tenant_key *k,
		  char secret[SECRET_SIZE], struct err *err)
{
	struct key_form form = { .role = ROLE_tenant_user };
	struct reading r = { .path = "body", .err = err };
	json_t *body = call_read_json(x, BODY_MAX, err);
	struct core *core = c->worker->core;
	int result = -1;

	if (!body)
		return -1;
	if (reading_object(&r, body, key_members, ARRAY_LEN(key_members), &form) < 0 ||
	    fill_key(c, &form, k, err) < 0)
		goto out;
	make_secret(k, secret);
	result = store_write(core->store, insert, k, err);
	if (result == 0)
		result = core_publish_key(core, k, err);
out:
	json_decref(body);
	return result;
}

void tenant_keys_create(struct exchange *x, struct call *c)
{
	struct tenant_key key = { .version = 0 };
	struct err err = ERR_INIT;
	char secret[SECRET_SIZE];

	if (create(x, c, &key, secret, &err) == 0)
		reply_key(x, 201, &key, secret);
	else
		reply_error(x, &err);
	explicit_bzero(secret, sizeof secret);
	tenant_key_clear(&key);
}

/* Listing */

struct listing {
	const char *tenant_id;
	struct page page;
	json_t *items;
	int64_t total;
};

static int add_item(void *arg, struct tenant_key *k, struct err *err)
{
	(void)err;
	json_array_append_new(arg, key_json(k));
	return 0;
}

static int list(struct db *db, void *arg, struct err *err)
{
	struct listing *l = arg;

	if (tenant_key_count(db, l->tenant_id, &l->total, err) < 0)
		return -1;
	return tenant_key_list(db, l->tenant_id, l->page.limit, l->page.offset, add_item, l->items,
			       err);
}

void tenant_keys_list(struct exchange *x, struct call *c)
{
	struct listing l = { .tenant_id = c->identity.tenant_id };
	struct core *core = c->worker->core;
	struct err err = ERR_INIT;

	l.items = json_array();
	if (call_query_page(x, &l.page, &err) < 0 ||
	    store_read(core->store, core->jobs, list, &l, &err) < 0) {
		json_decref(l.items);
		reply_error(x, &err);
		return;
	}
	call_reply_page(x, l.items, l.total, &l.page);
}

/* Changes of one that is there */

struct change {
	const struct call *c;
	const char *tenant_id, *id;
	int64_t grace_s;
	struct tenant_key key; /* as it is afterwards */
	char *secret;          /* of SECRET_SIZE; NULL: it is revoked */
	bool is_done;          /* there was nothing to change */
};

/* Who gets its secret can do what it can. */
static int check_covers(const struct call *c, const struct tenant_key *k, struct err *err)
{
	struct keyring *one = keyring_new();
	const struct token *token;
	int result = keyring_load(one, k, err);

	if (result == 0) {
		token = keyring_find(one, k->digest);
		result = check_role(c, token->role, err);
		if (result == 0)
			result = check_scopes(c, token->scopes, err);
		if (result == 0)
			result = check_constraints(c, token->constraints, err);
	}
	keyring_unref(one);
	return result;
}

static int rotate_row(struct change *w, struct err *err)
{
	struct tenant_key *k = &w->key;
	int64_t now_ms = clock_wall_ms();

	if (k->revoked_ms)
		return err_set(err, E_invalid_field, "id", "the key %s was revoked", k->id);
	if (check_covers(w->c, k, err) < 0)
		return -1;
	k->has_old = w->grace_s > 0;
	k->old_until_ms = w->grace_s > 0 ? now_ms + w->grace_s * 1000 : 0;
	memcpy(k->old_digest, k->digest, sizeof k->old_digest);
	make_secret(k, w->secret);
	k->rotated_ms = now_ms;
	return 0;
}

/* In the writer's transaction, so that two changes at once come one after the other. */
static int change(struct db *db, void *arg, struct err *err)
{
	struct change *w = arg;
	struct tenant_key *k = &w->key;
	int found;

	tenant_key_clear(k);
	found = tenant_key_get(db, w->tenant_id, w->id, k, err);
	if (found < 0)
		return -1;
	if (!found)
		return err_set(err, E_key_not_found, "id", "there is no key '%.64s'", w->id);
	w->is_done = !w->secret && k->revoked_ms;
	if (w->is_done)
		return 0;
	if (w->secret && rotate_row(w, err) < 0)
		return -1;
	if (!w->secret)
		k->revoked_ms = clock_wall_ms();
	k->version++;
	return tenant_key_update(db, k, err) == 1 ? 0 : -1;
}

static int run_change(struct call *c, struct change *w, struct err *err)
{
	struct core *core = c->worker->core;

	if (store_write(core->store, change, w, err) < 0)
		return -1;
	return w->is_done ? 0 : core_publish_key(core, &w->key, err);
}

struct rotate_form {
	int64_t grace_s;
};

static const struct member rotate_members[] = {
	{ "grace_seconds", read_int, offsetof(struct rotate_form, grace_s), 0, GRACE_MAX_S, false },
};

static int read_rotate(struct exchange *x, int64_t *grace_s, struct err *err)
{
	struct reading r = { .path = "body", .err = err };
	struct rotate_form form = { .grace_s = 0 };
	json_t *body = call_read_json_if_any(x, BODY_MAX, err);
	int result;

	if (!body)
		return -1;
	result = reading_object(&r, body, rotate_members, ARRAY_LEN(rotate_members), &form);
	*grace_s = form.grace_s;
	json_decref(body);
	return result;
}

void tenant_keys_rotate(struct exchange *x, struct call *c)
{
	char secret[SECRET_SIZE];
	struct change w = { .c = c,
			    .tenant_id = c->identity.tenant_id,
			    .id = call_param(x, c, 0),
			    .secret = secret };
	struct err err = ERR_INIT;

	if (read_rotate(x, &w.grace_s, &err) == 0 && run_change(c, &w, &err) == 0)
		reply_key(x, 200, &w.key, secret);
	else
		reply_error(x, &err);
	explicit_bzero(secret, sizeof secret);
	tenant_key_clear(&w.key);
}

void tenant_keys_revoke(struct exchange *x, struct call *c)
{
	struct change w = { .c = c,
			    .tenant_id = c->identity.tenant_id,
			    .id = call_param(x, c, 0) };
	struct err err = ERR_INIT;

	if (run_change(c, &w, &err) == 0)
		call_reply_nothing(x);
	else
		reply_error(x, &err);
	tenant_key_clear(&w.key);
}
