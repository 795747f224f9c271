/*
 * common/upstream/provider.h - who serves models: one const row each.
 */
#ifndef SPASS_UPSTREAM_PROVIDER_H
#define SPASS_UPSTREAM_PROVIDER_H

#include "common/base/span.h"

enum dialect_kind { DIALECT_OPENAI, DIALECT_BUILTIN };
enum provider_auth { AUTH_NONE, AUTH_BEARER };
enum {
	QUIRK_LOCAL = 1,             /* costs nothing; slow first bytes are ordinary */
	QUIRK_NO_STREAM_OPTIONS = 2, /* refuses stream_options */
	QUIRK_MAX_COMPLETION_TOKENS = 4, /* wants max_completion_tokens, refuses max_tokens */
	QUIRK_ACCEPTS_IMAGE_URL = 8,
	QUIRK_FLOAT_EMBEDDINGS = 16, /* answers floats whatever encoding_format says */
	QUIRK_EXACT_MODELS = 32,     /* serves only what its model list names */
	QUIRK_RERANK_TEXTS = 64,     /* reranks "texts" and answers a bare list of index and score */
};

struct provider {
	const char *name;        /* "openrouter" */
	const char *title;       /* "OpenRouter" */
	const char *base_url;    /* "https://openrouter.ai/api/v1"; NULL: must be configured */
	const char *key_env;     /* "OPENROUTER_API_KEY" or NULL */
	const char *probe_path;  /* GET for health and discovery: "/models" */
	const char *probe_key;   /* header that carries the key there, NULL: as in other calls */
	const char *probe_lines; /* further header lines there, or NULL */
	int probe_port;          /* loopback port looked at when discover is on, or 0 */
	enum provider_auth auth;
	enum dialect_kind dialect;
	unsigned quirks;
};
/*
 * The row that a server without a row of its own has: it speaks OpenAI's dialect and needs a
 * base_url.  The row "openai" is OpenAI itself.
 */
#define PROVIDER_GENERIC "openai-compatible"
#define PROVIDER_BUILTIN "builtin"

extern const struct provider provider_table[]; /* ends with name NULL */
/* NULL when no row has that name. */
const struct provider *provider_find(const char *name);

#endif
