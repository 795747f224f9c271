/*
 * common/base/jform.h - reads a JSON text by the form of one that was read before it.
 *
 * What one model answers differs from answer to answer in the insides of strings and in numbers.  A
 * form keeps the bytes around those of a text that was read.  A text with the same bytes around
 * valid strings and numbers is as valid, and its values stand between the same bytes: a comparison
 * finds them, in place of a scan and walks.  Nothing of a string's inside or a number is kept.
 * Owner thread.
 */
#ifndef SPASS_BASE_JFORM_H
#define SPASS_BASE_JFORM_H

#include "common/base/jscan.h"

enum { JFORM_BYTES = 1024, JFORM_GAPS = 28, JFORM_VALUES = 8 };

/* All zero: nothing fits. */
struct jform {
	uint16_t runs[JFORM_GAPS + 1]; /* lengths of what stands before, between, after the gaps */
	uint32_t numbers;              /* a bit for each gap that holds one */
	uint8_t gap_count, value_count;
	uint8_t misses, waits;         /* learning is put off for longer after each form that was of no use */
	bool is_set;
	struct jform_value {
		enum jtype type;
		bool is_single;
		uint8_t begin_run, end_run; /* where it begins and ends: */
		uint16_t begin_at, end_at;  /* so far from the run's beginning */
	} values[JFORM_VALUES];
	char bytes[JFORM_BYTES]; /* all runs */
};

/* Whether text fits; then values[i] are in it what the learned ones were.  As many as were learned. */
bool jform_fits(struct jform *f, struct span text, struct jvalue *values);
/*
 * After a text that did not fit: takes over its form, unless that has not paid lately or is too large.
 * text is valid, a container; the values, at most JFORM_VALUES, lie in it or are J_NONE.
 */
void jform_learn(struct jform *f, struct span text, const struct jvalue *values, size_t count);

#endif
