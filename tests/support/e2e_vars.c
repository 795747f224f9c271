/* tests/support/e2e_vars.c - names in a case and the texts that they stand for. */
#include "tests/support/e2e.h"

#include <stdlib.h>
#include <string.h>

void e2e_set(struct e2e *e, const char *name, const char *value)
{
	size_t i = 0;
	while (i < e->var_count && strcmp(e->vars[i].name, name) != 0)
		i++;
	if (i == VARS_MAX)
		kit_fatal("too many variables in a case");
	if (i == e->var_count)
		e->vars[e->var_count++].name = kit_strdup(name);
	else
		free(e->vars[i].value);
	e->vars[i].value = kit_strdup(value);
}

/* ${fill:N} = N times "x"; ${repeat:N:TEXT} */
static bool expand_made(const char *name, struct text *out)
{
	char *after;
	if (strncmp(name, "fill:", 5) == 0) {
		long count = strtol(name + 5, NULL, 10);
		text_reserve(out, (size_t)count);
		memset(out->ptr + out->len, 'x', (size_t)count);
		out->len += (size_t)count;
		text_add(out, "", 0);
		return true;
	}
	if (strncmp(name, "repeat:", 7) == 0) {
		long count = strtol(name + 7, &after, 10);
		while (count-- > 0)
			text_add_str(out, after + 1);
		return true;
	}
	return false;
}

/* The brace that closes the one at open: pairs inside belong to the name ("${repeat:9:{"a":1},}"). */
static const char *find_brace(const char *open)
{
	int depth = 0;
	for (const char *at = open; *at; at++) {
		depth += *at == '{' ? 1 : *at == '}' ? -1 : 0;
		if (depth == 0)
			return at;
	}
	return strchr(open, '}');
}

char *e2e_expand(struct e2e *e, const char *text)
{
	struct text out = { 0 };
	text_add_str(&out, "");
	for (const char *at = text; *at;) {
		size_t plain = strcspn(at, "$");
		text_add(&out, at, plain);
		at += plain;
		if (!*at)
			break;
		const char *end = at[1] == '{' ? find_brace(at + 1) : NULL;
		if (!end) {
			text_add(&out, at++, 1);
			continue;
		}
		char *name = kit_strndup(at + 2, (size_t)(end - at) - 2);
		size_t i = 0;
		while (i < e->var_count && strcmp(e->vars[i].name, name) != 0)
			i++;
		if (i < e->var_count)
			text_add_str(&out, e->vars[i].value);
		else if (!expand_made(name, &out))
			kit_fatal("%s: ${%s} has no value", e->c->path, name);
		free(name);
		at = end + 1;
	}
	return out.ptr;
}
