/*
 * common/base/asset.h - files built into the program (see the Makefile's ASSETS).
 *
 * A NUL follows each file's bytes (outside size), so text assets are C strings.  Any thread.
 */
#ifndef SPASS_BASE_ASSET_H
#define SPASS_BASE_ASSET_H

#include "common/base/span.h"

struct asset {
	const char *path; /* as in the tree: "common/model/catalog.yaml"; NULL ends the table */
	const char *data;
	size_t size;
};
extern const struct asset asset_table[];

/* ptr == NULL when there is none of that path. */
struct span asset_find(const char *path);

#endif
