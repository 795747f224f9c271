/*
 * tests/support/upstream.h - the scripted upstream: a model server that does what it is told.
 *
 * One thread, one epoll.  Without a script it is a well-behaved OpenAI-compatible server; a script
 * (tests/support/README.md) chooses per request what it answers and how it misbehaves; words in the
 * model's name ("bench-n64-g20-f5": 64 events, 20 ms apart, the first after 5 ms) do for benches.
 *
 * The files: upstream_script.c reads rules and picks one, upstream_http.c reads requests,
 * upstream_ops.c does what a rule says, upstream_answer.c makes OpenAI's texts, upstream_net.c moves
 * bytes and time, upstream_log.c writes down what was seen.
 */
#ifndef TESTS_SUPPORT_UPSTREAM_H
#define TESTS_SUPPORT_UPSTREAM_H

#include "tests/support/kit.h"

#include <openssl/ssl.h>

struct mock;
struct mock_conn;

/* What an operation wants next. */
enum mock_step {
	STEP_NEXT,  /* the following operation */
	STEP_WAIT,  /* run this one again at conn->wake_us */
	STEP_FULL,  /* run it again when the output has drained */
	STEP_HOLD,  /* nothing until the client leaves */
	STEP_CUT,   /* send what is queued, then close */
	STEP_RESET, /* send what is queued, then RST */
};

enum mock_arg { ARG_NONE, ARG_NUMBERS, ARG_TEXT, ARG_BYTES };

struct mock_op;
struct mock_op_row {
	const char *name;
	enum mock_arg arg;
	enum mock_step (*run)(struct mock_conn *c, const struct mock_op *op);
};
extern const struct mock_op_row mock_op_table[]; /* ends with name NULL */

struct mock_op {
	const struct mock_op_row *row;
	char *text;    /* ARG_TEXT as written, ARG_BYTES unescaped */
	size_t len;
	int64_t n[3];  /* ARG_NUMBERS; missing ones are 0 */
};

struct mock_rule {
	char *method, *path, *model, *header, *body; /* NULL = any; header is "name:glob" */
	int stream, reuse;            /* -1 any, 0 no, 1 yes */
	int64_t nth_from, nth_to;     /* of the requests that matched the rest */
	bool early;                   /* act on the head, before the body has come */
	int64_t slow_bytes, slow_ms;  /* read the body by so many bytes each so many ms */
	int64_t hits;
	struct mock_op *ops;
	size_t op_count;
};

enum mock_accept { ACCEPT_SERVE, ACCEPT_CLOSE, ACCEPT_RESET, ACCEPT_SILENT };

struct mock_script {
	struct mock_rule *rules;
	size_t count;
	enum mock_accept accept; /* what happens to a new connection */
};

struct mock_request {
	uint64_t id;
	const char *head;  /* inside conn->in */
	size_t head_len;   /* with the empty line */
	char method[16], path[512], model[256];
	bool stream, include_usage, base64, chunked, expect, close;
	int64_t length;    /* of the body, -1 = chunked and not yet known */
	const char *body;
	size_t body_len;
	int64_t started_us;
};

enum mock_usage { USAGE_ASKED, USAGE_ALWAYS, USAGE_CONTENT, USAGE_EVERY, USAGE_NONE };
enum mock_framing { FRAME_LENGTH, FRAME_CHUNKED, FRAME_CLOSE };
enum mock_coding { CODE_NONE, CODE_GZIP, CODE_DEFLATE, CODE_BARE, CODE_CUT };
enum mock_fate { FATE_NONE, FATE_CUT, FATE_RESET, FATE_STALL, FATE_ERROR, FATE_GARBLE, FATE_END };

/* How the default answer is to look; operations change it before it is sent. */
struct mock_shape {
	int status;
	struct text headers, say, tools, reasoning;
	const char *type, *finish, *model, *eol, *error;
	int64_t tokens, pad, size, head_ms, first_ms, gap_ms, fate_after, prompt_used, completion_used, dimensions;
	enum mock_usage usage;
	enum mock_framing framing;
	enum mock_fate fate;
	enum mock_coding coding;
	struct z_stream_s *packer; /* NULL until coded bytes are wanted */
	bool framing_set, keep, no_done, comments, stamp;
};

