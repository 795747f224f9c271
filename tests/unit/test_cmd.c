/* tests/unit/test_cmd.c - the program's front: words, options, streams and exit statuses. */
#include "cmd/cmd.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "tests/support/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { ARGS_MAX = 12 };

struct outcome {
	int status; /* of the exit, or 128 + signal */
	char *out, *err;
};

static char directory[] = "/tmp/spass-cmd-XXXXXX";

/* Leaks of a child are looked for by its own sanitizer at exit. */
static void child(const char *line, const char *out, const char *err)
{
	static char words[1024];
	char *argv[ARGS_MAX + 1], *at = words;
	int argc = 0, fd;

	snprintf(words, sizeof words, "%s", line);
	for (char *word; (word = strsep(&at, " ")) && argc < ARGS_MAX;)
		argv[argc++] = word;
	argv[argc] = NULL;
	if (out) {
		fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		dup2(fd, STDOUT_FILENO);
		close(fd);
	}
	fd = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(fd, STDERR_FILENO);
	close(fd);
	exit(cmd_main(argc, argv));
}

static int reap(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static struct outcome run(const char *line)
{
	char *out = mem_printf("%s/out", directory), *err = mem_printf("%s/err", directory);
	struct outcome o;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child(line, out, err);
	o.status = reap(pid);
	o.out = tree_read(out);
	o.err = tree_read(err);
	unlink(out);
	unlink(err);
	mem_free(out);
	mem_free(err);
	return o;
}

static void release(struct outcome *o)
{
	mem_free(o->out);
	mem_free(o->err);
}

static void lines_end_with_the_right_status_and_stream(void **state)
{
	static const struct {
		const char *line;
		int status;
		const char *out, *err; /* contained; NULL = the stream is empty */
	} cases[] = {
		{ "spass", 2, NULL, "Usage: spass" },
		{ "spass --help", 0, "Usage: spass", NULL },
		{ "spass -h", 0, "Commands:", NULL },
		{ "spass -V", 0, "spass " SPASS_VERSION "\n", NULL },
		{ "spass --version", 0, "spass " SPASS_VERSION "\n", NULL },
		{ "spass version", 0, "spass " SPASS_VERSION "\n", NULL },
		{ "spass version -v", 0, "libcurl ", NULL },
		{ "spass version --json", 0, "\"schema_version\":1", NULL },
		{ "spass --json version", 0, "\"schema_version\":1", NULL },
		{ "spass errors -h", 0, "Usage: spass errors", NULL },
		{ "spass errors --wrong --help", 0, "Usage: spass errors", NULL },
		{ "spass help errors", 0, "Usage: spass errors", NULL },
		{ "spass help config", 0, "config show", NULL },
		{ "spass config check --json", 0, "\"backends\":[", NULL },
		{ "spass help config show", 0, "Usage: spass config show", NULL },
		{ "spass help exit-codes", 0, "deadline_exceeded", NULL },
		{ "spass help --json", 0, "\"exit_statuses\"", NULL },
		{ "spass help hlep", 2, NULL, "did you mean help?" },
		{ "spass help exit-code", 2, NULL, "did you mean exit-codes?" },
		{ "spass help spass.yaml", 2, NULL, "`man 5 spass.yaml` shows it" },
		{ "spass help nope", 2, NULL,
		  "there is no command \"nope\"\nhint: `spass help` lists the commands." },
		{ "spass help model lst", 2, NULL, "did you mean model list?" },
		{ "spass help modle list", 2, NULL, "did you mean model?" },
		{ "spass help status now", 2, NULL, "spass status has no part \"now\"" },
		{ "spass config", 2, NULL, "Commands:" },
		{ "spass config --help", 0, "config show", NULL },
		{ "spass config shwo", 2, NULL, "did you mean config show?" },
		{ "spass erors", 2, NULL, "did you mean errors?" },
		{ "spass frobnicate", 2, NULL,
		  "spass: usage: there is no command \"frobnicate\"\nhint:" },
		{ "spass frobnicate -q", 2, NULL, "no command" },
		{ "spass frobnicate --json", 2,
		  "{\"error\":{\"type\":\"invalid_request_error\",\"code\":\"usage\"",
		  "no command" },
		{ "spass --wrong", 2, NULL, "unknown option --wrong" },
		{ "spass errors --jsn", 2, NULL, "did you mean --json?" },
		{ "spass errors upstream_timeout", 0, "HTTP 504", NULL },
		{ "spass errors -- upstream_timeout", 0, "HTTP 504", NULL },
		{ "spass errors upstream_timeout --json", 0, "\"exit_status\":6", NULL },
		{ "spass errors --json", 0, "{\"schema_version\":1,\"entries\":[", NULL },
		{ "spass errors --color=always", 0, "\033[1mCODE", NULL },
		{ "spass errors", 0, "CODE  ", NULL },
		{ "spass errors 429", 0, "model_quota_exhausted", NULL },
		{ "spass errors 299", 2, NULL, "there is no error \"299\"" },
		{ "spass errors upstream_timeot", 2, NULL,
		  "did you mean upstream_timeout?\nhint: `spass errors` lists them." },
		{ "spass errors a b", 2, NULL, "does not take \"b\"" },
		{ "spass completion", 2, NULL, "wants bash|zsh|fish" },
		{ "spass completion tcsh", 2, NULL, "not one of bash, zsh, fish" },
		{ "spass completion bash", 0, "complete -F _spass spass", NULL },
		{ "spass status", 6, NULL, "connect_failed: no gateway" },
		{ "spass status --server unix:/nowhere/sock", 6, NULL, "/nowhere/sock" },
		{ "spass status --server ftp://x", 2, NULL, "is not http://" },
		{ "spass model list", 0, "spass-extract", "--all lists them" },
		{ "spass model list -q --all", 0, "spass-embed", NULL },
		{ "spass model list --json", 0, "{\"schema_version\":1,\"default_model\":", NULL },
		{ "spass model show spass-extract", 0, "context_window", NULL },
		{ "spass model show spass-extrct", 3, NULL, "did you mean spass-extract?" },
		{ "spass model list --token-file /nowhere", 2, NULL, "cannot open /nowhere" },
		{ "spass serve --check", 0, "127.0.0.1:3000", NULL },
		{ "spass serve --check --listen [::1]:9 --listen unix:/tmp/s", 0, "unix:/tmp/s",
		  NULL },
		{ "spass serve --log-level loud", 2, NULL,
		  "--log-level: log_level: \"loud\" is not one of" },
		{ "spass config show log_level", 0, "info\n", NULL },
		{ "spass config show log-level", 2, NULL, "did you mean log_level?" },
		{ "spass config show workers --json", 0, "{\"value\":0,\"origin\":\"default\"}\n",
		  NULL },
		{ "spass --config /nowhere.yaml config show", 2, NULL, "invalid_config" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct outcome o = run(cases[i].line);

		if (o.status != cases[i].status)
			fail_msg("%s: status %d, %s", cases[i].line, o.status, o.err);
		if (cases[i].out ? !strstr(o.out, cases[i].out) : *o.out != '\0')
			fail_msg("%s: stdout: %s", cases[i].line, o.out);
		if (cases[i].err ? !strstr(o.err, cases[i].err) : *o.err != '\0')
			fail_msg("%s: stderr: %s", cases[i].line, o.err);
		release(&o);
	}
}

/* A container runs as a number that has neither an entry in passwd(5) nor a home. */
static void without_a_home_the_setting_to_give_is_named(void **state)
{
	static const struct {
		const char *line, *token;
	} cases[] = {
		{ "spass config check", "" },
		{ "spass config check", "secret" },
		{ "spass serve --listen 127.0.0.1:0", "secret" },
	};
	char *err = mem_printf("%s/err", directory);

	(void)state;
	if (geteuid() != 0)
		skip();
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		pid_t pid;

		fflush(NULL);
		pid = fork();
		if (pid == 0) {
			unsetenv("HOME");
			unsetenv("XDG_CONFIG_HOME");
			unsetenv("XDG_DATA_HOME");
			setenv("SPASS_TOKEN", cases[i].token, 1);
			close(open(err, O_WRONLY | O_CREAT | O_TRUNC, 0666));
			if (chmod(directory, 0755) < 0 || chmod(err, 0666) < 0 || setuid(54321) < 0)
				_exit(99);
			child(cases[i].line, "/dev/null", err);
		}
		assert_int_equal(reap(pid), 2);
		char *text = tree_read(err);

		if (!strstr(text, "there is no home directory to keep data in; set data_dir"))
			fail_msg("%s: %s", cases[i].line, text);
		mem_free(text);
	}
	unlink(err);
	mem_free(err);
}

/* Answers one call on a port of its own, which it puts into *port. */
static pid_t answer_once(const char *body, int *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof address;
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	pid_t pid;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
	*port = ntohs(address.sin_port);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char request[4096];
		int fd = accept(listener, NULL, NULL);

		if (read(fd, request, sizeof request) > 0)
			dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s",
				strlen(body), body);
		_exit(0);
	}
	close(listener);
	return pid;
}

