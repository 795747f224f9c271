/*
 * cmd/rag_files.h - the files below some paths, as documents.
 *
 * A directory is walked in the order of its names.  What begins with a dot is left out unless it
 * was named, links that lead out of the directory that was named unless choice.follow says
 * otherwise; a directory is entered once, whatever links lead to it.  A document's id is the path
 * from the directory above the one named: "manual/intro.md" of ./manual or /srv/manual; a file's
 * is its name.
 */
#ifndef SPASS_CMD_RAG_FILES_H
#define SPASS_CMD_RAG_FILES_H

#include "common/base/err.h"
#include "common/base/opt.h"

struct rag_file {
	char *path; /* to open */
	char *id;
	char *as;               /* the id that the index has it under, when it is another; or NULL */
	int64_t size, mtime_us; /* mtime_us: -1 before 1970 */
	size_t order;           /* of finding */
	bool is_named;          /* by itself, not found below a directory */
};

/* A directory that was named. */
struct rag_root {
	char *path;   /* without links */
	char *prefix; /* of the ids below it: "manual/" */
	size_t gone;  /* documents that came from there, whose files are gone; of rag_gone.h */
};

struct rag_files {
	struct rag_file *list; /* by id; of two with one id, or of one place, the first found */
	size_t count, room;
	struct rag_root *roots;
	size_t root_count;
	char **misnamed; /* ids that are no UTF-8, as they can be shown */
	size_t misnamed_count;
	char **dangling; /* ids of links that lead nowhere */
	size_t dangling_count;
	size_t unreadable; /* what could not be looked at, told on stderr */
	size_t doubled;    /* left out as another file has the id, told on stderr */
	size_t outside;    /* links that lead out, left out */
};

/* Globs as fnmatch has them, on ids and on last names; a directory that is excluded is not entered.
 */
struct rag_choice {
	const struct opt_texts *include, *exclude;
	bool follow; /* links that lead out, too */
};

/*
 * E_usage for a path that is not there, or for "/", E_cancelled when interrupted: then what was
 * found is not all there is.  rag_files_free in any case.
 */
int rag_files_find(struct rag_files *f, char **paths, int count, const struct rag_choice *choice,
		   struct err *err);
/* What stands behind the root's path in that of something below it, "a/b.md"; NULL: it is not below. */
const char *rag_root_below(const struct rag_root *root, const char *path);
/*
 * Where the file of this id would be if it was found below a root (the caller frees), NULL when it
 * would not be: it lies below none of them, or choice hides it.
 */
char *rag_files_place(const struct rag_files *f, size_t root, const char *id,
		      const struct rag_choice *choice);
/* Whether the file of this id would lie behind a link that leads nowhere, as to a mount that is
 * away. */
bool rag_files_is_away(const struct rag_files *f, const char *id);
/* By id; NULL when it is none of them. */
struct rag_file *rag_files_get(const struct rag_files *f, const char *id);
void rag_files_free(struct rag_files *f);

#endif
