/* common/rag/reading_unpack.c - files that are packed as a whole, such as ls.1.gz, by libarchive. */
#include "common/rag/reading_zip.h"

#include "common/base/mem.h"

#include <archive.h>
#include <archive_entry.h>

/* Both must be so: a text may well begin with "BZh". */
static const struct packing {
	const char *extension;
	struct span begins;
} packings[] = {
	{ "gz", SPAN_INIT("\x1f\x8b\x08") },
	{ "bz2", SPAN_INIT("BZh") },
	{ "xz", SPAN_INIT("\xfd" "7zXZ\0") },
	{ "zst", SPAN_INIT("\x28\xb5\x2f\xfd") },
};

struct span reader_packed_name(struct span name, struct span bytes)
{
	struct span ext = reader_extension(name);

	for (size_t i = 0; i < ARRAY_LEN(packings); i++)
		if (span_is_nocase(ext, packings[i].extension) && bytes.len > packings[i].begins.len &&
		    span_equal(span_of(bytes.ptr, packings[i].begins.len), packings[i].begins))
			return span_of(name.ptr, name.len - ext.len - 1);
	return SPAN_NONE;
}

static int read_all(struct archive *a, struct reader *rd, struct buf *out, struct err *err)
{
	struct archive_entry *entry;
	int rc = archive_read_next_header(a, &entry);

	if (rc == ARCHIVE_EOF)
		return 0; /* an empty file */
	return rc == ARCHIVE_OK ? zip_inflate(a, rd, out, err) : zip_tell_damage(a, err);
}

int reader_unpack(struct reader *rd, struct buf *out, struct err *err)
{
	struct archive *a = archive_read_new();
	int rc;

	if (!a)
		return err_set(err, E_document_unreadable, "", "no room for an archive reader");
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	archive_read_support_filter_gzip(a);
	archive_read_support_filter_bzip2(a);
	archive_read_support_filter_xz(a);
	archive_read_support_filter_zstd(a);
	if (archive_read_open_memory(a, rd->bytes.ptr, rd->bytes.len) == ARCHIVE_OK)
		rc = read_all(a, rd, out, err);
	else
		rc = zip_tell_damage(a, err);
	archive_read_free(a);
	return rc;
}
