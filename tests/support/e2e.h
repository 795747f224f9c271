/*
 * tests/support/e2e.h - the end-to-end driver: case files against the real program.
 *
 * A case (tests/e2e/README.md) is run in a process of its own, in a directory of its own: it starts
 * the scripted upstreams and `spass serve`, plays the client step by step and compares.  Nothing
 * sleeps and hopes: every wait has a condition and a deadline.
 *
 * The files: e2e_case.c reads cases, e2e_loop.c does their steps in order, e2e_vars.c replaces
 * names, e2e_proc.c starts and stops programs, e2e_conn.c is the client's connection, e2e_http.c its
 * requests and answers, e2e_check.c compares, e2e_document.c holds each answer against /openapi.json.
 * Steps are in e2e_step.c (of a client), e2e_operator.c
 * (of an operator), e2e_watch.c (of who looks at what was left), e2e_command.c (of commands) and
 * e2e_wire.c (of the wire); e2e_main.c runs the cases and reports.
 */
#ifndef TESTS_SUPPORT_E2E_H
#define TESTS_SUPPORT_E2E_H

#include "tests/support/kit.h"

#include <jansson.h>
#include <openssl/ssl.h>
#include <sys/types.h>

enum { CONNS_MAX = 256, UPSTREAMS_MAX = 8, VARS_MAX = 64, DEADLINE_MS = 5000 };

struct e2e_line {
	int number;
	char *text;
};

/* A step and the indented lines below it. */
struct e2e_step {
	struct e2e_line line;
	struct e2e_line *subs;
	size_t count;
};

enum e2e_transport { TRANSPORT_TCP = 1, TRANSPORT_TLS = 2, TRANSPORT_UNIX = 4 };

struct e2e_upstream {
	char name[32];
	bool tls, is_unix;
	char *script, *address, *log_path;
	pid_t pid;
};

struct e2e_case {
	const char *path;
	char *title;
	unsigned transports;
	int timeout_s;
	bool needs_root;            /* it mounts; left out for others */
	char *needs;                /* a program; left out where it is not installed; or NULL */
	bool odd_backend;           /* what a backend answers, and the gateway passes on, is less than OpenAI's */
	bool gateway;               /* start one */
	char *config, *env, *args;  /* texts of the sections, or NULL */
	struct { char *name, *text; } files[16];
	size_t file_count;
	struct e2e_upstream upstreams[UPSTREAMS_MAX];
	size_t upstream_count;
	struct e2e_step *steps;
	size_t step_count;
};

enum e2e_framing { BODY_NONE, BODY_LENGTH, BODY_CHUNKED, BODY_CLOSE };

struct e2e_answer {
	bool started, head_done, done, cut, taken;
	int status;
	struct text request;             /* that it answers: "GET /path"; empty when that is not known */
	struct text head, body, interim; /* interim: "100 103 " */
	enum e2e_framing framing;
	int64_t left;                    /* of the body or chunk */
	int chunk_state;
	int64_t first_us, done_us;
};

struct e2e_conn {
	char name[32];
	int fd;
	SSL *ssl;
	bool eof, reset;
	struct text in, requests;    /* requests: a line each of those not yet answered, in order */
	struct text sent_body, sent_type; /* of the last request */
	int64_t sent_us, closed_us;
	struct e2e_answer answer;
};

struct e2e {
	struct e2e_case *c;
	const char *spass, *upstream, *cert, *key;
	const json_t *document; /* /openapi.json; NULL while it is asked for */
	bool odd_seen;          /* an answer that is not as documented, and may be */
	enum e2e_transport transport;
	int slow;           /* factor of all limits */
	int64_t began_us;   /* when the case's time began */
	int workers;        /* of the gateway, unless the case says otherwise */
	char *dir, *address;
	int port;
	pid_t gateway;
	bool gateway_over;  /* a step has seen it end */
	struct e2e_conn *conns[CONNS_MAX], *conn;
	size_t conn_count;
	SSL_CTX *tls;
	struct { char *name, *value; } vars[VARS_MAX];
	size_t var_count;
	int64_t rss_mark_kb, peak_mark_kb;
	struct e2e_conn *crowd;
	size_t crowd_count;
	int notify;         /* socket of a service manager */
	bool inherited;     /* the next start hands it a listening socket */
	struct text why;    /* the failure */
};

/* Reading cases.  Ends the tool with a message when the file is wrong. */
struct e2e_case *e2e_case_read(const char *path);

