/*
 * common/chat/audio_windows.c - speech in windows: SPASS-Stt-Mode: chunked.
 *
 * A window ends where it is quietest in its last sixth, so that words stay whole; the last two are
 * about as long as each other.  Each is a form like the client's, with a file of its own, and walks
 * the model's chain by itself; they go one after the other, as a text is read.
 */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/chat/audio_inside.h"
#include "common/chat/request.h"
#include "common/chat/stream.h"
#include "common/chat/subtitles.h"
#include "common/chat/wav.h"

enum { FRAMES_A_SECOND = 50, FRAME_MAX = 64 * 1024, TEXT_MAX = 16 * 1024 * 1024 };

/* What can be put together of parts. */
enum window_format { WINDOW_json, WINDOW_text, WINDOW_srt, WINDOW_vtt, WINDOW_FORMATS };
static const char *const format_names[WINDOW_FORMATS] = {
	[WINDOW_json] = "json", [WINDOW_text] = "text", [WINDOW_srt] = "srt", [WINDOW_vtt] = "vtt"
};

struct audio_windows {
	const struct audio_request *request;
	struct wav wav;
	struct span head;          /* of the file */
	char *header;              /* of the present window's */
	enum window_format format;
	uint64_t window;           /* bytes of samples at most, whole blocks */
	/* the present one */
	struct audio_cut cut;
	uint64_t at, end;          /* of the samples */
	int count;
	/* what came of those before */
	struct buf text;
	struct subtitles subtitles;
	struct token_usage usage;
	struct cost cost;
};

/* What a walk is given: the plan, in which what the windows say is put together. */
struct window_call {
	struct audio_windows *plan;
};

/* ---- where to cut ---- */

static uint64_t whole_blocks(const struct wav *w, uint64_t bytes)
{
	return bytes - bytes % w->block;
}

/* The middle of the quietest frame of from..to, the last of those that are; to when there is none. */
static int find_quiet(const struct audio_windows *p, uint64_t from, uint64_t to, uint64_t *quiet, struct err *err)
{
	const size_t frame = (size_t)whole_blocks(&p->wav, (uint64_t)p->wav.rate * p->wav.block / FRAMES_A_SECOND);
	double least = HUGE_VAL;
	size_t since = 0; /* others had their turn */
	char *samples;
	int result = 0;

	*quiet = to;
	if (frame == 0 || frame > FRAME_MAX)
		return 0;
	samples = mem_alloc(frame);
	for (uint64_t at = from; result == 0 && at + frame <= to; at += frame) {
		double loudness;

		result = spool_copy(p->request->spool, p->request->form->file.from + p->wav.data_at + at, samples,
				    frame, err);
		loudness = wav_loudness(&p->wav, span_of(samples, frame));
		if (result == 0 && loudness <= least) {
			least = loudness;
			*quiet = at + whole_blocks(&p->wav, frame / 2);
		}
		since += frame;
		if (result == 0 && since >= FRAME_MAX) {
			since = 0;
			result = fiber_sleep(0, err);
		}
	}
	mem_free(samples);
	return result;
}

/* Sets the end of the window that begins at p->at. */
static int find_end(struct audio_windows *p, struct err *err)
{
	const uint64_t left = p->wav.data_len - p->at;
	uint64_t most = p->window;

	if (left <= most) {
		p->end = p->wav.data_len;
		return 0;
	}
	if (left / 2 <= most - most / 12)
		most = left / 2 + most / 12;
	most = whole_blocks(&p->wav, most);
	return find_quiet(p, p->at + whole_blocks(&p->wav, most - p->window / 6), p->at + most, &p->end, err);
}

/* ---- the plan ---- */

/* WINDOW_FORMATS: another one. */
static enum window_format format_of(const struct audio_request *r)
{
	int format = 0;

	if (!r->form->response_format.is_there)
		return WINDOW_json;
	while (format < WINDOW_FORMATS && strcmp(r->form->response_format.text, format_names[format]) != 0)
		format++;
	return (enum window_format)format;
}

int audio_windows_plan(struct turn *t, const struct audio_request *r, struct audio_windows **plan, struct err *err)
{
	const struct audio_field *file = &r->form->file;
	const enum window_format format = format_of(r);
	const uint64_t size = file->to - file->from;
	const size_t head_len = size < WAV_HEAD_MAX ? (size_t)size : WAV_HEAD_MAX;
	struct audio_windows *p;
	char *head;

	*plan = NULL;
	if (r->form->has_options || format == WINDOW_FORMATS)
		return 0;
	p = arena_zalloc(t->arena, sizeof *p);
	head = arena_alloc(t->arena, 2 * (size_t)WAV_HEAD_MAX);
	if (!p || !head)
		return err_used_up(err);
	if (spool_copy(r->spool, file->from, head, head_len, err) < 0)
		return -1;
	p->request = r;
	p->head = span_of(head, head_len);
	p->header = head + WAV_HEAD_MAX;
	p->usage = TOKEN_USAGE_NONE;
	p->format = format;
	if (!wav_read(&p->wav, p->head, size))
		return 0;
	p->window = (uint64_t)t->snapshot->config->stt_window * p->wav.rate / 1000 * p->wav.block;
	*plan = p;
	return 0;
}

