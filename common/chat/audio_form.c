/*
 * common/chat/audio_form.c - see audio_form.h.
 */
#include "common/chat/audio_form.h"

#include <string.h>

#include "common/chat/request_inside.h"

int audio_form_init(struct audio_form *f, struct span type, struct err *err)
{
	memset(f, 0, sizeof *f);
	return multipart_init(&f->parts, type, err);
}

/* Fields that say no more than what is said, and in which words: the answer is a text all the same. */
static bool is_plain(struct span name)
{
	static const char *const names[] = { "file", "model", "response_format", "language", "prompt",
					     "temperature" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (span_is(name, names[i]))
			return true;
	return false;
}

/* Sets f->field, to NULL for what is of no concern.  Of a member of JSON the same is asked. */
static int find_field(struct audio_form *f, struct span name, struct err *err)
{
	const struct {
		const char *name;
		struct audio_field *field;
	} rows[] = {
		{ "file", &f->file },
		{ "model", &f->model },
		{ "response_format", &f->response_format },
	};

	f->field = NULL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!span_is_nocase(name, rows[i].name))
			continue;
		if (rows[i].field->is_there || !span_is(name, rows[i].name))
			return request_fault_of_contest(rows[i].name, err);
		f->field = rows[i].field;
	}
	return 0;
}

static int begin_field(struct audio_form *f, uint64_t at, struct err *err)
{
	struct span name = f->parts.part.name;

	if (span_is_nocase(name, "user_id"))
		return err_set(err, E_invalid_field, "body.user_id",
			       "user_id does not belong in the body; send the SPASS-User-Id header");
	if (!is_plain(name))
		f->has_options = true;
	if (find_field(f, name, err) < 0)
		return -1;
	if (!f->field)
		return 0;
	f->field->is_there = true;
	f->field->from = f->field->to = at;
	return 0;
}

/* Of what is too long the beginning is enough to say that it is not known. */
static void add_text(struct audio_form *f, struct span data)
{
	struct audio_field *field = f->field;
	size_t room = AUDIO_TEXT_MAX - field->len;

	if (field == &f->file)
		return;
	if (data.len > room)
		data.len = room;
	memcpy(field->text + field->len, data.ptr, data.len);
	field->len += data.len;
}

static int end_field(struct audio_form *f, uint64_t at, struct err *err)
{
	struct audio_field *field = f->field;

	f->field = NULL;
	if (!field)
		return 0;
	field->to = at - f->parts.delimiter_len;
	if (field == &f->file && field->from == field->to)
		return err_set(err, E_invalid_field, "file", "file is empty");
	if (field == &f->model && field->to - field->from > AUDIO_TEXT_MAX)
		return err_set(err, E_model_not_in_allowlist, "model",
			       "no model has a name of more than %d bytes", AUDIO_TEXT_MAX);
	return 0;
}

int audio_form_feed(struct audio_form *f, struct span bytes, struct err *err)
{
	const uint64_t end = f->size + bytes.len;
	struct span data = SPAN_NONE;
	enum multipart_event event;
	int result = 0;

	while (result == 0 && (event = multipart_next(&f->parts, &bytes, &data, err)) != MULTIPART_MORE &&
	       event != MULTIPART_END) {
		if (event == MULTIPART_BAD)
			result = -1;
		else if (event == MULTIPART_HEAD)
			result = begin_field(f, end - bytes.len, err);
		else if (event == MULTIPART_PART_END)
			result = end_field(f, end - bytes.len, err);
		else if (f->field)
			add_text(f, data);
	}
	f->size = end;
	return result;
}

bool audio_form_has_model(const struct audio_form *f)
{
	return f->model.is_there && f->field != &f->model;
}

int audio_form_finish(const struct audio_form *f, struct err *err)
{
	if (multipart_finish(&f->parts, err) < 0)
		return -1;
	if (!f->file.is_there)
		return err_set(err, E_missing_field, "file", "file is required");
	if (!f->model.is_there)
		return err_set(err, E_missing_field, "model", "model is required; GET /v1/models lists the ids");
	return 0;
}
