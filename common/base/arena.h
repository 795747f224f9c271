/*
 * common/base/arena.h - memory that goes all at once.
 *
 * An arena is embedded in what it serves (an exchange, the load of a file).  Blocks are never
 * freed one by one.  The limit counts what was asked for; asking for more returns NULL and
 * arena_failed stays true, so an outsider's input cannot make it grow without bound.
 * Not thread-safe.
 */
#ifndef SPASS_BASE_ARENA_H
#define SPASS_BASE_ARENA_H

#include "common/base/span.h"

struct arena_block;
struct arena {
	struct arena_block *blocks;
	char *next, *end;
	size_t used, max;
	bool failed;
};

/* max: bytes, > 0.  Allocates nothing yet. */
void arena_init(struct arena *a, size_t max);
/* Frees everything; the arena may be used again. */
void arena_clear(struct arena *a);
/* The same, but the first block is kept for what comes next; arena_clear frees that, too. */
void arena_reset(struct arena *a);
/* Aligned for any type; size > 0.  NULL beyond the limit. */
void *arena_alloc(struct arena *a, size_t size);
void *arena_zalloc(struct arena *a, size_t size);
/* A NUL follows the copy. */
struct span arena_span(struct arena *a, struct span s);
/* The parts in one piece, a NUL behind it; ptr NULL beyond the limit. */
struct span arena_join(struct arena *a, const struct span *parts, size_t count);
char *arena_strdup(struct arena *a, const char *text);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool arena_failed(const struct arena *a);

#endif
