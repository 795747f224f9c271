/*
 * tui/notes.c - see notes.h.  A line is "CONVERSATION INDEX" or "CONVERSATION INDEX FILTER"; of a system
 * message "CONVERSATION system TEXT", which is JSON.
 */
#include "tui/notes.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX = 1000, FILE_BYTES_MAX = 4 * 1024 * 1024, LINE_MAX_BYTES = 1024 * 1024 };

static bool is_of(struct span line, const char *conversation)
{
	return span_is(span_cut(&line, ' '), conversation);
}

static void read_all(const char *path, struct buf *out)
{
	struct err none = ERR_INIT;

	buf_init(out, FILE_BYTES_MAX);
	if (file_exists(path) && file_read(path, out, &none) < 0)
		buf_clear(out);
}

bool notes_find(const char *path, const char *conversation, struct note *out)
{
	struct span rest, line, index;
	struct buf all;

	*out = (struct note){ NULL, NULL };
	read_all(path, &all);
	rest = buf_span(&all);
	while (rest.len > 0 && !out->index) {
		line = span_cut(&rest, '\n');
		if (!is_of(line, conversation))
			continue;
		span_cut(&line, ' ');
		index = span_cut(&line, ' ');
		if (index.len == 0)
			continue;
		out->index = mem_strndup(index.ptr, index.len);
		out->filter = line.len > 0 ? mem_strndup(line.ptr, line.len) : NULL;
	}
	buf_free(&all);
	return out->index != NULL;
}

static size_t count_lines(struct span all)
{
	size_t lines = 0;

	for (size_t i = 0; i < all.len; i++)
		lines += all.ptr[i] == '\n';
	return lines;
}

/* All but the conversation's own, and the oldest when there are too many or more bytes than room. */
static void copy_others(struct span all, const char *conversation, size_t room, struct buf *out)
{
	size_t left = count_lines(all);

	while (all.len > 0) {
		const bool fits = all.len <= room;
		struct span line = span_cut(&all, '\n');

		if (fits && line.len > 0 && left < NOTES_MAX && !is_of(line, conversation)) {
			buf_add_span(out, line);
			buf_add_char(out, '\n');
		}
		left -= left > 0;
	}
}

int notes_keep(const char *path, const char *conversation, const char *index, const char *filter,
	       struct err *err)
{
	struct buf all, next;
	const char *slash = strrchr(path, '/');
	const size_t own = index ? strlen(conversation) + strlen(index) + (filter ? strlen(filter) : 0) + 3 : 0;
	int result = 0;

	if (own > LINE_MAX_BYTES)
		return err_set(err, E_too_large, "", "it has more than %d KiB", LINE_MAX_BYTES / 1024);

	read_all(path, &all);
	buf_init(&next, FILE_BYTES_MAX);
	copy_others(buf_span(&all), conversation, FILE_BYTES_MAX - own, &next);
	if (index)
		buf_printf(&next, "%s %s%s%s\n", conversation, index, filter ? " " : "",
			   filter ? filter : "");
	if (slash) {
		char *dir = mem_strndup(path, (size_t)(slash - path));

		result = file_make_dirs(dir, err);
		mem_free(dir);
	}
	if (result == 0 && !span_equal(buf_span(&all), buf_span(&next)))
		result = file_write(path, buf_span(&next), err);
	buf_free(&all);
	buf_free(&next);
	return result;
}

void note_clear(struct note *n)
{
	mem_free(n->index);
	mem_free(n->filter);
	*n = (struct note){ NULL, NULL };
}

static const char system_word[] = "system";

char *notes_find_system(const char *path, const char *conversation)
{
	struct note n;
	json_t *text;
	char *found = NULL;

	notes_find(path, conversation, &n);
	text = n.filter ? json_loads(n.filter, JSON_DECODE_ANY, NULL) : NULL;
	if (json_is_string(text))
		found = mem_strdup(json_string_value(text));
	json_decref(text);
	note_clear(&n);
	return found;
}

int notes_keep_system(const char *path, const char *conversation, const char *text, struct err *err)
{
	json_t *value = text ? json_string(text) : NULL;
	char *line = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
	int result = notes_keep(path, conversation, line ? system_word : NULL, line, err);

	free(line);
	json_decref(value);
	return result;
}
