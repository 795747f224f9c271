/* tui/notes.c - see notes.h.  A line is "CONVERSATION INDEX" or "CONVERSATION INDEX FILTER". */
#include "tui/notes.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <string.h>

enum { NOTES_MAX = 1000, FILE_BYTES_MAX = 4 * 1024 * 1024 };

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

/* All but the conversation's own, and the oldest when there are too many. */
static void copy_others(struct span all, const char *conversation, struct buf *out)
{
	size_t left = count_lines(all);

	while (all.len > 0) {
		struct span line = span_cut(&all, '\n');

		if (line.len > 0 && left < NOTES_MAX && !is_of(line, conversation)) {
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
	int result = 0;

	read_all(path, &all);
	buf_init(&next, FILE_BYTES_MAX);
	copy_others(buf_span(&all), conversation, &next);
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
