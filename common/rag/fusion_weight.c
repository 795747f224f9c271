/* common/rag/fusion_weight.c - how much each list is to be trusted. */
#include "common/rag/fusion.h"

#include "common/base/mem.h"
#include "common/text/language.h"

#include <math.h>

static const float latent_share = 0.25f;

/*
 * Models by a part of their name in small letters, the first that fits.  Those of one language half
 * know others of its script and hardly those of another; a weight that is too large there makes the
 * words' own list worse.
 */
static const struct model {
	const char *name;
	const char *language; /* its own; NULL: all */
	float own, latin, other;
} models[] = {
	/* Hashed words, which the words' list has better. */
	{ "spass-embed", NULL, .1f, .1f, .1f },
	{ "nomic-embed-text-v2", NULL, .5f, .5f, .5f },
	{ "nomic", "en", .5f, .3f, .12f },
	{ "text-embedding-3", NULL, .65f, .65f, .65f },
	{ "text-embedding-ada", NULL, .5f, .5f, .5f },
	{ "gemini-embedding", NULL, .65f, .65f, .65f },
	{ "embeddinggemma", NULL, .65f, .65f, .65f },
	{ "qwen3-embedding", NULL, .65f, .65f, .65f },
	{ "gte-qwen", NULL, .65f, .65f, .65f },
	{ "voyage-", NULL, .65f, .65f, .65f },
	{ "bge-m3", NULL, .65f, .65f, .65f },
	{ "jina-embeddings-v2-base-zh", "zh", .5f, .5f, .12f },
	{ "jina-embeddings-v2", "en", .5f, .3f, .12f },
	{ "jina-embeddings", NULL, .65f, .65f, .65f },
	{ "embed-english", "en", .65f, .3f, .12f },
	{ "embed-v4", NULL, .65f, .65f, .65f },
	{ "embed-multilingual", NULL, .65f, .65f, .65f },
	{ "multilingual-e5", NULL, .65f, .65f, .65f },
	{ "arctic-embed2", NULL, .65f, .65f, .65f },
	{ "arctic-embed-l-v2", NULL, .65f, .65f, .65f },
	{ "arctic-embed-m-v2", NULL, .65f, .65f, .65f },
	{ "arctic-embed", "en", .5f, .3f, .12f },
	{ "mistral-embed", NULL, .5f, .5f, .5f },
	{ "titan-embed-text-v2", NULL, .5f, .5f, .5f },
	{ "paraphrase-multilingual", NULL, .35f, .35f, .35f },
	{ "labse", NULL, .3f, .3f, .3f },
	{ "multilingual", NULL, .5f, .5f, .5f },
	{ "-zh", "zh", .5f, .2f, .12f },
	{ "text2vec", "zh", .5f, .2f, .12f },
	{ "minilm", "en", .35f, .2f, .1f },
	/* bge, e5, gte, mxbai and others, and those of unknown names */
	{ "", "en", .5f, .3f, .15f },
};

static const struct model *find_model(const char *name)
{
	struct span model = span_str(name);

	for (size_t i = 0; i + 1 < ARRAY_LEN(models); i++) {
		struct span part = span_str(models[i].name);

		for (size_t at = 0; at + part.len <= model.len; at++)
			if (span_equal_nocase(span_of(model.ptr + at, part.len), part))
				return &models[i];
	}
	return &models[ARRAY_LEN(models) - 1];
}

float fusion_dense_weight(const char *model, struct span question)
{
	const struct model *m = find_model(model);
	const struct language *language = language_guess(question);

	if (!m->language || strcmp(m->language, language->code) == 0)
		return m->own;
	return language->is_latin ? m->latin : m->other;
}

struct fusion_weights fusion_weigh(float dense, bool has_latent)
{
	float words;

	dense = isnan(dense) ? 0 : fminf(fmaxf(dense, 0), 1);
	words = 1 - dense;
	return (struct fusion_weights){ .lexical = has_latent ? words * (1 - latent_share) : words,
					.latent = has_latent ? words * latent_share : 0,
					.dense = dense };
}
