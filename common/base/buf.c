/* common/base/buf.c - growing bytes: one test and one memcpy an append when there is room. */
#include "common/base/buf.h"

#include "common/base/digits.h"
#include "common/base/mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { BUF_FIRST_CAPACITY = 64 };

void buf_init(struct buf *b, size_t max)
{
	assert(max > 0);
	*b = (struct buf){ .max = max < PTRDIFF_MAX ? max : PTRDIFF_MAX - 1 };
}

void buf_free(struct buf *b)
{
	mem_free(b->ptr);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->overflowed = false;
	if (b->ptr)
		b->ptr[0] = '\0';
}

static bool has_room(const struct buf *b, size_t extra)
{
	return !b->overflowed && extra < b->capacity - b->len;
}

/* Doubling keeps the cost of many small appends linear; max + 1 is the last step. */
static int grow(struct buf *b, size_t extra)
{
	size_t need, capacity;

	if (b->overflowed || extra > b->max - b->len)
		return -1;
	need = b->len + extra + 1;
	if (need <= b->capacity)
		return 0;
	capacity = b->capacity ? b->capacity : BUF_FIRST_CAPACITY;
	while (capacity < need)
		capacity = capacity > b->max / 2 ? b->max + 1 : capacity * 2;
	if (capacity > b->max + 1)
		capacity = b->max + 1;
	b->ptr = mem_realloc(b->ptr, capacity);
	b->capacity = capacity;
	b->ptr[b->len] = '\0';
	return 0;
}

/* For appends: one that does not fit is remembered. */
static int make_room(struct buf *b, size_t extra)
{
	if (has_room(b, extra))
		return 0;
	if (grow(b, extra) == 0)
		return 0;
	b->overflowed = true;
	return -1;
}

int buf_reserve(struct buf *b, size_t extra)
{
	return grow(b, extra);
}

int buf_add_growing(struct buf *b, const void *bytes, size_t len)
{
	if (make_room(b, len) < 0)
		return -1;
	if (len > 0)
		memcpy(b->ptr + b->len, bytes, len);
	b->len += len;
	b->ptr[b->len] = '\0';
	return 0;
}

int buf_add_int(struct buf *b, int64_t value)
{
	char text[1 + DIGITS_MAX], *at = text;

	if (value < 0)
		*at++ = '-';
	/* The magnitude as unsigned, because INT64_MIN has no positive twin. */
	at = digits_put(at, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
	return buf_add(b, text, (size_t)(at - text));
}

int buf_printf(struct buf *b, const char *format, ...)
{
	va_list args;
	int result;

	va_start(args, format);
	result = buf_vprintf(b, format, args);
	va_end(args);
	return result;
}

int buf_vprintf(struct buf *b, const char *format, va_list args)
{
	size_t room = b->ptr ? b->capacity - b->len : 0;
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(b->ptr ? b->ptr + b->len : NULL, room, format, args);
	if (len < 0 || make_room(b, (size_t)len) < 0) {
		/* The attempt may have written where the NUL stood. */
		if (b->ptr)
			b->ptr[b->len] = '\0';
		b->overflowed = true;
		va_end(again);
		return -1;
	}
	if ((size_t)len >= room)
		vsnprintf(b->ptr + b->len, (size_t)len + 1, format, again);
	va_end(again);
	b->len += (size_t)len;
	return 0;
}

void buf_consume(struct buf *b, size_t len)
{
	if (len > b->len)
		len = b->len;
	if (len == 0)
		return;
	b->len -= len;
	memmove(b->ptr, b->ptr + len, b->len + 1);
}

void buf_truncate(struct buf *b, size_t len)
{
	assert(len <= b->len);
	b->len = len;
	if (b->ptr)
		b->ptr[len] = '\0';
}

bool buf_failed(const struct buf *b)
{
	return b->overflowed;
}

struct span buf_span(const struct buf *b)
{
	return span_of(b->ptr, b->len);
}

const char *buf_str(const struct buf *b)
{
	return b->ptr ? b->ptr : "";
}

char *buf_take(struct buf *b)
{
	char *text = b->ptr ? b->ptr : mem_strdup("");

	*b = (struct buf){ .max = b->max };
	return text;
}
