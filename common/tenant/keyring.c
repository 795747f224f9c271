/*
 * common/tenant/keyring.c - see keyring.h.
 *
 * Keys stand in shards, once by the secret's digest (twice while an old one is valid) and once by
 * id; a shard is a sorted array, copied when it is changed while another keyring has it, too.
 */
#include "common/tenant/keyring.h"

#include <stdatomic.h>
#include <stdio.h>

#include "common/base/mem.h"
#include "common/tenant/reading.h"

enum { SHARDS = 256 };

struct key {
	_Atomic int refs;
	int64_t version;
	bool has_old;
	struct token now;
	struct token old[]; /* one, or none */
};

struct entry {
	uint64_t hash;
	struct key *key;
	const struct token *token; /* of key */
};

struct shard {
	_Atomic int refs;
	size_t count, room;
	struct entry entries[];
};

struct keyring {
	_Atomic int refs;
	size_t count;
	struct shard *by_digest[SHARDS], *by_id[SHARDS]; /* NULL: empty */
};

/* Keys */

static void key_unref(struct key *key)
{
	if (atomic_fetch_sub_explicit(&key->refs, 1, memory_order_acq_rel) != 1)
		return;
	constraints_free(key->now.constraints); /* old has the same */
	mem_free(key);
}

static struct key *key_ref(struct key *key)
{
	atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
	return key;
}

static int parse_scopes(const char *text, uint64_t *set)
{
	struct span rest = span_str(text);

	*set = SCOPE_none;
	while (rest.len > 0) {
		uint64_t scope = scope_find(span_cut(&rest, ' '));

		if (scope == SCOPE_none)
			return -1;
		*set |= scope;
	}
	return 0;
}

static int parse_constraints(const char *text, const struct constraints **c)
{
	struct err err = ERR_INIT;
	struct reading r = { .err = &err, .is_stored = true };
	struct constraints *own = NULL;
	json_t *value;
	int result;

	*c = &no_constraints;
	if (!text)
		return 0;
	value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	result = value ? read_constraints(&r, NULL, value, &own) : -1;
	json_decref(value);
	if (result == 0)
		*c = own;
	return result;
}

static struct key *key_of(const struct tenant_key *row, struct err *err)
{
	struct key *key =
		mem_calloc(1, sizeof *key + (row->has_old ? sizeof key->old[0] : 0));
	struct token *t = &key->now;
	uint64_t extra, deny;

	key->refs = 1;
	key->version = row->version;
	if (!row->role || role_find(span_str(row->role), &t->role) < 0 ||
	    parse_scopes(row->extra_scopes, &extra) < 0 ||
	    parse_scopes(row->deny_scopes, &deny) < 0 ||
	    parse_constraints(row->constraints, &t->constraints) < 0) {
		mem_free(key);
		err_set(err, E_storage_error, "", "the row of key %s makes no sense to this version",
			row->id);
		return NULL;
	}
	snprintf(t->id, sizeof t->id, "%s", row->id);
	snprintf(t->tenant, sizeof t->tenant, "%s", row->tenant_id);
	t->scopes = (role_scopes(t->role) | extra) & ~deny;
	t->expires_ms = row->expires_ms;
	t->revoked_ms = row->revoked_ms;
	t->is_key = true;
	token_bucket(t->id, t->bucket);
	memcpy(t->digest, row->digest, sizeof t->digest);
	key->has_old = row->has_old;
	if (!row->has_old)
		return key;
	key->old[0] = key->now;
	memcpy(key->old[0].digest, row->old_digest, sizeof key->old[0].digest);
	if (!key->old[0].expires_ms || key->old[0].expires_ms > row->old_until_ms)
		key->old[0].expires_ms = row->old_until_ms;
	return key;
}

/* Shards */

static void shard_unref(struct shard *s)
{
	if (!s || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < s->count; i++)
		key_unref(s->entries[i].key);
	mem_free(s);
}

