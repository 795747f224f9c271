/*
 * common/chat/request.h - a client's body, checked once and kept as spans.
 *
 * The checks of POST /v1/chat/completions and /v1/embeddings: types, ranges, caps, images and the
 * model's name.  What no rule knows passes through untouched.  Any thread; run bodies above
 * REQUEST_INLINE_MAX on a job, as images are looked into.
 */
#ifndef SPASS_CHAT_REQUEST_H
#define SPASS_CHAT_REQUEST_H

#include "common/base/jscan.h"
#include "common/chat/offer.h"

enum {
	REQUEST_INLINE_MAX = 256 * 1024, /* bytes checked on the worker's own thread */
	CHAT_MESSAGES_MAX = 512,
	CHAT_TOOLS_MAX = 128,
	CHAT_TEXT_MAX = 1024 * 1024,     /* bytes of one text */
	CHAT_CHOICES_MAX = 128,          /* n */
	EMBED_INPUTS_MAX = 256,
	EMBED_TEXT_MAX = 8192,           /* bytes of one input */
};

/* Members of a chat body that the gateway reads, in the order of the spans below. */
struct chat_request {
	struct span body;
	struct jvalue root;
	struct jvalue model, messages, stream, stream_options, include_usage, max_tokens,
		max_completion_tokens, n, tools;
	const struct model *alias;
	struct span front; /* not the body's: messages put in front of its own, "{...},{...}" */
	bool streams;      /* "stream": true */
	bool wants_usage;  /* stream_options.include_usage: true */
	int64_t limit;     /* the larger of max_tokens and max_completion_tokens, -1 = neither */
	const char *limit_name; /* of the larger */
};

/*
 * body stays borrowed.  Fails with E_invalid_json, E_missing_field, E_invalid_field,
 * E_model_not_in_allowlist, E_image_*: param is the path of the field.
 */
int chat_request_check(struct chat_request *r, struct span body, const struct offer *offer,
		       struct err *err);

/* The same for a body that was put together of messages checked before: they are not looked at. */
int chat_request_read(struct chat_request *r, struct span body, const struct routing *routing,
		      struct err *err);

enum embed_encoding { EMBED_FLOAT, EMBED_BASE64 };
struct embed_request {
	struct span body;
	struct jvalue root;
	struct jvalue model, input, encoding_format, dimensions;
	const struct model *alias;
	enum embed_encoding encoding;
	size_t inputs;
};
/* As above; also E_embedding_input_too_large. */
int embed_request_check(struct embed_request *r, struct span body, const struct offer *offer,
			struct err *err);

#endif
