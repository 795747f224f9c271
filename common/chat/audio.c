/*
 * common/chat/audio.c - see audio.h.
 */
#include "common/chat/audio.h"

#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/base/sse.h"
#include "common/chat/audio_inside.h"
#include "common/chat/request_inside.h"
#include "common/chat/wav.h"

enum { USAGE_INLINE_MAX = 1024 * 1024 }; /* of an answer that is looked through on the worker's thread */

static const struct {
	enum model_kind model;
	const char *path;
} kinds[] = {
	[AUDIO_TRANSCRIPTION] = { MODEL_TRANSCRIPTION, "/audio/transcriptions" },
	[AUDIO_TRANSLATION] = { MODEL_TRANSCRIPTION, "/audio/translations" },
	[AUDIO_SPEECH] = { MODEL_SPEECH, "/audio/speech" },
};

/* ---- the request ---- */

static bool has_model_of(const struct routing *routing, enum model_kind kind)
{
	const struct catalog *c = routing_catalog(routing);

	for (size_t i = 0; i < catalog_count(c); i++)
		if (catalog_at(c, i)->kind == kind)
			return true;
	return false;
}

static int find_model(struct audio_request *r, struct span name, const struct offer *offer, struct err *err)
{
	enum model_kind kind = kinds[r->kind].model;

	if (!has_model_of(offer->routing, kind))
		return err_set(err, E_upstream_unavailable, "model",
			       "no backend for %s is configured: there is no model of that kind",
			       model_kind_name(kind));
	r->alias = offer_find(offer, name, err);
	if (!r->alias)
		return -1;
	if (r->alias->kind != kind)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "model '%s' is of kind %s; this route takes those of kind %s", r->alias->alias,
			       model_kind_name(r->alias->kind), model_kind_name(kind));
	return 0;
}

static int check_text(struct jvalue v, const char *name, struct err *err)
{
	if (v.type == J_NONE || v.type == J_NULL)
		return err_set(err, E_missing_field, name, "%s is required", name);
	if (v.type != J_STRING || v.text.len <= 2)
		return err_set(err, E_invalid_field, name, "%s must be a text that is not empty", name);
	return 0;
}

/* As a reader counts them, not as they are escaped. */
static int64_t count_characters(struct jvalue text)
{
	int64_t count = 0;
	struct buf plain;

	buf_init(&plain, CHAT_TEXT_MAX);
	(void)jvalue_unescape(text, &plain);
	for (size_t i = 0; i < plain.len; i++)
		count += ((unsigned char)plain.ptr[i] & 0xc0) != 0x80;
	buf_free(&plain);
	return count;
}

static int read_json(struct audio_request *r, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("model"), SPAN_INIT("input"), SPAN_INIT("voice"), SPAN_INIT("user_id") };
	struct jvalue v[ARRAY_LEN(names)], root;

	if (request_read_object(r->body, names, v, ARRAY_LEN(names), &root, NULL, err) < 0)
		return -1;
	if (check_text(v[0], "model", err) < 0 || check_text(v[1], "input", err) < 0)
		return -1;
	if (v[1].text.len > CHAT_TEXT_MAX)
		return err_set(err, E_invalid_field, "input", "input has more than %d bytes", CHAT_TEXT_MAX);
	if (v[2].type == J_NONE)
		return err_set(err, E_missing_field, "voice", "voice is required");
	r->characters = count_characters(v[1]);
	/* Letters, digits and ._:-/ need no escapes, but a slash may have one. */
	r->model = span_of(v[0].text.ptr + 1, v[0].text.len - 2);
	return 0;
}

int audio_measure(struct audio_request *r, struct err *err)
{
	const struct audio_field *file = &r->form->file;
	const uint64_t size = file->to - file->from;
	const size_t len = size < WAV_HEAD_MAX ? (size_t)size : WAV_HEAD_MAX;
	char head[WAV_HEAD_MAX];
	struct wav wav;

	r->audio_ms = -1;
	if (spool_copy(r->spool, file->from, head, len, err) < 0)
		return -1;
	if (wav_read(&wav, span_of(head, len), size))
		r->audio_ms = wav_ms(&wav, wav.data_len);
	return 0;
}

