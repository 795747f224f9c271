/*
 * common/observe/metrics.c - counting into shards.
 *
 * Finding a series costs one hash over the label values and one comparison, or over their addresses
 * where those stay; memory is taken only when a series is seen for the first time.  Printing is metrics_print.c's.
 */
#include "common/observe/metrics.h"

#include <assert.h>
#include <string.h>

#include "common/base/bytes.h"
#include "common/base/ident.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/observe/series.h"

const struct metric_info metric_table[METRIC_COUNT] = {
#define M(kind, name, labels, help) [M_##name] = { METRIC_##kind, #name, labels, help },
#include "common/observe/metrics.def"
#undef M
};

static_assert((SERIES_SLOTS & (SERIES_SLOTS - 1)) == 0, "probing masks the hash");
static_assert(SERIES_ROOM * 10 < SERIES_SLOTS * 6, "probing needs free slots");

static const struct series_bounds seconds_bounds = {
	.count = 18,
	.at = {
		{ 1000, "0.001" }, { 2500, "0.0025" }, { 5000, "0.005" },
		{ 10000, "0.01" }, { 25000, "0.025" }, { 50000, "0.05" },
		{ 100000, "0.1" }, { 250000, "0.25" }, { 500000, "0.5" },
		{ 1000000, "1" }, { 2500000, "2.5" }, { 5000000, "5" },
		{ 10000000, "10" }, { 25000000, "25" }, { 50000000, "50" },
		{ 100000000, "100" }, { 250000000, "250" }, { 600000000, "600" },
	},
};

static const struct series_bounds micros_bounds = {
	.count = 13,
	.at = {
		{ 5, "0.000005" }, { 10, "0.00001" }, { 25, "0.000025" },
		{ 50, "0.00005" }, { 100, "0.0001" }, { 250, "0.00025" },
		{ 500, "0.0005" }, { 1000, "0.001" }, { 2500, "0.0025" },
		{ 5000, "0.005" }, { 10000, "0.01" }, { 25000, "0.025" },
		{ 50000, "0.05" },
	},
};

const struct series_bounds *series_bounds(enum metric_kind kind)
{
	switch (kind) {
	case METRIC_COUNTER:
	case METRIC_GAUGE:
	case METRIC_MONEY:
		return NULL;
	case METRIC_HISTOGRAM:
		return &seconds_bounds;
	case METRIC_MICROS:
		return &micros_bounds;
	}
	return NULL;
}

static bool same_series(const struct series *series, uint32_t hash, enum metric m,
			const struct span *labels, size_t count)
{
	size_t start = 0;

	if (series->hash != hash || series->metric != (uint16_t)m)
		return false;
	for (size_t i = 0; i < count; i++) {
		size_t len = series->ends[i] - start;

		if (len != labels[i].len || !bytes_equal(series->text + start, labels[i].ptr, len))
			return false;
		start = series->ends[i];
	}
	return true;
}

static size_t cell_count(enum metric m)
{
	const struct series_bounds *bounds = series_bounds(metric_table[m].kind);

	/* Sum, one bucket a bound, and the one without bound. */
	return bounds ? bounds->count + 2 : 1;
}

struct series *series_new(enum metric m, uint32_t hash, const struct span *labels, size_t count)
{
	size_t head = sizeof(struct series) + cell_count(m) * sizeof(int64_t), len = 0;
	struct series *series;
	char *text;

	for (size_t i = 0; i < count; i++)
		len += labels[i].len;
	series = mem_calloc(1, head + len + 1);
	text = (char *)series + head;
	series->text = text;
	series->hash = hash;
	series->metric = (uint16_t)m;
	len = 0;
	for (size_t i = 0; i < count; i++) {
		if (labels[i].len > 0)
			memcpy(text + len, labels[i].ptr, labels[i].len);
		len += labels[i].len;
		series->ends[i] = (uint16_t)len;
	}
	return series;
}

/* The series in its slot, or NULL with *slot the free one where it belongs. */
static struct series *find(struct metrics_shard *s, enum metric m, const struct span *labels,
			   uint32_t *hash, size_t *slot)
{
	size_t count = s->labels[m];
	uint64_t wide = s->seed ^ ((uint64_t)m + 1) * 0xff51afd7ed558ccdu;
	struct series *series;

	for (size_t i = 0; i < count; i++)
		wide = bytes_hash(wide, labels[i].ptr, labels[i].len);
	*hash = (uint32_t)(wide ^ wide >> 32);
	for (size_t at = *hash;; at++) {
		*slot = at & (SERIES_SLOTS - 1);
		series = s->slots[*slot];
		if (!series || same_series(series, *hash, m, labels, count))
			return series;
	}
}

/* What a scraper could not read, or would be too much to keep, has no series of its own. */
static bool labels_are_fit(const struct span *labels, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (labels[i].len > SERIES_VALUE_MAX || !utf8_is_valid(labels[i]))
			return false;
	return true;
}

static struct series *add_series(struct metrics_shard *s, enum metric m, const struct span *labels,
				 uint32_t hash, size_t slot)
{
	uint32_t used = atomic_load_explicit(&s->count, memory_order_relaxed);
	struct span other[METRICS_LABELS_MAX] = { SPAN_NONE };
	struct series *series;

	/* Those without labels are one each, as are the "other"s, and have room set aside. */
	if (s->labels[m] > 0 &&
	    (used >= METRICS_SERIES_MAX || !labels_are_fit(labels, s->labels[m]))) {
		for (size_t i = 0; i < s->labels[m]; i++)
			other[i] = SPAN_LIT("other");
		labels = other;
		series = find(s, m, labels, &hash, &slot);
		if (series)
			return series;
	}
	series = series_new(m, hash, labels, s->labels[m]);
	s->slots[slot] = series;
	s->series[used] = series;
	atomic_store_explicit(&s->count, used + 1, memory_order_release);
	return series;
}

