/*
 * tests/unit/test_multipart.c - forms whole and in all their pieces, and what is refused.
 */
#include "common/base/multipart.h"

#include "common/base/buf.h"
#include "common/base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const char form_type[] = "multipart/form-data; boundary=xyz";

/* Parts as "name|filename|type|content;", then "." for the end or "!" and the fault. */
static void read_pieces(const char *type, struct span form, size_t first, size_t step, struct buf *out)
{
	struct multipart m;
	struct err err = ERR_INIT;
	struct span data;
	bool ended = false;

	buf_clear(out);
	if (multipart_init(&m, span_str(type), &err) < 0) {
		buf_printf(out, "!%s %s", err.param, err.message);
		return;
	}
	for (size_t at = 0; at < form.len && !ended;) {
		size_t len = at == 0 ? first : step;
		len = len < form.len - at ? len : form.len - at;
		char *copy = mem_alloc(len + 1);
		memcpy(copy, form.ptr + at, len);
		struct span bytes = span_of(copy, len);
		enum multipart_event event;

		at += len;
		while (!ended && (event = multipart_next(&m, &bytes, &data, &err)) != MULTIPART_MORE) {
			if (event == MULTIPART_HEAD)
				buf_printf(out, "%.*s|%.*s|%.*s|", SPAN_ARGS(m.part.name),
					   SPAN_ARGS(m.part.filename), SPAN_ARGS(m.part.type));
			else if (event == MULTIPART_DATA)
				buf_add_span(out, data);
			else if (event == MULTIPART_PART_END)
				buf_add_char(out, ';');
			else
				ended = true;
		}
		mem_free(copy);
	}
	if (err.code == E_none && multipart_finish(&m, &err) == 0)
		buf_add_char(out, '.');
	else
		buf_printf(out, "!%s %s", err.param, err.message);
}

static void expect_all_ways(const char *type, const char *form, const char *expected)
{
	struct buf out;
	struct span text = span_str(form);

	buf_init(&out, 64 * KIB);
	for (size_t first = 1; first <= text.len; first++) {
		read_pieces(type, text, first, text.len, &out);
		assert_string_equal(buf_str(&out), expected);
	}
	for (size_t step = 1; step <= 3; step++) {
		read_pieces(type, text, step, step, &out);
		assert_string_equal(buf_str(&out), expected);
	}
	buf_free(&out);
}

