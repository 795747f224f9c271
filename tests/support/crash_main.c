/*
 * tests/support/crash_main.c - a gateway that is killed again and again while it writes.
 *
 * usage: crash --spass FILE --upstream FILE [--rounds N] [--clients N] [--seed N]
 *
 * Each round starts the gateway on the database of the last one, lets clients have turns of
 * conversations, kills it with SIGKILL at a random moment, and looks whether everything that a client
 * saw the end of is in the database, and whether that is sound.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <ftw.h>
#include <getopt.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/crash.h"
#include "tests/support/kit.h"

enum { CLIENTS_MAX = 64, LIFE_MIN_MS = 5, LIFE_MAX_MS = 250, THOROUGH_EVERY = 10, START_MS = 20000 };

struct run {
	const char *spass, *upstream;
	int rounds, client_count;
	unsigned seed;
	char dir[64];
	int port, mock_port;
	pid_t mock;
	struct crash_client clients[CLIENTS_MAX];
	long long answered;
};

static void rest(int ms)
{
	struct timespec t = { ms / 1000, (ms % 1000) * 1000000L };

	nanosleep(&t, NULL);
}

static unsigned next_random(struct run *r)
{
	r->seed = r->seed * 1103515245u + 12345u;
	return r->seed >> 16;
}

static int free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0)
		kit_fatal("no port");
	close(fd);
	return ntohs(at.sin_port);
}

static pid_t start(struct run *r, const char *const *arguments, const char *log)
{
	char *path = kit_printf("%s/%s", r->dir, log);
	pid_t pid = fork();

	if (pid == 0) {
		if (!freopen(path, "a", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
			_exit(126);
		execv(arguments[0], (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	if (pid < 0)
		kit_fatal("fork");
	free(path);
	return pid;
}

static void await_port(int port, pid_t pid)
{
	for (int64_t until = kit_now_us() + START_MS * 1000; !crash_is_open(port); rest(2)) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			kit_fatal("a program ended at once; its log tells why");
		if (kit_now_us() > until)
			kit_fatal("a program does not listen");
	}
}

static void set_up(struct run *r)
{
	char *config, *script, *home, *text;

	snprintf(r->dir, sizeof r->dir, "/tmp/spass-crash-XXXXXX");
	if (!mkdtemp(r->dir))
		kit_fatal("mkdtemp");
	r->port = free_port();
	r->mock_port = free_port();
	script = kit_printf("%s/script", r->dir);
	text = kit_printf("rule stream=yes\n  tokens 12\n");
	kit_write_file(script, text, strlen(text));
	free(text);
	home = kit_printf("%s/spass", r->dir);
	mkdir(home, 0700);
	config = kit_printf("%s/spass.yaml", home);
	text = kit_printf("listen: [\"127.0.0.1:%d\"]\nworkers: 2\ndiscover: false\ntoken: crash\n"
			  "backends:\n  mock: {base_url: \"http://127.0.0.1:%d/v1\"}\nmodels:\n"
			  "  - alias: plain\n    chain: [{backend: mock, model: plain}]\n"
			  "  - alias: stream\n    chain: [{backend: mock, model: stream}]\n",
			  r->port, r->mock_port);
	kit_write_file(config, text, strlen(text));
	free(text);
	setenv("XDG_CONFIG_HOME", r->dir, 1);
	setenv("XDG_RUNTIME_DIR", r->dir, 1);
	text = kit_printf("%s/data", r->dir);
	setenv("XDG_DATA_HOME", text, 1);
	free(text);
	text = kit_printf("127.0.0.1:%d", r->mock_port);
	r->mock = start(r, (const char *[]){ r->upstream, "--listen", text, "--script", script, NULL },
			"upstream.log");
	await_port(r->mock_port, r->mock);
	free(text);
	free(config);
	free(script);
	free(home);
	for (int i = 0; i < r->client_count; i++)
		r->clients[i].answers = kit_alloc(CRASH_ANSWERS_MAX * sizeof *r->clients[i].answers);
}

static void start_clients(struct run *r, int round)
{
	for (int i = 0; i < r->client_count; i++) {
		struct crash_client *c = &r->clients[i];

		c->port = r->port;
		c->round = round;
		c->index = i;
		c->seed = next_random(r);
		c->count = 0;
		if (pthread_create(&c->thread, NULL, crash_client_run, c) != 0)
			kit_fatal("pthread_create");
	}
}

/* What `spass db verify` says of it; it has printed into its log. */
static int verify(struct run *r)
{
	pid_t pid = start(r, (const char *[]){ r->spass, "db", "verify", NULL }, "verify.log");
	int status = 0;

	waitpid(pid, &status, 0);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	printf("crash: spass db verify is not content; see verify.log\n");
	return -1;
}

