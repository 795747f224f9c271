/*
 * common/chat/conversation_title.c - titles of conversations: made of what was said, or chosen.
 */
#include "common/chat/conversation_request.h"

#include "common/base/utf8.h"

enum { TITLE_CHARACTERS = 60 };

/* Where to cut text so that at most so many characters are left, between words when that is near. */
static size_t cut_at(struct span text, size_t characters)
{
	size_t at = 0, len, blank = 0;

	for (size_t i = 0; i < characters && at < text.len; i++) {
		len = 1;
		if ((unsigned char)text.ptr[at] >= 0x80)
			utf8_next(span_from(text, at), &len);
		if (text.ptr[at] == ' ')
			blank = at;
		at += len;
	}
	return at < text.len && blank > at / 2 ? blank : at;
}

/* Letters, digits and signs of ASCII at the start of text. */
static size_t plain_run(struct span text)
{
	enum { RUN_MAX = 32 }; /* less than the room that is left when a line is full is lost */
	size_t len = 0;

	while (len < text.len && len < RUN_MAX && text.ptr[len] > ' ' && text.ptr[len] < 0x7f)
		len++;
	return len;
}

/* Without control characters; blanks, one between two words.  Returns the count of characters. */
static size_t write_line(struct span text, struct buf *out)
{
	bool blank = false;
	size_t count = 0;

	for (size_t at = 0, len; at < text.len; at += len) {
		size_t run = plain_run(span_from(text, at));
		uint32_t c = run ? 0 : utf8_next(span_from(text, at), &len);

		if (!run && (c <= ' ' || c == 0x7f || (c >= 0x80 && c < 0xa1))) {
			blank = count > 0;
			continue;
		}
		if (blank)
			buf_add_char(out, ' ');
		count += blank + (run ? run : 1);
		blank = false;
		if (run)
			len = run;
		if ((run ? buf_add(out, text.ptr + at, run) : utf8_add(out, c)) < 0)
			break;
	}
	return count;
}

/* Words of ASCII with one blank between two: what most short messages are. */
static bool is_plain_line(struct span text)
{
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c < ' ' || c >= 0x7f || (c == ' ' && (i == 0 || i + 1 == text.len || text.ptr[i - 1] == ' ')))
			return false;
	}
	return true;
}

/* Before the first fenced block, a file that goes with the message or code, and before its name. */
static struct span before_fence(struct span text)
{
	ptrdiff_t fence = span_find(text, SPAN_LIT("\n```"));
	struct span said, name;

	if (fence < 0 || span_starts(text, "```"))
		return text;
	said = span_strip(span_of(text.ptr, (size_t)fence));
	name = span_line_at(said, said.len);
	if (span_ends(name, ":") && span_ends(span_of(said.ptr, said.len - name.len), "\n\n"))
		said = span_strip(span_of(said.ptr, said.len - name.len));
	return said.len ? said : text;
}

void conversation_make_title(struct span text, struct buf *out)
{
	struct buf line;
	size_t end;

	text = before_fence(text);
	if (text.len <= TITLE_CHARACTERS && is_plain_line(text)) {
		buf_add_span(out, text);
		return;
	}
	buf_init(&line, 8 * (size_t)TITLE_CHARACTERS);
	write_line(text, &line);
	end = cut_at(buf_span(&line), TITLE_CHARACTERS);
	buf_add(out, buf_str(&line), end);
	if (end < line.len)
		buf_add_str(out, "…");
	buf_free(&line);
}

int conversation_clean_title(struct span text, struct buf *out, struct err *err)
{
	size_t before = out->len, count = write_line(text, out);

	if (count > 0 && count <= CONVERSATION_TITLE_MAX && !buf_failed(out))
		return 0;
	if (!buf_failed(out))
		buf_truncate(out, before);
	return err_set(err, E_invalid_field, "title", "title must have 1 to %d characters",
		       CONVERSATION_TITLE_MAX);
}
