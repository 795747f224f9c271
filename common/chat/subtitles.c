/*
 * common/chat/subtitles.c - see subtitles.h.
 */
#include "common/chat/subtitles.h"

#include <inttypes.h>

static const struct span arrow = { "-->", 3 };

enum { HOURS_MAX = 100000 };

void subtitles_init(struct subtitles *s, enum subtitle_format format, size_t max)
{
	*s = (struct subtitles){ .format = format };
	buf_init(&s->text, max);
}

void subtitles_free(struct subtitles *s)
{
	buf_free(&s->text);
}

/* A line without its end. */
static struct span cut_line(struct span *rest)
{
	struct span line = span_cut(rest, '\n');

	if (span_ends(line, "\r"))
		line.len--;
	return line;
}

/* "[HH:]MM:SS,mmm", or with a point. */
static int read_time(struct span text, int64_t *ms)
{
	int64_t whole = 0, part, fraction;
	struct span rest = text;
	struct span clock = span_cut(&rest, span_find(text, SPAN_LIT(",")) >= 0 ? ',' : '.');
	int parts = 0;

	if (rest.len != 3 || span_to_int(rest, 0, 999, &fraction) < 0)
		return -1;
	while (clock.len > 0) {
		struct span field = span_cut(&clock, ':');

		if (++parts > 3 || span_to_int(field, 0, HOURS_MAX, &part) < 0)
			return -1;
		whole = whole * 60 + part;
	}
	*ms = whole * 1000 + fraction;
	return parts >= 2 ? 0 : -1;
}

static void add_time(struct subtitles *s, int64_t ms)
{
	buf_printf(&s->text, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000, (int)(ms / 60000 % 60),
		   (int)(ms / 1000 % 60), s->format == SUBTITLES_SRT ? ',' : '.', (int)(ms % 1000));
}

/* "00:00:01,000 --> 00:00:02,500", and in WebVTT settings behind it. */
static int add_timing(struct subtitles *s, struct span line, int64_t shift_ms)
{
	const size_t at = (size_t)span_find(line, arrow);
	struct span settings = span_trim(span_from(line, at + arrow.len));
	struct span end = span_cut(&settings, ' ');
	int64_t from, to;

	if (read_time(span_trim(span_of(line.ptr, at)), &from) < 0 || read_time(end, &to) < 0)
		return -1;
	add_time(s, from + shift_ms);
	buf_add_str(&s->text, " --> ");
	add_time(s, to + shift_ms);
	if (settings.len) {
		buf_add_char(&s->text, ' ');
		buf_add_span(&s->text, settings);
	}
	return buf_add_char(&s->text, '\n');
}

static void add_line(struct subtitles *s, struct span line)
{
	buf_add_span(&s->text, line);
	buf_add_char(&s->text, '\n');
}

/* What is no cue: WebVTT's head, notes and styles.  The head is the first part's. */
static int add_other(struct subtitles *s, struct span block)
{
	if (s->format == SUBTITLES_SRT)
		return -1;
	if (s->parts > 0 && span_starts(block, "WEBVTT"))
		return 0;
	while (block.len)
		add_line(s, cut_line(&block));
	return buf_add_char(&s->text, '\n');
}

/* A cue's name or number may stand before its times. */
static int add_block(struct subtitles *s, struct span block, int64_t shift_ms)
{
	struct span rest = block, name = SPAN_NONE, line = cut_line(&rest);

	if (span_find(line, arrow) < 0) {
		name = line;
		line = cut_line(&rest);
	}
	if (span_find(line, arrow) < 0)
		return add_other(s, block);
	s->cues++;
	if (s->format == SUBTITLES_SRT)
		buf_printf(&s->text, "%" PRId64 "\n", s->cues);
	else if (name.ptr)
		add_line(s, name);
	if (add_timing(s, line, shift_ms) < 0)
		return -1;
	while (rest.len)
		add_line(s, cut_line(&rest));
	return buf_add_char(&s->text, '\n');
}

/* The lines up to a blank one; *rest goes on behind it. */
static struct span cut_block(struct span *rest)
{
	const char *begin = rest->ptr;
	size_t len = 0;

	while (rest->len) {
		struct span line = cut_line(rest);

		if (!span_trim(line).len)
			break;
		len = (size_t)(line.ptr + line.len - begin);
	}
	return span_of(begin, len);
}

static int add_blocks(struct subtitles *s, struct span part, int64_t shift_ms)
{
	while (part.len) {
		struct span block = cut_block(&part);

		if (block.len && add_block(s, block, shift_ms) < 0)
			return -1;
	}
	return buf_failed(&s->text) ? -1 : 0;
}

/* Another backend may be asked for what one has made no sense of. */
int subtitles_add(struct subtitles *s, struct span part, int64_t shift_ms)
{
	const size_t len = s->text.len;
	const int64_t cues = s->cues;

	if (add_blocks(s, part, shift_ms) == 0) {
		s->parts++;
		return 0;
	}
	buf_truncate(&s->text, len);
	s->text.overflowed = false;
	s->cues = cues;
	return -1;
}
