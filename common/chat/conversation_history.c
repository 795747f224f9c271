/*
 * common/chat/conversation_history.c - see conversation_history.h.
 */
#include "common/chat/conversation_history.h"

#include <string.h>

#include "common/base/jscan.h"

enum {
	MESSAGE_TOKENS = 4,    /* role and separators */
	PICTURE_TOKENS = 1000,
	ASCII_PER_TOKEN = 4,   /* bytes, in English and code */
	OTHER_PER_TOKEN = 3,   /* a character of most other scripts has two or three bytes */
};

struct history_limits history_limits_of(int64_t window)
{
	int64_t tokens = window > 0 ? window : HISTORY_WINDOW_UNKNOWN;

	return (struct history_limits){
		.tokens_high = tokens / 100 * HISTORY_HIGH_PCT + tokens % 100 * HISTORY_HIGH_PCT / 100,
		.tokens_low = tokens / 100 * HISTORY_LOW_PCT + tokens % 100 * HISTORY_LOW_PCT / 100,
		.bytes_high = HISTORY_BYTES_HIGH,
		.bytes_low = HISTORY_BYTES_LOW,
	};
}

/* Past the messages that may be left out. */
static size_t end_of_old(const struct history_weight *weights, size_t count, bool keeps_last)
{
	if (!keeps_last)
		return count;
	while (count > 0 && !weights[count - 1].begins_turn)
		count--;
	return count > 0 ? count - 1 : 0;
}

size_t history_begin(const struct history_weight *weights, size_t count,
		     const struct history_news *news, const struct history_limits *limits)
{
	int64_t tokens = news->tokens, bytes = news->bytes;
	size_t at = 0, end = end_of_old(weights, count, news->continues);

	for (size_t i = 0; i < count; i++) {
		tokens += weights[i].tokens;
		bytes += weights[i].bytes;
	}
	if (tokens <= limits->tokens_high && bytes <= limits->bytes_high)
		return 0;
	while (at < end && (tokens > limits->tokens_low || bytes > limits->bytes_low))
		do {
			tokens -= weights[at].tokens;
			bytes -= weights[at].bytes;
			at++;
		} while (at < end && !weights[at].begins_turn);
	return at;
}

/* Bytes beyond ASCII, eight at a time: histories are long. */
static int64_t count_other(struct span text)
{
	int64_t other = 0;
	size_t i = 0;

	for (uint64_t word; i + sizeof word <= text.len; i += sizeof word) {
		memcpy(&word, text.ptr + i, sizeof word);
		other += (int64_t)((((word >> 7) & UINT64_C(0x0101010101010101)) * UINT64_C(0x0101010101010101)) >>
				   56);
	}
	for (; i < text.len; i++)
		other += (unsigned char)text.ptr[i] >> 7;
	return other;
}

static int64_t count_tokens(struct span text)
{
	int64_t other = count_other(text);

	return ((int64_t)text.len - other + ASCII_PER_TOKEN - 1) / ASCII_PER_TOKEN +
	       (other + OTHER_PER_TOKEN - 1) / OTHER_PER_TOKEN;
}

int64_t history_tokens(struct span text)
{
	static const struct span picture = { "\"data:", 6 };
	int64_t tokens = MESSAGE_TOKENS;
	ptrdiff_t at;

	if (text.len == 0 || !memchr(text.ptr, '"', text.len)) /* as most that is said */
		return tokens + count_tokens(text);
	while ((at = span_find(text, picture)) >= 0) {
		const char *end;

		tokens += count_tokens(span_of(text.ptr, (size_t)at)) + PICTURE_TOKENS;
		text = span_from(text, (size_t)at + picture.len);
		end = memchr(text.ptr, '"', text.len);
		text = span_from(text, end ? (size_t)(end - text.ptr) : text.len);
	}
	return tokens + count_tokens(text);
}

void history_writer_init(struct history_writer *w, struct buf *out, bool with_images)
{
	*w = (struct history_writer){
		.out = out, .with_images = with_images, .begun = out->len, .last_user = SIZE_MAX,
	};
}

/* Images go into the message before its closing brace. */
static int write_images(struct buf *out, struct span images)
{
	buf_truncate(out, out->len - 1);
	buf_add_str(out, ",\"images\":");
	buf_add_span(out, images);
	return buf_add_char(out, '}');
}

int history_write_message(struct buf *out, const struct message_row *m, bool with_images)
{
	/* Of an answer that was cut, calls may lack their end: its text is what counts. */
	if (m->body.ptr && !m->interrupted) {
		buf_add_span(out, m->body);
	} else {
		buf_add_str(out, "{\"role\":");
		jtext_string(out, m->role);
		buf_add_str(out, ",\"content\":");
		jtext_string(out, m->text.ptr ? m->text : SPAN_LIT(""));
		buf_add_char(out, '}');
	}
	if (with_images && m->images.ptr && !buf_failed(out))
		write_images(out, m->images);
	return buf_failed(out) ? -1 : 0;
}

int history_write(struct history_writer *w, const struct message_row *m)
{
	size_t before = w->out->len;

	if (m->interrupted && !m->text.len && !m->images.ptr) {
		if (w->last_user != SIZE_MAX)
			buf_truncate(w->out, w->last_user);
		w->last_user = SIZE_MAX;
		return 0;
	}
	w->last_user = span_is(m->role, "user") ? before : SIZE_MAX;
	if (before > w->begun)
		buf_add_char(w->out, ',');
	return history_write_message(w->out, m, w->with_images);
}
