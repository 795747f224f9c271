/*
 * common/upstream/breaker.c - see breaker.h.
 *
 * Half-open is not stored: it is what an open breaker is called once its rest is over.  Reports
 * of calls that began before it opened are stale: they neither close it nor lengthen its rest.
 */
#include "common/upstream/breaker.h"

#include <assert.h>
#include <pthread.h>

#include "common/base/mem.h"

struct breaker {
	pthread_mutex_t lock; /* all below */
	int refs;
	int failures; /* consecutive ones that open it */
	int64_t rest_ms;
	int count; /* consecutive failures so far, at most failures */
	bool open;
	bool trial; /* half-open: the one call is under way */
	int64_t opened_ms;
};

struct breaker *breaker_new(int failures, int64_t rest_ms)
{
	assert(failures >= 1 && rest_ms > 0);
	struct breaker *b = mem_new(struct breaker);

	pthread_mutex_init(&b->lock, NULL);
	b->refs = 1;
	b->failures = failures;
	b->rest_ms = rest_ms;
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

bool breaker_allows(struct breaker *b, int64_t now_ms)
{
	bool allowed = false;

	pthread_mutex_lock(&b->lock);
	switch (state_of(b, now_ms)) {
	case BREAKER_CLOSED:
		allowed = true;
		break;
	case BREAKER_OPEN:
		break;
	case BREAKER_HALF_OPEN:
		allowed = !b->trial;
		b->trial = true;
		break;
	}
	pthread_mutex_unlock(&b->lock);
	return allowed;
}

void breaker_success(struct breaker *b)
{
	pthread_mutex_lock(&b->lock);
	if (!b->open || b->trial) {
		b->open = b->trial = false;
		b->count = 0;
	}
	pthread_mutex_unlock(&b->lock);
}

void breaker_failure(struct breaker *b, int64_t now_ms)
{
	pthread_mutex_lock(&b->lock);
	if (b->open) {
		if (b->trial)
			b->opened_ms = now_ms;
		b->trial = false;
	} else if (++b->count >= b->failures) {
		b->open = true;
		b->opened_ms = now_ms;
	}
	pthread_mutex_unlock(&b->lock);
}

void breaker_release(struct breaker *b)
{
	pthread_mutex_lock(&b->lock);
	b->trial = false;
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
