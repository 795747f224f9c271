/*
 * server/http/listen.h - addresses to listen on, and their sockets.
 *
 * A listen_set holds the sockets of all addresses: for TCP one a worker (SO_REUSEPORT), so that
 * the kernel spreads connections; for a Unix socket, and for sockets that systemd hands over, one
 * that all workers share.  Startup only.
 */
#ifndef SPASS_SERVER_LISTEN_H
#define SPASS_SERVER_LISTEN_H

#include "common/base/err.h"

#include <sys/socket.h>

struct listen_address {
	struct sockaddr_storage addr;
	socklen_t len;
};

/*
 * "HOST:PORT" (name, IPv4, [IPv6]), ":PORT" (every address), "unix:PATH".  Port 0: any free one.
 * 0, or -1 with E_invalid_config.  May ask the resolver.
 */
int listen_address_parse(const char *text, struct listen_address *a, struct err *err);

struct listen_set;

/*
 * Opens a socket for each text, or takes those of systemd (LISTEN_FDS) instead.  A Unix socket
 * that nobody answers is replaced, one that is alive is not.  Startup only.  NULL with
 * E_invalid_config or E_storage_error.
 */
struct listen_set *listen_set_new(const char *const *texts, size_t count, int workers,
				  struct err *err);
/* Closes the sockets and removes the files of Unix sockets.  s may be NULL. */
void listen_set_free(struct listen_set *s);
size_t listen_set_count(const struct listen_set *s);
/* Of one worker; borrowed. */
int listen_set_fd(const struct listen_set *s, size_t index, int worker);
bool listen_set_is_tcp(const struct listen_set *s, size_t index);
/* "127.0.0.1:3000" or "unix:/path", with the port that was really bound. */
const char *listen_set_name(const struct listen_set *s, size_t index);

#endif
