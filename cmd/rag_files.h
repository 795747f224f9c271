/*
 * cmd/rag_files.h - the files below some paths, as documents.
 *
 * A directory is walked in the order of its names; links are followed, but never in a circle.
 * What begins with a dot is left out unless it was named.  A document's id is the path from the
 * directory above the one named: "manual/intro.md" of ./manual or /srv/manual; a file's is its
 * name.
 */
#ifndef SPASS_CMD_RAG_FILES_H
#define SPASS_CMD_RAG_FILES_H

#include "common/base/err.h"
#include "common/base/opt.h"

struct rag_file {
	char *path; /* to open */
	char *id;
	int64_t size, mtime_us;
};

struct rag_files {
	struct rag_file *list; /* by id, each once */
	size_t count, room;
	char **prefixes; /* of ids, by directory named: "manual/" */
	size_t prefix_count;
	size_t unreadable; /* directories that could not be listed, told on stderr */
};

/* Globs as fnmatch has them, on ids and on last names; a directory that is excluded is not entered.
 */
struct rag_choice {
	const struct opt_texts *include, *exclude;
};

/* E_usage for a path that is not there.  rag_files_free in any case. */
int rag_files_find(struct rag_files *f, char **paths, int count, const struct rag_choice *choice,
		   struct err *err);
void rag_files_free(struct rag_files *f);

#endif
