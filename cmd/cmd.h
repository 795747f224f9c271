/*
 * cmd/cmd.h - what a command is: a const row, exported by the file that has its code.
 *
 * To add one: write cmd/cmd_NAME.c with `const struct cmd cmd_NAME = {...}`, everything else in
 * it static; declare it below and list it in cmd_table.c; write its page in man/.  Dispatch,
 * help, `spass help --json` and the completions come from the row; tests/unit/test_man.c asks
 * for the page and tests/unit/test_completion.c for `make completions`.
 *
 * stdout carries only what was asked for; talk and errors go to stderr.
 */
#ifndef SPASS_CMD_CMD_H
#define SPASS_CMD_CMD_H

#include "common/base/err.h"
#include "common/base/opt.h"
#include "common/config/config.h"

#include <stdio.h>

/* Which of the general options a command takes, besides --help, --version and --quiet. */
enum cmd_flag {
	CMD_JSON = 1,     /* --json */
	CMD_VERBOSE = 2,  /* --verbose */
	CMD_COLOR = 4,    /* --color */
	CMD_CLIENT = 8,   /* --server, --token-file, --ca-file, --user, --tenant, --timeout */
	CMD_CONFIG = 16,  /* --config */
	CMD_SETTINGS = 32 /* each setting that has a flag in config.def */
};

/* Every command's options struct begins with this. */
struct cmd_globals {
	bool help, version, quiet, json;
	int verbose;
	const char *color; /* "auto", "always", "never"; NULL = auto */
	const char *server, *token_file, *ca_file, *user, *tenant, *config;
	int64_t timeout_ms; /* 0: not given */
	struct opt_texts
		settings[CONFIG_KEY_COUNT]; /* as given: of a single value the last counts */
};

struct cmd_example {
	const char *line, *what;
};

struct cmd {
	const char *group; /* "model" of `spass model list`, or NULL */
	const char *name;
	const char *summary;                /* one line, no full stop */
	const char *operands;               /* "[CODE]", or NULL */
	int operands_min, operands_max;     /* max -1: any number */
	enum opt_complete complete_first;   /* of the first operand, when it is of its own kind */
	enum opt_complete complete;         /* of the operands, or the others */
	const char *choices;                /* or the words that they may be: "bash|zsh|fish" */
	unsigned flags;                     /* enum cmd_flag */
	const struct opt *options;          /* of its own; may be NULL */
	size_t options_size;                /* of its options struct; 0 = struct cmd_globals */
	const char *text;                   /* more for --help, a paragraph a line, or NULL */
	const struct cmd_example *examples; /* ends with line NULL; may be NULL */
	/*
	 * options: the filled struct; argv: the operands alone.  Returns the exit status, or -1
	 * with err, which is then told on stderr and gives the status.
	 */
	int (*run)(const void *options, int argc, char **argv, struct err *err);
};

/* In the order of the help; ends with NULL. */
extern const struct cmd *const cmd_table[];
extern const struct cmd cmd_ask, cmd_chat, cmd_completion, cmd_config_check, cmd_config_get, cmd_config_show,
	cmd_db_backup, cmd_db_migrate, cmd_db_vacuum, cmd_db_verify, cmd_errors, cmd_help, cmd_model_list,
	cmd_model_show, cmd_serve, cmd_status, cmd_usage, cmd_version;
extern const struct cmd cmd_tenant_config, cmd_tenant_key, cmd_tenant_list, cmd_tenant_show, cmd_tenant_usage;
extern const struct cmd cmd_session_delete, cmd_session_export, cmd_session_fork, cmd_session_import,
	cmd_session_list, cmd_session_rename, cmd_session_search, cmd_session_show, cmd_session_tree;
