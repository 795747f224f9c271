/* tests/support/upstream_script.c - reads the rules of the scripted upstream and picks one. */
#include "tests/support/upstream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct { const char *name; enum mock_accept accept; } accepts[] = {
	{ "serve", ACCEPT_SERVE }, { "close", ACCEPT_CLOSE }, { "reset", ACCEPT_RESET }, { "silent", ACCEPT_SILENT },
};

static int yes_or_no(const char *value)
{
	return strcmp(value, "yes") == 0 ? 1 : strcmp(value, "no") == 0 ? 0 : -2;
}

/* "2", "2-5" or "3+". */
static int parse_nth(struct mock_rule *r, const char *value)
{
	size_t digits = strspn(value, "0123456789");
	r->nth_from = r->nth_to = kit_number(value, digits);
	if (value[digits] == '+' && !value[digits + 1])
		r->nth_to = INT64_MAX;
	else if (value[digits] == '-')
		r->nth_to = kit_number(value + digits + 1, strlen(value + digits + 1));
	else if (value[digits])
		return -1;
	return r->nth_from < 1 || r->nth_to < r->nth_from ? -1 : 0;
}

static int parse_matcher(struct mock_rule *r, char *word)
{
	if (strcmp(word, "early") == 0) {
		r->early = true;
		return 0;
	}
	char *value = strchr(word, '=');
	if (!value)
		return -1;
	*value++ = 0;
	struct { const char *name; char **field; } texts[] = {
		{ "method", &r->method }, { "path", &r->path }, { "model", &r->model },
		{ "header", &r->header }, { "body", &r->body },
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		if (strcmp(word, texts[i].name) == 0) {
			*texts[i].field = kit_strdup(value);
			return 0;
		}
	if (strcmp(word, "nth") == 0)
		return parse_nth(r, value);
	if (strcmp(word, "stream") == 0)
		return (r->stream = yes_or_no(value)) < -1 ? -1 : 0;
	if (strcmp(word, "reuse") == 0)
		return (r->reuse = yes_or_no(value)) < -1 ? -1 : 0;
	if (strcmp(word, "slow") == 0) { /* slow=BYTES/MS */
		size_t digits = strspn(value, "0123456789");
		r->slow_bytes = kit_number(value, digits);
		r->slow_ms = value[digits] == '/' ? kit_number(value + digits + 1, strlen(value + digits + 1)) : -1;
		return r->slow_bytes < 1 || r->slow_ms < 0 ? -1 : 0;
	}
	return -1;
}

static int parse_rule(struct mock_script *s, const char *rest)
{
	s->rules = kit_grow(s->rules, (s->count + 1) * sizeof *s->rules);
	struct mock_rule *r = &s->rules[s->count++];
	*r = (struct mock_rule){ .stream = -1, .reuse = -1, .nth_from = 1, .nth_to = INT64_MAX };
	char *copy = kit_strdup(rest), *save = NULL;
	int result = 0;
	for (char *word = strtok_r(copy, " \t", &save); word && !result; word = strtok_r(NULL, " \t", &save))
		result = parse_matcher(r, word);
	free(copy);
	return result;
}

static int parse_op(struct mock_rule *r, const char *line)
{
	const struct mock_op_row *row = mock_op_table;
	const char *rest;
	while (row->name && !kit_word(line, row->name, &rest))
		row++;
	if (!row->name)
		return -1;
	struct mock_op op = { .row = row };
	struct text bytes = { 0 };
	switch (row->arg) {
	case ARG_NONE:
		if (*rest)
			return -1;
		break;
	case ARG_NUMBERS:
		for (size_t i = 0; i < COUNT_OF(op.n) && *rest; i++) {
			size_t digits = strspn(rest, "0123456789");
			if ((op.n[i] = kit_number(rest, digits)) < 0)
				return -1;
			rest += digits;
			rest += strspn(rest, " \t");
		}
		if (*rest)
			return -1;
		break;
	case ARG_TEXT:
		text_add_str(&bytes, rest);
		break;
	case ARG_BYTES:
		kit_unescape(rest, strlen(rest), &bytes);
		break;
	}
	op.text = bytes.ptr;
	op.len = bytes.len;
	r->ops = kit_grow(r->ops, (r->op_count + 1) * sizeof *r->ops);
	r->ops[r->op_count++] = op;
	return 0;
}

static int parse_accept(struct mock_script *s, const char *rest)
{
	for (size_t i = 0; i < COUNT_OF(accepts); i++)
		if (strcmp(rest, accepts[i].name) == 0) {
			s->accept = accepts[i].accept;
			return 0;
		}
	return -1;
}

static int parse_line(struct mock_script *s, const char *line)
{
	const char *rest;
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return 0;
	if (kit_word(line, "rule", &rest))
		return parse_rule(s, rest);
	if (kit_word(line, "accept", &rest))
		return parse_accept(s, rest);
	return s->count ? parse_op(&s->rules[s->count - 1], line) : -1;
}

int mock_script_parse(struct mock_script *s, const char *text, char **fault)
{
	*s = (struct mock_script){ 0 };
	for (int number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");
		char *line = kit_strndup(text, len);
		int result = parse_line(s, line);
		if (result)
			*fault = kit_printf("line %d: cannot read \"%s\"", number, line);
		free(line);
		if (result) {
			mock_script_free(s);
			return -1;
		}
		text += len + (text[len] == '\n');
	}
	return 0;
}

void mock_script_free(struct mock_script *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct mock_rule *r = &s->rules[i];
		for (size_t k = 0; k < r->op_count; k++)
			free(r->ops[k].text);
		free(r->ops);
		free(r->method);
		free(r->path);
		free(r->model);
		free(r->header);
		free(r->body);
	}
	free(s->rules);
	*s = (struct mock_script){ 0 };
}

static bool header_fits(const char *want, const struct mock_request *r)
{
	const char *colon = strchr(want, ':');
	char *name = kit_strndup(want, colon ? (size_t)(colon - want) : strlen(want));
	struct text value = { 0 };
	bool fits = mock_http_field(r, name, &value) && (!colon || kit_glob(colon + 1, text_str(&value)));
	text_free(&value);
	free(name);
	return fits;
}

static bool rule_fits(const struct mock_rule *r, const struct mock_conn *c, bool early)
{
	const struct mock_request *q = &c->req;
	bool needs_body = r->model || r->body || r->stream >= 0;
	if (early && (needs_body || !(r->early || r->slow_bytes)))
		return false;
	if ((r->method && strcmp(r->method, q->method) != 0) || (r->path && !kit_glob(r->path, q->path)) ||
	    (r->model && !kit_glob(r->model, q->model)) || (r->header && !header_fits(r->header, q)))
		return false;
	if (r->body && !kit_find(q->body, q->body_len, r->body, strlen(r->body)))
		return false;
	return (r->stream < 0 || r->stream == q->stream) && (r->reuse < 0 || r->reuse == (c->used > 1));
}

struct mock_rule *mock_script_pick(struct mock_script *s, struct mock_conn *c, bool early)
{
	for (size_t i = 0; i < s->count; i++) {
		struct mock_rule *r = &s->rules[i];
		if (!rule_fits(r, c, early))
			continue;
		if (++r->hits >= r->nth_from && r->hits <= r->nth_to)
			return r;
	}
	return NULL;
}

bool mock_script_has_early(const struct mock_script *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->rules[i].early || s->rules[i].slow_bytes)
			return true;
	return false;
}
