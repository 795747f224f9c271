/*
 * common/upstream/breaker.c - see breaker.h.
 *
 * Half-open is not stored: it is what an open breaker is called once its rest is over.  Each
 * change (opening, a trial, the end of a trial) begins a generation; tickets are its number.
 */
#include "common/upstream/breaker.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "common/base/mem.h"

struct breaker {
	pthread_mutex_t lock; /* all below */
	int refs;
	int failures; /* consecutive ones that open it */
	int64_t rest_ms;
	int count; /* consecutive failures while closed */
	bool open;
	bool trial; /* half-open: the one call is under way */
	int64_t opened_ms;
	uint64_t generation; /* > 0 */
	/*
	 * The generation while it is closed and nothing has failed, else 0: read without the lock, so that calls
	 * which all succeed never take it.
	 */
	_Atomic uint64_t untroubled;
};

/* Behind every change; with the lock. */
static void note_state(struct breaker *b)
{
	atomic_store_explicit(&b->untroubled, b->open || b->count ? 0 : b->generation, memory_order_release);
}

static bool is_untroubled(const struct breaker *b, uint64_t ticket)
{
	return atomic_load_explicit(&b->untroubled, memory_order_acquire) == ticket;
}

struct breaker *breaker_new(int failures, int64_t rest_ms)
{
	assert(failures >= 1 && rest_ms > 0);
	struct breaker *b = mem_new(struct breaker);

	pthread_mutex_init(&b->lock, NULL);
	b->refs = 1;
	b->generation = 1;
	b->failures = failures;
	b->rest_ms = rest_ms;
	note_state(b);
	return b;
}

struct breaker *breaker_ref(struct breaker *b)
{
	pthread_mutex_lock(&b->lock);
	b->refs++;
	pthread_mutex_unlock(&b->lock);
	return b;
}

void breaker_unref(struct breaker *b)
{
	if (!b)
		return;
	pthread_mutex_lock(&b->lock);
	assert(b->refs > 0);
	bool last = --b->refs == 0;
	pthread_mutex_unlock(&b->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&b->lock);
	mem_free(b);
}

void breaker_configure(struct breaker *b, int failures, int64_t rest_ms)
{
	assert(failures >= 1 && rest_ms > 0);
	pthread_mutex_lock(&b->lock);
	b->failures = failures;
	b->rest_ms = rest_ms;
	pthread_mutex_unlock(&b->lock);
}

static enum breaker_state state_of(const struct breaker *b, int64_t now_ms)
{
	if (!b->open)
		return BREAKER_CLOSED;
	return now_ms - b->opened_ms < b->rest_ms ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

static bool may_pass(const struct breaker *b, int64_t now_ms)
{
	switch (state_of(b, now_ms)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return false;
	case BREAKER_HALF_OPEN:
		return !b->trial;
	}
	return false;
}

uint64_t breaker_admit(struct breaker *b, int64_t now_ms)
{
	uint64_t ticket = atomic_load_explicit(&b->untroubled, memory_order_acquire);

	if (ticket)
		return ticket;
	pthread_mutex_lock(&b->lock);
	if (may_pass(b, now_ms)) {
		if (b->open) {
			b->trial = true;
			b->generation++;
		}
		ticket = b->generation;
		note_state(b);
	}
	pthread_mutex_unlock(&b->lock);
	return ticket;
}

bool breaker_success(struct breaker *b, uint64_t ticket)
{
	bool has_closed = false;

	if (is_untroubled(b, ticket))
		return false;
	pthread_mutex_lock(&b->lock);
	if (ticket == b->generation) {
		has_closed = b->open;
		if (b->open)
			b->generation++;
		b->open = b->trial = false;
		b->count = 0;
		note_state(b);
	}
	pthread_mutex_unlock(&b->lock);
	return has_closed;
}

bool breaker_failure(struct breaker *b, uint64_t ticket, int64_t now_ms)
{
	bool has_opened = false;

	pthread_mutex_lock(&b->lock);
	if (ticket == b->generation && (b->open || ++b->count >= b->failures)) {
		has_opened = !b->open;
		b->generation++;
		b->open = true;
		b->trial = false;
		b->opened_ms = now_ms;
	}
	note_state(b);
	pthread_mutex_unlock(&b->lock);
	return has_opened;
}

void breaker_release(struct breaker *b, uint64_t ticket)
{
	pthread_mutex_lock(&b->lock);
	if (ticket == b->generation && b->open) {
		b->generation++;
		b->trial = false;
	}
	note_state(b);
	pthread_mutex_unlock(&b->lock);
}

enum breaker_state breaker_state(struct breaker *b, int64_t now_ms)
{
	pthread_mutex_lock(&b->lock);
	enum breaker_state state = state_of(b, now_ms);
	pthread_mutex_unlock(&b->lock);
	return state;
}

int64_t breaker_wait_ms(struct breaker *b, int64_t now_ms)
{
	int64_t wait = 0;

	pthread_mutex_lock(&b->lock);
	switch (state_of(b, now_ms)) {
	case BREAKER_CLOSED:
		break;
	case BREAKER_OPEN:
		wait = b->rest_ms - (now_ms - b->opened_ms);
		break;
	case BREAKER_HALF_OPEN:
		wait = b->trial ? 1 : 0; /* soon: when the trial ends, nobody knows */
		break;
	}
	pthread_mutex_unlock(&b->lock);
	return wait;
}
