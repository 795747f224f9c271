/*
 * tests/support/kit.h - what the test tools share: growing text, clocks, digests, small parsing.
 *
 * The tools use nothing of the program under test, so that a fault of its buffers or parsers
 * cannot hide itself.  Running out of memory ends the tool.  Not thread-safe.
 */
#ifndef TESTS_SUPPORT_KIT_H
#define TESTS_SUPPORT_KIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* Bytes that grow.  A NUL follows them once anything was added.  All zero = empty. */
struct text {
	char *ptr;
	size_t len, capacity;
};

void *kit_alloc(size_t size); /* zeroed */
void *kit_grow(void *old, size_t size);
char *kit_strdup(const char *s);
char *kit_strndup(const char *s, size_t len);
char *kit_printf(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints "tool: message" and ends the tool with status 2. */
void kit_fatal(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* What is mounted from now on, and only this process and its children see, is gone with them, however they
 * end; false where that may not be. */
bool kit_keep_mounts(void);

void text_reserve(struct text *t, size_t extra);
void text_add(struct text *t, const void *bytes, size_t len);
void text_add_str(struct text *t, const char *s);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void text_add_json(struct text *t, const char *bytes, size_t len);
void text_add_base64(struct text *t, const void *bytes, size_t len);
void text_consume(struct text *t, size_t len);
void text_free(struct text *t);
const char *text_str(const struct text *t);

/* Monotonic microseconds. */
int64_t kit_now_us(void);
/* Lower-case hexadecimal SHA-256. */
void kit_sha256(const void *bytes, size_t len, char out[65]);
bool kit_is_utf8(const char *bytes, size_t len);
/* Appends a file; 0 or -1 with errno. */
int kit_read_file(const char *path, struct text *out);
int kit_write_file(const char *path, const char *bytes, size_t len);
/* Undoes \r \n \t \0 \\ \" \e \xHH; another letter after a backslash stays as it is, backslash too. */
void kit_unescape(const char *s, size_t len, struct text *out);
/* Shows bytes so that each can be told: \r, \n, \xHH. */
void kit_escape(const char *s, size_t len, struct text *out);
/* '*' matches any run of bytes; everything else itself. */
bool kit_glob(const char *pattern, const char *s);
/* Decimal digits only; -1 when it is something else or above 2^53. */
int64_t kit_number(const char *s, size_t len);
/* Whether the word starts the line; *rest is then what follows it and the blanks. */
bool kit_word(const char *line, const char *word, const char **rest);
/* First place of needle, or NULL. */
const char *kit_find(const char *hay, size_t hay_len, const char *needle, size_t needle_len);

#endif
