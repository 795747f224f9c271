/*
 * common/base/multipart.c - the reader of multipart/form-data.
 *
 * A delimiter is CR LF "--" boundary.  CR stands nowhere else in it, so a comparison that fails
 * can only begin anew at the byte that broke it: no bytes are looked at twice.
 */
#include "common/base/multipart.h"

#include <string.h>

enum { STATE_START, STATE_DATA, STATE_AFTER, STATE_AFTER_CR, STATE_AFTER_DASH, STATE_HEAD, STATE_END, STATE_BAD };
enum { PADDING_MAX = 64 };

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static struct span skip_blanks(struct span s)
{
	while (s.len > 0 && is_blank(s.ptr[0]))
		s = span_from(s, 1);
	return s;
}

static size_t token_len(struct span s)
{
	size_t len = 0;

	while (len < s.len && is_token_char(s.ptr[len]))
		len++;
	return len;
}

/* What follows the equals sign: a text in quotes, or what goes on to a blank or semicolon. */
static int take_value(struct span *rest, struct span *value)
{
	struct span s = *rest;
	bool quoted = s.len > 0 && s.ptr[0] == '"';
	size_t len = 0;

	if (quoted)
		s = span_from(s, 1);
	while (len < s.len && (quoted ? s.ptr[len] != '"' : s.ptr[len] != ';' && !is_blank(s.ptr[len])))
		len += quoted && s.ptr[len] == '\\' && len + 1 < s.len ? 2 : 1;
	if (quoted ? len >= s.len : len == 0)
		return -1;
	/* Readers differ about which quote closes here: what is in the text to one is a parameter to another. */
	if (quoted ? len > 0 && s.ptr[len - 1] == '\\' : memchr(s.ptr, '"', len) != NULL)
		return -1;
	*value = span_of(s.ptr, len);
	*rest = span_from(s, len + quoted);
	return 0;
}

/* Takes "; name=value" off the front of *rest: 1, 0 at the end, -1 when it is something else. */
static int next_parameter(struct span *rest, struct span *name, struct span *value)
{
	struct span s = skip_blanks(*rest);
	bool separated = false;

	for (; s.len > 0 && s.ptr[0] == ';'; separated = true)
		s = skip_blanks(span_from(s, 1));
	if (s.len == 0 || !separated)
		return s.len ? -1 : 0;
	*name = span_of(s.ptr, token_len(s));
	s = skip_blanks(span_from(s, name->len));
	if (name->len == 0 || s.len == 0 || s.ptr[0] != '=')
		return -1;
	*rest = skip_blanks(span_from(s, 1));
	return take_value(rest, value) < 0 ? -1 : 1;
}

/*
 * Whether it is that parameter as RFC 2231 writes them, name* or name*0.  Forms have none of those (RFC 7578
 * 4.2), but some readers heed them rather than the plain one: what goes on to them would be another form.
 */
static bool is_extended(struct span name, const char *plain)
{
	const struct span base = span_cut(&name, '*');

	return name.ptr && span_is_nocase(base, plain);
}

bool multipart_is_form(struct span content_type)
{
	return span_is_nocase(span_trim(span_cut(&content_type, ';')), "multipart/form-data");
}

/* RFC 2046 5.1.1; a blank may not be the last. */
static bool is_boundary(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("'()+_,-./:=? ", c)))
			return false;
	}
	return s.len > 0 && s.len <= MULTIPART_BOUNDARY_MAX && s.ptr[s.len - 1] != ' ';
}

int multipart_init(struct multipart *m, struct span content_type, struct err *err)
{
	static const char param[] = "headers.content-type";
	struct span boundary = SPAN_NONE, kind = content_type, rest, name, value;
	int more;

	*m = (struct multipart){ .state = STATE_BAD };
	/* From the semicolon on that the first parameter begins with. */
	rest = span_from(content_type, span_cut(&kind, ';').len);
	while ((more = next_parameter(&rest, &name, &value)) > 0) {
		if (is_extended(name, "boundary"))
			return err_set(err, E_invalid_field, param, "multipart/form-data has boundary, not %.*s",
				       SPAN_ARGS(name));
		if (!span_is_nocase(name, "boundary"))
			continue;
		if (boundary.ptr)
			return err_set(err, E_invalid_field, param, "multipart/form-data has two boundaries");
		boundary = value;
	}
	if (more < 0)
		return err_set(err, E_invalid_field, param, "the parameters of multipart/form-data are broken");
	if (!boundary.ptr)
		return err_set(err, E_missing_field, param, "multipart/form-data needs its boundary parameter");
	if (!is_boundary(boundary))
		return err_set(err, E_invalid_field, param,
			       "a boundary has 1 to %d characters of those that RFC 2046 names", MULTIPART_BOUNDARY_MAX);
	m->state = STATE_START;
	m->matched = 2;
	m->delimiter_len = 4 + boundary.len;
	memcpy(m->delimiter, "\r\n--", 4);
	memcpy(m->delimiter + 4, boundary.ptr, boundary.len);
	return 0;
}

