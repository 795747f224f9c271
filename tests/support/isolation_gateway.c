/* tests/support/isolation_gateway.c - the gateway's files and process, and the upstream behind it. */
#include "tests/support/isolation.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { START_US = 60000000, LOOK_US = 2000 };

const char *const role_names[ROLES] = { "readonly", "tenant_user", "tenant_admin", "operator" };

/* The program's own table, so that a new scope is tried the day it is there. */
const struct scope scope_table[] = {
#define readonly READONLY
#define tenant_user TENANT_USER
#define tenant_admin TENANT_ADMIN
#define operator OPERATOR
#define SCOPE(name, text, role) { text, role },
#include "common/tenant/scope.def"
#undef SCOPE
};
const size_t scope_count = COUNT_OF(scope_table);

const char *token_of(const struct isolation *t, const char *kind, size_t number, char out[WORD_SIZE])
{
	snprintf(out, WORD_SIZE, "%s-%zu-%s", kind, number, t->run);
	return out;
}

/* ---- files ---- */

static char *put_file(const struct isolation *t, const char *name, struct text *text)
{
	char *path = kit_printf("%s/%s", t->gateway.dir, name);

	if (kit_write_file(path, text_str(text), text->len) < 0)
		kit_fatal("%s: %s", path, strerrordesc_np(errno));
	text_free(text);
	return path;
}

static void add_token(struct isolation *t, struct text *out, const char *indent, const char *id,
		      const char *kind, size_t number, enum role role)
{
	char secret[WORD_SIZE];

	text_printf(out, "%s- {id: %s, secret: %s, role: %s", indent, id, token_of(t, kind, number, secret),
		    role_names[role]);
	secret_add(t, secret, NOBODY, NOBODY, true);
}

static void add_tenant(struct isolation *t, struct text *out, int number)
{
	const struct tenant *tenant = &t->tenants[number];
	static const struct {
		const char *kind;
		enum role role;
	} others[] = { { "admin", TENANT_ADMIN }, { "reader", READONLY } };
	char id[ID_SIZE];

	/* The log may tell the operator of the list, which he wrote: its word is no secret text. */
	text_printf(out,
		    "  - id: %s\n    name: \"%s\"\n    defaults: {models_blacklist: [\"%s*\"]%s}\n"
		    "    tokens:\n",
		    tenant->id, tenant->secret, tenant->id,
		    number ? ", audit_user_id_pseudonymize: true" : "");
	for (int u = 0; u < USERS; u++) {
		snprintf(id, sizeof id, "token-%s-%d", tenant->id, u);
		add_token(t, out, "      ", id, "user", (size_t)(number * USERS + u), TENANT_USER);
		text_add_str(out, "}\n");
	}
	for (size_t i = 0; i < COUNT_OF(others); i++) {
		snprintf(id, sizeof id, "%s-%s", others[i].kind, tenant->id);
		add_token(t, out, "      ", id, others[i].kind, (size_t)number, others[i].role);
		text_add_str(out, "}\n");
	}
}

/* Tokens of each role; and for each scope one that has it alone, and one that has all others. */
static void add_role_tokens(struct isolation *t, struct text *out)
{
	char id[ID_SIZE];

	for (size_t role = 0; role < ROLES; role++) {
		snprintf(id, sizeof id, "role-%zu", role);
		add_token(t, out, "  ", id, "role", role, (enum role)role);
		text_add_str(out, "}\n");
	}
	for (size_t i = 0; i < scope_count; i++) {
		snprintf(id, sizeof id, "only-%zu", i);
		add_token(t, out, "  ", id, "only", i, READONLY);
		text_printf(out, ", extra_scopes: [\"%s\"], deny_scopes: [", scope_table[i].text);
		for (size_t k = 0; k < scope_count; k++)
			if (k != i && scope_table[k].lowest == READONLY)
				text_printf(out, "\"%s\", ", scope_table[k].text);
		text_add_str(out, "]}\n");
		snprintf(id, sizeof id, "lack-%zu", i);
		add_token(t, out, "  ", id, "lack", i, OPERATOR);
		text_printf(out, ", deny_scopes: [\"%s\"]}\n", scope_table[i].text);
	}
}

static void write_tokens(struct isolation *t)
{
	struct text out = { 0 };

	text_add_str(&out, "tenants:\n");
	for (int i = 0; i < TENANTS; i++)
		add_tenant(t, &out, i);
	text_add_str(&out, "unbound_tokens:\n");
	add_role_tokens(t, &out);
	free(put_file(t, "spass/tokens.yaml", &out));
}

