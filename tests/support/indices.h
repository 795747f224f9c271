/*
 * tests/support/indices.h - a program that changes indices until it is killed, and what it has to
 * have kept.
 */
#ifndef TESTS_SUPPORT_INDICES_H
#define TESTS_SUPPORT_INDICES_H

#include "common/rag/rag.h"

#include <stdatomic.h>

enum { DOCUMENTS = 40, TEXT_MAX = 24 * 1024 };

/* By document the version that is there, 0 = none. */
struct state {
	int64_t versions[DOCUMENTS];
};

/* Shared by the one who works and the one who looks; outlives the former. */
struct ledger {
	struct state kept;     /* what was acknowledged */
	struct state asked;    /* what the call under way makes of it */
	_Atomic bool is_asked; /* it is under way: either of the two may be there */
	int64_t last_version;
	_Atomic int64_t calls, refused; /* acknowledged; failed for want of room */
	_Atomic bool failed;
	char message[1024];      /* of failed */
	int64_t questions, hits; /* of readers */
	uint64_t seed;
};

extern const struct span indices_tenant, indices_index;

/* The text of a version of a document, into out[TEXT_MAX]; the same each time. */
size_t indices_text(int document, int64_t version, char *out);
/* When work ends, unless a call fails otherwise than for want of room. */
struct work_plan {
	int refusals;     /* after so many for want of room */
	int64_t until_us; /* by kit_now_us; 0: never */
	size_t readers;   /* threads that search meanwhile, at most READERS_MAX */
};
enum { READERS_MAX = 32 };
/* Changes the index in dir, one call after the other, while another thread tends it. */
void indices_work(const char *dir, struct ledger *l, const struct work_plan *plan);

/*
 * Searches and reads until told to stop: what is found must be what the document says, and the
 * document what its version was.  False and a message when it was not.
 */
struct reader {
	struct rag *rag;
	const _Atomic bool *stop;
	uint64_t random;
	int64_t questions, hits;
	char message[512];
};
bool indices_read(struct reader *r);

#endif
