/*
 * common/rag/reading_mail.c - a message: who wrote when about what, its text, its attachments; or a
 * mailbox of such.
 *
 * MIME as it comes, not as it should: wrong boundaries, missing headers and broken codings lose
 * as little as possible.  Of alternatives the plain text is preferred; attachments are read by
 * their own readers, and one that cannot be read is only named.
 */
#include "common/rag/reading_mail.h"

#include "common/base/mem.h"

enum {
	PARTS_MAX = 500,      /* of a message, nested ones included */
	BOUNDARY_MAX = 200,
};

struct mail {
	struct reader *rd;
	size_t parts;
	bool in_mailbox; /* the message is one of several */
	struct err *err;
};

/* ---- parts ---- */

struct type {
	struct buf value;       /* "text/plain; charset=x", whole */
	struct span media;      /* "text/plain" */
	struct buf charset, name, boundary;
	bool is_attachment;
};

static void type_init(struct type *t)
{
	buf_init(&t->value, MAIL_HEAD_MAX);
	buf_init(&t->charset, MAIL_HEAD_MAX);
	buf_init(&t->name, MAIL_HEAD_MAX);
	buf_init(&t->boundary, MAIL_HEAD_MAX);
}

static void type_free(struct type *t)
{
	buf_free(&t->value);
	buf_free(&t->charset);
	buf_free(&t->name);
	buf_free(&t->boundary);
}

static void read_type(struct span head, struct type *t)
{
	struct buf disposition;
	struct span rest;

	buf_init(&disposition, MAIL_HEAD_MAX);
	if (!mail_field(head, "content-type", &t->value))
		buf_add_str(&t->value, "text/plain");
	rest = buf_span(&t->value);
	t->media = span_trim(span_cut(&rest, ';'));
	mail_parameter(buf_span(&t->value), "charset", &t->charset);
	mail_parameter(buf_span(&t->value), "boundary", &t->boundary);
	t->is_attachment = mail_field(head, "content-disposition", &disposition) &&
			   span_starts(buf_span(&disposition), "attachment");
	if (!mail_parameter(buf_span(&disposition), "filename", &t->name))
		mail_parameter(buf_span(&t->value), "name", &t->name);
	mail_name(&t->name);
	buf_free(&disposition);
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
		struct span line = mail_line(rest);
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

static int write_part(struct mail *m, struct mail_part part, int depth);

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
		read_type(mail_split(piece).head, &t);
		is_plain = span_is_nocase(t.media, "text/plain");
		type_free(&t);
		if (!is_blank(mail_split(piece).body))
			best = piece;
		if (is_plain && best.ptr == piece.ptr)
			break;
	}
	return best;
}

static int write_parts(struct mail *m, struct mail_part part, const struct type *t, int depth)
{
	struct span boundary = buf_span(&t->boundary), rest = part.body, piece;
	int rc = 0;

	if (boundary.len > BOUNDARY_MAX)
		return 0;
	if (span_is_nocase(t->media, "multipart/alternative")) {
		piece = choose_alternative(part.body, boundary);
		return piece.ptr ? write_part(m, mail_split(piece), depth + 1) : 0;
	}
	next_part(&rest, boundary, &piece);
	while (rc == 0 && next_part(&rest, boundary, &piece))
		rc = write_part(m, mail_split(piece), depth + 1);
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

static int write_part(struct mail *m, struct mail_part part, int depth)
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
		mail_decode(part, &body);
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

/* The subject is the title of a message alone, of one in a mailbox a heading. */
static void write_head(struct mail *m, struct span head)
{
	static const char *const fields[] = { "Subject", "From", "To", "Cc", "Date" };
	struct buf value, text;

	buf_init(&value, MAIL_HEAD_MAX);
	buf_init(&text, MAIL_HEAD_MAX);
	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		if (!mail_field(head, fields[i], &value))
			continue;
		mail_words(buf_span(&value), &text);
		record_field(m->rd, span_str(fields[i]), span_trim(buf_span(&text)));
		if (i == 0 && !m->in_mailbox)
			reader_title(m->rd, buf_span(&text));
	}
	buf_free(&value);
	buf_free(&text);
}

static void write_subject(struct mail *m, struct span head)
{
	struct buf value, text;
	size_t start;

	buf_init(&value, MAIL_HEAD_MAX);
	buf_init(&text, MAIL_HEAD_MAX);
	if (mail_field(head, "Subject", &value))
		mail_words(buf_span(&value), &text);
	reader_end_block(m->rd);
	start = reader_at(m->rd);
	reader_write(m->rd, span_trim(buf_span(&text)));
	reader_mark(m->rd, MARK_HEADING, 1, start);
	buf_free(&value);
	buf_free(&text);
}

static int write_message(struct mail *m, struct span bytes)
{
	struct mail_part part = mail_split(bytes);
	size_t start;

	m->parts = 0;
	if (m->in_mailbox)
		write_subject(m, part.head);
	record_begin(m->rd);
	start = reader_at(m->rd);
	write_head(m, part.head);
	reader_end_line(m->rd);
	reader_mark(m->rd, MARK_RECORD, 0, start);
	return write_part(m, part, 0);
}

/* ---- mailboxes ---- */

/* "From ada@example.org Mon Jan  1 10:00:00 2024", as RFC 4155 has it. */
static bool begins_message(struct span line)
{
	return span_starts(line, "From ") && line.ptr[line.len - 1] >= '0' && line.ptr[line.len - 1] <= '9' &&
	       memchr(line.ptr, ':', line.len);
}

/* Behind its first line, up to the next one that begins a message, below an empty line. */
static struct span next_message(struct span *rest)
{
	struct span message;
	bool is_below_empty = false;

	mail_line(rest);
	message = rest->ptr ? *rest : SPAN_NONE;
	while (rest->ptr) {
		struct span from = *rest, line = mail_line(rest);

		if (is_below_empty && begins_message(line)) {
			message.len = (size_t)(line.ptr - message.ptr);
			*rest = from;
			return message;
		}
		is_below_empty = line.len == 0;
	}
	return message;
}

static int write_mailbox(struct mail *m, struct span rest)
{
	struct span message = next_message(&rest);
	int rc;

	m->in_mailbox = rest.ptr;
	rc = write_message(m, message);
	while (rc == 0 && rest.ptr) {
		rc = write_message(m, next_message(&rest));
		if (rc == 0)
			rc = reader_goes_on(m->rd, m->err);
	}
	return rc;
}

int read_mail(struct reader *rd, struct err *err)
{
	struct mail m = { .rd = rd, .err = err };

	if (rd->bytes.len == 0)
		return 0;
	if (memchr(rd->bytes.ptr, '\0', rd->bytes.len < KIB ? rd->bytes.len : KIB))
		return err_set(err, E_unsupported_document, "", "it is binary, no message");
	return span_starts(rd->bytes, "From ") ? write_mailbox(&m, rd->bytes) : write_message(&m, rd->bytes);
}