static void parts_come_out_the_same_in_whatever_pieces_they_arrive(void **state)
{
	static const struct {
		const char *form, *parts;
	} cases[] = {
		{ "--xyz--", "." },
		{ "--xyz--\r\nan epilogue\r\n--xyz\r\n", "." },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--xyz--\r\n", "a|||1;." },
		{ "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xyz--\r\n", "a|||;." },
		{ "--xyz \t\r\ncontent-disposition:form-data;name=\"a\"\r\nContent-Type:  text/plain \r\n\r\n1\r\n--xyz--",
		  "a||text/plain|1;." },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a;b.png\"\r\n"
		  "Content-Type: image/png\r\n\r\n\r\r\n-\r\n--\r\n--xy\r\n--\r\r\n\r\n--xyz\r\n"
		  "Content-Disposition: form-data; filename=\"a \\\"b\\\"\"; name=\"b\"; filename*=UTF-8''x\r\n"
		  "X-Other: 1\r\nContent-Transfer-Encoding: binary\r\n\r\n-- xyz\r\n--xyz--",
		  "file|a;b.png|image/png|\r\r\n-\r\n--\r\n--xy\r\n--\r\r\n;b|a \\\"b\\\"||-- xyz;." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_all_ways(form_type, cases[i].form, cases[i].parts);
}

static void a_broken_form_is_refused_with_its_part(void **state)
{
#define AT(part) "!body the form is broken at its part " part ": "
#define CUT(part) "!body the form ends before its closing boundary, in part " part
	static const struct {
		const char *form, *outcome;
	} cases[] = {
		{ "x", AT("0") "the body does not begin with the boundary" },
		{ "\r\n--xyz--", AT("0") "the body does not begin with the boundary" },
		{ "--xyy", AT("0") "the body does not begin with the boundary" },
		{ "--xy", CUT("0") },
		{ "--xyz", CUT("0") },
		{ "--xyz-", CUT("0") },
		{ "--xyz\r\n", CUT("1") },
		{ "--xyzz", AT("0") "the line of its boundary goes on with something else" },
		{ "--xyz -", AT("0") "the line of its boundary goes on with something else" },
		{ "--xyz\r-", AT("0") "the line of its boundary goes on with something else" },
		{ "--xyz-x", AT("0") "the line of its boundary goes on with something else" },
		{ "--xyz\n", AT("0") "the line of its boundary goes on with something else" },
		{ "--xyz\r\n\r\n", AT("1") "it has no Content-Disposition" },
		{ "--xyz\r\nContent-Type: a/b\r\n\r\n", AT("1") "it has no Content-Disposition" },
		{ "--xyz\r\nContent-Disposition: form-data\r\n\r\n", AT("1") "its Content-Disposition has no name" },
		{ "--xyz\r\nContent-Disposition: file; name=a\r\n\r\n", AT("1") "its Content-Disposition is not form-data" },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"a\r\n\r\n", AT("1") "its Content-Disposition cannot be read" },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"a\" b\r\n\r\n",
		  AT("1") "its Content-Disposition cannot be read" },
		{ "--xyz\r\nContent-Disposition: form-data; name=\r\n\r\n", AT("1") "its Content-Disposition cannot be read" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\n",
		  AT("1") "a parameter of its Content-Disposition stands twice" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a; x=b\"; y=\"; name=model; z=\"\r\n\r\n",
		  AT("1") "its Content-Disposition cannot be read" },
		{ "--xyz\r\nContent-Disposition: form-data; x=\"\\\\\"; name=a; y=\"; name=model; z=\"\r\n\r\n",
		  AT("1") "its Content-Disposition cannot be read" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a; name*=UTF-8''model\r\n\r\n",
		  AT("1") "its name is written in another way than name=" },
		{ "--xyz\r\nContent-Disposition: form-data; Name*0=mo; name*1=del; name=a\r\n\r\n",
		  AT("1") "its name is written in another way than name=" },
		{ "--xyz\r\nContent-Disposition: form-data; name=\"mo\\del\"\r\n\r\n", AT("1") "its name has a backslash" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\n",
		  AT("1") "it has two Content-Disposition lines" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a\r\n b\r\n\r\n", AT("1") "a header line has a broken name" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a\r\nb\r\n\r\n", AT("1") "a header line has no name" },
		{ "--xyz\r\nX: \x01\r\n\r\n", AT("1") "a header line has control characters" },
		{ "--xyz\r\nX: a\rb\r\n\r\n", AT("1") "a header line has control characters" },
		{ "--xyz\r\nX: a\nb\r\n\r\n", AT("1") "a header line has control characters" },
		{ "--xyz\r\nContent-Type: a/b\r\nContent-Type: a/b\r\n\r\n", AT("1") "it has two Content-Type lines" },
		{ "--xyz\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64\r\n\r\n",
		  AT("1") "transfer encodings have no place in form-data" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		expect_all_ways(form_type, cases[i].form, cases[i].outcome);
	expect_all_ways(form_type, "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--xy", "a|||1" CUT("1"));
}

static void a_content_type_names_its_boundary(void **state)
{
#define TYPE(how) "!headers.content-type " how
	static const char many[] = "multipart/form-data; boundary="
				   "0123456789012345678901234567890123456789012345678901234567890123456789";
	static const struct {
		const char *type, *outcome;
	} cases[] = {
		{ "multipart/form-data", TYPE("multipart/form-data needs its boundary parameter") },
		{ "multipart/form-data;", TYPE("multipart/form-data needs its boundary parameter") },
		{ "multipart/form-data; charset=utf-8", TYPE("multipart/form-data needs its boundary parameter") },
		{ "multipart/form-data; boundary=", TYPE("the parameters of multipart/form-data are broken") },
		{ "multipart/form-data; boundary", TYPE("the parameters of multipart/form-data are broken") },
		{ "multipart/form-data; boundary=\"a", TYPE("the parameters of multipart/form-data are broken") },
		{ "multipart/form-data; boundary=a; boundary=a", TYPE("multipart/form-data has two boundaries") },
		{ "multipart/form-data; boundary=a; boundary*=UTF-8''b",
		  TYPE("multipart/form-data has boundary, not boundary*") },
		{ "multipart/form-data; BOUNDARY*0=b; boundary=a",
		  TYPE("multipart/form-data has boundary, not BOUNDARY*0") },
		{ "multipart/form-data; boundary=\"\"",
		  TYPE("a boundary has 1 to 70 characters of those that RFC 2046 names") },
		{ "multipart/form-data; boundary=\"a \"",
		  TYPE("a boundary has 1 to 70 characters of those that RFC 2046 names") },
		{ "multipart/form-data; boundary=a*b",
		  TYPE("a boundary has 1 to 70 characters of those that RFC 2046 names") },
	};
	struct multipart m;
	struct buf out;

	(void)state;
	buf_init(&out, 4 * KIB);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		read_pieces(cases[i].type, SPAN_LIT("--xyz--"), 1, 1, &out);
		assert_string_equal(buf_str(&out), cases[i].outcome);
	}
	expect_all_ways("Multipart/Form-Data ;charset=utf-8; BOUNDARY=\"a b'()+_,-./:=?\";", "--a b'()+_,-./:=?--", ".");
	assert_int_equal(multipart_init(&m, span_str(many), NULL), 0);
	buf_add_str(&out, "");
	buf_clear(&out);
	buf_printf(&out, "%s0", many);
	assert_int_equal(multipart_init(&m, buf_span(&out), NULL), -1);
	buf_free(&out);
	assert_true(multipart_is_form(span_str("multipart/FORM-data")));
	assert_false(multipart_is_form(span_str("multipart/mixed; boundary=x")));
	assert_false(multipart_is_form(SPAN_NONE));
}