/* ---- texts ---- */

/* Chinese and Japanese know no blank between words: U+3000 to U+9FFF. */
static bool has_no_blanks(unsigned char lead)
{
	return lead >= 0xe3 && lead <= 0xe9;
}

static bool needs_blank(const struct buf *text, struct span more)
{
	size_t at = text->len;

	if (at == 0)
		return false;
	do
		at--;
	while (at > 0 && ((unsigned char)text->ptr[at] & 0xc0) == 0x80);
	return !has_no_blanks((unsigned char)text->ptr[at]) && !has_no_blanks((unsigned char)more.ptr[0]);
}

static int add_text(struct audio_windows *p, struct span more, struct failure *why)
{
	more = span_strip(more);
	if (more.len > 0 && needs_blank(&p->text, more))
		buf_add_char(&p->text, ' ');
	buf_add_span(&p->text, more);
	if (!buf_failed(&p->text))
		return TAKEN;
	failure_set(why, FAILURE_INTERNAL, "the text has more than %d bytes", (int)TEXT_MAX);
	return TAKE_FAILED;
}

static int add_subtitles(struct audio_windows *p, struct span part, struct failure *why)
{
	if (subtitles_add(&p->subtitles, part, wav_ms(&p->wav, p->at)) == 0)
		return TAKEN;
	failure_set(why, FAILURE_CUT, "the answer is no %s, or more than %d bytes", format_names[p->format],
		    (int)TEXT_MAX);
	return TAKE_FAILED;
}

/* {"text":"..."}, and what it says that it used. */
static int add_json(struct turn *t, struct audio_windows *p, struct span body, struct failure *why)
{
	static const struct span names[] = { SPAN_INIT("text"), SPAN_INIT("usage") };
	struct jvalue v[ARRAY_LEN(names)];
	struct buf text;
	int result;

	if (jscan_members(body, NULL, names, v, ARRAY_LEN(names), NULL) < 0 || v[0].type != J_STRING) {
		failure_set(why, FAILURE_CUT, "the answer is no JSON object with a text");
		return TAKE_FAILED;
	}
	audio_read_usage(v[1], &t->usage);
	buf_init(&text, TEXT_MAX);
	jvalue_unescape(v[0], &text);
	result = add_text(p, buf_span(&text), why);
	buf_free(&text);
	return result;
}

/* ---- one window ---- */

static int add_answer(struct turn *t, struct audio_windows *p, struct span body, struct failure *why)
{
	switch (p->format) {
	case WINDOW_json:
		return add_json(t, p, body, why);
	case WINDOW_srt:
	case WINDOW_vtt:
		return add_subtitles(p, body, why);
	case WINDOW_text:
	case WINDOW_FORMATS:
		break;
	}
	return add_text(p, body, why);
}

static int build(struct turn *t, const void *request, const struct target *target, struct err *err)
{
	const struct window_call *call = request;

	if (target->backend->provider->dialect == DIALECT_BUILTIN)
		return err_set(err, E_upstream_error, "", "the built-in models neither listen nor speak");
	return audio_build_form(t, call->plan->request, &call->plan->cut, target, err);
}

static int take(struct turn *t, const void *request, struct source *s, struct failure *why, struct err *err)
{
	const struct window_call *call = request;
	struct audio_windows *p = call->plan;
	struct buf room;
	struct span body;
	int result;

	if (source_coding(s).ptr) {
		failure_set(why, FAILURE_CUT, "the answer is coded, which was not asked for");
		return TAKE_FAILED;
	}
	t->usage.audio_ms = wav_ms(&p->wav, p->end - p->at);
	buf_init(&room, (size_t)t->snapshot->config->max_answer_bytes);
	if (source_read_whole(s, &room, &body, err) < 0)
		result = turn_give_up(s->target, why, err);
	else
		result = add_answer(t, p, body, why);
	if (result == TAKEN)
		t->target = s->target;
	buf_free(&room);
	return result;
}

static int64_t plus(int64_t a, int64_t b)
{
	return a < 0 || b < 0 ? -1 : a + b;
}

