/* common/base/log.c - formatting a line on the stack and writing it at once, or never. */
#include "common/base/log.h"

#include "common/base/clock.h"
#include "common/base/utf8.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The one state of the process that changes after start: a reload may set it from any thread. */
static _Atomic int current_level = LOG_LEVEL_INFO;
static _Atomic int current_format = LOG_FORMAT_TEXT;

static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARN] = "warn",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

struct line {
	char bytes[LOG_LINE_MAX];
	size_t len, max; /* max: where content ends, so that the tail always fits */
	bool full;
};

void log_setup(enum log_level level, enum log_format format)
{
	atomic_store_explicit(&current_level, (int)level, memory_order_relaxed);
	atomic_store_explicit(&current_format, (int)format, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

/* All of it or nothing: a line is cut between characters, and nothing follows the cut. */
static void line_add(struct line *line, const char *bytes, size_t len)
{
	if (line->full || len > line->max - line->len) {
		line->full = true;
		return;
	}
	memcpy(line->bytes + line->len, bytes, len);
	line->len += len;
}

static void line_add_str(struct line *line, const char *text)
{
	line_add(line, text, strlen(text));
}

/* Backslash forms serve both formats: in text they keep an entry on its line. */
static void line_add_escaped(struct line *line, struct span s, bool json)
{
	while (s.len > 0) {
		char form[8];
		size_t len;
		uint32_t c = utf8_next(s, &len);

		if (c == 0xfffd && len == 1)
			line_add_str(line, "\xef\xbf\xbd");
		else if (c == '\n')
			line_add_str(line, "\\n");
		else if (c == '\t')
			line_add_str(line, "\\t");
		else if (c < 0x20 || (c >= 0x7f && c < 0xa0)) {
			snprintf(form, sizeof(form), "\\u%04x", (unsigned)c & 0xffff);
			line_add_str(line, form);
		} else if (json && (c == '"' || c == '\\')) {
			form[0] = '\\';
			form[1] = (char)c;
			line_add(line, form, 2);
		} else
			line_add(line, s.ptr, len);
		s = span_from(s, len);
	}
}

static void line_end(struct line *line, const char *tail)
{
	size_t len = strlen(tail);

	memcpy(line->bytes + line->len, tail, len);
	line->len += len;
}

static void form_json(struct line *line, enum log_level level, const char *area,
		      struct span message)
{
	static const char tail[] = "\"}\n";
	char stamp[CLOCK_ISO_SIZE];

	line->max = LOG_LINE_MAX - (sizeof(tail) - 1);
	clock_iso(clock_wall_ms(), stamp);
	line_add_str(line, "{\"ts\":\"");
	line_add_str(line, stamp);
	line_add_str(line, "\",\"level\":\"");
	line_add_str(line, level_names[level]);
	line_add_str(line, "\",\"area\":\"");
	line_add_escaped(line, span_of(area, strnlen(area, 64)), true);
	line_add_str(line, "\",\"message\":\"");
	line_add_escaped(line, message, true);
	line_end(line, tail);
}

static void form_text(struct line *line, enum log_level level, const char *area,
		      struct span message)
{
	char stamp[CLOCK_ISO_SIZE];

	line->max = LOG_LINE_MAX - 1;
	clock_iso(clock_wall_ms(), stamp);
	line_add_str(line, stamp);
	line_add_str(line, " ");
	line_add_str(line, level_names[level]);
	line_add_str(line, " ");
	line_add_escaped(line, span_of(area, strnlen(area, 64)), false);
	line_add_str(line, ": ");
	line_add_escaped(line, message, false);
	line_end(line, "\n");
}

/* One write a line, so that lines of several threads never mix. */
static bool line_write(enum log_level level, const char *area, struct span message)
{
	struct line line = { .len = 0 };
	ssize_t written;

	if (atomic_load_explicit(&current_format, memory_order_relaxed) == LOG_FORMAT_JSON)
		form_json(&line, level, area, message);
	else
		form_text(&line, level, area, message);
	do
		written = write(STDERR_FILENO, line.bytes, line.len);
	while (written < 0 && errno == EINTR);
	return written >= 0 || errno != EAGAIN;
}

/* A pipe or terminal that says so takes a whole line; LOG_LINE_MAX is below a page. */
static bool has_room(void)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) != 0;
}

/*
 * Whoever reads the log may have stopped doing so, and a worker's loop must not wait for him: a
 * line that finds no room is lost, and counted.  The lock keeps two threads from using the same
 * room; nobody waits inside it.
 */
static void emit(enum log_level level, const char *area, struct span message)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static unsigned long long lost;
	char text[64];
	int len;

	pthread_mutex_lock(&lock);
	if (lost > 0 && has_room()) {
		len = snprintf(text, sizeof(text), "nobody read the log: %llu lines are lost", lost);
		if (line_write(LOG_LEVEL_WARN, "log", span_of(text, (size_t)len)))
			lost = 0;
	}
	if (lost > 0 || !has_room() || !line_write(level, area, message))
		lost++;
	pthread_mutex_unlock(&lock);
}

void log_write(enum log_level level, const char *area, const char *format, ...)
{
	char message[LOG_LINE_MAX];
	int saved = errno, len;
	struct span text;
	va_list args;

	va_start(args, format);
	len = vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (len < 0)
		len = 0;
	text = span_of(message, (size_t)len);
	if (text.len >= sizeof(message))
		text.len = utf8_whole(span_of(message, sizeof(message) - 1));
	emit(level, area, text);
	errno = saved;
}
