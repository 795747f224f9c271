/*
 * common/loop/http1.c - reads the head of a request or a response.
 *
 * One pass: each state reads what it can from p->at on and either moves to the next state, asks for
 * more bytes or refuses.  Fields that decide about framing are judged when their line is complete,
 * by http1_fields.c.  Bodies are http1_body.c's, words and byte classes http1_text.c's.
 */
#include "common/loop/http1.h"

#include <assert.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/loop/http1_class.h"
#include "common/loop/http1_inside.h"

const struct http1_limits http1_default_limits = {
	.line_max = 8 * KIB,
	.head_max = 32 * KIB,
	.fields_max = HTTP1_FIELDS_MAX,
};

enum state {
	START, /* up to LINE_CR: the first line */
	START_LF,
	METHOD,
	TARGET,
	VERSION,
	STATUS_SPACE,
	STATUS,
	REASON_SPACE,
	REASON,
	LINE_CR,
	LINE_LF,
	FIELD,
	NAME,
	VALUE_SPACE,
	VALUE,
	VALUE_LF,
	LAST_LF,
	DONE,
	BROKEN,
};

enum { MORE = 0, NEXT = 1, REFUSED = -1 };

void http1_parser_init(struct http1_parser *p, enum http1_kind kind, const struct http1_limits *limits)
{
	*p = (struct http1_parser){
		.kind = kind,
		.limits = limits ? limits : &http1_default_limits,
		.state = kind == HTTP1_REQUEST ? START : VERSION,
		.method_kind = HTTP1_OTHER,
		.content_length = -1,
	};
	assert(p->limits->head_max <= HTTP1_HEAD_MAX && p->limits->fields_max <= HTTP1_FIELDS_MAX);
}

int http1_refuse(struct http1_parser *p, struct err *err, enum err_code code, const char *param,
		 const char *what)
{
	p->state = BROKEN;
	if (p->kind == HTTP1_RESPONSE)
		return err_set(err, E_upstream_error, "", "response head, at byte %zu: %s", p->at, what);
	return err_set(err, code, param, "request head, at byte %zu: %s", p->at, what);
}

static int malformed(struct http1_parser *p, struct err *err, const char *what)
{
	return http1_refuse(p, err, E_malformed_request, "", what);
}

/* All that may be looked at has been: is that a limit, or only the end of what has come? */
static int need_more(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->state < LINE_CR && p->at < in.len)
		return http1_refuse(p, err, E_uri_too_long, "", "the first line is too long");
	if (p->at >= p->limits->head_max)
		return http1_refuse(p, err, E_headers_too_large, "headers", "the head is too large");
	return MORE;
}

/* How far the first line may be read. */
static size_t line_stop(const struct http1_parser *p, struct span in)
{
	size_t max = p->line_start + p->limits->line_max;
	return in.len < max ? in.len : max;
}

static int read_start(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	/* RFC 9112 2.2: one empty line before a request is forgiven. */
	if (in.ptr[p->at] == '\r') {
		p->at++;
		p->state = START_LF;
	} else {
		p->state = METHOD;
	}
	return NEXT;
}

static int read_start_lf(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	if (in.ptr[p->at] != '\n')
		return malformed(p, err, "CR without LF");
	p->line_start = ++p->at;
	p->state = METHOD;
	return NEXT;
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
		return need_more(p, in, err);
	if (in.ptr[at] != ' ' || at == p->line_start)
		return malformed(p, err, "expected a method, then one space");
	p->method.begin = (unsigned)p->line_start;
	p->method.end = (unsigned)at;
	p->method_kind = find_method(in.ptr + p->line_start, at - p->line_start);
	if (span_is(span_of(in.ptr + p->line_start, at - p->line_start), "CONNECT"))
		return malformed(p, err, "CONNECT is not served here");
	p->mark = ++p->at;
	p->state = TARGET;
	return NEXT;
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
		return malformed(p, err, "expected a path, \"*\" or an http URL as request target");
	if (t.ptr[0] != '/' && t.ptr[0] != '*') {
		size_t host = scheme_len(t);
		for (path = host; path < t.len && t.ptr[path] != '/' && t.ptr[path] != '?';)
			path++;
		if (host == 0 || !http1_is_authority(span_of(t.ptr + host, path - host)))
			return malformed(p, err, "expected a path, \"*\" or an http URL as request target");
		p->authority.begin = (unsigned)(p->mark + host);
		p->authority.end = (unsigned)(p->mark + path);
	}
	p->target.begin = (unsigned)(p->mark + path);
	p->target.end = (unsigned)p->at;
	const char *query = memchr(t.ptr + path, '?', t.len - path);
	p->path.begin = p->target.begin;
	p->path.end = query ? (unsigned)(query - in.ptr) : p->target.end;
	return NEXT;
}

