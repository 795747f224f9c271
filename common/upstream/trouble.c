/*
 * common/upstream/trouble.c - see trouble.h.
 */
#include "common/upstream/trouble.h"

bool trouble_is_due(struct trouble *t, int64_t now_ms, int64_t *left_out)
{
	int64_t until = atomic_load(&t->quiet_until_ms);

	*left_out = 0;
	/* Of two that come at once, one tells. */
	if (now_ms < until ||
	    !atomic_compare_exchange_strong(&t->quiet_until_ms, &until, now_ms + TROUBLE_QUIET_MS)) {
		atomic_fetch_add(&t->left_out, 1);
		return false;
	}
	*left_out = atomic_exchange(&t->left_out, 0);
	return true;
}

void trouble_take_over(struct trouble *t, const struct trouble *previous)
{
	atomic_store(&t->quiet_until_ms, atomic_load(&previous->quiet_until_ms));
	atomic_store(&t->left_out, atomic_load(&previous->left_out));
}
