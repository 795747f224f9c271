/* tests/support/e2e_main.c - runs cases, each in a process of its own, and reports. */
#include "tests/support/e2e.h"

#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { JOBS_MAX = 16, LOG_LINES = 20, LINE_SHOWN = 500 };

static const char usage[] =
	"usage: e2e --spass FILE --upstream FILE [-j N] [--slow N] [--workers N] [--keep]\n"
	"           [--only GLOB] [--transports tcp,tls,unix] [--verbose] FILE|DIRECTORY...\n"
	"Runs case files; the format is in tests/e2e/README.md.\n";

struct options {
	const char *spass, *upstream, *only;
	unsigned transports;
	int jobs, slow, workers;
	bool keep, verbose;
};

struct job {
	pid_t pid;
	int out;
	char *name, *dir;
	struct text report;
	int64_t started_us;
};

static struct { char **paths; size_t count; } found;
static char *scratch; /* directory of the certificate */
static json_t *document; /* /openapi.json, against which all answers are held */
static pid_t driver;
static volatile sig_atomic_t stopped; /* by this signal */

int e2e_fail(struct e2e *e, const char *format, ...)
{
	va_list args;
	char *message = NULL;
	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		kit_fatal("out of memory");
	va_end(args);
	if (e->why.len)
		text_add_str(&e->why, "\n  ");
	text_add_str(&e->why, message);
	free(message);
	return -1;
}

static const char *transport_name(enum e2e_transport t)
{
	return t == TRANSPORT_TLS ? "tls" : t == TRANSPORT_UNIX ? "unix" : "tcp";
}

static void print_tail(const char *path, const char *title)
{
	struct text file = { 0 };
	int lines = 0;
	if (kit_read_file(path, &file) || !file.len)
		return;
	const char *at = file.ptr + file.len - 1;
	while (at > file.ptr && lines < LOG_LINES)
		lines += *--at == '\n';
	printf("  --- %s\n", title);
	for (at += *at == '\n'; *at; at += strcspn(at, "\n"), at += *at == '\n')
		printf("  %.*s\n", (int)(strcspn(at, "\n") < LINE_SHOWN ? strcspn(at, "\n") : LINE_SHOWN), at);
	text_free(&file);
}

