/* tui/signals.c - the self-pipe. */
#include "tui/signals.h"

#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static const int caught[] = { SIGINT, SIGTERM, SIGHUP, SIGTSTP, SIGCONT, SIGWINCH };
static struct sigaction before[ARRAY_LEN(caught)];
static int ends[2] = { -1, -1 };
/* Of those that end: written by the handler, and taken from the pipe. */
static volatile sig_atomic_t wanted;
static sig_atomic_t taken;

static bool is_end(int number)
{
	return number == SIGINT || number == SIGTERM || number == SIGHUP;
}

static void note(int number)
{
	int saved = errno;
	unsigned char byte = (unsigned char)number;

	/* A full pipe has enough to say already. */
	if (write(ends[1], &byte, 1) == 1 && is_end(number))
		wanted = wanted + 1;
	errno = saved;
}

int signals_open(struct err *err)
{
	struct sigaction action = { .sa_handler = note, .sa_flags = SA_RESTART };

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(err, E_internal_error, "", "pipe: %s", err_errno(errno));
	taken = wanted = 0;
	sigfillset(&action.sa_mask); /* one at a time */
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &action, &before[i]);
	return 0;
}

void signals_close(void)
{
	for (size_t i = 0; i < ARRAY_LEN(caught); i++)
		sigaction(caught[i], &before[i], NULL);
	close(ends[0]);
	close(ends[1]);
	ends[0] = ends[1] = -1;
}

int signals_fd(void)
{
	return ends[0];
}

int signals_next(void)
{
	unsigned char byte;

	if (read(ends[0], &byte, 1) != 1)
		return 0;
	taken += is_end(byte);
	return byte;
}

bool signals_want_end(void)
{
	return wanted != taken;
}

void signals_stop_self(void)
{
	struct sigaction now, otherwise = { .sa_handler = SIG_DFL };

	sigemptyset(&otherwise.sa_mask);
	sigaction(SIGTSTP, &otherwise, &now);
	kill(getpid(), SIGTSTP);
	sigaction(SIGTSTP, &now, NULL);
}
