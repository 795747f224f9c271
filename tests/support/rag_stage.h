/*
 * tests/support/rag_stage.h - a directory with indices: what is put into the one called docs,
 * and looks into it.
 */
#ifndef SPASS_TEST_RAG_STAGE_H
#define SPASS_TEST_RAG_STAGE_H

#include "common/rag/retrieve.h"
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
/* A direction for a text: the same for the same text, another for another. */
void stage_direction(struct span text, float *out, size_t dimensions);
enum { STAGE_DIMENSIONS_MAX = 64 };
/* Gives chunks that want a vector of the model such a one: how many texts that took, of some or until none is left. */
size_t stage_embed_some(struct rag_stage *s, const char *model, size_t dimensions);
size_t stage_embed(struct rag_stage *s, const char *model, size_t dimensions);
/* The first letters of the names of the hits, best first. */
const char *stage_order(struct rag_stage *s, const struct retrieve_question *q, struct retrieve_answer *answer);
/* The findings of rag_check: "postings text_hash"; "" when there are none. */
const char *stage_findings(struct rag_stage *s);

#endif