static void print_failure(struct e2e *e)
{
	printf("  %s\n", text_str(&e->why));
	char *path = kit_printf("%s/spass.log", e->dir);
	print_tail(path, "log of the gateway");
	free(path);
	for (size_t i = 0; i < e->c->upstream_count; i++) {
		struct text title = { 0 };
		text_printf(&title, "log of upstream %s", e->c->upstreams[i].name);
		print_tail(e->c->upstreams[i].log_path, text_str(&title));
		text_free(&title);
	}
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static void remove_dir(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static char *make_dir(void)
{
	char template[] = "/tmp/spass-e2e.XXXXXX";
	if (!mkdtemp(template))
		kit_fatal("no temporary directory: %s", strerrordesc_np(errno));
	return kit_strdup(template);
}

/* Root may not, either, in many a container. */
static bool may_mount(void)
{
	int status = 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(kit_keep_mounts() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool is_installed(const char *program)
{
	char *line = kit_printf("command -v '%s' >/dev/null", program);
	int status = system(line);
	free(line);
	return status == 0;
}

/* In the case's own process and directory; body_to: where the body of its last answer is kept, or NULL. */
static int run_case(const struct options *o, struct e2e_case *c, enum e2e_transport transport, char *dir, const char *body_to)
{
	struct e2e e = { .dir = dir, .c = c, .spass = o->spass, .upstream = o->upstream, .transport = transport, .slow = o->slow,
			 .workers = o->workers, .began_us = kit_now_us(), .document = document };
	if (c->needs_root && !kit_keep_mounts())
		kit_fatal("no mounts of its own: %s", strerrordesc_np(errno));
	char *cert = kit_printf("%s/cert.pem", scratch), *key = kit_printf("%s/key.pem", scratch);
	e.cert = cert;
	e.key = key;
	e.conn = e2e_conn_get(&e, "main");
	signal(SIGPIPE, SIG_IGN);
	int result = e2e_prepare(&e);
	if (!result)
		result = e2e_run_steps(&e, 0, c->step_count);
	if (!result)
		result = e2e_finish(&e);
	if (!result)
		result = e2e_check_oddness(&e);
	if (!result && body_to)
		result = kit_write_file(body_to, text_str(&e.conn->answer.body), e.conn->answer.body.len);
	if (result) {
		print_failure(&e);
		if (e.gateway > 0)
			kill(e.gateway, SIGKILL);
	}
	for (size_t i = 0; i < c->upstream_count; i++)
		e2e_upstream_stop(&c->upstreams[i]);
	if (o->keep)
		printf("  kept: %s\n", e.dir);
	else
		remove_dir(e.dir);
	fflush(stdout);
	free(cert);
	free(key);
	return result;
}

static void remove_scratch(void)
{
	if (scratch && getpid() == driver)
		remove_dir(scratch);
}

static void stop(int number)
{
	stopped = number;
}

/* Ends with exit(3), however it ends; whoever stops it needs not clean up after it. */
static void end_cleanly(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction a = { .sa_handler = stop };
	driver = getpid();
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		sigaction(signals[i], &a, NULL);
	atexit(remove_scratch);
}

static void give_up(const struct options *o, const struct job *jobs, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		kill(-jobs[i].pid, SIGKILL);
		waitpid(jobs[i].pid, NULL, 0);
		if (!o->keep)
			remove_dir(jobs[i].dir);
	}
	exit(128 + stopped);
}

/* A case's own process: what it starts ends with it, it ends with the driver, and in time. */
static void begin_child(const struct options *o, const struct e2e_case *c)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	alarm((unsigned)(c->timeout_s * o->slow));
}

static void start_job(const struct options *o, struct job *j, struct e2e_case *c, enum e2e_transport transport)
{
	int out[2];
	if (pipe(out))
		kit_fatal("pipe: %s", strerrordesc_np(errno));
	*j = (struct job){ .out = out[0], .started_us = kit_now_us() };
	j->dir = make_dir();
	j->name = kit_printf("%s (%s)%s%s", c->path, transport_name(transport), c->title ? ": " : "", c->title ? c->title : "");
	fflush(stdout);
	j->pid = fork();
	if (j->pid == 0) {
		begin_child(o, c);
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		close(out[0]);
		close(out[1]);
		_exit(run_case(o, c, transport, j->dir, NULL) ? 1 : 0);
	}
	setpgid(j->pid, j->pid);
	close(out[1]);
}

/* Waits for one job; true when it passed. */
static bool end_job(const struct options *o, struct job *jobs, size_t *count)
{
	int status;
	pid_t pid;
	size_t i = 0;
	do {
		if (stopped)
			give_up(o, jobs, *count);
		pid = wait(&status);
	} while (pid < 0 && errno == EINTR);
	while (i < *count && jobs[i].pid != pid)
		i++;
	if (i == *count)
		return true;
	struct job j = jobs[i];
	kill(-pid, SIGKILL); /* whatever it left behind */
	jobs[i] = jobs[--*count];
	text_reserve(&j.report, 1 << 16);
	ssize_t n;
	while ((n = read(j.out, j.report.ptr + j.report.len, 4096)) > 0) {
		j.report.len += (size_t)n;
		text_reserve(&j.report, 4096);
	}
	close(j.out);
	j.report.ptr[j.report.len] = 0;
	bool passed = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (!passed)
		printf("FAIL %s\n", j.name);
	else if (o->verbose)
		printf("ok   %s, %.0f ms\n", j.name, (double)(kit_now_us() - j.started_us) / 1000.0);
	if (!o->keep)
		remove_dir(j.dir); /* what is left of it: all, when the case could not end */
	if (WIFSIGNALED(status))
		printf("  %s\n", WTERMSIG(status) == SIGALRM ? "the case's time limit has passed" : "the driver crashed");
	fputs(j.report.ptr, stdout);
	text_free(&j.report);
	free(j.name);
	free(j.dir);
	return passed;
}

static int add_path(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	size_t len = strlen(path);
	(void)st;
	(void)at;
	if (kind != FTW_F || len < 5 || strcmp(path + len - 5, ".case") != 0)
		return 0;
	found.paths = kit_grow(found.paths, (found.count + 1) * sizeof(char *));
	found.paths[found.count++] = kit_strdup(path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One certificate for all cases, made by the openssl command. */
static void make_certificate(void)
{
	char template[] = "/tmp/spass-e2e-cert.XXXXXX";
	if (!mkdtemp(template))
		kit_fatal("no temporary directory");
	scratch = kit_strdup(template);
	char *command = kit_printf("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 "
				   "-subj /CN=localhost -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' "
				   "-keyout %s/key.pem -out %s/cert.pem 2>/dev/null", scratch, scratch);
	if (system(command) != 0) /* the name is ours, nothing of it comes from outside */
		kit_fatal("openssl could not make a certificate");
	free(command);
}

/* The document is the program's own, from a gateway that nothing was set for. */
static void ask_for_document(const struct options *o)
{
	static char send[] = "send GET /openapi.json", expect[] = "expect 200";
	struct e2e_step steps[] = { { .line = { 1, send } }, { .line = { 2, expect } } };
	struct e2e_case c = { .path = "/openapi.json", .gateway = true, .timeout_s = 30, .steps = steps, .step_count = COUNT_OF(steps) };
	char *path = kit_printf("%s/openapi.json", scratch), *dir = make_dir();
	int status = 0;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		begin_child(o, &c);
		_exit(run_case(o, &c, TRANSPORT_TCP, dir, path) ? 1 : 0);
	}
	waitpid(pid, &status, 0);
	kill(-pid, SIGKILL);
	if (!o->keep)
		remove_dir(dir);
	if (status)
		kit_fatal("the gateway does not tell /openapi.json");
	document = e2e_document_read(path);
	free(path);
	free(dir);
}

static int read_options(struct options *o, int argc, char **argv)
{
	static const struct option names[] = {
		{ "spass", required_argument, NULL, 's' },  { "upstream", required_argument, NULL, 'u' },
		{ "slow", required_argument, NULL, 'w' },   { "keep", no_argument, NULL, 'k' },
		{ "only", required_argument, NULL, 'o' },   { "transports", required_argument, NULL, 't' },
		{ "verbose", no_argument, NULL, 'v' },	    { "workers", required_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	int option;
	*o = (struct options){ .jobs = 1, .slow = 1, .workers = 1, .transports = TRANSPORT_TCP | TRANSPORT_TLS | TRANSPORT_UNIX };
	while ((option = getopt_long(argc, argv, "j:", names, NULL)) != -1) {
		switch (option) {
		case 's':
			o->spass = realpath(optarg, NULL);
			break;
		case 'u':
			o->upstream = realpath(optarg, NULL);
			break;
		case 'o':
			o->only = optarg;
			break;
		case 'w':
			o->slow = (int)strtol(optarg, NULL, 10);
			break;
		case 'n':
			o->workers = (int)strtol(optarg, NULL, 10);
			break;
		case 'j':
			o->jobs = (int)strtol(optarg, NULL, 10);
			break;
		case 'k':
			o->keep = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 't':
			o->transports = (strstr(optarg, "tcp") ? TRANSPORT_TCP : 0u) | (strstr(optarg, "tls") ? TRANSPORT_TLS : 0u) |
					(strstr(optarg, "unix") ? TRANSPORT_UNIX : 0u);
			break;
		default:
			return -1;
		}
	}
	return o->spass && o->upstream && optind < argc && o->slow > 0 && o->workers > 0 && o->jobs > 0 && o->jobs <= JOBS_MAX ? 0 : -1;
}

int main(int argc, char **argv)
{
	struct options o;
	struct job jobs[JOBS_MAX];
	size_t running = 0, passed = 0, failed = 0;
	if (read_options(&o, argc, argv)) {
		fputs(usage, stderr);
		return 2;
	}
	for (int i = optind; i < argc; i++)
		if (nftw(argv[i], add_path, 16, FTW_PHYS))
			kit_fatal("%s: cannot be read", argv[i]);
	if (found.count)
		qsort(found.paths, found.count, sizeof(char *), by_name);
	end_cleanly();
	make_certificate();
	ask_for_document(&o);
	for (size_t i = 0; i < found.count; i++) {
		if (o.only && !kit_glob(o.only, found.paths[i]))
			continue;
		struct e2e_case *c = e2e_case_read(found.paths[i]);
		if (c->needs_root && !may_mount()) {
			printf("left out, it needs root who may mount: %s\n", c->path);
			continue;
		}
		if (c->needs && !is_installed(c->needs)) {
			printf("left out, %s is not installed: %s\n", c->needs, c->path);
			continue;
		}
		for (unsigned t = TRANSPORT_TCP; t <= TRANSPORT_UNIX; t <<= 1) {
			if (!(c->transports & t & o.transports))
				continue;
			while (running == (size_t)o.jobs)
				*(end_job(&o, jobs, &running) ? &passed : &failed) += 1;
			start_job(&o, &jobs[running++], c, (enum e2e_transport)t);
		}
	}
	while (running)
		*(end_job(&o, jobs, &running) ? &passed : &failed) += 1;
	json_decref(document);
	printf("e2e: %zu passed, %zu failed\n", passed, failed);
	return failed || !passed ? 1 : 0;
}
