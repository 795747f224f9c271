/* common/rag/reading_epub.c - books: their chapters in reading order, each a web page. */
#include "common/rag/reading_xml.h"
#include "common/rag/reading_zip.h"

#include "common/base/mem.h"

enum { ITEMS_MAX = 5000 };

struct item {
	char *id, *href;
	bool is_page, is_contents;
};

struct book {
	struct reader *rd;
	char *package; /* the member that lists the others */
	struct item *items;
	size_t count;
	char *spine[ITEMS_MAX];
	size_t spine_count;
	bool in_title, is_locked;
	bool is_font;  /* the algorithm only scrambles fonts */
	struct buf title;
};

static char *copy(struct span s)
{
	return mem_strndup(s.ptr ? s.ptr : "", s.len);
}

static void open_container(void *data, const struct xml_element *e)
{
	struct book *b = data;

	if (strcmp(e->name, "rootfile") == 0 && !b->package)
		b->package = copy(xml_attribute(e, "full-path"));
}

static void open_package(void *data, const struct xml_element *e)
{
	struct book *b = data;
	struct span type = xml_attribute(e, "media-type");

	b->in_title = strcmp(e->name, "title") == 0 && b->title.len == 0;
	if (strcmp(e->name, "item") == 0 && b->count < ITEMS_MAX)
		b->items[b->count++] = (struct item){
			.id = copy(xml_attribute(e, "id")),
			.href = zip_resolve(span_str(b->package), xml_attribute(e, "href")),
			.is_page = span_is(type, "application/xhtml+xml") || span_is(type, "text/html"),
			.is_contents = reader_has_word("nav", xml_attribute(e, "properties")),
		};
	else if (strcmp(e->name, "itemref") == 0 && b->spine_count < ITEMS_MAX)
		b->spine[b->spine_count++] = copy(xml_attribute(e, "idref"));
}

static void close_package(void *data, const char *name)
{
	struct book *b = data;

	(void)name;
	b->in_title = false;
}

static void take_package(void *data, struct span text)
{
	struct book *b = data;

	if (b->in_title)
		buf_add_span(&b->title, text);
}

/* Fonts are often scrambled; a page that is, is behind a lock. */
static void open_encryption(void *data, const struct xml_element *e)
{
	struct book *b = data;

	if (strcmp(e->name, "EncryptionMethod") == 0)
		b->is_font = reader_has_word("http://www.idpf.org/2008/embedding http://ns.adobe.com/pdf/enc#RC",
					     xml_attribute(e, "Algorithm"));
	else if (strcmp(e->name, "CipherReference") == 0 && !b->is_font)
		b->is_locked = true;
}

static const struct item *find_item(const struct book *b, const char *id)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->items[i].id, id) == 0)
			return &b->items[i];
	return NULL;
}

static int write_chapters(struct book *b, const struct zip *zip, struct err *err)
{
	for (size_t i = 0; i < b->spine_count; i++) {
		const struct item *item = find_item(b, b->spine[i]);
		struct reader page = *b->rd;
		struct buf html;
		int rc;

		if (!item || !item->is_page || item->is_contents)
			continue;
		reader_end_block(b->rd);
		page.bytes = zip_get(zip, item->href);
		page.charset = SPAN_NONE;
		page.depth++; /* its <title> is not the book's */
		buf_init(&html, b->rd->limits.bytes_in);
		rc = reader_decode(&page, NULL, &html, err);
		if (rc == 0)
			rc = html_write(&page, buf_span(&html), err);
		b->rd->is_full = page.is_full;
		buf_free(&html);
		if (rc < 0 || reader_goes_on(b->rd, err) < 0)
			return -1;
	}
	return 0;
}

static int read_parts(struct book *b, const struct zip *zip, struct err *err)
{
	static const struct xml_handler container = { .open = open_container };
	static const struct xml_handler package = { open_package, close_package, take_package };
	static const struct xml_handler encryption = { .open = open_encryption };
	struct span xml = zip_get(zip, "META-INF/encryption.xml");

	if (xml.len > 0)
		xml_each(b->rd, xml, &encryption, b, NULL);
	if (b->is_locked)
		return err_set(err, E_document_unreadable, "", "the book is encrypted (a copy protection)");
	xml = zip_get(zip, "META-INF/container.xml");
	if (xml.len == 0 || xml_each(b->rd, xml, &container, b, err) < 0 || !b->package)
		return err_set(err, E_document_unreadable, "", "it is no EPUB: it names no package");
	xml = zip_get(zip, b->package);
	if (xml.len == 0)
		return err_set(err, E_document_unreadable, "", "the book lacks its package %.100s", b->package);
	if (xml_each(b->rd, xml, &package, b, err) < 0)
		return -1;
	reader_title(b->rd, buf_span(&b->title));
	return write_chapters(b, zip, err);
}

static bool wants_part(struct span name)
{
	static const char *const ends[] = { ".opf", ".xhtml", ".html", ".htm", ".xht", ".xml" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (span_ends(name, ends[i]))
			return true;
	return false;
}

int read_epub(struct reader *rd, struct err *err)
{
	struct book *b = mem_new(struct book);
	struct zip zip;
	int rc;

	b->rd = rd;
	b->items = mem_calloc(ITEMS_MAX, sizeof(*b->items));
	buf_init(&b->title, 4 * KIB);
	rc = zip_open(&zip, rd, wants_part, err);
	if (rc == 0)
		rc = read_parts(b, &zip, err);
	if (rc == 0)
		reader_title_by_heading(rd);
	zip_free(&zip);
	for (size_t i = 0; i < b->count; i++) {
		mem_free(b->items[i].id);
		mem_free(b->items[i].href);
	}
	for (size_t i = 0; i < b->spine_count; i++)
		mem_free(b->spine[i]);
	mem_free(b->items);
	mem_free(b->package);
	buf_free(&b->title);
	mem_free(b);
	return rc;
}
