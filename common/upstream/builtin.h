/*
 * common/upstream/builtin.h - the models that are always there.
 *
 * spass-extract answers and summarises by quoting the best sentences of what it is given, with
 * where each came from; it calls an offered tool named rag_query; it says plainly that it is not
 * a language model.  spass-embed makes hashed 768-dimensional vectors (words and character
 * n-grams).  Both take and give OpenAI's JSON, so every rule of the gateway holds for them.
 * Pure: no waiting; run long inputs on a job.  Any thread.
 */
#ifndef SPASS_UPSTREAM_BUILTIN_H
#define SPASS_UPSTREAM_BUILTIN_H

#include "common/base/buf.h"
#include "common/base/err.h"

#define BUILTIN_CHAT_MODEL "spass-extract"
#define BUILTIN_EMBED_MODEL "spass-embed"
enum { BUILTIN_DIMENSIONS = 768 };

/*
 * body: a validated chat completion request (jscan).  The answer: a chat.completion object in
 * out, or with stream a whole sequence of SSE events ending in [DONE] (usage chunk included when
 * stream_options.include_usage).  max_tokens, stop, n, tools, tool_choice and response_format
 * are honoured.  0, or -1 with E_invalid_field.
 */
int builtin_chat(struct span body, bool stream, struct buf *out, struct err *err);
/* body: a validated embeddings request.  encoding_format float or base64. */
int builtin_embed(struct span body, struct buf *out, struct err *err);

#endif
