/*
 * common/rag/reading_mail_head.c - what the head of a message or of one of its parts says, and how its
 * text is coded (RFC 2045, 2047, 2231).
 */
#include "common/rag/reading_mail.h"

#include "common/base/mem.h"

#include <stdio.h>

/* ---- fields ---- */

struct span mail_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

struct mail_part mail_split(struct span bytes)
{
	struct mail_part p = { .head = bytes };
	struct span rest = bytes;

	while (rest.ptr) {
		struct span line = mail_line(&rest);

		if (line.len == 0) {
			p.head.len = (size_t)(line.ptr ? line.ptr - bytes.ptr : 0);
			p.body = rest.ptr ? rest : SPAN_NONE;
			break;
		}
	}
	return p;
}

bool mail_field(struct span head, const char *name, struct buf *out)
{
	size_t len = strlen(name);

	buf_clear(out);
	while (head.ptr) {
		struct span line = mail_line(&head);

		if (line.len <= len || line.ptr[len] != ':' || !span_is_nocase(span_of(line.ptr, len), name))
			continue;
		buf_add_span(out, span_trim(span_from(line, len + 1)));
		while (head.len > 0 && (head.ptr[0] == ' ' || head.ptr[0] == '\t')) {
			line = mail_line(&head);
			buf_add_char(out, ' ');
			buf_add_span(out, span_trim(line));
		}
		return !buf_failed(out);
	}
	return false;
}

bool mail_parameter(struct span value, const char *name, struct buf *out)
{
	size_t len = strlen(name);

	buf_clear(out);
	span_cut(&value, ';');
	while (value.ptr) {
		bool quoted = false;
		size_t end = 0;
		struct span pair;

		for (; end < value.len && (quoted || value.ptr[end] != ';'); end++)
			quoted ^= value.ptr[end] == '"';
		pair = span_trim(span_of(value.ptr, end));
		value = end < value.len ? span_from(value, end + 1) : SPAN_NONE;
		if (pair.len <= len || !span_is_nocase(span_of(pair.ptr, len), name))
			continue;
		pair = span_trim(span_from(pair, len));
		if (span_starts(pair, "*="))
			pair = span_from(pair, 1);
		if (pair.len == 0 || pair.ptr[0] != '=')
			continue;
		pair = span_trim(span_from(pair, 1));
		if (pair.len >= 2 && pair.ptr[0] == '"' && pair.ptr[pair.len - 1] == '"')
			pair = span_of(pair.ptr + 1, pair.len - 2);
		buf_add_span(out, pair);
		return out->len > 0;
	}
	return false;
}

/* ---- codings ---- */

static int hex_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* in_word: as in heads, where _ is a blank. */
static void decode_quoted(struct span text, bool in_word, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		size_t end = i + 1;

		if (c == '_' && in_word) {
			buf_add_char(out, ' ');
			continue;
		}
		if (c != '=') {
			buf_add_char(out, c);
			continue;
		}
		if (i + 2 < text.len && hex_of(text.ptr[i + 1]) >= 0 && hex_of(text.ptr[i + 2]) >= 0) {
			buf_add_char(out, (char)(hex_of(text.ptr[i + 1]) * 16 + hex_of(text.ptr[i + 2])));
			i += 2;
			continue;
		}
		/* A soft line end, blanks before it allowed. */
		while (end < text.len && (text.ptr[end] == ' ' || text.ptr[end] == '\t' || text.ptr[end] == '\r'))
			end++;
		if (end < text.len && text.ptr[end] == '\n')
			i = end;
		else if (end == text.len)
			i = end - 1;
		else
			buf_add_char(out, c);
	}
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* What is not of the alphabet is skipped, as RFC 2045 has it. */
static void decode_base64(struct span text, struct buf *out)
{
	uint32_t bits = 0;
	int count = 0;

	for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
		int value = base64_value(text.ptr[i]);

		if (value < 0)
			continue;
		bits = bits << 6 | (uint32_t)value;
		count += 6;
		if (count >= 8) {
			count -= 8;
			buf_add_char(out, (char)(unsigned char)(bits >> count & 0xff));
		}
	}
}

