/*
 * tests/unit/test_record.c - a record as a line of JSON.
 */
#include "common/observe/record.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "common/base/mem.h"

static const struct record full = {
	.ts_ms = 1795255200123,
	.request_id = "req-1",
	.parent_request_id = "req-0",
	.depth = 1,
	.tenant_id = "acme",
	.token_id = "tok",
	.user_id = "u1",
	.scope_id = "s1",
	.surface = "v1",
	.method = "POST",
	.route = "/v1/chat/completions",
	.error = E_upstream_timeout,
	.status = 504,
	.model = "fast",
	.resolved_model = "llama-3",
	.resolved_backend = "local",
	.attempts = 2,
	.streamed = true,
	.finished = false,
	.prompt_tokens = 10,
	.completion_tokens = 0,
	.cached_tokens = 4,
	.reasoning_tokens = -1,
	.cost_source = "table",
	.cost_usd = 1250000,
	.cost_eur = 1068250,
	.cost_billed_usd = 1,
	.cost_billed_eur = 0,
	.latency_us = 1234567,
	.first_byte_us = 89,
	.upstream_us = 1000,
	.bytes_in = 300,
	.bytes_out = 9000000000,
};

static void print(const struct record *r, struct buf *out)
{
	char common[RECORD_LINE_MAX], line[RECORD_LINE_MAX];
	struct record_frame f;
	const char *end;

	record_frame_print(&f, r, common);
	end = record_put(line, &f, r);
	assert_true(end - line <= RECORD_LINE_MAX);
	assert_int_equal(buf_add(out, line, (size_t)(end - line)), 0);
}

static void prints_every_field_in_order(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4 * KIB);
	print(&full, &out);
	assert_string_equal(
		buf_str(&out),
		"{\"ts\":\"2026-11-21T10:00:00.123Z\",\"request_id\":\"req-1\","
		"\"parent_request_id\":\"req-0\",\"depth\":1,\"tenant_id\":\"acme\","
		"\"token_id\":\"tok\",\"user_id\":\"u1\",\"scope_id\":\"s1\",\"surface\":\"v1\","
		"\"method\":\"POST\",\"path\":\"/v1/chat/completions\",\"status\":504,"
		"\"error_code\":\"upstream_timeout\",\"model\":\"fast\","
		"\"resolved_model\":\"llama-3\",\"resolved_backend\":\"local\","
		"\"prompt_tokens\":10,\"completion_tokens\":0,\"cached_tokens\":4,"
		"\"cost_usd\":1.25,\"cost_eur\":1.06825,\"cost_billed_usd\":0.000001,"
		"\"cost_billed_eur\":0.00,\"cost_source\":\"table\",\"attempts\":2,"
		"\"streamed\":true,\"finished\":false,\"latency_ms\":1234.567,"
		"\"first_byte_ms\":0.089,\"upstream_ms\":1.000,\"bytes_in\":300,"
		"\"bytes_out\":9000000000}\n");
	buf_free(&out);
}

static void leaves_out_what_is_not_known(void **state)
{
	struct record r = { .prompt_tokens = -1, .completion_tokens = -1, .cached_tokens = -1,
			    .reasoning_tokens = -1, .cost_usd = -1, .cost_eur = -1,
			    .cost_billed_usd = -1, .cost_billed_eur = -1, .first_byte_us = -1, .upstream_us = -1 };
	struct buf out;

	(void)state;
	buf_init(&out, 4 * KIB);
	print(&r, &out);
	assert_string_equal(buf_str(&out),
			    "{\"ts\":\"1970-01-01T00:00:00.000Z\",\"depth\":0,\"status\":0,\"attempts\":0,"
			    "\"streamed\":false,\"finished\":false,\"latency_ms\":0.000,\"bytes_in\":0,"
			    "\"bytes_out\":0}\n");
	buf_free(&out);
}

/* What a client sends as its id or model must not break the line. */
static void stays_one_line_of_json_whatever_a_client_sends(void **state)
{
	static const char *const hostile[] = {
		"a\"b", "back\\slash", "new\nline", "\x01\x1f\x7f", "caf\xc3\xa9",
		"broken \xff\xc3", "},{\"x\":\"y", "\xe2\x80\xa8",
	};
	struct record r = full;
	struct buf out;

	(void)state;
	buf_init(&out, 16 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		json_t *line;

		r.request_id = r.model = hostile[i];
		buf_clear(&out);
		print(&r, &out);
		assert_ptr_equal(memchr(out.ptr, '\n', out.len), out.ptr + out.len - 1);
		line = json_loads(buf_str(&out), 0, NULL);
		assert_non_null(line);
		assert_int_equal(json_object_size(line), 32);
		if (!strstr(hostile[i], "\xff"))
			assert_string_equal(json_string_value(json_object_get(line, "model")),
					    hostile[i]);
		json_decref(line);
	}
	buf_free(&out);
}

/* Texts are looked at by words: one bad byte at every place of texts of every length. */
static void a_bad_byte_is_escaped_wherever_it_stands(void **state)
{
	static const char bad[] = { '"', '\\', 1, 0x1f, (char)0x80, (char)0xff };
	struct record r = full;
	char model[40];
	struct buf out;

	(void)state;
	r.model = model;
	buf_init(&out, RECORD_LINE_MAX);
	for (size_t len = 1; len < 40; len++)
		for (size_t at = 0; at < len; at++)
			for (size_t b = 0; b < sizeof(bad); b++) {
				json_t *line;

				memset(model, 'x', len);
				model[len] = '\0';
				model[at] = bad[b];
				buf_clear(&out);
				print(&r, &out);
				line = json_loads(buf_str(&out), 0, NULL);
				assert_non_null(line);
				if ((unsigned char)bad[b] < 0x80)
					assert_string_equal(
						json_string_value(json_object_get(line, "model")),
						model);
				json_decref(line);
			}
	buf_free(&out);
}

static void the_largest_record_fits_its_limit(void **state)
{
	struct record r = full;
	char text[2 * RECORD_TEXT_MAX]; /* longer ones are cut */
	struct buf out;

	(void)state;
	memset(text, 1, sizeof text - 1);
	text[sizeof text - 1] = '\0';
	r.request_id = r.parent_request_id = r.tenant_id = r.token_id = r.user_id = r.scope_id = text;
	r.model = r.resolved_model = r.resolved_backend = r.route = r.method = r.surface = text;
	r.cost_source = text;
	r.prompt_tokens = r.completion_tokens = r.latency_us = r.upstream_us = INT64_MAX;
	r.cached_tokens = r.reasoning_tokens = r.first_byte_us = INT64_MAX;
	r.bytes_in = r.bytes_out = UINT64_MAX;
	r.status = r.depth = r.attempts = INT_MIN;
	buf_init(&out, RECORD_LINE_MAX);
	print(&r, &out);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_every_field_in_order),
		cmocka_unit_test(leaves_out_what_is_not_known),
		cmocka_unit_test(stays_one_line_of_json_whatever_a_client_sends),
		cmocka_unit_test(a_bad_byte_is_escaped_wherever_it_stands),
		cmocka_unit_test(the_largest_record_fits_its_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
