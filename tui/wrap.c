/* tui/wrap.c - greedy wrapping, one character at a time, so that it does not matter how they come. */
#include "tui/wrap.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/width.h"

/* A line without a blank that is never wrapped leaves in pieces of so many bytes. */
enum { ROW_MAX = 256 * 1024, ROW_FULL = ROW_MAX - 1024, PREFIX_MAX = 4096 };

void wrap_init(struct wrap *w, size_t columns, void (*line)(void *, const struct ink *), void *context)
{
	*w = (struct wrap){ .columns = columns, .line = line, .context = context };
	ink_init(&w->first, PREFIX_MAX);
	ink_init(&w->rest, PREFIX_MAX);
	ink_init(&w->row, ROW_MAX);
}

void wrap_free(struct wrap *w)
{
	ink_free(&w->first);
	ink_free(&w->rest);
	ink_free(&w->row);
}

void wrap_add_first(struct wrap *w, struct span text, unsigned style)
{
	ink_add(&w->first, text, style);
}

void wrap_add_rest(struct wrap *w, struct span text, unsigned style)
{
	ink_add(&w->rest, text, style);
}

static void open_row(struct wrap *w, const struct ink *prefix)
{
	/* A prefix that leaves no room for text is no help. */
	size_t cells = width_text(buf_span(&prefix->text));

	ink_clear(&w->row);
	if (prefix->text.len && (!w->columns || cells + 8 <= w->columns))
		ink_add_ink(&w->row, prefix, 0, prefix->text.len);
	w->width = width_text(buf_span(&w->row.text));
	w->prefix_len = w->row.text.len;
	w->break_at = 0;
	w->is_open = true;
	w->joined = false;
}

/* The line is full: what follows the last break goes to the next one. */
static void fold(struct wrap *w)
{
	size_t cut = w->break_at > w->prefix_len ? w->break_at : w->row.text.len, end = cut;
	struct ink moved;

	ink_init(&moved, ROW_MAX);
	if (w->row.text.len > cut)
		ink_add_ink(&moved, &w->row, cut, w->row.text.len - cut);
	while (end > w->prefix_len && w->row.text.ptr[end - 1] == ' ')
		end--;
	ink_truncate(&w->row, end);
	w->line(w->context, &w->row);
	open_row(w, &w->rest);
	if (moved.text.len)
		ink_add_ink(&w->row, &moved, 0, moved.text.len);
	w->width += width_text(buf_span(&moved.text));
	w->eats_blanks = moved.text.len == 0;
	ink_free(&moved);
}

static void put_one(struct wrap *w, struct span c, uint32_t code_point, unsigned style)
{
	size_t cells = w->joined ? 0 : (size_t)width_of(code_point);
	bool is_blank = c.ptr[0] == ' ', has_text;

	if (!w->is_open)
		open_row(w, &w->first);
	has_text = w->row.text.len > w->prefix_len;
	if (w->columns && has_text && cells && w->width + cells > w->columns) {
		if (is_blank || cells == 2) /* the edge itself is a place to break */
			w->break_at = w->row.text.len;
		fold(w);
	} else if (w->row.text.len >= ROW_FULL)
		fold(w);
	if (is_blank && w->eats_blanks)
		return;
	ink_add(&w->row, c, style);
	w->width += cells;
	w->joined = width_joins(code_point);
	w->eats_blanks = false;
	if (is_blank || cells == 2)
		w->break_at = w->row.text.len;
}

void wrap_put(struct wrap *w, struct span text, unsigned style)
{
	struct buf safe;
	struct span rest;

	/* One character may become eight that can be shown. */
	buf_init(&safe, 8 * text.len + 1);
	utf8_add_harmless(&safe, text);
	rest = buf_span(&safe);
	while (rest.len) {
		size_t len;
		uint32_t code_point = utf8_next(rest, &len);

		if (rest.ptr[0] == '\t' || rest.ptr[0] == '\n') {
			for (size_t i = rest.ptr[0] == '\t' ? 4 - w->width % 4 : 1; i; i--)
				put_one(w, SPAN_LIT(" "), ' ', style);
		} else
			put_one(w, span_of(rest.ptr, len), code_point, style);
		rest = span_from(rest, len);
	}
	buf_free(&safe);
}

void wrap_break(struct wrap *w)
{
	size_t end;

	if (!w->is_open)
		open_row(w, &w->first);
	for (end = w->row.text.len; end && w->row.text.ptr[end - 1] == ' ';)
		end--;
	ink_truncate(&w->row, end);
	w->line(w->context, &w->row);
	ink_clear(&w->row);
	ink_clear(&w->first);
	ink_clear(&w->rest);
	w->is_open = w->eats_blanks = w->joined = false;
	w->width = w->prefix_len = w->break_at = 0;
}
