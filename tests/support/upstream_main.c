/* tests/support/upstream_main.c - the command line of the scripted upstream. */
#include "tests/support/upstream.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
	"usage: upstream [--listen HOST:PORT|unix:PATH] [--script FILE] [--log FILE]\n"
	"                [--cert FILE --key FILE] [--die-with-parent]\n"
	"Prints \"listening ADDRESS\" once it can be reached.  Script: tests/support/README.md\n";

static void load_script(struct mock *m, const char *path)
{
	struct text script = { 0 };
	char *fault = NULL;
	if (kit_read_file(path, &script))
		kit_fatal("%s: cannot be read", path);
	if (mock_script_parse(&m->script, text_str(&script), &fault))
		kit_fatal("%s: %s", path, fault);
	text_free(&script);
}

static void load_tls(struct mock *m, const char *cert, const char *key)
{
	m->tls = SSL_CTX_new(TLS_server_method());
	if (!m->tls || SSL_CTX_use_certificate_chain_file(m->tls, cert) != 1 ||
	    SSL_CTX_use_PrivateKey_file(m->tls, key, SSL_FILETYPE_PEM) != 1)
		kit_fatal("%s, %s: cannot be used", cert, key);
	SSL_CTX_set_mode(m->tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				 SSL_MODE_RELEASE_BUFFERS);
}

static void leave(int number)
{
	(void)number;
	_exit(0);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' }, { "script", required_argument, NULL, 's' },
		{ "log", required_argument, NULL, 'o' },    { "cert", required_argument, NULL, 'c' },
		{ "key", required_argument, NULL, 'k' },    { "die-with-parent", no_argument, NULL, 'd' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
	};
	struct mock m = { .log = -1, .listener = -1 };
	const char *address = "127.0.0.1:0", *cert = NULL, *key = NULL;
	char *bound = NULL;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			address = optarg;
			break;
		case 's':
			load_script(&m, optarg);
			break;
		case 'o':
			m.log = open(optarg, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
			if (m.log < 0)
				kit_fatal("%s: cannot be written", optarg);
			break;
		case 'c':
			cert = optarg;
			break;
		case 'k':
			key = optarg;
			break;
		case 'd':
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		default:
			fputs(usage, option == 'h' ? stdout : stderr);
			return option == 'h' ? 0 : 2;
		}
	}
	struct rlimit files = { 0 };
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGTERM, leave);
	signal(SIGINT, leave);
	if (cert && key)
		load_tls(&m, cert, key);
	if (mock_listen(&m, address, &bound))
		kit_fatal("%s: cannot listen", address);
	printf("listening %s\n", bound);
	fflush(stdout);
	free(bound);
	mock_loop(&m);
}
