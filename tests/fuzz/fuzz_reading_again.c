/*
 * tests/fuzz/fuzz_reading_again.c - any bytes as what an export says of a text, and as the text.
 *
 * The first NUL ends what is said.  What is taken is a reading like any other: it can be cut, and
 * printed it comes back as it was.
 */
#include "common/rag/cut.h"
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_cutting(const struct reading *r)
{
	const struct cut_options options = { 100, 200, 0 };
	struct cutting c;
	struct err err = ERR_INIT;
	size_t at = 0;

	must(cut_document(r, &options, &c, &err) == 0);
	for (size_t i = 0; i < c.count; i++) {
		must(c.pieces[i].start == at);
		at = c.pieces[i].end;
	}
	must(at == r->text.len);
	cutting_free(&c);
}

static void check_again(const struct reading *r, const struct reading_origin *from)
{
	struct reading_origin again_from;
	struct reading again;
	struct err err = ERR_INIT;
	char hex[DIGEST_HEX_SIZE];
	struct buf printed;

	reading_init(&again);
	buf_init(&printed, 64 * MIB);
	digest_hex(from->sha256, sizeof(from->sha256), hex);
	reading_print(r, from->bytes, span_str(hex), &printed);
	must(!buf_failed(&printed));
	must(reading_restore(&again, buf_span(&r->text), span_str(r->type), buf_span(&printed), 0,
			     &again_from, &err) == 0);
	must(again.mark_count == r->mark_count && again_from.bytes == from->bytes);
	for (size_t i = 0; i < r->mark_count; i++)
		must(again.marks[i].start == r->marks[i].start && again.marks[i].end == r->marks[i].end &&
		     again.marks[i].kind == r->marks[i].kind && again.marks[i].level == r->marks[i].level);
	reading_free(&again);
	buf_free(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size), said = span_cut(&text, '\0');
	struct reading_origin from;
	struct err err = ERR_INIT;
	struct reading r;

	if (!text.ptr)
		return 0;
	reading_init(&r);
	if (reading_restore(&r, text, SPAN_LIT("markdown"), said, 1 << 20, &from, &err) == 0) {
		check_reading(&r, 1 << 20);
		check_cutting(&r);
		check_again(&r, &from);
	} else {
		must(err.code == E_invalid_field || err.code == E_document_too_large);
	}
	reading_free(&r);
	return 0;
}