static void what_is_no_gateway_is_not_taken_for_one(void **state)
{
	static const char *const lines[] = { "list", "list --json", "show x", "show x --json" };
	static const char *const bodies[] = { "{}", "[]", "{\"models\":[]}",
					      "{\"default_model\":\"x\",\"models\":{}}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines) * ARRAY_LEN(bodies); i++) {
		int port;
		pid_t server = answer_once(bodies[i / ARRAY_LEN(lines)], &port);
		char *line = mem_printf("spass model %s --server 127.0.0.1:%d",
					lines[i % ARRAY_LEN(lines)], port);
		struct outcome o = run(line);

		if (o.status != 6 || !strstr(o.err, "not an answer of a spass gateway\nhint: Start it"))
			fail_msg("%s, %s: %d, %s%s", line, bodies[i / ARRAY_LEN(lines)], o.status,
				 o.out, o.err);
		assert_int_equal(reap(server), 0);
		release(&o);
		mem_free(line);
	}
}

static void quiet_leaves_only_the_error(void **state)
{
	struct outcome o = run("spass errors nothing -q");

	(void)state;
	assert_string_equal(o.err, "spass: usage: there is no error \"nothing\"\n");
	release(&o);
}

static void output_that_is_lost_is_an_error(void **state)
{
	char *err = mem_printf("%s/err", directory);
	pid_t pid;

	(void)state;
	fflush(NULL);
	pid = fork();
	if (pid == 0)
		child("spass errors", "/dev/full", err);
	assert_int_equal(reap(pid), 74);
	char *text = tree_read(err);

	assert_non_null(strstr(text, "output_failed"));
	mem_free(text);

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(STDOUT_FILENO);
		child("spass errors", NULL, err);
	}
	assert_int_equal(reap(pid), 74);
	unlink(err);
	mem_free(err);
}

