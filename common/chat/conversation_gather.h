/*
 * common/chat/conversation_gather.h - the answer of a model, put together from what passes by.
 *
 * Takes whole answers and the frames of streams, of their first choice only; reasoning is no part
 * of it.  Pure; one thread.
 */
#ifndef SPASS_CHAT_CONVERSATION_GATHER_H
#define SPASS_CHAT_CONVERSATION_GATHER_H

#include "common/base/buf.h"
#include "common/base/jscan.h"

struct gather_call;

struct gather {
	struct buf text, refusal;
	struct buf calls;        /* a whole answer's list, as it stands */
	struct buf images;       /* the inside of a list */
	struct buf content;      /* of a whole answer whose content is a list: the list */
	struct gather_call *fragments;
	size_t fragment_count;
	char finish_reason[32];  /* "" while it goes on */
	bool has_text;           /* content was told, if only as "" */
	bool overflowed;         /* more came than max: what is there is a beginning */
	size_t max;
};

enum { GATHER_CALLS_MAX = 128 };

/* max: bytes of each part. */
void gather_init(struct gather *g, size_t max);
void gather_free(struct gather *g);
/* data: of one event; what is no frame is passed over. */
void gather_frame(struct gather *g, struct span data);
/* choices: the list of a whole answer, which has been validated. */
void gather_answer(struct gather *g, struct jvalue choices);
/*
 * The message as models are sent it, {"role":"assistant",...}; false, and nothing written, when
 * role and text are all there is.
 */
bool gather_write_body(const struct gather *g, struct buf *out);
/* "[...]" of the images; false when there are none. */
bool gather_write_images(const struct gather *g, struct buf *out);

#endif
