/* common/rag/reading_zip.c - see common/rag/reading_zip.h. */
#include "common/rag/reading_zip.h"

#include "common/base/mem.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

enum {
	ENTRIES_MAX = 20000,
	NAME_MAX_LEN = 1024,
	RATIO_MAX = 250,         /* bytes out for a byte in */
	RATIO_FREE = 4 << 20,    /* so many bytes may come out in any case */
	INFLATED_PER_TEXT = 4,   /* XML is longer than its text */
	PIECE = 64 * 1024,
};

static int check_inflated(struct reader *rd, struct err *err)
{
	size_t max = rd->limits.text_max > SIZE_MAX / INFLATED_PER_TEXT ? SIZE_MAX :
									  rd->limits.text_max * INFLATED_PER_TEXT;

	if (rd->inflated > max)
		return err_set(err, E_document_too_large, "",
			       "more than %zu bytes come out of the archive", max);
	if (rd->inflated > RATIO_FREE && rd->inflated / RATIO_MAX > rd->bytes.len)
		return err_set(err, E_document_too_large, "",
			       "the archive inflates to more than %d times its size", RATIO_MAX);
	return reader_goes_on(rd, err);
}

int zip_tell_damage(struct archive *a, struct err *err)
{
	const char *why = archive_error_string(a);

	/* libarchive 3.6 reads past its formats when it has not found one. */
	if (archive_format(a) != 0 && archive_read_has_encrypted_entries(a) > 0)
		return err_set(err, E_document_unreadable, "", "it is encrypted");
	return err_set(err, E_document_unreadable, "", "it cannot be unpacked: %s", why ? why : "cut off");
}

int zip_inflate(struct archive *a, struct reader *rd, struct buf *out, struct err *err)
{
	char piece[PIECE];
	la_ssize_t got;

	while ((got = archive_read_data(a, piece, sizeof(piece))) > 0) {
		buf_add(out, piece, (size_t)got);
		rd->inflated += (size_t)got;
		if (check_inflated(rd, err) < 0)
			return -1;
	}
	return got < 0 ? zip_tell_damage(a, err) : 0;
}

static int add_member(struct zip *zip, struct archive *a, struct reader *rd, const char *name,
		      struct err *err)
{
	struct zip_member *member;

	zip->members = mem_realloc(zip->members, (zip->count + 1) * sizeof(*zip->members));
	member = &zip->members[zip->count++];
	member->name = mem_strdup(name);
	buf_init(&member->bytes, SIZE_MAX / 2);
	return zip_inflate(a, rd, &member->bytes, err);
}

static int compare_members(const void *a, const void *b)
{
	return strcmp(((const struct zip_member *)a)->name, ((const struct zip_member *)b)->name);
}

static int read_members(struct zip *zip, struct archive *a, struct reader *rd,
			bool (*wants)(struct span name), struct err *err)
{
	struct archive_entry *entry;
	size_t entries = 0;
	int rc;

	while ((rc = archive_read_next_header(a, &entry)) == ARCHIVE_OK || rc == ARCHIVE_WARN) {
		const char *name = archive_entry_pathname_utf8(entry);

		if (!name)
			name = archive_entry_pathname(entry);
		if (++entries > ENTRIES_MAX)
			return err_set(err, E_document_too_large, "", "the archive has more than %d members",
				       ENTRIES_MAX);
		if (reader_goes_on(rd, err) < 0)
			return -1;
		if (!name || strlen(name) > NAME_MAX_LEN || !wants(span_str(name)))
			continue;
		if (archive_entry_is_encrypted(entry))
			return err_set(err, E_document_unreadable, "", "it is encrypted");
		if (add_member(zip, a, rd, name, err) < 0)
			return -1;
	}
	return rc == ARCHIVE_EOF ? 0 : zip_tell_damage(a, err);
}

/* Office wraps what has a password into a file of its older format, in which names are UTF-16. */
static int check_wrapping(struct span bytes, struct err *err)
{
	static const char package[] = "E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e";

	if (!span_starts(bytes, "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"))
		return 0;
	if (span_find(bytes, span_of(package, sizeof(package))) >= 0)
		return err_set(err, E_document_unreadable, "", "it is encrypted and wants a password");
	return err_set(err, E_document_unreadable, "", "it is an old (binary) Office file under another name");
}

int zip_open(struct zip *zip, struct reader *rd, bool (*wants)(struct span name), struct err *err)
{
	struct archive *a;
	int rc;

	*zip = (struct zip){ .members = NULL };
	if (check_wrapping(rd->bytes, err) < 0)
		return -1;
	a = archive_read_new();
	if (!a)
		return err_set(err, E_document_unreadable, "", "no room for an archive reader");
	archive_read_support_format_zip_seekable(a);
	if (archive_read_open_memory(a, rd->bytes.ptr, rd->bytes.len) != ARCHIVE_OK)
		rc = zip_tell_damage(a, err);
	else
		rc = read_members(zip, a, rd, wants, err);
	archive_read_free(a);
	if (zip->count > 1)
		qsort(zip->members, zip->count, sizeof(*zip->members), compare_members);
	return rc;
}

void zip_free(struct zip *zip)
{
	for (size_t i = 0; i < zip->count; i++) {
		mem_free(zip->members[i].name);
		buf_free(&zip->members[i].bytes);
	}
	mem_free(zip->members);
	*zip = (struct zip){ .members = NULL };
}

struct span zip_get(const struct zip *zip, const char *name)
{
	/* Only compared.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	struct zip_member key = { .name = (char *)(uintptr_t)name }, *found;

	if (zip->count == 0)
		return SPAN_NONE;
	found = bsearch(&key, zip->members, zip->count, sizeof(*zip->members), compare_members);
	return found ? span_of(buf_str(&found->bytes), found->bytes.len) : SPAN_NONE;
}

static int hex_of(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

static void add_unescaped(struct buf *out, struct span part)
{
	for (size_t i = 0; i < part.len; i++) {
		if (part.ptr[i] == '%' && i + 2 < part.len && hex_of(part.ptr[i + 1]) >= 0 &&
		    hex_of(part.ptr[i + 2]) >= 0) {
			buf_add_char(out, (char)(hex_of(part.ptr[i + 1]) * 16 + hex_of(part.ptr[i + 2])));
			i += 2;
		} else {
			buf_add_char(out, part.ptr[i]);
		}
	}
}

/* Cuts the last part of a path, and the slash before it. */
static void go_up(struct buf *path)
{
	size_t len = path->len;

	while (len > 0 && path->ptr[len - 1] != '/')
		len--;
	if (path->ptr)
		buf_truncate(path, len > 0 ? len - 1 : 0);
}

char *zip_resolve(struct span base, struct span href)
{
	struct span rest = span_cut(&href, '#');
	struct buf path;
	char *result;

	buf_init(&path, (size_t)4 * NAME_MAX_LEN);
	if (rest.len == 0 || rest.ptr[0] != '/') {
		buf_add_span(&path, base);
		go_up(&path);
	}
	while (rest.ptr) {
		struct span part = span_cut(&rest, '/');

		if (part.len == 0 || span_is(part, "."))
			continue;
		if (span_is(part, "..")) {
			go_up(&path);
			continue;
		}
		if (path.len > 0)
			buf_add_char(&path, '/');
		add_unescaped(&path, part);
	}
	if (buf_failed(&path))
		buf_clear(&path);
	result = mem_strdup(buf_str(&path));
	buf_free(&path);
	return result;
}
