/*
 * common/upstream/trouble.h - failures of a backend in the log: seldom, and without anybody's words.
 *
 * A backend that is down fails each call that it gets: one line in ten seconds says so, and how many
 * were left out since the line before.  What a backend said may repeat a prompt, and is not told.
 * Any thread.
 */
#ifndef SPASS_UPSTREAM_TROUBLE_H
#define SPASS_UPSTREAM_TROUBLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TROUBLE_QUIET_MS = 10000 };

/* Of one backend; all zero: nothing has been told. */
struct trouble {
	_Atomic int64_t quiet_until_ms;
	_Atomic int64_t left_out;
};

/* May a line be written now (monotonic)?  *left_out: how many were not since the last. */
bool trouble_is_due(struct trouble *t, int64_t now_ms, int64_t *left_out);
/* What has been told of the same backend before a reload. */
void trouble_take_over(struct trouble *t, const struct trouble *previous);

#endif