/* Text with ${NAME} replaced; the caller frees.  Unknown names end the case. */
char *e2e_expand(struct e2e *e, const char *text);
void e2e_set(struct e2e *e, const char *name, const char *value);
/* Appends to the failure; returns -1. */
int e2e_fail(struct e2e *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "expected" and "got" on lines of their own, long ones shortened around the first difference. */
int e2e_differ(struct e2e *e, const char *what, const char *want, size_t want_len, const char *got, size_t got_len);
int64_t e2e_deadline(const struct e2e *e, int64_t ms);

/* Programs. */
int e2e_prepare(struct e2e *e);
int e2e_upstream_start(struct e2e *e, struct e2e_upstream *u);
void e2e_upstream_stop(struct e2e_upstream *u);
struct e2e_upstream *e2e_upstream_find(struct e2e *e, const char *name, size_t len);
int e2e_gateway_start(struct e2e *e);
/* Waits for its end; *status as of waitpid.  -1 when it still runs at the deadline. */
int e2e_gateway_wait(struct e2e *e, int64_t limit_ms, int *status);
/* TERM, exit 0 expected, no sanitizer report. */
int e2e_finish(struct e2e *e);
/* A command: spass with arguments, or a script for bash. */
struct e2e_command {
	const char *arguments, *script;
	const char *input, *env; /* env: NAME=VALUE lines over those of the gateway */
};
/* Runs it to its end; fills out and err. */
int e2e_run_command(struct e2e *e, const struct e2e_command *c, struct text *out, struct text *err, int *status);
void e2e_write_config(struct e2e *e, const char *config);

/* Connections. */
struct e2e_conn *e2e_conn_get(struct e2e *e, const char *name);
int e2e_conn_open(struct e2e *e, struct e2e_conn *c, int receive_buffer);
void e2e_conn_close(struct e2e_conn *c, bool reset);
int e2e_conn_send(struct e2e *e, struct e2e_conn *c, const char *bytes, size_t len);
/* Waits for more input: 1 more came, 0 deadline, -1 end (eof or reset is set). */
int e2e_conn_more(struct e2e_conn *c, int64_t until_us);

/* Requests and answers. */
int e2e_send_request(struct e2e *e, const struct e2e_step *s, const char *line);
/* The answer to this request line is awaited, after those before it. */
void e2e_answer_await(struct e2e_conn *c, const char *line, size_t len);
/* Takes input into c->answer. */
void e2e_answer_feed(struct e2e_conn *c);
void e2e_answer_reset(struct e2e_conn *c);
/* The field's value; false when absent.  Values of repeated fields are joined by ", ". */
bool e2e_answer_header(const struct e2e_answer *a, const char *name, struct text *out);
/* Reads one SSE event that begins at *at; false when none is complete. */
bool e2e_next_event(const char **at, const char *end, struct text *data, struct text *name);
/* Data of SSE event number index (-1 = last), false when there is none; name may be NULL. */
bool e2e_answer_event(const struct e2e_answer *a, int64_t index, struct text *data, struct text *name);
int64_t e2e_answer_event_count(const struct e2e_answer *a);

/* The document, fit to be held against answers; ends the tool when it is not.  The caller frees. */
json_t *e2e_document_read(const char *path);
/* Whether the connection's answer is one that the document has for its request, and whether a request that was
 * served is one that the document allows. */
int e2e_check_document(struct e2e *e, const struct e2e_conn *c);
/* After the last answer: whether a case whose backend may be odd had need of it. */
int e2e_check_oddness(struct e2e *e);

/* Comparing.  All return 0 or -1 with the failure told. */
int e2e_check_answer(struct e2e *e, struct e2e_conn *c, const char *check);
/* "PATH = JSON", "PATH ~ REGEX", "PATH absent", "PATH exists", "PATH length N", "PATH > N", "PATH < N" */
int e2e_check_json(struct e2e *e, json_t *root, const char *spec);
int e2e_check_json_text(struct e2e *e, const char *text, size_t len, const char *spec);
/* "= TEXT", "contains TEXT", "lacks TEXT", "~ REGEX", "starts TEXT", "size N", "empty" */
int e2e_check_text(struct e2e *e, const char *what, const char *got, size_t len, const char *spec);
json_t *e2e_json_at(json_t *root, const char *path, size_t len);

/* Steps; 0 or -1. */
int e2e_run_steps(struct e2e *e, size_t from, size_t to);
int e2e_run_step(struct e2e *e, const struct e2e_step *s);
int e2e_step_signal(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_exit(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_start(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_config(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_rss(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_run(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_shell(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_nowhere(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_upstream(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_file(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_sqlite(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_log(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_refused(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_served(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_crowd(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_quick(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_limit_files(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_notify_socket(struct e2e *e, const struct e2e_step *s, const char *rest);
int e2e_step_notified(struct e2e *e, const struct e2e_step *s, const char *rest);

#endif