static void a_reader_that_left_ends_the_program_silently(void **state)
{
	char *err = mem_printf("%s/err", directory), *text;
	int ends[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(ends), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		dup2(ends[1], STDOUT_FILENO);
		close(ends[1]);
		raise(SIGSTOP);
		child("spass errors", NULL, err);
	}
	close(ends[0]);
	close(ends[1]);
	int status;

	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	kill(pid, SIGCONT);
	assert_int_equal(reap(pid), 128 + SIGPIPE);
	text = tree_read(err);
	assert_string_equal(text, "");
	mem_free(text);
	unlink(err);
	mem_free(err);
}

static void every_row_of_the_table_is_complete(void **state)
{
	(void)state;
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		struct opt options[CMD_OPTIONS_MAX];

		assert_non_null((*c)->run);
		assert_true(strlen((*c)->summary) > 5);
		assert_ptr_equal(cmd_find((*c)->group, (*c)->name), *c);
		assert_false((*c)->operands_max != 0 && !(*c)->operands);
		assert_true((*c)->operands_max < 0 || (*c)->operands_min <= (*c)->operands_max);
		assert_true((*c)->examples && (*c)->examples[0].line);
		cmd_options(*c, options);
		for (const struct opt *a = options; a->kind != OPT_END; a++) {
			assert_non_null(a->help);
			for (const struct opt *b = a + 1; b->kind != OPT_END; b++) {
				assert_string_not_equal(a->name, b->name);
				assert_false(a->letter && a->letter == b->letter);
			}
		}
	}
}

static void every_exit_status_of_an_error_has_a_meaning(void **state)
{
	(void)state;
	for (int code = E_none + 1; code < ERR_CODE_COUNT; code++) {
		const struct cmd_exit *e = cmd_exits;

		while (e->meaning && e->status != err_info((enum err_code)code)->exit)
			e++;
		if (!e->meaning)
			fail_msg("%s", err_info((enum err_code)code)->code);
	}
}

/* Nothing of the user who runs the tests is read or changed. */
static const char *const places[] = { "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR",
				      "HOME" };
static const char *const unwanted[] = { "SPASS_CONFIG",    "SPASS_SERVER",   "SPASS_TOKEN",
					"RUST_API_BEARER", "CLICOLOR_FORCE", "LISTEN_FDS" };

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_with_the_right_status_and_stream),
		cmocka_unit_test(without_a_home_the_setting_to_give_is_named),
		cmocka_unit_test(what_is_no_gateway_is_not_taken_for_one),
		cmocka_unit_test(quiet_leaves_only_the_error),
		cmocka_unit_test(output_that_is_lost_is_an_error),
		cmocka_unit_test(a_reader_that_left_ends_the_program_silently),
		cmocka_unit_test(every_row_of_the_table_is_complete),
		cmocka_unit_test(every_exit_status_of_an_error_has_a_meaning),
	};
	int failed;

	if (!mkdtemp(directory))
		return 1;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		setenv(places[i], directory, 1);
	for (size_t i = 0; i < ARRAY_LEN(unwanted); i++)
		unsetenv(unwanted[i]);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	tree_remove(directory);
	return failed;
}
