/*
 * common/rag/reading_zip.h - the members of a zip archive that a reader asks for, by libarchive.
 * Only for common/rag/reading*.c.
 */
#ifndef SPASS_RAG_READING_ZIP_H
#define SPASS_RAG_READING_ZIP_H

#include "common/rag/reading_inside.h"

struct archive; /* libarchive's */

struct zip_member {
	char *name;
	struct buf bytes;
};

struct zip {
	struct zip_member *members; /* by name */
	size_t count;
};

/*
 * Inflates the members that wants says yes to; what comes out is bounded in bytes, number and
 * ratio.  0, or -1: E_document_unreadable (damaged, encrypted), E_document_too_large, E_cancelled.
 * Free with zip_free in either case.
 */
int zip_open(struct zip *zip, struct reader *rd, bool (*wants)(struct span name), struct err *err);
void zip_free(struct zip *zip);
/* Appends what the entry has that the archive is at; bounded, and failing, as zip_open. */
int zip_inflate(struct archive *a, struct reader *rd, struct buf *out, struct err *err);
/* Says why libarchive failed.  -1. */
int zip_tell_damage(struct archive *a, struct err *err);
/* ptr NULL when there is no such member. */
struct span zip_get(const struct zip *zip, const char *name);
/* href as it stands in the member `base`: "../a.xml" of "x/y/b.xml" is "x/a.xml"; what follows a #
 * goes, %20 is a blank.  The caller frees it. */
char *zip_resolve(struct span base, struct span href);

#endif
