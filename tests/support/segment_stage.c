/*
 * tests/support/segment_stage.c - see segment_stage.h.
 */
#include "tests/support/segment_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

void segment_stage_make(struct segment_stage *s, const struct lexical_row *rows, size_t count,
			size_t segments)
{
	struct segment_builder *b = segment_builder_new();
	struct terms *terms = terms_new();
	uint32_t first = 0;

	assert_true(segments <= STAGE_SEGMENTS_MAX);
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < segments; i++) {
		for (size_t r = count * i / segments; r < count * (i + 1) / segments; r++) {
			struct lexical_row row = rows[r];

			row.chunk = (int64_t)r + 1;
			assert_int_equal(lexical_add(b, terms, &row, NULL), 0);
		}
		buf_init(&s->bytes[i], SEGMENT_BYTES_MAX);
		assert_int_equal(segment_builder_write(b, &s->bytes[i], NULL), 0);
		s->segments[i] = segment_open(buf_span(&s->bytes[i]), NULL);
		assert_non_null(s->segments[i]);
		s->first[i] = first;
		first += segment_rows(s->segments[i]);
	}
	s->view = (struct lexical_view){ .segments = (const struct segment *const *)s->segments,
					 .first = s->first,
					 .count = segments };
	segment_builder_free(b);
	terms_free(terms);
}

void segment_stage_free(struct segment_stage *s)
{
	for (size_t i = 0; i < s->view.count; i++) {
		segment_close(s->segments[i]);
		buf_free(&s->bytes[i]);
	}
}