static int read_target(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in), at = p->at;

	if (at == stop)
		return need_more(p, in, err);
	if (at == p->mark && in.ptr[at] != '/' && in.ptr[at] != '*' && (in.ptr[at] | 0x20) != 'h')
		return malformed(p, err, "expected a path, \"*\" or an http URL as request target");
	while (at < stop && http1_is(HTTP1_TARGET, in.ptr[at]))
		at++;
	p->at = at;
	if (at == stop)
		return need_more(p, in, err);
	if (in.ptr[at] == '#')
		return malformed(p, err, "a fragment in the request target");
	if (in.ptr[at] != ' ')
		return malformed(p, err, "expected one space and the HTTP version after the request target");
	if (judge_target(p, in, err) < 0)
		return REFUSED;
	p->mark = ++p->at;
	p->state = VERSION;
	return NEXT;
}

/* One character of "HTTP/1.1". */
static int read_version_char(struct http1_parser *p, char c, struct err *err)
{
	static const char form[] = "HTTP/d.d";
	size_t i = p->at - p->mark;

	if (form[i] != 'd')
		return c == form[i] ? NEXT : malformed(p, err, "expected an HTTP version");
	if (!http1_is(HTTP1_DIGIT, c))
		return malformed(p, err, "expected an HTTP version");
	if (i == 5 && c != '1')
		return http1_refuse(p, err, E_http_version_not_supported, "", "not HTTP/1");
	if (i == 7)
		p->minor = c == '0' ? 0 : 1;
	return NEXT;
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
			return need_more(p, in, err);
		if (read_version_char(p, in.ptr[p->at], err) < 0)
			return REFUSED;
	}
	if (p->kind == HTTP1_RESPONSE) {
		p->state = STATUS_SPACE;
		return NEXT;
	}
	if (in.ptr[p->target.begin] == '*' && p->method_kind != HTTP1_OPTIONS)
		return malformed(p, err, "only OPTIONS may ask for \"*\"");
	p->state = LINE_CR;
	return NEXT;
}

static int read_status(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in);

	if (p->at == stop)
		return need_more(p, in, err);
	char c = in.ptr[p->at];
	if (p->state == STATUS_SPACE) {
		if (c != ' ')
			return malformed(p, err, "expected one space after the HTTP version");
		p->state = STATUS;
	} else {
		if (!http1_is(HTTP1_DIGIT, c) || (p->status_digits == 0 && c == '0'))
			return malformed(p, err, "expected a status of three digits");
		p->status = p->status * 10 + (c - '0');
		if (++p->status_digits == 3)
			p->state = REASON_SPACE;
	}
	p->at++;
	return NEXT;
}

static int read_reason_space(struct http1_parser *p, struct span in, struct err *err)
{
	p->reason.begin = p->reason.end = (unsigned)p->at;
	if (p->at < in.len && in.ptr[p->at] == '\r') {
		p->state = LINE_CR;
		return NEXT;
	}
	if (p->at == line_stop(p, in))
		return need_more(p, in, err);
	if (in.ptr[p->at] != ' ')
		return malformed(p, err, "expected a status of three digits");
	p->reason.begin = (unsigned)++p->at;
	p->state = REASON;
	return NEXT;
}

