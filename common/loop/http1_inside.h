/*
 * common/loop/http1_inside.h - what the parts of the codec share; private to common/loop.
 */
#ifndef SPASS_LOOP_HTTP1_INSIDE_H
#define SPASS_LOOP_HTTP1_INSIDE_H

#include "common/loop/http1.h"

/* The head is refused, for good.  Returns -1. */
int http1_refuse(struct http1_parser *p, struct err *err, enum err_code code, const char *param,
		 const char *what);

/* http1_fields.c.  An enum http1_known, or -1 when it is none that matters here.  name: a token. */
int http1_find_known(const char *name, size_t len);
/* What a known field decides, by its value.  0, or -1 when the head is refused for it. */
int http1_judge_field(struct http1_parser *p, int known, struct span value, struct err *err);

/* http1_text.c.  [ IPv6 ], or a name or IPv4 address; then perhaps a port. */
bool http1_is_authority(struct span s);

#endif
