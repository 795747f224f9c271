/* Tests of spass-embed: common/upstream/builtin_embed.c and embed_hash.h. */
#include "common/upstream/builtin.h"

#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/upstream/embed_hash.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static json_t *embed(const char *body)
{
	struct err err = ERR_INIT;
	struct buf out;
	json_t *answer;

	buf_init(&out, MIB);
	assert_int_equal(builtin_embed(span_str(body), &out, &err), 0);
	answer = json_loads(buf_str(&out), 0, NULL);
	assert_non_null(answer);
	buf_free(&out);
	return answer;
}

static double similarity(const char *a, const char *b)
{
	float x[EMBED_HASH_DIMENSIONS], y[EMBED_HASH_DIMENSIONS];
	double sum = 0;

	embed_hash(span_str(a), x);
	embed_hash(span_str(b), y);
	for (size_t i = 0; i < EMBED_HASH_DIMENSIONS; i++)
		sum += (double)x[i] * (double)y[i];
	return sum;
}

static void answers_in_the_form_of_the_list(void **state)
{
	json_t *answer = embed("{\"model\":\"spass-embed\",\"input\":[\"one two\",\"three\"]}");
	json_t *data = json_object_get(answer, "data"), *usage = json_object_get(answer, "usage");

	(void)state;
	assert_string_equal(json_string_value(json_object_get(answer, "object")), "list");
	assert_string_equal(json_string_value(json_object_get(answer, "model")), "spass-embed");
	assert_int_equal(json_array_size(data), 2);
	for (size_t i = 0; i < 2; i++) {
		json_t *item = json_array_get(data, i);

		assert_int_equal(json_integer_value(json_object_get(item, "index")), i);
		assert_int_equal(json_array_size(json_object_get(item, "embedding")), 768);
	}
	assert_int_equal(json_integer_value(json_object_get(usage, "prompt_tokens")), 3);
	assert_int_equal(json_integer_value(json_object_get(usage, "total_tokens")), 3);
	json_decref(answer);
}

static void floats_and_base64_are_the_same_bits(void **state)
{
	static const char *const inputs[] = {
		"The quick brown fox jumps over the lazy dog",
		"Die K\xc3\xbcndigungsfrist betr\xc3\xa4gt drei Monate",
		"\xe9\x95\xbf\xe6\xb1\x9f\xe5\x85\xa8\xe9\x95\xbf", "getUserName(max_body_bytes)", "!!!", "x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(inputs); i++) {
		char body[256];
		float direct[EMBED_HASH_DIMENSIONS];
		json_t *floats, *coded, *list;
		struct buf bytes;

		snprintf(body, sizeof(body), "{\"input\":\"%s\",\"encoding_format\":\"float\"}", inputs[i]);
		floats = embed(body);
		snprintf(body, sizeof(body), "{\"input\":\"%s\",\"encoding_format\":\"base64\"}", inputs[i]);
		coded = embed(body);
		buf_init(&bytes, 4096);
		list = json_object_get(json_array_get(json_object_get(coded, "data"), 0), "embedding");
		assert_int_equal(base64_decode(&bytes, span_str(json_string_value(list))), 0);
		assert_int_equal(bytes.len, 4 * 768);
		list = json_object_get(json_array_get(json_object_get(floats, "data"), 0), "embedding");
		embed_hash(span_str(inputs[i]), direct);
		for (size_t k = 0; k < 768; k++) {
			float value = (float)json_number_value(json_array_get(list, k));
			unsigned char le[4];
			uint32_t bits;

			assert_memory_equal(&value, &direct[k], sizeof(value));
			memcpy(&bits, &value, sizeof(bits));
			for (int b = 0; b < 4; b++)
				le[b] = (unsigned char)(bits >> (8 * b));
			assert_memory_equal(le, bytes.ptr + 4 * k, 4);
		}
		json_decref(floats);
		json_decref(coded);
		buf_free(&bytes);
	}
}

