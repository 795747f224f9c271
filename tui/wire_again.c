/*
 * tui/wire_again.c - requests that are worth making again.
 *
 * What a rate limit refuses has not been begun, whatever its method is: it may be made again as it
 * was, once the bucket has filled again.
 */
#include "tui/wire.h"

#include "common/base/clock.h"

enum { TICK_MS = 100, SHORT_MS = 1000 };

static bool is_interrupted(const struct wire_target *target)
{
	return target->interrupted && target->interrupted();
}

/* What is told while it lasts. */
static void tell(const struct wire_target *target, int seconds, bool is_long)
{
	if (target->limited)
		target->limited(target->context, seconds, is_long);
}

/* False when it was interrupted. */
static bool wait_out(struct wire *w, int seconds, int64_t *waited_ms)
{
	const struct wire_target *target = wire_target(w);
	const int64_t began_ms = clock_mono_ms(), before_ms = *waited_ms;
	const int64_t until_ms = before_ms + (int64_t)seconds * 1000;
	bool is_long = before_ms > SHORT_MS;

	tell(target, seconds, false);
	while (*waited_ms < until_ms && !is_interrupted(target)) {
		const int64_t left_ms = until_ms - *waited_ms;

		wire_wait(w, NULL, 0, left_ms < TICK_MS ? (int)left_ms : TICK_MS);
		*waited_ms = before_ms + clock_mono_ms() - began_ms;
		if (!is_long && *waited_ms > SHORT_MS && *waited_ms < until_ms) {
			is_long = true;
			tell(target, seconds, true);
		}
	}
	return !is_interrupted(target);
}

bool wire_again(struct wire *w, int64_t *waited_ms, struct err *err)
{
	const struct wire_target *target = wire_target(w);
	int64_t patience_ms = target->patience_ms;

	if (wire_takes_user(w, err))
		return true;
	if (target->timeout_ms > 0 && target->timeout_ms < patience_ms)
		patience_ms = target->timeout_ms;
	if (err->code != E_rate_limit_exceeded || err->retry_after_s <= 0 ||
	    (int64_t)err->retry_after_s * 1000 > patience_ms - *waited_ms)
		return false;
	if (wait_out(w, err->retry_after_s, waited_ms))
		return true;
	err_set(err, E_cancelled, "", "interrupted");
	return false;
}
