/* tui/history.c - reading, appending, shortening. */
#include "tui/history.h"

#include "common/base/file.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool history_wants(const char *text)
{
	return *text && *text != ' ' && *text != '\t' && strlen(text) <= HISTORY_ENTRY_MAX;
}

static void escape(const char *text, struct buf *out)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\\')
			buf_printf(out, "\\%c", *text == '\n' ? 'n' : '\\');
		else
			buf_add_char(out, *text);
	buf_add_char(out, '\n');
}

static void unescape(struct span line, struct buf *out)
{
	buf_clear(out);
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '\\' && i + 1 < line.len) {
			i++;
			buf_add_char(out, (char)(line.ptr[i] == 'n' ? '\n' : line.ptr[i]));
		} else if (line.ptr[i])
			buf_add_char(out, line.ptr[i]);
	}
}

int history_load(const char *path, void (*entry)(void *context, const char *text), void *context,
		 struct err *err)
{
	struct buf file, text;
	struct span rest;
	size_t count;
	int result = -1;

	if (file_is_absent(path))
		return 0;
	buf_init(&file, HISTORY_FILE_MAX);
	buf_init(&text, 2 * (size_t)HISTORY_ENTRY_MAX);
	if (file_read(path, &file, err) < 0)
		goto out;
	rest = buf_span(&file);
	count = span_count(rest, '\n');
	for (size_t skip = count; skip > HISTORY_ENTRIES_MAX; skip--)
		span_cut(&rest, '\n');
	result = count > 2 * (size_t)HISTORY_ENTRIES_MAX ? file_write(path, rest, err) : 0;
	while (rest.len) {
		unescape(span_cut(&rest, '\n'), &text);
		if (text.len && !buf_failed(&text))
			entry(context, buf_str(&text));
	}
out:
	buf_free(&file);
	buf_free(&text);
	return result;
}

int history_append(const char *path, const char *text, struct err *err)
{
	struct buf line;
	int fd = -1, result = -1;

	buf_init(&line, 2 * HISTORY_ENTRY_MAX + 2);
	escape(text, &line);
	if (file_make_parents(path, err) < 0)
		goto out;
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, line.ptr, line.len) != (ssize_t)line.len)
		err_set(err, E_storage_error, "", "%s: %s", path, err_errno(errno));
	else
		result = 0;
out:
	if (fd >= 0)
		close(fd);
	buf_free(&line);
	return result;
}