static int read_reason(struct http1_parser *p, struct span in, struct err *err)
{
	size_t stop = line_stop(p, in);

	p->at = http1_value_end(in.ptr, p->at, stop);
	p->reason.end = (unsigned)p->at;
	if (p->at < in.len && in.ptr[p->at] == '\r') {
		p->state = LINE_CR;
		return NEXT;
	}
	if (p->at == stop)
		return need_more(p, in, err);
	return malformed(p, err, "a control character in the reason phrase");
}

static int read_line_end(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	char c = in.ptr[p->at];
	if (p->state == LINE_CR) {
		if (c != '\r')
			return malformed(p, err, "expected CRLF after the first line");
		p->state = LINE_LF;
	} else {
		if (c != '\n')
			return malformed(p, err, "CR without LF");
		p->state = FIELD;
	}
	p->at++;
	return NEXT;
}

/* p->at: at the CR after the value. */
static inline int end_field(struct http1_parser *p, struct span in, struct err *err)
{
	size_t end = p->at, i = p->field_count;

	while (end > p->value_start && (in.ptr[end - 1] == ' ' || in.ptr[end - 1] == '\t'))
		end--;
	p->head->fields[i].name = (uint16_t)p->mark;
	p->head->fields[i].name_len = (uint16_t)(p->name_end - p->mark);
	p->head->fields[i].value = (uint16_t)p->value_start;
	p->head->fields[i].value_len = (uint16_t)(end - p->value_start);
	p->field_count++;
	p->names |= http1_name_bit(in.ptr + p->mark, p->name_end - p->mark);

	int known = http1_find_known(in.ptr + p->mark, p->name_end - p->mark);
	if (known >= 0) {
		if (http1_judge_field(p, known, span_of(in.ptr + p->value_start, end - p->value_start), err) < 0)
			return REFUSED;
		if (!p->known[known])
			p->known[known] = (unsigned char)(i + 1);
	}
	p->at++;
	p->state = VALUE_LF;
	return NEXT;
}

static inline int read_value(struct http1_parser *p, struct span in, struct err *err)
{
	p->at = http1_value_end(in.ptr, p->at, in.len);
	if (p->at == in.len)
		return need_more(p, in, err);
	if (in.ptr[p->at] == '\r')
		return end_field(p, in, err);
	return malformed(p, err, in.ptr[p->at] == '\n' ? "LF without CR" :
							 "a control character in a field's value");
}

static inline int read_value_space(struct http1_parser *p, struct span in, struct err *err)
{
	while (p->at < in.len && (in.ptr[p->at] == ' ' || in.ptr[p->at] == '\t'))
		p->at++;
	if (p->at == in.len)
		return need_more(p, in, err);
	p->value_start = p->at;
	p->state = VALUE;
	return read_value(p, in, err);
}

static inline int read_name(struct http1_parser *p, struct span in, struct err *err)
{
	size_t at = http1_name_end(in.ptr, p->at, in.len);

	p->at = at;
	if (at == in.len)
		return need_more(p, in, err);
	if (in.ptr[at] != ':' || at == p->mark)
		return malformed(p, err, "expected a field's name and right after it a colon");
	p->name_end = at;
	p->at++;
	p->state = VALUE_SPACE;
	return read_value_space(p, in, err);
}

static int read_field(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	char c = in.ptr[p->at];
	if (c == '\r') {
		p->at++;
		p->state = LAST_LF;
		return NEXT;
	}
	if (c == ' ' || c == '\t')
		return malformed(p, err, "a line that begins with white space");
	if (p->field_count == p->limits->fields_max)
		return http1_refuse(p, err, E_headers_too_large, "headers", "too many fields");
	p->mark = p->at;
	p->state = NAME;
	return read_name(p, in, err);
}

static int read_value_lf(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	if (in.ptr[p->at] != '\n')
		return malformed(p, err, "CR without LF");
	p->at++;
	p->state = FIELD;
	return read_field(p, in, err);
}