enum mock_state { CONN_HEAD, CONN_BODY, CONN_ANSWER, CONN_DRAIN };

struct mock_conn {
	struct mock *mock;
	int fd;
	SSL *ssl;
	bool dead, want_out, eof, log_open;
	enum mock_state state;
	uint64_t id;
	unsigned used;        /* requests begun on it */
	struct text in, out, body;
	size_t scanned;       /* of in, in search of the head's end */
	size_t body_at;       /* of in, next chunk to read */
	size_t out_at;        /* of out, first byte not yet sent */
	size_t split;         /* write in pieces of so many bytes, 0 = no */
	int64_t split_us;
	struct mock_request req;
	struct mock_rule *rule;
	size_t pc;            /* operation of the rule */
	int64_t count, phase; /* of the operation or the answer */
	struct mock_shape shape;
	bool head_sent, body_ended;
	enum mock_step ending; /* STEP_NEXT, or how to end when the output is gone */
	int64_t events, sent;
	int64_t wake_us;      /* 0 = none: the operation */
	int64_t flush_us;     /* 0 = none: the next piece of a split write */
	int64_t read_us;      /* 0 = none: the next piece of a slow read */
	int64_t due_us;
	size_t heap_at;       /* 1-based place in the heap of timers, 0 = not there */
	struct mock_conn *next_dead;
};

struct mock {
	int epoll, listener;
	SSL_CTX *tls;
	struct mock_script script;
	int log;
	uint64_t next_conn, next_request;
	struct mock_conn **heap;
	size_t heap_len, heap_capacity;
	struct mock_conn *dead;
	size_t open;
};

/* Reads a script; *fault gets "line N: ..." (caller frees) and -1 comes back when it is wrong. */
int mock_script_parse(struct mock_script *s, const char *text, char **fault);
void mock_script_free(struct mock_script *s);
/* The first rule that fits, counted; NULL = the default.  early: only the head is known. */
struct mock_rule *mock_script_pick(struct mock_script *s, struct mock_conn *c, bool early);
bool mock_script_has_early(const struct mock_script *s);

/* Takes what is in c->in; starts and ends requests. */
void mock_http_input(struct mock_conn *c);
/* Value of a field of the request's head; false when absent. */
bool mock_http_field(const struct mock_request *r, const char *name, struct text *out);

/* Runs operations until one waits. */
void mock_run(struct mock_conn *c);
/* The shape of an answer that no operation has touched. */
void mock_shape_reset(struct mock_conn *c);

/* Bytes of the answer's head, or of its body in the framing of the head. */
void mock_answer_head(struct mock_conn *c);
void mock_answer_data(struct mock_conn *c, const char *bytes, size_t len);
void mock_answer_end(struct mock_conn *c);
/* One SSE event with the shape's line ends. */
void mock_answer_event(struct mock_conn *c, const char *data, size_t len);
/* The next step of the default answer to the request. */
enum mock_step mock_answer_run(struct mock_conn *c);
/* A whole answer from memory for the plain bench request. */
bool mock_answer_fast(struct mock_conn *c);

void mock_send(struct mock_conn *c, const void *bytes, size_t len);
/* Sets the timer of the running operation. */
enum mock_step mock_wait_ms(struct mock_conn *c, int64_t ms);
int mock_listen(struct mock *m, const char *address, char **bound);
void mock_loop(struct mock *m) __attribute__((noreturn));
/* The answer has been given: log it, and serve the next request or close. */
void mock_conn_done(struct mock_conn *c);

void mock_log_open(struct mock_conn *c);
void mock_log_begun(struct mock_conn *c);
void mock_log_request(struct mock_conn *c);
void mock_log_end(struct mock_conn *c, const char *how);
void mock_log_close(struct mock_conn *c, const char *how);

#endif
