/* common/base/asset.c - finding an embedded file; the table is made by the Makefile. */
#include "common/base/asset.h"

#include <string.h>

struct span asset_find(const char *path)
{
	for (const struct asset *asset = asset_table; asset->path; asset++)
		if (strcmp(asset->path, path) == 0)
			return span_of(asset->data, asset->size);
	return SPAN_NONE;
}
