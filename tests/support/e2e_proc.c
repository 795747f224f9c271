/* tests/support/e2e_proc.c - the programs a case runs, and the directory they run in. */
#include "tests/support/e2e.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_FIRST = 20000, PORT_COUNT = 12000, ENV_MAX = 64, ARGS_MAX = 64 };

/* A port that nobody listens on, below the kernel's range for outgoing connections. */
static int pick_port(void)
{
	static unsigned next;
	if (!next)
		next = (unsigned)getpid() * 37u;
	for (int tries = 0; tries < 1000; tries++) {
		int port = PORT_FIRST + (int)(next++ % PORT_COUNT);
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
					 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		int busy = bind(fd, (struct sockaddr *)&a, sizeof a);
		close(fd);
		if (!busy)
			return port;
	}
	kit_fatal("no free port");
}

/* In the case's directory, which is there. */
static void make_dirs(struct e2e *e)
{
	static const char *const names[] = { "home", "config", "config/spass", "data", "state", "cache", "run" };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		char *path = kit_printf("%s/%s", e->dir, names[i]);
		if (mkdir(path, 0700))
			kit_fatal("%s: %s", path, strerrordesc_np(errno));
		free(path);
	}
}

/* What a case without [config] gets, and what is added to one without "backends:". */
static void add_default_backends(struct e2e *e, struct text *config)
{
	text_add_str(config, "\nbackends:\n");
	for (size_t i = 0; i < e->c->upstream_count; i++)
		text_printf(config, "  %s:\n    provider: openai\n    base_url: ${up.%s}%s/v1\n    key_env: UPSTREAM_KEY\n%s", e->c->upstreams[i].name,
			    e->c->upstreams[i].name, e->c->upstreams[i].is_unix ? ":" : "", e->c->upstreams[i].tls ? "    ca_file: ${cert}\n" : "");
}

static void add_default_models(struct e2e *e, struct text *config)
{
	static const char *const rows[][2] = { { "mock", "" }, { "embed", "    kind: embedding\n" } };
	text_add_str(config, "\nmodels:\n");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		text_printf(config, "  - alias: %s\n%s    chain:\n", rows[i][0], rows[i][1]);
		for (size_t k = 0; k < e->c->upstream_count; k++)
			text_printf(config, "      - {backend: %s, model: %s}\n", e->c->upstreams[k].name, rows[i][0]);
	}
}

static bool has_key(const char *config, const char *key)
{
	size_t len = strlen(key);
	for (const char *at = config; at && (at = strstr(at, key)); at += len)
		if ((at == config || at[-1] == '\n') && at[len] == ':')
			return true;
	return false;
}

void e2e_write_config(struct e2e *e, const char *config)
{
	struct text whole = { 0 };
	text_add_str(&whole, config ? config : "");
	if (e->c->upstream_count && !has_key(text_str(&whole), "backends"))
		add_default_backends(e, &whole);
	if (e->c->upstream_count && !has_key(text_str(&whole), "models"))
		add_default_models(e, &whole);
	char *text = e2e_expand(e, text_str(&whole));
	char *path = kit_printf("%s/config/spass/spass.yaml", e->dir);
	if (kit_write_file(path, text, strlen(text)))
		kit_fatal("%s: %s", path, strerrordesc_np(errno));
	free(path);
	free(text);
	text_free(&whole);
}

static void set_joined(struct e2e *e, const char *name, const char *a, const char *b)
{
	char *value = kit_printf("%s%s", a, b);
	e2e_set(e, name, value);
	free(value);
}