/* One bill has one price: after the first window the other links of a composite are not asked. */
static int keep_link(struct turn *t, struct err *err)
{
	const char *link = turn_link(&t->size, t->target);
	struct target *same = arena_alloc(t->arena, t->target_count * sizeof *same);
	size_t count = 0;

	if (!same)
		return err_used_up(err);
	for (size_t i = 0; i < t->target_count; i++)
		if (turn_link(&t->size, &t->targets[i]) == link)
			same[count++] = t->targets[i];
	t->targets = same;
	t->target_count = count;
	return 0;
}

/* The client left while a backend had a later window: what that used nobody tells. */
static void lose_window(const struct turn *t, struct audio_windows *p)
{
	static const struct cost unknown = { COST_UNKNOWN, MONEY_UNKNOWN };

	if (p->count == 0 || !t->asked || target_is_free(t->target))
		return;
	p->usage.prompt = p->usage.completion = -1;
	cost_add(&p->cost, &unknown);
}

static void add_usage(struct turn *t, struct audio_windows *p)
{
	const struct cost cost = cost_of(&t->usage, target_is_free(t->target), t->target->price);

	if (p->count == 0) {
		p->usage = t->usage;
		p->cost = cost;
		return;
	}
	p->usage.prompt = plus(p->usage.prompt, t->usage.prompt);
	p->usage.completion = plus(p->usage.completion, t->usage.completion);
	p->usage.audio_ms = plus(p->usage.audio_ms, t->usage.audio_ms);
	cost_add(&p->cost, &cost);
}

static int run_window(struct turn *t, struct audio_windows *p, struct err *err)
{
	static const struct call_kind kind = { SOURCE_AUDIO, build, take };
	const uint64_t base = p->request->form->file.from + p->wav.data_at;
	const struct window_call call = { p };

	if (find_end(p, err) < 0)
		return -1;
	wav_write_header(&p->wav, p->head, p->end - p->at, p->header);
	p->cut = (struct audio_cut){ span_of(p->header, (size_t)p->wav.data_at), base + p->at, base + p->end };
	if (turn_walk_once(t, &kind, &call, err) < 0) {
		if (err->code == E_cancelled)
			lose_window(t, p);
		return -1;
	}
	add_usage(t, p);
	p->at = p->end;
	return ++p->count == 1 ? keep_link(t, err) : 0;
}

/* ---- all ---- */

static void print_json(const struct audio_windows *p, struct buf *out)
{
	buf_add_str(out, "{\"text\":");
	jtext_string(out, buf_span(&p->text));
	if (p->usage.prompt >= 0 && p->usage.completion >= 0)
		buf_printf(out, ",\"usage\":{\"type\":\"tokens\",\"input_tokens\":%" PRId64
				",\"output_tokens\":%" PRId64 ",\"total_tokens\":%" PRId64 "}",
			   p->usage.prompt, p->usage.completion, p->usage.prompt + p->usage.completion);
	buf_add_char(out, '}');
}

static void answer(struct turn *t, const struct audio_windows *p)
{
	char applied[32];
	struct buf name = { applied, 0, sizeof applied, sizeof applied - 1, false };
	struct buf body;

	buf_printf(&name, "stt_windows=%d", p->count);
	outgoing_applied(&t->outgoing, t->arena, applied);
	t->finished = true;
	turn_announce(t, t->target);
	if (p->format != WINDOW_json) {
		t->sink->send(t->sink->context, 200, "text/plain; charset=utf-8",
			      buf_span(p->format == WINDOW_text ? &p->text : &p->subtitles.text));
		return;
	}
	buf_init(&body, 6 * (size_t)TEXT_MAX + 256); /* each byte may have to be escaped */
	print_json(p, &body);
	t->sink->send(t->sink->context, 200, "application/json", buf_span(&body));
	buf_free(&body);
}

int audio_windows_run(struct turn *t, struct audio_windows *p, const struct turn_size *size, struct err *err)
{
	int result = turn_admit(t, size, err);

	if (result < 0)
		return -1;
	buf_init(&p->text, TEXT_MAX);
	subtitles_init(&p->subtitles, p->format == WINDOW_vtt ? SUBTITLES_VTT : SUBTITLES_SRT, TEXT_MAX);
	while (result == 0 && p->at < p->wav.data_len)
		result = run_window(t, p, err);
	/* Also of what fails halfway: so much has been used. */
	t->usage = p->usage;
	t->sum = p->count ? &p->cost : NULL;
	if (result == 0)
		answer(t, p);
	turn_end(t);
	buf_free(&p->text);
	subtitles_free(&p->subtitles);
	return result;
}
