/*
 * common/observe/metrics_print.c - metrics as Prometheus text, format 0.0.4.
 *
 * Series of equal labels are added up over the shards and printed in order of their labels, so
 * that two prints of the same state are the same text.
 */
#include "common/observe/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/base/mem.h"
#include "common/observe/series.h"

static const char *const kind_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_MICROS] = "histogram",
	[METRIC_MONEY] = "counter",
};

struct collection {
	const struct series **series;
	size_t count;
	struct series **facts; /* ours, to be freed */
	size_t fact_count;
};

/* By metric, then label by label. */
static int compare_series(const void *left, const void *right)
{
	const struct series *a = *(const struct series *const *)left;
	const struct series *b = *(const struct series *const *)right;
	size_t a_start = 0, b_start = 0;

	if (a->metric != b->metric)
		return a->metric < b->metric ? -1 : 1;
	for (size_t i = 0; i < METRICS_LABELS_MAX; i++) {
		size_t a_len = a->ends[i] > a_start ? a->ends[i] - a_start : 0;
		size_t b_len = b->ends[i] > b_start ? b->ends[i] - b_start : 0;
		int order = memcmp(a->text + a_start, b->text + b_start,
				   a_len < b_len ? a_len : b_len);

		if (order != 0)
			return order;
		if (a_len != b_len)
			return a_len < b_len ? -1 : 1;
		a_start += a_len;
		b_start += b_len;
	}
	return 0;
}

/* Series are never freed before metrics_free, so the lock is not needed past this. */
static void collect(struct metrics *m, const struct metrics_fact *facts, size_t fact_count,
		    struct collection *c)
{
	size_t room = fact_count + 1;

	*c = (struct collection){ .fact_count = fact_count };
	pthread_mutex_lock(&m->lock);
	for (struct metrics_shard *s = m->shards; s; s = s->next)
		room += SERIES_ROOM;
	c->series = mem_calloc(room, sizeof(struct series *));
	for (struct metrics_shard *s = m->shards; s; s = s->next) {
		uint32_t count = atomic_load_explicit(&s->count, memory_order_acquire);

		for (uint32_t i = 0; i < count; i++)
			c->series[c->count++] = s->series[i];
	}
	pthread_mutex_unlock(&m->lock);
	c->facts = mem_calloc(fact_count + 1, sizeof(struct series *));
	for (size_t i = 0; i < fact_count; i++) {
		c->facts[i] = series_new(facts[i].metric, 0, facts[i].labels,
					 m->labels[facts[i].metric]);
		atomic_init(&c->facts[i]->cells[0], facts[i].value);
		c->series[c->count++] = c->facts[i];
	}
	if (c->count > 1)
		qsort(c->series, c->count, sizeof(struct series *), compare_series);
}

static void add_escaped(struct buf *out, struct span s, bool quotes)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '\n')
			buf_add_str(out, "\\n");
		else if (s.ptr[i] == '\\')
			buf_add_str(out, "\\\\");
		else if (s.ptr[i] == '"' && quotes)
			buf_add_str(out, "\\\"");
		else
			buf_add_char(out, s.ptr[i]);
	}
}

/* surface="v1",route="/v1/models" */
static void label_text(const struct series *s, struct buf *out)
{
	struct span names = span_str(metric_table[s->metric].labels);
	size_t start = 0;

	for (size_t i = 0; names.len > 0 && i < METRICS_LABELS_MAX; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_span(out, span_cut(&names, ','));
		buf_add_str(out, "=\"");
		add_escaped(out, span_of(s->text + start, s->ends[i] - start), true);
		buf_add_char(out, '"');
		start = s->ends[i];
	}
}

static void print_header(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_add_str(out, "# HELP ");
	buf_add_str(out, name);
	buf_add_char(out, ' ');
	add_escaped(out, span_str(help), false);
	buf_add_str(out, "\n# TYPE ");
	buf_add_str(out, name);
	buf_add_char(out, ' ');
	buf_add_str(out, type);
	buf_add_char(out, '\n');
}

