/*
 * cmd/rag.h - what the commands of the group rag share.
 */
#ifndef SPASS_CMD_RAG_H
#define SPASS_CMD_RAG_H

#include "cmd/cmd.h"
#include "cmd/gateway.h"
#include "tui/sources.h"

#define RAG_FLAGS (CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE)

/*
 * "/a1/rag/indices/NAME/REST", and behind it DOCUMENT percent-encoded; rest and document may be
 * NULL.  The caller frees.
 */
char *rag_path(const char *index, const char *rest, const char *document);
/* Percent-encoded (RFC 3986 2.3: all but unreserved characters). */
void rag_encode(struct span text, struct buf *out);
/* A request whose answer may take long.  Takes body, which may be NULL.  The caller owns the
 * answer. */
json_t *rag_ask_take(struct gateway_link *l, const char *method, const char *path, json_t *body,
		     struct err *err);
/* The same on a gateway that is found or started for it. */
json_t *rag_ask_once_take(const struct cmd_globals *g, const char *method, const char *path,
			  json_t *body, struct err *err);
/*
 * Of a command that interrupt_after limits, at its end: the result, or when it was cut short -1 with
 * E_deadline_exceeded, which says what is kept.
 */
int rag_check_late(const struct cmd_globals *g, int result, const char *kept, struct err *err);
/* What --rerank says, into the body of a question: "yes", "no", a model's name, or NULL. */
void rag_add_rerank(json_t *body, const char *value);
/*
 * A page of the documents whose ids begin so, at most limit (0: as many as a page has), without
 * their texts.  *next is NULL for the first, and NULL again when there are no more; on failure, too.
 * The caller owns the page.
 */
json_t *rag_page(struct gateway_link *l, const char *index, const char *prefix, size_t limit,
		 json_t **next, struct err *err);
/* The documents whose ids begin so, at most limit (0: all), without their texts.  The caller owns
 * the list. */
json_t *rag_documents(struct gateway_link *l, const char *index, const char *prefix, size_t limit,
		      struct err *err);
/* "1.2 GiB" into out. */
enum { RAG_SIZE_TEXT = 24 };
void rag_size_text(int64_t bytes, char out[RAG_SIZE_TEXT]);

#endif
