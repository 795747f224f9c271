/*
 * tests/support/isolation_main.c - nobody sees what is another's.
 *
 * First each role and each scope on each route; then two tenants with two users each make things of
 * every kind, and everybody asks every route for everybody's at once; then what was written and
 * sent is looked at, and everybody has still what he had.
 */
#include "tests/support/isolation.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const char usage[] =
	"usage: isolation --spass FILE --upstream FILE [--rounds N] [--threads N] [--samples N] [--seed N]\n"
	"N rounds of each thread; N samples of each pair of the report on times (0 = no report)";

/* A word of its own: letters and digits, one to search. */
static void make_word(struct isolation *t, const char *kind, int number, char out[WORD_SIZE])
{
	snprintf(out, WORD_SIZE, "%s%d%s", kind, number, t->run);
}

static void name_all(struct isolation *t)
{
	unsigned char bytes[5];

	if (getrandom(bytes, sizeof bytes, 0) != sizeof bytes)
		kit_fatal("no random bytes");
	for (size_t i = 0; i < sizeof bytes; i++)
		snprintf(t->run + 2 * i, 3, "%02x", bytes[i]);
	for (int i = 0; i < TENANTS; i++) {
		make_word(t, "tenant", i, t->tenants[i].id);
		make_word(t, "shared", i, t->tenants[i].secret);
		t->tenants[i].number = 11 + 11 * i;
		secret_add(t, t->tenants[i].id, i, ANY, false);
		secret_add(t, t->tenants[i].secret, i, ANY, true);
	}
	for (int i = 0; i < USERS; i++) {
		make_word(t, "name", i, t->users[i]);
		secret_add(t, t->users[i], ANY, i, false);
	}
	for (int i = 0; i < OWNERS; i++) {
		struct owner *o = &t->owners[i];

		o->tenant = i / USERS;
		o->user = i % USERS;
		make_word(t, "secret", i, o->secret);
		make_word(t, "bait", i, o->bait);
		secret_add(t, o->secret, o->tenant, o->user, true);
		secret_add(t, o->bait, o->tenant, o->user, true);
	}
}

struct options {
	int rounds, threads, samples;
	unsigned seed;
};

static void read_options(struct isolation *t, struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "spass", required_argument, NULL, 'p' },   { "upstream", required_argument, NULL, 'u' },
		{ "rounds", required_argument, NULL, 'r' },  { "threads", required_argument, NULL, 't' },
		{ "samples", required_argument, NULL, 'n' }, { "seed", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		int64_t number = optarg ? kit_number(optarg, strlen(optarg)) : -1;

		if (option == 'p')
			t->gateway.spass = optarg;
		else if (option == 'u')
			t->gateway.upstream = optarg;
		else if (option == '?' || number < 0 || (option == 't' && (number < 1 || number > THREADS_MAX)))
			kit_fatal("%s", usage);
		else if (option == 'r')
			o->rounds = (int)number;
		else if (option == 't')
			o->threads = (int)number;
		else if (option == 'n')
			o->samples = (int)number;
		else
			o->seed = (unsigned)number;
	}
	if (!t->gateway.spass || !t->gateway.upstream)
		kit_fatal("%s", usage);
}

int main(int argc, char **argv)
{
	static struct isolation t = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct options o = { 150, 8, 0, (unsigned)kit_now_us() };

	read_options(&t, &o, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("isolation: seed %u\n", o.seed);
	name_all(&t);
	gateway_prepare(&t);
	gateway_start(&t, "text");
	routes_read(&t);
	check_roles(&t);
	world_make(&t);
	hammer(&t, o.threads, o.rounds, o.seed);
	gateway_stop(&t);
	/* The other form of the log; and caches that are empty. */
	gateway_start(&t, "json");
	hammer(&t, o.threads, o.rounds, o.seed + 1);
	world_check(&t);
	if (o.samples)
		time_report(&t, o.samples);
	look_at_records(&t);
	gateway_stop(&t);
	gateway_clean(&t);
	printf("isolation: %s\n", t.faults ? "FAILED" : "nobody saw what is another's");
	return t.faults != 0;
}