int e2e_prepare(struct e2e *e)
{
	make_dirs(e);
	e->port = pick_port();
	if (e->transport == TRANSPORT_UNIX)
		e->address = kit_printf("unix:%s/run/spass.sock", e->dir);
	else
		e->address = kit_printf("127.0.0.1:%d", e->port);
	char port[16];
	snprintf(port, sizeof port, "%d", e->port);
	e2e_set(e, "port", port);
	e2e_set(e, "dir", e->dir);
	e2e_set(e, "token", "e2e-token");
	e2e_set(e, "address", e->address);
	char *tools = kit_strndup(e->upstream, (size_t)(strrchr(e->upstream, '/') - e->upstream));
	e2e_set(e, "tools", tools);
	free(tools);
	e2e_set(e, "cert", e->cert);
	e2e_set(e, "key", e->key);
	set_joined(e, "data", e->dir, "/data/spass");
	set_joined(e, "config", e->dir, "/config/spass/spass.yaml");
	set_joined(e, "url", e->transport == TRANSPORT_UNIX ? "" : e->transport == TRANSPORT_TLS ? "https://" : "http://",
		   e->address);
	for (size_t i = 0; i < e->c->upstream_count; i++)
		if (e2e_upstream_start(e, &e->c->upstreams[i]))
			return -1;
	for (size_t i = 0; i < e->c->file_count; i++) {
		char *path = kit_printf("%s/%s", e->dir, e->c->files[i].name);
		char *text = e2e_expand(e, e->c->files[i].text);
		if (kit_write_file(path, text, strlen(text)))
			kit_fatal("%s: %s", path, strerrordesc_np(errno));
		free(path);
		free(text);
	}
	e2e_write_config(e, e->c->config);
	return e->c->gateway ? e2e_gateway_start(e) : 0;
}

/* The first line of a program's output, within the deadline. */
static char *read_line(int fd, int64_t until_us)
{
	char line[512];
	size_t len = 0;
	while (len + 1 < sizeof line) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		int64_t left = until_us - kit_now_us();
		if (left <= 0 || poll(&p, 1, (int)(left / 1000) + 1) <= 0)
			return NULL;
		ssize_t n = read(fd, line + len, 1);
		if (n <= 0)
			return NULL;
		if (line[len] == '\n')
			return kit_strndup(line, len);
		len++;
	}
	return NULL;
}

