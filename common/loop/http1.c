/*
 * common/loop/http1.c - reads the head of a request or a response.
 *
 * One pass: each state reads what it can from p->at on and either moves to the next state, asks for
 * more bytes or refuses.  The first line is http1_first.c's; fields that decide about framing are judged
 * when their line is complete, by http1_fields.c.  Bodies are http1_body.c's, words http1_text.c's.
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

void http1_parser_init(struct http1_parser *p, enum http1_kind kind, const struct http1_limits *limits)
{
	*p = (struct http1_parser){
		.kind = kind,
		.limits = limits ? limits : &http1_default_limits,
		.state = kind == HTTP1_REQUEST ? AT_START : AT_VERSION,
		.method_kind = HTTP1_OTHER,
		.content_length = -1,
	};
	assert(p->limits->head_max <= HTTP1_HEAD_MAX && p->limits->fields_max <= HTTP1_FIELDS_MAX);
}

int http1_refuse(struct http1_parser *p, struct err *err, enum err_code code, const char *param,
		 const char *what)
{
	p->state = AT_BROKEN;
	if (p->kind == HTTP1_RESPONSE)
		return err_set(err, E_upstream_error, "", "response head, at byte %zu: %s", p->at, what);
	return err_set(err, code, param, "request head, at byte %zu: %s", p->at, what);
}

int http1_malformed(struct http1_parser *p, struct err *err, const char *what)
{
	return http1_refuse(p, err, E_malformed_request, "", what);
}

/* All that may be looked at has been: is that a limit, or only the end of what has come? */
int http1_need_more(struct http1_parser *p, struct span in, struct err *err)
{
	if (p->state < AT_LINE_CR && p->at < in.len)
		return http1_refuse(p, err, E_uri_too_long, "", "the first line is too long");
	if (p->at >= p->limits->head_max)
		return http1_refuse(p, err, E_headers_too_large, "headers", "the head is too large");
	return HTTP1_WAIT;
}

static inline bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Keeps a field, of which all four places are known, and heeds what it decides. */
static inline int add_field(struct http1_parser *p, struct span in, size_t value, size_t end, struct err *err)
{
	size_t i = p->field_count++, name_len = p->name_end - p->mark;
	const char *name = in.ptr + p->mark;
	int known = http1_find_known(name, name_len);

	p->head->fields[i].name = (uint16_t)p->mark;
	p->head->fields[i].name_len = (uint16_t)name_len;
	p->head->fields[i].value = (uint16_t)value;
	p->head->fields[i].value_len = (uint16_t)(end - value);
	p->names |= http1_name_bit(name, name_len);
	if (known < 0)
		return HTTP1_NEXT;
	if (http1_judge_field(p, known, span_of(in.ptr + value, end - value), err) < 0)
		return HTTP1_REFUSED;
	p->repeated |= p->known_bits & 1u << known;
	if (!http1_has_known(p, known))
		p->known[known] = (unsigned char)i;
	p->known_bits |= 1u << known;
	return HTTP1_NEXT;
}

/* p->at: at the CR after the value. */
static int end_field(struct http1_parser *p, struct span in, struct err *err)
{
	size_t end = p->at;

	while (end > p->value_start && is_blank(in.ptr[end - 1]))
		end--;
	if (add_field(p, in, p->value_start, end, err) < 0)
		return HTTP1_REFUSED;
	p->at++;
	p->state = AT_VALUE_LF;
	return HTTP1_NEXT;
}

static int read_value(struct http1_parser *p, struct span in, struct err *err)
{
	p->at = http1_value_end(in.ptr, p->at, in.len);
	if (p->at == in.len)
		return http1_need_more(p, in, err);
	if (in.ptr[p->at] == '\r')
		return end_field(p, in, err);
	return http1_malformed(p, err, in.ptr[p->at] == '\n' ? "LF without CR" :
							 "a control character in a field's value");
}

static int read_value_space(struct http1_parser *p, struct span in, struct err *err)
{
	while (p->at < in.len && is_blank(in.ptr[p->at]))
		p->at++;
	if (p->at == in.len)
		return http1_need_more(p, in, err);
	p->value_start = p->at;
	p->state = AT_VALUE;
	return read_value(p, in, err);
}

