/* common/base/mem.c - the heap: malloc and friends, which never return NULL here. */
#include "common/base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* No memory is left, so this formats and allocates nothing. */
static _Noreturn void mem_exhausted(void)
{
	static const char line[] = "error mem: out of memory\n";
	ssize_t written = write(STDERR_FILENO, line, sizeof(line) - 1);

	(void)written;
	abort();
}

void *mem_alloc(size_t size)
{
	void *ptr = malloc(size);

	if (!ptr)
		mem_exhausted();
	return ptr;
}

void *mem_calloc(size_t count, size_t size)
{
	void *ptr = calloc(count, size);

	if (!ptr)
		mem_exhausted();
	return ptr;
}

void *mem_realloc(void *ptr, size_t size)
{
	void *moved = realloc(ptr, size);

	if (!moved)
		mem_exhausted();
	return moved;
}

char *mem_strdup(const char *text)
{
	return mem_strndup(text, strlen(text));
}

char *mem_strndup(const char *bytes, size_t len)
{
	char *copy = mem_alloc(len + 1);

	if (len > 0)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

char *mem_printf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		mem_exhausted();
	va_end(args);
	return text;
}

void mem_free(void *ptr)
{
	free(ptr);
}

void mem_free_secret(void *ptr, size_t len)
{
	if (ptr)
		explicit_bzero(ptr, len);
	free(ptr);
}
