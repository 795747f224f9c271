/*
 * common/chat/audio_form.h - the multipart form of a transcription, read while it arrives.
 *
 * What it says is told as soon as it is known, by offsets into the whole form; the file's bytes
 * pass by.  Pure; any thread.
 */
#ifndef SPASS_CHAT_AUDIO_FORM_H
#define SPASS_CHAT_AUDIO_FORM_H

#include "common/base/multipart.h"

enum { AUDIO_TEXT_MAX = 255 };

/* A field's content; from == to: it is empty. */
struct audio_field {
	bool is_there;
	uint64_t from, to;
	size_t len;
	char text[AUDIO_TEXT_MAX + 1]; /* none of the file's; NUL at its end */
};

struct audio_form {
	struct audio_field file, model, response_format;
	bool has_options;  /* of an answer that is more than a text: stream, include[], ... */
	uint64_t size;     /* bytes so far */
	/* private */
	struct multipart parts;
	struct audio_field *field; /* whose content comes now; NULL: of no concern */
};

/* type: of the body.  Fails as multipart_init. */
int audio_form_init(struct audio_form *f, struct span type, struct err *err);
/*
 * The next bytes.  E_invalid_field (param: the field, "body", or "body.user_id") as soon as the
 * fault is seen.
 */
int audio_form_feed(struct audio_form *f, struct span bytes, struct err *err);
/* Whether the model's name is complete. */
bool audio_form_has_model(const struct audio_form *f);
/* At the end: E_missing_field or E_invalid_field when file or model are not there. */
int audio_form_finish(const struct audio_form *f, struct err *err);

#endif
