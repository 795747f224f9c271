/*
 * server/api/a1_rag.h - what the handlers of /a1/rag share.
 *
 * common/rag blocks, so that everything it does runs on a thread of jobs, and what it finds is
 * written there, too: the loop sees bytes.
 */
#ifndef SPASS_SERVER_A1_RAG_H
#define SPASS_SERVER_A1_RAG_H

#include <jansson.h>

#include "common/rag/rag_print.h"
#include "server/api/call.h"

enum { A1_RAG_REPLY_MAX = 64 * 1024 * 1024 };

/* One piece of work on an index; lies in its handler's frame. */
struct rag_work {
	struct rag *rag;
	const struct routing *routing; /* of the call's snapshot */
	struct rag_keeper *keeper;
	struct span tenant, index; /* index: the path's first parameter, or what the body says */
	struct arena arena;        /* of the thread of jobs */
	struct buf out;            /* the answer */
	atomic_bool cancelled;     /* the client has gone while documents are taken in */
	int result;
	struct err err;
};

/* rag_work_end in any case. */
void rag_work_begin(struct exchange *x, struct call *c, struct rag_work *w);
void rag_work_end(struct rag_work *w);
/* Runs do_it(arg) there; its result and error are the work's: 0, or -1 after having answered. */
int rag_work_run(struct exchange *x, struct call *c, struct rag_work *w, int (*do_it)(void *arg),
		 void *arg);
/* An index as JSON, into out. */
void rag_work_print_index(struct rag_work *w, const struct rag_index_info *index);
/* Sends out, unless it was too small. */
void rag_work_reply(struct exchange *x, struct rag_work *w, int status);

/*
 * The same for what takes documents in, on a pool of its own and one of a tenant at a time: those
 * that come meanwhile wait, so that neither other requests nor other tenants do.  Answers nothing.
 */
int rag_work_ingest(struct call *c, struct rag_work *w, int (*do_it)(void *arg), void *arg);
/* The same without waiting for others, also for a client that has gone, of whom nothing is told: what
 * has to be cleaned up. */
int rag_work_always(struct call *c, struct rag_work *w, int (*do_it)(void *arg), void *arg);
/* As rag_work_ingest, for small changes: 0, or -1 after having answered. */
int rag_work_write(struct exchange *x, struct call *c, struct rag_work *w, int (*do_it)(void *arg),
		   void *arg);
/* A body that may be large, as a tree: it is read, and what is asked done, on the thread of jobs. */
struct rag_body {
	struct rag_work work;
	const char *const *names; /* of its members, NULL at the end */
	int (*do_it)(struct rag_body *b); /* into work.out */
	bool changes; /* the index */
	json_t *root; /* during do_it */
	struct span bytes;
};
/* Answers in any case. */
void rag_body_run(struct exchange *x, struct call *c, struct rag_body *b);
/* The index changed: see rag_keeper_note. */
void rag_work_note(struct call *c, const struct rag_work *w);

#endif
