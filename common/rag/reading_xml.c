/* common/rag/reading_xml.c - see common/rag/reading_xml.h. */
#include "common/rag/reading_xml.h"

#include "common/base/mem.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

enum { PIECE = 64 * 1024 };

struct run {
	const struct xml_handler *h;
	void *data;
};

static void on_open(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int spaces,
		    const xmlChar **declared, int count, int defaulted, const xmlChar **attributes)
{
	struct run *run = ctx;
	struct xml_element e = { .name = (const char *)name, .prefix = prefix ? (const char *)prefix : "",
				 .attributes = attributes, .count = count };

	(void)uri;
	(void)spaces;
	(void)declared;
	(void)defaulted;
	if (run->h->open)
		run->h->open(run->data, &e);
}

static void on_close(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	struct run *run = ctx;

	(void)prefix;
	(void)uri;
	if (run->h->close)
		run->h->close(run->data, (const char *)name);
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct run *run = ctx;

	if (run->h->text && len > 0)
		run->h->text(run->data, span_of((const char *)text, (size_t)len));
}

/* Without it libxml2 prints to stderr. */
static void on_error(void *ctx, xmlErrorPtr error)
{
	(void)ctx;
	(void)error;
}

struct span xml_attribute(const struct xml_element *e, const char *name)
{
	bool wants_prefix = name[0] == ':';

	for (int i = 0; i < e->count; i++) {
		const unsigned char *const *a = e->attributes + (ptrdiff_t)5 * i;

		if (strcmp((const char *)a[0], name + wants_prefix) == 0 && (!wants_prefix || a[1]))
			return span_of((const char *)a[3], (size_t)(a[4] - a[3]));
	}
	return SPAN_NONE;
}

int xml_each(struct reader *rd, struct span xml, const struct xml_handler *h, void *data,
	     struct err *err)
{
	xmlSAXHandler sax = { .startElementNs = on_open, .endElementNs = on_close, .characters = on_text,
			      .ignorableWhitespace = on_text, .cdataBlock = on_text, .serror = on_error,
			      .initialized = XML_SAX2_MAGIC };
	struct run run = { h, data };
	xmlParserCtxtPtr parser = xmlCreatePushParserCtxt(&sax, &run, NULL, 0, NULL);
	int rc = 0;

	if (!parser)
		return err_set(err, E_document_unreadable, "", "no room for an XML parser");
	xmlCtxtUseOptions(parser, XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
	while (xml.len > 0 && rc == 0) {
		size_t len = xml.len < PIECE ? xml.len : PIECE;

		if (xmlParseChunk(parser, xml.ptr, (int)len, len == xml.len) != 0 && !parser->wellFormed)
			rc = err_set(err, E_document_unreadable, "", "its XML is damaged at line %d",
				     parser->input ? parser->input->line : 0);
		if (rc == 0)
			rc = reader_goes_on(rd, err);
		xml = span_from(xml, len);
	}
	if (parser->myDoc)
		xmlFreeDoc(parser->myDoc);
	xmlFreeParserCtxt(parser);
	return rc;
}
