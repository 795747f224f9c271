/*
 * cmd/rag_gone.h - documents whose files are gone.
 *
 * The gateway tells which documents are not among the files that were found.  Gone are those of
 * them whose source is the place where a file of their id would be below a directory that was
 * named, where no file is, and which the globs do not hide.
 */
#ifndef SPASS_CMD_RAG_GONE_H
#define SPASS_CMD_RAG_GONE_H

#include "cmd/rag.h"
#include "cmd/rag_files.h"

struct rag_gone {
	struct rag_files *files;
	const struct rag_choice *choice;
	json_t *places; /* by id of a candidate: where its file would be */
	json_t *ids;    /* of those that are gone */
};

/* Both are borrowed.  rag_gone_free in any case. */
void rag_gone_begin(struct rag_gone *g, struct rag_files *files, const struct rag_choice *choice);
/* Ids of documents that were not found; a place that cannot be looked at is told, and counted in
 * files->unreadable. */
void rag_gone_consider(struct rag_gone *g, const json_t *all);
/* Compares the candidates with where the documents of the index came from. */
int rag_gone_find(struct rag_gone *g, struct gateway_link *l, const char *index, struct err *err);
void rag_gone_free(struct rag_gone *g);

#endif
