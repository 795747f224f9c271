/* Tests of common/base/digest.h: vectors of FIPS 180-2, RFC 4231 and RFC 4648. */
#include "common/base/digest.h"

#include "common/base/mem.h"

#include <setjmp.h>
#include <string.h>
#include <cmocka.h>

static void hashes_known_texts(void **state)
{
	static const struct {
		const char *text, *hex;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	uint8_t out[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		digest_sha256(span_str(cases[i].text), out);
		digest_hex(out, sizeof(out), hex);
		assert_string_equal(hex, cases[i].hex);
	}
	digest_sha256(SPAN_NONE, out);
	digest_hex(out, sizeof(out), hex);
	assert_string_equal(hex, cases[0].hex);
}

static void authenticates_as_rfc_4231_says(void **state)
{
	uint8_t out[DIGEST_SIZE];
	char hex[DIGEST_HEX_SIZE], long_key[131];

	(void)state;
	digest_hmac_sha256(SPAN_LIT("Jefe"), SPAN_LIT("what do ya want for nothing?"), out);
	digest_hex(out, sizeof(out), hex);
	assert_string_equal(hex,
			    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(long_key, 0xaa, sizeof(long_key));
	digest_hmac_sha256(span_of(long_key, sizeof(long_key)),
			   SPAN_LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	digest_hex(out, sizeof(out), hex);
	assert_string_equal(hex,
			    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	digest_hmac_sha256(SPAN_NONE, SPAN_NONE, out);
	digest_hex(out, sizeof(out), hex);
	assert_string_equal(hex,
			    "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void compares_all_bytes(void **state)
{
	(void)state;
	assert_true(digest_equal("abc", "abc", 3));
	assert_true(digest_equal("abx", "aby", 2));
	assert_false(digest_equal("xbc", "abc", 3));
	assert_false(digest_equal("abx", "abc", 3));
	assert_true(digest_equal("", "", 0));
}

static const struct {
	const char *plain, *coded;
} pairs[] = {
	{ "", "" },	       { "f", "Zg==" },		{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },     { "foob", "Zm9vYg==" },	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" }, { "\xff\xfe\xfd\xfb\xef\xbe", "//79++++" },
};

static void base64_goes_both_ways(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(pairs) - 1; i++) {
		size_t len = 99;

		buf_clear(&out);
		buf_add_char(&out, '>');
		assert_int_equal(base64_encode(&out, span_str(pairs[i].plain)), 0);
		assert_string_equal(buf_str(&out) + 1, pairs[i].coded);
		buf_clear(&out);
		buf_add_char(&out, '>');
		assert_int_equal(base64_decode(&out, span_str(pairs[i].coded)), 0);
		assert_string_equal(buf_str(&out) + 1, pairs[i].plain);
		assert_true(base64_is_valid(span_str(pairs[i].coded), &len));
		assert_int_equal(len, strlen(pairs[i].plain));
	}
	buf_free(&out);
}

static void base64_carries_every_byte(void **state)
{
	struct buf coded, plain;
	char bytes[256];

	(void)state;
	buf_init(&coded, 1000);
	buf_init(&plain, 1000);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(unsigned char)(i * 7 + 3);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		buf_clear(&coded);
		buf_clear(&plain);
		assert_int_equal(base64_encode(&coded, span_of(bytes, len)), 0);
		assert_int_equal(coded.len, (len + 2) / 3 * 4);
		assert_int_equal(base64_decode(&plain, buf_span(&coded)), 0);
		assert_true(span_equal(buf_span(&plain), span_of(bytes, len)));
	}
	buf_free(&coded);
	buf_free(&plain);
}

static void base64_refuses_what_is_not_canonical(void **state)
{
	static const char *const texts[] = {
		"A",	"AA",	"AAA",	"AAAAA", "Zg=",	 "Zg",	  "Zg===", "====",  "A===", "=AAA",
		"A=AA", "AA=A", "Zh==", "Zm9=",	 "Zm 8=", "Zm9v\n", "Zm-_",  "Zg==Zg==", "Zm9v====",
		"Zm9\xc3", "Z===", "\xff\xff\xff\xff", "Zm9v Zg=",
	};
	struct buf out;

	(void)state;
	buf_init(&out, 100);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_false(base64_is_valid(span_str(texts[i]), NULL));
		assert_int_equal(base64_decode(&out, span_str(texts[i])), -1);
		assert_int_equal(out.len, 0);
		assert_false(buf_failed(&out));
	}
	assert_false(base64_is_valid(SPAN_LIT("Zm\0v"), NULL));
	buf_free(&out);
}

static void base64_respects_the_buffer(void **state)
{
	struct buf out;

	(void)state;
	buf_init(&out, 4);
	assert_int_equal(base64_encode(&out, SPAN_LIT("abc")), 0);
	buf_clear(&out);
	assert_int_equal(base64_encode(&out, SPAN_LIT("abcd")), -1);
	assert_true(buf_failed(&out));
	buf_clear(&out);
	assert_int_equal(base64_decode(&out, SPAN_LIT("YWJjZA==")), 0);
	buf_clear(&out);
	assert_int_equal(base64_decode(&out, SPAN_LIT("YWJjZGU=")), -1);
	assert_true(buf_failed(&out));
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hashes_known_texts),
		cmocka_unit_test(authenticates_as_rfc_4231_says),
		cmocka_unit_test(compares_all_bytes),
		cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(base64_carries_every_byte),
		cmocka_unit_test(base64_refuses_what_is_not_canonical),
		cmocka_unit_test(base64_respects_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
