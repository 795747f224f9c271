/* tests/support/zip.h - zip archives made while a test runs. */
#ifndef SPASS_SUPPORT_ZIP_H
#define SPASS_SUPPORT_ZIP_H

#include "common/base/buf.h"

struct zip_part {
	const char *name, *bytes;
	size_t repeat; /* the bytes so often; 0 = once */
};

/* Appends an archive of the parts (up to one without a name); password NULL = not encrypted. */
void zip_make(struct buf *out, const struct zip_part *parts, const char *password);

#endif