/* 0, or -1 when something was lost. */
static int play(struct run *r, int round)
{
	char *database = kit_printf("%s/data/spass/spass.db", r->dir);
	pid_t gateway = start(r, (const char *[]){ r->spass, "serve", NULL }, "spass.log");
	long long kept, interrupted;
	int result = 0;

	await_port(r->port, gateway);
	start_clients(r, round);
	rest(LIFE_MIN_MS + (int)(next_random(r) % (LIFE_MAX_MS - LIFE_MIN_MS)));
	kill(gateway, SIGKILL);
	waitpid(gateway, NULL, 0);
	for (int i = 0; i < r->client_count; i++) {
		struct crash_client *c = &r->clients[i];

		pthread_join(c->thread, NULL);
		r->answered += c->count;
		if (c->refused) {
			printf("crash: an answer that is none: %s\n", c->why);
			result = -1;
		}
	}
	if (verify(r) < 0)
		result = -1;
	if (crash_look(database, r->clients, r->client_count, r->answered,
		       round % THOROUGH_EVERY == 0 || round == r->rounds, &kept, &interrupted) < 0)
		result = -1;
	if (result < 0 || round == r->rounds)
		printf("crash: %d rounds, %lld turns answered, %lld kept whole, %lld interrupted: %s\n", round,
		       r->answered, kept, interrupted, result < 0 ? "FAILED" : "nothing is missing");
	free(database);
	return result;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void read_options(struct run *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "spass", required_argument, NULL, 's' },  { "upstream", required_argument, NULL, 'u' },
		{ "rounds", required_argument, NULL, 'r' }, { "clients", required_argument, NULL, 'c' },
		{ "seed", required_argument, NULL, 'x' },   { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 's':
			r->spass = optarg;
			break;
		case 'u':
			r->upstream = optarg;
			break;
		case 'r':
			r->rounds = (int)strtol(optarg, NULL, 10);
			break;
		case 'c':
			r->client_count = (int)strtol(optarg, NULL, 10);
			break;
		case 'x':
			r->seed = (unsigned)strtoul(optarg, NULL, 10);
			break;
		default:
			exit(2);
		}
	if (!r->spass || !r->upstream || r->rounds < 1 || r->client_count < 1 || r->client_count > CLIENTS_MAX)
		kit_fatal("usage: crash --spass FILE --upstream FILE [--rounds N] [--clients N] [--seed N]");
}

int main(int argc, char **argv)
{
	static struct run r = { .rounds = 10, .client_count = 8 };
	int result = 0;

	r.seed = (unsigned)kit_now_us();
	read_options(&r, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("crash: seed %u\n", r.seed);
	set_up(&r);
	for (int round = 1; round <= r.rounds && result == 0; round++)
		result = play(&r, round);
	kill(r.mock, SIGKILL);
	waitpid(r.mock, NULL, 0);
	if (result == 0)
		nftw(r.dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	else
		printf("crash: what is left lies in %s\n", r.dir);
	for (int i = 0; i < r.client_count; i++)
		free(r.clients[i].answers);
	return result < 0;
}
