/* tests/support/kit.c - growing text, clocks, digests, small parsing for the test tools. */
#include "tests/support/kit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The tools leave their memory to the end of the process; the programs they start are judged. */
const char *__lsan_default_options(void) __attribute__((visibility("default")));
const char *__lsan_default_options(void)
{
	return "detect_leaks=0";
}

void kit_fatal(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(2);
}

bool kit_keep_mounts(void)
{
	return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void *kit_alloc(size_t size)
{
	void *p = calloc(1, size ? size : 1);
	if (!p)
		kit_fatal("out of memory");
	return p;
}

void *kit_grow(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);
	if (!p)
		kit_fatal("out of memory");
	return p;
}

char *kit_strndup(const char *s, size_t len)
{
	char *p = kit_alloc(len + 1);
	if (len)
		memcpy(p, s, len);
	return p;
}

char *kit_strdup(const char *s)
{
	return kit_strndup(s, strlen(s));
}

char *kit_printf(const char *format, ...)
{
	va_list args;
	char *s = NULL;
	va_start(args, format);
	if (vasprintf(&s, format, args) < 0)
		kit_fatal("out of memory");
	va_end(args);
	return s;
}

void text_reserve(struct text *t, size_t extra)
{
	size_t want = t->len + extra + 1;
	if (want <= t->capacity)
		return;
	size_t capacity = t->capacity ? t->capacity : 256;
	while (capacity < want)
		capacity *= 2;
	t->ptr = kit_grow(t->ptr, capacity);
	t->capacity = capacity;
}

void text_add(struct text *t, const void *bytes, size_t len)
{
	text_reserve(t, len);
	if (len)
		memcpy(t->ptr + t->len, bytes, len);
	t->len += len;
	t->ptr[t->len] = 0;
}

void text_add_str(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_printf(struct text *t, const char *format, ...)
{
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		kit_fatal("bad format");
	text_reserve(t, (size_t)len);
	vsnprintf(t->ptr + t->len, (size_t)len + 1, format, again);
	va_end(again);
	t->len += (size_t)len;
}

/* Length of the UTF-8 sequence at s, or 0 when it is not one. */
static size_t utf8_len(const unsigned char *s, size_t left)
{
	static const struct { unsigned char first, last, low, high; size_t len; } rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 },       { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		if (s[0] < rows[i].first || s[0] > rows[i].last)
			continue;
		if (rows[i].len > left)
			return 0;
		for (size_t k = 1; k < rows[i].len; k++) {
			unsigned char low = k == 1 ? rows[i].low : 0x80, high = k == 1 ? rows[i].high : 0xbf;
			if (s[k] < low || s[k] > high)
				return 0;
		}
		return rows[i].len;
	}
	return 0;
}

bool kit_is_utf8(const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	for (size_t i = 0; i < len;) {
		size_t n = utf8_len(s + i, len - i);
		if (!n)
			return false;
		i += n;
	}
	return true;
}

/* What JSON holds as it is, most of most texts: such runs are copied at once. */
static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

void text_add_json(struct text *t, const char *bytes, size_t len)
{
	const unsigned char *s = (const unsigned char *)bytes;
	text_add(t, "\"", 1);
	for (size_t i = 0; i < len;) {
		size_t plain = 0, n;
		while (i + plain < len && is_plain(s[i + plain]))
			plain++;
		text_add(t, s + i, plain);
		i += plain;
		if (i == len)
			break;
		n = utf8_len(s + i, len - i);
		if (!n) {
			text_add_str(t, "\xef\xbf\xbd");
			n = 1;
		} else if (n > 1) {
			text_add(t, s + i, n);
		} else if (s[i] == '"' || s[i] == '\\') {
			char pair[2] = { '\\', (char)s[i] };
			text_add(t, pair, 2);
		} else {
			text_printf(t, "\\u%04x", s[i]);
		}
		i += n;
	}
	text_add(t, "\"", 1);
}

void text_add_base64(struct text *t, const void *bytes, size_t len)
{
	text_reserve(t, (len + 2) / 3 * 4 + 1);
	t->len += (size_t)EVP_EncodeBlock((unsigned char *)t->ptr + t->len, bytes, (int)len);
	t->ptr[t->len] = 0;
}

