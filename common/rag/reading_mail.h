/*
 * common/rag/reading_mail.h - heads of messages and the codings of their parts; for
 * common/rag/reading_mail*.c alone.
 */
#ifndef SPASS_RAG_READING_MAIL_H
#define SPASS_RAG_READING_MAIL_H

#include "common/rag/reading_inside.h"

enum { MAIL_HEAD_MAX = 64 * 1024 }; /* bytes of a field */

struct mail_part {
	struct span head, body;
};

/* Cuts a line, its CR LF dropped. */
struct span mail_line(struct span *rest);
/* Up to the first empty line. */
struct mail_part mail_split(struct span bytes);
/* The value of a field, unfolded, into out; false when there is none. */
bool mail_field(struct span head, const char *name, struct buf *out);
/* name= of "a/b; name=x"; also name*=utf-8''x of RFC 2231.  Into out, which is emptied. */
bool mail_parameter(struct span value, const char *name, struct buf *out);
/* A field's value with its encoded words; blanks between two of them go. */
void mail_words(struct span value, struct buf *out);
/* The same of a file's name, in place, which may be coded by RFC 2231. */
void mail_name(struct buf *name);
/* Appends the part's body as its head says that it is coded. */
void mail_decode(struct mail_part part, struct buf *out);

#endif
