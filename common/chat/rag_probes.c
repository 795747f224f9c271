/* common/chat/rag_probes.c - see rag_probes.h. */
#include "common/chat/rag_probes.h"

#include <pthread.h>

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/chat/rag_batch.h"

enum {
	AGAIN_MS = 10 * 60 * 1000,
	AGAIN_FAILED_MS = 60 * 1000, /* a call that fails may have taken its whole time-out */
	AGAIN_DOUBTED_MS = 60 * 1000, /* one server of several may be another: each call doubts then */
	NOTES_MAX = 256, /* what two share is looked at more often */
};

struct note {
	uint64_t hash; /* of tenant and model; 0: of none */
	int64_t due_ms; /* monotonic, as the next */
	int64_t heeds_ms; /* from when on a doubt counts */
};

struct rag_probes {
	pthread_mutex_t lock; /* protects notes */
	struct note notes[NOTES_MAX];
};

struct rag_probes *rag_probes_new(void)
{
	struct rag_probes *p = mem_new(struct rag_probes);

	pthread_mutex_init(&p->lock, NULL);
	return p;
}

void rag_probes_free(struct rag_probes *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	mem_free(p);
}

static uint64_t hash_on(uint64_t hash, struct span text)
{
	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	return (hash ^ 0xff) * UINT64_C(0x100000001b3);
}

static bool is_due(struct rag_probes *p, uint64_t hash)
{
	const struct note *n = &p->notes[hash % NOTES_MAX];
	bool is;

	pthread_mutex_lock(&p->lock);
	is = n->hash != hash || clock_mono_ms() >= n->due_ms;
	pthread_mutex_unlock(&p->lock);
	return is;
}

static void note_probe(struct rag_probes *p, uint64_t hash, int64_t again_ms)
{
	struct note *n = &p->notes[hash % NOTES_MAX];

	pthread_mutex_lock(&p->lock);
	if (n->hash != hash)
		*n = (struct note){ .hash = hash };
	n->due_ms = clock_mono_ms() + again_ms;
	pthread_mutex_unlock(&p->lock);
}

static uint64_t hash_of(struct span tenant, struct span model)
{
	return hash_on(hash_on(UINT64_C(0xcbf29ce484222325), tenant), model);
}

bool rag_probes_doubt(struct rag_probes *p, struct span tenant, struct span model)
{
	uint64_t hash = hash_of(tenant, model);
	struct note *n = &p->notes[hash % NOTES_MAX];
	int64_t now_ms = clock_mono_ms();
	bool is_heeded;

	pthread_mutex_lock(&p->lock);
	is_heeded = n->hash != hash || now_ms >= n->heeds_ms;
	if (is_heeded)
		*n = (struct note){ hash, now_ms, now_ms + AGAIN_DOUBTED_MS };
	pthread_mutex_unlock(&p->lock);
	return is_heeded;
}

bool rag_probes_look(struct rag_probes *p, struct core_worker *w, struct snapshot *s,
		     struct span tenant, const struct rag_embedder *e)
{
	uint64_t hash = hash_of(tenant, span_str(e->model));
	struct err err = ERR_INIT;
	bool is_other;

	if (!is_due(p, hash))
		return false;
	if (rag_batch_probe(w, s, tenant, e, &is_other, &err) < 0) {
		note_probe(p, hash, AGAIN_FAILED_MS);
		return false;
	}
	note_probe(p, hash, AGAIN_MS);
	if (is_other)
		log_warn("rag",
			 "another model answers to the name %s: vectors of %.*s are made anew",
			 e->model, SPAN_ARGS(tenant));
	return is_other;
}
