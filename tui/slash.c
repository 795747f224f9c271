/* tui/slash.c - finding and explaining the commands of a conversation. */
#include "tui/slash.h"

#include "common/base/near.h"

#include <string.h>

bool slash_split(struct span line, struct span *name, struct span *argument)
{
	size_t end = 1;

	line = span_trim(line);
	if (!span_starts(line, "/") || span_starts(line, "//") ||
	    (line.len && memchr(line.ptr, '\n', line.len)))
		return false;
	while (end < line.len && line.ptr[end] != ' ' && line.ptr[end] != '\t')
		end++;
	*name = span_of(line.ptr + 1, end - 1);
	*argument = span_trim(span_from(line, end));
	return true;
}

const struct slash *slash_find(const struct slash *table, struct span name, const char **near)
{
	struct near similar;

	near_init(&similar, name);
	for (const struct slash *row = table; row->name; row++) {
		if (span_is(name, row->name))
			return row;
		near_offer(&similar, row->name);
	}
	*near = near_best(&similar);
	return NULL;
}

int slash_help(const struct slash *table, const struct slash *one, struct buf *out)
{
	enum { COLUMN = 21 };

	if (one) {
		buf_printf(out, "/%s%s%s: %s.\n", one->name, *one->arguments ? " " : "",
			   one->arguments, one->summary);
		if (one->help)
			buf_printf(out, "%s\n", one->help);
		return buf_failed(out) ? -1 : 0;
	}
	for (const struct slash *row = table; row->name; row++) {
		int used = (int)(strlen(row->name) + strlen(row->arguments)) + 2;

		buf_printf(out, "  /%s %s%*s%s\n", row->name, row->arguments,
			   used < COLUMN ? COLUMN - used : 1, "", row->summary);
	}
	return buf_failed(out) ? -1 : 0;
}
