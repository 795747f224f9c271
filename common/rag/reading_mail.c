/*
 * common/rag/reading_mail.c - a message: who wrote when about what, its text, its attachments.
 *
 * MIME as it comes, not as it should: wrong boundaries, missing headers and broken codings lose
 * as little as possible.  Of alternatives the plain text is preferred; attachments are read by
 * their own readers, and one that cannot be read is only named.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

#include <stdio.h>

enum {
	PARTS_MAX = 500,      /* of a message, nested ones included */
	HEADER_MAX = 64 * 1024,
	BOUNDARY_MAX = 200,
};

struct part {
	struct span head, body;
};

struct mail {
	struct reader *rd;
	size_t parts;
	struct err *err;
};

/* ---- heads ---- */

/* Cuts a line, its CR LF dropped. */
static struct span cut_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return line;
}

/* Up to the first empty line. */
static struct part split(struct span bytes)
{
	struct part p = { .head = bytes };
	struct span rest = bytes;

	while (rest.ptr) {
		struct span line = cut_line(&rest);

		if (line.len == 0) {
			p.head.len = (size_t)(line.ptr ? line.ptr - bytes.ptr : 0);
			p.body = rest.ptr ? rest : SPAN_NONE;
			break;
		}
	}
	return p;
}

/* The value of a field, unfolded, into out; false when there is none. */
static bool get_field(struct span head, const char *name, struct buf *out)
{
	size_t len = strlen(name);

	buf_clear(out);
	while (head.ptr) {
		struct span line = cut_line(&head);

		if (line.len <= len || line.ptr[len] != ':' || !span_is_nocase(span_of(line.ptr, len), name))
			continue;
		buf_add_span(out, span_trim(span_from(line, len + 1)));
		while (head.len > 0 && (head.ptr[0] == ' ' || head.ptr[0] == '\t')) {
			line = cut_line(&head);
			buf_add_char(out, ' ');
			buf_add_span(out, span_trim(line));
		}
		return !buf_failed(out);
	}
	return false;
}

/* name= of "a/b; name=x"; also name*=utf-8''x of RFC 2231.  Into out, which is emptied. */
static bool get_parameter(struct span value, const char *name, struct buf *out)
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
	buf_init(&bytes, HEADER_MAX);
	if ((coding.ptr[0] | 0x20) == 'b')
		decode_base64(text, &bytes);
	else
		decode_quoted(text, true, &bytes);
	if (decode_charset(buf_span(&bytes), name, out) < 0)
		decode_charset(buf_span(&bytes), "UTF-8", out);
	buf_free(&bytes);
	return (size_t)(text.ptr + text.len + 2 - s.ptr);
}

/* A head's value with its encoded words; blanks between two of them go. */
static void decode_words(struct span value, struct buf *out)
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

/* ---- parts ---- */

struct type {
	struct buf value;       /* "text/plain; charset=x", whole */
	struct span media;      /* "text/plain" */
	struct buf charset, name, boundary;
	bool is_attachment;
};

static void type_init(struct type *t)
{
	buf_init(&t->value, HEADER_MAX);
	buf_init(&t->charset, HEADER_MAX);
	buf_init(&t->name, HEADER_MAX);
	buf_init(&t->boundary, HEADER_MAX);
}

static void type_free(struct type *t)
{
	buf_free(&t->value);
	buf_free(&t->charset);
	buf_free(&t->name);
	buf_free(&t->boundary);
}

static void decode_name(struct buf *name)
{
	struct span value = buf_span(name), rest;
	struct buf out;

	buf_init(&out, HEADER_MAX);
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
		decode_words(value, &out);
		buf_clear(name);
		buf_add_span(name, buf_span(&out));
	}
	buf_free(&out);
}

