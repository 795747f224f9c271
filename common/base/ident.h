/*
 * common/base/ident.h - random bytes and the ids made of them.  Any thread.
 *
 * Bytes come from getrandom(2) through a small per-thread pool, so an id costs no system call.
 */
#ifndef SPASS_BASE_IDENT_H
#define SPASS_BASE_IDENT_H

#include <stddef.h>
#include <stdint.h>

enum { IDENT_UUID_SIZE = 37 };
void ident_random(void *out, size_t len);
/* UUID version 4 (RFC 9562), lower case, into out[IDENT_UUID_SIZE]. */
void ident_uuid(char *out);
/* prefix + count characters of [A-Za-z0-9], NUL-terminated, into out[size]; truncates to fit. */
void ident_token(char *out, size_t size, const char *prefix, size_t count);

/*
 * prefix + 26 characters of [0-9a-hjkmnp-tv-z] into out[size], truncated to fit: ms (wall clock) in
 * ten, 80 random bits in sixteen.  Ids sort by time as text, and nobody guesses one.
 */
enum { IDENT_SORTED_LEN = 26 };
void ident_sorted(char *out, size_t size, const char *prefix, int64_t ms);

#endif
