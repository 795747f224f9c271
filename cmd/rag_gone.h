/*
 * cmd/rag_gone.h - documents whose files are gone.
 *
 * The gateway tells which documents are not among the files that were found.  Gone are those of
 * them that came from below a directory that was named, by their source, where no file is any more,
 * and which the globs do not hide; but not what lies behind a link that leads nowhere.
 */
#ifndef SPASS_CMD_RAG_GONE_H
#define SPASS_CMD_RAG_GONE_H

#include "cmd/rag.h"
#include "cmd/rag_files.h"

struct rag_gone {
	struct rag_files *files;
	const struct rag_choice *choice;
	bool is_suspected; /* one whose id is below a directory that was named */
	bool has_others;   /* whose ids are not */
	size_t away;       /* behind links that lead nowhere */
	json_t *ids;       /* of those that are gone */
};

/* Both are borrowed.  rag_gone_free in any case. */
void rag_gone_begin(struct rag_gone *g, struct rag_files *files, const struct rag_choice *choice);
/* Ids of documents that were not found; a place that cannot be looked at is told, and counted in
 * files->unreadable. */
void rag_gone_consider(struct rag_gone *g, const json_t *all);
/*
 * Looks where the documents of the index came from.  thorough: also those whose ids are not below
 * the directories, as a file's that was once named by itself.
 */
int rag_gone_find(struct rag_gone *g, struct gateway_link *l, const char *index, bool thorough,
		  struct err *err);
void rag_gone_free(struct rag_gone *g);

#endif
