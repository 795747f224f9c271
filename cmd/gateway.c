/* cmd/gateway.c - finding a gateway, or being one. */
#include "cmd/gateway.h"

#include "cmd/interrupt.h"
#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/tenant/identity.h"
#include "common/tenant/secret.h"
#include "common/tenant/tenancy.h"
#include "server/server.h"

#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define EMBEDDED_PREFIX "embedded-"
#define EMBEDDED_SUFFIX ".sock"

/* A port of this machine where nobody listens refuses at once; a distant one has its time. */
enum { AWAIT_LOCAL_MS = 300, AWAIT_ALL_MS = 2500 };

/* What a rate limit may cost one request of a command. */
enum { PATIENCE_MS = 30 * 1000 };

/* Sockets */

static char *runtime_socket(const char *name)
{
	char *path = file_place(FILE_RUNTIME, name);

	if (path && strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
		mem_free(path);
		return NULL;
	}
	return path;
}

char *gateway_socket(void)
{
	return runtime_socket("gateway.sock");
}

/* A socket that somebody else has put there gets no token. */
static bool is_own_socket(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) && st.st_uid == geteuid();
}

bool gateway_answers(const char *socket_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	bool answers;
	int fd;

	if (!is_own_socket(socket_path) || strlen(socket_path) >= sizeof address.sun_path)
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	memcpy(address.sun_path, socket_path, strlen(socket_path) + 1);
	answers = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ||
		  errno == EAGAIN;
	close(fd);
	return answers;
}

/* Sockets of commands that were killed. */
static void sweep(const char *directory)
{
	DIR *d = opendir(directory);
	struct dirent *entry;
	int64_t pid;

	while (d && (entry = readdir(d))) {
		struct span name = span_str(entry->d_name);

		if (!span_starts(name, EMBEDDED_PREFIX) || !span_ends(name, EMBEDDED_SUFFIX))
			continue;
		name = span_of(name.ptr + sizeof EMBEDDED_PREFIX - 1,
			       name.len - (sizeof EMBEDDED_PREFIX - 1) -
				       (sizeof EMBEDDED_SUFFIX - 1));
		if (span_to_int(name, 1, INT32_MAX, &pid) == 0 && kill((pid_t)pid, 0) < 0 &&
		    errno == ESRCH)
			unlinkat(dirfd(d), entry->d_name, 0);
	}
	if (d)
		closedir(d);
}

/* Tokens */

/* 0 with the token set, or left NULL when neither names one. */
static int given_token(struct gateway *gateway, const struct cmd_globals *g, struct err *err)
{
	const char *value = getenv("SPASS_TOKEN");
	struct err fault = ERR_INIT;

	if (g->token_file) {
		gateway->token = token_read(g->token_file, &fault);
		/* A file that the user named is his affair, not that of the gateway's storage. */
		if (!gateway->token)
			return err_set(err, E_usage, "token-file", "%s", fault.message);
		gateway->token_from = mem_strdup(g->token_file);
	} else if (value && *value) {
		gateway->token = mem_strdup(value);
		gateway->token_from = mem_strdup("SPASS_TOKEN");
	}
	return 0;
}

/* The one that this user's gateway reads; none when there is none yet. */
static void take_own_token(struct gateway *gateway, const struct cmd_globals *g)
{
	struct err err = ERR_INIT;
	struct config *c = config_load(NULL, environ, NULL, 0, &err);
	char *path = NULL;

	/* The gateway may be running with what the file said before. */
	if (!c) {
		cmd_notice(g, "spass: the token is not looked for: %s", err.message);
		return;
	}
	if (*c->token) {
		gateway->token = mem_strdup(c->token);
		gateway->token_from = mem_printf("the setting token (%s)",
						 config_origin_name(c->origins[CONFIG_KEY_token]));
	} else {
		path = token_path(c, &err);
		if (path && !file_is_absent(path)) {
			gateway->token = token_read(path, &err);
			if (gateway->token)
				gateway->token_from = mem_strdup(path);
			else
				cmd_notice(g, "spass: the token is not taken: %s", err.message);
		}
	}
	mem_free(path);
	config_free(c);
}

/* The three ways */

static int use_named(struct gateway *gateway, const struct cmd_globals *g, const char *server,
		     struct err *err)
{
	if (target_parse(server, &gateway->target, err) < 0)
		return -1;
	if (!gateway->token && target_is_local(&gateway->target))
		take_own_token(gateway, g);
	return 0;
}

