/*
 * common/loop/http1_inside.h - what the parts of the codec share; private to common/loop.
 */
#ifndef SPASS_LOOP_HTTP1_INSIDE_H
#define SPASS_LOOP_HTTP1_INSIDE_H

#include "common/loop/http1.h"

enum http1_state {
	AT_START, /* to AT_LINE_LF: the first line */
	AT_START_LF,
	AT_METHOD,
	AT_TARGET,
	AT_VERSION,
	AT_STATUS_SPACE,
	AT_STATUS,
	AT_REASON_SPACE,
	AT_REASON,
	AT_LINE_CR,
	AT_LINE_LF,
	AT_FIELD,
	AT_NAME,
	AT_VALUE_SPACE,
	AT_VALUE,
	AT_VALUE_LF,
	AT_LAST_LF,
	AT_DONE,
	AT_BROKEN,
};

/* What a step says: more bytes are needed, go on, or the head is refused. */
enum { HTTP1_WAIT = 0, HTTP1_NEXT = 1, HTTP1_REFUSED = -1 };

/* The head is refused, for good.  Returns -1. */
int http1_refuse(struct http1_parser *p, struct err *err, enum err_code code, const char *param,
		 const char *what);

int http1_malformed(struct http1_parser *p, struct err *err, const char *what);
/* There are no more bytes to look at: HTTP1_WAIT, or -1 when there may be none. */
int http1_need_more(struct http1_parser *p, struct span in, struct err *err);
/* The next byte, which has to be c; it is not passed. */
static inline int http1_expect(struct http1_parser *p, struct span in, char c, const char *what, struct err *err)
{
	if (p->at == in.len)
		return http1_need_more(p, in, err);
	return in.ptr[p->at] == c ? HTTP1_NEXT : http1_malformed(p, err, what);
}

/* http1_first.c.  Reads on in the first line, as far as it is there. */
int http1_first_line(struct http1_parser *p, struct span in, struct err *err);

/* Whether such a field has been read. */
static inline bool http1_has_known(const struct http1_parser *p, int known)
{
	return (p->known_bits >> known & 1) != 0;
}

/* http1_fields.c.  An enum http1_known, or -1 when it is none that matters here.  name: a token. */
int http1_find_known(const char *name, size_t len);
/* What a known field decides, by its value.  0, or -1 when the head is refused for it. */
int http1_judge_field(struct http1_parser *p, int known, struct span value, struct err *err);

/* http1_text.c.  [ IPv6 ], or a name or IPv4 address; then perhaps a port. */
bool http1_is_authority(struct span s);

#endif
