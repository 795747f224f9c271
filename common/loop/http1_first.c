/*
 * common/loop/http1_first.c - the first line of a head: that of a request, or of a response.
 */
#include "common/loop/http1_inside.h"

#include <string.h>

#include "common/base/mem.h"
#include "common/loop/http1_class.h"

/* How far the first line may be read. */
static size_t line_stop(const struct http1_parser *p, struct span in)
{
	size_t max = p->line_start + p->limits->line_max;
	return in.len < max ? in.len : max;
}

static int read_start(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return http1_need_more(p, in, err);
	/* RFC 9112 2.2: one empty line before a request is forgiven. */
	if (in.ptr[p->at] == '\r') {
		p->at++;
		p->state = AT_START_LF;
	} else {
		p->state = AT_METHOD;
	}
	return HTTP1_NEXT;
}

static int read_start_lf(struct http1_parser *p, struct span in, struct err *err)
{
	int result = http1_expect(p, in, '\n', "CR without LF", err);

	if (result != HTTP1_NEXT)
		return result;
	p->line_start = ++p->at;
	p->state = AT_METHOD;
	return HTTP1_NEXT;
}

static enum http1_method find_method(const char *text, size_t len)
{
	switch (len) {
	case 3:
		return memcmp(text, "GET", 3) == 0 ? HTTP1_GET :
		       memcmp(text, "PUT", 3) == 0 ? HTTP1_PUT :
						     HTTP1_OTHER;
	case 4:
		return memcmp(text, "POST", 4) == 0 ? HTTP1_POST :
		       memcmp(text, "HEAD", 4) == 0 ? HTTP1_HEAD :
						      HTTP1_OTHER;
	case 5:
		return memcmp(text, "PATCH", 5) == 0 ? HTTP1_PATCH : HTTP1_OTHER;
	case 6:
		return memcmp(text, "DELETE", 6) == 0 ? HTTP1_DELETE : HTTP1_OTHER;
	case 7:
		return memcmp(text, "OPTIONS", 7) == 0 ? HTTP1_OPTIONS : HTTP1_OTHER;
	default:
		return HTTP1_OTHER;
	}
}

static int read_method(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in), at = p->at;

	while (at < stop && http1_is(HTTP1_TCHAR, in.ptr[at]))
		at++;
	p->at = at;
	if (at == stop)
		return http1_need_more(p, in, err);
	if (in.ptr[at] != ' ' || at == p->line_start)
		return http1_malformed(p, err, "expected a method, then one space");
	p->method.begin = (unsigned)p->line_start;
	p->method.end = (unsigned)at;
	p->method_kind = find_method(in.ptr + p->line_start, at - p->line_start);
	if (span_is(span_of(in.ptr + p->line_start, at - p->line_start), "CONNECT"))
		return http1_malformed(p, err, "CONNECT is not served here");
	p->mark = ++p->at;
	p->state = AT_TARGET;
	return HTTP1_NEXT;
}

/* The length of "http://" or "https://" at the front, in any case; 0 when there is neither. */
static size_t scheme_len(struct span s)
{
	static const char *const schemes[] = { "http://", "https://" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		size_t len = strlen(schemes[i]);
		if (s.len >= len && span_is_nocase(span_of(s.ptr, len), schemes[i]))
			return len;
	}
	return 0;
}

/* Finds the path in a target whose characters are good. */
static int judge_target(struct http1_parser *p, struct span in, struct err *err)
{
	struct span t = span_of(in.ptr + p->mark, p->at - p->mark);
	size_t path = 0;

	if (t.ptr[0] == '*' && t.len > 1)
		return http1_malformed(p, err, "expected a path, \"*\" or an http URL as request target");
	if (t.ptr[0] != '/' && t.ptr[0] != '*') {
		size_t host = scheme_len(t);
		for (path = host; path < t.len && t.ptr[path] != '/' && t.ptr[path] != '?';)
			path++;
		if (host == 0 || !http1_is_authority(span_of(t.ptr + host, path - host)))
			return http1_malformed(p, err, "expected a path, \"*\" or an http URL as request target");
		p->authority.begin = (unsigned)(p->mark + host);
		p->authority.end = (unsigned)(p->mark + path);
	}
	p->target.begin = (unsigned)(p->mark + path);
	p->target.end = (unsigned)p->at;
	const char *query = memchr(t.ptr + path, '?', t.len - path);
	p->path.begin = p->target.begin;
	p->path.end = query ? (unsigned)(query - in.ptr) : p->target.end;
	return HTTP1_NEXT;
}