static bool use_running(struct gateway *gateway, const struct cmd_globals *g)
{
	char *path = gateway_socket();

	if (!path || !gateway_answers(path)) {
		mem_free(path);
		return false;
	}
	gateway->target =
		(struct target){ .url = mem_strdup("http://localhost"), .unix_path = path };
	if (!gateway->token)
		take_own_token(gateway, g);
	return true;
}

/* Who presents a token is not made the operator by it, as the setting of this name would do. */
static void hide_token(struct gateway *gateway)
{
	const char *value = getenv("SPASS_TOKEN");

	if (!value || !gateway->token)
		return;
	gateway->hidden_token = mem_strdup(value);
	unsetenv("SPASS_TOKEN"); /* NOLINT(concurrency-mt-unsafe): the server has not begun */
}

/* Once the server has gone, which reads its configuration again from time to time. */
static void show_token(struct gateway *gateway)
{
	if (!gateway->hidden_token)
		return;
	setenv("SPASS_TOKEN", gateway->hidden_token, 1); /* NOLINT(concurrency-mt-unsafe): no thread is left */
	mem_free_secret(gateway->hidden_token, strlen(gateway->hidden_token));
}

static int start_own(struct gateway *gateway, struct err *err)
{
	char *directory = file_place(FILE_RUNTIME, ""), *name, *path, *listen;
	struct config *c;
	int result = -1;

	name = mem_printf(EMBEDDED_PREFIX "%ld" EMBEDDED_SUFFIX, (long)getpid());
	path = directory ? runtime_socket(name) : NULL;
	listen = mem_printf("unix:%s", path ? path : "");
	if (!path) {
		err_set(err, E_storage_error, "",
			"there is no usable runtime directory; set XDG_RUNTIME_DIR");
		goto out;
	}
	if (file_make_dirs(directory, err) < 0)
		goto out;
	sweep(directory);
	const struct config_flag flags[] = {
		{ "listen", listen },      { "workers", "1" }, { "log_level", "error" },
		{ "tls_certificate", "" }, { "tls_key", "" },  { "auth", "true" },
	};
	const struct server_source source = { .flags = flags, .flag_count = ARRAY_LEN(flags) };

	hide_token(gateway);
	c = config_load(NULL, environ, flags, ARRAY_LEN(flags), err);
	if (!c)
		goto out;
	gateway->server = server_start(c, &source, err);
	if (!gateway->server)
		goto out;
	server_await_local(gateway->server, AWAIT_LOCAL_MS);
	gateway->target =
		(struct target){ .url = mem_strdup("http://localhost"), .unix_path = path };
	path = NULL;
	if (!gateway->token)
		gateway->token = mem_strdup(server_token(gateway->server));
	result = 0;
out:
	mem_free(directory);
	mem_free(name);
	mem_free(path);
	mem_free(listen);
	return result;
}

/* --user, SPASS_USER, or NULL. */
static const char *user_of(const struct cmd_globals *g)
{
	const char *named = getenv("SPASS_USER");

	return g->user ? g->user : named && *named ? named : NULL;
}

/* --ca-file, SPASS_CA_FILE, or NULL. */
static const char *ca_file_of(const struct cmd_globals *g)
{
	const char *named = getenv("SPASS_CA_FILE");

	return g->ca_file ? g->ca_file : named && *named ? named : NULL;
}

/* It goes into a header: no line of it may begin another.  No tenant has a longer one. */
static bool is_tenant_id(const char *tenant)
{
	const char *at = tenant;

	while (*at > ' ' && *at <= '~')
		at++;
	return at > tenant && !*at && at - tenant < TENANT_ID_SIZE;
}

static int find(struct gateway *gateway, const struct cmd_globals *g, bool may_start,
		struct err *err)
{
	const char *server = g->server ? g->server : getenv("SPASS_SERVER"), *user = user_of(g);

	if (user && !identity_is_user_id(span_str(user)))
		return err_set(err, E_usage, "user",
			       "\"%.64s\" is not the id of a user: letters, digits and . _ : @ + - make one",
			       user);
	if (g->tenant && !is_tenant_id(g->tenant))
		return err_set(err, E_usage, "tenant", "\"%.64s\" is not the id of a tenant", g->tenant);
	if (given_token(gateway, g, err) < 0)
		return -1;
	if (server && *server)
		return use_named(gateway, g, server, err);
	if (use_running(gateway, g))
		return 0;
	if (may_start)
		return start_own(gateway, err);
	return err_set(err, E_connect_failed, "", "no gateway of this user is running");
}

