/*
 * common/rag/reading_html.c - the text of a web page: its main part, with headings, lists, tables
 * and code as marks.  libxml2's forgiving HTML parser says what is where.
 */
#include "common/rag/reading_inside.h"

#include "common/base/mem.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>

enum {
	NESTED_MAX = 16,      /* lists in lists, tables in tables */
	MAIN_TEXT_MIN = 250,  /* bytes: a main part of less is not the page's text */
	PROLOG = 4096,        /* bytes in which a page names its charset */
	EVENTS_BETWEEN_CHECKS = 4096,
};

enum role {
	ROLE_INLINE,
	ROLE_DROP,    /* never text */
	ROLE_FRAME,   /* of the page, not of its text: dropped unless nothing else is there */
	ROLE_BLOCK,   /* an empty line around it */
	ROLE_LINE,
	ROLE_HEADING,
	ROLE_LIST,
	ROLE_ITEM,
	ROLE_PRE,
	ROLE_TABLE,
	ROLE_ROW,
	ROLE_CELL,
	ROLE_BREAK,
	ROLE_TITLE,
	ROLE_IMAGE,
	ROLE_MAIN,
};

static const struct tag {
	const char *names;
	enum role role;
} tags[] = {
	{ "script style template svg canvas audio video iframe object noscript button select "
	  "textarea datalist dialog map",
	  ROLE_DROP },
	{ "nav aside footer", ROLE_FRAME },
	{ "p blockquote figure figcaption section article header hr dl form fieldset details "
	  "address center body html hgroup caption",
	  ROLE_BLOCK },
	{ "div dt dd summary legend option label thead tbody tfoot", ROLE_LINE },
	{ "h1 h2 h3 h4 h5 h6", ROLE_HEADING },
	{ "ul ol menu dir", ROLE_LIST },
	{ "li", ROLE_ITEM },
	{ "pre listing xmp", ROLE_PRE },
	{ "table", ROLE_TABLE },
	{ "tr", ROLE_ROW },
	{ "td th", ROLE_CELL },
	{ "br", ROLE_BREAK },
	{ "title", ROLE_TITLE },
	{ "img", ROLE_IMAGE },
	{ "main", ROLE_MAIN },
};

enum part {
	PART_MAIN,   /* only what is in <main> */
	PART_PRUNED, /* all but what frames the page */
	PART_ALL,
	PART_COUNT,
};

struct list {
	size_t item; /* where its item begins */
	int number;  /* of the next item; 0 = not numbered */
};

struct row {
	size_t start;
	int cells;
	bool is_header;
	bool is_layout; /* a cell has blocks: the table places things, it is no table */
};

struct page {
	struct reader *rd;
	xmlParserCtxtPtr parser;
	enum part part;
	size_t from;           /* where its text begins */
	size_t dropped;        /* elements open since one that is dropped, that one included */
	size_t in_main, in_pre, in_heading;
	struct list lists[NESTED_MAX];
	size_t list_depth;
	struct row rows[NESTED_MAX];
	size_t table_depth;
	size_t start;          /* of the heading, of the pre */
	struct buf title;
	bool in_title;
	bool wants_space;      /* white space was seen, nothing behind it yet */
	bool is_fresh;         /* nothing stands behind the item's mark yet */
	size_t events;
	struct err *err;
	int rc;
};

static enum role role_of(const char *name)
{
	struct span word = span_str(name);

	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (reader_has_word(tags[i].names, word))
			return tags[i].role;
	return ROLE_INLINE;
}

/* ---- text ---- */

static struct row *row_of(struct page *p)
{
	return p->table_depth > 0 && p->table_depth <= NESTED_MAX ? &p->rows[p->table_depth - 1] : NULL;
}

/* Where everything goes on one line. */
static bool in_one_line(struct page *p)
{
	struct row *row = row_of(p);

	return p->in_heading > 0 || (row && row->cells > 0 && !row->is_layout);
}

static bool at_line_start(struct page *p)
{
	struct buf *text = &p->rd->out->text;

	return text->len <= p->from || strchr(" \t\n", text->ptr[text->len - 1]);
}

static void break_line(struct page *p)
{
	p->wants_space = in_one_line(p);
	if (!p->is_fresh && !in_one_line(p))
		reader_end_line(p->rd);
}

static void break_block(struct page *p)
{
	p->wants_space = in_one_line(p);
	if (p->is_fresh || in_one_line(p))
		return;
	if (p->list_depth > 0)
		reader_end_line(p->rd);
	else
		reader_end_block(p->rd);
}

