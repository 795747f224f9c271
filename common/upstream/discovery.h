/*
 * common/upstream/discovery.h - the models that a server says it has.
 *
 * Reads the answer of GET /models as OpenAI, vLLM, llama.cpp, LM Studio and Ollama give it
 * ({"data":[{"id":...}]}), and Ollama's own list ({"models":[{"name":...}]}).  Pure; any thread.
 */
#ifndef SPASS_UPSTREAM_DISCOVERY_H
#define SPASS_UPSTREAM_DISCOVERY_H

#include "common/base/err.h"
#include "common/model/catalog.h"

enum { DISCOVERY_MODELS_MAX = 200, DISCOVERY_ID_MAX = 256, DISCOVERY_BODY_MAX = 1024 * 1024 };

struct found_model {
	char *id;
	enum model_kind kind;
	int64_t context_window; /* 0 = not told */
};

/* Sorted by id, no id twice. */
struct found_list {
	struct found_model *items;
	size_t count;
	bool truncated; /* the server had more than DISCOVERY_MODELS_MAX */
};

/* 0, or -1 with E_upstream_error when body is not a list of models.  *out is then empty. */
int found_read(struct span body, struct found_list *out, struct err *err);
void found_clear(struct found_list *l);
void found_copy(const struct found_list *from, struct found_list *to);
bool found_is_equal(const struct found_list *a, const struct found_list *b);
/* Whether the server has it; "name" also means "name:latest", as at Ollama. */
bool found_has(const struct found_list *l, const char *id);
/* What to call it: the file's name without ".gguf" when the id is a path.  The caller frees. */
char *found_alias(const char *id);

#endif
