/* tests/support/e2e_case.c - reads a case file into sections and steps. */
#include "tests/support/e2e.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	struct e2e_case *c;
	char **target;          /* text of the section that is read, or NULL */
	bool in_steps;
};

static void bad(const struct e2e_case *c, int line, const char *what)
{
	kit_fatal("%s:%d: %s", c->path, line, what);
}

static unsigned transports_of(const struct e2e_case *c, int line, const char *value)
{
	static const struct { const char *name; unsigned bits; } names[] = {
		{ "tcp", TRANSPORT_TCP }, { "tls", TRANSPORT_TLS }, { "unix", TRANSPORT_UNIX },
		{ "all", TRANSPORT_TCP | TRANSPORT_TLS | TRANSPORT_UNIX },
	};
	unsigned bits = 0;
	while (*value) {
		size_t len = strcspn(value, " ,"), i = 0;
		while (i < COUNT_OF(names) && (strlen(names[i].name) != len || strncmp(names[i].name, value, len) != 0))
			i++;
		if (i == COUNT_OF(names))
			bad(c, line, "transports: tcp, tls, unix or all");
		bits |= names[i].bits;
		value += len + strspn(value + len, " ,");
	}
	return bits;
}

static void read_setting(struct e2e_case *c, int number, const char *line)
{
	const char *colon = strchr(line, ':');
	if (!colon)
		bad(c, number, "expected \"name: value\" or a [section]");
	const char *value = colon + 1 + strspn(colon + 1, " ");
	size_t len = (size_t)(colon - line);
	if (len == 5 && strncmp(line, "title", len) == 0)
		c->title = kit_strdup(value);
	else if (len == 10 && strncmp(line, "transports", len) == 0)
		c->transports = transports_of(c, number, value);
	else if (len == 7 && strncmp(line, "timeout", len) == 0)
		c->timeout_s = (int)strtol(value, NULL, 10);
	else if (len == 7 && strncmp(line, "gateway", len) == 0)
		c->gateway = strcmp(value, "none") != 0;
	else if (len == 5 && strncmp(line, "needs", len) == 0 && strcmp(value, "root") == 0)
		c->needs_root = true;
	else if (len == 5 && strncmp(line, "needs", len) == 0)
		c->needs = kit_strdup(value);
	else if (len == 7 && strncmp(line, "backend", len) == 0)
		c->odd_backend = strcmp(value, "odd") == 0;
	else
		bad(c, number, "unknown setting (title, transports, timeout, gateway, needs, backend)");
}

static void open_upstream(struct reader *r, int number, const char *words)
{
	struct e2e_case *c = r->c;
	if (c->upstream_count == UPSTREAMS_MAX)
		bad(c, number, "too many upstreams");
	struct e2e_upstream *u = &c->upstreams[c->upstream_count++];
	size_t len = strcspn(words, " ");
	if (!len || len >= sizeof u->name)
		bad(c, number, "an upstream needs a name");
	memcpy(u->name, words, len);
	for (words += len; *words; words += strcspn(words, " ")) {
		words += strspn(words, " ");
		if (strncmp(words, "tls", 3) == 0)
			u->tls = true;
		else if (strncmp(words, "unix", 4) == 0)
			u->is_unix = true;
	}
	r->target = &u->script;
}

static void open_section(struct reader *r, int number, const char *line)
{
	struct e2e_case *c = r->c;
	char *name = kit_strndup(line + 1, strcspn(line, "]") - 1);
	const char *rest;
	r->in_steps = false;
	if (strcmp(name, "steps") == 0) {
		r->in_steps = true;
		r->target = NULL;
	} else if (strcmp(name, "config") == 0) {
		r->target = &c->config;
	} else if (strcmp(name, "env") == 0) {
		r->target = &c->env;
	} else if (strcmp(name, "args") == 0) {
		r->target = &c->args;
	} else if (kit_word(name, "upstream", &rest)) {
		open_upstream(r, number, rest);
	} else if (kit_word(name, "file", &rest) && c->file_count < COUNT_OF(c->files)) {
		c->files[c->file_count].name = kit_strdup(rest);
		r->target = &c->files[c->file_count++].text;
	} else {
		bad(c, number, "unknown section (config, env, args, upstream NAME, file NAME, steps)");
	}
	if (r->target && !*r->target)
		*r->target = kit_strdup("");
	free(name);
}

static void add_text(char **target, const char *line)
{
	char *joined = kit_printf("%s%s\n", *target, line);
	free(*target);
	*target = joined;
}

static void add_step(struct e2e_case *c, int number, const char *line)
{
	bool sub = *line == ' ' || *line == '\t';
	line += strspn(line, " \t");
	if (!*line || *line == '#')
		return;
	if (sub) {
		if (!c->step_count)
			bad(c, number, "an indented line needs a step above it");
		struct e2e_step *s = &c->steps[c->step_count - 1];
		s->subs = kit_grow(s->subs, (s->count + 1) * sizeof *s->subs);
		s->subs[s->count++] = (struct e2e_line){ number, kit_strdup(line) };
		return;
	}
	c->steps = kit_grow(c->steps, (c->step_count + 1) * sizeof *c->steps);
	c->steps[c->step_count++] = (struct e2e_step){ .line = { number, kit_strdup(line) } };
}

struct e2e_case *e2e_case_read(const char *path)
{
	struct text file = { 0 };
	struct e2e_case *c = kit_alloc(sizeof *c);
	struct reader r = { .c = c };
	*c = (struct e2e_case){ .path = path, .transports = TRANSPORT_TCP, .timeout_s = 30, .gateway = true };
	if (kit_read_file(path, &file))
		kit_fatal("%s: cannot be read", path);
	const char *at = text_str(&file);
	for (int number = 1; *at; number++) {
		size_t len = strcspn(at, "\n");
		char *line = kit_strndup(at, len);
		if (line[0] == '[' && strchr(line, ']'))
			open_section(&r, number, line);
		else if (r.in_steps)
			add_step(c, number, line);
		else if (r.target)
			add_text(r.target, line);
		else if (line[0] && line[0] != '#')
			read_setting(c, number, line);
		free(line);
		at += len + (at[len] == '\n');
	}
	text_free(&file);
	if (!c->step_count)
		bad(c, 1, "a case without [steps] proves nothing");
	return c;
}