static bool is_hidden_here(const struct page *p)
{
	return p->dropped > 0 || (p->part == PART_MAIN && p->in_main == 0);
}

/* Bytes of white space at the start, a no-break space included. */
static size_t blank_run(struct span s)
{
	size_t i = 0;

	for (;;) {
		if (i < s.len && strchr(" \t\r\n\f", s.ptr[i]) && s.ptr[i] != '\0')
			i++;
		else if (i + 1 < s.len && (unsigned char)s.ptr[i] == 0xc2 &&
			 (unsigned char)s.ptr[i + 1] == 0xa0)
			i += 2;
		else
			return i;
	}
}

static void write_flowing(struct page *p, struct span text)
{
	while (text.len > 0) {
		size_t blanks = blank_run(text), len;

		p->wants_space = p->wants_space || blanks > 0;
		text = span_from(text, blanks);
		for (len = 0; len < text.len && blank_run(span_from(text, len)) == 0;)
			len++;
		if (len == 0)
			return;
		if (p->wants_space && !at_line_start(p))
			reader_write_str(p->rd, " ");
		p->wants_space = false;
		p->is_fresh = false;
		reader_write(p->rd, span_of(text.ptr, len));
		text = span_from(text, len);
	}
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct page *p = ctx;
	struct span s = span_of((const char *)text, len > 0 ? (size_t)len : 0);

	if (p->in_title)
		buf_add_span(&p->title, s);
	else if (is_hidden_here(p))
		return;
	else if (p->in_pre > 0 && !in_one_line(p))
		reader_write(p->rd, s);
	else
		write_flowing(p, s);
}

/* ---- elements ---- */

static struct span attribute(const xmlChar **attributes, const char *name)
{
	for (size_t i = 0; attributes && attributes[i]; i += 2)
		if (strcmp((const char *)attributes[i], name) == 0)
			return attributes[i + 1] ? span_str((const char *)attributes[i + 1]) :
						   span_of("", 0);
	return SPAN_NONE;
}

static bool is_hidden(const xmlChar **attributes)
{
	struct span style = attribute(attributes, "style");

	return attribute(attributes, "hidden").ptr || span_is(attribute(attributes, "aria-hidden"), "true") ||
	       span_find(style, SPAN_LIT("display:none")) >= 0 ||
	       span_find(style, SPAN_LIT("display: none")) >= 0;
}

static bool is_frame(enum role role, const xmlChar **attributes)
{
	return role == ROLE_FRAME ||
	       reader_has_word("navigation complementary contentinfo search banner",
			       attribute(attributes, "role"));
}

static void open_list(struct page *p, const char *name)
{
	if (p->list_depth == 0)
		break_block(p);
	else
		break_line(p);
	if (p->list_depth < NESTED_MAX)
		p->lists[p->list_depth] = (struct list){ .item = SIZE_MAX, .number = name[0] == 'o' };
	p->list_depth++;
}

static void close_item(struct page *p)
{
	struct list *list;

	if (p->list_depth == 0 || p->list_depth > NESTED_MAX)
		return;
	list = &p->lists[p->list_depth - 1];
	if (list->item != SIZE_MAX && !p->is_fresh)
		reader_mark(p->rd, MARK_LIST_ITEM, (int)p->list_depth, list->item);
	list->item = SIZE_MAX;
	p->is_fresh = false;
	break_line(p);
}

static void open_item(struct page *p)
{
	struct list *list;
	struct buf *text = &p->rd->out->text;

	close_item(p);
	if (p->list_depth == 0 || p->list_depth > NESTED_MAX || in_one_line(p)) {
		break_line(p);
		return;
	}
	list = &p->lists[p->list_depth - 1];
	break_line(p);
	list->item = reader_at(p->rd);
	for (size_t i = 1; i < p->list_depth; i++)
		reader_write_str(p->rd, "  ");
	if (list->number > 0)
		buf_printf(text, "%d. ", list->number++);
	else
		reader_write_str(p->rd, "- ");
	p->wants_space = false;
	p->is_fresh = true;
}

static void close_list(struct page *p)
{
	close_item(p);
	if (p->list_depth > 0)
		p->list_depth--;
	if (p->list_depth == 0)
		break_block(p);
}

/* Blocks in a cell: its table is there for the looks. */
static void mark_layout(struct page *p)
{
	struct row *row = row_of(p);

	if (row && row->cells > 0)
		row->is_layout = true;
}

