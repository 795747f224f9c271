/*
 * common/rag/cut.h - a document in pieces of about one thought.
 *
 * At headings first, then between blocks, paragraphs, sentences, clauses, words: of all ways to
 * cut with no piece above max the one whose pieces are nearest to target and whose cuts stand at
 * the best places.  A code block, table row, list item or record stays whole when it fits; code is
 * cut at blank lines of least indentation, so that a function stays whole when it fits.
 *
 * The pieces cover the text without a hole and, overlap 0, joined they are the text; a cut never
 * splits a character, nor one from its combining marks.  Linear in the text.  Any thread; the same
 * reading and options always give the same pieces.
 */
#ifndef SPASS_RAG_CUT_H
#define SPASS_RAG_CUT_H

#include "common/rag/reading.h"

enum {
	CUT_TARGET = 800,
	CUT_MAX = 1600,
	CUT_TARGET_LEAST = 32,
	CUT_MAX_MOST = 1 << 20,
	CUT_HEADING_MAX = 384, /* bytes of a heading path */
};

/* In characters (code points); those of CUT_OPTIONS are the ones measured to be best. */
struct cut_options {
	size_t target;  /* CUT_TARGET_LEAST.. */
	size_t max;     /* target..CUT_MAX_MOST: of a piece with its overlap */
	size_t overlap; /* 0..target / 2: how far a piece may begin before the end of the last one
			 */
};
#define CUT_OPTIONS                    \
	{                              \
		CUT_TARGET, CUT_MAX, 0 \
	}

struct piece {
	size_t start, end;             /* bytes of the text */
	size_t chars_start, chars_end; /* the same in code points */
	uint32_t line;                 /* at its start, from 1 */
	uint32_t page;                 /* from 1; 0 when the document has none */
	/*
	 * "Manual > Install > Debian": the headings above its start and those that it begins with;
	 * in code the lines that open what it stands in.  May be empty; into the cutting's memory.
	 */
	struct span heading;
	uint64_t hash[2]; /* of its text and heading: equal pieces may share what was computed */
};

struct cutting {
	struct piece *pieces;
	size_t count; /* 0 for an empty text */
	struct buf headings;
};

/* 0, or -1: E_invalid_field (options that cannot be).  Free with cutting_free in any case. */
int cut_document(const struct reading *r, const struct cut_options *options, struct cutting *out,
		 struct err *err);
void cutting_free(struct cutting *c);

/* ---- heading paths, for whoever writes some, too ---- */

/* A heading as long as it may be in a path; whole characters. */
struct span cut_heading_part(struct span words);
/* Appends to the path that begins at byte `begin` of out; false when it does not fit. */
bool cut_heading_add(struct buf *out, size_t begin, struct span part);

#endif
