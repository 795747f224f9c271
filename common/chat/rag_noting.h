/*
 * common/chat/rag_noting.h - every tenant's indices noted for the keeper: after a start, and now and then.
 */
#ifndef SPASS_CHAT_RAG_NOTING_H
#define SPASS_CHAT_RAG_NOTING_H

#include "common/chat/rag_keeper.h"

struct rag_noting {
	struct rag_keeper *keeper;
	struct rag *rag;
	bool indices; /* too, not only what is nobody's */
};
/* arg: a struct rag_noting.  Reads databases: for a job.  What cannot be read is logged. */
void rag_note_all(void *arg);

#endif
