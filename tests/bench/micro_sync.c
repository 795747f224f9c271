/*
 * tests/bench/micro_sync.c - what a disk allows whoever promises durability: groups of turns written
 * in place and synced, one after the other, by a program that does nothing else.
 * usage: micro_sync FILE TURNS
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/clock.h"

/* About what a turn weighs in the log; the file is as long as a log that is written again. */
enum { TURN_BYTES = 4096, TURNS_MAX = 256, SYNCS = 200, FILE_GROUPS = 16 };

static int fail(const char *what)
{
	perror(what);
	return 1;
}

int main(int argc, char **argv)
{
	static char group[TURNS_MAX * TURN_BYTES];
	long turns = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
	size_t size = (size_t)turns * TURN_BYTES;
	int64_t began, took_us;
	int fd;

	if (turns < 1 || turns > TURNS_MAX) {
		fprintf(stderr, "usage: micro_sync FILE TURNS\n");
		return 2;
	}
	memset(group, 'x', sizeof group);
	fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(argv[1]);
	for (int i = 0; i < FILE_GROUPS; i++)
		if (write(fd, group, size) != (ssize_t)size)
			return fail(argv[1]);
	if (fsync(fd) < 0)
		return fail(argv[1]);
	began = clock_mono_us();
	for (int i = 0; i < SYNCS; i++)
		if (pwrite(fd, group, size, (off_t)size * (i % FILE_GROUPS)) != (ssize_t)size || fdatasync(fd) < 0)
			return fail(argv[1]);
	took_us = clock_mono_us() - began;
	printf("sync_us=%.0f rps=%.0f\n", (double)took_us / SYNCS, (double)turns * SYNCS * 1e6 / (double)took_us);
	close(fd);
	return 0;
}
