/*
 * common/loop/http1_text.c - the words of HTTP: byte classes, methods, lists, reason phrases.
 */
#include "common/loop/http1.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/mem.h"
#include "common/loop/http1_class.h"
#include "common/loop/http1_inside.h"

/* One row for 16 bytes; the sums are of the classes above. */
const unsigned char http1_class[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 39, 6, 3, 39, 39, 39, 39, 38, 38, 39, 39, 6, 39, 39, 6,
	63, 63, 63, 63, 63, 63, 63, 63, 63, 63, 6, 38, 6, 38, 6, 6,
	6, 55, 55, 55, 55, 55, 55, 39, 39, 39, 39, 39, 39, 39, 39, 39,
	39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 6, 6, 6, 7, 39,
	7, 55, 55, 55, 55, 55, 55, 39, 39, 39, 39, 39, 39, 39, 39, 39,
	39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 39, 6, 7, 6, 39, 0,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2,
};

static const struct {
	enum http1_method method;
	const char *name;
} methods[] = {
	{ HTTP1_GET, "GET" },	{ HTTP1_HEAD, "HEAD" },	    { HTTP1_POST, "POST" },
	{ HTTP1_PUT, "PUT" },	{ HTTP1_PATCH, "PATCH" },   { HTTP1_DELETE, "DELETE" },
	{ HTTP1_OPTIONS, "OPTIONS" },
};

const char *http1_method_name(enum http1_method m)
{
	for (size_t i = 0; i < ARRAY_LEN(methods); i++)
		if (methods[i].method == m)
			return methods[i].name;
	return "OTHER";
}

bool http1_is_authority(struct span s)
{
	size_t i = 0;
	int64_t port;

	if (s.len > 0 && s.ptr[0] == '[') {
		while (++i < s.len && (http1_is(HTTP1_HEX, s.ptr[i]) || s.ptr[i] == ':' || s.ptr[i] == '.'))
			;
		if (i < 3 || i == s.len || s.ptr[i] != ']')
			return false;
		i++;
	} else {
		while (i < s.len && http1_is(HTTP1_HOST_CHAR, s.ptr[i]))
			i++;
		if (i == 0)
			return false;
	}
	if (i == s.len)
		return true;
	if (s.ptr[i] != ':')
		return false;
	s = span_from(s, i + 1);
	return s.len == 0 || (s.len <= 5 && span_to_int(s, 0, 65535, &port) == 0);
}

/* Whether a byte of a word is a control character, among them the tab, or DEL; or may be one. */
static bool has_control(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t del = x ^ ones * 0x7f;

	return (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & high;
}

bool http1_is_field_value(struct span s)
{
	/* Most are short and plain: words, the last of which may overlap the one before. */
	if (s.len >= 4 && s.len < 8)
		return !has_control(bytes_load_short(s.ptr, s.len)) || http1_value_end(s.ptr, 0, s.len) == s.len;
	if (s.len < 8 || s.len > 64)
		return http1_value_end(s.ptr, 0, s.len) == s.len;
	for (size_t at = 0; at + 8 < s.len; at += 8)
		if (has_control(bytes_load_8(s.ptr + at)))
			return http1_value_end(s.ptr, at, s.len) == s.len;
	return !has_control(bytes_load_8(s.ptr + s.len - 8)) || http1_value_end(s.ptr, 0, s.len) == s.len;
}

bool http1_list_has(struct span list, const char *token)
{
	while (list.ptr)
		if (span_is_nocase(span_trim(span_cut(&list, ',')), token))
			return true;
	return false;
}

struct span http1_search(const struct http1_head *head, struct span name)
{
	for (size_t i = 0; i < head->field_count; i++) {
		if (head->fields[i].name_len != name.len)
			continue;
		struct http1_name_value f = http1_field_at(head, i);

		if (span_equal_nocase(f.name, name))
			return f.value;
	}
	return SPAN_NONE;
}

const char *http1_reason(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{ 200, "OK" },
		{ 100, "Continue" },
		{ 101, "Switching Protocols" },
		{ 103, "Early Hints" },
		{ 201, "Created" },
		{ 202, "Accepted" },
		{ 203, "Non-Authoritative Information" },
		{ 204, "No Content" },
		{ 205, "Reset Content" },
		{ 206, "Partial Content" },
		{ 207, "Multi-Status" },
		{ 300, "Multiple Choices" },
		{ 301, "Moved Permanently" },
		{ 302, "Found" },
		{ 303, "See Other" },
		{ 304, "Not Modified" },
		{ 307, "Temporary Redirect" },
		{ 308, "Permanent Redirect" },
		{ 400, "Bad Request" },
		{ 401, "Unauthorized" },
		{ 402, "Payment Required" },
		{ 403, "Forbidden" },
		{ 404, "Not Found" },
		{ 405, "Method Not Allowed" },
		{ 406, "Not Acceptable" },
		{ 408, "Request Timeout" },
		{ 409, "Conflict" },
		{ 410, "Gone" },
		{ 411, "Length Required" },
		{ 412, "Precondition Failed" },
		{ 413, "Content Too Large" },
		{ 414, "URI Too Long" },
		{ 415, "Unsupported Media Type" },
		{ 416, "Range Not Satisfiable" },
		{ 417, "Expectation Failed" },
		{ 421, "Misdirected Request" },
		{ 422, "Unprocessable Content" },
		{ 424, "Failed Dependency" },
		{ 426, "Upgrade Required" },
		{ 428, "Precondition Required" },
		{ 429, "Too Many Requests" },
		{ 431, "Request Header Fields Too Large" },
		{ 499, "Client Closed Request" },
		{ 500, "Internal Server Error" },
		{ 501, "Not Implemented" },
		{ 502, "Bad Gateway" },
		{ 503, "Service Unavailable" },
		{ 504, "Gateway Timeout" },
		{ 505, "HTTP Version Not Supported" },
		{ 507, "Insufficient Storage" },
		{ 529, "Overloaded" },
	};

	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Unknown";
}
