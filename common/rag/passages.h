/*
 * common/rag/passages.h - what of a ranking is sent to a model that takes so many characters.
 *
 * Pieces by their scores as long as they fit, where one whose neighbour was found, too, counts
 * more, and the best always, if only its beginning; text that two of them share is sent once, and
 * those that meet in a document become one passage.  What is left over goes to pieces further down
 * that fit, and at last to the beginning of the best one that did not.  Pure; any thread.
 */
#ifndef SPASS_RAG_PASSAGES_H
#define SPASS_RAG_PASSAGES_H

#include "common/base/span.h"

enum {
	PASSAGES_LOOK_MAX = 200, /* pieces of a ranking that are looked at */
	PASSAGES_PART_MIN = 160, /* characters: a shorter part of a piece is not worth sending */
};

struct passage {
	int64_t document;
	size_t start, end;             /* bytes of the document */
	size_t chars_start, chars_end; /* the same in characters */
	size_t rank;                   /* in the ranking, from 0; of the best piece in it */
	float score;                   /* of that piece, at least 0 */
};

struct passages_wish {
	size_t budget; /* characters of all passages together */
	/*
	 * The text of a piece (start..end), so that it may be sent in part, up to the end of a
	 * sentence, line or word, without white space at its ends.  NULL: only whole ones are sent.
	 */
	struct span (*text)(void *data, const struct passage *piece);
	void *data;
};

/* Leaves the white space at both ends of its text out of it; what is left. */
struct span passage_trim(struct passage *piece, struct span text);

/*
 * ranked: pieces, best first (rank is not looked at; scores that are all 0 leave them in order).
 * Passages into out, best first; they do not overlap, nor touch, within a document.  Returns how
 * many, at most max.
 */
size_t passages_fill(const struct passage *ranked, size_t count, const struct passages_wish *wish,
		     struct passage *out, size_t max);

#endif
