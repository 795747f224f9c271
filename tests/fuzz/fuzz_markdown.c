/*
 * tests/fuzz/fuzz_markdown.c - any bytes as Markdown for a terminal, in pieces of any size.
 *
 * The first byte chooses the width and the flags, the next four the sizes of the pieces, which
 * repeat.  Whole, in pieces and byte by byte the lines are the same; what has left is a beginning
 * of the whole; no control character reaches the terminal; lines but those of code keep the width.
 */
#include "tui/markdown.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tests/fuzz/must.h"
#include "tui/width.h"

#include <locale.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OUT_MAX = 64 * 1024 * 1024, INPUT_MAX = 100000 };

struct sink {
	struct buf out;
	size_t columns;
};

static void add_line(void *context, const struct ink *line)
{
	struct sink *sink = context;
	struct span text = buf_span(&line->text);

	must(line->text.len == line->styles.len);
	must(utf8_is_valid(text));
	for (size_t i = 0; i < text.len; i++) {
		must((unsigned char)text.ptr[i] >= 0x20 && text.ptr[i] != 0x7f);
		/* A style may not change inside a character. */
		if (((unsigned char)text.ptr[i] & 0xc0) == 0x80)
			must(line->styles.ptr[i] == line->styles.ptr[i - 1]);
	}
	if (sink->columns && !(text.len && memchr(line->styles.ptr, STYLE_CODE, text.len)))
		must(width_text(text) <= sink->columns);
	ink_print(line, line->text.len, true, &sink->out);
	buf_add_char(&sink->out, '\n');
}

static void render(struct span text, size_t columns, unsigned flags, const uint8_t *sizes, struct sink *sink)
{
	struct markdown *m;
	struct ink tail;
	size_t turn = 0;

	buf_init(&sink->out, OUT_MAX);
	sink->columns = flags & MARKDOWN_MARKS ? 0 : columns;
	ink_init(&tail, OUT_MAX);
	m = markdown_new(columns, flags, 0, add_line, sink);
	while (text.len) {
		size_t len = sizes ? sizes[turn++ % 4] + 1u : text.len;
		char *copy;

		len = len < text.len ? len : text.len;
		copy = mem_alloc(len);
		memcpy(copy, text.ptr, len);
		markdown_feed(m, span_of(copy, len));
		mem_free(copy);
		if (turn % 16 == 0)
			markdown_tail(m, &tail);
		text = span_from(text, len);
	}
	markdown_end(m);
	markdown_free(m);
	ink_free(&tail);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t ones[4];
	struct sink whole, cut, dripped;
	size_t columns;
	unsigned flags;

	if (size < 5 || size > INPUT_MAX)
		return 0;
	setlocale(LC_CTYPE, "C.UTF-8");
	columns = data[0] >> 3 ? 20 + (data[0] >> 3) : 0;
	flags = data[0] & 7u;
	struct span text = span_of((const char *)data + 5, size - 5);
	render(text, columns, flags, NULL, &whole);
	render(text, columns, flags, data + 1, &cut);
	render(text, columns, flags, ones, &dripped);
	must(span_equal(buf_span(&whole.out), buf_span(&cut.out)));
	must(span_equal(buf_span(&whole.out), buf_span(&dripped.out)));
	buf_free(&whole.out);
	buf_free(&cut.out);
	buf_free(&dripped.out);
	return 0;
}
