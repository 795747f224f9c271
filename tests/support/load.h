/*
 * tests/support/load.h - the load generator: closed-loop HTTP clients on one thread.
 *
 * N connections each send a request, read the whole answer, and send the next one.  Measured are
 * requests a second, latencies, the time to the first byte of a body, for streams the one-way delay
 * of each event (the scripted upstream stamps them), and of given processes CPU time and memory.
 */
#ifndef TESTS_SUPPORT_LOAD_H
#define TESTS_SUPPORT_LOAD_H

#include "tests/support/kit.h"

#include <sys/types.h>

enum { PIDS_MAX = 8, BODIES_MAX = 16 };

struct load_samples {
	uint32_t *us;
	size_t count, capacity;
};

struct load_options {
	const char *host, *port, *path, *unix_path;
	struct text headers;
	struct text bodies[BODIES_MAX];
	size_t body_count;
	size_t connections;
	double seconds, warmup;
	int64_t requests;       /* in all, 0 = by time */
	int64_t per_connection; /* 0 = any */
	int abort_percent;      /* leave after the first bytes of the body */
	int expect_errors;      /* percent of answers that may be >= 400; they are counted apart */
	int64_t ramp_us;        /* between two first connections */
	double sample;          /* print memory each so many seconds; 0 = no */
	pid_t pids[PIDS_MAX];
	size_t pid_count;
};

struct load_result {
	int64_t requests, errors, refused, aborted, events, bytes;
	int64_t elapsed_us;
	struct load_samples latency, first, delay;
	int64_t cpu_us, rss_kb, peak_kb, base_kb;
};

/* The answer on a connection, taken from its bytes as they come. */
struct load_answer {
	int state, status;
	int64_t left;            /* of the body or the chunk */
	bool chunked, close, streaming, body_seen;
	struct text line;        /* of a stream, up to its line end */
};
enum { ANSWER_HEAD, ANSWER_BODY, ANSWER_SIZE, ANSWER_CHUNK, ANSWER_CHUNK_END, ANSWER_TRAILER, ANSWER_DONE };

void load_answer_begin(struct load_answer *a);
/* Takes from bytes; returns how many were used, or -1 when they are no HTTP.  Events go to r. */
ssize_t load_answer_feed(struct load_answer *a, const char *bytes, size_t len, int64_t now_us, struct load_result *r);

void load_sample(struct load_samples *s, int64_t us);
/* fraction 0..1, in microseconds; sorts. */
double load_percentile(struct load_samples *s, double fraction);

/* Sums over the processes (all their threads). */
int64_t load_cpu_us(const struct load_options *o);
int64_t load_rss_kb(const struct load_options *o);
int64_t load_peak_kb(const struct load_options *o);
void load_reset_peak(const struct load_options *o);

/* A connected socket, or -1. */
int load_connect(const struct load_options *o);
/* Runs; 0, or -1 when it could not connect at all. */
int load_run(const struct load_options *o, struct load_result *r);

#endif
