/* common/base/utf8.c - reading and writing UTF-8, and showing what is not fit to be shown. */
#include "common/base/utf8.h"

#include <string.h>

#define REPLACEMENT 0xfffd

/*
 * What may follow a lead byte: how many bytes, and the range of the first of them, which is where
 * overlong forms, surrogates and numbers above U+10FFFF show.  length 0: no lead byte.
 */
struct lead {
	unsigned length;
	unsigned char low, high;
};

static struct lead lead_of(unsigned char c)
{
	if (c < 0x80)
		return (struct lead){ 1, 0, 0 };
	if (c < 0xc2 || c > 0xf4)
		return (struct lead){ 0, 0, 0 };
	if (c < 0xe0)
		return (struct lead){ 2, 0x80, 0xbf };
	if (c < 0xf0)
		return (struct lead){ 3, c == 0xe0 ? 0xa0 : 0x80, c == 0xed ? 0x9f : 0xbf };
	return (struct lead){ 4, c == 0xf0 ? 0x90 : 0x80, c == 0xf4 ? 0x8f : 0xbf };
}

/*
 * How many bytes at p, of which there are len > 0, agree with one character; *whole is its length
 * (0 when the first byte begins none).  The character is complete when both are equal.
 */
static size_t agreeing(const unsigned char *p, size_t len, size_t *whole)
{
	struct lead lead = lead_of(p[0]);
	size_t n = 1;

	*whole = lead.length;
	if (lead.length < 2)
		return lead.length;
	if (len < 2 || p[1] < lead.low || p[1] > lead.high)
		return 1;
	for (n = 2; n < lead.length && n < len && (p[n] & 0xc0) == 0x80; n++)
		;
	return n;
}

static const unsigned char *bytes_of(struct span s)
{
	return (const unsigned char *)s.ptr;
}

bool utf8_is_valid(struct span s)
{
	const unsigned char *p = bytes_of(s);
	size_t left = s.len, whole;
	uint64_t eight;

	while (left > 0) {
		if (left >= sizeof(eight)) {
			memcpy(&eight, p, sizeof(eight));
			if (!(eight & UINT64_C(0x8080808080808080))) {
				p += sizeof(eight);
				left -= sizeof(eight);
				continue;
			}
		}
		if (agreeing(p, left, &whole) != whole || whole == 0)
			return false;
		p += whole;
		left -= whole;
	}
	return true;
}

uint32_t utf8_next(struct span s, size_t *len)
{
	static const unsigned char lead_bits[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	const unsigned char *p = bytes_of(s);
	uint32_t code_point;
	size_t whole;

	*len = 0;
	if (s.len == 0)
		return 0;
	*len = 1;
	if (agreeing(p, s.len, &whole) != whole || whole == 0)
		return REPLACEMENT;
	code_point = p[0] & lead_bits[whole];
	for (size_t i = 1; i < whole; i++)
		code_point = code_point << 6 | (p[i] & 0x3f);
	*len = whole;
	return code_point;
}

size_t utf8_encode(char out[UTF8_MAX], uint32_t c)
{
	static const unsigned char marks[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
	size_t len;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = REPLACEMENT;
	len = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	out[0] = (char)(marks[len] | c);
	return len;
}

int utf8_add(struct buf *out, uint32_t c)
{
	char bytes[UTF8_MAX];

	return buf_add(out, bytes, utf8_encode(bytes, c));
}

size_t utf8_whole(struct span s)
{
	const unsigned char *p = bytes_of(s);

	for (size_t back = 1; back <= 3 && back <= s.len; back++) {
		size_t at = s.len - back, whole;

		if ((p[at] & 0xc0) == 0x80)
			continue;
		/* Cut off only what more bytes could still make a character of. */
		if (agreeing(p + at, back, &whole) == back && whole > back)
			return at;
		break;
	}
	return s.len;
}

/* Characters that draw nothing themselves but change what is around them. */
static bool is_deceptive(uint32_t c)
{
	return (c >= 0x80 && c <= 0x9f) ||     /* C1 controls */
	       (c >= 0x202a && c <= 0x202e) || /* bidirectional embeddings and overrides */
	       (c >= 0x2066 && c <= 0x2069);   /* bidirectional isolates */
}

int utf8_add_harmless(struct buf *out, struct span s)
{
	while (s.len > 0) {
		size_t len;
		uint32_t c = utf8_next(s, &len);

		if (c == REPLACEMENT && len == 1)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)s.ptr[0]);
		else if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			buf_printf(out, "^%c", (char)(c ^ 0x40));
		else if (is_deceptive(c))
			buf_printf(out, "<U+%04X>", (unsigned)c);
		else
			buf_add(out, s.ptr, len);
		s = span_from(s, len);
	}
	return buf_failed(out) ? -1 : 0;
}

int utf8_add_flat(struct buf *out, struct span s)
{
	size_t from = out->len;
	int result = utf8_add_harmless(out, s);

	for (size_t i = from; i < out->len; i++)
		if (out->ptr[i] == '\n' || out->ptr[i] == '\t')
			out->ptr[i] = ' ';
	return result;
}
