/*
 * common/store/tidy.h - what the database's writer does when there is nothing to write.
 *
 * Words for search are indexed, rows that nobody sees any more and usage past its limits are removed, free
 * pages go back to the file system.
 */
#ifndef SPASS_STORE_TIDY_H
#define SPASS_STORE_TIDY_H

#include "common/store/usage.h"

/* One step of it, some milliseconds at most, in transactions of its own.  *more: there is more to do. */
int tidy_step(struct db *db, const struct usage_limits *limits, bool *more, struct err *err);

#endif
