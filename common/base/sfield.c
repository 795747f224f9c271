/* common/base/sfield.c - the parsing algorithm of RFC 8941, section 4.2, for dictionaries. */
#include "common/base/sfield.h"

#include "common/base/mem.h"

#include <string.h>

/* Where reading stands; whole is kept for the offset in messages. */
struct cursor {
	struct span rest;
	struct span whole;
	struct err *err;
};

static int fail(struct cursor *c, const char *expected)
{
	return err_set(c->err, E_invalid_field, "", "not a structured field: expected %s at byte %zu",
		       expected, c->whole.len - c->rest.len);
}

static int peek(const struct cursor *c)
{
	return c->rest.len > 0 ? (unsigned char)c->rest.ptr[0] : -1;
}

static void skip(struct cursor *c, size_t len)
{
	c->rest = span_from(c->rest, len);
}

static void skip_spaces(struct cursor *c)
{
	while (peek(c) == ' ')
		skip(c, 1);
}

static void skip_blanks(struct cursor *c)
{
	while (peek(c) == ' ' || peek(c) == '\t')
		skip(c, 1);
}

static bool is_lower(int c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_alpha(int c)
{
	return is_lower(c) || (c >= 'A' && c <= 'Z');
}

static bool is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static bool is_in(int c, const char *set)
{
	return c > 0 && strchr(set, c);
}

static bool is_key_char(int c)
{
	return is_lower(c) || is_digit(c) || is_in(c, "_-.*");
}

/* tchar of RFC 9110, ":" and "/". */
static bool is_token_char(int c)
{
	return is_alpha(c) || is_digit(c) || is_in(c, "!#$%&'*+-.^_`|~:/");
}

static bool is_base64_char(int c)
{
	return is_alpha(c) || is_digit(c) || is_in(c, "+/=");
}

/* The longest run of such characters. */
static struct span take_while(struct cursor *c, bool (*is_member)(int c))
{
	const char *start = c->rest.ptr;
	size_t len = 0;

	while (len < c->rest.len && is_member((unsigned char)start[len]))
		len++;
	skip(c, len);
	return span_of(start, len);
}

static int parse_key(struct cursor *c, struct span *key)
{
	if (!is_lower(peek(c)) && peek(c) != '*')
		return fail(c, "a key");
	*key = take_while(c, is_key_char);
	return 0;
}

/* Up to 15 digits, or 12 and a fraction of up to 3. */
static int parse_number(struct cursor *c, struct sfield_member *m)
{
	const char *start = c->rest.ptr;
	struct span whole, fraction;

	m->type = SFIELD_INTEGER;
	if (peek(c) == '-')
		skip(c, 1);
	whole = take_while(c, is_digit);
	if (whole.len == 0 || whole.len > 15)
		return fail(c, "1 to 15 digits");
	if (peek(c) == '.') {
		m->type = SFIELD_DECIMAL;
		skip(c, 1);
		fraction = take_while(c, is_digit);
		if (whole.len > 12 || fraction.len == 0 || fraction.len > 3)
			return fail(c, "at most 12 digits and a fraction of 1 to 3");
	}
	m->value = span_of(start, (size_t)(c->rest.ptr - start));
	return 0;
}

static int parse_string(struct cursor *c, struct sfield_member *m)
{
	const char *start;

	skip(c, 1);
	start = c->rest.ptr;
	for (; peek(c) != '"'; skip(c, 1)) {
		if (peek(c) == '\\') {
			skip(c, 1);
			if (peek(c) != '"' && peek(c) != '\\')
				return fail(c, "\\\" or \\\\");
		} else if (peek(c) < 0x20 || peek(c) > 0x7e)
			return fail(c, "a printable ASCII character or the closing quote");
	}
	m->type = SFIELD_STRING;
	m->value = span_of(start, (size_t)(c->rest.ptr - start));
	skip(c, 1);
	return 0;
}

static int parse_bytes(struct cursor *c, struct sfield_member *m)
{
	skip(c, 1);
	m->type = SFIELD_BYTES;
	m->value = take_while(c, is_base64_char);
	if (peek(c) != ':')
		return fail(c, "base64 and a closing colon");
	skip(c, 1);
	return 0;
}

static int parse_boolean(struct cursor *c, struct sfield_member *m)
{
	skip(c, 1);
	if (peek(c) != '0' && peek(c) != '1')
		return fail(c, "0 or 1");
	m->type = SFIELD_BOOLEAN;
	m->boolean = peek(c) == '1';
	m->value = SPAN_NONE;
	skip(c, 1);
	return 0;
}

static int parse_item(struct cursor *c, struct sfield_member *m)
{
	int first = peek(c);

	if (first == '-' || is_digit(first))
		return parse_number(c, m);
	if (first == '"')
		return parse_string(c, m);
	if (first == ':')
		return parse_bytes(c, m);
	if (first == '?')
		return parse_boolean(c, m);
	if (is_alpha(first) || first == '*') {
		m->type = SFIELD_TOKEN;
		m->value = take_while(c, is_token_char);
		return 0;
	}
	return fail(c, first == '(' ? "no inner list" : "a value");
}

static int skip_parameters(struct cursor *c)
{
	struct sfield_member ignored;
	struct span key;

	while (peek(c) == ';') {
		skip(c, 1);
		skip_spaces(c);
		if (parse_key(c, &key) < 0)
			return -1;
		if (peek(c) != '=')
			continue;
		skip(c, 1);
		if (parse_item(c, &ignored) < 0)
			return -1;
	}
	return 0;
}

static int parse_member(struct cursor *c, struct sfield_member *m)
{
	*m = (struct sfield_member){ .type = SFIELD_BOOLEAN, .boolean = true };
	if (parse_key(c, &m->key) < 0)
		return -1;
	if (peek(c) == '=') {
		skip(c, 1);
		if (parse_item(c, m) < 0)
			return -1;
	}
	return skip_parameters(c);
}

/* Index of the member with m's key, or count. */
static size_t find(const struct sfield_member *members, size_t count, struct span key)
{
	size_t i = 0;

	while (i < count && !span_equal(members[i].key, key))
		i++;
	return i;
}

int sfield_dictionary(struct span text, struct sfield_member *members, size_t max, struct err *err)
{
	struct cursor c = { .rest = text, .whole = text, .err = err };
	size_t count = 0;

	skip_spaces(&c);
	while (c.rest.len > 0) {
		struct sfield_member m;
		size_t at;

		if (parse_member(&c, &m) < 0)
			return -1;
		at = find(members, count, m.key);
		if (at == max)
			return err_set(err, E_invalid_field, "",
				       "a structured field has more than %zu members", max);
		members[at] = m;
		count += at == count;
		skip_blanks(&c);
		if (c.rest.len == 0)
			break;
		if (peek(&c) != ',')
			return fail(&c, "a comma");
		skip(&c, 1);
		skip_blanks(&c);
		if (c.rest.len == 0)
			return fail(&c, "a member after the comma");
	}
	return (int)count;
}
