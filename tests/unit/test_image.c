/* Pictures in requests: what passes, and which error names what does not. */
#include "common/chat/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "common/base/mem.h"

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#define GIF "R0lGODlhAQABAAAAACwAAAAAAQABAAA="
#define WEBP "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoBAAEAAQAcJaQAA3AA"

static void tells_good_pictures_from_bad_ones(void **state)
{
	static const struct {
		const char *url;
		bool takes_urls;
		enum err_code code;
	} cases[] = {
		{ "data:image/png;base64," PNG, false, E_none },
		{ "data:image/gif;base64," GIF, false, E_none },
		{ "data:image/webp;base64," WEBP, false, E_none },
		{ "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQ==", false, E_none },
		{ "data:image/jpg;base64,/9j/4AAQSkZJRgABAQ==", false, E_none },
		{ "data:image/jpeg;base64," PNG, false, E_image_decode_error },
		{ "data:image/png;base64,aGVsbG8=", false, E_image_decode_error },
		{ "data:text/plain;base64,aGVsbG8=", false, E_image_decode_error },
		{ "data:;base64," PNG, false, E_image_decode_error },
		{ "data:image/png," PNG, false, E_image_decode_error },
		{ "data:image/png;base64", false, E_image_decode_error },
		{ "data:image/png;base64,", false, E_image_base64_invalid },
		{ "data:image/png;base64,iVBORw0KGg=", false, E_image_base64_invalid },
		{ "data:image/png;base64,iVBO Rw0K", false, E_image_base64_invalid },
		{ PNG, false, E_image_decode_error },
		{ "", false, E_image_decode_error },
		{ "DATA:Image/PNG;Base64," PNG, false, E_none },
		{ "HTTPS://example.org/a.png", false, E_image_url_not_supported },
		{ "https://example.org/a.png", false, E_image_url_not_supported },
		{ "http://example.org/a.png", false, E_image_url_not_supported },
		{ "https://example.org/a.png", true, E_none },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		int result = image_check_url(span_str(cases[i].url), cases[i].takes_urls, &err);

		assert_int_equal(result, cases[i].code == E_none ? 0 : -1);
		assert_string_equal(err_info(err.code)->code, err_info(cases[i].code)->code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_good_pictures_from_bad_ones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
