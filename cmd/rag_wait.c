/* cmd/rag_wait.c - see rag_wait.h. */
#include "cmd/rag_wait.h"

#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "common/base/mem.h"
#include "tui/models.h"

#include <math.h>
#include <string.h>
#include <time.h>

enum {
	LOOK_MS = 500,
	STILL_MS = 10000, /* nothing moves: vectors follow later */
	FAILED_MS = 2000, /* the same after a failure, or for the space alone */
	SPACE_CHUNKS_MIN = 200,
};

static int64_t vectors_of(const json_t *index)
{
	const json_t *embedding = json_object_get(index, "embedding");
	const char *part = *models_text(embedding, "building") ? "building_coverage" : "coverage";

	return llround(json_number_value(json_object_get(embedding, part)) *
		       json_number_value(json_object_get(index, "chunk_count")));
}

static bool has_all(const json_t *index)
{
	const json_t *embedding = json_object_get(index, "embedding");
	json_int_t chunks = json_integer_value(json_object_get(index, "chunk_count"));
	const char *wanted = models_text(embedding, "wanted");

	/* An index of empty documents is never begun. */
	return !*wanted || chunks == 0 ||
	       (strcmp(models_text(index, "embedding_model"), wanted) == 0 &&
		vectors_of(index) + json_integer_value(json_object_get(embedding, "refused")) >= chunks);
}

/* The latent space, which is made of most of the chunks there are; few chunks have none. */
static bool has_space(const json_t *index)
{
	json_int_t chunks = json_integer_value(json_object_get(index, "chunk_count"));

	return chunks < SPACE_CHUNKS_MIN ||
	       json_integer_value(json_object_get(index, "latent_chunks")) * 5 >= chunks * 4;
}

/* The last failure, "" if there is none. */
static const char *failure_of(const json_t *index)
{
	const json_t *error = json_object_get(json_object_get(index, "embedding"), "error");

	return json_is_string(error) ? json_string_value(error) : models_text(error, "message");
}

/* Whether it is in vain to wait on, which is told. */
static bool is_stuck(struct progress *p, const json_t *index, int64_t still_ms)
{
	const char *failure = failure_of(index);

	/* The space alone may not come at all: some texts give none. */
	if (still_ms < (*failure || has_all(index) ? FAILED_MS : STILL_MS))
		return false;
	if (has_all(index))
		return true;
	progress_hide(p);
	cmd_notice(
		p->globals,
		"%s: not all chunks have vectors%s%s; they follow when the model can be reached, "
		"until then they are found by words",
		p->what, *failure ? ": " : "", failure);
	return true;
}

/* A model that was named and is not there is missed; any that there is, is not. */
static void tell_missed(struct progress *p, const json_t *index)
{
	const char *embedder = models_text(json_object_get(index, "config"), "embedder");

	if (*models_text(json_object_get(index, "embedding"), "wanted") || strcmp(embedder, "auto") == 0 ||
	    strcmp(embedder, "none") == 0)
		return;
	progress_hide(p);
	cmd_notice(p->globals, "%s: the embedding model %s cannot be reached; vectors follow when it can, "
			       "until then chunks are found by words", p->what, embedder);
}

int rag_wait(struct gateway_link *l, const struct cmd_globals *g, const char *name, bool changed,
	     struct err *err)
{
	char *path = rag_path(name, NULL, NULL);
	struct progress p;
	int64_t still_ms = 0, last = -1;
	bool done = false;

	/* Before that no model is wanted, and all would seem to be there. */
	gateway_await_backends(l->gateway);
	progress_begin(&p, g, name, "vectors", 0);
	while (!done && !interrupt_signal()) {
		json_t *index = rag_ask_take(l, NULL, path, NULL, err);
		int64_t made;

		if (!index)
			break;
		made = vectors_of(index) + json_integer_value(json_object_get(index, "latent_chunks"));
		p.total = json_integer_value(json_object_get(index, "chunk_count"));
		if (last < 0)
			p.done = p.found = vectors_of(index);
		if (!has_all(index))
			progress_step(&p, vectors_of(index) - p.done, 0);
		still_ms = made != last ? 0 : still_ms + LOOK_MS;
		last = made;
		done = has_all(index) && (!changed || has_space(index));
		done = done || is_stuck(&p, index, still_ms);
		if (done)
			tell_missed(&p, index);
		json_decref(index);
		if (!done)
			nanosleep(&(struct timespec){ .tv_nsec = LOOK_MS * 1000000L }, NULL);
	}
	progress_end(&p);
	mem_free(path);
	if (!done && interrupt_signal())
		return err_set(err, E_cancelled, "", "interrupted: the documents are in, and the same "
						     "command waits on for the vectors");
	return err->code == E_none ? 0 : -1;
}

void rag_tell_vectors(struct gateway_link *l, const struct cmd_globals *g, const char *name)
{
	struct err ignored = ERR_INIT; /* the texts are in */
	char *path = rag_path(name, NULL, NULL);
	json_t *index = rag_ask_take(l, NULL, path, NULL, &ignored);
	const json_t *embedding = json_object_get(index, "embedding");

	if (json_is_false(json_object_get(embedding, "free")))
		cmd_notice(g, "%s: vectors by %s at %s, which gets the texts", name,
			   models_text(embedding, "wanted"), models_text(embedding, "backend"));
	json_decref(index);
	mem_free(path);
}
