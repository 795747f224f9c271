/* tui/page.c - Markdown lines to terminal bytes. */
#include "tui/page.h"

#include "common/base/mem.h"
#include "tui/markdown.h"
#include "tui/width.h"
#include "tui/wrap.h"

enum { TAIL_MAX = 256 * 1024 };

struct page {
	struct page_setup setup;
	struct buf *lines;
	struct markdown *answer, *thought;
	enum page_part part;
};

static void add_line(void *context, const struct ink *line)
{
	struct page *p = context;

	ink_print(line, line->text.len, p->setup.color, p->lines);
	buf_add_char(p->lines, '\n');
}

struct page *page_new(const struct page_setup *setup, struct buf *lines)
{
	struct page *p = mem_new(struct page);
	unsigned flags = (setup->is_unicode ? 0u : MARKDOWN_ASCII) |
			 (setup->color ? 0u : MARKDOWN_MARKS) |
			 (setup->markdown ? 0u : MARKDOWN_PLAIN);

	p->setup = *setup;
	p->lines = lines;
	p->answer = markdown_new(setup->columns, flags, 0, add_line, p);
	p->thought = markdown_new(setup->columns, flags, STYLE_DIM, add_line, p);
	return p;
}

void page_free(struct page *p)
{
	if (!p)
		return;
	markdown_free(p->answer);
	markdown_free(p->thought);
	mem_free(p);
}

void page_resize(struct page *p, size_t columns)
{
	p->setup.columns = columns;
	markdown_resize(p->answer, columns);
	markdown_resize(p->thought, columns);
}

static struct markdown *machine(const struct page *p)
{
	return p->part == PAGE_THOUGHT ? p->thought : p->answer;
}

void page_feed(struct page *p, enum page_part part, struct span text)
{
	if (p->part != part && p->part != PAGE_NONE) {
		markdown_end(machine(p));
		buf_add_char(p->lines, '\n');
	}
	p->part = part;
	markdown_feed(machine(p), text);
}

void page_note(struct page *p, unsigned style, struct span text)
{
	struct wrap wrap;

	wrap_init(&wrap, p->setup.columns, add_line, p);
	wrap_put(&wrap, text, style);
	wrap_break(&wrap);
	wrap_free(&wrap);
}

void page_end(struct page *p)
{
	if (p->part != PAGE_NONE)
		markdown_end(machine(p));
	p->part = PAGE_NONE;
}

void page_tail(const struct page *p, struct buf *out)
{
	struct ink tail;
	size_t columns = p->setup.columns ? p->setup.columns : 80;

	buf_clear(out);
	ink_init(&tail, TAIL_MAX);
	if (p->part != PAGE_NONE)
		markdown_tail(machine(p), &tail);
	if (tail.text.len)
		ink_print(&tail, width_cut(buf_span(&tail.text), columns - 1), p->setup.color, out);
	ink_free(&tail);
}
