/*
 * common/base/jstring.h - the inside of a JSON string, validated; private to jscan.c.
 */
#ifndef SPASS_BASE_JSTRING_H
#define SPASS_BASE_JSTRING_H

/* What is wrong with a text: what was expected in place of what stands there. */
struct jfault {
	const char *at, *expected;
};

/*
 * p: after the quote that opens a string of the text from start to end.  Returns what follows the
 * quote that closes it; NULL with *fault set.
 */
const char *jstring_end(const char *p, const char *start, const char *end, struct jfault *fault);

#endif
