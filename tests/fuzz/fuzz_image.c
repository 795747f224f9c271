/* tests/fuzz/fuzz_image.c - whatever a request calls the URL of a picture, and a picture's bytes. */
#include "common/chat/image.h"

#include "tests/fuzz/must.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool lies_in(struct span part, struct span whole)
{
	return part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size), type, base64;
	struct err err = ERR_INIT;
	const char *found = image_type(text);
	int with_urls, without;

	must(!found || image_type_name(span_str(found)) == found);
	without = image_check_url(text, false, &err);
	must(without == 0 || err.code == E_image_url_not_supported || err.code == E_image_decode_error ||
	     err.code == E_image_base64_invalid);
	with_urls = image_check_url(text, true, &err);
	must(without < 0 || with_urls == 0);
	if (image_split_uri(text, &type, &base64, &err) < 0) {
		must(without < 0);
		return 0;
	}
	must(lies_in(type, text) && lies_in(base64, text));
	return 0;
}
