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
/* How an index is searched, as the options say it; each NULL when it is not given. */
struct rag_search {
	const char *mode, *fusion, *filter, *dense_weight, *rerank;
};
/* Rows of those options: of a struct with a member search. */
#define RAG_SEARCH_OPTION(kind_, type, field, ...) \
	{ .kind = (kind_), .offset = offsetof(type, search.field), __VA_ARGS__ }
#define RAG_SEARCH_OPTIONS(type)                                                                   \
	RAG_SEARCH_OPTION(OPT_CHOICE, type, mode, .name = "mode", .argument = "MODE",              \
			  .choices = "auto|lexical|dense|hybrid",                                  \
			  .help = "By words, vectors, or both; auto takes the best there is"),     \
	RAG_SEARCH_OPTION(OPT_TEXT, type, filter, .name = "filter", .argument = "JSON",            \
			  .help = "Only documents whose metadata is so: {\"year\": {\"$gte\": 2020}}"), \
	RAG_SEARCH_OPTION(OPT_CHOICE, type, fusion, .name = "fusion", .argument = "KIND",          \
			  .choices = "convex|rrf",                                                 \
			  .help = "How rankings become one; convex if not given"),                 \
	RAG_SEARCH_OPTION(OPT_TEXT, type, dense_weight, .name = "dense-weight",                    \
			  .argument = "WEIGHT",                                                    \
			  .help = "What vectors weigh, 0 to 1; by model and language if not given"), \
	RAG_SEARCH_OPTION(OPT_TEXT, type, rerank, .name = "rerank", .argument = "MODEL",           \
			  .implied = "yes",                                                        \
			  .help = "Have a model put the best hits in order: yes, no, or which one")
/*
 * Of a gateway that was started here: waits until it knows which backends can be reached when the
 * question needs a vector.  Before that no model answers, and words alone would be searched for.
 */
void rag_await_embedder(struct gateway_link *l, const char *index, const struct rag_search *s);
/* Into the body of a question; -1 with E_usage. */
int rag_add_search(json_t *body, const struct rag_search *s, struct err *err);
/* What --NAME says, a text or a number from 0 to 1, as the member of that name, "_" for "-"; NULL: nothing. */
int rag_add_text(json_t *body, const char *name, const char *text, struct err *err);
int rag_add_share(json_t *body, const char *name, const char *text, struct err *err);
/*
 * Removes RAG_REMOVE_STEP of the documents from this place of ids on: the answer, with "deleted" and
 * "missing".  The caller owns it.
 */
enum { RAG_REMOVE_STEP = 1000 };
json_t *rag_remove(struct gateway_link *l, const char *index, const json_t *ids, size_t from, struct err *err);
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
