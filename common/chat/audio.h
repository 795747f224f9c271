/*
 * common/chat/audio.h - speech to text and text to speech, at the backends of a model's chain.
 *
 * A form goes on as it came but for the model's name, which is written in its place; so does what
 * the backend answers, whatever its type.  Any thread but for turn_audio; run bodies above
 * REQUEST_INLINE_MAX on a job.
 */
#ifndef SPASS_CHAT_AUDIO_H
#define SPASS_CHAT_AUDIO_H

#include "common/chat/turn.h"

enum audio_kind { AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, AUDIO_SPEECH };

struct audio_request {
	/* given */
	enum audio_kind kind;
	struct span type, body;    /* type: of the body, a form's with its boundary */
	bool wants_windows;        /* SPASS-Stt-Mode: chunked */
	/* told */
	struct span model;         /* its place in the body, without quotes */
	const struct model *alias;
};

/*
 * Fails with E_missing_field, E_invalid_field (param: the field), E_invalid_json,
 * E_model_not_in_allowlist, or E_upstream_unavailable when there is no model of that kind at all.
 */
int audio_request_check(struct audio_request *r, const struct routing *routing, struct err *err);
/* As turn_chat; r has been checked. */
int turn_audio(struct turn *t, const struct audio_request *r, struct err *err);

#endif
