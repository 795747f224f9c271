/*
 * tests/support/isolation.h - what nobody else may see: two tenants with two users each on one
 * gateway, tokens of every role and scope, and every route of the gateway's own table.
 *
 * Each text that a user or a tenant writes holds a secret: a word that is theirs alone.  So does
 * each id of what they have.  An answer may hold those of its view (whose eyes the request has),
 * and what the request itself said.
 */
#ifndef TESTS_SUPPORT_ISOLATION_H
#define TESTS_SUPPORT_ISOLATION_H

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/types.h>

#include "tests/support/kit.h"

enum {
	TENANTS = 2,
	USERS = 2, /* of each tenant, with the same names in both */
	OWNERS = TENANTS * USERS,
	ANY = -1,
	NOBODY = -2,
	RUN_SIZE = 16,
	WORD_SIZE = 64,
	ID_SIZE = 80,
	SECRETS_MAX = 4096,
	ROUTES_MAX = 256,
	SCOPES_MAX = 64,
	THREADS_MAX = 32,
};

enum role { READONLY, TENANT_USER, TENANT_ADMIN, OPERATOR, ROLES };
extern const char *const role_names[ROLES];

struct scope {
	const char *text;
	enum role lowest; /* that has it */
};
extern const struct scope scope_table[];
extern const size_t scope_count;

/* A row of the gateway's table, as /openapi.json tells it. */
struct route {
	char *method, *path;
	uint64_t scopes; /* bits of scope_table */
	bool is_public, has_body;
};

struct routes {
	struct route list[ROUTES_MAX];
	size_t count;
};

/* Something of somebody's: ids of what there is one of. */
enum thing { CONVERSATION, MESSAGE, IMAGE, KEY, MEMORY, INDEX, JOB, THINGS };
/* A document of each index, and an index that all have: what is written by the way goes there. */
#define DOCUMENT "notes.md"
#define SCRATCH "scratch"

struct owner {
	int tenant, user;
	char secret[WORD_SIZE], bait[WORD_SIZE]; /* both in all texts; others search for the bait */
	char ids[THINGS][ID_SIZE];
	char digest[ID_SIZE];    /* of the image */
	_Atomic int64_t made;    /* conversations that were begun */
};

struct tenant {
	char id[WORD_SIZE], secret[WORD_SIZE];
	int number; /* of its settings */
};

/* What may be seen in the view of (tenant, user) alone; ANY: of all of them. */
struct secret {
	char word[ID_SIZE];
	size_t len;
	int tenant, user;
	bool is_text; /* may stand in no log, record or metric either */
};

struct gateway {
	const char *spass, *upstream;
	char *dir, *socket, *log, *upstream_log;
	char upstream_address[64];
	pid_t pid, upstream_pid;
};

struct isolation {
	struct gateway gateway;
	struct routes routes;
	char run[RUN_SIZE]; /* a word of this run's */
	struct tenant tenants[TENANTS];
	struct owner owners[OWNERS];
	char users[USERS][WORD_SIZE];
	struct secret secrets[SECRETS_MAX];
	_Atomic size_t secret_count;
	pthread_mutex_t lock; /* of secrets being added */
	_Atomic int faults;
};

/* Whose eyes a request has. */
struct view {
	int tenant, user; /* ANY: all of them */
};

struct request {
	const char *method;
	char path[512];
	struct text headers; /* lines with their ends */
	struct text body;
	bool has_body;
	char token[WORD_SIZE];
	/* What must come of it. */
	bool finds_nothing;   /* 404: what it is about is not there, or another's */
	bool finds_nothing_kept; /* 200: of an index that is not there, or another's, all files are new */
	bool finds_no_items;  /* 200, and a total of 0 */
	char about[ID_SIZE];  /* the id that this is about */
	bool begins;          /* a conversation, when it is answered 2xx */
};

struct answer {
	struct text bytes; /* as they came */
	struct text body;  /* without chunks' frames */
	int status;
};

/* A connection of its own; it is made when it is needed. */
struct connection {
	const char *socket;
	int fd; /* 0 = none */
	struct text read;
};

/* isolation_http.c */
void request_begin(struct request *r, const char *method, const char *token);
void request_free(struct request *r);
void answer_free(struct answer *a);
/* Sends all of them, then reads their answers in turn.  Breaking off ends the tool. */
void ask_all(struct connection *c, struct request *const *r, struct answer *a, size_t count);
void ask(struct connection *c, struct request *r, struct answer *a);
void connection_close(struct connection *c);
/* The body as JSON, or NULL. */
json_t *answer_json(const struct answer *a);
/* A header's value into out, "" when it is not there. */
void answer_header(const struct answer *a, const char *name, char *out, size_t size);

/* isolation_gateway.c */
void gateway_prepare(struct isolation *t);
/* format: of the log, "text" or "json". */
void gateway_start(struct isolation *t, const char *format);
void gateway_stop(struct isolation *t);
void gateway_clean(struct isolation *t);
/* The secret of a token of that kind ("role", "only", "lack" a scope, "user", "admin", "reader" of a tenant). */
const char *token_of(const struct isolation *t, const char *kind, size_t number, char out[WORD_SIZE]);

/* isolation_routes.c */
void routes_read(struct isolation *t);
uint64_t role_scopes(enum role role);
/* "{id}" filled in; "{doc}" is DOCUMENT. */
void route_path(const struct route *r, const char *id, char *out, size_t size);
/* What the path's parameter names: THINGS = of nobody's, ANY = there is none. */
int route_thing(const struct route *r);

/* isolation_roles.c: each role and each single scope on each route. */
void check_roles(struct isolation *t);

/* isolation_world.c */
void world_make(struct isolation *t);
/* What everybody has is as he left it. */
void world_check(struct isolation *t);
void secret_add(struct isolation *t, const char *word, int tenant, int user, bool is_text);
/* A text of the owner's (user ANY: of the tenant's). */
void owner_text(struct isolation *t, int tenant, int user, struct text *out);
/* Of the first 24 bytes of a picture, and a text. */
void image_body(struct text *out, const char *text);

/* isolation_requests.c */
struct target {
	const struct owner *owner; /* whose things it is about */
	bool is_absent;            /* about things that nobody has, with ids that look like them */
};
/*
 * A request to a route with somebody's eyes, about somebody's things: path, headers and body.  Sets
 * what must come of it.  A route with a body that is not known here ends the tool.
 */
void request_fill(struct isolation *t, struct request *r, const struct route *route,
		  const struct view *view, const struct target *target, unsigned *seed);
bool is_visible(const struct view *view, const struct owner *owner, enum thing thing);
/* The id of such a thing; of an absent one, an id beside it. */
void target_id(const struct target *target, enum thing thing, char out[ID_SIZE]);
unsigned next_random(unsigned *seed, unsigned below);

/* isolation_hammer.c */
void hammer(struct isolation *t, int threads, int rounds, unsigned seed);

/* isolation_look.c */
/* In what an answer shows beyond what the request said. */
void look_at_answer(struct isolation *t, const struct request *r, const struct answer *a,
		    const struct view *view);
/* Log, audit, metrics, and what the upstream was sent. */
void look_at_records(struct isolation *t);

/* isolation_time.c: a report; nothing is asserted. */
void time_report(struct isolation *t, int samples);

/* Prints and counts a fault. */
void fault(struct isolation *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
