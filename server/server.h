/*
 * server/server.h - the gateway: start, reload, drain, stop.
 *
 * A server runs its workers on threads of its own, so that a command can run it in the
 * foreground (`spass serve`) or beside its own work (embedded mode).  All functions are for the
 * thread that made it.
 */
#ifndef SPASS_SERVER_SERVER_H
#define SPASS_SERVER_SERVER_H

#include "common/config/config.h"

struct server;

/* How the configuration is read again, by server_reload and when other models are found. */
struct server_source {
	const char *path; /* --config, or NULL */
	const struct config_flag *flags;
	size_t flag_count;
	const char *own_socket; /* a path to listen on besides, whatever is configured; or NULL */
};

/*
 * With a certificate a key is needed, and the two must be readable and fit.  0, or -1 with
 * E_invalid_config.
 */
int server_check_tls(const struct config *c, struct err *err);
/*
 * Opens the database, token and listeners (or takes systemd's: LISTEN_FDS), makes the workers.
 * Takes config, copies source.  Fails with a clear err; nothing is left behind.
 */
struct server *server_start(struct config *config, const struct server_source *source, struct err *err);
/* "http://127.0.0.1:3000", "https://...", "unix:/path"; index past the end: NULL. */
const char *server_address(const struct server *s, size_t index);
/* The bearer token, for a command of the same process; and where it is kept (may be NULL). */
const char *server_token(const struct server *s);
const char *server_token_path(const struct server *s);
/* Whether this start made the token file. */
bool server_made_token(const struct server *s);
/*
 * Waits until the usual ports of this machine have been looked at and what was found there is
 * offered; at most limit_ms.  The other: until all backends have been looked at.
 */
void server_await_local(const struct server *s, int64_t limit_ms);
void server_await_backends(const struct server *s, int64_t limit_ms);
/* Reads the configuration again and swaps it; on failure the running one stays.  0 or -1. */
int server_reload(struct server *s, struct err *err);
/* Ends now: cuts what still runs, writes what is queued, frees all.  s may be NULL. */
void server_stop(struct server *s);
/*
 * `spass serve`'s main loop: waits for signals.  SIGHUP reloads and reopens the audit, SIGTERM
 * and SIGINT drain and stop, the second one stops at once.  Tells systemd (READY, RELOADING,
 * STOPPING, WATCHDOG).  Frees s.  Returns the exit status.
 */
int server_run(struct server *s);

#endif
