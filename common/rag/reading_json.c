/*
 * common/rag/reading_json.c - JSON, JSON lines and notebooks.
 *
 * A value becomes lines "path: value"; elements of a list of objects, and lines of JSON lines, are
 * records.  What is no JSON after all (it has comments, say) is read as code.
 */
#include "common/rag/reading_inside.h"

#include "common/base/jscan.h"
#include "common/base/mem.h"

enum {
	PATH_MAX_LEN = 400, /* bytes of a path; longer ones lose their end */
	RECORD_DEPTH = 3,   /* lists deeper than this are part of their record */
	OUTPUT_MAX = 4096,  /* bytes of an output of a notebook's cell */
};

static const struct jscan_limits limits = { .depth = 100, .members = 1000000, .elements = 50000000 };

struct pen {
	struct reader *rd;
	struct buf path;
	struct buf value;
	size_t lines; /* written since reader_goes_on was asked */
	int failed;
	struct err *err;
};

static void pen_init(struct pen *p, struct reader *rd, struct err *err)
{
	*p = (struct pen){ .rd = rd, .err = err };
	buf_init(&p->path, PATH_MAX_LEN);
	buf_init(&p->value, rd->limits.text_max);
}

static void pen_free(struct pen *p)
{
	buf_free(&p->path);
	buf_free(&p->value);
}

/* Unescaped; line ends become blanks unless lines is true. */
static struct span text_of(struct pen *p, struct jvalue v, bool lines)
{
	buf_clear(&p->value);
	if (v.type != J_STRING) {
		buf_add_span(&p->value, v.text);
	} else {
		jvalue_unescape(v, &p->value);
		for (size_t i = 0; i < p->value.len && !lines; i++)
			if (p->value.ptr[i] == '\n' || p->value.ptr[i] == '\r')
				p->value.ptr[i] = ' ';
	}
	return buf_span(&p->value);
}

/* Below the path, "a.b"; returns what to cut it to again. */
static size_t push(struct pen *p, struct span key)
{
	size_t len = p->path.len;
	struct jvalue name = { .type = J_STRING, .text = span_of(key.ptr - 1, key.len + 2) };

	buf_clear(&p->value);
	jvalue_unescape(name, &p->value);
	if (len > 0)
		buf_add_char(&p->path, '.');
	buf_add(&p->path, p->value.ptr, p->value.len);
	p->path.overflowed = false;
	return len;
}

static bool is_container(struct jvalue v)
{
	return v.type == J_OBJECT || v.type == J_ARRAY;
}

static bool has_containers(struct jvalue list)
{
	struct jwalk w = jwalk_start(list);

	while (jwalk_next(&w))
		if (is_container(w.value))
			return true;
	return false;
}

static bool goes_on(struct pen *p)
{
	if (!p->failed && ++p->lines % 256 == 0)
		p->failed = reader_goes_on(p->rd, p->err);
	return !p->failed;
}

/* "tags: a, b" */
static void write_list(struct pen *p, struct jvalue list)
{
	struct jwalk w = jwalk_start(list);

	while (jwalk_next(&w) && goes_on(p)) {
		struct span value = text_of(p, w.value, false);

		if (w.index == 0) {
			record_field(p->rd, buf_span(&p->path), value.len > 0 ? value : SPAN_LIT(" "));
			continue;
		}
		reader_write_str(p->rd, ", ");
		reader_write(p->rd, value);
	}
}

static void write_value(struct pen *p, struct jvalue v, int depth);

/* Each element a record of its own. */
static void write_records(struct pen *p, struct jvalue list, int depth)
{
	struct jwalk w = jwalk_start(list);

	while (jwalk_next(&w) && goes_on(p)) {
		size_t start;

		record_begin(p->rd);
		start = reader_at(p->rd);
		write_value(p, w.value, depth + 1);
		reader_end_line(p->rd);
		reader_mark(p->rd, MARK_RECORD, depth, start);
	}
}

static void write_value(struct pen *p, struct jvalue v, int depth)
{
	struct jwalk w = jwalk_start(v);

	if (v.type == J_NULL || !goes_on(p))
		return;
	if (v.type == J_ARRAY && !has_containers(v)) {
		write_list(p, v);
	} else if (v.type == J_ARRAY && depth < RECORD_DEPTH) {
		write_records(p, v, depth);
	} else if (is_container(v)) {
		while (jwalk_next(&w) && goes_on(p)) {
			size_t len = v.type == J_OBJECT ? push(p, w.key) : p->path.len;

			write_value(p, w.value, depth + 1);
			buf_truncate(&p->path, len);
		}
	} else {
		record_field(p->rd, buf_span(&p->path), text_of(p, v, false));
	}
}

/* The path buffer has no memory before its first use. */
static void write_document(struct pen *p, struct jvalue v)
{
	size_t start = reader_at(p->rd);

	buf_reserve(&p->path, 1);
	write_value(p, v, 0);
	reader_end_line(p->rd);
	if (v.type == J_OBJECT)
		reader_mark(p->rd, MARK_RECORD, 0, start);
}

static void title_of(struct pen *p, struct jvalue v)
{
	struct jvalue title = jwalk_get(v, "title");

	if (title.type == J_STRING)
		reader_title(p->rd, text_of(p, title, false));
}