static int read_target(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in), at = p->at;

	if (at == stop)
		return http1_need_more(p, in, err);
	if (at == p->mark && in.ptr[at] != '/' && in.ptr[at] != '*' && (in.ptr[at] | 0x20) != 'h')
		return http1_malformed(p, err, "expected a path, \"*\" or an http URL as request target");
	at = http1_target_end(in.ptr, at, stop);
	p->at = at;
	if (at == stop)
		return http1_need_more(p, in, err);
	if (in.ptr[at] == '#')
		return http1_malformed(p, err, "a fragment in the request target");
	if (in.ptr[at] != ' ')
		return http1_malformed(p, err, "expected one space and the HTTP version after the request target");
	if (judge_target(p, in, err) < 0)
		return HTTP1_REFUSED;
	p->mark = ++p->at;
	p->state = AT_VERSION;
	return HTTP1_NEXT;
}

/* One character of "HTTP/1.1". */
static int read_version_char(struct http1_parser *p, char c, struct err *err)
{
	static const char form[] = "HTTP/d.d";
	size_t i = p->at - p->mark;

	if (form[i] != 'd')
		return c == form[i] ? HTTP1_NEXT : http1_malformed(p, err, "expected an HTTP version");
	if (!http1_is(HTTP1_DIGIT, c))
		return http1_malformed(p, err, "expected an HTTP version");
	if (i == 5 && c != '1')
		return http1_refuse(p, err, E_http_version_not_supported, "", "not HTTP/1");
	if (i == 7)
		p->minor = c == '0' ? 0 : 1;
	return HTTP1_NEXT;
}

static int read_version(struct http1_parser *p, struct span in, struct err *err)
{
	static const char most[] = "HTTP/1.1";
	size_t stop = line_stop(p, in);

	if (p->at == p->mark && stop - p->at >= 8 && memcmp(in.ptr + p->at, most, 8) == 0) {
		p->at += 8;
		p->minor = 1;
	}
	for (; p->at - p->mark < 8; p->at++) {
		if (p->at == stop)
			return http1_need_more(p, in, err);
		if (read_version_char(p, in.ptr[p->at], err) < 0)
			return HTTP1_REFUSED;
	}
	if (p->kind == HTTP1_RESPONSE) {
		p->state = AT_STATUS_SPACE;
		return HTTP1_NEXT;
	}
	if (in.ptr[p->target.begin] == '*' && p->method_kind != HTTP1_OPTIONS)
		return http1_malformed(p, err, "only OPTIONS may ask for \"*\"");
	p->state = AT_LINE_CR;
	return HTTP1_NEXT;
}

static int read_status_space(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == line_stop(p, in))
		return http1_need_more(p, in, err);
	if (in.ptr[p->at] != ' ')
		return http1_malformed(p, err, "expected one space after the HTTP version");
	p->at++;
	p->state = AT_STATUS;
	return HTTP1_NEXT;
}

static int read_status(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in);

	for (; p->status_digits < 3; p->status_digits++, p->at++) {
		if (p->at == stop)
			return http1_need_more(p, in, err);
		char c = in.ptr[p->at];
		if (!http1_is(HTTP1_DIGIT, c) || (p->status_digits == 0 && c == '0'))
			return http1_malformed(p, err, "expected a status of three digits");
		p->status = p->status * 10 + (c - '0');
	}
	p->state = AT_REASON_SPACE;
	return HTTP1_NEXT;
}

static int read_reason_space(struct http1_parser *p, struct span in, struct err *err)
{
	p->reason.begin = p->reason.end = (unsigned)p->at;
	if (p->at < in.len && in.ptr[p->at] == '\r') {
		p->state = AT_LINE_CR;
		return HTTP1_NEXT;
	}
	if (p->at == line_stop(p, in))
		return http1_need_more(p, in, err);
	if (in.ptr[p->at] != ' ')
		return http1_malformed(p, err, "expected a status of three digits");
	p->reason.begin = (unsigned)++p->at;
	p->state = AT_REASON;
	return HTTP1_NEXT;
}

static int read_reason(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in);

	p->at = http1_value_end(in.ptr, p->at, stop);
	p->reason.end = (unsigned)p->at;
	if (p->at < in.len && in.ptr[p->at] == '\r') {
		p->state = AT_LINE_CR;
		return HTTP1_NEXT;
	}
	if (p->at == stop)
		return http1_need_more(p, in, err);
	return http1_malformed(p, err, "a control character in the reason phrase");
}