static void read_type(struct span head, struct type *t)
{
	struct buf disposition;
	struct span rest;

	buf_init(&disposition, HEADER_MAX);
	if (!get_field(head, "content-type", &t->value))
		buf_add_str(&t->value, "text/plain");
	rest = buf_span(&t->value);
	t->media = span_trim(span_cut(&rest, ';'));
	get_parameter(buf_span(&t->value), "charset", &t->charset);
	get_parameter(buf_span(&t->value), "boundary", &t->boundary);
	t->is_attachment = get_field(head, "content-disposition", &disposition) &&
			   span_starts(buf_span(&disposition), "attachment");
	if (!get_parameter(buf_span(&disposition), "filename", &t->name))
		get_parameter(buf_span(&t->value), "name", &t->name);
	decode_name(&t->name);
	buf_free(&disposition);
}

static void decode_body(struct part part, struct buf *out)
{
	struct buf coding;

	buf_init(&coding, HEADER_MAX);
	get_field(part.head, "content-transfer-encoding", &coding);
	if (span_is_nocase(span_trim(buf_span(&coding)), "base64"))
		decode_base64(part.body, out);
	else if (span_is_nocase(span_trim(buf_span(&coding)), "quoted-printable"))
		decode_quoted(part.body, false, out);
	else
		buf_add_span(out, part.body);
	buf_free(&coding);
}

static bool starts_nocase(struct span s, const char *prefix)
{
	size_t len = strlen(prefix);

	return s.len >= len && span_is_nocase(span_of(s.ptr, len), prefix);
}

/* The next part before "--boundary"; 1, or 0 behind the last. */
static int next_part(struct span *rest, struct span boundary, struct span *part)
{
	const char *start = rest->ptr;

	*part = SPAN_NONE;
	while (rest->ptr) {
		struct span line = cut_line(rest);
		bool is_boundary = line.len >= boundary.len + 2 && span_starts(line, "--") &&
				   memcmp(line.ptr + 2, boundary.ptr, boundary.len) == 0;

		if (!is_boundary && rest->ptr)
			continue;
		if (is_boundary) {
			*part = span_of(start, (size_t)(line.ptr - start));
			if (span_starts(span_from(line, boundary.len + 2), "--"))
				*rest = SPAN_NONE;
		} else { /* cut off: what is there */
			*part = span_of(start, (size_t)(line.ptr + line.len - start));
		}
		return 1;
	}
	return 0;
}

static int write_part(struct mail *m, struct part part, int depth);

static bool is_blank(struct span text)
{
	size_t i = 0;

	while (i < text.len && (unsigned char)text.ptr[i] <= ' ')
		i++;
	return i == text.len;
}

/* Plain text if there is some, else the last. */
static struct span choose_alternative(struct span body, struct span boundary)
{
	struct span rest = body, piece, best = SPAN_NONE;

	next_part(&rest, boundary, &piece); /* what stands before the first */
	while (next_part(&rest, boundary, &piece)) {
		struct type t;
		bool is_plain;

		type_init(&t);
		read_type(split(piece).head, &t);
		is_plain = span_is_nocase(t.media, "text/plain");
		type_free(&t);
		if (!is_blank(split(piece).body))
			best = piece;
		if (is_plain && best.ptr == piece.ptr)
			break;
	}
	return best;
}

static int write_parts(struct mail *m, struct part part, const struct type *t, int depth)
{
	struct span boundary = buf_span(&t->boundary), rest = part.body, piece;
	int rc = 0;

	if (boundary.len > BOUNDARY_MAX)
		return 0;
	if (span_is_nocase(t->media, "multipart/alternative")) {
		piece = choose_alternative(part.body, boundary);
		return piece.ptr ? write_part(m, split(piece), depth + 1) : 0;
	}
	next_part(&rest, boundary, &piece);
	while (rc == 0 && next_part(&rest, boundary, &piece))
		rc = write_part(m, split(piece), depth + 1);
	return rc;
}