/* One "=?charset?B?...?=" at the start of s; bytes taken, or 0. */
static size_t decode_word(struct span s, struct buf *out)
{
	struct span rest = span_from(s, 2), charset, coding, text;
	struct buf bytes;
	char name[48];
	ptrdiff_t end;

	if (!span_starts(s, "=?"))
		return 0;
	charset = span_cut(&rest, '?');
	coding = span_cut(&rest, '?');
	end = rest.ptr ? span_find(rest, SPAN_LIT("?=")) : -1;
	if (end < 0 || charset.len == 0 || charset.len >= sizeof(name) || coding.len != 1)
		return 0;
	text = span_of(rest.ptr, (size_t)end);
	snprintf(name, sizeof(name), "%.*s", SPAN_ARGS(charset));
	if (strchr(name, '*'))
		*strchr(name, '*') = '\0'; /* a language */
	buf_init(&bytes, MAIL_HEAD_MAX);
	if ((coding.ptr[0] | 0x20) == 'b')
		decode_base64(text, &bytes);
	else
		decode_quoted(text, true, &bytes);
	if (decode_charset(buf_span(&bytes), name, out) < 0)
		decode_charset(buf_span(&bytes), "UTF-8", out);
	buf_free(&bytes);
	return (size_t)(text.ptr + text.len + 2 - s.ptr);
}

void mail_words(struct span value, struct buf *out)
{
	bool after_word = false;

	buf_clear(out);
	while (value.len > 0 && !buf_failed(out)) {
		size_t blanks = 0, taken;

		while (blanks < value.len && value.ptr[blanks] == ' ')
			blanks++;
		if (blanks > 0 && !(after_word && span_starts(span_from(value, blanks), "=?")))
			buf_add(out, value.ptr, blanks);
		value = span_from(value, blanks);
		taken = decode_word(value, out);
		after_word = taken > 0;
		if (taken == 0 && value.len > 0) {
			taken = 1;
			while (taken < value.len && value.ptr[taken] != ' ' && value.ptr[taken] != '=')
				taken++;
			if (taken == 1 && (unsigned char)value.ptr[0] >= 0x80)
				buf_add_char(out, value.ptr[0]);
			else
				buf_add(out, value.ptr, taken);
		}
		value = span_from(value, taken);
	}
}

void mail_name(struct buf *name)
{
	struct span value = buf_span(name), rest;
	struct buf out;

	buf_init(&out, MAIL_HEAD_MAX);
	if (span_find(value, SPAN_LIT("''")) > 0) { /* utf-8''a%20b */
		char *charset;

		rest = span_cut(&value, '\'');
		charset = mem_strndup(rest.ptr, rest.len);
		span_cut(&value, '\'');
		for (size_t i = 0; i < value.len; i++)
			if (value.ptr[i] == '%' && i + 2 < value.len && hex_of(value.ptr[i + 1]) >= 0 &&
			    hex_of(value.ptr[i + 2]) >= 0) {
				char byte = (char)(hex_of(value.ptr[i + 1]) * 16 + hex_of(value.ptr[i + 2]));

				buf_add_char(&out, byte);
				i += 2;
			} else {
				buf_add_char(&out, value.ptr[i]);
			}
		buf_clear(name);
		if (decode_charset(buf_span(&out), charset, name) < 0)
			buf_add_span(name, buf_span(&out));
		mem_free(charset);
	} else {
		mail_words(value, &out);
		buf_clear(name);
		buf_add_span(name, buf_span(&out));
	}
	buf_free(&out);
}

void mail_decode(struct mail_part part, struct buf *out)
{
	struct buf coding;

	buf_init(&coding, MAIL_HEAD_MAX);
	mail_field(part.head, "content-transfer-encoding", &coding);
	if (span_is_nocase(span_trim(buf_span(&coding)), "base64"))
		decode_base64(part.body, out);
	else if (span_is_nocase(span_trim(buf_span(&coding)), "quoted-printable"))
		decode_quoted(part.body, false, out);
	else
		buf_add_span(out, part.body);
	buf_free(&coding);
}