int audio_find_model(struct audio_request *r, const struct offer *offer, struct err *err)
{
	return find_model(r, span_of(r->form->model.text, r->form->model.len), offer, err);
}

int audio_speech_check(struct audio_request *r, const struct offer *offer, struct err *err)
{
	enum { NAME_MAX_BYTES = 1024 };
	struct buf name;
	int result;

	if (read_json(r, err) < 0)
		return -1;
	buf_init(&name, NAME_MAX_BYTES);
	(void)jvalue_unescape((struct jvalue){ .type = J_STRING, .text = span_of(r->model.ptr - 1, r->model.len + 2) },
			      &name);
	result = find_model(r, buf_span(&name), offer, err);
	buf_free(&name);
	return result;
}

/* ---- the call ---- */

static int build_speech(struct turn *t, const struct audio_request *r, const struct target *target,
			struct err *err)
{
	enum { PARTS = 3 };
	struct outgoing *out = &t->outgoing;
	struct span *parts = arena_alloc(t->arena, PARTS * sizeof *parts);
	size_t before = (size_t)(r->model.ptr - r->body.ptr);
	struct span name;
	struct buf escaped;

	buf_init(&escaped, 4 * KIB);
	jtext_escape(&escaped, span_str(target->model));
	name = arena_span(t->arena, buf_span(&escaped));
	buf_free(&escaped);
	if (!parts || !name.ptr)
		return err_used_up(err);
	parts[0] = span_of(r->body.ptr, before);
	parts[1] = name;
	parts[2] = span_from(r->body, before + r->model.len);
	out->parts = parts;
	out->part_count = PARTS;
	out->length = r->body.len - r->model.len + name.len;
	return 0;
}

static void add_file(struct spool_body *body, const struct audio_form *f, const struct audio_cut *cut)
{
	spool_body_add_text(body, cut->header);
	spool_body_add(body, cut->to ? cut->from : f->file.from, cut->to ? cut->to : f->file.to);
}

/* Both fields in the order in which they came. */
static void add_form(struct spool_body *body, const struct audio_form *f, const struct audio_cut *cut,
		     struct span model)
{
	const bool file_first = f->file.from < f->model.from;
	const struct audio_field *first = file_first ? &f->file : &f->model;
	const struct audio_field *second = file_first ? &f->model : &f->file;

	spool_body_add(body, 0, first->from);
	if (file_first)
		add_file(body, f, cut);
	else
		spool_body_add_text(body, model);
	spool_body_add(body, first->to, second->from);
	if (file_first)
		spool_body_add_text(body, model);
	else
		add_file(body, f, cut);
	spool_body_add(body, second->to, f->size);
}

int audio_build_form(struct turn *t, const struct audio_request *r, const struct audio_cut *cut,
		     const struct target *target, struct err *err)
{
	const struct span type[] = { SPAN_LIT("Content-Type: "), r->type, SPAN_LIT("\r\n") };
	struct spool_body *body = arena_alloc(t->arena, sizeof *body);
	struct outgoing *out = &t->outgoing;

	*out = (struct outgoing){ .path = kinds[r->kind].path };
	out->type_line = arena_join(t->arena, type, ARRAY_LEN(type));
	if (!body || !out->type_line.ptr)
		return err_used_up(err);
	spool_body_init(body, r->spool);
	add_form(body, r->form, cut, span_str(target->model));
	out->supply = &body->supply;
	return 0;
}

static int build_whole(struct turn *t, const struct audio_request *r, const struct target *target, struct err *err)
{
	const struct audio_cut uncut = { SPAN_NONE, 0, 0 };

	if (audio_build_form(t, r, &uncut, target, err) < 0)
		return -1;
	if (r->wants_windows)
		outgoing_applied(&t->outgoing, t->arena, "stt_mode=continuous");
	return 0;
}

static int build(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct audio_request *r = request;

	if (target->backend->provider->dialect == DIALECT_BUILTIN)
		return err_set(err, E_upstream_error, "", "the built-in models neither listen nor speak");
	t->outgoing = (struct outgoing){ .path = kinds[r->kind].path };
	return r->kind == AUDIO_SPEECH ? build_speech(t, r, target, err) : build_whole(t, r, target, err);
}

