/*
 * tests/support/crash.h - what the files of the crash test share: clients that write down what they
 * were answered, and a look at what the database has kept of it.
 */
#ifndef TESTS_SUPPORT_CRASH_H
#define TESTS_SUPPORT_CRASH_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

enum { CRASH_ANSWERS_MAX = 20000, CRASH_WORD_MAX = 48 };

/* A turn whose end a client has seen. */
struct crash_answer {
	char word[CRASH_WORD_MAX]; /* of the message, said once ever */
};

/* One client: a thread that has turns of conversations until its connection breaks. */
struct crash_client {
	pthread_t thread;
	int port, round, index;
	unsigned seed;
	struct crash_answer *answers;
	int count;        /* of this round */
	int refused;      /* answers that are neither a turn nor the end: there must be none */
	char why[200];    /* the first of them */
};

void *crash_client_run(void *client);
/* True when a gateway takes connections there. */
bool crash_is_open(int port);

/*
 * Opens the database as a gateway would and looks for every answer of the clients, and for damage.
 * all_turns: how many turns were ever answered.  0, or -1 when something is missing, which has been
 * printed.  *kept: turns in the database, *interrupted: those that were cut.
 */
int crash_look(const char *database, const struct crash_client *clients, int client_count,
	       long long all_turns, bool thorough, long long *kept, long long *interrupted);

#endif
