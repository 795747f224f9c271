/*
 * common/base/multipart.h - multipart/form-data taken apart (RFC 7578, RFC 2046 5.1).
 *
 * Incremental and without copies of contents: bytes may come in pieces of any size, and nothing
 * but a part's head is kept.  Strict: no text before the first boundary, no folded or broken
 * header lines, nothing but padding behind a boundary, no transfer encodings, no name or boundary that
 * another reader may take for another one; what follows the closing boundary is not looked at.  Any thread.
 */
#ifndef SPASS_BASE_MULTIPART_H
#define SPASS_BASE_MULTIPART_H

#include "common/base/err.h"

enum {
	MULTIPART_BOUNDARY_MAX = 70, /* RFC 2046's own limit */
	MULTIPART_HEAD_MAX = 4096,   /* header lines of a part, the blank one included */
	MULTIPART_PARTS_MAX = 64,
};

/* Borrowed until the next part's head; ptr NULL = absent.  Texts as they stand between quotes. */
struct multipart_part {
	struct span name, filename, type;
};

struct multipart {
	struct multipart_part part; /* the present one, from MULTIPART_HEAD on */
	size_t parts;               /* heads so far */
	/* private */
	unsigned state;
	size_t matched, padding, head_len, delimiter_len;
	char delimiter[4 + MULTIPART_BOUNDARY_MAX];
	char head[MULTIPART_HEAD_MAX];
};

enum multipart_event {
	MULTIPART_BAD = -1, /* err: E_invalid_field at "body" */
	MULTIPART_MORE,     /* the bytes are used up */
	MULTIPART_HEAD,     /* a part begins */
	MULTIPART_DATA,     /* *data is a piece of it, not empty */
	MULTIPART_PART_END,
	MULTIPART_END,      /* the closing boundary: the rest of the bytes is none of the form */
};

/* Whether a Content-Type's value is multipart/form-data, whatever its parameters are. */
bool multipart_is_form(struct span content_type);
/*
 * content_type: the value of such a field.  Fails with E_missing_field or E_invalid_field at
 * "headers.content-type": no boundary, two, one of more than 70 or of other characters, or boundary*.
 */
int multipart_init(struct multipart *m, struct span content_type, struct err *err);
/* Takes from the front of *bytes.  *data lies in them, or in m: borrowed until the next call. */
enum multipart_event multipart_next(struct multipart *m, struct span *bytes, struct span *data, struct err *err);
/* A form that is there as a whole, all of it spans into body. */
struct multipart_field {
	struct multipart_part part;
	struct span content;
};
/* *count fields, of max; more are E_invalid_field, as are multipart_init's and multipart_next's faults. */
int multipart_read_all(struct span content_type, struct span body, struct multipart_field *fields, size_t max,
		       size_t *count, struct err *err);
/* At the end of the body: -1 with E_invalid_field when the closing boundary has not come. */
int multipart_finish(const struct multipart *m, struct err *err);

#endif
