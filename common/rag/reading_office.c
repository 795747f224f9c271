/* common/rag/reading_office.c - see reading_office.h. */
#include "common/rag/reading_office.h"

#include "common/base/mem.h"

enum { PARTS_MAX = 2000 }; /* slides, sheets */

/* ---- what points where ---- */

static void add_link(struct office_links *l, char *id, char *target, char *name, bool is_notes)
{
	if (l->count == PARTS_MAX) {
		mem_free(id);
		mem_free(target);
		mem_free(name);
		return;
	}
	if (!l->rows)
		l->rows = mem_calloc(PARTS_MAX, sizeof(*l->rows));
	l->rows[l->count++] = (struct office_link){ id, target, name, is_notes };
}

void office_links_free(struct office_links *l)
{
	for (size_t i = 0; i < l->count; i++) {
		mem_free(l->rows[i].id);
		mem_free(l->rows[i].target);
		mem_free(l->rows[i].name);
	}
	mem_free(l->rows);
	*l = (struct office_links){ .rows = NULL };
}

static char *copy(struct span s)
{
	return mem_strndup(s.ptr ? s.ptr : "", s.len);
}

static void open_relationship(void *data, const struct xml_element *e)
{
	struct office_links *l = data;

	if (strcmp(e->name, "Relationship") == 0)
		add_link(l, copy(xml_attribute(e, "Id")), zip_resolve(l->base, xml_attribute(e, "Target")),
			 NULL, span_ends(xml_attribute(e, "Type"), "/notesSlide"));
}

void office_links(struct reader *rd, const struct zip *zip, const char *part, struct office_links *l)
{
	static const struct xml_handler handler = { .open = open_relationship };
	const char *slash = strrchr(part, '/');
	char *name = mem_printf("%.*s/_rels/%s.rels", slash ? (int)(slash - part) : 0, part,
				slash ? slash + 1 : part);
	struct span xml = zip_get(zip, name);

	*l = (struct office_links){ .base = span_str(part) };
	if (xml.len > 0)
		xml_each(rd, xml, &handler, l, NULL);
	mem_free(name);
}

const char *office_target(const struct office_links *l, const char *id)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->rows[i].id, id) == 0)
			return l->rows[i].target;
	return NULL;
}

static void open_listed(void *data, const struct xml_element *e)
{
	struct office_links *order = data;

	if (strcmp(e->name, "sldId") == 0 || strcmp(e->name, "sheet") == 0)
		add_link(order, copy(xml_attribute(e, ":id")), NULL, copy(xml_attribute(e, "name")), false);
}

int office_order(struct reader *rd, struct span book, struct office_links *order, struct err *err)
{
	static const struct xml_handler handler = { .open = open_listed };

	*order = (struct office_links){ .rows = NULL };
	return xml_each(rd, book, &handler, order, err);
}

/* ---- the whole ---- */

bool office_is_xml(struct span name)
{
	return span_ends(name, ".xml") || span_ends(name, ".rels");
}

int office_read(struct reader *rd, bool (*wants)(struct span name),
		       int (*write)(struct reader *rd, const struct zip *zip, struct err *err), struct err *err)
{
	struct zip zip;
	int rc = zip_open(&zip, rd, wants, err);

	if (rc == 0) {
		office_title(rd, zip_get(&zip, "docProps/core.xml"));
		rc = write(rd, &zip, err);
	}
	if (rc == 0)
		reader_title_by_heading(rd);
	zip_free(&zip);
	return rc;
}
