/* tui/width.c - cells of characters, by wcwidth and a few corrections. */
#include "tui/width.h"

#include "common/base/utf8.h"

#include <string.h>
#include <wchar.h>

enum { JOINER = 0x200d, SELECTOR_FIRST = 0xfe00, SELECTOR_LAST = 0xfe0f };

int width_of(uint32_t code_point)
{
	int cells;

	if (code_point < 0x20 || code_point == 0x7f || code_point == JOINER ||
	    (code_point >= SELECTOR_FIRST && code_point <= SELECTOR_LAST))
		return 0;
	if (code_point < 0x7f)
		return 1;
	cells = wcwidth((wchar_t)code_point);
	return cells < 0 ? 1 : cells;
}

bool width_joins(uint32_t code_point)
{
	return code_point == JOINER;
}

/* Steps over one character; *joined says whether it continues the one before. */
static size_t step(struct span text, bool *joined, int *cells)
{
	size_t len;
	uint32_t code_point = utf8_next(text, &len);

	*cells = *joined ? 0 : width_of(code_point);
	*joined = width_joins(code_point);
	return len;
}

size_t width_text(struct span text)
{
	size_t total = 0;
	bool joined = false;

	while (text.len) {
		int cells;

		text = span_from(text, step(text, &joined, &cells));
		total += (size_t)cells;
	}
	return total;
}

size_t width_cut(struct span text, size_t cells)
{
	size_t used = 0, at = 0;
	bool joined = false;

	while (at < text.len) {
		int more;
		size_t len = step(span_from(text, at), &joined, &more);

		if (used + (size_t)more > cells)
			break;
		used += (size_t)more;
		at += len;
	}
	return at;
}

/* Of the colours that text begins with; 0: it begins with none. */
static size_t colour_length(struct span text)
{
	const char *end = text.ptr[0] == '\033' ? memchr(text.ptr, 'm', text.len) : NULL;

	return end ? (size_t)(end - text.ptr) + 1 : 0;
}

size_t width_rows(struct span text, size_t columns)
{
	size_t rows = 1, used = 0;
	bool joined = false;

	while (text.len) {
		size_t len = colour_length(text);
		bool is_end = text.ptr[0] == '\n';
		int cells = 0;

		if (!len)
			len = step(text, &joined, &cells);
		if (is_end || (columns && used + (size_t)cells > columns)) {
			rows++;
			used = 0;
		}
		used += (size_t)cells;
		text = span_from(text, len);
	}
	return rows;
}
