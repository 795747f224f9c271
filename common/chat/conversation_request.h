/*
 * common/chat/conversation_request.h - the body of POST /c1/chat.
 *
 * Its own members are read here; all others are those of /v1/chat/completions and pass through.
 * Any thread; run bodies above REQUEST_INLINE_MAX on a job.
 */
#ifndef SPASS_CHAT_CONVERSATION_REQUEST_H
#define SPASS_CHAT_CONVERSATION_REQUEST_H

#include "common/chat/request.h"
#include "common/store/conversation.h"

/*
 * What one request adds to its conversation before it is answered: results of tools, a message.
 * Points into itself: must not be moved or copied.
 */
struct new_messages {
	struct message_row *rows;
	size_t count;
	struct buf *texts; /* behind the rows' text and body: two a row */
	/* private */
	struct message_row own_row;
	struct buf own_texts[2];
};

enum { CONVERSATION_IMAGES_MAX = 32 };

struct conversation_request {
	struct span body;
	struct jvalue root;
	struct jvalue model, message, images, tool_results;
	struct jvalue system;  /* a string, or not there: for this turn, not kept */
	struct span id;        /* ptr NULL: a new conversation */
	const char *provider;  /* "local", "ollama", "openrouter", or NULL */
	bool without_tools;    /* clients say "tools": [] for none */
	size_t result_count, part_count; /* tool_results; parts of message, 1 for a string */
};

/*
 * body stays borrowed.  Fails with E_invalid_json, E_missing_field, E_invalid_field; param is the
 * path of the field.
 */
int conversation_request_read(struct conversation_request *r, struct span body, struct err *err);
/* r has been read.  new_messages_free in any case. */
int conversation_request_messages(const struct conversation_request *r, struct new_messages *out,
				  struct err *err);
/* Room for one more before that of at, all zero: its two texts; n->rows[at] comes next. */
struct buf *new_messages_add(struct new_messages *n, size_t at);
void new_messages_free(struct new_messages *n);
/*
 * The beginning of a body for a model, up to and with "messages":[ - model: an alias, which takes
 * the place of what the request says.
 */
int conversation_request_head(const struct conversation_request *r, struct span model, struct buf *out);
/* The name of the model, unescaped into room; ptr NULL when none is named. */
int conversation_request_model(const struct conversation_request *r, struct buf *room, struct span *model,
			       struct err *err);
/*
 * Checks all that /v1 checks, of what the client has sent.  A fault of a message is told by the
 * member that it came with.
 */
int conversation_request_check(const struct conversation_request *r, const struct new_messages *n,
			       struct span model, const struct routing *routing, struct err *err);
/* What is wrong with a body of just those messages, told in the words of the request. */
void conversation_request_blame(const struct conversation_request *r, struct err *err);
/* "local", "ollama", "openrouter": *name lives as long as the program. */
bool conversation_is_provider(struct jvalue v, const char **name);
/*
 * The number in "NAME[3]" at *at, which moves behind it; name: "messages".  -1 when something else
 * stands there.
 */
int conversation_param_index(const char **at, const char *name, size_t *index);
/* err's param is told as param, also where its message begins with it. */
void conversation_param_rename(struct err *err, const char *param);
/*
 * The first words of a text, on one line, as the title of a conversation; none of what follows in a
 * fence nor of the name above it, unless nothing else is there.
 */
void conversation_make_title(struct span text, struct buf *out);
/*
 * A title that somebody chose, on one line: 1 to CONVERSATION_TITLE_MAX characters, else
 * E_invalid_field (title).
 */
int conversation_clean_title(struct span text, struct buf *out, struct err *err);

#endif
