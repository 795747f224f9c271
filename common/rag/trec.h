/*
 * common/rag/trec.h - questions, judgements and rankings as the TREC conferences write them.
 *
 *	judgements   query 0 document relevance      (or without the 0; relevance > 0 is relevant)
 *	rankings     query Q0 document rank score tag     (or query document rank score)
 *	questions    id TAB text, or lines of JSON {"id": "...", "text": "..."} ("_id" too)
 *
 * Columns are separated by blanks, empty lines are skipped.  What is read borrows from the text;
 * a line that cannot be read is E_invalid_field with its number, too many of them are E_too_large.
 * Any thread.
 */
#ifndef SPASS_RAG_TREC_H
#define SPASS_RAG_TREC_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum { TREC_ROWS_MAX = 1 << 24, TREC_LINE_MAX = 1 << 20 };

struct trec_judgement {
	struct span query, document;
	int relevance; /* at least 0 */
	uint32_t line;
};

struct trec_judgements {
	struct trec_judgement
		*list; /* by query, then document; of a pair said twice the later one */
	size_t count;
};

struct trec_hit {
	struct span query, document;
	double score;
	int64_t rank;
	uint32_t line;
};

struct trec_run {
	struct trec_hit *list; /* by query, then best first: by score, then rank, then line */
	size_t count;
};

struct trec_question {
	struct span id, text;
};

struct trec_questions {
	struct trec_question *list; /* as they came */
	size_t count;
	struct buf texts; /* of those in JSON */
};

/* 0, or -1 with nothing in out. */
int trec_read_judgements(struct span text, struct trec_judgements *out, struct err *err);
int trec_read_run(struct span text, struct trec_run *out, struct err *err);
/* Of JSON when the first line begins with {.  An id said twice is E_invalid_field. */
int trec_read_questions(struct span text, struct trec_questions *out, struct err *err);
void trec_judgements_free(struct trec_judgements *j);
void trec_run_free(struct trec_run *r);
void trec_questions_free(struct trec_questions *q);

/* A line of a ranking; rank from 1; tag: what made it, without blanks.  0 or -1 (out is full). */
int trec_write_hit(struct buf *out, struct span query, struct span document, size_t rank,
		   double score, const char *tag);
/* By their bytes, as the lists are sorted. */
int trec_compare(struct span a, struct span b);

#endif
