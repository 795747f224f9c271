/* Coded answers: every coding, in pieces of every size, cut, broken, too large. */
#include "common/upstream/unpack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <zlib.h>
#include <cmocka.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

enum { GZIP = 15 + 16, ZLIB = 15, BARE = -15, TEXT_LEN = 100000 };

/* Text that packs well, but not to nothing. */
static void fill(struct buf *text)
{
	buf_init(text, 1 * MIB);
	while (text->len < TEXT_LEN)
		buf_printf(text, "data: {\"n\":%zu}\n\n", text->len * 2654435761u % 1000003);
}

/* Appends text in that format. */
static void pack(struct buf *out, struct span text, int bits)
{
	z_stream z = { 0 };
	unsigned char piece[4096];

	assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)text.ptr;
	z.avail_in = (unsigned)text.len;
	do {
		z.next_out = piece;
		z.avail_out = sizeof piece;
		deflate(&z, Z_FINISH);
		buf_add(out, piece, sizeof piece - z.avail_out);
	} while (z.avail_out == 0);
	deflateEnd(&z);
}

/* Unpacks in pieces of step bytes: 0, or -1 with err. */
static int unpack(struct unpack *u, struct span packed, size_t step, struct buf *out, struct err *err)
{
	for (size_t at = 0; at < packed.len; at += step) {
		struct span rest = span_from(packed, at), piece;
		int more;

		unpack_feed(u, span_of(rest.ptr, rest.len < step ? rest.len : step));
		while ((more = unpack_next(u, &piece, err)) > 0) {
			assert_true(piece.len > 0);
			buf_add_span(out, piece);
		}
		if (more < 0)
			return -1;
	}
	return 0;
}

static void codings_are_told_apart(void **state)
{
	static const struct {
		const char *value;
		enum coding coding;
	} cases[] = {
		{ NULL, CODING_NONE },	      { "", CODING_NONE },	   { "identity", CODING_NONE },
		{ "GZip", CODING_GZIP },      { "x-gzip", CODING_GZIP },   { "deflate", CODING_DEFLATE },
		{ "br", CODING_UNKNOWN },     { "zstd", CODING_UNKNOWN },  { "gzip, gzip", CODING_UNKNOWN },
		{ "gzip, br", CODING_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(coding_of(span_str(cases[i].value)), cases[i].coding);
}

static void every_format_comes_out_as_it_went_in(void **state)
{
	static const struct {
		enum coding coding;
		int bits;
	} formats[] = { { CODING_GZIP, GZIP }, { CODING_DEFLATE, ZLIB }, { CODING_DEFLATE, BARE } };
	static const size_t steps[] = { 1, 7, 4096, SIZE_MAX / 2 };
	struct buf text;

	(void)state;
	fill(&text);
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		for (size_t s = 0; s < ARRAY_LEN(steps); s++) {
			struct unpack *u = unpack_new(formats[f].coding, text.len);
			struct err err = ERR_INIT;
			struct buf packed, out;

			buf_init(&packed, 1 * MIB);
			buf_init(&out, 1 * MIB);
			pack(&packed, buf_span(&text), formats[f].bits);
			assert_int_equal(unpack(u, buf_span(&packed), steps[s], &out, &err), 0);
			assert_true(unpack_is_whole(u));
			assert_int_equal(out.len, text.len);
			assert_memory_equal(out.ptr, text.ptr, text.len);
			unpack_free(u);
			buf_free(&packed);
			buf_free(&out);
		}
	}
	buf_free(&text);
}

/* How much of a text zlib itself gives of the first len bytes. */
static size_t inflated(struct span packed, size_t len, unsigned char *out, size_t out_max)
{
	z_stream z = { .next_in = (unsigned char *)(uintptr_t)packed.ptr,
		       .avail_in = (unsigned)len,
		       .next_out = out,
		       .avail_out = (unsigned)out_max };

	assert_int_equal(inflateInit2(&z, GZIP), Z_OK);
	inflate(&z, Z_SYNC_FLUSH);
	inflateEnd(&z);
	return out_max - z.avail_out;
}

/* What a model has said is not held back until it says more. */
static void all_that_has_come_is_told_at_once(void **state)
{
	enum { LEN = 64 * KIB };
	unsigned char *out = mem_alloc(LEN);
	struct buf text, packed;

	(void)state;
	buf_init(&text, LEN);
	buf_init(&packed, LEN);
	while (text.len < LEN)
		buf_add_char(&text, 'x');
	pack(&packed, buf_span(&text), GZIP);
	for (size_t len = 1; len <= packed.len; len++) {
		struct unpack *u = unpack_new(CODING_GZIP, LEN);
		struct err err = ERR_INIT;
		struct span piece;
		size_t told = 0;

		unpack_feed(u, span_of(packed.ptr, len));
		while (unpack_next(u, &piece, &err) > 0)
			told += piece.len;
		assert_int_equal(told, inflated(buf_span(&packed), len, out, LEN));
		unpack_free(u);
	}
	mem_free(out);
	buf_free(&text);
	buf_free(&packed);
}

static void members_follow_each_other(void **state)
{
	struct unpack *u = unpack_new(CODING_GZIP, 100);
	struct err err = ERR_INIT;
	struct buf packed, out;

	(void)state;
	buf_init(&packed, 1 * KIB);
	buf_init(&out, 1 * KIB);
	pack(&packed, SPAN_LIT("one "), GZIP);
	pack(&packed, SPAN_LIT(""), GZIP);
	pack(&packed, SPAN_LIT("two"), GZIP);
	assert_int_equal(unpack(u, buf_span(&packed), 5, &out, &err), 0);
	assert_true(unpack_is_whole(u));
	assert_string_equal(buf_str(&out), "one two");
	unpack_free(u);
	buf_free(&packed);
	buf_free(&out);
}

static void nothing_at_all_is_whole(void **state)
{
	struct unpack *u = unpack_new(CODING_GZIP, 100);
	struct span piece;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(unpack_next(u, &piece, &err), 0);
	assert_true(unpack_is_whole(u));
	unpack_free(u);
}

/* However much is missing: only the whole is whole. */
static void a_cut_is_seen_wherever_it_falls(void **state)
{
	static const int formats[] = { GZIP, ZLIB, BARE };

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		enum coding coding = formats[f] == GZIP ? CODING_GZIP : CODING_DEFLATE;
		struct buf packed, out;

		buf_init(&packed, 1 * KIB);
		buf_init(&out, 1 * KIB);
		pack(&packed, SPAN_LIT("a text of some length, some length"), formats[f]);
		for (size_t len = 1; len < packed.len; len++) {
			struct unpack *u = unpack_new(coding, 100);
			struct err err = ERR_INIT;

			assert_int_equal(unpack(u, span_of(packed.ptr, len), len, &out, &err), 0);
			assert_false(unpack_is_whole(u));
			unpack_free(u);
			buf_clear(&out);
		}
		buf_free(&packed);
		buf_free(&out);
	}
}

