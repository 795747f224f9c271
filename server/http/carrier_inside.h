/*
 * server/http/carrier_inside.h - what the carrier's two kinds of sockets share; nobody else includes it.
 */
#ifndef SPASS_SERVER_CARRIER_INSIDE_H
#define SPASS_SERVER_CARRIER_INSIDE_H

#include "server/http/carrier.h"

struct host;
struct lws;
struct lws_context;

struct carrier {
	struct loop *loop;
	struct lws_context *context;
	const struct carrier_events *events;
	char *room;           /* what plain sockets are read into: CARRIER_READ bytes */
	struct host *tls;     /* or NULL */
	struct watch leaving; /* of an epoll with the sockets that are not read */
	unsigned hosts_made;
	const char *certificate, *key; /* while a virtual host with TLS is being made */
};

struct carrier_socket {
	struct carrier *carrier;
	void *owner;   /* NULL: closed by us, or not adopted yet */
	bool in_callback;
	bool held;
	bool unwanted; /* carrier_read(s, false) */
	bool reading;
	/* a plain one's */
	struct watch watch;
	char *rest;    /* held back: rest_len bytes from rest_at on */
	size_t rest_at, rest_len;
	/* of one that was adopted for TLS, else NULL and false */
	struct lws *wsi;
	struct host *host;
	bool adopting; /* who adopts frees it */
	bool greeted;  /* the TLS handshake is over, as far as it is one */
};

/* carrier.c.  Whether the leaving of a socket that is not read is to be told. */
void carrier_watch_leaving(struct carrier_socket *s, bool on);

/* carrier_plain.c: as carrier_... of like name. */
struct carrier_socket *plain_adopt(struct carrier *c, int fd, void *owner);
enum carrier_sent plain_send(struct carrier_socket *s, const char *bytes, size_t len);
size_t plain_receive(struct carrier_socket *s, char *bytes, size_t len);
/* After held or unwanted has changed. */
void plain_apply(struct carrier_socket *s);
void plain_close(struct carrier_socket *s);

#endif
