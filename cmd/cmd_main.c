/*
 * cmd/cmd_main.c - from argv to the row that runs, and to the exit status.
 *
 * General options may stand before the command, so the words that name it are picked out first;
 * what remains is read by the command's own table.
 */
#include "cmd/cmd.h"

#include "cmd/interrupt.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

struct line {
	const char *group; /* the word that names a group, or NULL */
	const char *word;  /* the other word, or NULL */
	char **rest;       /* all else */
	int count;
	bool help, version, json; /* seen anywhere before "--" */
};

/* A closed standard descriptor would be given to the first socket or file that is opened. */
static void guard_descriptors(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			(void)!open("/dev/null", fd == 2 ? O_RDWR : O_RDONLY);
}

/* Whether the argument is an option whose value is the next argument. */
static bool eats_next(const char *arg)
{
	struct opt table[CMD_OPTIONS_MAX];

	cmd_general_options(table);
	for (const struct opt *row = table; row->kind != OPT_END; row++)
		if (row->kind != OPT_SWITCH && row->kind != OPT_COUNT && arg[0] == '-' &&
		    arg[1] == '-' && !strcmp(arg + 2, row->name))
			return true;
	return false;
}

static void note_switches(struct line *line, const char *arg)
{
	line->help |= !strcmp(arg, "-h") || !strcmp(arg, "--help");
	line->version |= !strcmp(arg, "-V") || !strcmp(arg, "--version");
	line->json |= !strcmp(arg, "--json");
}

/* Takes the one or two words of the command out of argv; line->rest has room for all of it. */
static void split(struct line *line, int argc, char **argv)
{
	bool named = false, ended = false;

	for (int i = 0; i < argc; i++) {
		bool is_word = argv[i][0] != '-' || !argv[i][1];

		ended |= !strcmp(argv[i], "--");
		if (!ended)
			note_switches(line, argv[i]);
		if (named || ended || !is_word) {
			line->rest[line->count++] = argv[i];
			if (!named && !ended && eats_next(argv[i]) && i + 1 < argc)
				line->rest[line->count++] = argv[++i];
			continue;
		}
		if (!line->group && cmd_is_group(argv[i])) {
			line->group = argv[i];
			continue;
		}
		line->word = argv[i];
		named = true;
	}
}

/* Without a command: its help was asked for, or it is a mistake. */
static int run_bare(const struct line *line, struct err *err)
{
	struct cmd_globals *g = mem_new(struct cmd_globals);
	struct opt table[CMD_OPTIONS_MAX];
	struct buf help;
	int result = 2;

	cmd_general_options(table);
	if (opt_parse(table, g, line->count, line->rest, err) < 0) {
		result = -1;
		goto out;
	}
	buf_init(&help, CMD_OUTPUT_MAX);
	if (line->group)
		cmd_help_group(line->group, &help);
	else
		cmd_help_program(&help);
	fputs(buf_str(&help), stderr);
	buf_free(&help);
out:
	mem_free(g);
	return result;
}

static int check_operands(const struct cmd *c, int count, char **argv, struct err *err)
{
	char path[CMD_PATH_SIZE];

	cmd_path(c, path);
	if (count < c->operands_min)
		return err_set(err, E_usage, "", "spass %s wants %s", path, c->operands);
	if (c->operands_max >= 0 && count > c->operands_max)
		return err_set(err, E_usage, "", "spass %s does not take \"%.64s\"", path,
			       argv[c->operands_max]);
	return 0;
}

static int run_command(const struct cmd *c, const struct line *line, struct cmd_globals *g,
		       struct err *err)
{
	struct opt table[CMD_OPTIONS_MAX];
	int count;

	cmd_options(c, table);
	count = opt_parse(table, g, line->count, line->rest, err);
	if (count < 0 || check_operands(c, count, line->rest, err) < 0)
		return -1;
	return c->run(g, count, line->rest, err);
}

/* Help wins over everything else on the line. */
static int show_help(const struct line *line, const struct cmd *c)
{
	struct buf help;

	buf_init(&help, CMD_OUTPUT_MAX);
	if (c)
		cmd_help_command(c, &help);
	else if (line->group)
		cmd_help_group(line->group, &help);
	else
		cmd_help_program(&help);
	cmd_print(&help);
	buf_free(&help);
	return 0;
}

static int dispatch(const struct line *line, struct cmd_globals **g, const struct cmd **c,
		    struct err *err)
{
	if (line->word) {
		*c = cmd_find(line->group, line->word);
		if (!*c)
			return cmd_unknown(line->group, line->word, err);
	}
	if (line->help)
		return show_help(line, *c);
	if (line->version) {
		puts("spass " SPASS_VERSION);
		return 0;
	}
	if (!*c)
		return run_bare(line, err);
	*g = mem_calloc(1, (*c)->options_size ? (*c)->options_size : sizeof **g);
	return run_command(*c, line, *g, err);
}

int cmd_main(int argc, char **argv)
{
	struct line line = { .rest = mem_calloc((size_t)argc + 1, sizeof *line.rest) };
	struct cmd_globals *g = NULL;
	const struct cmd *c = NULL;
	struct err err = ERR_INIT;
	int status;

	guard_descriptors();
	signal(SIGPIPE, SIG_IGN);
	setlocale(LC_CTYPE, ""); /* NOLINT(concurrency-mt-unsafe): no thread has begun */
	if (argc > 0)
		split(&line, argc - 1, argv + 1);
	status = dispatch(&line, &g, &c, &err);
	if (status < 0) {
		struct cmd_globals early = { .json = line.json };

		cmd_print_error(g ? g : &early, c, &err);
		status = err_info(err.code)->exit;
	}
	status = cmd_finish(status);
	mem_free(g);
	mem_free(line.rest);
	interrupt_end();
	return status;
}
