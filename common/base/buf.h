/*
 * common/base/buf.h - a growing run of bytes that declares its own limit.
 *
 * buf_init names the largest length it may ever reach.  An append that would pass it changes
 * nothing, marks the buffer as overflowed and returns -1; later appends fail too, so a chain of
 * appends may be checked once at its end with buf_failed.  A NUL always follows the content
 * (outside len) once anything was appended.  Not thread-safe; the owner frees with buf_free.
 */
#ifndef SPASS_BASE_BUF_H
#define SPASS_BASE_BUF_H

#include "common/base/span.h"

#include <stdarg.h>

struct buf {
	char *ptr;
	size_t len;
	size_t capacity; /* bytes allocated, the NUL included */
	size_t max;      /* len never passes it */
	bool overflowed;
};

/* max: bytes, > 0.  Allocates nothing yet. */
void buf_init(struct buf *b, size_t max);
/* Releases the memory and leaves the buffer empty and usable, with the same max. */
void buf_free(struct buf *b);
/* Empties it, keeps the memory, forgets an overflow. */
void buf_clear(struct buf *b);
/* Room for at least extra more bytes without a further allocation.  0 or -1. */
int buf_reserve(struct buf *b, size_t extra);
/* buf_add when there is no room yet. */
int buf_add_growing(struct buf *b, const void *bytes, size_t len);

static inline int buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (b->overflowed || len >= b->capacity - b->len)
		return buf_add_growing(b, bytes, len);
	if (len > 0)
		memcpy(b->ptr + b->len, bytes, len);
	b->len += len;
	b->ptr[b->len] = '\0';
	return 0;
}

static inline int buf_add_span(struct buf *b, struct span s)
{
	return buf_add(b, s.ptr, s.len);
}

static inline int buf_add_str(struct buf *b, const char *text)
{
	return buf_add(b, text, strlen(text));
}

static inline int buf_add_char(struct buf *b, char c)
{
	return buf_add(b, &c, 1);
}

/* Decimal, faster than printf. */
int buf_add_int(struct buf *b, int64_t value);
int buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
int buf_vprintf(struct buf *b, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
/* Drops the first len bytes (at most all) by moving the rest down. */
void buf_consume(struct buf *b, size_t len);
/* Cuts to len, which is not above the present length. */
void buf_truncate(struct buf *b, size_t len);
/* True when an append since buf_init or buf_clear did not fit. */
bool buf_failed(const struct buf *b);
/* Borrowed until the next change. */
struct span buf_span(const struct buf *b);
/* The content as a NUL-terminated string; "" when empty.  Borrowed until the next change. */
const char *buf_str(const struct buf *b);
/* Moves the content out as a heap string (mem_free); the buffer is empty afterwards. */
char *buf_take(struct buf *b);

#endif
