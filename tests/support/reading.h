/* tests/support/reading.h - what a document must read as, for tables of cases. */
#ifndef SPASS_SUPPORT_READING_H
#define SPASS_SUPPORT_READING_H

#include "common/rag/reading.h"

struct reading_case {
	const char *name, *bytes;
	const char *text;  /* all of it; NULL = not looked at */
	size_t len;        /* of bytes; 0 = to its NUL */
	const char *type;  /* given to read_document */
	const char *marks; /* "h1(Title)row2(first line..last line)"; NULL = not looked at */
	const char *title; /* NULL = none */
	const char *language;
	struct reader_limits limits;
	bool is_cancelled;
	enum err_code code; /* of a failure, and a part of what is said */
	const char *says;
};

/* Reads it and asserts what the case says, and what holds of every reading. */
void reading_check(const struct reading_case *c);
/* What holds of every reading: clean text, marks in order and within it. */
void reading_check_whole(const struct reading *r);
/* As reading_case.marks; a mark of more than one line has its first and its last. */
void reading_print_marks(const struct reading *r, struct buf *out);

#endif
