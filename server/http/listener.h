/*
 * server/http/listener.h - accepting connections on one worker's loop, up to a limit.
 */
#ifndef SPASS_SERVER_LISTENER_H
#define SPASS_SERVER_LISTENER_H

#include "common/loop/loop.h"

#include <stdatomic.h>
#include <sys/socket.h>

/*
 * How many connections there are, over all workers.  Any thread.  Above max a connection is still
 * taken to be told so, up to GATE_REFUSED_MAX at once.
 */
enum { GATE_REFUSED_MAX = 256 };
struct gate {
	_Atomic int64_t open, refused, max;
};
enum gate_pass { GATE_OPEN, GATE_REFUSE, GATE_SHUT };
enum gate_pass gate_enter(struct gate *g);
void gate_leave(struct gate *g, bool refused);

struct listener {
	struct watch watch;
	struct timer pause; /* out of descriptors */
	bool tcp;
	int64_t complained_ms;
	struct gate *gate;
	/* Takes fd.  -1: there is no connection after all. */
	int (*accepted)(void *context, int fd, const struct sockaddr *peer, bool tcp, bool refused);
	void *context;
};

/* Owner thread, or before the loop runs.  fd and gate are borrowed. */
void listener_start(struct listener *l, struct loop *loop, int fd, bool tcp, struct gate *gate,
		    int (*accepted)(void *, int, const struct sockaddr *, bool, bool),
		    void *context);
/* Accepts what waits already, then no more. */
void listener_stop(struct listener *l);

#endif
