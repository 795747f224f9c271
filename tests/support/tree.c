/*
 * tests/support/tree.c - see tree.h.
 */
#include "tests/support/tree.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "common/base/file.h"
#include "common/base/mem.h"

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

char *tree_read(const char *path)
{
	struct err err = ERR_INIT;
	struct buf text;

	buf_init(&text, MIB);
	if (file_read(path, &text, &err) < 0)
		fail_msg("%s", err.message);
	return buf_take(&text);
}
