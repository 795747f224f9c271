/*
 * common/loop/connector.h - making a connection with libcurl; private to common/loop.
 *
 * libcurl resolves the name, races the addresses, speaks TLS and to proxies, on our loop
 * (CURLOPT_CONNECT_ONLY).  What follows is ours: a plain
 * connection is taken over as a descriptor; one with TLS inside is spoken through connector_send and
 * connector_receive.  SIGPIPE is to be ignored.  Owner thread.
 */
#ifndef SPASS_LOOP_CONNECTOR_H
#define SPASS_LOOP_CONNECTOR_H

#include "common/loop/upcall.h"

#include <sys/types.h>

/* Name lookups and TLS sessions that the connections of one loop share. */
struct connector_share;
struct connector_share *connector_share_new(struct loop *l);
/* No connector may be left. */
void connector_share_free(struct connector_share *s);

struct connector;

/*
 * Suspends until connected.  NULL with E_upstream_unavailable, E_upstream_timeout or
 * E_cancelled.  name: for messages ("host:port"); not kept.
 */
struct connector *connector_open(struct loop *l, struct connector_share *s, const struct origin *o,
				 const char *name, int timeout_ms, struct err *err);
/* Closes what has not been taken. */
void connector_free(struct connector *c);
int connector_fd(const struct connector *c);
/* Whether bytes go as they are; if so the descriptor may be taken. */
bool connector_is_plain(const struct connector *c);
/* The caller owns the descriptor from now on; the connector is freed. */
int connector_take_fd(struct connector *c);

enum { CONNECTOR_AGAIN = 0, CONNECTOR_CLOSED = -1, CONNECTOR_BROKEN = -2 };
/*
 * Bytes sent or received, > 0, or one of the above.  After CONNECTOR_AGAIN the same bytes at the
 * same address must be sent again.
 */
ssize_t connector_send(struct connector *c, const void *bytes, size_t len);
ssize_t connector_receive(struct connector *c, void *room, size_t len);
/* False: the next connector_receive gives nothing before the descriptor is readable. */
bool connector_may_hold_more(const struct connector *c);

#endif
