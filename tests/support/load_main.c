/* tests/support/load_main.c - the command line of the load generator. */
#include "tests/support/load.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] =
	"usage: load --to HOST:PORT|unix:PATH [--path P] [--model M] [--stream] [--body FILE]... [--header 'N: V']...\n"
	"            [--connections N] [--seconds S] [--warmup S] [--requests N] [--each N] [--ramp US]\n"
	"            [--abort PERCENT] [--errors-expected] [--sample S] [--pid PID]...\n"
	"       load --to ... --until-ready [--path P] [--body FILE] [--header 'N: V']... -- COMMAND...\n"
	"            ms from start to the first 200, of a POST where there is a body\n"
	"Prints one line of name=value; times in microseconds.\n";

static void set_target(struct load_options *o, char *to)
{
	char *colon = strrchr(to, ':');
	if (strncmp(to, "unix:", 5) == 0) {
		o->unix_path = to + 5;
	} else if (colon) {
		*colon = 0;
		o->host = to;
		o->port = colon + 1;
	}
}

static void add_body(struct load_options *o, const char *path)
{
	if (o->body_count == BODIES_MAX)
		kit_fatal("too many bodies");
	if (kit_read_file(path, &o->bodies[o->body_count++]))
		kit_fatal("%s: cannot be read", path);
}

static void add_default_body(struct load_options *o, const char *model, bool stream)
{
	text_printf(&o->bodies[o->body_count++],
		    "{\"model\":\"%s\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
		    "{\"role\":\"user\",\"content\":\"Say something about rivers and trees.\"}],\"temperature\":0.7%s}",
		    model, stream ? ",\"stream\":true" : "");
}

static void print_result(struct load_result *r)
{
	double seconds = (double)r->elapsed_us / 1e6, requests = (double)r->requests, events = (double)r->events;
	printf("requests=%lld seconds=%.3f rps=%.1f errors=%lld refused=%lld aborted=%lld bytes=%lld ", (long long)r->requests,
	       seconds, seconds > 0 ? requests / seconds : 0, (long long)r->errors, (long long)r->refused,
	       (long long)r->aborted, (long long)r->bytes);
	printf("p50=%.0f p90=%.0f p99=%.0f max=%.0f first50=%.0f first99=%.0f ", load_percentile(&r->latency, 0.5),
	       load_percentile(&r->latency, 0.9), load_percentile(&r->latency, 0.99), load_percentile(&r->latency, 1),
	       load_percentile(&r->first, 0.5), load_percentile(&r->first, 0.99));
	printf("events=%lld delay50=%.0f delay99=%.0f delay_max=%.0f ", (long long)r->events, load_percentile(&r->delay, 0.5),
	       load_percentile(&r->delay, 0.99), load_percentile(&r->delay, 1));
	printf("cpu_us=%lld cpu_request=%.2f cpu_event=%.3f base_kb=%lld rss_kb=%lld peak_kb=%lld\n", (long long)r->cpu_us,
	       requests > 0 ? (double)r->cpu_us / requests : 0, events > 0 ? (double)r->cpu_us / events : 0,
	       (long long)r->base_kb, (long long)r->rss_kb, (long long)r->peak_kb);
}

/* One try at GET path, or at POST: true on a 200. */
static bool is_ready(const struct load_options *o)
{
	char answer[64] = "";
	int fd = load_connect(o);
	if (fd < 0)
		return false;
	const struct text *body = o->body_count > 0 ? &o->bodies[0] : NULL;
	char *request = kit_printf("%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
				   "%.*sContent-Length: %zu\r\n\r\n%.*s",
				   body ? "POST" : "GET", o->path, (int)o->headers.len, o->headers.ptr ? o->headers.ptr : "",
				   body ? body->len : 0, body ? (int)body->len : 0, body ? body->ptr : "");
	ssize_t n = send(fd, request, strlen(request), MSG_NOSIGNAL);
	if (n > 0)
		n = recv(fd, answer, sizeof answer - 1, 0);
	free(request);
	close(fd);
	return n > 12 && memcmp(answer + 9, "200", 3) == 0;
}

static int until_ready(const struct load_options *o, char **command)
{
	int64_t begin = kit_now_us();
	pid_t pid = fork();
	if (pid == 0) {
		execvp(command[0], command);
		_exit(127);
	}
	bool ready = false;
	while (!ready && kit_now_us() - begin < 10000000 && waitpid(pid, NULL, WNOHANG) == 0) {
		ready = is_ready(o);
		if (!ready)
			usleep(200);
	}
	printf("ready_ms=%.1f\n", ready ? (double)(kit_now_us() - begin) / 1000.0 : -1.0);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return ready ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "to", required_argument, NULL, 't' },	     { "path", required_argument, NULL, 'p' },
		{ "model", required_argument, NULL, 'm' },   { "stream", no_argument, NULL, 's' },
		{ "body", required_argument, NULL, 'b' },    { "header", required_argument, NULL, 'h' },
		{ "connections", required_argument, NULL, 'c' }, { "seconds", required_argument, NULL, 'd' },
		{ "warmup", required_argument, NULL, 'w' },  { "requests", required_argument, NULL, 'n' },
		{ "each", required_argument, NULL, 'e' },    { "ramp", required_argument, NULL, 'r' },
		{ "abort", required_argument, NULL, 'a' },   { "errors-expected", no_argument, NULL, 'x' },
		{ "sample", required_argument, NULL, 'i' },  { "pid", required_argument, NULL, 'P' },
		{ "until-ready", no_argument, NULL, 'u' },   { NULL, 0, NULL, 0 },
	};
	struct load_options o = { .path = "/v1/chat/completions", .connections = 1, .seconds = 3 };
	struct load_result r = { 0 };
	const char *model = "bench";
	bool stream = false, ready = false;
	int option;
	while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
		switch (option) {
		case 't':
			set_target(&o, optarg);
			break;
		case 'p':
			o.path = optarg;
			break;
		case 'm':
			model = optarg;
			break;
		case 's':
			stream = true;
			break;
		case 'b':
			add_body(&o, optarg);
			break;
		case 'h':
			text_printf(&o.headers, "%s\r\n", optarg);
			break;
		case 'c':
			o.connections = (size_t)strtol(optarg, NULL, 10);
			break;
		case 'd':
			o.seconds = strtod(optarg, NULL);
			break;
		case 'w':
			o.warmup = strtod(optarg, NULL);
			break;
		case 'n':
			o.requests = strtol(optarg, NULL, 10);
			break;
		case 'e':
			o.per_connection = strtol(optarg, NULL, 10);
			break;
		case 'r':
			o.ramp_us = strtol(optarg, NULL, 10);
			break;
		case 'a':
			o.abort_percent = (int)strtol(optarg, NULL, 10);
			break;
		case 'x':
			o.expect_errors = 1;
			break;
		case 'i':
			o.sample = strtod(optarg, NULL);
			break;
		case 'P':
			if (o.pid_count < PIDS_MAX)
				o.pids[o.pid_count++] = (pid_t)strtol(optarg, NULL, 10);
			break;
		case 'u':
			ready = true;
			break;
		default:
			fputs(usage, stderr);
			return 2;
		}
	}
	if ((!o.host && !o.unix_path) || !o.connections) {
		fputs(usage, stderr);
		return 2;
	}
	struct rlimit files = { 0 };
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	if (ready)
		return optind < argc ? until_ready(&o, argv + optind) : 2;
	if (!o.body_count)
		add_default_body(&o, model, stream);
	int failed = load_run(&o, &r);
	print_result(&r);
	return failed ? 1 : 0;
}
