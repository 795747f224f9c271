/* common/rag/reading_subtitles.c - SubRip and WebVTT: each cue a record behind its time. */
#include "common/rag/reading_inside.h"

enum { TIME_MAX = 32, LINES_BETWEEN_CHECKS = 1024 };

/* "00:01:02,500 --> 00:01:04,000 line:0": when it begins, without the fraction. */
static struct span begin_of(struct span line)
{
	ptrdiff_t arrow = span_find(line, SPAN_LIT("-->"));
	struct span time;
	size_t len = 0;

	if (arrow < 0)
		return SPAN_NONE;
	time = span_trim(span_of(line.ptr, (size_t)arrow));
	while (len < time.len && strchr("0123456789:", time.ptr[len]))
		len++;
	return len > 0 && len < TIME_MAX ? span_of(time.ptr, len) : SPAN_NONE;
}

/* Without <i>, <v Name> and {\an8}; the name of a voice stays. */
static void write_cue_line(struct reader *rd, struct span line)
{
	while (line.len > 0) {
		size_t plain = 0;
		const char *close;

		while (plain < line.len && line.ptr[plain] != '<' &&
		       !(line.ptr[plain] == '{' && plain + 1 < line.len && line.ptr[plain + 1] == '\\'))
			plain++;
		reader_write(rd, span_of(line.ptr, plain));
		line = span_from(line, plain);
		if (line.len == 0)
			break;
		close = memchr(line.ptr, line.ptr[0] == '<' ? '>' : '}', line.len);
		if (!close) {
			reader_write(rd, line);
			break;
		}
		if (span_starts(line, "<v ")) {
			reader_write(rd, span_of(line.ptr + 3, (size_t)(close - line.ptr) - 3));
			reader_write_str(rd, ": ");
		}
		line = span_from(line, (size_t)(close - line.ptr) + 1);
	}
}

static int write_cues(struct reader *rd, struct span text, struct err *err)
{
	size_t start = 0, lines = 0;
	bool in_cue = false;
	int rc = 0;

	while (text.ptr && rc == 0) {
		struct span line = span_cut(&text, '\n'), begin;

		while (line.len > 0 && strchr("\r \t", line.ptr[line.len - 1]))
			line.len--;
		begin = in_cue ? SPAN_NONE : begin_of(line);
		if (begin.len > 0) {
			record_begin(rd);
			start = reader_at(rd);
			reader_write_str(rd, "[");
			reader_write(rd, begin);
			reader_write_str(rd, "] ");
			in_cue = true;
		} else if (in_cue && line.len == 0) {
			reader_end_line(rd);
			reader_mark(rd, MARK_RECORD, 0, start);
			in_cue = false;
		} else if (in_cue) {
			write_cue_line(rd, line);
			reader_write_str(rd, "\n");
		}
		if (++lines % LINES_BETWEEN_CHECKS == 0)
			rc = reader_goes_on(rd, err);
	}
	if (in_cue)
		reader_mark(rd, MARK_RECORD, 0, start);
	return rc;
}

int read_subtitles(struct reader *rd, struct err *err)
{
	struct buf text;
	int rc;

	buf_init(&text, rd->limits.bytes_in);
	rc = reader_decode(rd, NULL, &text, err);
	if (rc == 0 && text.len > 0)
		rc = write_cues(rd, buf_span(&text), err);
	buf_free(&text);
	return rc;
}
