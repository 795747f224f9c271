/* tests/support/zip.c - see tests/support/zip.h. */
#include "tests/support/zip.h"

#include "common/base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <assert.h>

static la_ssize_t take(struct archive *a, void *data, const void *bytes, size_t len)
{
	(void)a;
	return buf_add(data, bytes, len) == 0 ? (la_ssize_t)len : -1;
}

static void add_part(struct archive *a, const struct zip_part *part)
{
	size_t len = strlen(part->bytes), repeat = part->repeat ? part->repeat : 1;
	struct archive_entry *entry = archive_entry_new();

	archive_entry_set_pathname(entry, part->name);
	archive_entry_set_filetype(entry, AE_IFREG);
	archive_entry_set_perm(entry, 0644);
	archive_entry_set_size(entry, (la_int64_t)(len * repeat));
	assert(archive_write_header(a, entry) == ARCHIVE_OK);
	for (size_t i = 0; i < repeat && len > 0; i++)
		assert(archive_write_data(a, part->bytes, len) == (la_ssize_t)len);
	archive_entry_free(entry);
}

void zip_make(struct buf *out, const struct zip_part *parts, const char *password)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_zip(a);
	if (password) {
		assert(archive_write_set_options(a, "zip:encryption=zipcrypt") == ARCHIVE_OK);
		archive_write_set_passphrase(a, password);
	}
	archive_write_set_bytes_per_block(a, 0);
	assert(archive_write_open(a, out, NULL, take, NULL) == ARCHIVE_OK);
	for (; parts->name; parts++)
		add_part(a, parts);
	assert(archive_write_close(a) == ARCHIVE_OK);
	archive_write_free(a);
}
