/*
 * common/chat/conversation_history.h - how much of a conversation a model is sent.
 *
 * A turn begins with a user's message and ends before the next one; it is sent whole or not at
 * all, so that no tool's result loses its call.  What has been sent stays in front, byte for byte,
 * until the window is full: then many turns are left out at once, because each time the prompt
 * begins otherwise its backend has to read it anew.  Pure; any thread.
 */
#ifndef SPASS_CHAT_CONVERSATION_HISTORY_H
#define SPASS_CHAT_CONVERSATION_HISTORY_H

#include "common/base/buf.h"
#include "common/store/conversation.h"

/* What one message of a conversation weighs. */
struct history_weight {
	int64_t seq, tokens, bytes;
	bool begins_turn;
};

struct history_limits {
	int64_t tokens_high, tokens_low; /* past high, turns are left out until low is kept */
	int64_t bytes_high, bytes_low;
};

enum {
	HISTORY_WINDOW_UNKNOWN = 32768, /* tokens of a model that does not say */
	HISTORY_HIGH_PCT = 80, HISTORY_LOW_PCT = 50,
	HISTORY_BYTES_HIGH = 24 * 1024 * 1024, HISTORY_BYTES_LOW = 12 * 1024 * 1024,
};

/* window: tokens, 0 = unknown. */
struct history_limits history_limits_of(int64_t window);
/* What is sent in any case. */
struct history_news {
	int64_t tokens, bytes;
	bool continues; /* goes on with the last turn, which is sent, too: a tool's result */
};
/* The place in weights[count] of the first message to send; count for none. */
size_t history_begin(const struct history_weight *weights, size_t count,
		     const struct history_news *news, const struct history_limits *limits);
/* Tokens of a text, or of a message as JSON, at a guess; a picture inside counts once. */
int64_t history_tokens(struct span text);

/*
 * Messages one after the other, with commas between them, as models are sent them.  A user's
 * message whose answer never began is left out together with it.
 */
struct history_writer {
	struct buf *out;
	bool with_images;      /* answers' images go along */
	size_t begun;          /* bytes in out before the first message */
	size_t last_user;      /* where the last message begins when it is a user's, else SIZE_MAX */
};
void history_writer_init(struct history_writer *w, struct buf *out, bool with_images);
/* 0, or -1 when out is full. */
int history_write(struct history_writer *w, const struct message_row *m);
/* One message alone, without what stands between two. */
int history_write_message(struct buf *out, const struct message_row *m, bool with_images);

#endif
