/*
 * common/chat/subtitles.h - subtitles of parts of a sound, put together: SubRip and WebVTT.
 *
 * Cues come in blocks, a blank line between.  Those of a later part get their times, and in SubRip
 * their numbers, as they are in the whole.  Any thread.
 */
#ifndef SPASS_CHAT_SUBTITLES_H
#define SPASS_CHAT_SUBTITLES_H

#include "common/base/buf.h"

enum subtitle_format { SUBTITLES_SRT, SUBTITLES_VTT };

struct subtitles {
	enum subtitle_format format;
	int64_t cues; /* so far */
	int parts;
	struct buf text;
};

void subtitles_init(struct subtitles *s, enum subtitle_format format, size_t max);
void subtitles_free(struct subtitles *s);
/*
 * The subtitles of the part that begins shift_ms after the whole.  -1 when they are none, a time
 * makes no sense or all are more than max bytes: then nothing is added.
 */
int subtitles_add(struct subtitles *s, struct span part, int64_t shift_ms);

#endif
