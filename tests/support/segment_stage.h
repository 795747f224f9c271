/*
 * tests/support/segment_stage.h - rows of text in segments, as an index has them.
 */
#ifndef SPASS_TEST_SEGMENT_STAGE_H
#define SPASS_TEST_SEGMENT_STAGE_H

#include "common/rag/lexical.h"

enum { STAGE_SEGMENTS_MAX = 4 };

struct segment_stage {
	struct buf bytes[STAGE_SEGMENTS_MAX];
	struct segment *segments[STAGE_SEGMENTS_MAX];
	uint32_t first[STAGE_SEGMENTS_MAX];
	struct lexical_view view;
};

/* In order and spread evenly over so many segments; row i is chunk i + 1. */
void segment_stage_make(struct segment_stage *s, const struct lexical_row *rows, size_t count,
			size_t segments);
void segment_stage_free(struct segment_stage *s);

#endif
