/*
 * tests/support/tree.c - see tree.h.
 */
#include "tests/support/tree.h"

#include <ftw.h>
#include <stdio.h>

enum { DIRECTORIES_OPEN = 8 };

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void tree_remove(const char *path)
{
	nftw(path, remove_one, DIRECTORIES_OPEN, FTW_DEPTH | FTW_PHYS);
}
