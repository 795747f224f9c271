/*
 * tests/fuzz/fuzz_documents.c - any bytes as a body with documents, as a list and as a line.
 *
 * What is taken has a place in the batch, whose number never passes its room.
 */
#include "server/api/a1_rag_read.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ARENA = 4 * 1024 * 1024 };

static void check(const struct document_batch *b)
{
	must(b->count <= BATCH_DOCUMENTS);
	for (size_t i = 0; i < b->count; i++) {
		must(b->documents[i].content.ptr != NULL);
		must(b->documents[i].mtime_us >= -1);
		must(b->documents[i].meta.len <= RAG_META_MAX);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span body = span_of((const char *)data, size);
	static struct document_batch b;
	struct jvalue list, object;
	size_t count;

	document_batch_init(&b, ARENA);
	if (document_read_list(body, &list, &count, NULL) == 0) {
		must(count > 0 && count <= DOCUMENTS_MAX);
		for (struct jwalk w = jwalk_start(list); jwalk_next(&w);)
			if (document_read(&b, w.value, "documents", NULL) < 0)
				break;
		check(&b);
		document_batch_clear(&b);
	}
	if (jscan_check(body, NULL, &object, NULL) == 0)
		document_read(&b, object, "body", NULL);
	check(&b);
	document_batch_clear(&b);
	return 0;
}