static enum multipart_event refuse(struct multipart *m, struct err *err, const char *what)
{
	m->state = STATE_BAD;
	err_set(err, E_invalid_field, "body", "the form is broken at its part %zu: %s", m->parts, what);
	return MULTIPART_BAD;
}

/* ---- a part's head ---- */

static const char *read_disposition(struct span value, struct multipart_part *part)
{
	struct span kind = value, name, text;
	int more;

	if (part->name.ptr)
		return "it has two Content-Disposition lines";
	kind = span_trim(span_cut(&kind, ';'));
	if (!span_is_nocase(kind, "form-data"))
		return "its Content-Disposition is not form-data";
	value = span_from(value, (size_t)(kind.ptr + kind.len - value.ptr));
	while ((more = next_parameter(&value, &name, &text)) > 0) {
		struct span *place = span_is_nocase(name, "name")       ? &part->name :
				     span_is_nocase(name, "filename") ? &part->filename :
									NULL;

		if (is_extended(name, "name"))
			return "its name is written in another way than name=";
		if (!place)
			continue;
		if (place->ptr)
			return "a parameter of its Content-Disposition stands twice";
		*place = text;
	}
	if (more < 0)
		return "its Content-Disposition cannot be read";
	if (!part->name.ptr)
		return "its Content-Disposition has no name";
	return memchr(part->name.ptr, '\\', part->name.len) ? "its name has a backslash" : NULL;
}

static const char *read_line(struct span line, struct multipart_part *part)
{
	struct span value = line, name = span_cut(&value, ':');

	for (size_t i = 0; i < name.len; i++)
		if (!is_token_char(name.ptr[i]))
			return "a header line has a broken name";
	if (!value.ptr || name.len == 0)
		return "a header line has no name";
	for (size_t i = 0; i < value.len; i++)
		if (((unsigned char)value.ptr[i] < ' ' && value.ptr[i] != '\t') || value.ptr[i] == 0x7f)
			return "a header line has control characters";
	value = span_trim(value);
	if (span_is_nocase(name, "content-disposition"))
		return read_disposition(value, part);
	if (span_is_nocase(name, "content-type")) {
		if (part->type.ptr)
			return "it has two Content-Type lines";
		part->type = value;
	}
	if (span_is_nocase(name, "content-transfer-encoding") && !span_is_nocase(value, "binary") &&
	    !span_is_nocase(value, "8bit") && !span_is_nocase(value, "7bit"))
		return "transfer encodings have no place in form-data";
	return NULL;
}

/* The head is there, its blank line included. */
static enum multipart_event read_head(struct multipart *m, struct err *err)
{
	struct span rest = span_of(m->head, m->head_len - 2);

	m->part = (struct multipart_part){ SPAN_NONE, SPAN_NONE, SPAN_NONE };
	while (rest.len > 0) {
		ptrdiff_t end = span_find(rest, SPAN_LIT("\r\n"));
		const char *fault = read_line(span_of(rest.ptr, (size_t)end), &m->part);

		if (fault)
			return refuse(m, err, fault);
		rest = span_from(rest, (size_t)end + 2);
	}
	if (!m->part.name.ptr)
		return refuse(m, err, "it has no Content-Disposition");
	m->state = STATE_DATA;
	m->matched = 0;
	return MULTIPART_HEAD;
}

static enum multipart_event take_head(struct multipart *m, struct span *bytes, struct err *err)
{
	while (bytes->len > 0) {
		if (m->head_len == sizeof m->head)
			return refuse(m, err, "its header lines are too long");
		m->head[m->head_len++] = bytes->ptr[0];
		*bytes = span_from(*bytes, 1);
		if (m->head_len == 2 && memcmp(m->head, "\r\n", 2) == 0)
			return read_head(m, err);
		if (m->head_len >= 4 && memcmp(m->head + m->head_len - 4, "\r\n\r\n", 4) == 0)
			return read_head(m, err);
	}
	return MULTIPART_MORE;
}

/* ---- contents and boundaries ---- */

/* As much of the delimiter as the bytes hold: true when they still agree. */
static bool match(struct multipart *m, struct span *bytes)
{
	size_t left = m->delimiter_len - m->matched, same = 0;

	while (same < left && same < bytes->len && bytes->ptr[same] == m->delimiter[m->matched + same])
		same++;
	m->matched += same;
	*bytes = span_from(*bytes, same);
	return m->matched == m->delimiter_len || bytes->len == 0;
}