/* A line that names it, then what its reader makes of it; of pictures and the like only the name. */
static int write_attachment(struct mail *m, const struct type *t, struct span bytes)
{
	struct reader *rd = m->rd;
	bool is_message = starts_nocase(t->media, "message/");
	char *type = mem_printf("%s", buf_str(&t->value));
	struct err err = ERR_INIT;
	size_t start;
	int rc = 0;

	reader_end_block(rd);
	start = reader_at(rd);
	reader_write_str(rd, is_message && t->name.len == 0 ? "Message" : "Attachment: ");
	reader_write(rd, buf_span(&t->name));
	reader_mark(rd, MARK_HEADING, 2, start);
	reader_end_block(rd);
	if (!starts_nocase(t->media, "image/") && !starts_nocase(t->media, "audio/") &&
	    !starts_nocase(t->media, "video/"))
		rc = reader_nested(rd, buf_span(&t->name), type, bytes, &err);
	mem_free(type);
	if (rc < 0 && err.code == E_cancelled)
		return err_set(m->err, err.code, "", "%s", err.message);
	return reader_goes_on(rd, m->err);
}

/* The message's own words. */
static int write_text(struct mail *m, const struct type *t, struct span bytes)
{
	struct reader inner = *m->rd;
	bool is_html = span_is_nocase(t->media, "text/html");
	int rc;

	reader_end_block(m->rd);
	inner.bytes = bytes;
	inner.charset = buf_span(&t->charset);
	inner.depth++;
	rc = is_html ? read_html(&inner, NULL) : read_plain(&inner, NULL);
	if (rc < 0) { /* wrong about its charset: as much as can be read */
		struct buf text;

		buf_init(&text, m->rd->limits.text_max * 4);
		if (!memchr(bytes.ptr ? bytes.ptr : "", '\0', bytes.len) &&
		    decode_charset(bytes, "WINDOWS-1252", &text) == 0)
			reader_write(m->rd, buf_span(&text));
		buf_free(&text);
	}
	m->rd->is_full = inner.is_full;
	return reader_goes_on(m->rd, m->err);
}

static int write_part(struct mail *m, struct part part, int depth)
{
	struct type t;
	struct buf body;
	int rc;

	if (++m->parts > PARTS_MAX || depth > m->rd->limits.depth)
		return 0; /* the rest is not worth the time it would take */
	type_init(&t);
	read_type(part.head, &t);
	buf_init(&body, m->rd->limits.bytes_in);
	if (starts_nocase(t.media, "multipart/") && t.boundary.len > 0) {
		rc = write_parts(m, part, &t, depth);
	} else {
		decode_body(part, &body);
		if (!t.is_attachment && t.name.len == 0 && starts_nocase(t.media, "text/"))
			rc = write_text(m, &t, buf_span(&body));
		else
			rc = write_attachment(m, &t, buf_span(&body));
	}
	buf_free(&body);
	type_free(&t);
	return rc;
}

/* ---- the message ---- */

static void write_head(struct reader *rd, struct span head)
{
	static const char *const fields[] = { "Subject", "From", "To", "Cc", "Date" };
	struct buf value, text;

	buf_init(&value, HEADER_MAX);
	buf_init(&text, HEADER_MAX);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!get_field(head, fields[i], &value))
			continue;
		decode_words(buf_span(&value), &text);
		record_field(rd, span_str(fields[i]), span_trim(buf_span(&text)));
		if (i == 0)
			reader_title(rd, buf_span(&text));
	}
	buf_free(&value);
	buf_free(&text);
}

int read_mail(struct reader *rd, struct err *err)
{
	struct mail m = { .rd = rd, .err = err };
	size_t start;
	struct part part;

	if (rd->bytes.len == 0)
		return 0;
	if (memchr(rd->bytes.ptr, '\0', rd->bytes.len < KIB ? rd->bytes.len : KIB))
		return err_set(err, E_unsupported_document, "", "it is binary, no message");
	if (span_starts(rd->bytes, "From ")) { /* as it lay in a mailbox */
		struct span rest = rd->bytes;

		cut_line(&rest);
		part = split(rest.ptr ? rest : SPAN_NONE);
	} else {
		part = split(rd->bytes);
	}
	record_begin(rd);
	start = reader_at(rd);
	write_head(rd, part.head);
	reader_end_line(rd);
	reader_mark(rd, MARK_RECORD, 0, start);
	return write_part(&m, part, 0);
}
