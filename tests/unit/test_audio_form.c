/*
 * The form of a transcription: what it says is known at the byte that says it, however it is cut.
 */
#include "common/chat/audio_form.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TYPE SPAN_LIT("multipart/form-data; boundary=xyz")
#define FIELD(name, text) "--xyz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" text "\r\n"
#define CLOSE "--xyz--\r\n"

/* Feeds text in pieces of so many bytes; the place of the fault, or -1 when there is none. */
static ptrdiff_t feed(struct audio_form *f, const char *text, size_t step, struct err *err)
{
	size_t len = strlen(text);

	assert_int_equal(audio_form_init(f, TYPE, err), 0);
	for (size_t i = 0; i < len; i += step)
		if (audio_form_feed(f, span_of(text + i, len - i < step ? len - i : step), err) < 0)
			return (ptrdiff_t)i;
	return audio_form_finish(f, err) < 0 ? (ptrdiff_t)len : -1;
}

static void assert_field(const char *text, const struct audio_field *field, const char *content)
{
	assert_true(field->is_there);
	assert_int_equal(field->to - field->from, strlen(content));
	assert_memory_equal(text + field->from, content, strlen(content));
}

static void fields_are_found_wherever_the_form_is_cut(void **state)
{
	static const char text[] = FIELD("file", "RI\r\n--xyFF\r") FIELD("language", "en") FIELD("model", "listen")
		FIELD("response_format", "text") CLOSE "what follows is none of it";
	struct audio_form f;

	(void)state;
	for (size_t step = 1; step < sizeof text; step++) {
		assert_int_equal(feed(&f, text, step, NULL), -1);
		assert_field(text, &f.file, "RI\r\n--xyFF\r");
		assert_field(text, &f.model, "listen");
		assert_string_equal(f.model.text, "listen");
		assert_string_equal(f.response_format.text, "text");
		assert_false(f.has_options);
		assert_int_equal(f.size, sizeof text - 1);
	}
}

static void the_model_is_known_when_its_part_ends(void **state)
{
	static const char text[] = FIELD("model", "listen") "--xyz";
	struct audio_form f;
	size_t known = 0;

	(void)state;
	assert_int_equal(audio_form_init(&f, TYPE, NULL), 0);
	for (size_t i = 0; i < sizeof text - 1 && !known; i++) {
		assert_int_equal(audio_form_feed(&f, span_of(text + i, 1), NULL), 0);
		if (audio_form_has_model(&f))
			known = i + 1;
	}
	assert_int_equal(known, strlen(FIELD("model", "listen") "--xyz"));
}

static void options_of_richer_answers_are_seen(void **state)
{
	static const struct {
		const char *text;
		bool has_options;
	} cases[] = {
		{ FIELD("file", "R") FIELD("model", "m") FIELD("temperature", "0") FIELD("prompt", "p") CLOSE, false },
		{ FIELD("file", "R") FIELD("model", "m") FIELD("stream", "true") CLOSE, true },
		{ FIELD("include[]", "logprobs") FIELD("file", "R") FIELD("model", "m") CLOSE, true },
	};
	struct audio_form f;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(feed(&f, cases[i].text, 7, NULL), -1);
		assert_int_equal(f.has_options, cases[i].has_options);
	}
}

#define X16 "xxxxxxxxxxxxxxxx"
#define X256 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16

static void faults_are_told_with_their_field(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
		const char *param;
	} cases[] = {
		{ CLOSE, E_missing_field, "file" },
		{ FIELD("file", "R") CLOSE, E_missing_field, "model" },
		{ FIELD("model", "m") CLOSE, E_missing_field, "file" },
		{ FIELD("file", "") FIELD("model", "m") CLOSE, E_invalid_field, "file" },
		{ FIELD("file", "R") FIELD("file", "R"), E_invalid_field, "file" },
		{ FIELD("model", "m") FIELD("model", "m"), E_invalid_field, "model" },
		{ FIELD("response_format", "m") FIELD("response_format", "m"), E_invalid_field, "response_format" },
		/* Some backends take capitals for small letters. */
		{ FIELD("model", "m") FIELD("Model", "secret"), E_invalid_field, "model" },
		{ FIELD("MODEL", "m"), E_invalid_field, "model" },
		{ FIELD("File", "R"), E_invalid_field, "file" },
		{ FIELD("file", "R") FIELD("Response_Format", "text"), E_invalid_field, "response_format" },
		{ FIELD("User_Id", "me"), E_invalid_field, "body.user_id" },
		{ FIELD("Models", "m") FIELD("file", "R") CLOSE, E_missing_field, "model" },
		{ FIELD("model", X256), E_model_not_in_allowlist, "model" },
		{ FIELD("user_id", "me"), E_invalid_field, "body.user_id" },
		{ FIELD("file", "R") FIELD("model", "m"), E_invalid_field, "body" },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nRI", E_invalid_field, "body" },
		{ "no form", E_invalid_field, "body" },
		{ "", E_invalid_field, "body" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char text[2048];
		struct audio_form f;
		struct err err = ERR_INIT;

		/* Whatever ends with its part needs the next boundary to be known. */
		snprintf(text, sizeof text, "%s%s", cases[i].text,
			 cases[i].code == E_model_not_in_allowlist ? "--xyz" : "");
		assert_true(feed(&f, text, 1 + i, &err) >= 0);
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.param, cases[i].param);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_found_wherever_the_form_is_cut),
		cmocka_unit_test(the_model_is_known_when_its_part_ends),
		cmocka_unit_test(options_of_richer_answers_are_seen),
		cmocka_unit_test(faults_are_told_with_their_field),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
