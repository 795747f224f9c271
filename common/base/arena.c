/* common/base/arena.c - a chain of blocks, each handed out from its start. */
#include "common/base/arena.h"

#include "common/base/mem.h"

#include <assert.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
	BLOCK_FIRST = 5 * 1024 - 32, /* what a streamed call needs (4 KiB and little more) fits, and stays for minutes */
	BLOCK_LARGEST = 64 * 1024 - 32,
	ALIGN = alignof(max_align_t),
};

/* So that a sanitizer sees what is used after its time. */
#ifdef __SANITIZE_ADDRESS__
enum { ARENA_FREES = 1 };
#else
enum { ARENA_FREES = 0 };
#endif

struct arena_block {
	struct arena_block *next;
	size_t size;
	alignas(ALIGN) char bytes[];
};

void arena_init(struct arena *a, size_t max)
{
	assert(max > 0);
	*a = (struct arena){ .max = max };
}

void arena_clear(struct arena *a)
{
	struct arena_block *block = a->blocks;

	while (block) {
		struct arena_block *next = block->next;

		mem_free(block);
		block = next;
	}
	arena_init(a, a->max);
}

void arena_reset(struct arena *a)
{
	struct arena_block *block = a->blocks, *next;

	/* The first one stands last. */
	for (; block && block->next; block = next) {
		next = block->next;
		mem_free(block);
	}
	if (block && (ARENA_FREES || block->size != BLOCK_FIRST)) { /* or it was made for one large thing */
		mem_free(block);
		block = NULL;
	}
	arena_init(a, a->max);
	if (!block)
		return;
	a->blocks = block;
	a->next = block->bytes;
	a->end = block->bytes + block->size;
}

/* A block for size bytes or more; what is left of the present one is given up if that is less. */
static void *add_block(struct arena *a, size_t size)
{
	size_t room = a->blocks ? 2 * a->blocks->size : BLOCK_FIRST;
	struct arena_block *block;

	if (room > BLOCK_LARGEST)
		room = BLOCK_LARGEST;
	if (room < size)
		room = size;
	block = mem_alloc(sizeof(*block) + room);
	block->next = a->blocks;
	/* One huge request does not make the following blocks huge. */
	block->size = room < BLOCK_LARGEST ? room : BLOCK_LARGEST;
	a->blocks = block;
	if (room - size >= (size_t)(a->end - a->next)) {
		a->next = block->bytes + size;
		a->end = block->bytes + room;
	}
	return block->bytes;
}

static void *fail(struct arena *a)
{
	a->failed = true;
	return NULL;
}

static inline void *take(struct arena *a, size_t size, size_t align)
{
	size_t pad = (0 - (size_t)(uintptr_t)a->next) & (align - 1);
	void *ptr;

	if (size > a->max - a->used)
		return fail(a);
	a->used += size;
	if (pad + size > (size_t)(a->end - a->next))
		return add_block(a, size);
	ptr = a->next + pad;
	a->next += pad + size;
	return ptr;
}

void *arena_alloc(struct arena *a, size_t size)
{
	return take(a, size, ALIGN);
}

void *arena_zalloc(struct arena *a, size_t size)
{
	void *ptr = take(a, size, ALIGN);

	if (ptr)
		memset(ptr, 0, size);
	return ptr;
}

struct span arena_span(struct arena *a, struct span s)
{
	char *copy = s.len < SIZE_MAX ? take(a, s.len + 1, 1) : NULL;

	if (!copy)
		return SPAN_NONE;
	if (s.len > 0)
		memcpy(copy, s.ptr, s.len);
	copy[s.len] = '\0';
	return span_of(copy, s.len);
}

struct span arena_join(struct arena *a, const struct span *parts, size_t count)
{
	size_t len = 0;
	char *whole, *at;

	for (size_t i = 0; i < count; i++)
		if (__builtin_add_overflow(len, parts[i].len, &len))
			return SPAN_NONE;
	whole = at = len < SIZE_MAX ? take(a, len + 1, 1) : NULL;
	if (!whole)
		return SPAN_NONE;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].len > 0)
			memcpy(at, parts[i].ptr, parts[i].len);
		at += parts[i].len;
	}
	*at = '\0';
	return span_of(whole, len);
}

char *arena_strdup(struct arena *a, const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = take(a, size, 1);

	return copy ? memcpy(copy, text, size) : NULL;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
	va_list args;
	char *text = NULL;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		a->failed = true;
	else
		text = take(a, (size_t)len + 1, 1);
	if (!text)
		return NULL;
	va_start(args, format);
	vsnprintf(text, (size_t)len + 1, format, args);
	va_end(args);
	return text;
}

bool arena_failed(const struct arena *a)
{
	return a->failed;
}
