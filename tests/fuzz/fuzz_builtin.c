/*
 * tests/fuzz/fuzz_builtin.c - the built-in models with any request and any text.
 *
 * Bytes that are JSON are taken for a request, all others for the content of a message.  What
 * comes back is JSON or says which field was wrong; each quotation stands in the text as it is;
 * a stream ends in [DONE].
 */
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/upstream/builtin.h"
#include "common/upstream/extract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_request(struct span body)
{
	struct err err = ERR_INIT;
	struct buf out;

	buf_init(&out, 64 * MIB);
	if (builtin_chat(body, false, &out, &err) == 0)
		must(jscan_check(buf_span(&out), NULL, NULL, &err) == 0);
	else
		must(err.code == E_invalid_field || err.code == E_too_large);
	buf_clear(&out);
	err_clear(&err);
	if (builtin_chat(body, true, &out, &err) == 0)
		must(span_ends(buf_span(&out), "data: [DONE]\n\n"));
	buf_clear(&out);
	err_clear(&err);
	if (builtin_embed(body, &out, &err) == 0)
		must(jscan_check(buf_span(&out), NULL, NULL, &err) == 0);
	else
		must(err.code == E_invalid_field || err.code == E_too_large);
	buf_free(&out);
}

static void check_quotes(struct span text)
{
	struct extract_quote quotes[EXTRACT_QUOTES_MAX];

	for (int summary = 0; summary < 2; summary++) {
		struct extract_source source = { text, 1 };
		struct extract_request request = { .sources = &source, .source_count = 1,
						   .question = span_of(text.ptr, text.len / 2),
						   .summary = summary, .quotes_max = 5 };
		size_t count = extract_quotes(&request, quotes);

		must(count <= 5);
		for (size_t i = 0; i < count; i++)
			must(quotes[i].text.len > 0 && quotes[i].text.ptr >= text.ptr &&
			     quotes[i].text.ptr + quotes[i].text.len <= text.ptr + text.len);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct err err = ERR_INIT;
	struct jvalue value;
	struct buf body;

	if (jscan_check(text, NULL, &value, &err) == 0 && value.type == J_OBJECT) {
		check_request(text);
		return 0;
	}
	check_quotes(text);
	buf_init(&body, 8 * size + 1000);
	buf_add_str(&body, "{\"input\":");
	jtext_string(&body, text);
	buf_add_str(&body, ",\"messages\":[{\"role\":\"user\",\"content\":");
	jtext_string(&body, text);
	buf_add_str(&body, "}]}");
	check_request(buf_span(&body));
	buf_free(&body);
	return 0;
}
