/*
 * common/text/sentence.h - the sentences of a text, in order and unchanged.
 *
 * A sentence ends at its mark (also 。！？), at a blank line, before a heading, list item or table
 * row, and after a short line.  Abbreviations, numbers and initials do not end one.  Longer than
 * SENTENCE_MAX it is cut at a blank.  Lines that name a source ("Source: handbook.md") and
 * Markdown headings are not sentences: they become label and heading of what follows.  Between
 * fences (```) there are no headings.  Any thread.
 */
#ifndef SPASS_TEXT_SENTENCE_H
#define SPASS_TEXT_SENTENCE_H

#include "common/base/span.h"

enum { SENTENCE_MAX = 600 };

struct sentence {
	struct span text;    /* into the text, without blanks and list marks around it */
	struct span heading; /* of the section, or empty */
	struct span label;   /* of the last source line, or empty */
	bool begins_paragraph;
};

struct sentences {
	struct span rest;
	const char *start; /* of the text */
	struct span heading, label;
	struct span fence; /* the marks of the one that is open, or empty */
	bool after_break;
};

void sentences_start(struct sentences *s, struct span text);
bool sentences_next(struct sentences *s, struct sentence *out);
/* Whether a line would be taken for one that names a source. */
bool sentence_names_source(struct span line);
/* Whether it would be taken for a heading of Markdown, where no fence is open. */
bool sentence_is_heading(struct span line);
/* The marks that open or close a fence, or empty. */
struct span sentence_fence(struct span line);

#endif
