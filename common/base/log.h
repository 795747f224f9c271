/*
 * common/base/log.h - one line an event, as text or JSON, on stderr.
 *
 * Any thread; a line is one write(2), cut at LOG_LINE_MAX.  Control characters are made harmless.
 * Never waits: while stderr takes nothing (a pipe that nobody reads, a stopped terminal) lines are
 * lost, and the next one that gets through is preceded by their number.
 * Secrets never come here: a caller that holds a key logs its name.  Level and format are set at
 * start and on reload only.
 *
 *	log_info("server", "listening on %s with %d workers", address, workers);
 *	2026-11-21T10:00:00.123Z info server: listening on 127.0.0.1:3000 with 2 workers
 *	{"ts":"2026-11-21T10:00:00.123Z","level":"info","area":"server","message":"listening on ..."}
 */
#ifndef SPASS_BASE_LOG_H
#define SPASS_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };
enum { LOG_LINE_MAX = 2048 };

void log_setup(enum log_level level, enum log_format format);
bool log_enabled(enum log_level level);
/* area: the module's name. */
void log_write(enum log_level level, const char *area, const char *format, ...)
	__attribute__((cold, format(printf, 3, 4)));

#define log_at(level, ...) \
	do { \
		if (log_enabled(level)) \
			log_write(level, __VA_ARGS__); \
	} while (0)
#define log_error(...) log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_at(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
