/* cmd/progress.c - see progress.h. */
#include "cmd/progress.h"

#include "common/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	TERMINAL_STEP_US = 100 * 1000,
	LINE_STEP_US = 10 * 1000 * 1000,
	US = 1000000,
	FIRST_US = 300 * 1000,
	COLUMNS = 80,         /* of a terminal that does not say */
	LINE_MAX_BYTES = 256,
};

void progress_begin(struct progress *p, const struct cmd_globals *g, const char *what,
		    const char *unit, int64_t total)
{
	*p = (struct progress){ .globals = g, .what = what, .unit = unit, .total = total };
	p->began_us = p->told_us = clock_mono_us();
	p->is_terminal = isatty(STDERR_FILENO);
}

/* Columns of the terminal; what does not fit on the line is left out, as it cannot be written over. */
static size_t columns(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col
									     : COLUMNS;
}

struct line {
	char text[LINE_MAX_BYTES];
	size_t len, max;
};

/* A part, unless there is no room for it; then for none that follows. */
__attribute__((format(printf, 2, 3))) static void add(struct line *l, const char *format, ...)
{
	size_t room = l->max - l->len;
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(l->text + l->len, room + 1, format, args);
	va_end(args);
	if (len < 0 || (size_t)len > room)
		l->max = l->len;
	else
		l->len += (size_t)len;
	l->text[l->len] = '\0';
}

static void add_left(struct line *l, const struct progress *p, int64_t took_us)
{
	int64_t made = p->done - p->found, left_s;

	if (p->total <= 0 || made <= 0 || p->done >= p->total)
		return;
	left_s = took_us / made * (p->total - p->done) / US + 1;
	add(l, ", %lld:%02lld left", (long long)(left_s / 60), (long long)(left_s % 60));
}

/* What matters most comes first. */
static void fill(struct line *l, const struct progress *p, int64_t took_us)
{
	if (p->total > 0)
		add(l, "%s: %lld/%lld %s", p->what, (long long)p->done, (long long)p->total,
		    p->unit);
	else
		add(l, "%s: %lld %s", p->what, (long long)p->done, p->unit);
	if (p->total > 0)
		add(l, ", %lld %%", (long long)(100 * p->done / p->total));
	add_left(l, p, took_us);
	add(l, ", %.0f %s/s", (double)(p->done - p->found) * US / (double)took_us, p->unit);
	if (p->bytes > 0)
		add(l, ", %.1f MB/s", (double)p->bytes / (double)took_us);
}

static void print(struct progress *p, int64_t now_us)
{
	int64_t took_us = now_us - p->began_us > 0 ? now_us - p->began_us : 1;
	struct line l = { .max = LINE_MAX_BYTES - 1 };

	if (p->is_terminal && columns() <= l.max)
		l.max = columns() - 1; /* the last column may begin a line */
	fill(&l, p, took_us);
	fprintf(stderr, "%s%s%s", p->is_terminal ? "\r" : "", l.text,
		p->is_terminal ? "\x1b[K" : "\n");
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
