/* common/rag/reading.c - the pen: what readers write, clean and within limits; its marks. */
#include "common/rag/reading_inside.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <stdlib.h>

enum {
	MARKS_MAX = 1 << 21,
	TITLE_MAX = 300, /* bytes */
};

const struct reader_limits reader_default_limits = {
	.bytes_in = 256 * MIB,
	.text_max = 64 * MIB,
	.seconds = 60,
	.depth = 8,
};

void reading_init(struct reading *r)
{
	*r = (struct reading){ .title = NULL };
	buf_init(&r->text, reader_default_limits.text_max);
}

void reading_free(struct reading *r)
{
	buf_free(&r->text);
	mem_free(r->marks);
	mem_free(r->title);
	mem_free(r->language);
	reading_init(r);
}

struct span reading_heading(const struct reading *r, const struct mark *mark)
{
	return reading_heading_words(
		span_of(r->text.ptr + mark->start, mark->end - mark->start));
}

struct span reading_heading_words(struct span line)
{
	size_t hashes = 0;

	line = span_trim(line);
	while (hashes < line.len && line.ptr[hashes] == '#')
		hashes++;
	if (hashes > 0 && hashes <= 6 &&
	    (hashes == line.len || line.ptr[hashes] == ' ' || line.ptr[hashes] == '\t'))
		line = span_trim(span_from(line, hashes));
	else
		return line;
	for (hashes = 0; hashes < line.len && line.ptr[line.len - 1 - hashes] == '#';)
		hashes++;
	if (hashes > 0 && (hashes == line.len || line.ptr[line.len - 1 - hashes] == ' '))
		line = span_trim(span_of(line.ptr, line.len - hashes));
	return line;
}

int reader_goes_on(struct reader *rd, struct err *err)
{
	const atomic_bool *cancelled = rd->options->cancelled;

	if (cancelled && atomic_load_explicit(cancelled, memory_order_relaxed))
		return err_set(err, E_cancelled, "", "reading was cancelled");
	if (buf_failed(&rd->out->text))
		return err_set(err, E_document_too_large, "", "its text is longer than %zu bytes",
			       rd->limits.text_max);
	if (rd->is_full)
		return err_set(err, E_document_too_large, "",
			       "it has more than %d headings, rows and pages", MARKS_MAX);
	return 0;
}

/* Controls, soft hyphens, byte order marks, and what is no character. */
static bool is_dropped(uint32_t c)
{
	return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) || c == 0xad ||
	       c == 0xfeff || c == 0xfffe || c == 0xffff;
}

/* A character that is kept as it is, dropped, or told otherwise. */
static void write_character(struct reader *rd, uint32_t c, struct span bytes)
{
	struct buf *text = &rd->out->text;
	bool after_cr = rd->after_cr;

	rd->after_cr = c == '\r';
	if (c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029)
		buf_add_char(text, '\n');
	else if (c == '\v' || c == '\f')
		buf_add_char(text, ' ');
	else if (c == 0xfffd)
		utf8_add(text, c); /* also for a broken byte */
	else if (!(c == '\n' && after_cr) && !is_dropped(c))
		buf_add_span(text, bytes);
}

/* How many bytes from the start, not behind a CR, are ASCII and kept as they are. */
static size_t plain_run(struct span text)
{
	size_t i = 0;

	for (; text.len - i >= 8; i += 8) {
		uint64_t eight = eight_load(text.ptr + i), low = eight & ~EIGHT_HIGH;
		uint64_t kept = eight_between(low, 0x20, 0x7e) | eight_between(low, '\t', '\n');

		if ((kept & ~eight) != EIGHT_HIGH)
			break;
	}
	while (i < text.len && ((text.ptr[i] >= 0x20 && text.ptr[i] < 0x7f) ||
				text.ptr[i] == '\t' || text.ptr[i] == '\n'))
		i++;
	return i;
}

void reader_write(struct reader *rd, struct span text)
{
	while (text.len > 0 && !buf_failed(&rd->out->text)) {
		size_t len = rd->after_cr && text.ptr[0] == '\n' ? 0 : plain_run(text);
		uint32_t c;

		if (len > 0) {
			buf_add(&rd->out->text, text.ptr, len);
			rd->after_cr = false;
		} else {
			c = utf8_next(text, &len);
			/* At a line's end a soft hyphen is one that is seen. */
			if (c == 0xad && text.len > len &&
			    (text.ptr[len] == '\n' || text.ptr[len] == '\r'))
				buf_add_char(&rd->out->text, '-');
			write_character(rd, c, span_of(text.ptr, len));
		}
		text = span_from(text, len);
	}
}

void reader_write_str(struct reader *rd, const char *text)
{
	reader_write(rd, span_str(text));
}

size_t reader_at(const struct reader *rd)
{
	return rd->out->text.len;
}

void reader_end_line(struct reader *rd)
{
	struct buf *text = &rd->out->text;
	size_t len = text->len;

	while (len > 0 && (text->ptr[len - 1] == ' ' || text->ptr[len - 1] == '\t'))
		len--;
	if (text->ptr)
		buf_truncate(text, len);
	if (len > 0 && text->ptr[len - 1] != '\n')
		buf_add_char(text, '\n');
	rd->after_cr = false;
}

void reader_end_block(struct reader *rd)
{
	struct buf *text = &rd->out->text;

	reader_end_line(rd);
	if (text->len >= 2 && text->ptr[text->len - 2] != '\n')
		buf_add_char(text, '\n');
}

void reader_mark_range(struct reader *rd, enum mark_kind kind, int level, size_t start, size_t end)
{
	struct reading *r = rd->out;

	if (end > r->text.len)
		end = r->text.len;
	while (end > start && strchr(" \t\n", r->text.ptr[end - 1]))
		end--;
	if (end <= start && kind != MARK_PAGE)
		return;
	if (r->mark_count == MARKS_MAX) {
		rd->is_full = true;
		return;
	}
	if (r->mark_count == r->mark_room) {
		r->mark_room = r->mark_room ? 2 * r->mark_room : 64;
		r->marks = mem_realloc(r->marks, r->mark_room * sizeof(*r->marks));
	}
	r->marks[r->mark_count++] = (struct mark){ start, end, kind, level };
}

void reader_mark(struct reader *rd, enum mark_kind kind, int level, size_t start)
{
	reader_mark_range(rd, kind, level, start, reader_at(rd));
}

void reader_title(struct reader *rd, struct span title)
{
	struct buf out;
	size_t len;

	if (rd->out->title || rd->depth > 0)
		return;
	buf_init(&out, 2 * (size_t)TITLE_MAX);
	while (title.len > 0 && out.len < TITLE_MAX) {
		uint32_t c = utf8_next(title, &len);

		if (c > 0x20 && c != 0x7f && c != 0xa0 && (c < 0x80 || c > 0x9f))
			utf8_add(&out, c);
		else if (out.len > 0 && out.ptr[out.len - 1] != ' ')
			buf_add_char(&out, ' ');
		title = span_from(title, len);
	}
	if (out.len > 0 && out.ptr[out.len - 1] == ' ')
		buf_truncate(&out, out.len - 1);
	if (out.len > 0)
		rd->out->title = buf_take(&out);
	buf_free(&out);
}
