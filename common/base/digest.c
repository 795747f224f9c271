/* common/base/digest.c - digests through libcrypto, and the text forms of bytes. */
#include "common/base/digest.h"

/* SHA256_Init and its like: the one-shot calls of 3.0 look the algorithm up each time. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include <assert.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>

static_assert(DIGEST_SIZE == SHA256_DIGEST_LENGTH, "SHA-256 has 32 bytes");

static const unsigned char *bytes_of(struct span s)
{
	return (const unsigned char *)(s.ptr ? s.ptr : "");
}

void digest_sha256(struct span s, uint8_t out[DIGEST_SIZE])
{
	SHA256_CTX state;

	if (!SHA256_Init(&state) || !SHA256_Update(&state, bytes_of(s), s.len) ||
	    !SHA256_Final(out, &state))
		abort(); /* a library without SHA-256 */
	OPENSSL_cleanse(&state, sizeof(state));
}

void digest_hmac_sha256(struct span key, struct span s, uint8_t out[DIGEST_SIZE])
{
	uint8_t short_key[DIGEST_SIZE];
	unsigned len = 0;

	/* libcrypto takes the key's length as an int; RFC 2104 hashes long keys anyway. */
	if (key.len > SHA256_CBLOCK) {
		digest_sha256(key, short_key);
		key = span_of((const char *)short_key, sizeof(short_key));
	}
	if (!HMAC(EVP_sha256(), bytes_of(key), (int)key.len, bytes_of(s), s.len, out, &len))
		abort();
	OPENSSL_cleanse(short_key, sizeof(short_key));
}

void digest_hex(const uint8_t *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

bool digest_equal(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(struct buf *out, struct span bytes)
{
	const uint8_t *in = bytes_of(bytes);
	size_t whole = bytes.len / 3 * 3, left = bytes.len - whole;
	char *to;

	if (bytes.len > out->max || buf_reserve(out, (bytes.len + 2) / 3 * 4) < 0) {
		out->overflowed = true;
		return -1;
	}
	to = out->ptr + out->len;
	for (size_t i = 0; i < whole; i += 3) {
		*to++ = alphabet[in[i] >> 2];
		*to++ = alphabet[(in[i] & 3) << 4 | in[i + 1] >> 4];
		*to++ = alphabet[(in[i + 1] & 15) << 2 | in[i + 2] >> 6];
		*to++ = alphabet[in[i + 2] & 63];
	}
	if (left > 0) {
		uint8_t second = left == 2 ? in[whole + 1] : 0;

		*to++ = alphabet[in[whole] >> 2];
		*to++ = alphabet[(in[whole] & 3) << 4 | second >> 4];
		to[0] = to[1] = '=';
		if (left == 2)
			to[0] = alphabet[(second & 15) << 2];
		to += 2;
	}
	*to = '\0';
	out->len = (size_t)(to - out->ptr);
	return 0;
}

/* 0..63, or 255 for a byte outside the alphabet. */
static uint8_t digit_of(char c)
{
	/* Index + 1, so that the bytes not named are 0. */
	static const uint8_t plus_one[256] = {
		['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
		['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
		['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
		['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
		['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
		['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
		['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
		['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
		['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
		['/'] = 64,
	};

	return (uint8_t)(plus_one[(unsigned char)c] - 1);
}

bool base64_is_valid(struct span text, size_t *len)
{
	size_t padding = 0, digits;
	uint8_t bad = 0, last;

	if (text.len % 4 != 0)
		return false;
	if (text.len > 0 && text.ptr[text.len - 1] == '=')
		padding = text.ptr[text.len - 2] == '=' ? 2 : 1;
	digits = text.len - padding;
	for (size_t i = 0; i < digits; i++)
		bad |= digit_of(text.ptr[i]);
	if (bad & 0xc0)
		return false;
	/* The bits of the last digit that stand for no byte must be zero: one text a value. */
	last = padding ? digit_of(text.ptr[digits - 1]) : 0;
	if ((padding == 1 && (last & 3)) || (padding == 2 && (last & 15)))
		return false;
	if (len)
		*len = text.len / 4 * 3 - padding;
	return true;
}

int base64_decode(struct buf *out, struct span text)
{
	size_t len, done = 0;
	char *to;

	if (!base64_is_valid(text, &len))
		return -1;
	if (buf_reserve(out, len) < 0) {
		out->overflowed = true;
		return -1;
	}
	to = out->ptr + out->len;
	for (size_t i = 0; i < text.len; i += 4) {
		uint32_t bits = 0;

		for (size_t k = 0; k < 4; k++)
			bits = bits << 6 | (text.ptr[i + k] == '=' ? 0 : digit_of(text.ptr[i + k]));
		for (int shift = 16; shift >= 0 && done < len; shift -= 8, done++)
			*to++ = (char)(bits >> shift & 0xff);
	}
	*to = '\0';
	out->len += len;
	return 0;
}
