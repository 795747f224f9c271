/*
 * common/tenant/limiter.c - buckets in shards, each a table with a lock.
 */
#include "common/tenant/limiter.h"

#include <arpa/inet.h>
#include <assert.h>
#include <pthread.h>
#include <string.h>

#include "common/base/ident.h"
#include "common/base/mem.h"

enum { SHARD_COUNT = 64, PLACES_MIN = 16, PLACES_MAX = 8192, BUSY_MAX = PLACES_MAX / 8 * 3 };

/* One key's buckets: when each is full, in nanoseconds. */
struct place {
	uint8_t key[LIMITER_KEY_SIZE];
	int64_t full_at[LIMIT_KIND_COUNT];
	bool is_taken;
};

struct shard {
	pthread_mutex_t lock;
	struct place *places; /* open addressing; size is a power of two, at most half of it taken */
	size_t size, taken;
};

struct limiter {
	struct shard shards[SHARD_COUNT];
	uint64_t seed; /* addresses are chosen by others, who must not choose their shard */
};

struct limit limit_of(double count, int64_t seconds, int64_t burst)
{
	return (struct limit){ (double)seconds * 1e9 / count, burst };
}

struct limiter *limiter_new(void)
{
	struct limiter *l = mem_new(struct limiter);

	ident_random(&l->seed, sizeof l->seed);
	for (size_t i = 0; i < SHARD_COUNT; i++)
		pthread_mutex_init(&l->shards[i].lock, NULL);
	return l;
}

void limiter_free(struct limiter *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < SHARD_COUNT; i++) {
		pthread_mutex_destroy(&l->shards[i].lock);
		mem_free(l->shards[i].places);
	}
	mem_free(l);
}

/* Places */

static uint64_t hash_key(const struct limiter *l, const uint8_t key[LIMITER_KEY_SIZE])
{
	uint64_t hash = l->seed, word;

	for (size_t i = 0; i < LIMITER_KEY_SIZE; i += sizeof word) {
		memcpy(&word, key + i, sizeof word);
		hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
		hash ^= hash >> 32;
	}
	return hash;
}

/* The key's place, or the free one where it would be; NULL in a shard without any. */
static struct place *find_place(const struct shard *s, const uint8_t *key, uint64_t hash)
{
	if (!s->places)
		return NULL;
	for (size_t i = hash & (s->size - 1);; i = (i + 1) & (s->size - 1)) {
		struct place *p = &s->places[i];

		if (!p->is_taken || memcmp(p->key, key, LIMITER_KEY_SIZE) == 0)
			return p;
	}
}

static int64_t latest(const struct place *p)
{
	int64_t at = p->full_at[0];

	for (size_t i = 1; i < LIMIT_KIND_COUNT; i++)
		if (p->full_at[i] > at)
			at = p->full_at[i];
	return at;
}

/* How many are full later than at; *mean: how much later those are, as a rule. */
static size_t count_later(const struct shard *s, int64_t at, int64_t *mean)
{
	size_t count = 0;
	double sum = 0;

	for (size_t i = 0; i < s->size; i++)
		if (s->places[i].is_taken && latest(&s->places[i]) > at) {
			count++;
			sum += (double)(latest(&s->places[i]) - at);
		}
	*mean = count ? (int64_t)(sum / (double)count) : 0;
	return count;
}

/*
 * Leaves out what is full again, and makes room.  A shard that is as large as it may be and busy
 * all over forgets those that owe least, so that memory has a bound whoever asks.
 */
static void make_room(const struct limiter *l, struct shard *s, int64_t now_ns)
{
	struct shard old = *s;
	int64_t mean, after = now_ns;
	size_t count = count_later(s, after, &mean), size = PLACES_MIN;

	if (count > BUSY_MAX) {
		after += mean;
		count = count_later(s, after, &mean);
	}
	if (count > BUSY_MAX) { /* all owe the same */
		after = INT64_MAX;
		count = 0;
	}
	while (size < 4 * (count + 1) && size < PLACES_MAX)
		size *= 2;
	s->places = mem_calloc(size, sizeof *s->places);
	s->size = size;
	s->taken = count;
	for (size_t i = 0; i < old.size; i++) {
		const struct place *p = &old.places[i];

		struct place *to;

		if (!p->is_taken || latest(p) <= after)
			continue;
		to = find_place(s, p->key, hash_key(l, p->key) / SHARD_COUNT);
		assert(to); /* there is room for more than are left */
		*to = *p;
	}
	mem_free(old.places);
}

static struct place *take_place(const struct limiter *l, struct shard *s, const uint8_t *key,
				uint64_t hash, int64_t now_ns)
{
	struct place *p = find_place(s, key, hash);

	if (p && p->is_taken)
		return p;
	if (2 * (s->taken + 1) > s->size) {
		make_room(l, s, now_ns);
		p = find_place(s, key, hash);
	}
	assert(p); /* half of the places are free */
	memcpy(p->key, key, LIMITER_KEY_SIZE);
	p->is_taken = true;
	s->taken++;
	return p;
}

/* Buckets */

static int64_t span_of_units(struct limit limit, int64_t units)
{
	double ns = limit.interval_ns * (double)units;

	/* A hundred years; more would run over when added up.  Rounded: units are not negative. */
	return ns > 3e18 ? INT64_C(3000000000000000000) : (int64_t)(ns + 0.5);
}

