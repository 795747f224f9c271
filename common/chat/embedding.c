/*
 * common/chat/embedding.c - see embedding.h.
 */
#include "common/chat/embedding.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"

enum { NUMBER_MAX = 64, VECTOR_BYTES_MAX = 1024 * 1024 };

/* Shortest decimal that reads back as the same float: 9 digits always do. */
static int add_float(struct buf *out, float value)
{
	char text[32];

	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)value);
		if (strtof(text, NULL) == value)
			break;
	}
	return buf_add_str(out, text);
}

static int floats_to_base64(struct jvalue list, struct buf *out)
{
	struct buf bytes;
	struct jwalk w;
	int result = 0;

	buf_init(&bytes, VECTOR_BYTES_MAX);
	for (w = jwalk_start(list); result == 0 && jwalk_next(&w);) {
		char text[NUMBER_MAX];
		uint32_t bits;
		float value;

		if (w.value.type != J_NUMBER || w.value.text.len >= sizeof text) {
			result = -1;
			break;
		}
		memcpy(text, w.value.text.ptr, w.value.text.len);
		text[w.value.text.len] = '\0';
		value = strtof(text, NULL);
		if (!isfinite(value)) {
			result = -1;
			break;
		}
		memcpy(&bits, &value, sizeof bits);
		for (int i = 0; i < 4; i++)
			result |= buf_add_char(&bytes, (char)(bits >> (8 * i) & 0xff));
	}
	if (result == 0) {
		result = buf_add_char(out, '"');
		result |= base64_encode(out, buf_span(&bytes));
		result |= buf_add_char(out, '"');
	}
	buf_free(&bytes);
	return result;
}

static int base64_to_floats(struct jvalue text, struct buf *out)
{
	struct span plain = jvalue_plain(text);
	struct buf bytes, unescaped;
	int result = -1;

	buf_init(&bytes, VECTOR_BYTES_MAX);
	buf_init(&unescaped, text.text.len + 1);
	if (!plain.ptr && jvalue_unescape(text, &unescaped) == 0)
		plain = buf_span(&unescaped);
	if (base64_decode(&bytes, plain) < 0 || bytes.len % 4 != 0)
		goto out;
	result = buf_add_char(out, '[');
	for (size_t at = 0; at < bytes.len; at += 4) {
		uint32_t bits = 0;
		float value;

		for (size_t i = 0; i < 4; i++)
			bits |= (uint32_t)(unsigned char)bytes.ptr[at + i] << (8 * i);
		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value)) {
			result = -1;
			goto out;
		}
		if (at)
			result |= buf_add_char(out, ',');
		result |= add_float(out, value);
	}
	result |= buf_add_char(out, ']');
out:
	buf_free(&bytes);
	buf_free(&unescaped);
	return result;
}

static bool is_finite(const char *bytes)
{
	uint32_t bits = 0;
	float value;

	for (size_t i = 0; i < 4; i++)
		bits |= (uint32_t)(unsigned char)bytes[i] << (8 * i);
	memcpy(&value, &bits, sizeof value);
	return isfinite(value);
}

/* What needs no conversion is still looked at: a client would decode anything. */
static bool is_vector(struct jvalue v)
{
	struct span plain = jvalue_plain(v);
	struct buf bytes;
	struct jwalk w;
	bool good;

	if (v.type == J_ARRAY) {
		for (w = jwalk_start(v); jwalk_next(&w);)
			if (w.value.type != J_NUMBER)
				return false;
		return true;
	}
	if (!plain.ptr)
		return true; /* escaped, which is rare: as it came */
	buf_init(&bytes, VECTOR_BYTES_MAX);
	good = base64_decode(&bytes, plain) == 0 && bytes.len % 4 == 0;
	for (size_t at = 0; good && at < bytes.len; at += 4)
		good = is_finite(bytes.ptr + at);
	buf_free(&bytes);
	return good;
}

/* Copies the text up to *done .. value, then the converted value. */
static int convert(const char **done, struct jvalue v, struct buf *out)
{
	if (buf_add(out, *done, (size_t)(v.text.ptr - *done)) < 0)
		return -1;
	*done = v.text.ptr + v.text.len;
	return v.type == J_ARRAY ? floats_to_base64(v, out) : base64_to_floats(v, out);
}

int embedding_encode(struct span *body, enum embed_encoding wanted, size_t count, struct buf *out,
		     struct err *err)
{
	static const struct span names[] = { SPAN_INIT("data") };
	struct jvalue data;
	const char *done = body->ptr;
	struct jwalk w;
	size_t vectors = 0;