/* Each line a value; one that is none stays as it is. */
static void write_lines(struct pen *p, struct span text)
{
	buf_reserve(&p->path, 1);
	while (text.ptr && goes_on(p)) {
		struct span line = span_trim(span_cut(&text, '\n'));
		struct jvalue v;
		size_t start;

		while (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (line.len == 0)
			continue;
		record_begin(p->rd);
		start = reader_at(p->rd);
		if (jscan_check(line, &limits, &v, NULL) < 0)
			reader_write(p->rd, line);
		else
			write_value(p, v, RECORD_DEPTH);
		reader_end_line(p->rd);
		reader_mark(p->rd, MARK_RECORD, 0, start);
	}
}

/* Several values, one a line, though the name says otherwise. */
static bool is_lines(struct span text)
{
	struct span first = span_trim(span_cut(&text, '\n'));

	return text.ptr && first.len > 0 && first.ptr[0] == '{' &&
	       jscan_check(first, &limits, NULL, NULL) == 0;
}

static int read_with(struct reader *rd, struct err *err, bool lines,
		     void (*write)(struct pen *p, struct jvalue v))
{
	struct jvalue v;
	struct pen p;
	struct buf text;
	int rc;

	buf_init(&text, rd->limits.bytes_in);
	pen_init(&p, rd, err);
	rc = reader_decode(rd, NULL, &text, err);
	if (rc == 0 && !lines && jscan_check(buf_span(&text), &limits, &v, NULL) < 0) {
		lines = is_lines(buf_span(&text));
		rc = lines ? 0 : 1;
	}
	if (rc == 0 && lines) {
		write_lines(&p, buf_span(&text));
	} else if (rc == 0) {
		title_of(&p, v);
		write(&p, v);
	}
	if (p.failed)
		rc = -1;
	pen_free(&p);
	buf_free(&text);
	return rc > 0 ? read_code(rd, err) : rc;
}

int read_json(struct reader *rd, struct err *err)
{
	return read_with(rd, err, false, write_document);
}

int read_json_lines(struct reader *rd, struct err *err)
{
	return read_with(rd, err, true, write_document);
}

/* ---- notebooks ---- */

/* A text is one string or a list of its lines. */
static void write_text(struct pen *p, struct jvalue v, size_t max)
{
	struct jwalk w = jwalk_start(v);
	size_t start = reader_at(p->rd);

	if (v.type == J_STRING)
		reader_write(p->rd, text_of(p, v, true));
	while (v.type == J_ARRAY && jwalk_next(&w) && goes_on(p) && reader_at(p->rd) - start < max)
		if (w.value.type == J_STRING)
			reader_write(p->rd, text_of(p, w.value, true));
}

static void write_code_cell(struct pen *p, struct jvalue source, const char *language)
{
	size_t start = reader_at(p->rd);

	reader_write_str(p->rd, "```");
	reader_write_str(p->rd, language);
	reader_write_str(p->rd, "\n");
	write_text(p, source, SIZE_MAX);
	reader_end_line(p->rd);
	reader_write_str(p->rd, "```");
	reader_mark(p->rd, MARK_CODE, 0, start);
}

/* What a cell printed; pictures and pages are left out. */
static void write_outputs(struct pen *p, struct jvalue outputs)
{
	struct jwalk w = jwalk_start(outputs);

	while (outputs.type == J_ARRAY && jwalk_next(&w) && goes_on(p)) {
		struct jvalue text = jwalk_get(w.value, "text");

		if (text.type == J_NONE)
			text = jwalk_get(jwalk_get(w.value, "data"), "text/plain");
		reader_end_block(p->rd);
		write_text(p, text, OUTPUT_MAX);
	}
}

static char *notebook_language(struct pen *p, struct jvalue v)
{
	static const char *const paths[][2] = { { "language_info", "name" }, { "kernelspec", "language" } };
	struct jvalue metadata = jwalk_get(v, "metadata");

	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct jvalue name = jwalk_get(jwalk_get(metadata, paths[i][0]), paths[i][1]);
		struct span text = name.type == J_STRING ? text_of(p, name, false) : SPAN_NONE;

		if (text.len > 0 && text.len < 20 && !memchr(text.ptr, '`', text.len))
			return mem_strndup(text.ptr, text.len);
	}
	return mem_strdup("");
}

static void write_notebook(struct pen *p, struct jvalue v)
{
	struct jwalk w = jwalk_start(jwalk_get(v, "cells"));
	char *language = notebook_language(p, v);

	if (jwalk_get(v, "cells").type != J_ARRAY)
		write_document(p, v);
	else
		while (jwalk_next(&w) && goes_on(p)) {
			struct jvalue source = jwalk_get(w.value, "source");
			size_t from;

			reader_end_block(p->rd);
			from = reader_at(p->rd);
			if (jvalue_is(jwalk_get(w.value, "cell_type"), "code")) {
				write_code_cell(p, source, language);
				write_outputs(p, jwalk_get(w.value, "outputs"));
			} else {
				write_text(p, source, SIZE_MAX);
				reader_end_line(p->rd);
				markdown_marks(p->rd, from);
			}
		}
	if (language[0] && p->rd->depth == 0)
		p->rd->out->language = mem_strdup(language);
	reader_title_by_heading(p->rd);
	mem_free(language);
}

int read_notebook(struct reader *rd, struct err *err)
{
	return read_with(rd, err, false, write_notebook);
}
