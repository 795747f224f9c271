/* Embeddings leave in the encoding that was asked for, exactly. */
#include "common/chat/embedding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/base/mem.h"

#define FLOATS "{\"data\":[{\"index\":0,\"embedding\":[1,-0.5,0.1]},{\"embedding\":[0,2e3,-0.0]}],\"x\":0.1}"
/* 1.0f, -0.5f, 0.1f and 0.0f, 2000.0f, -0.0f as little-endian float32 */
#define BASE64 "{\"data\":[{\"index\":0,\"embedding\":\"AACAPwAAAL/NzMw9\"},{\"embedding\":\"AAAAAAAA+kQAAACA\"}],\"x\":0.1}"
#define FLOATS_BACK "{\"data\":[{\"index\":0,\"embedding\":[1,-0.5,0.1]},{\"embedding\":[0,2000,-0]}],\"x\":0.1}"

static void leaves_what_fits_and_converts_the_rest(void **state)
{
	static const struct {
		const char *in;
		enum embed_encoding wanted;
		const char *out;
	} cases[] = {
		{ FLOATS, EMBED_FLOAT, FLOATS },
		{ BASE64, EMBED_BASE64, BASE64 },
		{ FLOATS, EMBED_BASE64, BASE64 },
		{ BASE64, EMBED_FLOAT, FLOATS_BACK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span body = span_str(cases[i].in);
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(embedding_encode(&body, cases[i].wanted, 2, &out, &err), 0);
		assert_int_equal(body.len, strlen(cases[i].out));
		assert_memory_equal(body.ptr, cases[i].out, body.len);
		buf_free(&out);
	}
}

static void refuses_what_is_no_vector(void **state)
{
	static const char *const cases[] = {
		"{\"data\":[{\"embedding\":[1]}]}",
		"{\"data\":[{\"embedding\":[1]},{\"embedding\":null}]}",
		"{\"data\":[{\"embedding\":[1]},{}]}",
		"{\"data\":[{\"embedding\":[1]},7]}",
		"{\"data\":[{\"embedding\":[1]},{\"embedding\":\"AAA\"}]}",
		"{\"data\":[{\"embedding\":[1]},{\"embedding\":\"AAAA\"}]}",
		"{\"data\":[{\"embedding\":[1]},{\"embedding\":\"AACAfw==\"}]}",
		"{\"data\":[{\"embedding\":[1]},{\"embedding\":[1,\"a\"]}]}",
		"{\"data\":{}}",
		"{}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span body = span_str(cases[i]);
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(embedding_encode(&body, EMBED_FLOAT, 2, &out, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		buf_free(&out);
	}
}

static void every_float_survives_the_way_there_and_back(void **state)
{
	static const char *const values[] = { "3.4028235e+38", "1.1754944e-38", "1e-45", "0.333333343",
					      "16777217", "-1.00000012" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		struct buf in, base64, back;
		struct span body;
		struct err err = ERR_INIT;
		const char *number;

		buf_init(&in, KIB);
		buf_init(&base64, KIB);
		buf_init(&back, KIB);
		buf_printf(&in, "{\"data\":[{\"embedding\":[%s]}]}", values[i]);
		body = buf_span(&in);
		assert_int_equal(embedding_encode(&body, EMBED_BASE64, 1, &base64, &err), 0);
		assert_int_equal(embedding_encode(&body, EMBED_FLOAT, 1, &back, &err), 0);
		number = strchr(buf_str(&back), '[');
		number = strchr(number + 1, '[') + 1;
		assert_true(strtof(number, NULL) == strtof(values[i], NULL));
		buf_free(&in);
		buf_free(&base64);
		buf_free(&back);
	}
}

static void vectors_stand_where_their_inputs_did(void **state)
{
	static const float expected[] = { 0, 2000, -0.0F, 1, -0.5F, 0.1F };
	static const char unordered[] = "{\"data\":[{\"index\":1,\"embedding\":\"AACAPwAAAL/NzMw9\"},"
					"{\"index\":0,\"embedding\":\"AAAAAAAA+kQAAACA\"}]}";
	float *vectors;
	size_t dimensions;

	(void)state;
	assert_int_equal(embedding_vectors(span_str(unordered), 2, &vectors, &dimensions, NULL), 0);
	assert_int_equal(dimensions, 3);
	assert_memory_equal(vectors, expected, sizeof(expected));
	mem_free(vectors);
	/* Without an index they are in order. */
	assert_int_equal(embedding_vectors(span_str(BASE64), 2, &vectors, &dimensions, NULL), 0);
	assert_memory_equal(vectors, expected + 3, 3 * sizeof(float));
	mem_free(vectors);
}

static void no_infinity_passes_in_any_encoding(void **state)
{
	static const struct {
		const char *body;
		enum embed_encoding wanted;
	} cases[] = {
		{ "{\"data\":[{\"embedding\":[1,1e999]}]}", EMBED_BASE64 },
		{ "{\"data\":[{\"embedding\":[-1e39]}]}", EMBED_BASE64 },
		{ "{\"data\":[{\"embedding\":\"AACAfw==\"}]}", EMBED_BASE64 },
		{ "{\"data\":[{\"embedding\":\"AADAfw==\"}]}", EMBED_BASE64 },
		{ "{\"data\":[{\"embedding\":\"AADAfw==\"}]}", EMBED_FLOAT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct span body = span_str(cases[i].body);
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, MIB);
		assert_int_equal(embedding_encode(&body, cases[i].wanted, 1, &out, &err), -1);
		assert_string_equal(err.message, "data[0].embedding is no list of finite numbers");
		buf_free(&out);
	}
}

#define ONES "AACAPwAAgD8AAIA/" /* three */

static void vectors_that_are_not_as_asked_are_refused(void **state)
{
	static const struct {
		const char *body, *said;
	} cases[] = {
		{ "{}", "the answer has no list 'data'" },
		{ "[]", "the answer has no list 'data'" },
		{ "{\"data\":{}}", "the answer has no list 'data'" },
		{ "{\"data\":[]}", "the answer has 0 embeddings for 2 inputs" },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"}]}", "the answer has 1 embeddings for 2 inputs" },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":\"AACAPw==\"},{\"embedding\":\"AACAPw==\"}]}",
		  "the answer has 3 embeddings for 2 inputs" },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":\"AACAPwAAgD8=\"}]}",
		  "data[1].embedding has 2 dimensions, the first one 1" },
		{ "{\"data\":[{\"embedding\":\"" ONES ONES ONES ONES ONES ONES ONES ONES "\"},{\"embedding\":\"AACAPw==\"}]}",
		  "not all 2 embeddings have the 24 dimensions of the first" },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":\"AADAfw==\"}]}", NULL }, /* not a number */
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":\"AACA\"}]}", NULL }, /* three bytes */
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":\"!\"}]}", NULL },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},{\"embedding\":[1]}]}", NULL },
		{ "{\"data\":[{\"embedding\":\"AACAPw==\"},7]}", NULL },
		{ "{\"data\":[{\"index\":0,\"embedding\":\"AACAPw==\"},{\"index\":0,\"embedding\":\"AACAPw==\"}]}",
		  "data[1].index is of none of the 2 texts, or of another" },
		{ "{\"data\":[{\"index\":0,\"embedding\":\"AACAPw==\"},{\"index\":2,\"embedding\":\"AACAPw==\"}]}",
		  "data[1].index is of none of the 2 texts, or of another" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		float *vectors;
		size_t dimensions;

		assert_int_equal(embedding_vectors(span_str(cases[i].body), 2, &vectors, &dimensions, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		assert_string_equal(err.message, cases[i].said ? cases[i].said
							       : "data[1].embedding is no list of finite numbers");
		assert_null(vectors);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(leaves_what_fits_and_converts_the_rest),
		cmocka_unit_test(refuses_what_is_no_vector),
		cmocka_unit_test(every_float_survives_the_way_there_and_back),
		cmocka_unit_test(vectors_stand_where_their_inputs_did),
		cmocka_unit_test(no_infinity_passes_in_any_encoding),
		cmocka_unit_test(vectors_that_are_not_as_asked_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