static void vectors_have_length_one(void **state)
{
	static const char *const texts[] = { "", "!!!", "a", "the the the", "hello world",
					     "\xe6\xb0\xb4", "\xff\xff" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		assert_true(fabs(similarity(texts[i], texts[i]) - 1) < 1e-5);
}

/* Stored vectors outlive a program: a change here makes every index stale. */
static void vectors_never_change(void **state)
{
	float vector[EMBED_HASH_DIMENSIONS];
	uint8_t digest[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	embed_hash(SPAN_LIT("Stored vectors outlive the program: max_body_bytes, Stra\xc3\x9f" "e, "
			    "\xe9\x95\xbf\xe6\xb1\x9f."),
		   vector);
	digest_sha256(span_of((const char *)vector, sizeof(vector)), digest);
	digest_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "57911292cfa14ea21098998cc1ef6362f9fec3d069c2dbd2ded256aa194fe819");
}

static void similar_texts_are_nearer_than_others(void **state)
{
	static const struct {
		const char *text, *near, *far;
	} cases[] = {
		{ "How do I reset my password?", "Password reset: open settings and choose reset",
		  "The bakery sells fresh bread every morning" },
		{ "Wie lange ist die K\xc3\xbcndigungsfrist?",
		  "Die K\xc3\xbcndigung ist mit einer Frist von drei Monaten m\xc3\xb6glich",
		  "Der Zug nach Hamburg f\xc3\xa4hrt um acht Uhr" },
		{ "\xe9\x95\xbf\xe6\xb1\x9f\xe6\x9c\x89\xe5\xa4\x9a\xe9\x95\xbf",
		  "\xe9\x95\xbf\xe6\xb1\x9f\xe5\x85\xa8\xe9\x95\xbf\xe7\xba\xa6" "6300",
		  "\xe4\xbb\x8a\xe5\xa4\xa9\xe5\xa4\xa9\xe6\xb0\x94\xe5\xbe\x88\xe5\xa5\xbd" },
		{ "parse the max body bytes", "int parseMaxBodyBytes(void)", "struct color red green" },
		{ "recieve the mesage", "receive the message", "deploy the server" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(similarity(cases[i].text, cases[i].near) >
			    similarity(cases[i].text, cases[i].far) + 0.05);
	/* Shared words that say little make nothing alike. */
	assert_true(similarity("what is the of and to in", "the cat is in the house") < 0.3);
}

static void refuses_what_it_cannot_embed(void **state)
{
	static const struct {
		const char *body, *param;
	} cases[] = {
		{ "{}", "input" },
		{ "{\"input\":5}", "input" },
		{ "{\"input\":[]}", "input" },
		{ "{\"input\":\"\"}", "input" },
		{ "{\"input\":[\"a\",\"\"]}", "input" },
		{ "{\"input\":[1,2]}", "input" },
		{ "{\"input\":[[1,2]]}", "input" },
		{ "{\"input\":\"a\",\"encoding_format\":\"int8\"}", "encoding_format" },
		{ "{\"input\":\"a\",\"dimensions\":512}", "dimensions" },
	};
	struct buf out;

	(void)state;
	buf_init(&out, MIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;

		assert_int_equal(builtin_embed(span_str(cases[i].body), &out, &err), -1);
		assert_int_equal(err.code, E_invalid_field);
		assert_string_equal(err.param, cases[i].param);
	}
	buf_free(&out);
	buf_init(&out, 100);
	assert_int_equal(builtin_embed(SPAN_LIT("{\"input\":\"a\"}"), &out, NULL), -1);
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_in_the_form_of_the_list),
		cmocka_unit_test(floats_and_base64_are_the_same_bits),
		cmocka_unit_test(vectors_have_length_one),
		cmocka_unit_test(vectors_never_change),
		cmocka_unit_test(similar_texts_are_nearer_than_others),
		cmocka_unit_test(refuses_what_it_cannot_embed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
