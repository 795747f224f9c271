/*
 * common/observe/metrics.h - counting where things happen.
 *
 * One shard a thread that counts: a shard has one writer (its owner thread), which uses relaxed
 * atomic stores, so counting takes no lock; metrics_print may read all shards from any thread.
 * A metric's series are found by hash of their label values; past METRICS_SERIES_MAX a shard
 * counts into a series whose labels read "other".
 */
#ifndef SPASS_OBSERVE_METRICS_H
#define SPASS_OBSERVE_METRICS_H

#include "common/base/buf.h"

enum metric {
#define M(kind, name, labels, help) M_##name,
#include "common/observe/metrics.def"
#undef M
	METRIC_COUNT
};
enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_MICROS, METRIC_MONEY };
enum { METRICS_SERIES_MAX = 4096, METRICS_LABELS_MAX = 4 };

struct metric_info {
	enum metric_kind kind;
	const char *name, *labels, *help;
};
extern const struct metric_info metric_table[METRIC_COUNT];

struct metrics;       /* all shards */
struct metrics_shard; /* one writer's */

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);
/* Any thread; lives until metrics_free. */
struct metrics_shard *metrics_shard_new(struct metrics *m);
/*
 * Owner thread.  labels: as many spans as the metric has label names.  shard may be NULL, which
 * counts nothing (the setting metrics: false).
 */
void metrics_add(struct metrics_shard *s, enum metric m, int64_t amount, const struct span *labels);
/* seconds as microseconds. */
void metrics_observe_us(struct metrics_shard *s, enum metric m, int64_t us, const struct span *labels);
/* Gauges: each shard sets its own part; the print adds them up. */
void metrics_set(struct metrics_shard *s, enum metric m, int64_t value, const struct span *labels);
#define LABELS(...) ((const struct span[]){ __VA_ARGS__ })
/*
 * The same for texts that stay where they are, and as they are, for an epoch: their addresses tell
 * them apart, so that a series is searched for once.
 */
void metrics_add_texts(struct metrics_shard *s, enum metric m, int64_t amount, const char *const *texts);
void metrics_observe_texts_us(struct metrics_shard *s, enum metric m, int64_t us, const char *const *texts);
#define TEXTS(...) ((const char *const[]){ __VA_ARGS__ })
/* Addresses of another epoch than the last one mean nothing any more. */
void metrics_epoch(struct metrics_shard *s, uint64_t epoch);
/* A gauge that nobody keeps because it is known when asked for. */
struct metrics_fact {
	enum metric metric;
	int64_t value;
	struct span labels[METRICS_LABELS_MAX];
};
/*
 * Prometheus text format 0.0.4, to out; also spass_build_info{version} and process_* basics.  facts:
 * of the moment, which no shard counts.  with_tenants: also the series that name a tenant.
 */
int metrics_print(struct metrics *m, const struct metrics_fact *facts, size_t count, bool with_tenants,
		  struct buf *out);

#endif
