/*
 * server/api/a1_rag_read.c - see a1_rag_read.h.
 */
#include "server/api/a1_rag_read.h"

#include <stdio.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/rag/reading.h"

void document_batch_init(struct document_batch *b, size_t max)
{
	arena_init(&b->arena, max);
	b->count = b->bytes = 0;
}

void document_batch_clear(struct document_batch *b)
{
	arena_clear(&b->arena);
	b->count = b->bytes = 0;
}

bool document_batch_is_full(const struct document_batch *b)
{
	return b->count == BATCH_DOCUMENTS || b->bytes >= BATCH_BYTES;
}

__attribute__((format(printf, 4, 5))) static int refuse(struct err *err, const char *where,
							const char *name, const char *format, ...)
{
	char message[ERR_MESSAGE_MAX], param[ERR_PARAM_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	snprintf(param, sizeof param, "%s%s%s", where, *name ? "." : "", name);
	return err_set(err, E_invalid_field, param, "%s", message);
}

/* ---- members ---- */

static int too_much(struct err *err)
{
	return err_set(err, E_body_too_large, "body",
		       "the documents are too large together: send them in several requests");
}

static int read_string(struct document_batch *b, struct jvalue v, const char *where,
		       const char *name, struct span *out, struct err *err)
{
	struct buf text;

	if (v.type == J_NONE || v.type == J_NULL)
		return 0;
	if (v.type != J_STRING)
		return refuse(err, where, name, "%s must be a string", name);
	*out = jvalue_plain(v);
	if (out->ptr)
		return 0;
	buf_init(&text, v.text.len + 4);
	jvalue_unescape(v, &text);
	*out = arena_span(&b->arena, buf_span(&text));
	buf_free(&text);
	return out->ptr ? 0 : too_much(err);
}

static int read_base64(struct document_batch *b, struct jvalue v, const char *where,
		       struct span *out, struct err *err)
{
	struct span text = SPAN_NONE;
	struct buf bytes;
	size_t size;

	if (read_string(b, v, where, "content_base64", &text, err) < 0)
		return -1;
	if (!text.ptr)
		return 0;
	if (!base64_is_valid(text, &size))
		return refuse(err, where, "content_base64", "content_base64 is not base64");
	buf_init(&bytes, size + 1);
	base64_decode(&bytes, text);
	*out = size > 0 ? arena_span(&b->arena, buf_span(&bytes)) : SPAN_LIT("");
	buf_free(&bytes);
	return out->ptr ? 0 : too_much(err);
}

int document_check_meta(struct jvalue value, const char *where, struct err *err)
{
	if (value.type == J_NONE || value.type == J_NULL)
		return 0;
	if (value.type != J_OBJECT)
		return refuse(err, where, "metadata", "metadata is an object");
	if (value.text.len > RAG_META_MAX)
		return refuse(err, where, "metadata", "metadata has at most %d bytes",
			      RAG_META_MAX);
	for (struct jwalk w = jwalk_start(value); jwalk_next(&w);)
		if (w.value.type == J_OBJECT || w.value.type == J_ARRAY || w.value.type == J_NULL)
			return refuse(
				err, where, "metadata",
				"metadata is flat: strings, numbers and booleans; \"%.*s\" is none",
				(int)(w.key.len < 64 ? w.key.len : 64), w.key.ptr);
	return 0;
}

/* Comments of source code would be headings. */
static bool is_code(struct span name)
{
	const char *reader = reader_name_of_file(name);

	return reader && strcmp(reader, "code") == 0;
}

/*
 * A text is as it is: its type is one whose reader takes it so, whatever file it once came from.
 */
static struct span type_of_text(struct span type, struct span name)
{
	static const char *const own[] = { "text", "markdown", "code" };

	if (!type.ptr || type.len == 0)
		return is_code(name) ? SPAN_LIT("code") : SPAN_LIT("markdown");
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (span_is(type, own[i]))
			return type;
	/* What is no type at all is refused when it is put. */
	return span_starts(type, "text/") ||
			       (!memchr(type.ptr, '/', type.len) && !reader_name(type))
		       ? type
		       : SPAN_LIT("text");
}

enum member { ID, TEXT, CONTENT, TITLE, SOURCE, TYPE, METADATA, MTIME, READING, MEMBER_COUNT };
static const struct span member_names[MEMBER_COUNT] = {
	[ID] = SPAN_INIT("id"),
	[TEXT] = SPAN_INIT("text"),
	[CONTENT] = SPAN_INIT("content_base64"),
	[TITLE] = SPAN_INIT("title"),
	[SOURCE] = SPAN_INIT("source"),
	[TYPE] = SPAN_INIT("type"),
	[METADATA] = SPAN_INIT("metadata"),
	[MTIME] = SPAN_INIT("mtime"),
	[READING] = SPAN_INIT("reading"),
};

static int find_members(struct jvalue object, struct jvalue found[MEMBER_COUNT], const char *where,
			struct err *err)
{
	for (size_t i = 0; i < MEMBER_COUNT; i++)
		found[i] = (struct jvalue){ .type = J_NONE };
	if (object.type != J_OBJECT)
		return refuse(err, where, "", "a document is an object");
	for (struct jwalk w = jwalk_start(object); jwalk_next(&w);) {
		size_t at = jkey_find(w.key, true, member_names, MEMBER_COUNT);

		if (at == MEMBER_COUNT)
			return refuse(err, where, "", "there is no member \"%.*s\" here",
				      (int)(w.key.len < 64 ? w.key.len : 64), w.key.ptr);
		found[at] = w.value;
	}
	return 0;
}

static int read_mtime(struct jvalue v, const char *where, int64_t *out, struct err *err)
{
	*out = -1;
	if (v.type == J_NONE || v.type == J_NULL)
		return 0;
	if (v.type != J_NUMBER || jvalue_int(v, 0, INT64_MAX, out) < 0)
		return refuse(err, where, "mtime",
			      "mtime is a whole number of microseconds since 1970");
	return 0;
}

static int read_content(struct document_batch *b, const struct jvalue *m, const char *where,
			struct rag_document_in *d, struct err *err)
{
	bool is_text = m[TEXT].type != J_NONE && m[TEXT].type != J_NULL;
	bool is_file = m[CONTENT].type != J_NONE && m[CONTENT].type != J_NULL;

	if (m[READING].type != J_NONE && m[READING].type != J_OBJECT)
		return refuse(err, where, "reading", "reading is an object, as an export has it");
	if (is_file && m[READING].type == J_OBJECT)
		return refuse(err, where, "reading", "reading is of a text that was exported");
	if (is_text == is_file)
		return refuse(err, where, "text",
			      is_text ? "text and content_base64 exclude each other"
				      : "text is required (or content_base64, of a file)");
	if (is_file)
		return read_base64(b, m[CONTENT], where, &d->content, err);
	if (read_string(b, m[TEXT], where, "text", &d->content, err) < 0)
		return -1;
	if (m[READING].type == J_OBJECT)
		d->reading = m[READING].text;
	else
		d->type = type_of_text(d->type, d->name);
	return 0;
}

int document_read(struct document_batch *b, struct jvalue object, const char *where,
		  struct err *err)
{
	struct rag_document_in *d = &b->documents[b->count];
	struct jvalue m[MEMBER_COUNT];

	if (b->count == BATCH_DOCUMENTS)
		return err_set(err, E_internal_error, "", "a batch has at most %d documents",
			       BATCH_DOCUMENTS);
	*d = (struct rag_document_in){ .mtime_us = -1 };
	if (find_members(object, m, where, err) < 0 ||
	    read_string(b, m[ID], where, "id", &d->name, err) < 0 ||
	    read_string(b, m[TITLE], where, "title", &d->title, err) < 0 ||
	    read_string(b, m[SOURCE], where, "source", &d->source, err) < 0 ||
	    read_string(b, m[TYPE], where, "type", &d->type, err) < 0 ||
	    read_content(b, m, where, d, err) < 0 ||
	    document_check_meta(m[METADATA], where, err) < 0 ||
	    read_mtime(m[MTIME], where, &d->mtime_us, err) < 0)
		return -1;
	if (m[METADATA].type == J_OBJECT)
		d->meta = m[METADATA].text;
	b->bytes += d->content.len;
	b->count++;
	return 0;
}

/* What is wrong with a body that is no JSON: mostly it is lines of it, put without their type. */
static int refuse_body(struct span body, struct err *err)
{
	struct err of_line = ERR_INIT;
	struct jvalue first;
	struct span rest = body, line = span_cut(&rest, '\n');

	if (span_strip(rest).len > 0 && jscan_check(line, NULL, &first, &of_line) == 0)
		err_set(err, E_invalid_json, "body",
			"the body has several values: lines of JSON go as application/x-ndjson");
	return -1;
}

int document_read_list(struct span body, struct jvalue *list, size_t *count, struct err *err)
{
	struct jvalue root;

	if (jscan_check(body, NULL, &root, err) < 0)
		return refuse_body(body, err);
	if (root.type != J_OBJECT)
		return err_set(err, E_invalid_field, "body", "the body must be a JSON object");
	for (struct jwalk w = jwalk_start(root); jwalk_next(&w);)
		if (!jkey_is(w.key, "documents"))
			return err_set(err, E_invalid_field, "body",
				       "there is no member \"%.*s\" here",
				       (int)(w.key.len < 64 ? w.key.len : 64), w.key.ptr);
	*list = jwalk_get(root, "documents");
	if (list->type == J_NONE)
		return err_set(err, E_missing_field, "documents", "documents is required");
	if (list->type != J_ARRAY)
		return err_set(err, E_invalid_field, "documents", "documents is a list");
	*count = jwalk_count(*list);
	if (*count == 0 || *count > DOCUMENTS_MAX)
		return err_set(err, E_invalid_field, "documents",
			       "documents has 1 to %d of them; more go as JSON lines "
			       "(application/x-ndjson)",
			       DOCUMENTS_MAX);
	return 0;
}

void document_read_file(struct document_batch *b, struct span name, struct span type,
			struct span content)
{
	b->documents[b->count++] = (struct rag_document_in){
		.name = name, .type = type, .content = content, .source = name, .mtime_us = -1
	};
	b->bytes += content.len;
}
