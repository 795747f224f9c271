/*
 * common/rag/reading_html.c - the text of a web page: its main part, with headings, lists, tables
 * and code as marks.  libxml2's forgiving HTML parser says what is where.
 */
#include "common/rag/reading_html.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"

#include <libxml/parserInternals.h>

enum {
	MAIN_TEXT_MIN = 250, /* bytes: a main part of less is not the page's text */
	PROLOG = 4096,       /* bytes in which a page names its charset */
	EVENTS_BETWEEN_CHECKS = 4096,
};

static const struct tag {
	const char *names;
	enum html_role role;
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

static enum html_role role_of(const char *name)
{
	struct span word = span_str(name);

	for (size_t i = 0; i < ARRAY_LEN(tags); i++)
		if (reader_has_word(tags[i].names, word))
			return tags[i].role;
	return ROLE_INLINE;
}

struct span html_attribute(const xmlChar **attributes, const char *name)
{
	for (size_t i = 0; attributes && attributes[i]; i += 2)
		if (strcmp((const char *)attributes[i], name) == 0)
			return attributes[i + 1] ? span_str((const char *)attributes[i + 1]) :
						   span_of("", 0);
	return SPAN_NONE;
}

static bool has_class(const xmlChar **attributes, const char *classes)
{
	struct span mine = html_attribute(attributes, "class");

	while (mine.ptr)
		if (reader_has_word(classes, span_cut(&mine, ' ')))
			return true;
	return false;
}

/*
 * A heading's link to itself: a sign beside its words, as Sphinx, MkDocs, Docusaurus and rustdoc write
 * it, or, in some themes, around them.
 */
static bool is_permalink(const xmlChar **attributes)
{
	return has_class(attributes, "headerlink hash-link doc-anchor permalink heading-anchor");
}

/*
 * The number of a note where the text has it, and the way back: no part of the word beside it.  A raised
 * link within the page, or as DPUB-ARIA and EPUB say it, or as pandoc, markdown-it, docutils, LibreOffice
 * and MediaWiki do.
 */
static bool is_note_mark(const struct html_page *p, const char *name, const xmlChar **attributes)
{
	return (p->in_sup > 0 && span_starts(html_attribute(attributes, "href"), "#")) ||
	       reader_has_word("doc-noteref doc-backlink", html_attribute(attributes, "role")) ||
	       span_is(html_attribute(attributes, "epub:type"), "noteref") ||
	       has_class(attributes, "footnote-ref footnote-reference footnote-back footnote-backref "
				     "fn-backref sdfootnoteanc sdfootnotesym sdendnoteanc sdendnotesym") ||
	       (strcmp(name, "sup") == 0 && has_class(attributes, "reference"));
}

static bool is_hidden(const xmlChar **attributes)
{
	struct span style = html_attribute(attributes, "style");

	return html_attribute(attributes, "hidden").ptr ||
	       span_is(html_attribute(attributes, "aria-hidden"), "true") ||
	       span_find(style, SPAN_LIT("display:none")) >= 0 ||
	       span_find(style, SPAN_LIT("display: none")) >= 0;
}

static bool is_note(const xmlChar **attributes)
{
	return reader_has_word("doc-footnote doc-endnote", html_attribute(attributes, "role")) ||
	       reader_has_word("footnote endnote rearnote", html_attribute(attributes, "epub:type"));
}

static bool is_frame(enum html_role role, const xmlChar **attributes)
{
	return (role == ROLE_FRAME && !is_note(attributes)) ||
	       reader_has_word("navigation complementary contentinfo search banner",
			       html_attribute(attributes, "role"));
}

static bool is_hidden_here(const struct html_page *p)
{
	return p->dropped > 0 || p->in_permalink > 0 || (p->part == PART_MAIN && p->in_main == 0);
}

/* ---- links of headings to themselves ---- */

enum { PERMALINK_MAX = 1 * KIB };

static bool has_words(struct span text)
{
	for (size_t len; text.len > 0; text = span_from(text, len))
		if (letter_is_of_word(utf8_next(text, &len)))
			return true;
	return false;
}

static bool is_empty_heading(const struct html_page *p)
{
	return p->in_heading > 0 && reader_at(p->rd) == p->start;
}

static void close_permalink(struct html_page *p)
{
	struct span text = buf_span(&p->permalink);

	if (p->in_heading == 0 && has_words(text) && !is_hidden_here(p))
		html_text(p, text);
	if (!is_empty_heading(p) || !has_words(text))
		buf_clear(&p->permalink);
}

/* The link is around a heading: what it has is the page's, like any. */
static void leave_permalink(struct html_page *p)
{
	if (p->in_main > 0)
		p->in_main += p->in_permalink;
	p->in_permalink = 0;
}

/* ---- events ---- */

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct html_page *p = ctx;
	struct span s = span_of((const char *)text, len > 0 ? (size_t)len : 0);

	if (p->in_title)
		buf_add_span(&p->title, s);
	else if (p->in_permalink > 0 && p->dropped == 0)
		buf_add_span(&p->permalink, s); /* what is too long for it is left out */
	else if (!is_hidden_here(p))
		html_text(p, s);
}

