/* tests/bench/made.c - see made.h. */
#include "tests/bench/made.h"

#include "common/base/mem.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
	WORDS = 60000,   /* of the language */
	TOPIC_WORDS = 40 /* that a topic says more often than others do */
};

static const char *const common_words[] = {
	"the",  "of", "and", "to", "in",   "a",     "is",  "that", "for",  "it",  "as",   "was",
	"with", "be", "by",  "on", "not",  "he",    "his", "but",  "at",   "are", "this", "have",
	"from", "or", "had", "an", "they", "which", "one", "you",  "were", "all", "her",  "she",
};
static const char *const syllables[] = { "ba",  "ce",  "di",   "fo",  "gu",  "ha",  "je",  "ki",
					 "lo",  "mu",  "na",   "pe",  "qui", "ro",  "su",  "ta",
					 "ve",  "wi",  "xo",   "zu",  "bra", "cle", "dri", "flo",
					 "gru", "pla", "ster", "tri", "sho", "chu", "ing", "er" };

struct made {
	uint64_t state;
	char words[WORDS][24];
};

static uint64_t next(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

static double share(uint64_t *state)
{
	return (double)next(state) / (double)(UINT64_C(1) << 31);
}

struct made *made_new(uint64_t seed)
{
	struct made *m = mem_new(struct made);

	m->state = 7;
	for (size_t i = 0; i < WORDS; i++) {
		size_t parts = 2 + next(&m->state) % 3, len = 0;

		if (i < ARRAY_LEN(common_words)) {
			snprintf(m->words[i], sizeof(m->words[i]), "%s", common_words[i]);
			continue;
		}
		for (size_t k = 0; k < parts; k++)
			len += (size_t)snprintf(m->words[i] + len, sizeof(m->words[i]) - len, "%s",
						syllables[next(&m->state) % ARRAY_LEN(syllables)]);
	}
	m->state = seed * 2 + 1;
	return m;
}

void made_free(struct made *m)
{
	mem_free(m);
}

/* The first ones most often: by Zipf's law. */
static const char *any_word(struct made *m)
{
	size_t rank = (size_t)exp(share(&m->state) * log(WORDS));

	return m->words[rank < WORDS ? rank - 1 : WORDS - 1];
}

static const char *word_of(struct made *m, uint64_t topic)
{
	uint64_t state = topic * 1000 + next(&m->state) % TOPIC_WORDS;

	next(&state);
	return m->words[ARRAY_LEN(common_words) + next(&state) % (WORDS - ARRAY_LEN(common_words))];
}

void made_text(struct made *m, uint64_t topic, size_t words, struct buf *out)
{
	size_t in_sentence = 0, sentences = 0;

	for (size_t i = 0; i < words; i++) {
		const char *word = next(&m->state) % 8 == 0 ? word_of(m, topic) : any_word(m);

		buf_add_str(out, word);
		if (++in_sentence < 6 + next(&m->state) % 12) {
			buf_add_char(out, ' ');
			continue;
		}
		buf_add_str(out, ++sentences % 5 == 0 ? ".\n\n" : ". ");
		in_sentence = 0;
	}
	buf_add_str(out, ".\n");
}

void made_question(struct made *m, uint64_t topic, struct buf *out)
{
	buf_printf(out, "how is the %s of %s", word_of(m, topic), word_of(m, topic));
	for (size_t i = next(&m->state) % 5; i > 0; i--)
		buf_printf(out, " %s", i % 2 ? any_word(m) : word_of(m, topic));
}

static char *text_of(struct made *m, uint64_t topic, size_t words)
{
	struct buf out;

	buf_init(&out, 64 * MIB);
	if (words > 0)
		made_text(m, topic, words, &out);
	else
		made_question(m, topic, &out);
	return buf_take(&out);
}

void made_collection(struct collection *c, size_t documents, size_t words, size_t questions)
{
	struct made *m = made_new(1);

	memset(c, 0, sizeof(*c));
	c->documents = mem_calloc(documents, sizeof(*c->documents));
	c->queries = mem_calloc(questions, sizeof(*c->queries));
	for (size_t i = 0; i < documents; i++)
		c->documents[c->document_count++] =
			(struct document){ .id = mem_printf("made/%zu", i),
					   .title = mem_printf("%s %s", word_of(m, i), any_word(m)),
					   .text = text_of(m, i, words) };
	for (size_t i = 0; i < questions; i++) {
		struct query *q = &c->queries[c->query_count++];

		*q = (struct query){ .id = mem_printf("q%zu", i),
				     .text = text_of(m, i % documents, 0),
				     .judged = mem_calloc(1, sizeof(*q->judged)),
				     .judged_count = 1 };
		q->judged[0] =
			(struct judged){ .document = (uint32_t)(i % documents), .relevance = 1 };
	}
	made_free(m);
}

void made_or_loaded(struct collection *c, const char *directory, const char *name)
{
	char *path;

	if (!directory) {
		made_collection(c, 2000, 500, 250);
		return;
	}
	path = mem_printf("%s/%s", directory, name);
	collection_load(c, path);
	mem_free(path);
}
