/*
 * tests/support/tree.h - directories of tests.
 */
#ifndef SPASS_TEST_TREE_H
#define SPASS_TEST_TREE_H

/* Removes a directory with all that is in it. */
void tree_remove(const char *path);

#endif
