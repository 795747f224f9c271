/* tui/notes.c - see notes.h.  A line is the conversation's id, a blank, and the text as JSON. */
#include "tui/notes.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <jansson.h>
#include <stdlib.h>

enum { NOTES_MAX = 1000, FILE_BYTES_MAX = 4 * 1024 * 1024, LINE_BYTES_MAX = 1024 * 1024 };

static int read_all(const char *path, struct buf *out, struct err *err)
{
	buf_init(out, FILE_BYTES_MAX);
	return file_is_absent(path) ? 0 : file_read(path, out, err);
}

/* What stands behind the conversation's name, or NULL. */
static char *text_of(struct span line)
{
	json_t *value = json_loadb(line.ptr, line.len, JSON_DECODE_ANY, NULL);
	char *text = json_is_string(value) ? mem_strdup(json_string_value(value)) : NULL;

	json_decref(value);
	return text;
}

char *notes_find(const char *path, const char *conversation)
{
	char *found = NULL;
	struct span rest;
	struct buf all;

	rest = read_all(path, &all, NULL) == 0 ? buf_span(&all) : SPAN_NONE;
	while (rest.len > 0 && !found) {
		struct span line = span_cut(&rest, '\n');

		if (span_is(span_cut(&line, ' '), conversation))
			found = text_of(line);
	}
	buf_free(&all);
	return found;
}

/* All but the conversation's own, and the oldest when there are too many or more bytes than room. */
static void copy_others(struct span all, const char *conversation, size_t room, struct buf *out)
{
	size_t left = span_count(all, '\n');

	while (all.len > 0) {
		const bool fits = all.len <= room;
		struct span line = span_cut(&all, '\n'), rest = line;

		if (fits && line.len > 0 && left < NOTES_MAX && !span_is(span_cut(&rest, ' '), conversation)) {
			buf_add_span(out, line);
			buf_add_char(out, '\n');
		}
		left -= left > 0;
	}
}

/* The line without its end; empty for no text. */
static int write_line(const char *conversation, const char *text, struct buf *out, struct err *err)
{
	json_t *value = text ? json_string(text) : NULL;
	char *json = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;

	if (json)
		buf_printf(out, "%s %s", conversation, json);
	free(json);
	json_decref(value);
	if (text && !json)
		return err_set(err, E_usage, "", "it is no UTF-8");
	return buf_failed(out) ? err_set(err, E_too_large, "", "it has more than %d KiB", LINE_BYTES_MAX / 1024) : 0;
}

int notes_keep(const char *path, const char *conversation, const char *text, struct err *err)
{
	struct buf all, next, own;
	int result = read_all(path, &all, err);

	buf_init(&next, FILE_BYTES_MAX);
	buf_init(&own, LINE_BYTES_MAX);
	if (result == 0)
		result = write_line(conversation, text, &own, err);
	if (result < 0)
		goto out;
	copy_others(buf_span(&all), conversation, FILE_BYTES_MAX - own.len - 1, &next);
	if (own.len) {
		buf_add_span(&next, buf_span(&own));
		buf_add_char(&next, '\n');
	}
	if (span_equal(buf_span(&all), buf_span(&next)))
		goto out;
	result = file_make_parents(path, err);
	if (result == 0)
		result = file_write(path, buf_span(&next), err);
out:
	buf_free(&all);
	buf_free(&next);
	buf_free(&own);
	return result;
}
