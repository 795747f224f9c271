/*
 * common/base/mem.h - the heap, where running out ends the program.
 *
 * Every function may be called from any thread.  None returns NULL: when the system has no
 * memory left the process logs one line and aborts.  A size that somebody outside controls never
 * arrives here unchecked: struct buf and struct arena have maxima for that.
 */
#ifndef SPASS_BASE_MEM_H
#define SPASS_BASE_MEM_H

#include <stddef.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define KIB ((size_t)1024)
#define MIB (1024 * KIB)

/* The struct that holds MEMBER at ptr. */
#define container_of(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))

/* size > 0.  Free with mem_free. */
void *mem_alloc(size_t size);
/* Zeroed; count and size > 0; aborts when their product overflows. */
void *mem_calloc(size_t count, size_t size);
/* One zeroed object: struct x *x = mem_new(struct x). */
#define mem_new(type) ((type *)mem_calloc(1, sizeof(type)))
/* ptr may be NULL; size > 0. */
void *mem_realloc(void *ptr, size_t size);
char *mem_strdup(const char *text);
/* Copies len bytes and adds a NUL. */
char *mem_strndup(const char *bytes, size_t len);
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
void mem_free(void *ptr);
/* Overwrites len bytes before freeing: for keys and tokens.  ptr may be NULL. */
void mem_free_secret(void *ptr, size_t len);

#endif
