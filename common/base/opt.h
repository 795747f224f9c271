/*
 * common/base/opt.h - command-line options from a table.
 *
 * A table of rows parses the arguments, prints --help and feeds the completions.  Long options
 * take "--name value" and "--name=value", switches also "--no-name"; short ones may be bundled.
 * Options may stand before or after operands; "--" ends them.  No abbreviations.  Startup only.
 */
#ifndef SPASS_BASE_OPT_H
#define SPASS_BASE_OPT_H

#include "common/base/buf.h"
#include "common/base/err.h"

enum opt_kind {
	OPT_END,      /* last row */
	OPT_SWITCH,   /* bool * */
	OPT_TEXT,     /* const char ** (borrowed from argv) */
	OPT_TEXTS,    /* struct opt_texts *: may be repeated */
	OPT_INT,      /* int64_t *, min..max */
	OPT_DURATION, /* int64_t * in milliseconds: "500ms", "10s", "5m", "2h", plain = seconds */
	OPT_COUNT,    /* int *: -v -v */
	OPT_CHOICE,   /* const char **, one of choices "a|b|c" */
};

enum { OPT_TEXTS_MAX = 64 };
struct opt_texts {
	const char *items[OPT_TEXTS_MAX];
	size_t count;
};

/* What a shell may offer after the option: a word list, files, or a name the program can list. */
enum opt_complete {
	OPT_ANY, OPT_FILE, OPT_DIR, OPT_MODEL, OPT_CHAT_MODEL, OPT_EMBEDDING_MODEL, OPT_ERROR_CODE, OPT_SETTING,
	OPT_SESSION, OPT_INDEX
};

struct opt {
	enum opt_kind kind;
	const char *name;      /* long, without dashes */
	char letter;           /* short, or 0 */
	const char *argument;  /* placeholder in the help: "FILE" */
	const char *help;      /* one sentence */
	size_t offset;         /* of the variable in the command's options struct */
	int64_t min, max;      /* OPT_INT; of OPT_DURATION min alone, in milliseconds */
	const char *choices;   /* OPT_CHOICE */
	bool once;             /* OPT_TEXT: given twice it is a fault; of others the last one counts */
	const char *implied;   /* value of a bare "--name"; another is given as "--name=VALUE" only */
	enum opt_complete complete;
};

/*
 * Parses argv[0..argc) (without the program's and the command's name) by table into the struct
 * at values.  Operands are moved to the front of argv; returns their number, or -1 with E_usage.
 */
int opt_parse(const struct opt *table, void *values, int argc, char **argv, struct err *err);
/* The options part of --help, aligned, to out. */
int opt_help(const struct opt *table, struct buf *out);
/*
 * Text of a help, its lines broken between words at OPT_HELP_COLUMNS, each with its end; all but the
 * first begin with so many blanks, which the first has already.
 */
enum { OPT_HELP_COLUMNS = 80 };
void opt_help_text(const char *text, size_t indent, struct buf *out);
/* "500ms", "10s", "5m", "2h", "90" (seconds).  0 or -1. */
int opt_duration(struct span text, int64_t *ms);

#endif
