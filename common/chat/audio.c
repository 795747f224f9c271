/*
 * common/chat/audio.c - see audio.h.
 */
#include "common/chat/audio.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/base/multipart.h"
#include "common/chat/request.h"
#include "common/chat/turn_inside.h"

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

static int find_model(struct audio_request *r, struct span name, const struct routing *routing, struct err *err)
{
	enum model_kind kind = kinds[r->kind].model;

	if (!has_model_of(routing, kind))
		return err_set(err, E_upstream_unavailable, "model",
			       "no backend for %s is configured: there is no model of that kind",
			       model_kind_name(kind));
	r->alias = routing_find(routing, name);
	if (!r->alias)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "model '%.*s' is not offered here; GET /v1/models lists the ids",
			       (int)(name.len < 100 ? name.len : 100), name.ptr ? name.ptr : "");
	if (r->alias->kind != kind)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "model '%s' is of kind %s; this route takes those of kind %s", r->alias->alias,
			       model_kind_name(r->alias->kind), model_kind_name(kind));
	return 0;
}

static int note_field(const struct multipart_field *f, const char *name, struct span *place, struct err *err)
{
	if (!span_is(f->part.name, name))
		return 0;
	if (place->ptr)
		return err_set(err, E_invalid_field, name, "%s is given twice", name);
	*place = f->content;
	return 0;
}

