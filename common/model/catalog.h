/*
 * common/model/catalog.h - the models that are offered, as data.
 *
 * catalog.yaml (embedded) is the shipped table; an operator's file, and "models:" in spass.yaml,
 * add rows or override them member by member.  Immutable after loading; any thread.
 */
#ifndef SPASS_MODEL_CATALOG_H
#define SPASS_MODEL_CATALOG_H

#include "common/base/span.h"
#include "common/base/yml.h"

enum model_kind {
	MODEL_CHAT,
	MODEL_IMAGE,
	MODEL_EMBEDDING,
	MODEL_RERANK,
	MODEL_TRANSCRIPTION,
	MODEL_SPEECH,
};
enum model_reasoning { REASONING_NO, REASONING_YES, REASONING_CONFIGURABLE };

/* One step of a chain: a model at a backend, or (composite) another alias. */
struct model_link {
	char *backend; /* NULL for an alias */
	char *model;   /* the backend's name for it, or the alias */
	char *where;   /* "models.yaml:12", for messages */
};

struct model {
	char *alias;                /* [A-Za-z0-9._:/-]{1,128} */
	enum model_kind kind;
	char *family, *license;
	int64_t context_window;     /* tokens, 0 = unknown */
	bool tools;
	bool composite;
	bool accepts_image_url;
	enum model_reasoning reasoning;
	char **input, **output;     /* modalities: "text", "image", "audio", "video"; NULL-ended */
	int min_max_tokens;         /* floor of max_tokens, 0 = none */
	int typical_seconds;        /* 0 = unknown */
	int dimensions;             /* of an embedding, else 0 */
	bool discovered;            /* found at a local server, not in a file */
	bool built_in;              /* always there: answered by this program */
	struct model_link *chain;
	size_t chain_count;
};

enum { CATALOG_MODELS_MAX = 2000, CATALOG_CHAIN_MAX = 16, CATALOG_DEPTH_MAX = 8, CATALOG_ALIAS_MAX = 128 };

struct catalog;

/*
 * operator_file may be NULL; config_file (spass.yaml's tree, for "models:") too.  Fails with
 * E_invalid_config naming file, line and key: unknown key, bad value, unknown alias in a chain,
 * a chain that contains itself.  All that is wrong is added to what err says; *c has then what is
 * right, to be looked at further.  The caller frees *c in either case.
 */
int catalog_load(struct catalog **c, const char *operator_file, const struct yml *config_file, struct err *err);
void catalog_free(struct catalog *c);
/* In file order; the built-in models last. */
size_t catalog_count(const struct catalog *c);
const struct model *catalog_at(const struct catalog *c, size_t index);
/* NULL when there is none. */
const struct model *catalog_find(const struct catalog *c, struct span alias);
/*
 * A discovered model; characters that no alias may have become "-", and it gets "-2" etc. when
 * taken.  NULL when the catalogue is full.  Before the catalog is shared.
 */
const struct model *catalog_add_discovered(struct catalog *c, const char *alias, enum model_kind kind,
					   const char *backend, const char *backend_model,
					   int64_t context_window);

/* Sets accepts_image_url of one of its models.  Before the catalog is shared. */
void catalog_accept_image_urls(struct catalog *c, const struct model *m);
/* Whether it answers chat completions: those that make images do, too. */
static inline bool model_chats(const struct model *m)
{
	return m->kind == MODEL_CHAT || m->kind == MODEL_IMAGE;
}

/* "chat", "image", "embedding", "rerank", "transcription", "speech"; "no", "yes", "configurable". */
const char *model_kind_name(enum model_kind k);
const char *model_reasoning_name(enum model_reasoning r);

#endif
