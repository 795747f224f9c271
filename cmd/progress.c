/* cmd/progress.c - see progress.h. */
#include "cmd/progress.h"

#include "common/base/clock.h"

#include <unistd.h>

enum {
	TERMINAL_STEP_US = 100 * 1000,
	LINE_STEP_US = 10 * 1000 * 1000,
	US = 1000000,
	FIRST_US = 300 * 1000
};

void progress_begin(struct progress *p, const struct cmd_globals *g, const char *what,
		    const char *unit, int64_t total)
{
	*p = (struct progress){ .globals = g, .what = what, .unit = unit, .total = total };
	p->began_us = p->told_us = clock_mono_us();
	p->is_terminal = isatty(STDERR_FILENO);
}

static void print_left(const struct progress *p, int64_t took_us)
{
	int64_t left_s;

	if (p->total <= 0 || p->done <= 0 || p->done >= p->total)
		return;
	left_s = took_us / p->done * (p->total - p->done) / US + 1;
	fprintf(stderr, ", %lld:%02lld left", (long long)(left_s / 60), (long long)(left_s % 60));
}

static void print(struct progress *p, int64_t now_us)
{
	int64_t took_us = now_us - p->began_us > 0 ? now_us - p->began_us : 1;

	fprintf(stderr, "%s%s: %lld", p->is_terminal ? "\r" : "", p->what, (long long)p->done);
	if (p->total > 0)
		fprintf(stderr, "/%lld", (long long)p->total);
	fprintf(stderr, " %s", p->unit);
	if (p->total > 0)
		fprintf(stderr, ", %lld %%", (long long)(100 * p->done / p->total));
	fprintf(stderr, ", %.0f %s/s", (double)p->done * US / (double)took_us, p->unit);
	if (p->bytes > 0)
		fprintf(stderr, ", %.1f MB/s", (double)p->bytes / (double)took_us);
	print_left(p, took_us);
	fputs(p->is_terminal ? "\x1b[K" : "\n", stderr);
	fflush(stderr);
	p->is_shown = p->is_terminal;
	p->told_us = now_us;
}

void progress_step(struct progress *p, int64_t done, int64_t bytes)
{
	int64_t now_us = clock_mono_us();

	p->done += done;
	p->bytes += bytes;
	if (p->globals->quiet || now_us - p->began_us < FIRST_US ||
	    now_us - p->told_us < (p->is_terminal ? TERMINAL_STEP_US : LINE_STEP_US))
		return;
	print(p, now_us);
}

void progress_hide(struct progress *p)
{
	if (!p->is_shown)
		return;
	fputs("\r\x1b[K", stderr);
	fflush(stderr);
	p->is_shown = false;
}

void progress_end(struct progress *p)
{
	progress_hide(p);
}