static int read_form(struct audio_request *r, struct err *err)
{
	struct multipart_field *fields = mem_calloc(MULTIPART_PARTS_MAX, sizeof *fields);
	struct span file = SPAN_NONE, user = SPAN_NONE;
	size_t count;
	int result = multipart_read_all(r->type, r->body, fields, MULTIPART_PARTS_MAX, &count, err);

	for (size_t i = 0; result == 0 && i < count; i++)
		if (note_field(&fields[i], "file", &file, err) < 0 ||
		    note_field(&fields[i], "model", &r->model, err) < 0 ||
		    note_field(&fields[i], "user_id", &user, err) < 0)
			result = -1;
	mem_free(fields);
	if (result < 0)
		return -1;
	if (user.ptr)
		return err_set(err, E_invalid_field, "body.user_id",
			       "user_id does not belong in the body; send the SPASS-User-Id header");
	if (!file.ptr)
		return err_set(err, E_missing_field, "file", "file is required");
	if (file.len == 0)
		return err_set(err, E_invalid_field, "file", "file is empty");
	if (!r->model.ptr)
		return err_set(err, E_missing_field, "model", "model is required; GET /v1/models lists the ids");
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

static int read_json(struct audio_request *r, struct err *err)
{
	static const char *const names[] = { "model", "input", "voice", "user_id" };
	struct jvalue v[ARRAY_LEN(names)];

	if (jscan_members(r->body, NULL, names, v, ARRAY_LEN(names), err) < 0)
		return -1;
	if (v[3].type != J_NONE)
		return err_set(err, E_invalid_field, "body.user_id",
			       "user_id does not belong in the body; send the SPASS-User-Id header");
	if (check_text(v[0], "model", err) < 0 || check_text(v[1], "input", err) < 0)
		return -1;
	if (v[1].text.len > CHAT_TEXT_MAX)
		return err_set(err, E_invalid_field, "input", "input has more than %d bytes", CHAT_TEXT_MAX);
	if (v[2].type == J_NONE)
		return err_set(err, E_missing_field, "voice", "voice is required");
	if (!v[0].is_single)
		return err_set(err, E_invalid_field, "model", "model is given twice");
	/* Letters, digits and ._:-/ need no escapes, but a slash may have one. */
	r->model = span_of(v[0].text.ptr + 1, v[0].text.len - 2);
	return 0;
}

int audio_request_check(struct audio_request *r, const struct routing *routing, struct err *err)
{
	enum { NAME_MAX_BYTES = 1024 };
	struct buf name;
	int result;

	if (r->kind != AUDIO_SPEECH)
		return read_form(r, err) < 0 ? -1 : find_model(r, r->model, routing, err);
	if (read_json(r, err) < 0)
		return -1;
	buf_init(&name, NAME_MAX_BYTES);
	(void)jvalue_unescape((struct jvalue){ .type = J_STRING, .text = span_of(r->model.ptr - 1, r->model.len + 2) },
			      &name);
	result = find_model(r, buf_span(&name), routing, err);
	buf_free(&name);
	return result;
}

/* ---- the call ---- */

static int build(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct audio_request *r = request;
	struct outgoing *out = &t->outgoing;
	size_t before = (size_t)(r->model.ptr - r->body.ptr);
	const struct span type[] = { SPAN_LIT("Content-Type: "), r->type, SPAN_LIT("\r\n") };
	struct span name = span_str(target->model), line;
	struct buf escaped;

	if (target->backend->provider->dialect == DIALECT_BUILTIN)
		return err_set(err, E_upstream_error, "", "the built-in models neither listen nor speak");
	buf_init(&escaped, 4 * KIB);
	if (r->kind == AUDIO_SPEECH) {
		jtext_escape(&escaped, name);
		name = arena_span(t->arena, buf_span(&escaped));
	}
	buf_free(&escaped);
	line = r->kind == AUDIO_SPEECH ? SPAN_NONE : arena_join(t->arena, type, ARRAY_LEN(type));
	if (!name.ptr || (r->kind != AUDIO_SPEECH && !line.ptr))
		return err_set(err, E_internal_error, "", "the request's memory is used up");
	*out = (struct outgoing){
		.path = kinds[r->kind].path,
		.type_line = line,
		.parts = { span_of(r->body.ptr, before), name, span_from(r->body, before + r->model.len) },
		.part_count = 3,
		.length = r->body.len - r->model.len + name.len,
	};
	/* Cutting would need the samples of every coding there is: the file goes in one piece. */
	if (r->wants_windows)
		outgoing_applied(out, "stt_mode=continuous");
	return 0;
}

static int give_up(const struct source *s, struct failure *why, const struct err *err)
{
	failure_from_err(why, s->target, err);
	return why->class == FAILURE_CANCELLED ? TAKE_GONE : TAKE_FAILED;
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

static int take_whole(struct turn *t, struct source *s, const char *type, struct failure *why, struct err *err)
{
	struct buf room;
	struct span body;
	int result = TAKEN;

	buf_init(&room, (size_t)t->snapshot->config->max_answer_bytes);
	if (source_read_whole(s, &room, &body, err) < 0) {
		result = give_up(s, why, err);
	} else {
		t->finished = true;
		announce(t, s);
		t->sink->send(t->sink->context, 200, type, body);
	}
	buf_free(&room);
	return result;
}

/* From its first piece on; what fails before it is another target's. */
static int relay(struct turn *t, struct source *s, const char *type, struct failure *why, struct err *err)
{
	const struct turn_sink *sink = t->sink;
	enum upcall_result r;
	struct span piece;

	while ((r = source_read(s, &piece, INT32_MAX, err)) == UPCALL_DATA || r == UPCALL_WAIT) {
		if (r == UPCALL_WAIT)
			continue;
		if (!t->committed) {
			announce(t, s);
			t->is_raw = t->committed = t->begun = true;
			if (sink->begin(sink->context, 200, type) < 0)
				return gone(err);
		}
		if (sink->write(sink->context, &piece, 1, err) < 0)
			return TAKE_GONE;
		if (!source_has_piece(s))
			sink->flush(sink->context);
	}
	if (r == UPCALL_FAILED)
		return give_up(s, why, err);
	if (!t->committed) {
		failure_set(why, FAILURE_CUT, "the answer is empty");
		return TAKE_FAILED;
	}
	t->finished = true;
	sink->end(sink->context);
	return TAKEN;
}

static int take(struct turn *t, const void *request, struct source *s, struct failure *why, struct err *err)
{
	const struct audio_request *r = request;
	struct span found = source_head(s)->known[HTTP1_CONTENT_TYPE];
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
		failure_set(why, FAILURE_INTERNAL, "the request's memory is used up");
		return TAKE_FAILED;
	}
	if (r->kind == AUDIO_SPEECH || is_type(found, "text/event-stream"))
		return relay(t, s, type, why, err);
	return take_whole(t, s, type, why, err);
}

int turn_audio(struct turn *t, const struct audio_request *r, struct err *err)
{
	static const struct call_kind kind = { SOURCE_AUDIO, build, take };

	/* No price of the list is one of sounds: what a call costs is told by its backend, if at all. */
	const struct turn_size size = { r->alias, 0, 0 };

	return turn_walk(t, &kind, r, &size, err);
}
