/*
 * common/rag/quote.h - whether a text really says what it is quoted with.
 *
 * Runs of white space are equal, and so are quotation marks, hyphens and dashes of any form;
 * ligatures are their letters; a word that the text parts at the end of a line is whole.  A quote
 * with an ellipsis is found when its pieces stand in the text in their order.  Neither end is inside
 * a word or number of the text, but in scripts without spaces.  Pure; any thread.
 */
#ifndef SPASS_RAG_QUOTE_H
#define SPASS_RAG_QUOTE_H

#include "common/base/err.h"
#include "common/base/span.h"

enum { QUOTE_MAX = 8192, QUOTE_TEXT_MAX = 64 * 1024 * 1024 /* bytes */ };

struct quote_place {
	bool found;        /* but for what is said above, and capital letters */
	bool exact;        /* letter for letter, capital ones too */
	size_t start, end; /* bytes of the text, from the first piece to the last; when it is not
			      found: of the place most like it, 0..0 when no word of it is there */
	float likeness;    /* 1 when found, else which share of its words stands at that place */
};

/* E_invalid_field for a quote without a letter or digit, or longer than QUOTE_MAX. */
int quote_find(struct span text, struct span quote, struct quote_place *out, struct err *err);

#endif