extern const struct cmd cmd_rag_add, cmd_rag_create, cmd_rag_docs, cmd_rag_eval, cmd_rag_export, cmd_rag_get,
	cmd_rag_import, cmd_rag_jobs, cmd_rag_list, cmd_rag_query, cmd_rag_rebuild, cmd_rag_rm, cmd_rag_set,
	cmd_rag_show, cmd_rag_stats, cmd_rag_sync, cmd_rag_verify;

/* group may be NULL.  NULL when there is none. */
const struct cmd *cmd_find(const char *group, const char *name);
bool cmd_is_group(const char *name);
/* -1 with E_usage: there is no such command; names a near one.  group may be NULL. */
int cmd_unknown(const char *group, const char *word, struct err *err);
/* "model list" into out. */
enum { CMD_PATH_SIZE = 64 };
void cmd_path(const struct cmd *c, char out[CMD_PATH_SIZE]);

enum { CMD_OPTIONS_MAX = 64 };
/* General and own options in one table, ended by OPT_END. */
void cmd_options(const struct cmd *c, struct opt out[CMD_OPTIONS_MAX]);
/* The options that may stand before the command: all general ones. */
void cmd_general_options(struct opt out[CMD_OPTIONS_MAX]);

/* The whole program: returns the exit status.  Called once. */
int cmd_main(int argc, char **argv);

/* cmd_help.c */
enum { CMD_PARTIAL = 8 }; /* some of several items failed */
struct cmd_exit {
	int status;
	const char *meaning;
};
/* Ends with meaning NULL. */
extern const struct cmd_exit cmd_exits[];
int cmd_help_program(struct buf *out);
int cmd_help_group(const char *group, struct buf *out);
int cmd_help_command(const struct cmd *c, struct buf *out);

/* cmd_print.c.  Writing to stdout is checked once, at the end of the program. */
enum { CMD_OUTPUT_MAX = 64 * 1024 * 1024 };
void cmd_print(const struct buf *text);
/* Of a path or a message, with broken bytes made visible: JSON has none.  NULL for NULL. */
json_t *cmd_json_text(const char *text);
/* Indented when stdout is a terminal.  Takes value. */
void cmd_print_json_take(json_t *value);
/* The same of a gateway's answer: a document with "schema_version". */
void cmd_print_document_take(json_t *answer);
/* Whether this stream gets colours: --color, NO_COLOR, CLICOLOR_FORCE, TERM, a terminal. */
bool cmd_color(const struct cmd_globals *g, FILE *stream);
/* "spass: code: message" and the remedy on stderr; with --json the envelope on stdout too. */
void cmd_print_error(const struct cmd_globals *g, const struct cmd *c, const struct err *err);
/* A line on stderr, unless --quiet.  Control characters are made harmless. */
void cmd_notice(const struct cmd_globals *g, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The same of what went wrong, also with --quiet. */
void cmd_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Whether a question can be put: it goes to stderr and its answer comes from stdin, both a terminal. */
bool cmd_can_ask(void);
/*
 * "... [y/N] ", where it can be put.  0: the answer begins with a y, and err is E_none.  -1: err is as the
 * caller has set it, which tells that it was not confirmed, or E_cancelled when a signal came instead.
 */
int cmd_confirm(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a command returns that could not write to stdout for this errno. */
int cmd_output_failed(int cause, struct err *err);
/* Flushes and closes stdout: status, or 74 or 141 when something was lost. */
int cmd_finish(int status);

/* cmd_settings.c: the configuration by --config, the environment and the command's flags. */
struct config *cmd_config_draft(const struct cmd_globals *g, bool *faulty, struct err *err);
struct config *cmd_config(const struct cmd_globals *g, const struct config_flag *more,
			  size_t more_count, struct err *err);
/* The flags as config_flag rows: the caller frees with cmd_config_flags_free. */
struct config_flag *cmd_config_flags(const struct cmd_globals *g, const struct config_flag *more,
				     size_t more_count, size_t *count);
void cmd_config_flags_free(struct config_flag *flags, size_t count, size_t more_count);

#endif
