/* tests/support/load_stat.c - percentiles, and what processes have used. */
#include "tests/support/load.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void load_sample(struct load_samples *s, int64_t us)
{
	if (s->count == s->capacity) {
		s->capacity = s->capacity ? s->capacity * 2 : 65536;
		s->us = kit_grow(s->us, s->capacity * sizeof *s->us);
	}
	s->us[s->count++] = us < 0 ? 0 : us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

double load_percentile(struct load_samples *s, double fraction)
{
	if (!s->count)
		return 0;
	qsort(s->us, s->count, sizeof *s->us, by_value);
	size_t at = (size_t)(fraction * (double)(s->count - 1) + 0.5);
	return s->us[at];
}

/* Run time of a thread in ns: the first number of its schedstat. */
static int64_t thread_cpu_ns(const char *pid_path, const char *thread)
{
	char path[400], line[128];
	snprintf(path, sizeof path, "%s/%s/schedstat", pid_path, thread);
	FILE *f = fopen(path, "re");
	int64_t ns = f && fgets(line, sizeof line, f) ? strtoll(line, NULL, 10) : 0;
	if (f)
		fclose(f);
	return ns;
}

int64_t load_cpu_us(const struct load_options *o)
{
	int64_t ns = 0;
	for (size_t i = 0; i < o->pid_count; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/task", (int)o->pids[i]);
		DIR *dir = opendir(path);
		struct dirent *entry;
		while (dir && (entry = readdir(dir)))
			if (entry->d_name[0] != '.')
				ns += thread_cpu_ns(path, entry->d_name);
		if (dir)
			closedir(dir);
	}
	return ns / 1000;
}

static int64_t status_kb(const struct load_options *o, const char *name)
{
	int64_t kb = 0;
	for (size_t i = 0; i < o->pid_count; i++) {
		struct text status = { 0 };
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/status", (int)o->pids[i]);
		kit_read_file(path, &status);
		const char *line = strstr(text_str(&status), name);
		kb += line ? strtoll(line + strlen(name), NULL, 10) : 0;
		text_free(&status);
	}
	return kb;
}

int64_t load_rss_kb(const struct load_options *o)
{
	return status_kb(o, "VmRSS:");
}

int64_t load_peak_kb(const struct load_options *o)
{
	return status_kb(o, "VmHWM:");
}

void load_reset_peak(const struct load_options *o)
{
	for (size_t i = 0; i < o->pid_count; i++) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/clear_refs", (int)o->pids[i]);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (write(fd, "5", 1) != 1)
			fprintf(stderr, "load: the peak of %d cannot be reset\n", (int)o->pids[i]);
		close(fd);
	}
}