static int gone(struct err *err)
{
	err_set(err, E_cancelled, "", "the client has gone");
	return TAKE_GONE;
}

static bool is_type(struct span type, const char *wanted)
{
	return span_is_nocase(span_trim(span_cut(&type, ';')), wanted);
}

static void announce(struct turn *t, const struct source *s)
{
	t->target = s->target;
	turn_announce(t, t->target);
}

/* Seconds, as a backend tells them. */
static void read_seconds(struct jvalue v, int64_t *ms)
{
	double seconds;

	if (v.type == J_NUMBER && jvalue_double(v, &seconds) == 0 && seconds >= 0 && seconds < 1e9)
		*ms = llround(seconds * 1000);
}

void audio_read_usage(struct jvalue usage, struct token_usage *out)
{
	static const struct span names[] = { SPAN_INIT("input_tokens"), SPAN_INIT("output_tokens"),
					     SPAN_INIT("seconds") };
	struct jvalue v[ARRAY_LEN(names)];

	if (usage.type != J_OBJECT)
		return;
	jwalk_members(usage, names, v, ARRAY_LEN(names));
	(void)jvalue_int(v[0], 0, INT64_MAX, &out->prompt);
	(void)jvalue_int(v[1], 0, INT64_MAX, &out->completion);
	read_seconds(v[2], &out->audio_ms);
}

/* What a text's answer says that it used; one that is not JSON, or very long, says nothing. */
static void read_usage(struct turn *t, struct span type, struct span body)
{
	static const struct span names[] = { SPAN_INIT("usage"), SPAN_INIT("duration") };
	struct jvalue v[ARRAY_LEN(names)];

	if (!is_type(type, "application/json") || body.len > USAGE_INLINE_MAX ||
	    jscan_members(body, NULL, names, v, ARRAY_LEN(names), NULL) < 0)
		return;
	read_seconds(v[1], &t->usage.audio_ms);
	audio_read_usage(v[0], &t->usage);
}

static int take_whole(struct turn *t, struct source *s, const char *type, struct failure *why, struct err *err)
{
	struct buf room;
	struct span body;
	int result = TAKEN;

	buf_init(&room, (size_t)t->snapshot->config->max_answer_bytes);
	if (source_read_whole(s, &room, &body, err) < 0) {
		result = turn_give_up(s->target, why, err);
	} else {
		t->finished = true;
		read_usage(t, span_str(type), body);
		announce(t, s);
		t->sink->send(t->sink->context, 200, type, body);
	}
	buf_free(&room);
	return result;
}

/* An answer that passes by as it comes. */
struct passing {
	struct turn *turn;
	struct source *source;
	const char *type;
	struct sse_reader *events; /* of a stream of text, looked through for what was used; else NULL */
};

/* A reader that has failed says nothing more. */
static void look_through(struct passing *p, struct span piece)
{
	static const struct span names[] = { SPAN_INIT("usage") };
	struct sse_event event;
	struct jvalue v;

	if (!p->events)
		return;
	sse_reader_feed(p->events, piece);
	while (sse_reader_next(p->events, &event, NULL) == 1)
		if (event.data.ptr && jscan_members(event.data, NULL, names, &v, 1, NULL) == 0)
			audio_read_usage(v, &p->turn->usage);
}

/* The first piece is what makes the answer this target's. */
static int begin_passing(struct passing *p, struct err *err)
{
	struct turn *t = p->turn;

	t->streamed = p->events != NULL; /* what it costs is known at its end */
	announce(t, p->source);
	t->is_raw = t->committed = t->begun = true;
	return t->sink->begin(t->sink->context, 200, p->type) < 0 ? gone(err) : 0;
}

static enum upcall_result pass_all(struct passing *p, bool *is_gone, struct err *err)
{
	const struct turn_sink *sink = p->turn->sink;
	enum upcall_result r;
	struct span piece;

	while ((r = source_read(p->source, &piece, INT32_MAX, err)) == UPCALL_DATA || r == UPCALL_WAIT) {
		if (r == UPCALL_WAIT)
			continue;
		*is_gone = !p->turn->committed && begin_passing(p, err) < 0;
		if (*is_gone)
			return r;
		look_through(p, piece);
		*is_gone = sink->write(sink->context, &piece, 1, err) < 0;
		if (*is_gone)
			return r;
		if (!source_has_piece(p->source))
			sink->flush(sink->context);
	}
	return r;
}