/* NULL: the name has what an id must not. */
static char *login_name(void)
{
	struct passwd entry, *found = NULL;
	char text[4096];

	if (getpwuid_r(geteuid(), &entry, text, sizeof text, &found) == 0 && found)
		return identity_is_user_id(span_str(found->pw_name)) ? mem_strdup(found->pw_name) : NULL;
	return mem_printf("%lu", (unsigned long)geteuid());
}

struct gateway *gateway_find(const struct cmd_globals *g, bool may_start, struct err *err)
{
	struct gateway *gateway = mem_new(struct gateway);
	char name[GATEWAY_NAME_SIZE];

	interrupt_watch();
	gateway->login = login_name();
	if (find(gateway, g, may_start, err) < 0) {
		gateway_close(gateway);
		return NULL;
	}
	gateway_name(gateway, name);
	if (g->verbose)
		cmd_notice(g, "gateway: %s%s, %s token", name,
			   gateway->server ? " (started here)" : "",
			   gateway->token ? "with a" : "without a");
	return gateway;
}

void gateway_await_backends(const struct gateway *g)
{
	if (g->server)
		server_await_backends(g->server, AWAIT_ALL_MS);
}

void gateway_close(struct gateway *g)
{
	if (!g)
		return;
	server_stop(g->server);
	show_token(g);
	if (g->server)
		unlink(g->target.unix_path);
	target_clear(&g->target);
	mem_free_secret(g->token, g->token ? strlen(g->token) : 0);
	mem_free(g->token_from);
	mem_free(g->login);
	mem_free(g);
}

static bool is_interrupted(void)
{
	return interrupt_signal() != 0;
}

/* Once in a while nobody needs to know; who waits before a terminal asks himself why after a second. */
static void tell_limit(const void *context, int seconds, bool is_long)
{
	const struct cmd_globals *g = context;

	if (g->verbose && !is_long)
		cmd_notice(g, "the gateway limits how often it is asked: waiting for %d s", seconds);
	if (g->verbose || !is_long || g->quiet || !isatty(STDERR_FILENO))
		return;
	fputs("\r\033[K", stderr); /* where progress may stand */
	cmd_notice(g, "the gateway limits how often it is asked: waiting");
}

struct wire_target gateway_target(const struct gateway *gateway, const struct cmd_globals *g)
{
	return (struct wire_target){
		.url = gateway->target.url,
		.unix_path = gateway->target.unix_path,
		.token = gateway->token,
		.user = user_of(g),
		.tenant = g->tenant,
		.login = gateway->login,
		.ca_file = ca_file_of(g),
		.is_local = target_is_local(&gateway->target),
		.timeout_ms = g->timeout_ms,
		.patience_ms = PATIENCE_MS,
		.limited = tell_limit,
		.context = g,
		.interrupted = is_interrupted,
	};
}

void gateway_explain(const struct gateway *gateway, struct err *err)
{
	size_t len = strlen(err->message), room = sizeof err->message - len;
	const bool is_of_tenant = strcmp(err->param, "headers.spass-tenant-id") == 0; /* no fault of the token */

	if (err->code == E_invalid_authorization && gateway->token_from && !is_of_tenant)
		snprintf(err->message + len, room, "; it came from %s%s", gateway->token_from,
			 gateway->server ? ", and no gateway is running: this command started one "
					   "of its own, with your tokens" : "");
	if (err->code == E_missing_authorization && !gateway->token)
		snprintf(err->message + len, room, "; %s",
			 target_is_local(&gateway->target) ?
				 "none is known: use --token-file or SPASS_TOKEN" :
				 "for another machine use --token-file or SPASS_TOKEN");
}

void gateway_name(const struct gateway *g, char out[GATEWAY_NAME_SIZE])
{
	if (g->target.unix_path)
		snprintf(out, GATEWAY_NAME_SIZE, "unix:%s", g->target.unix_path);
	else
		snprintf(out, GATEWAY_NAME_SIZE, "%s", g->target.url);
}

int gateway_link_open(struct gateway_link *l, const struct cmd_globals *g, struct err *err)
{
	*l = (struct gateway_link){ .gateway = gateway_find(g, true, err) };
	if (!l->gateway)
		return -1;
	l->target = gateway_target(l->gateway, g);
	l->wire = wire_new(&l->target);
	return 0;
}

void gateway_link_close(struct gateway_link *l, struct err *err)
{
	if (l->gateway && err->code != E_none)
		gateway_explain(l->gateway, err);
	wire_free(l->wire);
	gateway_close(l->gateway);
}