static void open_table(struct page *p)
{
	mark_layout(p);
	break_block(p);
	if (p->table_depth < NESTED_MAX)
		p->rows[p->table_depth] = (struct row){ .cells = 0 };
	p->table_depth++;
}

static void open_row(struct page *p)
{
	struct row *row = row_of(p);

	if (!row)
		return;
	*row = (struct row){ .cells = 0, .is_header = true };
	break_line(p);
	row->start = reader_at(p->rd);
}

static void open_cell(struct page *p, const char *name)
{
	struct row *row = row_of(p);

	if (!row)
		return;
	if (row->cells > 0 && row->is_layout) {
		break_line(p);
	} else if (row->cells > 0) {
		reader_write_str(p->rd, at_line_start(p) ? "| " : " | ");
		p->wants_space = false;
	}
	row->cells++;
	row->is_header = row->is_header && name[1] == 'h';
}

static void close_row(struct page *p)
{
	struct row *row = row_of(p);
	int cells = row ? row->cells : 0;

	if (!row || cells == 0)
		return;
	row->cells = 0;
	p->is_fresh = false;
	reader_end_line(p->rd);
	if (cells > 1 && !row->is_layout)
		reader_mark(p->rd, MARK_TABLE_ROW, row->is_header ? 1 : 2, row->start);
	p->wants_space = false;
}

static void open_element(struct page *p, enum role role, const char *name, const xmlChar **attributes)
{
	switch (role) {
	case ROLE_BLOCK:
	case ROLE_MAIN:
		break_block(p);
		break;
	case ROLE_LINE:
		break_line(p);
		break;
	case ROLE_HEADING:
		mark_layout(p);
		p->is_fresh = false;
		break_block(p);
		if (p->in_heading++ == 0)
			p->start = reader_at(p->rd);
		break;
	case ROLE_LIST:
		mark_layout(p);
		open_list(p, name);
		break;
	case ROLE_ITEM:
		open_item(p);
		break;
	case ROLE_PRE:
		mark_layout(p);
		break_block(p);
		if (p->in_pre++ == 0)
			p->start = reader_at(p->rd);
		break;
	case ROLE_TABLE:
		open_table(p);
		break;
	case ROLE_ROW:
		open_row(p);
		break;
	case ROLE_CELL:
		open_cell(p, name);
		break;
	case ROLE_BREAK:
		if (p->in_pre > 0 && !in_one_line(p))
			reader_write_str(p->rd, "\n");
		else if (at_line_start(p))
			break_block(p);
		else
			break_line(p);
		break;
	case ROLE_IMAGE:
		write_flowing(p, attribute(attributes, "alt"));
		break;
	case ROLE_INLINE:
	case ROLE_DROP:
	case ROLE_FRAME:
	case ROLE_TITLE:
		break;
	}
}

static void close_element(struct page *p, enum role role, const char *name)
{
	switch (role) {
	case ROLE_BLOCK:
	case ROLE_MAIN:
		break_block(p);
		break;
	case ROLE_LINE:
		break_line(p);
		break;
	case ROLE_HEADING:
		if (p->in_heading > 0 && --p->in_heading == 0) {
			reader_mark(p->rd, MARK_HEADING, name[1] - '0', p->start);
			break_block(p);
		}
		break;
	case ROLE_LIST:
		close_list(p);
		break;
	case ROLE_ITEM:
		close_item(p);
		break;
	case ROLE_PRE:
		if (p->in_pre > 0 && --p->in_pre == 0)
			reader_mark(p->rd, MARK_CODE, 0, p->start);
		break_block(p);
		break;
	case ROLE_TABLE:
		close_row(p);
		if (p->table_depth > 0)
			p->table_depth--;
		break_block(p);
		break;
	case ROLE_ROW:
		close_row(p);
		break;
	case ROLE_CELL:
	case ROLE_BREAK:
	case ROLE_IMAGE:
	case ROLE_INLINE:
	case ROLE_DROP:
	case ROLE_FRAME:
	case ROLE_TITLE:
		break;
	}
}

static void on_open(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
	struct page *p = ctx;
	enum role role = role_of((const char *)name);

	if (++p->events % EVENTS_BETWEEN_CHECKS == 0 && (p->rc = reader_goes_on(p->rd, p->err)) < 0)
		xmlStopParser(p->parser);
	if (p->dropped > 0 || role == ROLE_DROP || is_hidden(attributes) ||
	    (p->part != PART_ALL && is_frame(role, attributes))) {
		p->dropped++;
		return;
	}
	if (role == ROLE_TITLE)
		p->in_title = p->title.len == 0;
	if (role == ROLE_MAIN || span_is(attribute(attributes, "role"), "main") || p->in_main > 0)
		p->in_main++;
	if (!is_hidden_here(p))
		open_element(p, role, (const char *)name, attributes);
}

