/* tests/support/e2e_command.c - steps that run a command, and what may not be found afterwards. */
#include "tests/support/e2e.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct run {
	struct text input, env; /* env: NAME=VALUE lines */
	int want;
	struct text out, err;
};

static void read_run(struct e2e *e, const struct e2e_step *s, struct run *r)
{
	const char *rest;
	for (size_t i = 0; i < s->count; i++) {
		char *line = e2e_expand(e, s->subs[i].text);
		if (kit_word(line, "status", &rest))
			r->want = (int)strtol(rest, NULL, 10);
		else if (kit_word(line, "input", &rest))
			kit_unescape(rest, strlen(rest), &r->input);
		else if (kit_word(line, "env", &rest))
			text_printf(&r->env, "%s\n", rest);
		free(line);
	}
}

static int check_line(struct e2e *e, const struct run *r, const char *line)
{
	const char *check;
	if (kit_word(line, "stdout", &check))
		return e2e_check_text(e, "stdout", text_str(&r->out), r->out.len, check);
	if (kit_word(line, "stderr", &check))
		return e2e_check_text(e, "stderr", text_str(&r->err), r->err.len, check);
	if (kit_word(line, "json", &check))
		return e2e_check_json_text(e, text_str(&r->out), r->out.len, check);
	if (kit_word(line, "status", &check) || kit_word(line, "input", &check) || kit_word(line, "env", &check) ||
	    *line == '|')
		return 0;
	return e2e_fail(e, "unknown line of a command: %s", line);
}

static int check_run(struct e2e *e, const struct e2e_step *s, const struct run *r, const char *what, int status)
{
	int got = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), result = 0;
	if (got != r->want)
		return e2e_fail(e, "%s ended with %d, expected %d\n  stdout:   %.400s\n  stderr:   %.400s", what, got, r->want,
				text_str(&r->out), text_str(&r->err));
	for (size_t i = 0; i < s->count && !result; i++) {
		char *line = e2e_expand(e, s->subs[i].text);
		result = check_line(e, r, line);
		if (result)
			text_printf(&e->why, "\n  at:       line %d: %s", s->subs[i].number, s->subs[i].text);
		free(line);
	}
	return result;
}

static int run(struct e2e *e, const struct e2e_step *s, const struct e2e_command *command, const char *what)
{
	struct run r = { .want = 0 };
	struct e2e_command c = *command;
	int status = 0;
	read_run(e, s, &r);
	c.input = text_str(&r.input);
	c.env = text_str(&r.env);
	int result = e2e_run_command(e, &c, &r.out, &r.err, &status);
	if (!result)
		result = check_run(e, s, &r, what, status);
	text_free(&r.input);
	text_free(&r.env);
	text_free(&r.out);
	text_free(&r.err);
	return result;
}

/* run ARGUMENTS of spass, and below: status N, input TEXT, env NAME=VALUE, stdout, stderr and json CHECK */
int e2e_step_run(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct e2e_command c = { .arguments = rest };
	char *what = kit_printf("spass %s", rest);
	int result = run(e, s, &c, what);
	free(what);
	return result;
}

/*
 * What each script may use: spass is the program, and $SPASS its path; "until_true CODE" waits, and what does
 * not come in time ends the script.
 */
static const char prelude[] =
	"SPASS='%s'\n"
	"spass() { \"$SPASS\" \"$@\"; }\n"
	"until_true() {\n"
	"	local end=$((SECONDS + %d))\n"
	"	until eval \"$@\"; do\n"
	"		[ $SECONDS -lt $end ] || { echo \"never: $*\" >&2; exit 99; }\n"
	"		sleep 0.02\n"
	"	done\n"
	"}\n";

/* shell and below: lines "| text" for bash; else as run */
int e2e_step_shell(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	struct text script = { 0 };
	text_printf(&script, prelude, e->spass, 2 * DEADLINE_MS / 1000 * e->slow);
	text_printf(&script, "%s\n", rest);
	for (size_t i = 0; i < s->count; i++) {
		const char *line = s->subs[i].text;
		if (*line != '|')
			continue;
		char *text = e2e_expand(e, line + 1 + (line[1] == ' '));
		text_printf(&script, "%s\n", text);
		free(text);
	}
	struct e2e_command c = { .script = text_str(&script) };
	int result = run(e, s, &c, "the script");
	text_free(&script);
	return result;
}

/* What nftw(3) has no other way to be told. */
static struct {
	const char *text, *dir;
	char *found;
} search;

/* What the case itself wrote is not searched: configuration, scripts and logs of upstreams, input of commands. */
static bool is_of_gateway(const char *path)
{
	static const char *const roots[] = { "/data/", "/state/", "/cache/", "/run/", "/home/", "/spass.log" };
	for (size_t i = 0; i < COUNT_OF(roots); i++)
		if (strncmp(path, roots[i], strlen(roots[i])) == 0)
			return true;
	return false;
}

static int look_into(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)where;
	struct text file = { 0 };
	if (type != FTW_F || !S_ISREG(st->st_mode) || !is_of_gateway(path + strlen(search.dir)))
		return 0;
	if (kit_read_file(path, &file) == 0 && kit_find(text_str(&file), file.len, search.text, strlen(search.text)) &&
	    !search.found)
		search.found = kit_strdup(path);
	text_free(&file);
	return search.found != NULL;
}

/* nowhere TEXT: in no file that the gateway wrote, its output included */
int e2e_step_nowhere(struct e2e *e, const struct e2e_step *s, const char *rest)
{
	(void)s;
	search.text = rest;
	search.dir = e->dir;
	search.found = NULL;
	nftw(e->dir, look_into, 16, FTW_PHYS);
	if (!search.found)
		return 0;
	e2e_fail(e, "%s has \"%s\"", search.found, rest);
	free(search.found);
	return -1;
}