static void on_open(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
	struct html_page *p = ctx;
	enum html_role role = role_of((const char *)name);

	if (++p->events % EVENTS_BETWEEN_CHECKS == 0 && (p->rc = reader_goes_on(p->rd, p->err)) < 0)
		xmlStopParser(p->parser);
	if (p->dropped == 0 && role == ROLE_HEADING)
		leave_permalink(p);
	if (p->dropped > 0 || role == ROLE_DROP || is_hidden(attributes) ||
	    is_note_mark(p, (const char *)name, attributes) ||
	    (p->part != PART_ALL && is_frame(role, attributes))) {
		p->dropped++;
		return;
	}
	if (p->in_permalink > 0 || is_permalink(attributes)) {
		if (p->in_permalink++ == 0)
			buf_clear(&p->permalink);
		return;
	}
	if (strcmp((const char *)name, "sup") == 0)
		p->in_sup++;
	if (role == ROLE_TITLE)
		p->in_title = p->title.len == 0;
	if (role == ROLE_MAIN || span_is(html_attribute(attributes, "role"), "main") || p->in_main > 0)
		p->in_main++;
	if (!is_hidden_here(p))
		html_open(p, role, (const char *)name, attributes);
}

static void on_close(void *ctx, const xmlChar *name)
{
	struct html_page *p = ctx;
	enum html_role role = role_of((const char *)name);

	if (p->dropped > 0) {
		p->dropped--;
		return;
	}
	if (p->in_permalink > 0) {
		if (--p->in_permalink == 0)
			close_permalink(p);
		return;
	}
	if (role == ROLE_HEADING) {
		if (is_empty_heading(p))
			html_text(p, buf_span(&p->permalink));
		buf_clear(&p->permalink);
	}
	if (strcmp((const char *)name, "sup") == 0 && p->in_sup > 0)
		p->in_sup--;
	if (role == ROLE_TITLE)
		p->in_title = false;
	if (!is_hidden_here(p))
		html_close(p, role, (const char *)name);
	if (p->in_main > 0)
		p->in_main--;
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	(void)ctx;
	(void)error;
}

/* ---- the page ---- */

static int parse(struct html_page *p, struct span html)
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
static int write_part(struct reader *rd, struct span html, enum html_part part, struct err *err)
{
	struct html_page p = { .rd = rd, .part = part, .from = reader_at(rd), .err = err };
	size_t marks = rd->out->mark_count, least = part == PART_MAIN ? MAIN_TEXT_MIN : 1;
	int rc;

	buf_init(&p.title, 4 * KIB);
	buf_init(&p.permalink, PERMALINK_MAX);
	rc = parse(&p, html);
	if (rc == 0) {
		reader_end_line(rd);
		reader_title(rd, buf_span(&p.title));
	}
	buf_free(&p.title);
	buf_free(&p.permalink);
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
	enum html_part part = has_main(html) ? PART_MAIN : PART_PRUNED;
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