static void what_is_not_of_the_coding_is_refused(void **state)
{
	static const struct {
		enum coding coding;
		const char *bytes, *message;
	} cases[] = {
		{ CODING_GZIP, "{\"choices\":[]}", "the answer is not gzip data" },
		{ CODING_DEFLATE, "\x06\x06\x06\x06", "the answer is not deflate data" },
		{ CODING_DEFLATE, "x{\"choices\":[]}", "the answer is not deflate data" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct unpack *u = unpack_new(cases[i].coding, 100);
		struct err err = ERR_INIT;
		struct buf out;

		buf_init(&out, 1 * KIB);
		assert_int_equal(unpack(u, span_str(cases[i].bytes), 100, &out, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		assert_string_equal(err.message, cases[i].message);
		unpack_free(u);
		buf_free(&out);
	}
}

static void what_follows_the_data_is_refused(void **state)
{
	static const int formats[] = { GZIP, ZLIB, BARE };

	(void)state;
	for (size_t f = 0; f < ARRAY_LEN(formats); f++) {
		struct unpack *u = unpack_new(formats[f] == GZIP ? CODING_GZIP : CODING_DEFLATE, 100);
		struct err err = ERR_INIT;
		struct buf packed, out;

		buf_init(&packed, 1 * KIB);
		buf_init(&out, 1 * KIB);
		pack(&packed, SPAN_LIT("text"), formats[f]);
		buf_add_str(&packed, "more");
		assert_int_equal(unpack(u, buf_span(&packed), 1 * KIB, &out, &err), -1);
		assert_int_equal(err.code, E_upstream_error);
		unpack_free(u);
		buf_free(&packed);
		buf_free(&out);
	}
}

/* Zeros pack a thousand times over: what comes out is bounded, not what goes in. */
static void no_more_comes_out_than_is_allowed(void **state)
{
	static const char zeros[65536];

	(void)state;
	for (size_t allowed = sizeof zeros - 1; allowed <= sizeof zeros; allowed++) {
		struct unpack *u = unpack_new(CODING_GZIP, allowed);
		struct err err = ERR_INIT;
		struct buf packed, out;

		buf_init(&packed, 1 * KIB);
		buf_init(&out, 1 * MIB);
		pack(&packed, span_of(zeros, sizeof zeros), GZIP);
		assert_int_equal(unpack(u, buf_span(&packed), 1 * KIB, &out, &err),
				 allowed == sizeof zeros ? 0 : -1);
		assert_true(out.len <= allowed);
		unpack_free(u);
		buf_free(&packed);
		buf_free(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codings_are_told_apart),
		cmocka_unit_test(every_format_comes_out_as_it_went_in),
		cmocka_unit_test(all_that_has_come_is_told_at_once),
		cmocka_unit_test(members_follow_each_other),
		cmocka_unit_test(nothing_at_all_is_whole),
		cmocka_unit_test(a_cut_is_seen_wherever_it_falls),
		cmocka_unit_test(what_is_not_of_the_coding_is_refused),
		cmocka_unit_test(what_follows_the_data_is_refused),
		cmocka_unit_test(no_more_comes_out_than_is_allowed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
