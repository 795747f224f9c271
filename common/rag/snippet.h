/*
 * common/rag/snippet.h - the part of a text that shows why it was found, with the words marked.
 *
 * Pure; any thread, with terms of its own.
 */
#ifndef SPASS_RAG_SNIPPET_H
#define SPASS_RAG_SNIPPET_H

#include "common/rag/lexical.h"

enum { SNIPPET_BYTES = 240, SNIPPET_MARKS_MAX = 64 };

struct snippet_mark {
	size_t start, end; /* bytes of the snippet's text */
};

struct snippet {
	struct span text; /* part of the text, cut between words, without blanks around it */
	struct snippet_mark marks[SNIPPET_MARKS_MAX]; /* ascending, apart from each other */
	size_t mark_count;
	/*
	 * The sentence of the text (whole, also where the snippet shows a part of it) that has most
	 * of what the snippet shows.  A heading is none unless no sentence has anything.
	 */
	struct span sentence;
};

/*
 * The at most SNIPPET_BYTES of text in which most of the matches stand (of equal places the
 * shortest), each counted once by its worth; the beginning when none does.  by_line: lines, as
 * those of code, take the place of sentences.
 */
void snippet_make(struct terms *t, struct span text, const struct lexical_match *matches,
		  size_t count, bool by_line, struct snippet *out);

#endif
