/* cmd/cmd_serve.c - spass serve: the gateway in the foreground. */
#include "cmd/check.h"
#include "cmd/cmd.h"
#include "cmd/gateway.h"

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/tenant/secret.h"
#include "server/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct serve_options {
	struct cmd_globals globals;
	bool check, show_token;
};

/* NULL: neither given nor to be had. */
static bool is_same(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

/* Whether this user's commands, which read what they find without flags, have its data and token. */
static bool is_own(const struct config *c)
{
	struct err err = ERR_INIT;
	struct config *theirs = config_load(NULL, environ, NULL, 0, &err);
	char *data[2] = { NULL, NULL }, *token[2] = { NULL, NULL };
	bool result = false;

	if (theirs) {
		data[0] = config_data_path(c, "", &err);
		data[1] = config_data_path(theirs, "", &err);
		token[0] = *c->token ? mem_strdup(c->token) : token_path(c, &err);
		token[1] = *theirs->token ? mem_strdup(theirs->token) : token_path(theirs, &err);
		result = is_same(data[0], data[1]) && is_same(token[0], token[1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(data); i++) {
		mem_free(data[i]);
		if (token[i])
			mem_free_secret(token[i], strlen(token[i]));
	}
	config_free(theirs);
	return result;
}

static bool is_listed(const struct config *c, const char *path)
{
	for (size_t i = 0; i < c->listen.count; i++)
		if (span_starts(span_str(c->listen.items[i]), "unix:") &&
		    strcmp(c->listen.items[i] + 5, path) == 0)
			return true;
	return false;
}

/*
 * Where this user's commands look for a gateway; NULL when it is not for this one.  *is_taken: another
 * gateway listens there, which keeps it.
 */
static char *own_socket(const struct config *c, bool *is_taken)
{
	char *directory, *path;
	struct err err = ERR_INIT;

	if (!c->user_socket || getenv("LISTEN_FDS") || !is_own(c))
		return NULL;
	directory = file_place(FILE_RUNTIME, "");
	path = gateway_socket();
	if (!directory || !path || is_listed(c, path) || file_make_dirs(directory, &err) < 0) {
		mem_free(path);
		path = NULL;
	}
	*is_taken = path && gateway_answers(path);
	mem_free(directory);
	return path;
}

/* An answer from the model that is always there. */
static const char first_question[] =
	"/v1/chat/completions -d '{\"model\":\"spass-extract\",\"messages\":"
	"[{\"role\":\"user\",\"content\":\"hello\"}]}'";

static void print_curl(const struct server *s, const struct config *c)
{
	const char *address = server_address(s, 0), *token = server_token_path(s);
	bool is_unix = address && !strncmp(address, "unix:", 5);

	if (!address)
		return;
	fputs("try: curl ", stderr);
	if (c->auth && token)
		fprintf(stderr, "-H \"Authorization: Bearer $(cat '%s')\" ", token);
	else if (c->auth)
		fputs("-H \"Authorization: Bearer $SPASS_TOKEN\" ", stderr);
	if (is_unix)
		fprintf(stderr, "--unix-socket '%s' http://localhost%s\n", address + 5, first_question);
	else
		fprintf(stderr, "%s%s\n", address, first_question);
}

/* To the person who sits before the terminal; the log tells him the addresses, when it does. */
static void greet(const struct cmd_globals *g, const struct server *s, const struct config *c,
		  bool show_token)
{
	const char *address, *path = server_token_path(s);

	for (size_t i = 0; !log_enabled(LOG_LEVEL_INFO) && (address = server_address(s, i)); i++)
		cmd_notice(g, "listening on %s", address);
	if (!c->auth)
		cmd_notice(g, "no token is required: auth is off");
	else if (path)
		cmd_notice(g, "token %s %s", server_made_token(s) ? "made, kept in" : "kept in",
			   path);
	if (c->auth && show_token)
		cmd_notice(g, "token: %s", server_token(s));
	else if (c->auth && server_made_token(s))
		cmd_notice(g, "token (shown once): %s", server_token(s));
	if (!g->quiet)
		print_curl(s, c);
}

/* A journal keeps where the token is, never the token. */
static void log_token(const struct server *s, const struct config *c)
{
	const char *path = server_token_path(s);

	if (!c->auth)
		log_warn("serve", "no token is required: auth is off");
	else if (path)
		log_info("serve", "token %s %s", server_made_token(s) ? "made, kept in" : "kept in",
			 path);
}

/* What server_run waits for must not end the program in the moment between answering the first
 * request and waiting. */
static void hold_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct serve_options *o = options;
	const struct cmd_globals *g = &o->globals;
	struct server_source source = { .path = g->config };
	struct config_flag *flags = NULL;
	struct config *c, *shown = NULL;
	char *socket = NULL;
	bool is_taken = false;
	struct server *server;
	int result = -1;

	(void)argc, (void)argv;
	if (o->check)
		return check_config(g, err);
	c = cmd_config(g, NULL, 0, err);
	if (!c)
		goto out;
	check_variables(environ);
	flags = cmd_config_flags(g, NULL, 0, &source.flag_count);
	source.flags = flags;
	socket = own_socket(c, &is_taken);
	source.own_socket = is_taken ? NULL : socket;
	/* What greet needs after the server has taken the configuration. */
	shown = cmd_config(g, NULL, 0, err);
	hold_signals();
	server = server_start(c, &source, err);
	if (!server)
		goto out;
	if (is_taken)
		log_warn("serve", "another gateway listens on %s: this user's commands talk to that one", socket);
	if (shown && (isatty(STDERR_FILENO) || o->show_token))
		greet(g, server, shown, o->show_token);
	else if (shown)
		log_token(server, shown);
	result = server_run(server);
out:
	config_free(shown);
	if (flags)
		cmd_config_flags_free(flags, source.flag_count, 0);
	mem_free(socket);
	return result;
}

static const struct opt own[] = {
	{ .kind = OPT_SWITCH,
	  .name = "check",
	  .help = "Check configuration, catalogue and token, tell what would be done, and exit",
	  .offset = offsetof(struct serve_options, check) },
	{ .kind = OPT_SWITCH,
	  .name = "show-token",
	  .help = "Print the bearer token at the start, for whoever watches",
	  .offset = offsetof(struct serve_options, show_token) },
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass serve", "On 127.0.0.1:3000 and on a Unix socket for your own commands." },
	{ "spass serve --listen :8443 --tls-certificate c.pem --tls-key k.pem",
	  "HTTPS on all addresses." },
	{ "spass serve --config /etc/spass/spass.yaml --check", "Whether it would start." },
	{ NULL, NULL },
};

const struct cmd cmd_serve = {
	.name = "serve",
	.summary = "Run the gateway",
	.flags = CMD_CONFIG | CMD_SETTINGS,
	.options = own,
	.options_size = sizeof(struct serve_options),
	.text = "Runs in the foreground.  SIGTERM and SIGINT let running requests finish and stop; "
		"a second one stops at once.  SIGHUP reads the configuration again.",
	.examples = examples,
	.run = run,
};
