/*
 * tests/support/rag_stage.h - a directory with indices, and looks into the one called docs.
 */
#ifndef SPASS_TEST_RAG_STAGE_H
#define SPASS_TEST_RAG_STAGE_H

#include "common/rag/snapshot.h"

/* The tenant and its index. */
extern const struct span acme, docs;

struct rag_stage {
	char dir[64];
	struct rag_options options;
	struct rag *rag;
	struct arena arena; /* for all that a test is told */
	struct err err;
};

/* Set-up and tear-down of a test: *state is the stage. */
int stage_make(void **state);
int stage_remove(void **state);
void stage_open_again(struct rag_stage *s);

struct rag_document_in text_document(const char *name, const char *text);
/* Puts one, in the place of the one before; what came of it, which is no failure. */
enum rag_put_what stage_put(struct rag_stage *s, const char *name, const char *text);
/* How many were deleted. */
int64_t stage_erase(struct rag_stage *s, const char *name);
/* The names of the documents whose chunks have the words, best first: "a b". */
const char *stage_found(struct rag_stage *s, const char *question);
int64_t stage_generation(struct rag_stage *s);
/* The findings of rag_check: "postings text_hash"; "" when there are none. */
const char *stage_findings(struct rag_stage *s);

#endif
