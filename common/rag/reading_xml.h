/*
 * common/rag/reading_xml.h - XML as events, by libxml2: no tree, no network, no entities but the
 * five of XML, its own limits on depth and names.  Only for common/rag/reading*.c.
 */
#ifndef SPASS_RAG_READING_XML_H
#define SPASS_RAG_READING_XML_H

#include "common/rag/reading_inside.h"

/* Names are without their prefix ("p" of w:p); everything is borrowed for the call. */
struct xml_element {
	const char *name;
	const char *prefix; /* as the document writes it, or "" */
	const unsigned char *const *attributes; /* libxml2's own; see xml_attribute */
	int count;
};

struct xml_handler {
	void (*open)(void *data, const struct xml_element *e);
	void (*close)(void *data, const char *name);
	void (*text)(void *data, struct span text);
};

/* 0, or -1: E_document_unreadable when it is not well-formed, or what reader_goes_on says. */
int xml_each(struct reader *rd, struct span xml, const struct xml_handler *h, void *data,
	     struct err *err);
/* By its name without prefix (":id": only one that has some prefix); ptr NULL when there is none.  Escapes are resolved. */
struct span xml_attribute(const struct xml_element *e, const char *name);

#endif
