/*
 * common/rag/arrange.h - what of a ranking is shown: no text twice, no document alone.
 *
 * Pure; any thread.
 */
#ifndef SPASS_RAG_ARRANGE_H
#define SPASS_RAG_ARRANGE_H

#include "common/text/terms.h"

enum { ARRANGE_DOCUMENT_MAX = 3 }; /* chunks of one document */

/*
 * 64 bits that are (nearly) the same for texts of (nearly) the same terms (Charikar's simhash over
 * terms and pairs of neighbours).  0: too little text to tell, like nothing else.
 */
uint64_t arrange_simhash(struct terms *terms, struct span text);
/* Whether two texts are the same but for a word in a hundred. */
bool arrange_is_same(uint64_t simhash, uint64_t other);

struct arrange_item {
	int64_t document;
	uint64_t simhash; /* of the chunk's text, or 0 */
	bool is_faint;    /* only what stands around it speaks for it */
};

/*
 * From items, best first: places (indices, ascending) of those to keep, at most max.  A chunk that
 * is the same as one before it goes, and so does one of a document that has document_max already
 * (0: as many as there are), and a faint one of a document that has one.
 */
size_t arrange(const struct arrange_item *items, size_t count, size_t document_max,
	       uint32_t *places, size_t max);

#endif