static void on_close(void *ctx, const xmlChar *name)
{
	struct page *p = ctx;
	enum role role = role_of((const char *)name);

	if (p->dropped > 0) {
		p->dropped--;
		return;
	}
	if (role == ROLE_TITLE)
		p->in_title = false;
	if (!is_hidden_here(p))
		close_element(p, role, (const char *)name);
	if (p->in_main > 0)
		p->in_main--;
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	(void)ctx;
	(void)error;
}

/* ---- the page ---- */

static int parse(struct page *p, struct span html)
{
	htmlSAXHandler sax = { .startElement = on_open, .endElement = on_close, .characters = on_text,
			       .ignorableWhitespace = on_text, .serror = on_error };
	htmlParserCtxtPtr parser = htmlCreateMemoryParserCtxt(html.ptr, (int)html.len);
	xmlSAXHandlerPtr own;

	if (!parser)
		return err_set(p->err, E_document_unreadable, "", "no room for an HTML parser");
	own = parser->sax;
	parser->sax = &sax;
	parser->userData = p;
	p->parser = parser;
	htmlCtxtUseOptions(parser, HTML_PARSE_NONET | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
					   HTML_PARSE_IGNORE_ENC);
	sax.serror = on_error;
	xmlSwitchToEncoding(parser, xmlFindCharEncodingHandler("UTF-8"));
	htmlParseDocument(parser);
	parser->sax = own;
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	htmlFreeParserCtxt(parser);
	return p->rc;
}

/* 1 when there was too little text in that part. */
static int write_part(struct reader *rd, struct span html, enum part part, struct err *err)
{
	struct page p = { .rd = rd, .part = part, .from = reader_at(rd), .err = err };
	size_t marks = rd->out->mark_count, least = part == PART_MAIN ? MAIN_TEXT_MIN : 1;
	int rc;

	buf_init(&p.title, 4 * KIB);
	rc = parse(&p, html);
	if (rc == 0) {
		reader_end_line(rd);
		reader_title(rd, buf_span(&p.title));
	}
	buf_free(&p.title);
	if (rc == 0 && part + 1 < PART_COUNT && reader_at(rd) - p.from < least) {
		if (rd->out->text.ptr)
			buf_truncate(&rd->out->text, p.from);
		rd->out->mark_count = marks;
		return 1;
	}
	return rc;
}

static bool has_main(struct span html)
{
	return span_find(html, SPAN_LIT("<main")) >= 0 || span_find(html, SPAN_LIT("role=\"main\"")) >= 0;
}

int html_write(struct reader *rd, struct span html, struct err *err)
{
	enum part part = has_main(html) ? PART_MAIN : PART_PRUNED;
	int rc = 1;

	if (html.len == 0)
		return 0;
	if (html.len > INT32_MAX)
		return err_set(err, E_document_too_large, "", "a page of %zu bytes", html.len);
	for (; rc > 0 && part < PART_COUNT; part++)
		rc = write_part(rd, html, part, err);
	return rc > 0 ? 0 : rc;
}

/* <meta charset=x>, <meta http-equiv content="text/html; charset=x">, <?xml encoding="x"?>. */
static char *named_charset(struct span html)
{
	static const char *const marks[] = { "charset=", "encoding=" };
	struct span head = span_of(html.ptr, html.len < PROLOG ? html.len : PROLOG);

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		ptrdiff_t at = span_find(head, span_str(marks[i]));
		struct span name = span_from(head, at < 0 ? head.len : (size_t)at + strlen(marks[i]));
		size_t len = 0;

		while (name.len > 0 && strchr("\"' ", name.ptr[0]))
			name = span_from(name, 1);
		while (len < name.len && !strchr("\"' ;>/?", name.ptr[len]))
			len++;
		if (len > 0)
			return mem_strndup(name.ptr, len);
	}
	return NULL;
}

int read_html(struct reader *rd, struct err *err)
{
	char *charset = named_charset(rd->bytes);
	struct buf html;
	int rc;

	buf_init(&html, rd->limits.bytes_in);
	rc = reader_decode(rd, charset, &html, err);
	if (rc == 0)
		rc = html_write(rd, buf_span(&html), err);
	if (rc == 0)
		reader_title_by_heading(rd);
	mem_free(charset);
	buf_free(&html);
	return rc;
}
