/*
 * common/tenant/tenancy.c - tables of tenants and tokens, and where their file is.
 */
#include "common/tenant/tenancy_inside.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/tenant/reading.h"
#include "common/tenant/secret.h"

static const size_t file_size_max = 64 * MIB, file_values_max = 4000000;
enum { INDEX_SIZE_MIN = 64 };

/* Indices */

static uint64_t hash_text(const char *text, size_t len)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

/* A digest is as good as random where it begins. */
static uint64_t hash_digest(const uint8_t digest[DIGEST_SIZE])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof hash);
	return hash;
}

static void index_put(struct index *x, uint64_t hash, size_t place)
{
	size_t slot = (size_t)hash & (x->size - 1);

	while (x->slots[slot])
		slot = (slot + 1) & (x->size - 1);
	x->slots[slot] = (uint32_t)place;
	x->count++;
}

/* Room for one more; true when all must be put in again. */
static bool index_grow(struct index *x)
{
	if (2 * (x->count + 1) <= x->size)
		return false;
	x->size = x->size ? 2 * x->size : INDEX_SIZE_MIN;
	mem_free(x->slots);
	x->slots = mem_calloc(x->size, sizeof *x->slots);
	x->count = 0;
	return true;
}

/* Where what has that hash may be: each slot from *slot on.  The place, or 0 at the end. */
static size_t index_next(const struct index *x, size_t *slot)
{
	size_t place = x->size ? x->slots[*slot & (x->size - 1)] : 0;

	++*slot;
	return place;
}

static void put_tenant(struct tenancy *t, size_t i)
{
	index_put(&t->by_tenant, hash_text(t->tenants[i].id, strlen(t->tenants[i].id)), i + 1);
}

static void put_id(struct tenancy *t, size_t i)
{
	index_put(&t->by_id, hash_text(t->tokens[i].id, strlen(t->tokens[i].id)), i + 1);
}

static void put_digest(struct tenancy *t, size_t i)
{
	index_put(&t->by_digest, hash_digest(t->tokens[i].digest), i + 1);
}

static void index_row(struct tenancy *t, struct index *x, void (*put)(struct tenancy *t, size_t i),
		      size_t i)
{
	size_t first = index_grow(x) ? 0 : i;

	for (; first <= i; first++)
		put(t, first);
}

/* Rows */

struct tenant *tenancy_add_tenant(struct tenancy *t, struct span id)
{
	struct tenant *row;

	t->tenants = mem_realloc(t->tenants, (t->tenant_count + 1) * sizeof *t->tenants);
	row = &t->tenants[t->tenant_count++];
	*row = (struct tenant){ .line = 0 };
	memcpy(row->id, id.ptr, id.len);
	index_row(t, &t->by_tenant, put_tenant, t->tenant_count - 1);
	return row;
}

struct token *tenancy_add_token(struct tenancy *t)
{
	struct token *row;

	if (t->token_count == t->token_room) {
		t->token_room = t->token_room ? 2 * t->token_room : 16;
		t->tokens = mem_realloc(t->tokens, t->token_room * sizeof *t->tokens);
	}
	row = &t->tokens[t->token_count++];
	*row = (struct token){ .constraints = &no_constraints };
	return row;
}

void tenancy_index_token(struct tenancy *t, const struct token *token)
{
	size_t i = (size_t)(token - t->tokens);

	index_row(t, &t->by_id, put_id, i);
	index_row(t, &t->by_digest, put_digest, i);
}

const struct token *tenancy_token_by_id(const struct tenancy *t, const char *id)
{
	size_t slot = (size_t)hash_text(id, strlen(id)), place;

	while ((place = index_next(&t->by_id, &slot)) != 0)
		if (strcmp(t->tokens[place - 1].id, id) == 0)
			return &t->tokens[place - 1];
	return NULL;
}

const struct token *tenancy_token_by_digest(const struct tenancy *t,
					    const uint8_t digest[DIGEST_SIZE])
{
	size_t slot = (size_t)hash_digest(digest), place;

	while ((place = index_next(&t->by_digest, &slot)) != 0)
		if (digest_equal(t->tokens[place - 1].digest, digest, DIGEST_SIZE))
			return &t->tokens[place - 1];
	return NULL;
}

/* Which file */

/* spass.yaml -> tokens.yaml in the same directory. */
static char *beside(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? mem_printf("%.*s/tokens.yaml", (int)(slash - path), path)
		     : mem_strdup("tokens.yaml");
}

/* NULL: none. */
static char *choose_path(const struct config *c)
{
	char *path;

	if (*c->tokens_file)
		return mem_strdup(c->tokens_file);
	path = c->path ? beside(c->path) : file_place(FILE_CONFIG, "tokens.yaml");
	if (path && !file_is_absent(path))
		return path;
	mem_free(path);
	return NULL;
}