/* From its first piece on; what fails before it is another target's. */
static int relay(struct passing *p, struct failure *why, struct err *err)
{
	struct turn *t = p->turn;
	bool is_gone = false;
	enum upcall_result r = pass_all(p, &is_gone, err);

	if (is_gone)
		return TAKE_GONE;
	if (r == UPCALL_FAILED)
		return turn_give_up(p->source->target, why, err);
	if (!t->committed) {
		failure_set(why, FAILURE_CUT, "the answer is empty");
		return TAKE_FAILED;
	}
	t->finished = true;
	t->sink->end(t->sink->context);
	return TAKEN;
}

static int relay_events(struct passing *p, struct failure *why, struct err *err)
{
	struct sse_reader events;
	int result;

	sse_reader_init(&events, USAGE_INLINE_MAX);
	p->events = &events;
	result = relay(p, why, err);
	p->events = NULL;
	sse_reader_free(&events);
	return result;
}

static int take(struct turn *t, const void *request, struct source *s, struct failure *why, struct err *err)
{
	const struct audio_request *r = request;
	struct span found = source_head(s)->known[HTTP1_CONTENT_TYPE];
	struct passing p;
	const char *type;

	if (source_coding(s).ptr || (r->kind == AUDIO_SPEECH && is_type(found, "application/json"))) {
		failure_set(why, FAILURE_CUT, "the answer is %s, not audio",
			    source_coding(s).ptr ? "coded, which was not asked for" : "JSON");
		return TAKE_FAILED;
	}
	if (!found.ptr)
		found = r->kind == AUDIO_SPEECH ? SPAN_LIT("application/octet-stream") : SPAN_LIT("text/plain");
	type = arena_span(t->arena, found).ptr;
	if (!type) {
		err_used_up(err);
		failure_from_err(why, s->target, err);
		return TAKE_FAILED;
	}
	p = (struct passing){ .turn = t, .source = s, .type = type };
	t->usage.audio_ms = r->kind == AUDIO_SPEECH ? -1 : r->audio_ms;
	t->usage.characters = r->kind == AUDIO_SPEECH ? r->characters : -1;
	if (r->kind == AUDIO_SPEECH)
		return relay(&p, why, err);
	return is_type(found, "text/event-stream") ? relay_events(&p, why, err) : take_whole(t, s, type, why, err);
}

/*
 * What a call may use.  A second of speech has 20 tokens to speak and 10 to hear, 15 characters,
 * and as a file 2.5 KB or more, by what sounds good; no coding has less than 500 bytes.
 */
static struct turn_size size_of(const struct audio_request *r)
{
	enum { TOKENS_OF_BYTE = 2, BYTES_OF_TOKEN = 256, TOKENS_MIN = 64, MS_OF_BYTE = 2 };
	const bool speaks = r->kind == AUDIO_SPEECH;
	const int64_t bytes = speaks ? (int64_t)r->body.len : (int64_t)(r->form->file.to - r->form->file.from);

	return (struct turn_size){
		.alias = r->alias,
		.prompt_bytes = speaks ? bytes : bytes / BYTES_OF_TOKEN + 1,
		.answer_max = (speaks ? TOKENS_OF_BYTE * bytes : bytes / BYTES_OF_TOKEN) + TOKENS_MIN,
		.choices = 1,
		.audio_ms = speaks ? 0 : r->audio_ms >= 0 ? r->audio_ms : MS_OF_BYTE * bytes,
		.characters = speaks ? r->characters : 0,
		.kind = speaks ? ANSWER_MEDIA : ANSWER_TEXT,
	};
}

int turn_audio(struct turn *t, const struct audio_request *r, struct err *err)
{
	static const struct call_kind kind = { SOURCE_AUDIO, build, take };

	const struct turn_size size = size_of(r);
	struct audio_windows *windows = NULL;

	if (r->wants_windows && audio_windows_plan(t, r, &windows, err) < 0)
		return -1;
	if (windows)
		return audio_windows_run(t, windows, &size, err);
	return turn_walk(t, &kind, r, &size, err);
}
