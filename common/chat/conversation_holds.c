/*
 * common/chat/conversation_holds.c - see conversation_holds.h.
 *
 * A tenant and a user are here while a turn of theirs is.
 */
#include "common/chat/conversation_holds.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/list.h"
#include "common/base/mem.h"

enum { BUCKETS = 1024 }; /* a power of two */

struct held_by {
	struct list link;
	uint64_t hash;
	int64_t inside;                 /* turns */
	int64_t held, kept;             /* kept: since the first of them came */
	bool is_user;                   /* of the tenant; else the tenant itself */
	size_t tenant_len, user_len;
	char name[];                    /* the tenant's, the user's */
};

struct holds {
	pthread_mutex_t lock; /* protects all of them */
	struct list buckets[BUCKETS];
};

struct holds *holds_new(void)
{
	struct holds *h = mem_new(struct holds);

	pthread_mutex_init(&h->lock, NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		list_init(&h->buckets[i]);
	return h;
}

void holds_free(struct holds *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	mem_free(h);
}

static bool is_of(const struct held_by *b, uint64_t hash, struct span tenant, const struct span *user)
{
	if (b->hash != hash || b->is_user != (user != NULL) || !span_equal(span_of(b->name, b->tenant_len), tenant))
		return false;
	return !user || span_equal(span_of(b->name + b->tenant_len, b->user_len), *user);
}

static struct held_by *make(uint64_t hash, struct span tenant, const struct span *user)
{
	const size_t user_len = user ? user->len : 0;
	struct held_by *b = mem_alloc(sizeof *b + tenant.len + user_len);

	*b = (struct held_by){ .hash = hash, .is_user = user, .tenant_len = tenant.len, .user_len = user_len };
	if (tenant.len)
		memcpy(b->name, tenant.ptr, tenant.len);
	if (user_len)
		memcpy(b->name + tenant.len, user->ptr, user_len);
	return b;
}

/* user: NULL for the tenant itself; under the lock. */
static struct held_by *come(struct holds *h, struct span tenant, const struct span *user)
{
	uint64_t hash = bytes_hash(user ? 2 : 1, tenant.ptr, tenant.len);
	struct list *bucket;
	struct held_by *b;

	if (user)
		hash = bytes_hash(hash, user->ptr, user->len);
	bucket = &h->buckets[hash & (BUCKETS - 1)];
	list_each(bucket, at) {
		b = container_of(at, struct held_by, link);
		if (is_of(b, hash, tenant, user)) {
			b->inside++;
			return b;
		}
	}
	b = make(hash, tenant, user);
	b->inside = 1;
	list_push_front(bucket, &b->link);
	return b;
}

static void go(struct held_by *b, int64_t held, int64_t kept)
{
	b->held -= held;
	b->kept += kept;
	if (--b->inside > 0)
		return;
	list_remove(&b->link);
	mem_free(b);
}

void holds_enter(struct holds *holds, const struct conversation_owner *owner, struct hold *hold)
{
	const struct span tenant = span_str(owner->tenant_id), user = span_str(owner->user_id);

	*hold = (struct hold){ .holds = holds };
	pthread_mutex_lock(&holds->lock);
	hold->tenant = come(holds, tenant, NULL);
	hold->user = come(holds, tenant, &user);
	hold->tenant_bytes = hold->tenant->kept;
	hold->user_count = hold->user->kept;
	pthread_mutex_unlock(&holds->lock);
}

static int refuse_another(int64_t left, struct err *err)
{
	return err_set(err, E_conversation_store_full, "",
		       "the user has room for no conversation besides those that turns under way may begin "
		       "(%" PRId64 "); try again when they have ended",
		       left);
}

static int refuse_bytes(int64_t bytes, int64_t left, int64_t under_way, struct err *err)
{
	return err_set(err, E_conversation_store_full, "",
		       "the tenant has room for %" PRId64 " more bytes of conversations: this turn brings %" PRId64
		       ", and turns under way may need %" PRId64 "; try again when they have ended",
		       left, bytes, under_way);
}

int holds_take(struct hold *hold, const struct conversation_quota *left, bool is_new, int64_t bytes,
	       int64_t answer_bytes, struct err *err)
{
	struct held_by *tenant = hold->tenant, *user = hold->user;
	int64_t others_bytes, others_count;
	int result = 0;

	pthread_mutex_lock(&hold->holds->lock);
	others_bytes = tenant->held - hold->bytes + tenant->kept - hold->tenant_bytes;
	others_count = user->held - hold->count + user->kept - hold->user_count;
	if (is_new && others_count >= left->count_max)
		result = refuse_another(left->count_max, err);
	else if (bytes > left->bytes_max - others_bytes)
		result = refuse_bytes(bytes, left->bytes_max, others_bytes, err);
	if (result == 0) {
		tenant->held += bytes + answer_bytes - hold->bytes;
		user->held += is_new - hold->count;
		hold->bytes = bytes + answer_bytes;
		hold->count = is_new;
	}
	pthread_mutex_unlock(&hold->holds->lock);
	return result;
}

bool holds_renew(struct hold *hold)
{
	const struct hold before = *hold;

	pthread_mutex_lock(&hold->holds->lock);
	hold->tenant_bytes = hold->tenant->kept;
	hold->user_count = hold->user->kept;
	pthread_mutex_unlock(&hold->holds->lock);
	return hold->tenant_bytes != before.tenant_bytes || hold->user_count != before.user_count;
}

void holds_leave(struct hold *hold, int64_t kept_bytes, bool made)
{
	struct holds *holds = hold->holds;

	if (!holds)
		return;
	pthread_mutex_lock(&holds->lock);
	go(hold->tenant, hold->bytes, kept_bytes);
	go(hold->user, hold->count, made);
	pthread_mutex_unlock(&holds->lock);
	*hold = (struct hold){ .holds = NULL };
}
