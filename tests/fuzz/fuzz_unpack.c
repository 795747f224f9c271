/*
 * tests/fuzz/fuzz_unpack.c - any bytes as a coded answer, in pieces of any size.
 *
 * The first byte chooses the coding and the limit, the next the size of the pieces.  Whole and in
 * pieces the same comes out, never more than the limit, and the verdict is the same.
 */
#include "common/upstream/unpack.h"

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGE = 1 << 20, SMALL = 64 };

struct outcome {
	struct buf out;
	bool failed, whole;
};

static void read_pieces(struct outcome *o, struct span text, enum coding coding, size_t max, size_t step)
{
	struct unpack *u = unpack_new(coding, max);
	struct err err = ERR_INIT;
	struct span piece;
	int more = 0;

	*o = (struct outcome){ .failed = false };
	buf_init(&o->out, LARGE);
	while (text.len > 0 && more == 0) {
		size_t len = step < text.len ? step : text.len;

		unpack_feed(u, span_of(text.ptr, len));
		text = span_from(text, len);
		while ((more = unpack_next(u, &piece, &err)) > 0) {
			must(piece.len > 0);
			must(buf_add_span(&o->out, piece) == 0);
			must(o->out.len <= max);
		}
	}
	o->failed = more < 0;
	must(!o->failed || err.code == E_upstream_error);
	o->whole = !o->failed && unpack_is_whole(u);
	unpack_free(u);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct outcome all, parts;
	enum coding coding;
	size_t max;

	if (size < 3)
		return 0;
	coding = data[0] & 1 ? CODING_GZIP : CODING_DEFLATE;
	max = data[0] & 2 ? SMALL : LARGE;
	text = span_from(text, 2);
	read_pieces(&all, text, coding, max, text.len);
	read_pieces(&parts, text, coding, max, (size_t)data[1] + 1);
	must(all.failed == parts.failed && all.whole == parts.whole);
	must(all.failed || span_equal(buf_span(&all.out), buf_span(&parts.out)));
	buf_free(&all.out);
	buf_free(&parts.out);
	return 0;
}
