/*
 * common/rag/reading_html.h - a web page on its way into text; for common/rag/reading_html*.c alone.
 *
 * reading_html.c says what of a page is text, reading_html_write.c how it is written.
 */
#ifndef SPASS_RAG_READING_HTML_H
#define SPASS_RAG_READING_HTML_H

#include "common/rag/reading_inside.h"

#include <libxml/HTMLparser.h>

enum { HTML_NESTED_MAX = 16 }; /* lists in lists, tables in tables */

/* What an element does to the text. */
enum html_role {
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

/* What of a page is read. */
enum html_part {
	PART_MAIN,   /* only what is in <main> */
	PART_PRUNED, /* all but what frames the page */
	PART_ALL,
	PART_COUNT,
};

struct html_list {
	size_t item; /* where its item begins */
	int number;  /* of the next item; 0 = not numbered */
};

struct html_row {
	size_t start;
	int cells;
	bool is_header;
	bool is_layout; /* a cell has blocks: the table places things, it is no table */
};

struct html_page {
	struct reader *rd;
	xmlParserCtxtPtr parser;
	enum html_part part;
	size_t from;           /* where its text begins */
	size_t dropped;        /* elements open since one that is dropped, that one included */
	size_t in_main, in_pre, in_heading, in_sup;
	size_t in_permalink;   /* elements open since a heading's link to itself, that one included */
	struct buf permalink;  /* its text: of a heading that has no other, that is the heading's */
	struct html_list lists[HTML_NESTED_MAX];
	size_t list_depth;
	struct html_row rows[HTML_NESTED_MAX];
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

/* Of an element that is text.  attributes: name and value by turns, NULL at the end; or NULL. */
void html_open(struct html_page *p, enum html_role role, const char *name,
	       const xmlChar **attributes);
void html_close(struct html_page *p, enum html_role role, const char *name);
/* Text as it stands in the page. */
void html_text(struct html_page *p, struct span text);
/* SPAN_NONE when there is none of that name. */
struct span html_attribute(const xmlChar **attributes, const char *name);

#endif
