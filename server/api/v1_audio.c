/*
 * server/api/v1_audio.c - POST /v1/audio/transcriptions, /v1/audio/translations, /v1/audio/speech.
 */
#include "common/chat/audio.h"

#include "common/chat/request.h"
#include "server/api/call.h"

enum { SLICE = 64 * 1024 }; /* of a form that came in one piece; between two others get their turn */

/* What a call needs for its whole life is kept off its fiber's stack. */
struct audio_call {
	struct audio_request request;
	struct audio_form form;
	struct offer offer;
	int result; /* of a check that ran as a job */
	struct err err;
};

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

/* ---- forms ---- */

/* As soon as the name is there, so that nobody uploads a file for nothing. */
static int check_model(struct audio_call *k)
{
	struct audio_request *r = &k->request;

	if (r->alias || !audio_form_has_model(&k->form))
		return 0;
	return audio_find_model(r, &k->offer, &k->err);
}

static int take_piece(struct audio_call *k, struct span piece)
{
	while (piece.len > 0) {
		struct span slice = span_of(piece.ptr, piece.len < SLICE ? piece.len : SLICE);

		if (audio_form_feed(&k->form, slice, &k->err) < 0 || check_model(k) < 0 ||
		    spool_add(k->request.spool, slice, &k->err) < 0)
			return -1;
		piece = span_from(piece, slice.len);
	}
	return 0;
}

static int read_form(struct exchange *x, struct audio_call *k)
{
	struct span piece;
	int more;

	if (!call_has_form(x))
		return err_set(&k->err, E_unsupported_media_type, "headers.content-type",
			       "the body must be multipart/form-data");
	if (audio_form_init(&k->form, k->request.type, &k->err) < 0)
		return -1;
	while ((more = exchange_next_piece(x, &piece, &k->err)) > 0)
		if (take_piece(k, piece) < 0)
			return -1;
	if (more < 0 || audio_form_finish(&k->form, &k->err) < 0)
		return -1;
	return audio_measure(&k->request, &k->err);
}

/* ---- speech ---- */

static void run_check(void *arg)
{
	struct audio_call *k = arg;

	k->result = audio_speech_check(&k->request, &k->offer, &k->err);
}

static int read_speech(struct exchange *x, const struct call *c, struct audio_call *k)
{
	struct audio_request *r = &k->request;

	if (call_check_type(x, &k->err) < 0 || exchange_body(x, SIZE_MAX, &r->body, &k->err) < 0)
		return -1;
	if (r->body.len <= REQUEST_INLINE_MAX)
		run_check(k);
	else if (job_run(c->worker->core->jobs, run_check, k, &k->err) < 0)
		return -1;
	return k->result;
}

/* ---- both ---- */

static void answer(struct exchange *x, struct call *c, enum audio_kind kind)
{
	struct audio_call *k = arena_zalloc(&x->arena, sizeof *k);
	struct core *core = c->worker->core;
	struct audio_request *r;
	int result;

	if (!k) /* the layer below answers */
		return;
	r = &k->request;
	k->offer = call_offer(c);
	r->kind = kind;
	r->type = x->head->known[HTTP1_CONTENT_TYPE];
	r->form = &k->form;
	r->spool = spool_new(core->uploads, (uint64_t)c->snapshot->config->uploads_max_bytes, core->jobs);
	result = read_mode(x, r, &k->err);
	if (result == 0)
		result = kind == AUDIO_SPEECH ? read_speech(x, c, k) : read_form(x, k);
	if (result == 0)
		result = call_prepare_turn(x, c, r->alias, &k->err);
	if (result == 0)
		result = turn_audio(&c->turn, r, &k->err);
	spool_free(r->spool);
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
