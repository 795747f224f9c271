/*
 * common/chat/conversation_print.h - conversations as JSON, Markdown and HTML, and back from JSON.
 *
 * Pure; any thread.  What does not fit marks out as failed: see buf_failed.
 */
#ifndef SPASS_CHAT_CONVERSATION_PRINT_H
#define SPASS_CHAT_CONVERSATION_PRINT_H

#include "common/base/buf.h"
#include "common/store/conversation.h"
#include "common/upstream/routing.h"

enum conversation_form { CONVERSATION_JSON, CONVERSATION_EXPORT, CONVERSATION_MARKDOWN, CONVERSATION_HTML };

/* -1 when there is none of that name: "json", "md", "html". */
int conversation_form_find(struct span name, enum conversation_form *form);
const char *conversation_form_type(enum conversation_form form);
const char *conversation_form_name(enum conversation_form form);

/* One of a list, as an object. */
void conversation_print_row(struct buf *out, const struct conversation_row *row);
/* A whole one: begin, its messages in order, end. */
void conversation_print_begin(struct buf *out, enum conversation_form form,
			      const struct conversation_row *row);
void conversation_print_message(struct buf *out, enum conversation_form form, const struct message_row *m);
void conversation_print_end(struct buf *out, enum conversation_form form);

/* What a JSON export holds, to be added as a new conversation. */
struct conversation_import {
	struct buf title, model;
	int64_t created_ms;
	struct message_row *rows;
	size_t count;
	struct buf texts;  /* behind the rows */
};
/*
 * Fails with E_invalid_json, E_missing_field, E_invalid_field, E_image_*: param is the path of the
 * field.  conversation_import_free in any case.
 */
int conversation_import_read(struct conversation_import *i, struct span body,
			     const struct routing *routing, struct err *err);
void conversation_import_free(struct conversation_import *i);

#endif