static int read_name(struct http1_parser *p, struct span in, struct err *err)
{
	size_t at = http1_name_end(in.ptr, p->at, in.len);

	p->at = at;
	if (at == in.len)
		return http1_need_more(p, in, err);
	if (in.ptr[at] != ':' || at == p->mark)
		return http1_malformed(p, err, "expected a field's name and right after it a colon");
	p->name_end = at;
	p->at++;
	p->state = AT_VALUE_SPACE;
	return read_value_space(p, in, err);
}

/*
 * Takes lines that are there whole and hold nothing unusual, which is nearly all; what it leaves is read step by
 * step.  HTTP1_REFUSED: for what a field says.
 */
static int take_lines(struct http1_parser *p, struct span in, struct err *err)
{
	const char *bytes = in.ptr;

	while (p->field_count < p->limits->fields_max) {
		size_t mark = p->at, colon = http1_name_end(bytes, mark, in.len), value = colon + 1, end;

		if (colon == mark || in.len - colon < 2 || bytes[colon] != ':')
			return HTTP1_NEXT;
		value += bytes[value] == ' ';
		end = http1_value_end(bytes, value, in.len);
		if (in.len - end < 2 || bytes[end] != '\r' || bytes[end + 1] != '\n' ||
		    is_blank(bytes[value]) || is_blank(bytes[end - 1]))
			return HTTP1_NEXT;
		p->mark = mark;
		p->name_end = colon;
		p->at = end;
		if (add_field(p, in, value, end, err) < 0)
			return HTTP1_REFUSED;
		p->at = end + 2;
	}
	return HTTP1_NEXT;
}

static int read_field(struct http1_parser *p, struct span in, struct err *err)
{
	if (take_lines(p, in, err) < 0)
		return HTTP1_REFUSED;
	if (p->at == in.len)
		return http1_need_more(p, in, err);
	char c = in.ptr[p->at];
	if (c == '\r') {
		p->at++;
		p->state = AT_LAST_LF;
		return HTTP1_NEXT;
	}
	if (is_blank(c))
		return http1_malformed(p, err, "a line that begins with white space");
	if (p->field_count == p->limits->fields_max)
		return http1_refuse(p, err, E_headers_too_large, "headers", "too many fields");
	p->mark = p->at;
	p->state = AT_NAME;
	return read_name(p, in, err);
}

static int read_value_lf(struct http1_parser *p, struct span in, struct err *err)
{
	int result = http1_expect(p, in, '\n', "CR without LF", err);

	if (result != HTTP1_NEXT)
		return result;
	p->at++;
	p->state = AT_FIELD;
	return read_field(p, in, err);
}

static int read_last_lf(struct http1_parser *p, struct span in, struct err *err)
{
	int result = http1_expect(p, in, '\n', "CR without LF", err);

	if (result != HTTP1_NEXT)
		return result;
	if (p->kind == HTTP1_REQUEST && p->minor > 0 && !http1_has_known(p, HTTP1_HOST))
		return http1_refuse(p, err, E_malformed_request, "headers.host", "HTTP/1.1 without Host");
	p->at++;
	p->state = AT_DONE;
	return HTTP1_NEXT;
}

static inline int read_on(struct http1_parser *p, struct span in, struct err *err)
{
	switch ((enum http1_state)p->state) {
	case AT_START:
	case AT_START_LF:
	case AT_METHOD:
	case AT_TARGET:
	case AT_VERSION:
	case AT_STATUS_SPACE:
	case AT_STATUS:
	case AT_REASON_SPACE:
	case AT_REASON:
	case AT_LINE_CR:
	case AT_LINE_LF:
		return http1_first_line(p, in, err);
	case AT_FIELD:
		return read_field(p, in, err);
	case AT_NAME:
		return read_name(p, in, err);
	case AT_VALUE_SPACE:
		return read_value_space(p, in, err);
	case AT_VALUE:
		return read_value(p, in, err);
	case AT_VALUE_LF:
		return read_value_lf(p, in, err);
	case AT_LAST_LF:
		return read_last_lf(p, in, err);
	case AT_BROKEN:
		return http1_malformed(p, err, "it was refused before");
	case AT_DONE:
		break;
	}
	return HTTP1_WAIT;
}

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
	head->repeated = p->repeated;
	memset(head->known, 0, sizeof head->known);
	for (unsigned left = p->known_bits; left; left &= left - 1) {
		int known = __builtin_ctz(left);

		head->known[known] = http1_field_at(head, p->known[known]).value;
	}
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
	while (p->state != AT_DONE) {
		int result = read_on(p, bytes, err);

		if (result != HTTP1_NEXT)
			return result;
	}
	fill(p, bytes, head);
	return 1;
}
