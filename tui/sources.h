/*
 * tui/sources.h - what an index has found for a question: as a model reads it, as a person does.
 *
 * The numbers are those of the hits, in both.  UI thread.
 */
#ifndef SPASS_TUI_SOURCES_H
#define SPASS_TUI_SOURCES_H

#include "tui/ink.h"
#include "tui/wire.h"

enum { SOURCES_TOP = 8 };

struct sources;

struct sources_query {
	const char *index;
	struct span question, before; /* before: the question that it follows up, or empty */
	int64_t top;                  /* 0: SOURCES_TOP */
	const char *filter;           /* of metadata, JSON as sources_check_filter takes it; or NULL */
};

/* -1 with E_usage for what cannot be the name of an index. */
int sources_check_index(const char *name, struct err *err);
/* -1 with E_usage for what is no JSON object; the gateway checks the rest. */
int sources_check_filter(const char *filter, struct err *err);
/* Asks the index, waiting.  NULL with err.  Free with sources_free. */
struct sources *sources_find(struct wire *w, const struct sources_query *query, struct err *err);
void sources_free(struct sources *s);
size_t sources_count(const struct sources *s);
/*
 * Whether nothing that was found fits, by the best one's score; not so when nothing was found.  A
 * language model tells by itself; one that quotes would quote what has nothing to do with it.
 */
bool sources_is_weak(const struct sources *s);
/* The best one's place and score: "docs/a.md, line 3 (0.12)". */
void sources_add_nearest(const struct sources *s, struct buf *out);
/* Why words alone were searched for though there are vectors, or "".  Borrowed. */
const char *sources_note(const struct sources *s);
/* For the model: that what follows is data, and each text below a line "Source: [1] PLACE". */
void sources_add_prompt(const struct sources *s, struct buf *out);
/*
 * Such a line, with number before the name, and what stands below it: the headings above the text, an empty
 * line, and the text, in which no line looks like one of those; what is no Markdown but has lines like
 * its headings stands between fences.  The line tells where the text begins: ", from line 7".
 */
void sources_add_passage(const json_t *hit, const char *number, struct buf *out);
/* The i-th for people, on one line: "[1] manual.md, line 7  Heading > Path  0.912". */
void sources_add_line(const struct sources *s, size_t i, struct buf *out);
/* Whether the answer names the i-th: "[1]". */
bool sources_is_cited(const struct sources *s, size_t i, struct span answer);
/* Where a hit (of results) says what was asked: its sentence, else itself.  Borrowed from it. */
const json_t *sources_place(const json_t *hit);
/*
 * The same for people, behind the document's name: before_line and the number where the text has
 * the file's lines; else ", page 3, row 7", or ", line 12 of its text" where it has neither.
 */
void sources_add_where(const json_t *hit, const char *before_line, struct buf *out);
/* All, without their texts: number, doc_id, source, start, end, score, and the page, row, line and
 * heading that are told in answers.  The caller owns it. */
json_t *sources_json(const struct sources *s);
/* Whether there is one of that name; false with err. */
bool sources_has_index(struct wire *w, const char *name, struct err *err);
/* The indices that there are, as objects with id and doc_count; NULL with err.  The caller owns it. */
json_t *sources_indices(struct wire *w, struct err *err);

#endif
