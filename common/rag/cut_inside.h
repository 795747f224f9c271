/*
 * common/rag/cut_inside.h - what the parts of cut.h share: the places where a text may be cut.
 *
 * cut_places.c finds them, cut_line.c knows texts (sentences, indentation), cut.c chooses.
 */
#ifndef SPASS_RAG_CUT_INSIDE_H
#define SPASS_RAG_CUT_INSIDE_H

#include "common/rag/cut.h"

/*
 * What a cut costs; CUT_ONE is as bad as a piece of almost nothing.  A cut inside a code region
 * costs by the indentation of the line that follows.
 */
enum {
	CUT_ONE = 1024,
	COST_HEADING = 0,
	COST_PARAGRAPH = 20,
	COST_ITEM = 60,
	COST_LINE = 140,
	COST_SENTENCE = 140,
	COST_CLAUSE = 360,
	COST_WORD = 720,
	COST_CHARACTER = 1500,
	COST_AFTER_COLON = 150, /* what it announces follows */
	COST_CODE_BLANK = 20,   /* + COST_CODE_DEPTH by level */
	COST_CODE_LINE = 300,
	COST_CODE_CLOSING = 900,
	COST_CODE_DEPTH = 150,
	COST_CROSSED = 600, /* a heading within a piece */
	COST_PAGE = 1 << 20, /* a page's beginning in it: more than all else, as a piece has one page */
};

/* How a place in code ranks: those above the next place's rank go when the run between fits. */
enum {
	RANK_TEXT = 0,
	RANK_CODE_BLANK = 0,
	RANK_CODE_LINE = 4,
	RANK_CODE_CLOSING = 8,
	RANK_CODE_INSIDE = 9
};

struct cut_place {
	size_t at, chars;
	uint32_t line, page;
	uint32_t heading; /* node, 0 = none */
	uint32_t from;    /* the place before on the best way here */
	int32_t cost;
	uint8_t rank;
	bool is_fixed;   /* the end of a block needs it */
	int64_t crossed; /* sum of COST_CROSSED up to here */
	int64_t best;    /* sum of costs of the best way here */
};

/* A heading, or a line of code that opens something. */
struct cut_node {
	size_t start, len;
	uint32_t parent;
	int level;
};

struct cut_places {
	struct cut_place *list;
	size_t count, room;
	struct cut_node *nodes; /* nodes[0] is none */
	size_t node_count, node_room;
};

/* All places of the text, the first 0, the last its end; consecutive ones at most max apart. */
void cut_places_find(struct cut_places *p, const struct reading *r, size_t target, size_t max);
void cut_places_free(struct cut_places *p);

/* The character that ends at `end` (> 0), 0 at the start of the text. */
uint32_t cut_before(struct span text, size_t end, size_t *start);
/* Whether a character belongs to the one before it. */
bool cut_is_joined(uint32_t before, uint32_t c);
/* What may be cut after without a blank: COST_SENTENCE, COST_CLAUSE; 0 for other characters. */
int cut_after_mark(uint32_t c);
bool cut_is_closer(uint32_t c);
/* The cost of a cut at the blanks that begin at `end`, newlines of them, then the text at next. */
int cut_cost_of_blank(struct span text, size_t end, size_t next, unsigned newlines);
/* Of a line of code (without its indentation): may it open a block that is worth naming? */
bool cut_is_opener(struct span line);
/* It closes what was opened: }, ), end. */
bool cut_is_closing(struct span line);

#endif
