/*
 * common/rag/reading_again.c - a reading as JSON, and as it was made of that.
 */
#include "common/rag/reading_inside.h"

#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

enum { LEVEL_MAX = 1000000, LANGUAGE_MAX = 64, ELEMENTS_MAX = 1 << 21 };

static const char *const kinds[] = {
	[MARK_HEADING] = "heading",
	[MARK_PAGE] = "page",
	[MARK_CODE] = "code",
	[MARK_TABLE_ROW] = "row",
	[MARK_LIST_ITEM] = "item",
	[MARK_RECORD] = "record",
};

/* ---- printing ---- */

void reading_print(const struct reading *r, int64_t bytes, struct span hash, struct buf *out)
{
	buf_printf(out, "{\"bytes\":%lld,\"sha256\":\"%.*s\"", (long long)bytes, SPAN_ARGS(hash));
	if (r->language) {
		buf_add_str(out, ",\"language\":");
		jtext_string(out, span_str(r->language));
	}
	buf_add_str(out, ",\"marks\":[");
	for (size_t i = 0; i < r->mark_count; i++) {
		const struct mark *m = &r->marks[i];

		buf_printf(out, "%s[\"%s\",%d,%zu,%zu]", i > 0 ? "," : "", kinds[m->kind], m->level,
			   m->start, m->end);
	}
	buf_add_str(out, "]}");
}

/* ---- making it of that ---- */

static int bad(struct err *err, const char *what)
{
	return err_set(err, E_invalid_field, "reading", "%s", what);
}

/* -1 for what is no digit. */
static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int read_hex(struct jvalue v, unsigned char *out, size_t size)
{
	struct span hex = jvalue_plain(v);

	if (v.type != J_STRING || hex.len != 2 * size)
		return -1;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(hex.ptr[2 * i]), low = hex_value(hex.ptr[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		out[i] = (unsigned char)(high * 16 + low);
	}
	return 0;
}

static int read_origin(struct jvalue object, struct reading_origin *from, struct err *err)
{
	struct jvalue bytes = jwalk_get(object, "bytes");

	if (bytes.type != J_NUMBER || jvalue_int(bytes, 0, INT64_MAX, &from->bytes) < 0)
		return bad(err, "bytes is the size of the file that the text was read from");
	if (read_hex(jwalk_get(object, "sha256"), from->sha256, sizeof(from->sha256)) < 0)
		return bad(err, "sha256 is that of the file, in small hexadecimal digits");
	return 0;
}

static int read_kind(struct jvalue v, enum mark_kind *out)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (jvalue_is(v, kinds[i])) {
			*out = (enum mark_kind)i;
			return 0;
		}
	return -1;
}

static bool is_between_characters(struct span text, size_t at)
{
	return at == text.len || ((unsigned char)text.ptr[at] & 0xc0) != 0x80;
}

static bool is_sound(const struct mark *m, struct span text)
{
	if (m->end < m->start || (m->end == m->start && m->kind != MARK_PAGE) ||
	    (m->kind == MARK_HEADING && (m->level < 1 || m->level > 6)))
		return false;
	return is_between_characters(text, m->start) && is_between_characters(text, m->end);
}

static int read_mark(struct jvalue list, struct span text, struct mark *m)
{
	int64_t numbers[3];
	struct jwalk w = jwalk_start(list);

	if (list.type != J_ARRAY || !jwalk_next(&w) || read_kind(w.value, &m->kind) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		if (!jwalk_next(&w) || w.value.type != J_NUMBER ||
		    jvalue_int(w.value, 0, i > 0 ? (int64_t)text.len : LEVEL_MAX, &numbers[i]) < 0)
			return -1;
	m->level = (int)numbers[0];
	m->start = (size_t)numbers[1];
	m->end = (size_t)numbers[2];
	return !jwalk_next(&w) && is_sound(m, text) ? 0 : -1;
}

static int read_marks(struct jvalue list, struct reading *r, struct err *err)
{
	struct jwalk w = jwalk_start(list);

	if (list.type != J_ARRAY)
		return bad(err, "marks is a list of [kind, level, start, end]");
	r->mark_room = jwalk_count(list);
	r->marks = mem_alloc((r->mark_room + 1) * sizeof(*r->marks));
	while (jwalk_next(&w)) {
		struct mark *m = &r->marks[r->mark_count];

		if (read_mark(w.value, buf_span(&r->text), m) < 0 ||
		    (r->mark_count > 0 && m->start < m[-1].start))
			return bad(err, "marks are [kind, level, start, end] by start, in bytes of "
					"the text between its characters");
		r->mark_count++;
	}
	return 0;
}

static int read_language(struct jvalue v, struct reading *r, struct err *err)
{
	struct span name = jvalue_plain(v);

	if (v.type == J_NONE)
		return 0;
	if (v.type != J_STRING || !name.ptr || name.len == 0 || name.len > LANGUAGE_MAX)
		return bad(err, "language is the name of a programming language");
	r->language = mem_strndup(name.ptr, name.len);
	return 0;
}

static int check_members(struct jvalue object, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("bytes"), SPAN_INIT("sha256"),
					     SPAN_INIT("language"), SPAN_INIT("marks") };

	for (struct jwalk w = jwalk_start(object); jwalk_next(&w);)
		if (jkey_find(w.key, true, names, ARRAY_LEN(names)) == ARRAY_LEN(names))
			return err_set(err, E_invalid_field, "reading",
				       "reading has bytes, sha256, language and marks, no \"%.*s\"",
				       (int)(w.key.len < 64 ? w.key.len : 64), w.key.ptr);
	return 0;
}

/* As a pen leaves it. */
static int take_text(struct reading *r, struct span text, size_t text_max, struct err *err)
{
	static const struct reader_options none = { .commands = NULL };
	struct reader rd = { .out = r, .options = &none };

	if (text.len > text_max)
		return err_set(err, E_document_too_large, "", "its text is longer than %zu bytes",
			       text_max);
	buf_free(&r->text);
	buf_init(&r->text, text.len + 8);
	reader_write(&rd, text);
	if (!utf8_is_valid(text) || !span_equal(buf_span(&r->text), text) ||
	    (text.len > 0 && text.ptr[text.len - 1] != '\n'))
		return bad(err, "the text is not as an export writes it: it was changed, and what "
				"reading says is not of it");
	return 0;
}

int reading_restore(struct reading *r, struct span text, struct span type, struct span printed,
		    size_t text_max, struct reading_origin *from, struct err *err)
{
	static const struct jscan_limits limits = { .depth = 4,
						    .members = 16,
						    .elements = ELEMENTS_MAX };
	struct jvalue object;
	int result = -1;

	reading_free(r);
	r->type = reader_name(type);
	if (!r->type)
		bad(err, "what was read has the type that it was read as");
	else if (jscan_check(printed, &limits, &object, err) < 0)
		err->code = E_invalid_field;
	else if (object.type != J_OBJECT)
		bad(err, "reading is an object");
	else if (check_members(object, err) == 0 && read_origin(object, from, err) == 0 &&
		 take_text(r, text, text_max ? text_max : reader_default_limits.text_max, err) ==
			 0 &&
		 read_language(jwalk_get(object, "language"), r, err) == 0 &&
		 read_marks(jwalk_get(object, "marks"), r, err) == 0)
		result = 0;
	if (result < 0)
		reading_free(r);
	else
		r->flagged = reading_has_orders(text);
	return result;
}