static int read_line_cr(struct http1_parser *p, struct span in, struct err *err)
{
	int result = http1_expect(p, in, '\r', "expected CRLF after the first line", err);

	if (result != HTTP1_NEXT)
		return result;
	p->at++;
	p->state = AT_LINE_LF;
	return HTTP1_NEXT;
}

static int read_line_lf(struct http1_parser *p, struct span in, struct err *err)
{
	int result = http1_expect(p, in, '\n', "CR without LF", err);

	if (result != HTTP1_NEXT)
		return result;
	p->at++;
	p->state = AT_FIELD;
	return HTTP1_NEXT;
}

static const struct span line_end = SPAN_INIT(" HTTP/1.1\r\n"), answer_start = SPAN_INIT("HTTP/1.1 ");

static bool starts_at(struct span in, size_t at, struct span with)
{
	return in.len - at >= with.len && memcmp(in.ptr + at, with.ptr, with.len) == 0;
}

/*
 * The usual line of a request that is there whole, such as "POST /path HTTP/1.1".  Otherwise nothing
 * is done, and it is read step by step.
 */
static void take_request_line(struct http1_parser *p, struct span in)
{
	size_t stop = line_stop(p, in), target = 0, end;

	while (target < stop && in.ptr[target] >= 'A' && in.ptr[target] <= 'Z')
		target++;
	if (target == 0 || stop - target < 2 || in.ptr[target] != ' ' || in.ptr[target + 1] != '/')
		return;
	end = http1_target_end(in.ptr, ++target, stop);
	if (stop - end < line_end.len || !starts_at(in, end, line_end))
		return;
	p->method_kind = find_method(in.ptr, target - 1);
	if (p->method_kind == HTTP1_OTHER)
		return;
	p->method.end = (unsigned)(target - 1);
	p->mark = target;
	p->at = end;
	(void)judge_target(p, in, NULL); /* of a path there is nothing bad to say */
	p->minor = 1;
	p->at = end + line_end.len;
	p->state = AT_FIELD;
}

/* The same of a response: "HTTP/1.1 200 OK". */
static void take_status_line(struct http1_parser *p, struct span in)
{
	size_t stop = line_stop(p, in), at = answer_start.len, end;

	if (stop < at + 6 || !starts_at(in, 0, answer_start) || in.ptr[at] < '1' || in.ptr[at] > '9' ||
	    !http1_is(HTTP1_DIGIT, in.ptr[at + 1]) || !http1_is(HTTP1_DIGIT, in.ptr[at + 2]) || in.ptr[at + 3] != ' ')
		return;
	end = http1_value_end(in.ptr, at + 4, stop);
	if (stop - end < 2 || in.ptr[end] != '\r' || in.ptr[end + 1] != '\n')
		return;
	p->status = (in.ptr[at] - '0') * 100 + (in.ptr[at + 1] - '0') * 10 + (in.ptr[at + 2] - '0');
	p->reason.begin = (unsigned)(at + 4);
	p->reason.end = (unsigned)end;
	p->minor = 1;
	p->at = end + 2;
	p->state = AT_FIELD;
}

static inline int read_on(struct http1_parser *p, struct span in, struct err *err)
{
	switch (p->state) {
	case AT_START:
		return read_start(p, in, err);
	case AT_START_LF:
		return read_start_lf(p, in, err);
	case AT_METHOD:
		return read_method(p, in, err);
	case AT_TARGET:
		return read_target(p, in, err);
	case AT_VERSION:
		return read_version(p, in, err);
	case AT_STATUS_SPACE:
		return read_status_space(p, in, err);
	case AT_STATUS:
		return read_status(p, in, err);
	case AT_REASON_SPACE:
		return read_reason_space(p, in, err);
	case AT_REASON:
		return read_reason(p, in, err);
	case AT_LINE_CR:
		return read_line_cr(p, in, err);
	default: /* AT_LINE_LF */
		return read_line_lf(p, in, err);
	}
}

int http1_first_line(struct http1_parser *p, struct span in, struct err *err)
{
	int result = HTTP1_NEXT;

	if (p->at == 0 && p->state == AT_START)
		take_request_line(p, in);
	else if (p->at == 0 && p->state == AT_VERSION)
		take_status_line(p, in);
	while (p->state <= AT_LINE_LF && result == HTTP1_NEXT)
		result = read_on(p, in, err);
	return result;
}
