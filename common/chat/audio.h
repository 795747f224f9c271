/*
 * common/chat/audio.h - speech to text and text to speech, at the backends of a model's chain.
 *
 * A form goes on as it came but for the model's name, which is written in its place; so does what
 * the backend answers, whatever its type.
 *
 * A form is kept in a spool while it arrives, and sent on once it is whole, not while it comes in:
 * curl and OpenAI's own clients may write the file before the model, and only the model tells where
 * to send it; a second attempt, and the next target of the chain, need every byte again; a form
 * with a fault in its last field must not cost anything; and a client on a slow line does not
 * occupy a place at a model server for minutes.  What it costs is one pass over the local disk.
 * Memory is bounded by SPOOL_MEMORY and two pieces, whatever the size of the file.
 */
#ifndef SPASS_CHAT_AUDIO_H
#define SPASS_CHAT_AUDIO_H

#include "common/chat/audio_form.h"
#include "common/chat/request.h"
#include "common/chat/turn.h"

enum audio_kind { AUDIO_TRANSCRIPTION, AUDIO_TRANSLATION, AUDIO_SPEECH };

struct audio_request {
	/* given */
	enum audio_kind kind;
	struct span body;          /* of a speech's request; the others': */
	struct span type;          /* of the body, with the form's boundary */
	const struct audio_form *form;
	struct spool *spool;       /* the form's bytes */
	bool wants_windows;        /* SPASS-Stt-Mode: chunked */
	/* told */
	struct span model;         /* of a speech: its place in the body, without quotes */
	const struct model *alias;
	int64_t audio_ms;          /* of a file whose header tells, else -1 */
	int64_t characters;        /* of a speech's input */
};

/*
 * Of a form, whose model's name is complete: sets alias.  Fails with E_model_not_in_allowlist, or
 * with E_upstream_unavailable when there is no model of that kind at all.  Any thread.
 */
int audio_find_model(struct audio_request *r, const struct offer *offer, struct err *err);
/*
 * Of a speech's request the same, once its body has been checked: E_missing_field, E_invalid_field
 * (param: the field), E_invalid_json.  Any thread; run bodies above REQUEST_INLINE_MAX on a job.
 */
int audio_speech_check(struct audio_request *r, const struct offer *offer, struct err *err);
/* How long a whole form's file is, if its header tells.  Waits.  0 or -1. */
int audio_measure(struct audio_request *r, struct err *err);
/* As turn_chat; r has been checked, and its form has come to its end. */
int turn_audio(struct turn *t, const struct audio_request *r, struct err *err);

#endif
