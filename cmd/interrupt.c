/* cmd/interrupt.c - the signals that end a command, noted on the main thread. */
#include "cmd/interrupt.h"

#include "common/base/mem.h"

#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/time.h>

static const int watched[] = { SIGINT, SIGTERM, SIGHUP };
static volatile sig_atomic_t received;
static pthread_t main_thread;

/* The main thread may be waiting in poll: only a signal of its own wakes it. */
static void note(int number)
{
	if (!pthread_equal(pthread_self(), main_thread)) {
		pthread_kill(main_thread, number);
		return;
	}
	/* Who is late and then interrupted has no patience left; who is interrupted cannot be late. */
	if (received && number == SIGALRM)
		return;
	if (received) {
		signal(number, SIG_DFL);
		raise(number);
	}
	received = number;
}

void interrupt_watch(void)
{
	struct sigaction action = { .sa_handler = note };

	main_thread = pthread_self();
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(watched); i++) {
		struct sigaction before;

		/* What nohup and background shells ignore stays ignored. */
		if (sigaction(watched[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(watched[i], &action, NULL);
	}
}

int interrupt_signal(void)
{
	return received;
}

void interrupt_after(int64_t ms)
{
	const struct sigaction action = { .sa_handler = note };
	const struct itimerval timer = {
		.it_value = { .tv_sec = (time_t)(ms / 1000),
			      .tv_usec = (suseconds_t)(ms % 1000 * 1000) },
	};

	if (ms <= 0)
		return;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

bool interrupt_is_late(void)
{
	return received == SIGALRM;
}

void interrupt_end(void)
{
	if (!received || received == SIGALRM)
		return;
	signal(received, SIG_DFL);
	raise(received);
}