static int64_t to_us(int64_t ns)
{
	return ns > 0 ? (ns + 999) / 1000 : 0;
}

/* How long until what is asked of a bucket that is full at that time would pass. */
static int64_t wait_of(const struct limit_ask *a, int64_t full_at, int64_t now_ns)
{
	int64_t room, amount;

	if (a->amount == 0 || full_at <= now_ns)
		return 0;
	room = span_of_units(a->limit, a->limit.burst);
	amount = span_of_units(a->limit, a->amount);
	return to_us(full_at - now_ns + (amount < room ? amount : room) - room);
}

static void tell(struct limit_ask *a, int64_t full_at, int64_t now_ns)
{
	int64_t room = span_of_units(a->limit, a->limit.burst);
	int64_t owed = full_at > now_ns ? full_at - now_ns : 0;

	a->full_us = to_us(owed);
	/* Half a nanosecond: intervals are rounded when they are added up. */
	a->remaining = owed >= room ? 0 : (int64_t)(((double)(room - owed) + 0.5) / a->limit.interval_ns);
}

static void take_units(struct place *p, const struct limit_ask *a, int64_t units, int64_t now_ns)
{
	int64_t *full_at = &p->full_at[a->kind];

	if (*full_at < now_ns)
		*full_at = now_ns;
	*full_at += span_of_units(a->limit, units);
}

/* What is asked, is told, and what more there is. */
static void take_all(struct place *p, struct limit_ask *asks, size_t count, int64_t now_ns)
{
	for (size_t i = 0; i < count; i++) {
		struct limit_ask *a = &asks[i];
		int64_t extra;

		take_units(p, a, a->amount, now_ns);
		tell(a, p->full_at[a->kind], now_ns);
		extra = a->extra < a->remaining ? a->extra : a->remaining;
		if (extra > 0)
			take_units(p, a, extra, now_ns);
		a->taken = a->amount + extra;
	}
}

bool limiter_take(struct limiter *l, const uint8_t key[LIMITER_KEY_SIZE], struct limit_ask *asks,
		  size_t count, int64_t now_us)
{
	static const struct place full;
	uint64_t hash = hash_key(l, key);
	struct shard *s = &l->shards[hash % SHARD_COUNT];
	int64_t now_ns = now_us * 1000;
	const struct place *known;
	bool is_admitted = true;

	pthread_mutex_lock(&s->lock);
	known = find_place(s, key, hash / SHARD_COUNT);
	if (!known)
		known = &full;
	for (size_t i = 0; i < count; i++) {
		asks[i].taken = 0;
		asks[i].wait_us = wait_of(&asks[i], known->full_at[asks[i].kind], now_ns);
		is_admitted &= asks[i].wait_us == 0;
	}
	if (is_admitted && count > 0)
		take_all(take_place(l, s, key, hash / SHARD_COUNT, now_ns), asks, count, now_ns);
	else
		for (size_t i = 0; i < count; i++)
			tell(&asks[i], known->full_at[asks[i].kind], now_ns);
	pthread_mutex_unlock(&s->lock);
	return is_admitted;
}

void limiter_settle(struct limiter *l, const uint8_t key[LIMITER_KEY_SIZE], enum limit_kind kind,
		    struct limit limit, int64_t amount, int64_t now_us)
{
	struct limit_ask a = { .kind = kind, .limit = limit, .amount = amount > 0 ? amount : -amount };
	uint64_t hash = hash_key(l, key);
	struct shard *s = &l->shards[hash % SHARD_COUNT];
	int64_t now_ns = now_us * 1000;
	struct place *p;

	if (amount == 0)
		return;
	pthread_mutex_lock(&s->lock);
	p = take_place(l, s, key, hash / SHARD_COUNT, now_ns);
	if (amount > 0)
		take_units(p, &a, amount, now_ns);
	else
		p->full_at[kind] -= span_of_units(limit, a.amount);
	pthread_mutex_unlock(&s->lock);
}

bool limiter_address_key(const char *peer, size_t len, uint8_t key[LIMITER_KEY_SIZE])
{
	enum { NETWORK_SIZE = 8, KIND_V4 = 4, KIND_V6 = 6 };
	char host[INET6_ADDRSTRLEN];
	uint8_t address[sizeof(struct in6_addr)];
	bool is_v6 = len > 0 && peer[0] == '[';
	const char *from = peer + is_v6, *end = peer + len;

	while (end > from && *end != (is_v6 ? ']' : ':'))
		end--;
	if (end == from || (size_t)(end - from) >= sizeof host)
		return false;
	memcpy(host, from, (size_t)(end - from));
	host[end - from] = '\0';
	if (inet_pton(is_v6 ? AF_INET6 : AF_INET, host, address) != 1)
		return false;
	memset(key, 0, LIMITER_KEY_SIZE);
	key[0] = is_v6 ? KIND_V6 : KIND_V4;
	memcpy(key + 1, address, is_v6 ? NETWORK_SIZE : sizeof(struct in_addr));
	return true;
}

size_t limiter_places(struct limiter *l)
{
	size_t count = 0;

	for (size_t i = 0; i < SHARD_COUNT; i++) {
		pthread_mutex_lock(&l->shards[i].lock);
		count += l->shards[i].size;
		pthread_mutex_unlock(&l->shards[i].lock);
	}
	return count;
}
