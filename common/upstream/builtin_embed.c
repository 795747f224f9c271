/* common/upstream/builtin_embed.c - spass-embed: OpenAI's embeddings over embed_hash. */
#include "common/upstream/builtin.h"

#include "common/base/digest.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/text/words.h"
#include "common/upstream/embed_hash.h"

#include <assert.h>
#include <math.h>
#include <string.h>

static_assert((int)BUILTIN_DIMENSIONS == (int)EMBED_HASH_DIMENSIONS, "one vector size");

enum { TEXT_MAX = 64 * 1024 * 1024 };

struct embed_request {
	struct jvalue input;
	bool base64;
};

/*
 * A float between -1 and 1 with nine significant digits, which name every float exactly; printf
 * would write the locale's decimal comma.
 */
static void add_float(struct buf *out, float value)
{
	double size = fabs((double)value);
	int zeros = 0;
	char digits[9];
	size_t count = sizeof(digits);
	int64_t number;

	if (size < 1e-12 || size >= 1) {
		buf_add_str(out, size < 1e-12 ? "0" : value < 0 ? "-1" : "1");
		return;
	}
	for (; size < 0.1; zeros++)
		size *= 10;
	number = (int64_t)(size * 1e9 + 0.5);
	if (number >= 1000000000) {
		number /= 10;
		zeros--;
	}
	for (size_t i = sizeof(digits); i > 0; i--) {
		digits[i - 1] = (char)('0' + number % 10);
		number /= 10;
	}
	while (count > 1 && digits[count - 1] == '0')
		count--;
	buf_add_str(out, value < 0 ? "-0." : "0.");
	for (; zeros > 0; zeros--)
		buf_add_char(out, '0');
	buf_add(out, digits, count);
}

static void add_floats(struct buf *out, const float *vector)
{
	buf_add_char(out, '[');
	for (size_t i = 0; i < BUILTIN_DIMENSIONS; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		add_float(out, vector[i]);
	}
	buf_add_char(out, ']');
}

/* Little-endian single precision, whatever this machine's order is. */
static void add_base64(struct buf *out, const float *vector)
{
	char bytes[4 * BUILTIN_DIMENSIONS];

	for (size_t i = 0; i < BUILTIN_DIMENSIONS; i++) {
		uint32_t bits;

		memcpy(&bits, &vector[i], sizeof(bits));
		for (size_t k = 0; k < 4; k++)
			bytes[4 * i + k] = (char)(bits >> (8 * k) & 0xff);
	}
	buf_add_char(out, '"');
	base64_encode(out, span_of(bytes, sizeof(bytes)));
	buf_add_char(out, '"');
}

static int read_request(struct span body, struct embed_request *r, struct err *err)
{
	static const struct span names[] = { SPAN_INIT("input"), SPAN_INIT("encoding_format"), SPAN_INIT("dimensions") };
	struct jvalue found[ARRAY_LEN(names)];
	struct jvalue format, dimensions;
	int64_t ignored;

	if (jscan_members(body, NULL, names, found, ARRAY_LEN(names), err) < 0)
		return -1;
	r->input = found[0];
	format = found[1];
	dimensions = found[2];
	r->base64 = jvalue_is(format, "base64");
	if (!r->base64 && format.type != J_NONE && format.type != J_NULL &&
	    !jvalue_is(format, "float"))
		return err_set(err, E_invalid_field, "encoding_format",
			       "encoding_format is \"float\" or \"base64\"");
	if (dimensions.type != J_NONE && dimensions.type != J_NULL &&
	    jvalue_int(dimensions, BUILTIN_DIMENSIONS, BUILTIN_DIMENSIONS, &ignored) < 0)
		return err_set(err, E_invalid_field, "dimensions", BUILTIN_EMBED_MODEL
			       " makes vectors of %d numbers", BUILTIN_DIMENSIONS);
	if (r->input.type != J_STRING && r->input.type != J_ARRAY)
		return err_set(err, E_invalid_field, "input",
			       "input is a string or a list of strings");
	if (r->input.type == J_ARRAY && jwalk_count(r->input) == 0)
		return err_set(err, E_invalid_field, "input", "input is an empty list");
	return 0;
}

/* One item of data; adds to *tokens. */
static int add_item(const struct embed_request *r, struct jvalue value, size_t index,
		    struct buf *text, struct buf *out, int64_t *tokens, struct err *err)
{
	float vector[BUILTIN_DIMENSIONS];

	if (value.type != J_STRING)
		return err_set(err, E_invalid_field, "input",
			       "input is a string or a list of strings; item %zu is neither", index);
	buf_clear(text);
	if (jvalue_unescape(value, text) < 0)
		return err_set(err, E_too_large, "input", "a text is larger than %d bytes", TEXT_MAX);
	if (text->len == 0)
		return err_set(err, E_invalid_field, "input", "text %zu of input is empty", index);
	embed_hash(buf_span(text), vector);
	*tokens += (int64_t)words_count_tokens(buf_span(text));
	if (index > 0)
		buf_add_char(out, ',');
	buf_add_str(out, "{\"object\":\"embedding\",\"index\":");
	buf_add_int(out, (int64_t)index);
	buf_add_str(out, ",\"embedding\":");
	if (r->base64)
		add_base64(out, vector);
	else
		add_floats(out, vector);
	buf_add_char(out, '}');
	return 0;
}

int builtin_embed(struct span body, struct buf *out, struct err *err)
{
	struct embed_request r;
	int64_t tokens = 0;
	int result = -1;
	struct buf text;

	buf_init(&text, TEXT_MAX);
	if (read_request(body, &r, err) < 0)
		goto out;
	buf_add_str(out, "{\"object\":\"list\",\"data\":[");
	if (r.input.type == J_ARRAY) {
		struct jwalk w = jwalk_start(r.input);

		while (jwalk_next(&w))
			if (add_item(&r, w.value, w.index, &text, out, &tokens, err) < 0)
				goto out;
	} else if (add_item(&r, r.input, 0, &text, out, &tokens, err) < 0)
		goto out;
	buf_printf(out, "],\"model\":\"" BUILTIN_EMBED_MODEL "\",\"usage\":{\"prompt_tokens\":%lld,"
		   "\"total_tokens\":%lld}}", (long long)tokens, (long long)tokens);
	if (buf_failed(out)) {
		err_set(err, E_too_large, "", "the answer is larger than %zu bytes", out->max);
		goto out;
	}
	result = 0;
out:
	buf_free(&text);
	return result;
}