static void warn_of_readers(const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0 && (st.st_mode & 037))
		log_warn("tenant", "others may read %s, which holds tokens: chmod 600", path);
}

/* Life */

struct tenancy *tenancy_of(struct yml *file, char *const *environment, struct err *err)
{
	struct tenancy *t = mem_new(struct tenancy);

	if (tenancy_read_process(t, environment, err) < 0 ||
	    (file && tenancy_read(t, file, environment, err) < 0))
		goto fail;
	if (!tenancy_find(t, SPAN_LIT("default")))
		tenancy_add_tenant(t, SPAN_LIT("default"))->name = mem_strdup("default");
	if (tenancy_take_lists(t, err) == 0)
		return t;
fail:
	tenancy_free(t);
	return NULL;
}

struct tenancy *tenancy_new(const struct config *c, char *const *environment, struct err *err)
{
	char *path = choose_path(c);
	struct yml *file = NULL;
	struct tenancy *t = NULL;
	struct err cause = ERR_INIT;

	if (path) {
		file = yml_read_large(path, file_size_max, file_values_max, &cause);
		if (!file) {
			/* Missing or broken: to the operator it is the configuration. */
			err_set(err, E_invalid_config, "tokens_file", "%s", cause.message);
			goto out;
		}
	}
	t = tenancy_of(file, environment, err);
	if (!t)
		goto out;
	tenancy_take_config(t, c);
	if (path)
		warn_of_readers(path);
	t->path = path;
	path = NULL;
out:
	yml_free(file);
	mem_free(path);
	return t;
}

int tenancy_add_own(struct tenancy *t, const struct config *c, bool *made, char **path,
		    struct err *err)
{
	char *secret = secret_load(c, made, path, err);

	if (!secret)
		return -1;
	t->secret = secret;
	t->secret_len = strlen(secret);
	t->own = (struct token){ .id = "operator",
				 .role = ROLE_operator,
				 .scopes = SCOPE_all,
				 .constraints = &no_constraints };
	token_bucket(t->own.id, t->own.bucket);
	digest_sha256(span_str(secret), t->own.digest);
	return 0;
}

static void free_tenant(struct tenant *row)
{
	for (size_t i = 0; i < row->default_count; i++) {
		mem_free(row->defaults[i].key);
		json_decref(row->defaults[i].value);
	}
	mem_free(row->defaults);
	name_list_free(&row->models_allowlist);
	name_list_free(&row->models_blacklist);
	budgets_free(row->budgets, row->budget_count);
	mem_free(row->name);
}

void tenancy_free(struct tenancy *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->tenant_count; i++)
		free_tenant(&t->tenants[i]);
	for (size_t i = 0; i < t->token_count; i++)
		constraints_free(t->tokens[i].constraints);
	tenancy_free_process(t);
	mem_free(t->tenants);
	mem_free(t->tokens);
	mem_free(t->by_tenant.slots);
	mem_free(t->by_id.slots);
	mem_free(t->by_digest.slots);
	mem_free(t->path);
	if (t->secret)
		mem_free_secret(t->secret, t->secret_len);
	mem_free(t);
}

/* Asked */

const char *tenancy_secret(const struct tenancy *t)
{
	return t->secret;
}

const char *tenancy_path(const struct tenancy *t)
{
	return t->path;
}

size_t tenancy_count(const struct tenancy *t)
{
	return t->tenant_count;
}

const struct tenant *tenancy_at(const struct tenancy *t, size_t index)
{
	return &t->tenants[index];
}

const struct tenant *tenancy_find(const struct tenancy *t, struct span id)
{
	size_t slot = (size_t)hash_text(id.ptr, id.len), place;

	while ((place = index_next(&t->by_tenant, &slot)) != 0)
		if (span_is(id, t->tenants[place - 1].id))
			return &t->tenants[place - 1];
	return NULL;
}

size_t tenancy_token_count(const struct tenancy *t)
{
	return t->token_count;
}

const struct token *tenancy_token_at(const struct tenancy *t, size_t index)
{
	return &t->tokens[index];
}

const struct token *tenancy_token_of(const struct tenancy *t, struct span secret,
				     uint8_t digest[DIGEST_SIZE])
{
	/* Its text is at hand, which saves its bearer the digest. */
	if (t->secret && secret.len == t->secret_len &&
	    digest_equal(secret.ptr, t->secret, secret.len))
		return &t->own;
	digest_sha256(secret, digest);
	return tenancy_token_by_digest(t, digest);
}