void text_consume(struct text *t, size_t len)
{
	if (!len)
		return;
	memmove(t->ptr, t->ptr + len, t->len - len);
	t->len -= len;
	t->ptr[t->len] = 0;
}

void text_free(struct text *t)
{
	free(t->ptr);
	*t = (struct text){ 0 };
}

const char *text_str(const struct text *t)
{
	return t->ptr ? t->ptr : "";
}

int64_t kit_now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void kit_sha256(const void *bytes, size_t len, char out[65])
{
	unsigned char digest[32];
	unsigned size = sizeof digest;
	if (!EVP_Digest(bytes, len, digest, &size, EVP_sha256(), NULL))
		kit_fatal("sha256 failed");
	for (size_t i = 0; i < sizeof digest; i++)
		snprintf(out + 2 * i, 3, "%02x", digest[i]);
}

int kit_read_file(const char *path, struct text *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	ssize_t n;
	do {
		text_reserve(out, 65536);
		n = read(fd, out->ptr + out->len, 65536);
		if (n > 0)
			out->len += (size_t)n;
	} while (n > 0 || (n < 0 && errno == EINTR));
	out->ptr[out->len] = 0;
	close(fd);
	return n < 0 ? -1 : 0;
}

int kit_write_file(const char *path, const char *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return -1;
	while (len) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			close(fd);
			return -1;
		}
		bytes += n;
		len -= (size_t)n;
	}
	return close(fd);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

void kit_unescape(const char *s, size_t len, struct text *out)
{
	static const char letters[] = "rnt0\\\"e", values[] = "\r\n\t\0\\\"\033";
	for (size_t i = 0; i < len; i++) {
		const char *at, *next = memchr(s + i, '\\', len - i);
		size_t plain = next ? (size_t)(next - s) - i : len - i;
		if (plain || i + 1 == len) {
			plain += !plain;
			text_add(out, s + i, plain);
			i += plain - 1;
		} else if (s[i + 1] == 'x' && i + 3 < len && hex_value(s[i + 2]) >= 0 && hex_value(s[i + 3]) >= 0) {
			char byte = (char)(hex_value(s[i + 2]) * 16 + hex_value(s[i + 3]));
			text_add(out, &byte, 1);
			i += 3;
		} else if (s[i + 1] && (at = strchr(letters, s[i + 1]))) {
			text_add(out, &values[at - letters], 1);
			i++;
		} else {
			text_add(out, s + i, 1);
		}
	}
	text_add(out, "", 0);
}

void kit_escape(const char *s, size_t len, struct text *out)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c == '\r' || c == '\n' || c == '\t')
			text_printf(out, "\\%c", c == '\r' ? 'r' : c == '\n' ? 'n' : 't');
		else if (c < 0x20 || c == 0x7f)
			text_printf(out, "\\x%02x", c);
		else
			text_add(out, s + i, 1);
	}
}

bool kit_glob(const char *pattern, const char *s)
{
	const char *star = NULL, *mark = NULL;
	while (*s) {
		if (*pattern == '*') {
			star = pattern++;
			mark = s;
		} else if (*pattern == *s) {
			pattern++;
			s++;
		} else if (star) {
			pattern = star + 1;
			s = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

int64_t kit_number(const char *s, size_t len)
{
	int64_t value = 0;
	if (!len)
		return -1;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		value = value * 10 + (s[i] - '0');
		if (value > (INT64_C(1) << 53))
			return -1;
	}
	return value;
}

bool kit_word(const char *line, const char *word, const char **rest)
{
	size_t len = strlen(word);
	if (strncmp(line, word, len) != 0 || (line[len] && line[len] != ' ' && line[len] != '\t'))
		return false;
	line += len;
	*rest = line + strspn(line, " \t");
	return true;
}

const char *kit_find(const char *hay, size_t hay_len, const char *needle, size_t needle_len)
{
	return hay_len ? memmem(hay, hay_len, needle, needle_len) : NULL;
}
