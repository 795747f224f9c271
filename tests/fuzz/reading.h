/* tests/fuzz/reading.h - any bytes as a document: what holds of whatever comes out. */
#ifndef SPASS_FUZZ_READING_H
#define SPASS_FUZZ_READING_H

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/reading.h"
#include "tests/fuzz/must.h"

static inline void check_reading(const struct reading *r, size_t text_max)
{
	struct span text = buf_span(&r->text);

	must(text.len <= text_max + 1 && utf8_is_valid(text) && r->type);
	must(text.len == 0 || text.ptr[text.len - 1] == '\n');
	for (size_t i = 0; i < text.len; i++)
		must((unsigned char)text.ptr[i] >= 0x20 || text.ptr[i] == '\n' || text.ptr[i] == '\t');
	for (size_t i = 0; i < r->mark_count; i++) {
		const struct mark *m = &r->marks[i];

		must(m->start <= m->end && m->end <= text.len);
		must(i == 0 || r->marks[i - 1].start <= m->start);
		must(m->kind == MARK_PAGE || m->start < m->end);
		must(m->start == text.len || (text.ptr[m->start] & 0xc0) != 0x80);
		must(m->end == text.len || (text.ptr[m->end] & 0xc0) != 0x80);
		if (m->kind == MARK_HEADING)
			must(m->level >= 1 && m->level <= 6 && reading_heading(r, m).len <= m->end - m->start);
	}
	must(!r->title || utf8_is_valid(span_str(r->title)));
}

static inline void fuzz_reading(const char *name, const char *type, const void *data, size_t size)
{
	struct reader_options options = { .limits = { .bytes_in = 1 << 20, .text_max = 1 << 20, .depth = 4 } };
	struct err err = ERR_INIT;
	struct reading r;

	reading_init(&r);
	if (read_document(&r, name, type, span_of(data, size), &options, &err) == 0)
		check_reading(&r, options.limits.text_max);
	else
		must(err.code == E_unsupported_document || err.code == E_document_too_large ||
		     err.code == E_document_unreadable);
	reading_free(&r);
}

#endif
