/*
 * common/chat/augment.h - what is put in front of a request: system prompts and memories.
 *
 * Kept by owner, so that a request costs no look into the database: most owners have nothing, and
 * that is kept, too.  One a process; any thread.
 */
#ifndef SPASS_CHAT_AUGMENT_H
#define SPASS_CHAT_AUGMENT_H

#include "common/loop/job.h"
#include "common/store/store.h"
#include "common/store/system_prompt.h"

enum {
	AUGMENT_MEMORY_MAX = 8192,  /* bytes of memories that go along */
	AUGMENT_OWNERS_MAX = 65536, /* kept at once; the one longest unused goes */
};

/* Counted; free with augmentation_unref. */
struct augmentation {
	_Atomic int refs;
	char *prompt; /* enabled layers, a blank line between; "" = none */
	char *memory; /* with its heading; "" = none */
	size_t memory_bytes; /* of the memories themselves */
};

struct augment;

struct augment *augment_new(void);
void augment_free(struct augment *a);
/*
 * What belongs in front of o's requests.  Reads the database, on a job, when it is not kept.
 * NULL with store_read's errors.
 */
struct augmentation *augment_get(struct augment *a, struct store *s, struct job_pool *jobs,
				 const struct owner *o, struct err *err);
void augmentation_unref(struct augmentation *t);
/* After a change has been committed: of one user, or (user_id NULL) of the tenant and all its scopes. */
void augment_forget(struct augment *a, const struct owner *o);

#endif
