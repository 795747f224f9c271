/*
 * tests/fuzz/fuzz_reading_office.c - any bytes as the XML inside of zipped documents.
 *
 * The first byte chooses the kind; NULs separate what becomes its members, which are stored under
 * the names that the readers look for.
 */
#include "tests/fuzz/reading.h"

#include <archive.h>
#include <archive_entry.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PARTS = 4 };

static const struct kind {
	const char *name, *parts[PARTS];
} kinds[] = {
	{ "a.docx", { "word/document.xml", "word/styles.xml", "word/footnotes.xml", "docProps/core.xml" } },
	{ "a.odt", { "content.xml", "meta.xml", "META-INF/manifest.xml" } },
	{ "a.pptx", { "ppt/presentation.xml", "ppt/_rels/presentation.xml.rels", "ppt/slides/slide1.xml",
		      "ppt/slides/_rels/slide1.xml.rels" } },
	{ "a.xlsx", { "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml", "xl/styles.xml" } },
	{ "a.xlsx", { "xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/worksheets/sheet1.xml",
		      "xl/sharedStrings.xml" } },
	{ "a.epub", { "META-INF/container.xml", "b.opf", "a.xhtml", "META-INF/encryption.xml" } },
};

static la_ssize_t take(struct archive *a, void *data, const void *bytes, size_t len)
{
	(void)a;
	return buf_add(data, bytes, len) == 0 ? (la_ssize_t)len : -1;
}

static void add_part(struct archive *a, const char *name, struct span bytes)
{
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_size(entry, (la_int64_t)bytes.len);
	must(archive_write_header(a, entry) == ARCHIVE_OK);
	if (bytes.len > 0)
		must(archive_write_data(a, bytes.ptr, bytes.len) == (la_ssize_t)bytes.len);
	archive_entry_free(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct archive *a = archive_write_new();
	const struct kind *kind = &kinds[size > 0 ? data[0] % ARRAY_LEN(kinds) : 0];
	struct span rest = span_of((const char *)data + (size > 0), size > 0 ? size - 1 : 0);
	struct buf zip;

	buf_init(&zip, 1 << 20);
	archive_write_set_format_zip(a);
	archive_write_set_options(a, "zip:compression=store");
	must(archive_write_open(a, &zip, NULL, take, NULL) == ARCHIVE_OK);
	for (size_t i = 0; i < PARTS && kind->parts[i] && rest.ptr; i++)
		add_part(a, kind->parts[i], span_cut(&rest, '\0'));
	must(archive_write_close(a) == ARCHIVE_OK);
	archive_write_free(a);
	fuzz_reading(kind->name, NULL, zip.ptr, zip.len);
	buf_free(&zip);
	return 0;
}
