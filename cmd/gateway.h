/*
 * cmd/gateway.h - which gateway a client command talks to.
 *
 * --server or SPASS_SERVER; else this user's gateway on its Unix socket in the runtime directory;
 * else, where the command allows it, one started in this process with the user's own
 * configuration and database, on a private Unix socket.  The client's code is the same in all
 * cases.
 *
 * The token: --token-file, SPASS_TOKEN, else what the user's configuration says; the last is
 * never sent to another machine.  A token that is given is the one that counts, also at a gateway
 * started here.  --user or SPASS_USER says for whom it is asked; where a gateway wants to know and
 * neither does, it is who runs the command.
 */
#ifndef SPASS_CMD_GATEWAY_H
#define SPASS_CMD_GATEWAY_H

#include "cmd/cmd.h"
#include "cmd/target.h"
#include "tui/wire.h"

struct server;

struct gateway {
	struct target target;
	char *token;           /* NULL: none is known; secret */
	char *token_from;      /* "SPASS_TOKEN", a file: for people; NULL with the token */
	char *login;           /* of who runs the command, as a user's id; NULL: it cannot be one */
	struct server *server; /* started here, or NULL */
	char *hidden_token;    /* of SPASS_TOKEN, while it runs; secret; or NULL */
};

/*
 * may_start: whether one may be started.  Begins to listen for signals (interrupt.h).  Tells on
 * stderr with --verbose which one it is.  NULL with err.  Free with gateway_close.
 */
struct gateway *gateway_find(const struct cmd_globals *g, bool may_start, struct err *err);
/*
 * Of one started here, waits until it knows which of its backends can be reached: for commands that
 * tell or choose by it.  A backend that does not answer costs some seconds, no more.
 */
void gateway_await_backends(const struct gateway *g);
/* Stops the one started here, when all is written.  g may be NULL. */
void gateway_close(struct gateway *g);
/* What a wire to it wants; borrows from both. */
struct wire_target gateway_target(const struct gateway *gateway, const struct cmd_globals *g);
/* Adds to an error about credentials which ones were sent. */
void gateway_explain(const struct gateway *gateway, struct err *err);
/* "http://127.0.0.1:3000", "unix:/run/...": for people.  Borrowed parts; into out. */
enum { GATEWAY_NAME_SIZE = 300 };
void gateway_name(const struct gateway *g, char out[GATEWAY_NAME_SIZE]);

/* A gateway and a wire to it. */
struct gateway_link {
	struct gateway *gateway;
	struct wire_target target;
	struct wire *wire;
};
/* The gateway that is found or started; 0, or -1 with err.  gateway_link_close in any case. */
int gateway_link_open(struct gateway_link *l, const struct cmd_globals *g, struct err *err);
/* Adds to err, of what failed, what there is to say about credentials. */
void gateway_link_close(struct gateway_link *l, struct err *err);

/*
 * "$XDG_RUNTIME_DIR/spass/gateway.sock" or "/tmp/spass-UID/gateway.sock", where `spass serve` can be
 * found; NULL when there is no such directory or the path is too long for a socket.  The caller frees.
 */
char *gateway_socket(void);
/* Whether something accepts connections there. */
bool gateway_answers(const char *socket_path);

#endif
