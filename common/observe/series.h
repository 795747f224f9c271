/*
 * common/observe/series.h - how the shards of metrics.h look inside.
 *
 * For metrics.c, which counts, and metrics_print.c, which reads.  A series is made by its shard's
 * owner and published by a release store of the shard's count; from then on only its cells
 * change, by relaxed stores of the one owner.
 */
#ifndef SPASS_OBSERVE_SERIES_H
#define SPASS_OBSERVE_SERIES_H

#include "common/observe/metrics.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
	SERIES_VALUE_MAX = 256,  /* bytes of a label value; a longer one counts as "other" */
	SERIES_ROOM = METRICS_SERIES_MAX + METRIC_COUNT, /* each metric's "other" always has room */
	SERIES_SLOTS = 8192,     /* a power of two, at least 1.9 times the room */
	SERIES_BOUNDS_MAX = 20,
	SERIES_RECENT = 128,     /* a power of two */
};

struct series {
	const char *text; /* the label values, one after the other, behind the cells */
	uint32_t hash;
	uint16_t metric;
	uint16_t ends[METRICS_LABELS_MAX]; /* where each value ends in text */
	/* A counter's or gauge's value; or a histogram's sum in microseconds, then its buckets. */
	_Atomic int64_t cells[];
};

/* A series by the addresses of its label values. */
struct series_recent {
	struct series *series; /* NULL: free */
	const char *texts[METRICS_LABELS_MAX];
};

struct metrics_shard {
	struct metrics_shard *next;
	uint64_t seed;
	_Atomic uint32_t count; /* of series[] that may be read */
	uint8_t labels[METRIC_COUNT];
	struct series *series[SERIES_ROOM];
	/* The owner's alone: */
	struct series *slots[SERIES_SLOTS]; /* open addressing by hash */
	struct series *plain[METRIC_COUNT]; /* those without labels */
	uint64_t epoch;
	struct series_recent recent[SERIES_RECENT]; /* of the epoch, at the place of its hash or near it */
};

struct metrics {
	pthread_mutex_t lock; /* protects shards */
	struct metrics_shard *shards;
	uint64_t seed;
	uint8_t labels[METRIC_COUNT]; /* how many each metric has */
	double started; /* of the process, seconds since 1970 */
};

/* Upper bounds of a histogram's buckets; the last bucket, +Inf, has none. */
struct series_bounds {
	size_t count;
	struct {
		int64_t us;
		const char *text;
	} at[SERIES_BOUNDS_MAX];
};
/* NULL for counters and gauges. */
const struct series_bounds *series_bounds(enum metric_kind kind);

/* Label values are copied; the caller frees it, unless it becomes a shard's. */
struct series *series_new(enum metric m, uint32_t hash, const struct span *labels, size_t count);

/* When this process began, in seconds since 1970; 0 when the system does not tell. */
double process_start_time(void);

#endif
