/*
 * server/api/v1_audio.c - POST /v1/audio/transcriptions, /v1/audio/translations, /v1/audio/speech.
 */
#include "common/chat/audio.h"

#include "common/chat/request.h"
#include "server/api/call.h"

/* The check of a body; a large one runs as a job. */
struct audio_check {
	struct audio_request request;
	const struct routing *routing;
	int result;
	struct err err;
};

static void run_check(void *arg)
{
	struct audio_check *k = arg;

	k->result = audio_request_check(&k->request, k->routing, &k->err);
}

static int read_mode(struct exchange *x, struct audio_request *r, struct err *err)
{
	struct span mode = exchange_header(x, "spass-stt-mode");

	if (r->kind != AUDIO_TRANSCRIPTION)
		return 0;
	r->wants_windows = !mode.ptr || span_is(mode, "chunked");
	if (r->wants_windows || span_is(mode, "continuous"))
		return 0;
	return err_set(err, E_invalid_field, "headers.spass-stt-mode",
		       "SPASS-Stt-Mode is chunked or continuous");
}

static int check_type(struct exchange *x, const struct audio_request *r, struct err *err)
{
	if (r->kind == AUDIO_SPEECH)
		return call_check_type(x, err);
	if (call_has_form(x))
		return 0;
	return err_set(err, E_unsupported_media_type, "headers.content-type",
		       "the body must be multipart/form-data");
}

static int check(struct exchange *x, struct call *c, struct audio_check *k)
{
	struct audio_request *r = &k->request;

	if (read_mode(x, r, &k->err) < 0 || check_type(x, r, &k->err) < 0 ||
	    exchange_body(x, SIZE_MAX, &r->body, &k->err) < 0)
		return -1;
	r->type = x->head->known[HTTP1_CONTENT_TYPE];
	k->routing = c->snapshot->routing;
	if (r->body.len <= REQUEST_INLINE_MAX)
		run_check(k);
	else if (job_run(c->worker->core->jobs, run_check, k, &k->err) < 0)
		return -1;
	return k->result < 0 ? -1 : call_check_model(c, span_str(r->alias->alias), &k->err);
}

static void answer(struct exchange *x, struct call *c, enum audio_kind kind)
{
	struct audio_check *k = arena_zalloc(&x->arena, sizeof *k);
	int result;

	if (!k) /* the layer below answers */
		return;
	k->request.kind = kind;
	result = check(x, c, k);
	if (result == 0)
		result = call_prepare_turn(x, c, k->request.alias, &k->err);
	if (result == 0)
		result = turn_audio(&c->turn, &k->request, &k->err);
	if (result < 0 && k->err.code != E_cancelled)
		reply_error(x, &k->err);
}

void v1_transcriptions(struct exchange *x, struct call *c)
{
	answer(x, c, AUDIO_TRANSCRIPTION);
}

void v1_translations(struct exchange *x, struct call *c)
{
	answer(x, c, AUDIO_TRANSLATION);
}

void v1_speech(struct exchange *x, struct call *c)
{
	answer(x, c, AUDIO_SPEECH);
}