static void heads_and_parts_are_bounded(void **state)
{
	struct buf form, out;

	(void)state;
	buf_init(&form, 64 * KIB);
	buf_init(&out, 64 * KIB);
	buf_add_str(&form, "--xyz\r\nContent-Disposition: form-data; name=\"");
	for (size_t i = 0; i < MULTIPART_HEAD_MAX; i++)
		buf_add_char(&form, 'n');
	read_pieces(form_type, buf_span(&form), 1, 100, &out);
	assert_string_equal(buf_str(&out), AT("1") "its header lines are too long");
	buf_clear(&form);
	for (size_t i = 0; i <= MULTIPART_PARTS_MAX; i++)
		buf_add_str(&form, i ? "\r\n--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n" :
				       "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n");
	read_pieces(form_type, buf_span(&form), 1, 100, &out);
	assert_true(span_ends(buf_span(&out), AT("64") "there are too many parts"));
	buf_clear(&form);
	buf_add_str(&form, "--xyz");
	for (size_t i = 0; i < 65; i++)
		buf_add_char(&form, ' ');
	read_pieces(form_type, buf_span(&form), 1, 100, &out);
	assert_string_equal(buf_str(&out), AT("0") "the line of its boundary goes on with something else");
	buf_free(&form);
	buf_free(&out);
}

static void a_whole_form_is_told_in_its_own_bytes(void **state)
{
	static const char form[] = "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\n"
				   "Content-Type: image/png\r\n\r\na\r\n--xy\rb\r\n--xyz\r\n"
				   "Content-Disposition: form-data; name=b\r\n\r\n\r\n--xyz--\r\n";
	struct multipart_field fields[2];
	struct err err = ERR_INIT;
	size_t count;

	(void)state;
	assert_int_equal(multipart_read_all(span_str(form_type), span_str(form), fields, 2, &count, &err), 0);
	assert_int_equal(count, 2);
	assert_true(span_is(fields[0].part.name, "file"));
	assert_true(span_is(fields[0].part.filename, "a.png"));
	assert_true(span_is(fields[0].part.type, "image/png"));
	assert_true(span_is(fields[0].content, "a\r\n--xy\rb"));
	assert_true(fields[0].part.name.ptr > form && fields[0].part.name.ptr < form + sizeof form);
	assert_true(span_is(fields[1].part.name, "b"));
	assert_null(fields[1].part.filename.ptr);
	assert_true(span_is(fields[1].content, ""));
	assert_int_equal(multipart_read_all(span_str(form_type), span_str(form), fields, 1, &count, &err), -1);
	assert_int_equal(err.code, E_invalid_field);
	assert_int_equal(
		multipart_read_all(span_str(form_type), span_of(form, sizeof form - 6), fields, 2, &count, &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_come_out_the_same_in_whatever_pieces_they_arrive),
		cmocka_unit_test(a_broken_form_is_refused_with_its_part),
		cmocka_unit_test(a_content_type_names_its_boundary),
		cmocka_unit_test(a_whole_form_is_told_in_its_own_bytes),
		cmocka_unit_test(heads_and_parts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
