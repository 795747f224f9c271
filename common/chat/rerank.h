/*
 * common/chat/rerank.h - how well texts answer a question, by a model that reads both.
 *
 * No client's request: the gateway's own, for what a search has found (inner.h).  Owner thread; on
 * a fiber.
 */
#ifndef SPASS_CHAT_RERANK_H
#define SPASS_CHAT_RERANK_H

#include "common/chat/turn.h"

enum {
	RERANK_DOCUMENTS_MAX = 200,
	RERANK_TEXT_MAX = 8192, /* bytes of the question, and of each document */
};

struct rerank_request {
	const struct model *alias;
	struct span query, documents; /* JSON: a text, and a list of `count` texts */
	size_t count;
	float *scores; /* told: `count` of them, finite */
};

/* As turn_embed. */
int turn_rerank(struct turn *t, const struct rerank_request *r, struct err *err);

#endif
