/* tests/support/e2e_loop.c - the steps of a case in order, and blocks of them done several times. */
#include "tests/support/e2e.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool opens_block(const char *line)
{
	const char *rest;
	return kit_word(line, "repeat", &rest) || kit_word(line, "each", &rest);
}

/* Index of the "end" that closes the block at from. */
static size_t find_end(const struct e2e *e, size_t from, size_t to)
{
	int depth = 0;
	for (size_t i = from; i < to; i++) {
		depth += opens_block(e->c->steps[i].line.text);
		if (strcmp(e->c->steps[i].line.text, "end") == 0 && --depth == 0)
			return i;
	}
	kit_fatal("%s:%d: a block without end", e->c->path, e->c->steps[from].line.number);
}

/* repeat N: ${i} counts from 1 */
static int repeat(struct e2e *e, size_t from, size_t end, long times)
{
	if (e->c->steps[from].count)
		return e2e_fail(e, "no lines belong below repeat");
	for (long k = 1; k <= times; k++) {
		char number[24];
		snprintf(number, sizeof number, "%ld", k);
		e2e_set(e, "i", number);
		if (e2e_run_steps(e, from + 1, end))
			return -1;
	}
	return 0;
}

/* The next cell of "| a | b | c": up to " |" and a blank or the end; *at moves behind it. */
static char *next_cell(const char **at)
{
	const char *from = *at + strspn(*at, "|"), *to = from + strlen(from);
	from += *from == ' ';
	for (const char *bar = from; (bar = strstr(bar, " |")); bar += 2)
		if (bar[2] == ' ' || !bar[2]) {
			to = bar;
			break;
		}
	*at = *to ? to + 1 : to;
	return kit_strndup(from, (size_t)(to - from));
}

/* each NAME NAME ... and rows "| a | b" below: the block once a row, ${NAME} being the cell */
static int each(struct e2e *e, size_t from, size_t end, const char *names)
{
	const struct e2e_step *s = &e->c->steps[from];
	for (size_t row = 0; row < s->count; row++) {
		const char *at = s->subs[row].text, *name = names;
		if (*at != '|')
			return e2e_fail(e, "line %d: a row begins with |, a step without a blank", s->subs[row].number);
		while (*name) {
			size_t len = strcspn(name, " ");
			char *key = kit_strndup(name, len), *cell = next_cell(&at), *value = e2e_expand(e, cell);
			e2e_set(e, key, value);
			free(key);
			free(cell);
			free(value);
			name += len + strspn(name + len, " ");
		}
		if (e2e_run_steps(e, from + 1, end)) {
			text_printf(&e->why, "\n  of row:   line %d: %.160s", s->subs[row].number, s->subs[row].text);
			return -1;
		}
	}
	return s->count ? 0 : e2e_fail(e, "each without rows");
}

int e2e_run_steps(struct e2e *e, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		const struct e2e_step *s = &e->c->steps[i];
		const char *rest;
		if (opens_block(s->line.text)) {
			size_t end = find_end(e, i, to);
			int result = kit_word(s->line.text, "repeat", &rest) ? repeat(e, i, end, strtol(rest, NULL, 10))
				     : kit_word(s->line.text, "each", &rest) ? each(e, i, end, rest) : -1;
			if (result)
				return -1;
			i = end;
		} else if (e2e_run_step(e, s)) {
			text_printf(&e->why, "\n  step:     line %d: %.160s", s->line.number, s->line.text);
			return -1;
		}
	}
	return 0;
}