static void pass_delimiter(struct multipart *m)
{
	m->state = STATE_AFTER;
	m->padding = 0;
}

static enum multipart_event take_start(struct multipart *m, struct span *bytes, struct err *err)
{
	if (!match(m, bytes))
		return refuse(m, err, "the body does not begin with the boundary");
	if (m->matched == m->delimiter_len)
		pass_delimiter(m);
	return MULTIPART_MORE;
}

static enum multipart_event take_data(struct multipart *m, struct span *bytes, struct span *data)
{
	if (m->matched == 0) {
		const char *cr = memchr(bytes->ptr, '\r', bytes->len);
		size_t len = cr ? (size_t)(cr - bytes->ptr) : bytes->len;

		if (len > 0) {
			*data = span_of(bytes->ptr, len);
			*bytes = span_from(*bytes, len);
			return MULTIPART_DATA;
		}
	}
	if (!match(m, bytes)) {
		/* What looked like a delimiter was content. */
		*data = span_of(m->delimiter, m->matched);
		m->matched = 0;
		return MULTIPART_DATA;
	}
	if (m->matched < m->delimiter_len)
		return MULTIPART_MORE;
	pass_delimiter(m);
	return MULTIPART_PART_END;
}

/* The byte behind a boundary. */
static enum multipart_event take_after(struct multipart *m, struct span *bytes, struct err *err)
{
	char c = bytes->ptr[0];

	*bytes = span_from(*bytes, 1);
	if (m->state == STATE_AFTER_CR && c == '\n') {
		if (m->parts == MULTIPART_PARTS_MAX)
			return refuse(m, err, "there are too many parts");
		m->parts++;
		m->state = STATE_HEAD;
		m->head_len = 0;
		return MULTIPART_MORE;
	}
	if (m->state == STATE_AFTER_DASH && c == '-') {
		m->state = STATE_END;
		return MULTIPART_END;
	}
	if (m->state == STATE_AFTER && c == '\r')
		m->state = STATE_AFTER_CR;
	else if (m->state == STATE_AFTER && c == '-' && m->padding == 0)
		m->state = STATE_AFTER_DASH;
	else if (m->state != STATE_AFTER || !is_blank(c) || ++m->padding > PADDING_MAX)
		return refuse(m, err, "the line of its boundary goes on with something else");
	return MULTIPART_MORE;
}

enum multipart_event multipart_next(struct multipart *m, struct span *bytes, struct span *data, struct err *err)
{
	enum multipart_event event = MULTIPART_MORE;

	while (event == MULTIPART_MORE && bytes->len > 0) {
		switch (m->state) {
		case STATE_START:
			event = take_start(m, bytes, err);
			break;
		case STATE_DATA:
			event = take_data(m, bytes, data);
			break;
		case STATE_HEAD:
			event = take_head(m, bytes, err);
			break;
		case STATE_END:
			return MULTIPART_END;
		case STATE_BAD:
			return refuse(m, err, "it has been refused");
		default:
			event = take_after(m, bytes, err);
			break;
		}
	}
	return event;
}

int multipart_finish(const struct multipart *m, struct err *err)
{
	if (m->state == STATE_END)
		return 0;
	return err_set(err, E_invalid_field, "body", "the form ends before its closing boundary, in part %zu",
		       m->parts);
}

/* A text in the head that has just been read, as it stands before the rest of the body. */
static struct span in_body(const struct multipart *m, struct span text, struct span rest)
{
	return text.ptr ? span_of(rest.ptr - m->head_len + (text.ptr - m->head), text.len) : SPAN_NONE;
}

int multipart_read_all(struct span content_type, struct span body, struct multipart_field *fields, size_t max,
		       size_t *count, struct err *err)
{
	struct multipart m;
	struct multipart_field *field = NULL;
	enum multipart_event event;
	struct span data = SPAN_NONE;

	*count = 0;
	if (multipart_init(&m, content_type, err) < 0)
		return -1;
	while ((event = multipart_next(&m, &body, &data, err)) > MULTIPART_MORE && event != MULTIPART_END) {
		if (event == MULTIPART_DATA && field)
			field->content.len += data.len;
		if (event != MULTIPART_HEAD)
			continue;
		if (*count == max)
			return err_set(err, E_invalid_field, "body", "the form has more than %zu parts", max);
		field = &fields[(*count)++];
		field->part.name = in_body(&m, m.part.name, body);
		field->part.filename = in_body(&m, m.part.filename, body);
		field->part.type = in_body(&m, m.part.type, body);
		field->content = span_of(body.ptr, 0);
	}
	return event == MULTIPART_BAD ? -1 : multipart_finish(&m, err);
}