	if (jscan_members(*body, NULL, names, &data, 1, err) < 0 || data.type != J_ARRAY)
		return err_set(err, E_upstream_error, "", "the answer has no list 'data'");
	for (w = jwalk_start(data); jwalk_next(&w); vectors++) {
		struct jvalue v = w.value.type == J_OBJECT ? jwalk_get(w.value, "embedding")
							   : (struct jvalue){ 0 };

		if (v.type != J_ARRAY && v.type != J_STRING)
			return err_set(err, E_upstream_error, "", "data[%zu] has no embedding", w.index);
		if ((v.type == J_STRING) == (wanted == EMBED_BASE64)) {
			if (!is_vector(v))
				return err_set(err, E_upstream_error, "", "data[%zu].embedding is no list of finite numbers",
					       w.index);
			continue;
		}
		if (convert(&done, v, out) < 0)
			return err_set(err, E_upstream_error, "", "data[%zu].embedding is no list of finite numbers", w.index);
	}
	if (vectors != count)
		return err_set(err, E_upstream_error, "", "the answer has %zu embeddings for %zu inputs",
			       vectors, count);
	if (done == body->ptr)
		return 0;
	if (buf_add(out, done, (size_t)(body->ptr + body->len - done)) < 0)
		return err_set(err, E_upstream_error, "", "the answer is larger than %zu bytes", out->max);
	*body = buf_span(out);
	return 0;
}

/* The bytes of one, as floats; how many, or 0. */
static size_t read_vector(struct jvalue object, struct buf *bytes)
{
	struct span text = jvalue_plain(jwalk_get(object, "embedding"));

	buf_clear(bytes);
	if (!text.ptr || base64_decode(bytes, text) < 0 || bytes->len % 4 != 0)
		return 0;
	return bytes->len / 4;
}

static bool store_vector(const struct buf *bytes, float *out)
{
	for (size_t at = 0; at < bytes->len; at += 4) {
		uint32_t bits = 0;

		for (size_t i = 0; i < 4; i++)
			bits |= (uint32_t)(unsigned char)bytes->ptr[at + i] << (8 * i);
		memcpy(&out[at / 4], &bits, sizeof bits);
		if (!isfinite(out[at / 4]))
			return false;
	}
	return true;
}

/*
 * Each has its place, which no other has; those of a list that says none have the one they stand
 * at.
 */
static bool place_of(struct jwalk w, size_t count, bool *taken, size_t *place)
{
	struct jvalue index = jwalk_get(w.value, "index");
	int64_t value = (int64_t)w.index;

	if (index.type == J_NUMBER && jvalue_int(index, 0, (int64_t)count - 1, &value) < 0)
		return false;
	*place = (size_t)value;
	if (*place >= count || taken[*place])
		return false;
	taken[*place] = true;
	return true;
}

/* The vectors of an answer as they are taken from it. */
struct taking {
	size_t count, dimensions;
	size_t text_len; /* of all of them */
	bool *taken;     /* places */
	struct buf bytes;
	float *vectors; /* NULL before the first */
};

/* As many of the first one's dimensions, when the answer is long enough for them all. */
static int make_vectors(struct taking *t, size_t dimensions, struct err *err)
{
	t->dimensions = dimensions;
	if (dimensions * sizeof *t->vectors > t->text_len / t->count)
		return err_set(err, E_upstream_error, "", "not all %zu embeddings have the %zu dimensions of the first",
			       t->count, dimensions);
	t->vectors = mem_calloc(t->count, dimensions * sizeof *t->vectors);
	return 0;
}

/* One of them, to its place. */
static int take_vector(struct taking *t, struct jwalk w, struct err *err)
{
	size_t len = w.value.type == J_OBJECT ? read_vector(w.value, &t->bytes) : 0, place;

	if (len == 0)
		return err_set(err, E_upstream_error, "", "data[%zu].embedding is no list of finite numbers",
			       w.index);
	if (!t->vectors && make_vectors(t, len, err) < 0)
		return -1;
	if (len != t->dimensions)
		return err_set(err, E_upstream_error, "",
			       "data[%zu].embedding has %zu dimensions, the first one %zu", w.index, len,
			       t->dimensions);
	if (!place_of(w, t->count, t->taken, &place))
		return err_set(err, E_upstream_error, "", "data[%zu].index is of none of the %zu texts, or of another",
			       w.index, t->count);
	if (!store_vector(&t->bytes, t->vectors + place * len))
		return err_set(err, E_upstream_error, "", "data[%zu].embedding is no list of finite numbers",
			       w.index);
	return 0;
}

int embedding_vectors(struct span body, size_t count, float **vectors, size_t *dimensions, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("data") };
	struct taking t = { .count = count };
	struct jvalue data;
	int result = 0;

	*vectors = NULL;
	*dimensions = 0;
	if (jscan_members(body, NULL, names, &data, 1, err) < 0 || data.type != J_ARRAY)
		return err_set(err, E_upstream_error, "", "the answer has no list 'data'");
	if (jwalk_count(data) != count)
		return err_set(err, E_upstream_error, "", "the answer has %zu embeddings for %zu inputs",
			       jwalk_count(data), count);
	t.text_len = data.text.len;
	t.taken = mem_calloc(count, sizeof *t.taken);
	buf_init(&t.bytes, VECTOR_BYTES_MAX);
	for (struct jwalk w = jwalk_start(data); result == 0 && jwalk_next(&w);)
		result = take_vector(&t, w, err);
	buf_free(&t.bytes);
	mem_free(t.taken);
	if (result == 0) {
		*vectors = t.vectors;
		*dimensions = t.dimensions;
		return 0;
	}
	mem_free(t.vectors);
	return -1;
}