/* name suffix{labels,le="bound"}, and the blank before the value. */
static void print_name(struct buf *out, const char *name, const char *suffix, struct span labels,
		       const char *bound)
{
	buf_add_str(out, name);
	buf_add_str(out, suffix);
	if (labels.len > 0 || bound) {
		buf_add_char(out, '{');
		buf_add_span(out, labels);
		if (bound) {
			buf_add_str(out, labels.len > 0 ? ",le=\"" : "le=\"");
			buf_add_str(out, bound);
			buf_add_char(out, '"');
		}
		buf_add_char(out, '}');
	}
	buf_add_char(out, ' ');
}

/* Microseconds as seconds, micro-euros as euros; without zeros at the end. */
static void print_millionths(struct buf *out, int64_t us)
{
	char fraction[8];
	size_t len = 6;

	buf_add_int(out, us / 1000000);
	if (us % 1000000 == 0)
		goto out;
	snprintf(fraction, sizeof(fraction), "%06d", (int)(us % 1000000));
	while (fraction[len - 1] == '0')
		len--;
	buf_add_char(out, '.');
	buf_add(out, fraction, len);
out:
	buf_add_char(out, '\n');
}

static void print_value(struct buf *out, const char *name, const char *suffix, struct span labels,
			const char *bound, int64_t value)
{
	print_name(out, name, suffix, labels, bound);
	buf_add_int(out, value);
	buf_add_char(out, '\n');
}

static void print_histogram(struct buf *out, const struct metric_info *info, struct span labels,
			    const int64_t *cells)
{
	const struct series_bounds *bounds = series_bounds(info->kind);
	int64_t count = 0;

	for (size_t i = 0; i <= bounds->count; i++) {
		count += cells[1 + i];
		print_value(out, info->name, "_bucket", labels,
			    i < bounds->count ? bounds->at[i].text : "+Inf", count);
	}
	print_name(out, info->name, "_sum", labels, NULL);
	print_millionths(out, cells[0]);
	print_value(out, info->name, "_count", labels, NULL, count);
}

/* Prints the n series at s, which have equal labels, as one. */
static void print_group(struct buf *out, struct buf *scratch, const struct series **s, size_t n)
{
	const struct metric_info *info = &metric_table[s[0]->metric];
	const struct series_bounds *bounds = series_bounds(info->kind);
	size_t cells = bounds ? bounds->count + 2 : 1;
	int64_t sums[SERIES_BOUNDS_MAX + 2] = { 0 };

	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; at < cells; at++)
			sums[at] += atomic_load_explicit(&s[i]->cells[at], memory_order_relaxed);
	buf_clear(scratch);
	label_text(s[0], scratch);
	if (bounds) {
		print_histogram(out, info, buf_span(scratch), sums);
	} else if (info->kind == METRIC_MONEY) {
		print_name(out, info->name, "", buf_span(scratch), NULL);
		print_millionths(out, sums[0]);
	} else {
		print_value(out, info->name, "", buf_span(scratch), NULL, sums[0]);
	}
}

static void print_unused(struct buf *out, const struct metric_info *info)
{
	static const int64_t zeros[SERIES_BOUNDS_MAX + 2];

	/* With labels there is nothing to name yet; without, the series exists from the start. */
	if (*info->labels)
		return;
	if (series_bounds(info->kind))
		print_histogram(out, info, SPAN_NONE, zeros);
	else
		print_value(out, info->name, "", SPAN_NONE, NULL, 0);
}

static bool names_tenant(const struct metric_info *info)
{
	return span_starts(span_str(info->labels), "tenant");
}

