/*
 * common/chat/stream.h - the relay of one streamed answer.  Internal to common/chat.
 */
#ifndef SPASS_CHAT_STREAM_H
#define SPASS_CHAT_STREAM_H

#include "common/chat/turn_inside.h"
#include "common/upstream/source.h"

enum {
	STREAM_EVENT_MAX = 16 * 1024 * 1024, /* one event; a picture comes as one */
	STREAM_HELD_MAX = 64 * 1024,         /* frames held before the commit point */
};

enum relay_end {
	RELAY_DONE,    /* whole */
	RELAY_FAILED,  /* *why is set; the turn decides by t->committed */
	RELAY_GONE,    /* the client left */
};

/*
 * Waits for the head of a stream's answer, keeping the client's connection alive.  UPCALL_DATA or
 * UPCALL_FAILED.
 */
enum upcall_result stream_wait_head(struct turn *t, struct source *s, struct err *err);
/* Pauses with comments for a client that waits.  0, or -1 with E_cancelled. */
int stream_pause(struct turn *t, int64_t ms, struct err *err);
/* The rest of a body, into room, with comments for a client that waits.  0 or -1. */
int stream_read_whole(struct turn *t, struct source *s, struct buf *room, struct err *err);
enum relay_end stream_relay(struct turn *t, struct source *s, bool shows_usage, struct failure *why,
			    struct err *err);

#endif
