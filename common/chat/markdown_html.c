/* common/chat/markdown_html.c - from the events of md4c to tags. */
#include "common/chat/markdown_html.h"

#include <md4c.h>

#include <limits.h>

#include "common/base/mem.h"

enum { LINKS_MAX = 64 };

struct writer {
	struct buf *out;
	bool linked[LINKS_MAX]; /* of the links that are open, innermost last: whether it has a tag */
	size_t links;
};

void html_escape(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		switch (text.ptr[i]) {
		case '&':
			buf_add_str(out, "&amp;");
			break;
		case '<':
			buf_add_str(out, "&lt;");
			break;
		case '>':
			buf_add_str(out, "&gt;");
			break;
		case '"':
			buf_add_str(out, "&quot;");
			break;
		default:
			buf_add_char(out, text.ptr[i]);
		}
}

/* Blocks */

static const char *name_of_block(MD_BLOCKTYPE type)
{
	switch (type) {
	case MD_BLOCK_QUOTE:
		return "blockquote";
	case MD_BLOCK_UL:
		return "ul";
	case MD_BLOCK_OL:
		return "ol";
	case MD_BLOCK_LI:
		return "li";
	case MD_BLOCK_P:
		return "p";
	case MD_BLOCK_TABLE:
		return "table";
	case MD_BLOCK_THEAD:
		return "thead";
	case MD_BLOCK_TBODY:
		return "tbody";
	case MD_BLOCK_TR:
		return "tr";
	case MD_BLOCK_TH:
		return "th";
	case MD_BLOCK_TD:
		return "td";
	default:
		return NULL;
	}
}

/* The page's own headings are above those of an answer. */
static unsigned level_of(const void *detail)
{
	unsigned level = ((const MD_BLOCK_H_DETAIL *)detail)->level + 2;

	return level > 6 ? 6 : level;
}

static int enter_block(MD_BLOCKTYPE type, void *detail, void *context)
{
	struct buf *out = ((struct writer *)context)->out;
	const char *name = name_of_block(type);

	if (type == MD_BLOCK_OL && ((const MD_BLOCK_OL_DETAIL *)detail)->start != 1)
		buf_printf(out, "<ol start=\"%u\">", ((const MD_BLOCK_OL_DETAIL *)detail)->start);
	else if (name)
		buf_printf(out, "<%s>", name);
	else if (type == MD_BLOCK_H)
		buf_printf(out, "<h%u>", level_of(detail));
	else if (type == MD_BLOCK_CODE)
		buf_add_str(out, "<pre><code>");
	else if (type == MD_BLOCK_HR)
		buf_add_str(out, "<hr>\n");
	return 0;
}

static int leave_block(MD_BLOCKTYPE type, void *detail, void *context)
{
	struct buf *out = ((struct writer *)context)->out;
	const char *name = name_of_block(type);

	if (name)
		buf_printf(out, "</%s>\n", name);
	else if (type == MD_BLOCK_H)
		buf_printf(out, "</h%u>\n", level_of(detail));
	else if (type == MD_BLOCK_CODE)
		buf_add_str(out, "</code></pre>\n");
	return 0;
}

/* Spans */

static bool open_link(struct buf *out, const MD_ATTRIBUTE *to)
{
	static const char *const schemes[] = { "https://", "http://", "mailto:" };
	struct span url = span_of(to->text, to->size);

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++)
		if (span_starts(url, schemes[i])) {
			buf_add_str(out, "<a rel=\"noreferrer\" href=\"");
			html_escape(out, url);
			buf_add_str(out, "\">");
			return true;
		}
	return false;
}

static void enter_link(struct writer *w, const MD_ATTRIBUTE *to)
{
	bool opened = w->links < LINKS_MAX && open_link(w->out, to);

	if (w->links < LINKS_MAX)
		w->linked[w->links] = opened;
	w->links++;
}

static void leave_link(struct writer *w)
{
	w->links--;
	if (w->links < LINKS_MAX && w->linked[w->links])
		buf_add_str(w->out, "</a>");
}

static const char *name_of_span(MD_SPANTYPE type)
{
	switch (type) {
	case MD_SPAN_EM:
		return "em";
	case MD_SPAN_STRONG:
		return "strong";
	case MD_SPAN_CODE:
		return "code";
	case MD_SPAN_DEL:
		return "del";
	default:
		return NULL;
	}
}

static int enter_span(MD_SPANTYPE type, void *detail, void *context)
{
	struct writer *w = context;

	if (type == MD_SPAN_A)
		enter_link(w, &((const MD_SPAN_A_DETAIL *)detail)->href);
	else if (type == MD_SPAN_IMG)
		enter_link(w, &((const MD_SPAN_IMG_DETAIL *)detail)->src);
	else if (name_of_span(type))
		buf_printf(w->out, "<%s>", name_of_span(type));
	return 0;
}

static int leave_span(MD_SPANTYPE type, void *detail, void *context)
{
	struct writer *w = context;

	(void)detail;
	if (type == MD_SPAN_A || type == MD_SPAN_IMG)
		leave_link(w);
	else if (name_of_span(type))
		buf_printf(w->out, "</%s>", name_of_span(type));
	return 0;
}

static int add_text(MD_TEXTTYPE type, const MD_CHAR *text, MD_SIZE size, void *context)
{
	struct buf *out = ((struct writer *)context)->out;

	switch (type) {
	case MD_TEXT_NULLCHAR:
		buf_add_str(out, "\xef\xbf\xbd");
		break;
	case MD_TEXT_BR:
		buf_add_str(out, "<br>\n");
		break;
	case MD_TEXT_SOFTBR:
		buf_add_char(out, '\n');
		break;
	case MD_TEXT_ENTITY: /* "&amp;": letters and digits, as they stand */
		buf_add(out, text, size);
		break;
	default:
		html_escape(out, span_of(text, size));
	}
	return buf_failed(out) ? -1 : 0;
}

void markdown_html(struct buf *out, struct span text)
{
	const MD_PARSER parser = {
		.flags = MD_FLAG_NOHTML | MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH |
			 MD_FLAG_PERMISSIVEURLAUTOLINKS,
		.enter_block = enter_block,
		.leave_block = leave_block,
		.enter_span = enter_span,
		.leave_span = leave_span,
		.text = add_text,
	};
	struct writer w = { .out = out };
	size_t before = out->len;

	if (text.len <= UINT_MAX && md_parse(text.ptr, (MD_SIZE)text.len, &parser, &w) == 0)
		return;
	/* There was no memory for its structure. */
	if (buf_failed(out))
		return;
	buf_truncate(out, before);
	buf_add_str(out, "<div class=\"text\">");
	html_escape(out, text);
	buf_add_str(out, "</div>\n");
}
