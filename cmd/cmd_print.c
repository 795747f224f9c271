/* cmd/cmd_print.c - what goes to stdout and stderr, and whether it arrived. */
#include "cmd/cmd.h"

#include "cmd/interrupt.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/remedy.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OUTPUT = 74, EXIT_PIPE = 128 + SIGPIPE, NOTICE_MAX = 4096 };

void cmd_print(const struct buf *text)
{
	if (text->len)
		fwrite(text->ptr, 1, text->len, stdout);
}

void cmd_print_json_take(json_t *value)
{
	size_t flags = isatty(STDOUT_FILENO) ? JSON_INDENT(2) : JSON_COMPACT;

	json_dumpf(value, stdout, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(value);
}

static bool is_set(const char *variable)
{
	const char *value = getenv(variable);

	return value && *value;
}

void cmd_print_document_take(json_t *answer)
{
	json_t *document = json_pack("{s:i}", "schema_version", 1);

	json_object_update(document, answer);
	json_decref(answer);
	cmd_print_json_take(document);
}

bool cmd_color(const struct cmd_globals *g, FILE *stream)
{
	const char *terminal = getenv("TERM"), *force = getenv("CLICOLOR_FORCE");

	if (g->color && strcmp(g->color, "auto") != 0)
		return !strcmp(g->color, "always");
	if (is_set("NO_COLOR"))
		return false;
	if (force && *force && strcmp(force, "0") != 0)
		return true;
	return isatty(fileno(stream)) && terminal && strcmp(terminal, "dumb") != 0;
}

static void write_harmless(FILE *stream, const char *text)
{
	struct buf safe;

	buf_init(&safe, 4 * (size_t)CMD_OUTPUT_MAX);
	utf8_add_harmless(&safe, span_str(text));
	fwrite(safe.ptr, 1, safe.len, stream);
	buf_free(&safe);
}

/* A name within may hold newlines: the line stays one. */
__attribute__((format(printf, 1, 0))) static void write_line(const char *format, va_list args,
							      const char *end)
{
	char line[NOTICE_MAX];
	struct buf safe;

	vsnprintf(line, sizeof line, format, args);
	buf_init(&safe, (size_t)8 * NOTICE_MAX);
	utf8_add_flat(&safe, span_str(line));
	fprintf(stderr, "%s%s", buf_str(&safe), end);
	buf_free(&safe);
}

void cmd_notice(const struct cmd_globals *g, const char *format, ...)
{
	va_list args;

	if (g->quiet)
		return;
	va_start(args, format);
	write_line(format, args, "\n");
	va_end(args);
}

void cmd_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(format, args, "\n");
	va_end(args);
}

bool cmd_can_ask(void)
{
	return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

int cmd_confirm(struct err *err, const char *format, ...)
{
	char *answer = NULL;
	size_t size = 0;
	va_list args;
	bool is_yes;

	if (!cmd_can_ask())
		return -1;
	va_start(args, format);
	write_line(format, args, " [y/N] ");
	va_end(args);
	if (getline(&answer, &size, stdin) < 0) {
		putc('\n', stderr);
		is_yes = false;
	} else
		is_yes = answer[0] == 'y' || answer[0] == 'Y';
	free(answer);
	if (is_yes)
		err_clear(err);
	else if (interrupt_signal())
		err_set(err, E_cancelled, "", "interrupted");
	return is_yes ? 0 : -1;
}

json_t *cmd_json_text(const char *text)
{
	struct buf safe;
	json_t *value;

	if (!text || utf8_is_valid(span_str(text)))
		return json_string(text);
	buf_init(&safe, 4 * (size_t)CMD_OUTPUT_MAX);
	utf8_add_harmless(&safe, span_str(text));
	value = json_string(buf_str(&safe));
	buf_free(&safe);
	return value;
}

/* The envelope; the caller owns it. */
static json_t *cmd_error_json(const struct err *err)
{
	const struct err_info *info = err_info(err->code);
	json_t *error = json_object();

	json_object_set_new(error, "type", json_string(err_type_name(info->type)));
	json_object_set_new(error, "code", json_string(info->code));
	json_object_set_new(error, "message", cmd_json_text(err->message));
	if (*err->param)
		json_object_set_new(error, "param", json_string(err->param));
	if (err->retry_after_s > 0)
		json_object_set_new(error, "retry_after", json_integer(err->retry_after_s));
	return json_pack("{s:o}", "error", error);
}

void cmd_print_error(const struct cmd_globals *g, const struct cmd *c, const struct err *err)
{
	const char *remedy = remedy_of(err, REMEDY_SHELL);
	char path[CMD_PATH_SIZE];

	if (g->json)
		cmd_print_json_take(cmd_error_json(err));
	fflush(stdout);
	fprintf(stderr, "spass: %s: ", err_info(err->code)->code);
	write_harmless(stderr, err->message);
	putc('\n', stderr);
	if (g->quiet || err->code == E_cancelled)
		return;
	if (remedy && *remedy)
		fprintf(stderr, "hint: %s\n", remedy);
	else if (!remedy && c && c != &cmd_help) {
		cmd_path(c, path);
		fprintf(stderr, "hint: Read `spass help %s`.\n", path);
	} else if (!remedy)
		fputs("hint: `spass help` lists the commands.\n", stderr);
}

/* A reader that has gone is told apart from a full disk by what poll says of the descriptor. */
static bool reader_is_gone(void)
{
	struct pollfd p = { .fd = STDOUT_FILENO, .events = POLLOUT };

	return poll(&p, 1, 0) == 1 && (p.revents & (POLLERR | POLLHUP));
}

int cmd_output_failed(int cause, struct err *err)
{
	/* Of a reader that has gone cmd_finish makes a signal. */
	if (cause == EPIPE)
		return 0;
	return err_set(err, E_output_failed, "", "cannot write to standard output: %s",
		       err_errno(cause));
}

int cmd_finish(int status)
{
	bool fails = fflush(stdout) != 0, lost = fails || ferror(stdout);
	int cause = fails ? errno : 0; /* of an earlier write nothing is kept */
	bool pipe_broken = lost && reader_is_gone();

	if (fclose(stdout) != 0 && !lost) {
		cause = errno;
		lost = true;
	}
	if (!lost || status != 0)
		return status;
	if (pipe_broken) {
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
		return EXIT_PIPE;
	}
	fprintf(stderr, "spass: %s: cannot write to standard output%s%s\n",
		err_info(E_output_failed)->code, cause ? ": " : "", cause ? err_errno(cause) : "");
	return EXIT_OUTPUT;
}
