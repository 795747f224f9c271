/*
 * common/rag/reading_office.h - the package that PowerPoint and Excel put their parts into, and what in it
 * points where; for common/rag/reading*.c alone.
 */
#ifndef SPASS_RAG_READING_OFFICE_H
#define SPASS_RAG_READING_OFFICE_H

#include "common/rag/reading_xml.h"
#include "common/rag/reading_zip.h"

struct office_link {
	char *id, *target, *name;
	bool is_notes;
};

struct office_links {
	struct office_link *rows;
	size_t count;
	struct span base; /* the member whose links these are */
};

/* What a part points to, by "ppt/_rels/presentation.xml.rels" for "ppt/presentation.xml". */
void office_links(struct reader *rd, const struct zip *zip, const char *part, struct office_links *l);
void office_links_free(struct office_links *l);
/* NULL: it points to nothing of that id. */
const char *office_target(const struct office_links *l, const char *id);
/* The slides or sheets, as their book lists them: ids and names, in order. */
int office_order(struct reader *rd, struct span book, struct office_links *order, struct err *err);

bool office_is_xml(struct span name);
/* The members that wants takes, written by write, with the document's title. */
int office_read(struct reader *rd, bool (*wants)(struct span name),
		int (*write)(struct reader *rd, const struct zip *zip, struct err *err), struct err *err);

#endif