static struct series *search(struct metrics_shard *s, enum metric m, const struct span *labels)
{
	uint32_t hash;
	size_t slot;
	struct series *series = find(s, m, labels, &hash, &slot);

	return series ? series : add_series(s, m, labels, hash, slot);
}

static struct series *series_of(struct metrics_shard *s, enum metric m, const struct span *labels)
{
	if (s->labels[m] > 0)
		return search(s, m, labels);
	if (!s->plain[m])
		s->plain[m] = search(s, m, NULL);
	return s->plain[m];
}

static struct series *fill_recent(struct metrics_shard *s, struct series_recent *r, enum metric m,
				  const char *const *texts)
{
	struct span labels[METRICS_LABELS_MAX] = { SPAN_NONE };

	for (size_t i = 0; i < s->labels[m]; i++) {
		r->texts[i] = texts[i];
		labels[i] = span_str(texts[i]);
	}
	r->series = search(s, m, labels);
	return r->series;
}

static bool is_recent(const struct series_recent *r, enum metric m, const char *const *texts, size_t count)
{
	if (r->series->metric != (uint16_t)m)
		return false;
	for (size_t i = 0; i < count; i++)
		if (r->texts[i] != texts[i])
			return false;
	return true;
}

static inline struct series *series_of_texts(struct metrics_shard *s, enum metric m, const char *const *texts)
{
	const size_t mask = SERIES_RECENT - 1, near = 4;
	size_t count = s->labels[m], at;
	uint64_t hash = m;

	for (size_t i = 0; i < count; i++)
		hash = (hash << 7 | hash >> 57) ^ (uintptr_t)texts[i];
	at = bytes_mix(0, hash) >> 32;
	for (size_t end = at + near; at < end; at++) {
		struct series_recent *r = &s->recent[at & mask];

		if (!r->series)
			break;
		if (is_recent(r, m, texts, count))
			return r->series;
	}
	return fill_recent(s, &s->recent[at & mask], m, texts);
}

void metrics_epoch(struct metrics_shard *s, uint64_t epoch)
{
	if (!s || s->epoch == epoch)
		return;
	memset(s->recent, 0, sizeof s->recent);
	s->epoch = epoch;
}

/* One writer: a load and a store are enough, and cheaper than a read-modify-write. */
static void cell_add(_Atomic int64_t *cell, int64_t amount)
{
	int64_t old = atomic_load_explicit(cell, memory_order_relaxed);

	atomic_store_explicit(cell, (int64_t)((uint64_t)old + (uint64_t)amount),
			      memory_order_relaxed);
}

void metrics_add(struct metrics_shard *s, enum metric m, int64_t amount, const struct span *labels)
{
	if (s)
		cell_add(&series_of(s, m, labels)->cells[0], amount);
}

void metrics_add_texts(struct metrics_shard *s, enum metric m, int64_t amount, const char *const *texts)
{
	if (s)
		cell_add(&series_of_texts(s, m, texts)->cells[0], amount);
}

void metrics_set(struct metrics_shard *s, enum metric m, int64_t value, const struct span *labels)
{
	if (s)
		atomic_store_explicit(&series_of(s, m, labels)->cells[0], value,
				      memory_order_relaxed);
}

static void observe(struct series *series, int64_t us)
{
	const struct series_bounds *bounds = series_bounds(metric_table[series->metric].kind);
	size_t at = 0;

	assert(bounds);
	/* A clock that steps back must not make a sum shrink. */
	if (us < 0)
		us = 0;
	while (at < bounds->count && us > bounds->at[at].us)
		at++;
	cell_add(&series->cells[0], us);
	cell_add(&series->cells[1 + at], 1);
}

void metrics_observe_us(struct metrics_shard *s, enum metric m, int64_t us,
			const struct span *labels)
{
	if (s)
		observe(series_of(s, m, labels), us);
}

void metrics_observe_texts_us(struct metrics_shard *s, enum metric m, int64_t us, const char *const *texts)
{
	if (s)
		observe(series_of_texts(s, m, texts), us);
}

static uint8_t count_labels(const char *names)
{
	uint8_t count = 0;

	if (*names)
		count = 1;
	for (; *names; names++)
		if (*names == ',')
			count++;
	assert(count <= METRICS_LABELS_MAX);
	return count;
}

struct metrics *metrics_new(void)
{
	struct metrics *m = mem_new(struct metrics);

	pthread_mutex_init(&m->lock, NULL);
	ident_random(&m->seed, sizeof(m->seed));
	for (size_t i = 0; i < METRIC_COUNT; i++)
		m->labels[i] = count_labels(metric_table[i].labels);
	m->started = process_start_time();
	return m;
}

void metrics_free(struct metrics *m)
{
	struct metrics_shard *next;

	if (!m)
		return;
	for (struct metrics_shard *s = m->shards; s; s = next) {
		next = s->next;
		for (uint32_t i = 0; i < s->count; i++)
			mem_free(s->series[i]);
		mem_free(s);
	}
	pthread_mutex_destroy(&m->lock);
	mem_free(m);
}

struct metrics_shard *metrics_shard_new(struct metrics *m)
{
	struct metrics_shard *s = mem_new(struct metrics_shard);

	s->seed = m->seed;
	memcpy(s->labels, m->labels, sizeof(s->labels));
	pthread_mutex_lock(&m->lock);
	s->next = m->shards;
	m->shards = s;
	pthread_mutex_unlock(&m->lock);
	return s;
}