int e2e_upstream_start(struct e2e *e, struct e2e_upstream *u)
{
	bool again = u->address != NULL;
	if (!again) {
		u->log_path = kit_printf("%s/%s.log", e->dir, u->name);
		u->address = u->is_unix ? kit_printf("unix:%s/run/%s.sock", e->dir, u->name)
					: kit_printf("127.0.0.1:%d", pick_port());
		char *name = kit_printf("up.%s", u->name);
		set_joined(e, name, u->is_unix ? "" : u->tls ? "https://" : "http://", u->address);
		free(name);
		name = kit_printf("address.%s", u->name);
		e2e_set(e, name, u->address);
		free(name);
	}
	char *script_path = kit_printf("%s/%s.up", e->dir, u->name);
	char *script = e2e_expand(e, u->script);
	if (kit_write_file(script_path, script, strlen(script)))
		kit_fatal("%s: %s", script_path, strerrordesc_np(errno));
	free(script);
	int out[2];
	if (pipe2(out, O_CLOEXEC))
		kit_fatal("pipe: %s", strerrordesc_np(errno));
	u->pid = fork();
	if (u->pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(e->upstream, e->upstream, "--die-with-parent", "--listen", u->address, "--script", script_path,
		      "--log", u->log_path, u->tls ? "--cert" : NULL, e->cert, "--key", e->key, (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	char *line = read_line(out[0], e2e_deadline(e, DEADLINE_MS));
	close(out[0]);
	free(script_path);
	if (!line)
		return e2e_fail(e, "upstream %s did not start", u->name);
	free(line);
	return 0;
}

void e2e_upstream_stop(struct e2e_upstream *u)
{
	if (u->pid <= 0)
		return;
	kill(u->pid, SIGKILL);
	waitpid(u->pid, NULL, 0);
	u->pid = 0;
}

struct e2e_upstream *e2e_upstream_find(struct e2e *e, const char *name, size_t len)
{
	for (size_t i = 0; i < e->c->upstream_count; i++)
		if (strlen(e->c->upstreams[i].name) == len && strncmp(e->c->upstreams[i].name, name, len) == 0)
			return &e->c->upstreams[i];
	return NULL;
}

struct environment {
	char *items[ENV_MAX];
	size_t count;
};

/* NAME=VALUE replaces an earlier one; "NAME=" alone removes it. */
static void put_env(struct environment *v, const char *item)
{
	size_t name = strcspn(item, "=");
	for (size_t i = 0; i < v->count; i++)
		if (strncmp(v->items[i], item, name + 1) == 0) {
			free(v->items[i]);
			v->items[i] = v->items[--v->count];
			v->items[v->count] = NULL;
			break;
		}
	if (item[name] && item[name + 1] && v->count + 1 < ENV_MAX)
		v->items[v->count++] = kit_strdup(item);
}

static void pass_env(struct environment *v, const char *name)
{
	const char *value = getenv(name);
	if (!value)
		return;
	char *item = kit_printf("%s=%s", name, value);
	put_env(v, item);
	free(item);
}

static void build_env(struct e2e *e, const char *more, struct environment *v)
{
	static const char *const passed[] = { "PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS" };
	static const char ours[] =
		"HOME=${dir}/home\nXDG_CONFIG_HOME=${dir}/config\nXDG_DATA_HOME=${dir}/data\nXDG_STATE_HOME=${dir}/state\n"
		"XDG_CACHE_HOME=${dir}/cache\nXDG_RUNTIME_DIR=${dir}/run\nLC_ALL=C.UTF-8\nTZ=UTC\nSPASS_TOKEN=e2e-token\n"
		"SPASS_LISTEN=${address}\nSPASS_DISCOVER=false\nSPASS_DRAIN_TIMEOUT=2s\n"
		"UPSTREAM_KEY=upstream-key\n";
	struct text all = { 0 };
	for (size_t i = 0; i < COUNT_OF(passed); i++)
		pass_env(v, passed[i]);
	text_add_str(&all, ours);
	text_printf(&all, "SPASS_WORKERS=%d\n", e->workers);
	if (e->transport == TRANSPORT_TLS)
		text_add_str(&all, "SPASS_TLS_CERTIFICATE=${cert}\nSPASS_TLS_KEY=${key}\n");
	if (e->c->env)
		text_printf(&all, "%s\n", e->c->env);
	text_add_str(&all, more);
	char *text = e2e_expand(e, text_str(&all)), *save = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (strchr(line, '='))
			put_env(v, line);
	free(text);
	text_free(&all);
	v->items[v->count] = NULL;
}

/* Words of a command; quotes keep blanks together. */
static size_t split_args(char *text, char **args, size_t max)
{
	size_t count = 0;
	while (count + 1 < max) {
		text += strspn(text, " \t\n");
		if (!*text)
			break;
		char quote = *text == '"' || *text == '\'' ? *text++ : 0;
		args[count++] = text;
		text = quote ? strchr(text, quote) : text + strcspn(text, " \t\n");
		if (!text || !*text)
			break;
		*text++ = 0;
	}
	args[count] = NULL;
	return count;
}

/* The protocol of sd_listen_fds(3), from systemd's side: descriptor 3 listens on the case's port. */
static void hand_over_socket(struct e2e *e, struct environment *v)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)e->port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	char *pid = kit_printf("LISTEN_PID=%d", (int)getpid());
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 64) || (fd != 3 && dup2(fd, 3) < 0))
		_exit(127);
	put_env(v, pid);
	put_env(v, "LISTEN_FDS=1");
	v->items[v->count] = NULL;
	free(pid);
}

static void child_exec(struct e2e *e, const struct e2e_command *c, int in, int out, int err)
{
	struct environment v = { .count = 0 };
	char *args[ARGS_MAX + 1], *text = kit_strdup(c->script ? c->script : c->arguments);
	static char spass[] = "spass", bash[] = "bash", option[] = "-c";
	args[0] = c->script ? bash : spass;
	if (c->script) {
		args[1] = option;
		args[2] = text;
		args[3] = NULL;
	} else {
		split_args(text, args + 1, ARGS_MAX - 1);
	}
	build_env(e, c->env ? c->env : "", &v);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	if (chdir(e->dir))
		_exit(127);
	if (e->inherited)
		hand_over_socket(e, &v);
	execve(c->script ? "/bin/bash" : e->spass, args, v.items);
	_exit(127);
}

static int try_connect(struct e2e *e)
{
	struct e2e_conn probe = { .fd = -1 };
	int result = e2e_conn_open(e, &probe, 0);
	e2e_conn_close(&probe, false);
	return result;
}