static void print_metrics(struct buf *out, const struct collection *c, bool with_tenants)
{
	struct buf scratch;
	size_t at = 0;

	buf_init(&scratch, 8 * KIB);
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		const struct metric_info *info = &metric_table[m];

		print_header(out, info->name, kind_names[info->kind], info->help);
		if (at == c->count || c->series[at]->metric != m)
			print_unused(out, info);
		while (at < c->count && c->series[at]->metric == m) {
			size_t n = 1;

			while (at + n < c->count &&
			       compare_series(&c->series[at], &c->series[at + n]) == 0)
				n++;
			if (with_tenants || !names_tenant(info))
				print_group(out, &scratch, &c->series[at], n);
			at += n;
		}
	}
	buf_free(&scratch);
}

/* The fields of a line in /proc, from the first-th (0-based) on; false when there are fewer. */
static bool proc_field(const char *path, size_t field, long long *value)
{
	char text[1024], *at = text;
	FILE *file = fopen(path, "re");
	size_t len;

	if (!file)
		return false;
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	/* A program's name may hold blanks; it ends with the last parenthesis. */
	if (strrchr(text, ')'))
		at = strrchr(text, ')') + 1;
	for (size_t i = 0; i < field && at; i++) {
		at += strspn(at, " ");
		at = strchr(at, ' ');
	}
	if (!at)
		return false;
	*value = strtoll(at, &at, 10);
	return true;
}

double process_start_time(void)
{
	struct timespec wall, boot;
	long long ticks = 0;

	/* starttime is field 22 of stat(5); the second ends with the parenthesis. */
	if (!proc_field("/proc/self/stat", 19, &ticks) ||
	    clock_gettime(CLOCK_REALTIME, &wall) < 0 || clock_gettime(CLOCK_BOOTTIME, &boot) < 0)
		return 0;
	return (double)(wall.tv_sec - boot.tv_sec) +
	       (double)(wall.tv_nsec - boot.tv_nsec) / 1e9 +
	       (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static int64_t count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int64_t count = -1; /* the directory's own */

	if (!dir)
		return -1;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the directory is this call's own */
	for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
		if (entry->d_name[0] != '.')
			count++;
	closedir(dir);
	return count;
}

static void print_process(struct buf *out, const struct metrics *m)
{
	struct timespec cpu;
	struct rlimit limit;
	long long pages;
	int64_t fds = count_fds();

	print_header(out, "spass_build_info", "gauge", "Version of the program");
	buf_add_str(out, "spass_build_info{version=\"" SPASS_VERSION "\"} 1\n");
	if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) == 0) {
		print_header(out, "process_cpu_seconds_total", "counter",
			     "User and system time used");
		buf_add_str(out, "process_cpu_seconds_total ");
		print_millionths(out, cpu.tv_sec * 1000000 + cpu.tv_nsec / 1000);
	}
	if (proc_field("/proc/self/statm", 1, &pages)) {
		print_header(out, "process_resident_memory_bytes", "gauge", "Memory in use");
		print_value(out, "process_resident_memory_bytes", "", SPAN_NONE, NULL,
			    (int64_t)pages * sysconf(_SC_PAGESIZE));
	}
	if (fds >= 0) {
		print_header(out, "process_open_fds", "gauge", "Descriptors open");
		print_value(out, "process_open_fds", "", SPAN_NONE, NULL, fds);
	}
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur <= INT64_MAX) {
		print_header(out, "process_max_fds", "gauge", "Descriptors that may be open");
		print_value(out, "process_max_fds", "", SPAN_NONE, NULL, (int64_t)limit.rlim_cur);
	}
	if (m->started > 0) {
		print_header(out, "process_start_time_seconds", "gauge",
			     "When the process began, in seconds since 1970");
		buf_printf(out, "process_start_time_seconds %.2f\n", m->started);
	}
}

int metrics_print(struct metrics *m, const struct metrics_fact *facts, size_t count, bool with_tenants,
		  struct buf *out)
{
	struct collection c;

	collect(m, facts, count, &c);
	print_metrics(out, &c, with_tenants);
	print_process(out, m);
	for (size_t i = 0; i < c.fact_count; i++)
		mem_free(c.facts[i]);
	mem_free(c.facts);
	mem_free(c.series);
	return buf_failed(out) ? -1 : 0;
}