static int read_last_lf(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->at == in.len)
		return need_more(p, in, err);
	if (in.ptr[p->at] != '\n')
		return malformed(p, err, "CR without LF");
	if (p->kind == HTTP1_REQUEST && p->minor > 0 && !p->known[HTTP1_HOST])
		return http1_refuse(p, err, E_malformed_request, "headers.host", "HTTP/1.1 without Host");
	p->at++;
	p->state = DONE;
	return NEXT;
}

static int refuse_again(struct http1_parser *p, struct span in, struct err *err)
{
	(void)in;
	return malformed(p, err, "it was refused before");
}

static int (*const readers[])(struct http1_parser *, struct span, struct err *) = {
	[START] = read_start,
	[START_LF] = read_start_lf,
	[METHOD] = read_method,
	[TARGET] = read_target,
	[VERSION] = read_version,
	[STATUS_SPACE] = read_status,
	[STATUS] = read_status,
	[REASON_SPACE] = read_reason_space,
	[REASON] = read_reason,
	[LINE_CR] = read_line_end,
	[LINE_LF] = read_line_end,
	[FIELD] = read_field,
	[NAME] = read_name,
	[VALUE_SPACE] = read_value_space,
	[VALUE] = read_value,
	[VALUE_LF] = read_value_lf,
	[LAST_LF] = read_last_lf,
	[DONE] = NULL,
	[BROKEN] = refuse_again,
};

static struct span between(struct span in, unsigned begin, unsigned end)
{
	return span_of(in.ptr + begin, end - begin);
}

static void fill_request(const struct http1_parser *p, struct span in, struct http1_head *head)
{
	head->method = p->method_kind;
	head->method_text = between(in, p->method.begin, p->method.end);
	head->target = between(in, p->target.begin, p->target.end);
	head->path = between(in, p->path.begin, p->path.end);
	head->query = p->path.end < p->target.end ? between(in, p->path.end + 1, p->target.end) : SPAN_NONE;
	if (p->authority.end == 0)
		return;
	/* RFC 9112 3.2.2: the URL's authority counts instead of Host; 3.2.4: OPTIONS without a path. */
	head->known[HTTP1_HOST] = between(in, p->authority.begin, p->authority.end);
	if (head->path.len == 0) {
		bool is_asterisk = p->method_kind == HTTP1_OPTIONS && !head->query.ptr;
		head->path = is_asterisk ? SPAN_LIT("*") : SPAN_LIT("/");
		if (head->target.len == 0)
			head->target = head->path;
	}
}

static void fill(const struct http1_parser *p, struct span in, struct http1_head *head)
{
	head->minor = p->minor;
	head->chunked = p->chunked;
	head->expects_continue = p->expects_continue;
	head->keep_alive = !p->says_close && (p->minor > 0 || p->says_keep_alive);
	head->content_length = p->content_length;
	head->size = p->at;
	head->bytes = in.ptr;
	head->field_count = p->field_count;
	head->names = p->names;
	memset(head->known, 0, sizeof head->known);
	for (size_t i = 0; i < HTTP1_KNOWN_COUNT; i++)
		if (p->known[i])
			head->known[i] = http1_field_at(head, p->known[i] - 1u).value;
	head->status = p->status;
	head->reason = between(in, p->reason.begin, p->reason.end);
	if (p->kind == HTTP1_REQUEST) {
		fill_request(p, in, head);
		return;
	}
	head->method = HTTP1_OTHER;
	head->method_text = head->target = head->path = head->query = SPAN_NONE;
}

int http1_parse(struct http1_parser *p, struct span bytes, struct http1_head *head, struct err *err)
{
	assert(bytes.len >= p->at);
	p->head = head;
	if (bytes.len > p->limits->head_max)
		bytes.len = p->limits->head_max;
	while (p->state != DONE) {
		int result = readers[p->state](p, bytes, err);
		if (result != NEXT)
			return result;
	}
	fill(p, bytes, head);
	return 1;
}
