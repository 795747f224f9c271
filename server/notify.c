#include "server/notify.h"

#include "common/base/clock.h"
#include "common/base/env.h"
#include "common/base/span.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* The manager may have gone; nothing depends on its hearing us. */
static void tell(const char *message)
{
	const char *path = env_get("NOTIFY_SOCKET");
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;

	if (len < 2 || len >= sizeof un.sun_path || (path[0] != '/' && path[0] != '@'))
		return;
	memcpy(un.sun_path, path, len);
	if (path[0] == '@')
		un.sun_path[0] = '\0'; /* a name in the abstract space */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)!sendto(fd, message, strlen(message), MSG_NOSIGNAL, (struct sockaddr *)&un,
		      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
	close(fd);
}

void notify_ready(void)
{
	tell("READY=1");
}

void notify_reloading(void)
{
	char message[64];

	snprintf(message, sizeof message, "RELOADING=1\nMONOTONIC_USEC=%lld",
		 (long long)clock_mono_us());
	tell(message);
}

void notify_stopping(void)
{
	tell("STOPPING=1");
}

void notify_alive(void)
{
	tell("WATCHDOG=1");
}

int64_t notify_alive_every_ms(void)
{
	const char *us = env_get("WATCHDOG_USEC"), *pid = env_get("WATCHDOG_PID");
	int64_t value;

	if (pid && (span_to_int(span_str(pid), 1, INT32_MAX, &value) < 0 || value != getpid()))
		return 0;
	if (!us || !env_get("NOTIFY_SOCKET") || span_to_int(span_str(us), 1, INT64_MAX, &value) < 0)
		return 0;
	value /= 2000;
	return value > 0 ? value : 1;
}