int e2e_gateway_start(struct e2e *e)
{
	char *log = kit_printf("%s/spass.log", e->dir);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600), in = open("/dev/null", O_RDONLY | O_CLOEXEC);
	char *extra = e2e_expand(e, e->c->args ? e->c->args : ""), *arguments = kit_printf("serve %s", extra);
	e->gateway_over = false;
	e->gateway = fork();
	if (e->gateway == 0)
		child_exec(e, &(struct e2e_command){ .arguments = arguments }, in, out, out);
	close(out);
	close(in);
	char pid[16];
	snprintf(pid, sizeof pid, "%d", (int)e->gateway);
	e2e_set(e, "pid", pid);
	free(log);
	free(extra);
	free(arguments);
	int64_t until = e2e_deadline(e, 2 * DEADLINE_MS);
	while (try_connect(e)) {
		int status;
		if (waitpid(e->gateway, &status, WNOHANG) == e->gateway) {
			e->gateway = 0;
			return e2e_fail(e, "the gateway ended at once with status %d",
					WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
		}
		if (kit_now_us() > until)
			return e2e_fail(e, "the gateway does not listen on %s", e->address);
		e->why.len = 0;
		usleep(2000);
	}
	e->why.len = 0;
	return 0;
}

int e2e_gateway_wait(struct e2e *e, int64_t limit_ms, int *status)
{
	int64_t until = e2e_deadline(e, limit_ms);
	while (e->gateway > 0) {
		if (waitpid(e->gateway, status, WNOHANG) == e->gateway) {
			e->gateway = 0;
			e->gateway_over = true;
			return 0;
		}
		if (kit_now_us() > until)
			return -1;
		usleep(1000);
	}
	return -1;
}

static int check_sanitizers(struct e2e *e)
{
	static const char *const marks[] = { "ERROR: AddressSanitizer", "runtime error:", "WARNING: ThreadSanitizer",
					     "ERROR: LeakSanitizer", "Assertion `" };
	struct text log = { 0 };
	char *path = kit_printf("%s/spass.log", e->dir);
	kit_read_file(path, &log);
	free(path);
	int result = 0;
	for (size_t i = 0; i < COUNT_OF(marks) && !result; i++)
		if (strstr(text_str(&log), marks[i]))
			result = e2e_fail(e, "the gateway's log has \"%s\"", marks[i]);
	text_free(&log);
	return result;
}

int e2e_finish(struct e2e *e)
{
	int status = 0;
	for (size_t i = 0; i < e->conn_count; i++)
		e2e_conn_close(e->conns[i], false);
	if (e->gateway > 0) {
		kill(e->gateway, SIGTERM);
		if (e2e_gateway_wait(e, 2 * DEADLINE_MS, &status))
			return e2e_fail(e, "the gateway does not stop on SIGTERM");
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
			check_sanitizers(e);
			return e2e_fail(e, "the gateway ended with %s %d on SIGTERM", WIFEXITED(status) ? "status" : "signal",
					WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
		}
	}
	return check_sanitizers(e);
}

int e2e_run_command(struct e2e *e, const struct e2e_command *c, struct text *out, struct text *err, int *status)
{
	char *paths[3] = { kit_printf("%s/run.in", e->dir), kit_printf("%s/run.out", e->dir),
			   kit_printf("%s/run.err", e->dir) };
	kit_write_file(paths[0], c->input, strlen(c->input));
	int in = open(paths[0], O_RDONLY | O_CLOEXEC);
	int o = open(paths[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int r = open(paths[2], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	pid_t pid = fork();
	if (pid == 0)
		child_exec(e, c, in, o, r);
	close(in);
	close(o);
	close(r);
	/* It may take what is left of the case's time, but for that of telling. */
	int64_t until = e->began_us + ((int64_t)e->c->timeout_s - 2) * 1000000 * e->slow;
	pid_t ended;
	while ((ended = waitpid(pid, status, WNOHANG)) == 0 && kit_now_us() < until)
		usleep(1000);
	if (!ended) {
		kill(pid, SIGKILL);
		waitpid(pid, status, 0);
	}
	kit_read_file(paths[1], out);
	kit_read_file(paths[2], err);
	for (size_t i = 0; i < COUNT_OF(paths); i++)
		free(paths[i]);
	return ended ? 0 : e2e_fail(e, "%s did not end", c->script ? "the script" : c->arguments);
}
