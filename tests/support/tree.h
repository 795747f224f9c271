/*
 * tests/support/tree.h - directories and files of tests.
 */
#ifndef SPASS_TEST_TREE_H
#define SPASS_TEST_TREE_H

/* Removes a directory with all that is in it. */
void tree_remove(const char *path);
/* The text of a file, which the caller frees; one that cannot be read fails the test. */
char *tree_read(const char *path);

#endif
