/*
 * server/http/carrier.h - the bytes of clients: those under TLS carried by libwebsockets, the others
 * by the worker's loop itself.
 *
 * carrier.c is the only file that knows libwebsockets: one context a worker on the worker's own
 * loop, sockets under TLS adopted in its raw role; carrier_plain.c has those without.  Whoever uses
 * them sees no difference.  Owner thread.
 *
 * Whoever adopts a socket gets events for it, on the loop's stack: bytes, "all that was held back
 * has left", and "the peer has gone".  While reading rests (by carrier_read, or because bytes are
 * held back) the last cannot be told from bytes that were not read yet, so there is a fourth.
 * After closed, and after carrier_close, the socket must not be used and no event comes.
 */
#ifndef SPASS_SERVER_CARRIER_H
#define SPASS_SERVER_CARRIER_H

#include "common/base/err.h"
#include "common/loop/loop.h"

struct carrier;
struct carrier_socket;

struct carrier_events {
	void (*data)(void *owner, struct span bytes); /* borrowed until it returns */
	void (*writable)(void *owner);
	void (*closed)(void *owner);
	void (*left)(void *owner); /* reading rests, and the peer has gone or says no more */
};

enum {
	CARRIER_READ = 16 * 1024,  /* bytes of one data event at most */
	CARRIER_SLICE = 64 * 1024, /* of one carrier_send */
};
enum carrier_sent {
	CARRIER_BROKEN = -1, /* the peer has gone; call carrier_close */
	CARRIER_SENT = 0,    /* all of it is with the kernel */
	CARRIER_HELD = 1,    /* the rest is held back: send no more until writable */
};

/*
 * Startup only: log and allocator of libwebsockets are the process's.  Descriptors up to the soft
 * limit RLIMIT_NOFILE of this moment can be carried.  NULL with E_internal_error when
 * libwebsockets or its libev plugin cannot be used.
 */
struct carrier *carrier_new(struct loop *l, const struct carrier_events *events, struct err *err);
/* All sockets must have been closed. */
void carrier_free(struct carrier *c);
/*
 * From now on TLS sockets are adopted with this certificate chain and key (PEM files); sockets
 * adopted before keep theirs.  0, or -1 with E_invalid_config (the former certificate stays).
 */
int carrier_set_tls(struct carrier *c, const char *certificate, const char *key, struct err *err);
/* Whether the two files can be read and belong together.  Any thread. */
int carrier_check_tls(const char *certificate, const char *key, struct err *err);

/* Takes fd.  NULL when it cannot be carried (fd has been closed). */
struct carrier_socket *carrier_adopt(struct carrier *c, int fd, bool tls, void *owner);
/*
 * Whether a client of a TLS socket speaks without TLS.  Known when its first bytes come; it may be
 * answered, without TLS too.
 */
bool carrier_is_plain(const struct carrier_socket *s);
/* len <= CARRIER_SLICE, > 0.  The bytes may be reused when it returns. */
enum carrier_sent carrier_send(struct carrier_socket *s, const char *bytes, size_t len);
/*
 * Bytes that have come in after those of the last event, put where they are wanted instead of into
 * another.  0: there are none now, or this socket cannot do it; events tell of all that matters.
 */
size_t carrier_receive(struct carrier_socket *s, char *bytes, size_t len);
/* Whether bytes are wanted. */
void carrier_read(struct carrier_socket *s, bool on);
/* Bytes the kernel has not delivered yet; -1 = unknown. */
int carrier_unsent(struct carrier_socket *s);
/* Says that nothing more will be sent; what was sent is delivered.  Nothing may be held back. */
void carrier_shut(struct carrier_socket *s);
/* What is held back is lost.  s may be NULL. */
void carrier_close(struct carrier_socket *s);

#endif
