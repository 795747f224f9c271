/* tests/support/reading.c - see tests/support/reading.h. */
#include "tests/support/reading.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const kind_names[] = {
	[MARK_HEADING] = "h",     [MARK_PAGE] = "page",      [MARK_CODE] = "code",
	[MARK_TABLE_ROW] = "row", [MARK_LIST_ITEM] = "item", [MARK_RECORD] = "record",
};

void reading_print_marks(const struct reading *r, struct buf *out)
{
	for (size_t i = 0; i < r->mark_count; i++) {
		const struct mark *m = &r->marks[i];
		struct span rest = span_of(r->text.ptr + m->start, m->end - m->start), last;
		struct span first = span_cut(&rest, '\n');

		buf_printf(out, "%s%d(%.*s", kind_names[m->kind], m->level, SPAN_ARGS(first));
		last = rest;
		while (rest.ptr)
			last = span_cut(&rest, '\n');
		if (last.ptr)
			buf_printf(out, "..%.*s", SPAN_ARGS(span_trim(last)));
		buf_add_char(out, ')');
	}
}

static void check_mark(const struct reading *r, size_t i)
{
	const struct mark *m = &r->marks[i];

	assert_true(m->start <= m->end && m->end <= r->text.len);
	assert_true(m->kind == MARK_PAGE || m->start < m->end);
	assert_true(i == 0 || r->marks[i - 1].start <= m->start);
	/* on whole characters */
	assert_true(m->start == r->text.len || (r->text.ptr[m->start] & 0xc0) != 0x80);
	assert_true(m->end == r->text.len || (r->text.ptr[m->end] & 0xc0) != 0x80);
	assert_true(m->kind != MARK_HEADING || (m->level >= 1 && m->level <= 6));
}

void reading_check_whole(const struct reading *r)
{
	struct span text = buf_span(&r->text);

	assert_true(utf8_is_valid(text));
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		assert_true(c >= 0x20 || c == '\t' || c == '\n');
		assert_true(c != 0x7f);
	}
	assert_true(text.len == 0 || text.ptr[text.len - 1] == '\n');
	for (size_t i = 0; i < r->mark_count; i++)
		check_mark(r, i);
	assert_non_null(r->type);
	assert_true(!r->title || utf8_is_valid(span_str(r->title)));
}

static void check_success(const struct reading_case *c, const struct reading *r)
{
	struct buf marks;

	buf_init(&marks, MIB);
	reading_check_whole(r);
	if (c->text)
		assert_string_equal(buf_str(&r->text), c->text);
	reading_print_marks(r, &marks);
	if (c->marks)
		assert_string_equal(buf_str(&marks), c->marks);
	assert_string_equal(r->title ? r->title : "(none)", c->title ? c->title : "(none)");
	assert_string_equal(r->language ? r->language : "(none)", c->language ? c->language : "(none)");
	buf_free(&marks);
}

void reading_check(const struct reading_case *c)
{
	atomic_bool cancelled = c->is_cancelled;
	struct reader_options options = { .limits = c->limits, .cancelled = &cancelled };
	size_t len = c->len ? c->len : strlen(c->bytes);
	struct err err = ERR_INIT;
	struct reading r;
	/* A block of the exact size, so that a sanitizer sees the first byte past it. */
	char *copy = mem_alloc(len + 1);
	char *bytes = copy + 1;

	memcpy(bytes, c->bytes, len);
	reading_init(&r);
	if (read_document(&r, c->name, c->type, span_of(bytes, len), &options, &err) < 0) {
		if (err.code != c->code || (c->says && !strstr(err.message, c->says)))
			fail_msg("%s: %s: %s", c->name ? c->name : "", err_info(err.code)->code, err.message);
		assert_true(err.message[0] != '\0');
		assert_int_equal(r.text.len + r.mark_count, 0);
	} else {
		assert_int_equal(c->code, E_none);
		check_success(c, &r);
	}
	reading_free(&r);
	mem_free(copy);
}