static void write_config(struct isolation *t, const char *format)
{
	struct text out = { 0 };

	text_printf(&out,
		    "listen: [\"unix:%s\"]\nworkers: 2\ndiscover: false\nrate_limit: never\n"
		    "metrics_public: false\nlog_level: debug\nlog_format: %s\n"
		    "data_dir: \"%s/data\"\nbackends:\n  mock: {base_url: \"http://%s/v1\"}\nmodels:\n"
		    "  - {alias: mock, input: [text, image], chain: [{backend: mock, model: mock}]}\n"
		    "  - {alias: embed, kind: embedding, chain: [{backend: mock, model: embed}]}\n"
		    "  - {alias: listen, kind: transcription, chain: [{backend: mock, model: ears}]}\n"
		    "  - {alias: speak, kind: speech, chain: [{backend: mock, model: mouth}]}\n",
		    t->gateway.socket, format, t->gateway.dir, t->gateway.upstream_address);
	free(put_file(t, "spass/spass.yaml", &out));
}

/* Each answers with the secret of whoever asks, so that answers that go astray are seen. */
static char *write_script(struct isolation *t)
{
	struct text out = { 0 };

	text_add_str(&out, "rule path=/v1/audio/speech\n  type audio/wav\n  body RIFF\n"
			   "rule path=/v1/audio/*\n  type application/json\n  body {\"text\":\"heard\"}\n");
	for (int i = 0; i < OWNERS; i++)
		text_printf(&out, "rule path=*completions body=%s\n  say You said %s\n", t->owners[i].secret,
			    t->owners[i].secret);
	return put_file(t, "script", &out);
}

/* ---- processes ---- */

static pid_t spawn(const char *const *arguments, char *const *environment, const char *log, int out)
{
	pid_t pid = fork();

	if (pid < 0)
		kit_fatal("fork: %s", strerrordesc_np(errno));
	if (pid == 0) {
		int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out >= 0 ? out : fd, STDOUT_FILENO);
		dup2(fd, STDERR_FILENO);
		execve(arguments[0], (char *const *)(uintptr_t)arguments, environment);
		_exit(127);
	}
	return pid;
}

static void start_upstream(struct isolation *t)
{
	struct gateway *g = &t->gateway;
	char *script = write_script(t), *nothing[] = { NULL };
	const char *const arguments[] = { g->upstream, "--script", script, "--log", g->upstream_log, NULL };
	FILE *said;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		kit_fatal("pipe: %s", strerrordesc_np(errno));
	g->upstream_pid = spawn(arguments, nothing, g->log, ends[1]);
	close(ends[1]);
	said = fdopen(ends[0], "r");
	if (!said || fscanf(said, "listening %63s", g->upstream_address) != 1)
		kit_fatal("the upstream does not start");
	fclose(said);
	free(script);
}

static bool is_open(const struct gateway *g)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool is;

	snprintf(to.sun_path, sizeof to.sun_path, "%s", g->socket);
	is = connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
	close(fd);
	return is;
}

void gateway_start(struct isolation *t, const char *format)
{
	struct gateway *g = &t->gateway;
	char *home = kit_printf("HOME=%s", g->dir), *config = kit_printf("XDG_CONFIG_HOME=%s", g->dir);
	char *runtime = kit_printf("XDG_RUNTIME_DIR=%s", g->dir), *path = kit_printf("PATH=%s", getenv("PATH"));
	char *sanitizer = kit_printf("TSAN_OPTIONS=%s", getenv("TSAN_OPTIONS") ? getenv("TSAN_OPTIONS") : "");
	char *const environment[] = { home, config, runtime, path, sanitizer, NULL };
	const char *const arguments[] = { g->spass, "serve", NULL };
	int64_t until = kit_now_us() + START_US;

	write_config(t, format);
	g->pid = spawn(arguments, environment, g->log, -1);
	while (!is_open(g)) {
		if (waitpid(g->pid, NULL, WNOHANG) == g->pid || kit_now_us() > until)
			kit_fatal("the gateway does not start; see %s", g->log);
		usleep(LOOK_US);
	}
	free(home);
	free(config);
	free(runtime);
	free(path);
	free(sanitizer);
}

void gateway_stop(struct isolation *t)
{
	int status = 0;

	kill(t->gateway.pid, SIGTERM);
	while (waitpid(t->gateway.pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status != 0)
		fault(t, "the gateway ended with status %d", status);
	t->gateway.pid = 0;
}

void gateway_prepare(struct isolation *t)
{
	struct gateway *g = &t->gateway;
	char template[] = "/tmp/spass-isolation.XXXXXX", *config;

	if (!mkdtemp(template))
		kit_fatal("no temporary directory: %s", strerrordesc_np(errno));
	g->dir = kit_strdup(template);
	g->socket = kit_printf("%s/socket", g->dir);
	g->log = kit_printf("%s/log", g->dir);
	g->upstream_log = kit_printf("%s/upstream.log", g->dir);
	config = kit_printf("%s/spass", g->dir);
	if (mkdir(config, 0700) < 0)
		kit_fatal("%s: %s", config, strerrordesc_np(errno));
	free(config);
	write_tokens(t);
	start_upstream(t);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

void gateway_clean(struct isolation *t)
{
	kill(t->gateway.upstream_pid, SIGKILL);
	waitpid(t->gateway.upstream_pid, NULL, 0);
	if (t->faults)
		printf("isolation: what is left lies in %s\n", t->gateway.dir);
	else
		nftw(t->gateway.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
