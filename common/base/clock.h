/*
 * common/base/clock.h - time.  Any thread.
 *
 * Durations and time-outs use the monotonic clock, so that a jump of the wall clock changes no
 * limit; stamps that people read use the wall clock.
 */
#ifndef SPASS_BASE_CLOCK_H
#define SPASS_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_us(void);
int64_t clock_mono_ms(void);
/* Since 1970-01-01 UTC. */
int64_t clock_wall_ms(void);
enum { CLOCK_ISO_SIZE = 25, CLOCK_HTTP_SIZE = 30 };
/* "2026-11-21T10:00:00.123Z" into out[CLOCK_ISO_SIZE]. */
void clock_iso(int64_t wall_ms, char *out);
/*
 * A time of RFC 3339 ("2026-11-21T10:00:00Z", "...:00.5+01:00"; T and Z in either case, a blank
 * for T), also a leap second.  The text holds nothing else.  0 and *wall_ms, or -1.
 */
int clock_parse(const char *text, size_t len, int64_t *wall_ms);
/* "Sat, 21 Nov 2026 10:00:00 GMT" (RFC 9110 5.6.7) into out[CLOCK_HTTP_SIZE]. */
void clock_http_date(int64_t wall_ms, char *out);

#endif
