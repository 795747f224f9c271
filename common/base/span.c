/* common/base/span.c - comparing, cutting and reading borrowed bytes. */
#include "common/base/span.h"

#include "common/base/bytes.h"

static unsigned char ascii_lower(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

bool span_equal_nocase(struct span a, struct span b)
{
	if (a.len != b.len)
		return false;
	if (bytes_equal(a.ptr, b.ptr, a.len)) /* as it is written by most */
		return true;
	for (size_t i = 0; i < a.len; i++)
		if (a.ptr[i] != b.ptr[i] && ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i]))
			return false;
	return true;
}

bool span_ends(struct span s, const char *suffix)
{
	size_t len = strlen(suffix);

	return s.len >= len && span_equal(span_from(s, s.len - len), span_of(suffix, len));
}

static inline bool is_white(char c, bool breaks)
{
	return breaks ? char_is_white(c) : c == ' ' || c == '\t';
}

/* breaks: line breaks are white, too. */
static inline struct span trim(struct span s, bool breaks)
{
	while (s.len > 0 && is_white(s.ptr[0], breaks)) {
		s.ptr++;
		s.len--;
	}
	while (s.len > 0 && is_white(s.ptr[s.len - 1], breaks))
		s.len--;
	return s;
}

struct span span_trim(struct span s)
{
	return trim(s, false);
}

struct span span_strip(struct span s)
{
	return trim(s, true);
}

struct span span_from(struct span s, size_t offset)
{
	if (s.len == 0)
		return s;
	if (offset > s.len)
		offset = s.len;
	return span_of(s.ptr + offset, s.len - offset);
}

struct span span_cut(struct span *rest, char sep)
{
	struct span head = *rest;
	const char *at = head.len > 0 ? memchr(head.ptr, sep, head.len) : NULL;

	if (!at) {
		*rest = SPAN_NONE;
		return head;
	}
	head.len = (size_t)(at - head.ptr);
	*rest = span_of(at + 1, rest->len - head.len - 1);
	return head;
}

struct span span_line_at(struct span text, size_t at)
{
	size_t from = at, to = at;

	while (from > 0 && text.ptr[from - 1] != '\n')
		from--;
	while (to < text.len && text.ptr[to] != '\n')
		to++;
	return span_of(text.ptr + from, to - from);
}

size_t span_count(struct span s, char c)
{
	size_t count = 0;

	for (size_t i = 0; i < s.len; i++)
		count += s.ptr[i] == c;
	return count;
}

ptrdiff_t span_find(struct span s, struct span needle)
{
	const char *at;

	if (needle.len == 0)
		return 0;
	if (needle.len > s.len)
		return -1;
	at = memmem(s.ptr, s.len, needle.ptr, needle.len);
	return at ? at - s.ptr : -1;
}

int span_to_int(struct span s, int64_t min, int64_t max, int64_t *value)
{
	int64_t number = 0;

	if (s.len == 0)
		return -1;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] < '0' || s.ptr[i] > '9')
			return -1;
		if (__builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(number, s.ptr[i] - '0', &number))
			return -1;
	}
	if (number < min || number > max)
		return -1;
	*value = number;
	return 0;
}