/* The first entry of hash or above. */
static size_t shard_seek(const struct shard *s, uint64_t hash)
{
	size_t low = 0, high = s->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (s->entries[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Room for one more in a shard that nobody else has. */
static struct shard *shard_own(struct shard *s)
{
	size_t count = s ? s->count : 0;
	bool alone = s && atomic_load_explicit(&s->refs, memory_order_acquire) == 1;
	size_t room = alone && s->room > count ? s->room : count + count / 4 + 4;
	struct shard *own;

	if (alone && s->room == room)
		return s;
	own = mem_alloc(sizeof *own + room * sizeof own->entries[0]);
	own->refs = 1;
	own->room = room;
	own->count = count;
	for (size_t i = 0; i < count; i++) {
		own->entries[i] = s->entries[i];
		key_ref(own->entries[i].key);
	}
	shard_unref(s);
	return own;
}

static void shard_add(struct shard **place, uint64_t hash, struct key *key,
		      const struct token *token)
{
	struct shard *s = *place = shard_own(*place);
	size_t at = shard_seek(s, hash);

	memmove(&s->entries[at + 1], &s->entries[at], (s->count - at) * sizeof s->entries[0]);
	s->entries[at] = (struct entry){ hash, key_ref(key), token };
	s->count++;
}

static void shard_remove(struct shard **place, uint64_t hash, const struct token *token)
{
	struct shard *s = *place = shard_own(*place);
	size_t at = shard_seek(s, hash);

	while (s->entries[at].token != token)
		at++;
	key_unref(s->entries[at].key);
	s->count--;
	memmove(&s->entries[at], &s->entries[at + 1], (s->count - at) * sizeof s->entries[0]);
}

/* Keyrings */

static uint64_t hash_digest(const uint8_t digest[DIGEST_SIZE])
{
	uint64_t hash;

	memcpy(&hash, digest, sizeof hash);
	return hash;
}

static uint64_t hash_id(const char *id)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

	for (; *id; id++)
		hash = (hash ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return hash;
}

static struct shard **shard_of(struct shard **shards, uint64_t hash)
{
	return &shards[hash >> 32 & (SHARDS - 1)];
}

static struct key *find_id(const struct keyring *k, const char *id)
{
	uint64_t hash = hash_id(id);
	const struct shard *s = k->by_id[hash >> 32 & (SHARDS - 1)];

	for (size_t i = s ? shard_seek(s, hash) : 0; s && i < s->count && s->entries[i].hash == hash;
	     i++)
		if (strcmp(s->entries[i].token->id, id) == 0)
			return s->entries[i].key;
	return NULL;
}

static void put_digest(struct keyring *k, struct key *key, const struct token *token)
{
	uint64_t hash = hash_digest(token->digest);

	shard_add(shard_of(k->by_digest, hash), hash, key, token);
}

static void take_digest(struct keyring *k, const struct token *token)
{
	uint64_t hash = hash_digest(token->digest);

	shard_remove(shard_of(k->by_digest, hash), hash, token);
}

/* key keeps living: the caller has it. */
static void take_out(struct keyring *k, const struct key *key)
{
	uint64_t hash = hash_id(key->now.id);

	take_digest(k, &key->now);
	if (key->has_old)
		take_digest(k, &key->old[0]);
	shard_remove(shard_of(k->by_id, hash), hash, &key->now);
	k->count--;
}

struct keyring *keyring_new(void)
{
	struct keyring *k = mem_new(struct keyring);

	k->refs = 1;
	return k;
}

struct keyring *keyring_ref(struct keyring *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void keyring_unref(struct keyring *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < SHARDS; i++) {
		shard_unref(k->by_digest[i]);
		shard_unref(k->by_id[i]);
	}
	mem_free(k);
}

int keyring_load(struct keyring *k, const struct tenant_key *row, struct err *err)
{
	struct key *before = find_id(k, row->id), *key;
	uint64_t hash = hash_id(row->id);

	if (before && before->version >= row->version)
		return 0;
	key = key_of(row, err);
	if (!key)
		return -1;
	if (before) {
		key_ref(before);
		take_out(k, before);
		key_unref(before);
	}
	put_digest(k, key, &key->now);
	if (key->has_old)
		put_digest(k, key, &key->old[0]);
	shard_add(shard_of(k->by_id, hash), hash, key, &key->now);
	k->count++;
	key_unref(key);
	return 0;
}

static struct shard *shard_ref(struct shard *s)
{
	if (s)
		atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

struct keyring *keyring_with(struct keyring *k, const struct tenant_key *row, struct err *err)
{
	struct keyring *next = keyring_new();

	next->count = k->count;
	for (size_t i = 0; i < SHARDS; i++) {
		next->by_digest[i] = shard_ref(k->by_digest[i]);
		next->by_id[i] = shard_ref(k->by_id[i]);
	}
	if (keyring_load(next, row, err) == 0)
		return next;
	keyring_unref(next);
	return NULL;
}

bool keyring_has(const struct keyring *k, const struct tenant_key *row)
{
	const struct key *key = find_id(k, row->id);

	return key && key->version >= row->version;
}

const struct token *keyring_find(const struct keyring *k, const uint8_t digest[DIGEST_SIZE])
{
	uint64_t hash = hash_digest(digest);
	const struct shard *s = k->by_digest[hash >> 32 & (SHARDS - 1)];

	for (size_t i = s ? shard_seek(s, hash) : 0; s && i < s->count && s->entries[i].hash == hash;
	     i++)
		if (digest_equal(s->entries[i].token->digest, digest, DIGEST_SIZE))
			return s->entries[i].token;
	return NULL;
}
