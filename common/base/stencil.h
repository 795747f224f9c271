/*
 * common/base/stencil.h - knows a JSON text again that differs from an earlier one in places only.
 *
 * The events of a stream are alike but for a word or a number.  A stencil is made of one that has
 * been read and of the values in it that may differ; a text that fits it has valid values there
 * and else the same bytes, so it is valid too, and whatever does not depend on those values holds
 * for it as well.  That is found by a comparison rather than by reading it.  Pure; owner thread.
 */
#ifndef SPASS_BASE_STENCIL_H
#define SPASS_BASE_STENCIL_H

#include <assert.h>

#include "common/base/span.h"

enum { STENCIL_BYTES = 448, STENCIL_GAPS = 8 };

/* All zero: nothing fits. */
struct stencil {
	uint16_t runs[STENCIL_GAPS + 1]; /* lengths of what stands before, between, after the gaps */
	uint16_t cut_at, cut_len;        /* of what is left out, inside its run */
	uint8_t gap_count, cut_run;
	uint8_t numbers;                 /* a bit for each gap that holds one */
	bool is_set;
	char bytes[STENCIL_BYTES];       /* all runs */
};
static_assert(STENCIL_GAPS <= 8, "a bit for each gap");

/*
 * Of a text: JSON with or without a frame around it.  gaps: values inside it, in their order; those
 * that may differ are strings that are not empty and whole numbers above 0, others are taken as
 * they stand.  cut: what stencil_fits leaves out, lies in no gap; empty: nothing.  A text that is
 * too long unsets the stencil.
 */
void stencil_make(struct stencil *s, struct span text, const struct span *gaps, size_t count,
		  struct span cut);
/*
 * The length of what text begins with, when that fits, else 0.  parts: what it consists of without
 * the cut; the second is empty when nothing is left out.
 */
size_t stencil_fits(const struct stencil *s, struct span text, struct span parts[2]);

#endif
