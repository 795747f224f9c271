/*
 * common/chat/audio_inside.h - what audio.c and audio_windows.c share.  Internal to common/chat.
 */
#ifndef SPASS_CHAT_AUDIO_INSIDE_H
#define SPASS_CHAT_AUDIO_INSIDE_H

#include "common/chat/audio.h"
#include "common/chat/turn_inside.h"
#include "common/loop/spool.h"

/* The file as it leaves: a header in front of the bytes from..to of the form; empty: as it came. */
struct audio_cut {
	struct span header;
	uint64_t from, to;
};

/* Sets t->outgoing for a form whose model has the target's name and whose file is cut. */
int audio_build_form(struct turn *t, const struct audio_request *r, const struct audio_cut *cut,
		     const struct target *target, struct err *err);

/* The member "usage" of an answer; leaves what it does not tell.  Any thread. */
void audio_read_usage(struct jvalue usage, struct token_usage *out);

/*
 * Speech in windows: a WAV file of any length, one call for each, their texts joined.  Whether r
 * can be had so: the answer is to be a text and nothing more, and the file can be cut.  Waits.
 */
struct audio_windows;
int audio_windows_plan(struct turn *t, const struct audio_request *r, struct audio_windows **plan, struct err *err);
/* As turn_audio. */
int audio_windows_run(struct turn *t, struct audio_windows *plan, const struct turn_size *size, struct err *err);

#endif
