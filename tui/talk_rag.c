/* tui/talk_rag.c - what an index has for each message: searched for, shown, chosen. */
#include "tui/talk_inside.h"

#include "common/base/mem.h"
#include "tui/notes.h"

#include <string.h>

static void drop_sources(struct talk *t)
{
	sources_free(t->sources);
	t->sources = NULL;
	buf_clear(&t->passages);
}

void talk_rag_forget(struct talk *t)
{
	drop_sources(t);
	buf_clear(&t->asked);
	buf_clear(&t->before);
}

void talk_rag_release(struct talk *t)
{
	sources_free(t->sources);
	buf_free(&t->passages);
	buf_free(&t->asked);
	buf_free(&t->before);
	mem_free(t->index);
	mem_free(t->filter);
	json_decref(t->indices);
}

/* They do not go along: it would quote them. */
static void tell_weak(struct talk *t)
{
	struct buf nearest;

	buf_init(&nearest, MIB);
	sources_add_nearest(t->sources, &nearest);
	talk_say(t, STYLE_DIM, "[nothing in %s fits; the nearest is %s, /sources lists the others]", t->index,
		 buf_str(&nearest));
	buf_free(&nearest);
}

static void find(struct talk *t)
{
	const struct sources_query query = { .index = t->index, .question = buf_span(&t->asked),
					     .before = buf_span(&t->before),
					     .filter = t->filter };
	struct err err = ERR_INIT;

	t->sources = sources_find(t->wire, &query, &err);
	if (!t->sources)
		talk_say_error(t, &err);
	else if (!sources_count(t->sources))
		talk_say(t, STYLE_DIM, "[nothing was found in %s]", t->index);
	else if (sources_is_weak(t->sources) && models_is_builtin(t->model))
		tell_weak(t);
	else
		sources_add_prompt(t->sources, &t->passages);
	if (t->sources && *sources_note(t->sources) && !t->setup->is_quiet)
		talk_say(t, STYLE_DIM, "[%s]", sources_note(t->sources));
}

/* What was piped in, or the text of files. */
static bool brings_more(const struct talk *t)
{
	const char *message = convo_last(t->convo, "user");

	return message && strlen(message) > t->asked.len;
}

bool talk_rag_again(struct talk *t)
{
	drop_sources(t);
	if (!t->index || !t->asked.len)
		return true;
	find(t);
	if (t->passages.len || !models_is_builtin(t->model) || brings_more(t))
		return true;
	talk_say(t, STYLE_DIM,
		 "[%s only quotes and was not asked; after /rag off, /retry asks it about what was said here]",
		 t->model);
	return false;
}

bool talk_rag_search(struct talk *t, struct span message)
{
	struct buf older = t->before;

	t->before = t->asked;
	t->asked = older;
	buf_clear(&t->asked);
	buf_add_span(&t->asked, message);
	return talk_rag_again(t);
}

void talk_rag_tell(struct talk *t, struct span answer)
{
	size_t count = sources_count(t->sources), cited = 0;

	for (size_t i = 0; i < count; i++)
		cited += sources_is_cited(t->sources, i, answer);
	if (count && t->passages.len && !t->setup->is_quiet)
		talk_say(t, STYLE_DIM, "[%zu passage%s of %s, %zu named; /sources lists them]", count,
			 count == 1 ? "" : "s", t->index ? t->index : "the index", cited);
}

/* What is asked for each message.  Takes both, which may be NULL. */
static void choose_take(struct talk *t, char *index, char *filter)
{
	mem_free(t->index);
	mem_free(t->filter);
	mem_free(t->index_noted);
	t->index = index;
	t->filter = filter;
	t->index_noted = NULL;
}

/* Remembering.  A note is the index, or the index, a blank, and the filter. */

static void split_note(char *note, char **filter)
{
	char *blank = strchr(note, ' ');

	if (!blank)
		return;
	*blank = '\0';
	*filter = mem_strdup(blank + 1);
}

void talk_rag_recall(struct talk *t, const char *conversation)
{
	struct err err = ERR_INIT;
	char *index = NULL, *filter = NULL;

	if (t->setup->indices_path && (!t->setup->index || t->conversation))
		index = notes_find(t->setup->indices_path, conversation);
	if (!index)
		return;
	split_note(index, &filter);
	if (sources_check_index(index, &err) == 0 && sources_has_index(t->wire, index, &err)) {
		choose_take(t, index, filter);
		t->index_noted = mem_strdup(conversation);
		return;
	}
	if (err.code == E_rag_index_not_found)
		talk_say(t, STYLE_DIM, "[the index %s that it was asked with is no longer there]", index);
	else
		talk_say_error(t, &err);
	mem_free(index);
	mem_free(filter);
}

void talk_rag_note(struct talk *t)
{
	char *text = t->filter ? mem_printf("%s %s", t->index, t->filter) : NULL;

	talk_keep_note(t, t->setup->indices_path, "index", text ? text : t->index, &t->index_noted);
	mem_free(text);
}

const char *talk_rag_complete(struct talk *t, const char *text, size_t i)
{
	struct err err = ERR_INIT;
	json_t *one;
	size_t at;

	/* The wire is not asked while it brings an answer. */
	if (!t->indices && !t->answer)
		t->indices = sources_indices(t->wire, &err);
	json_array_foreach(t->indices, at, one)
		if (span_starts(span_str(models_text(one, "id")), text) && i-- == 0)
			return models_text(one, "id");
	return NULL;
}

/* Commands */

static void list(struct talk *t)
{
	struct err err = ERR_INIT;
	json_t *one;
	size_t i;

	if (t->index)
		talk_say(t, 0, "Each message is searched for in %s%s%s; /rag off ends that.", t->index,
			 t->filter ? " where " : "", t->filter ? t->filter : "");
	json_decref(t->indices);
	t->indices = sources_indices(t->wire, &err);
	if (!t->indices)
		talk_say_error(t, &err);
	else if (json_array_size(t->indices) == 0)
		talk_say(t, STYLE_DIM, "There is no index; `spass rag add NAME PATH` makes one.");
	json_array_foreach(t->indices, i, one) {
		json_int_t count = json_integer_value(json_object_get(one, "doc_count"));

		talk_say(t, 0, "%s  (%lld document%s)", models_text(one, "id"), (long long)count,
			 count == 1 ? "" : "s");
	}
}

void talk_rag(struct talk *t, struct span argument)
{
	struct err err = ERR_INIT;
	char *name;

	if (!argument.len) {
		list(t);
		return;
	}
	if (span_is(argument, "off")) {
		choose_take(t, NULL, NULL);
		talk_rag_note(t);
		talk_say(t, STYLE_DIM, "No index is searched.");
		return;
	}
	name = mem_strndup(argument.ptr, argument.len);
	if (sources_check_index(name, &err) < 0 || !sources_has_index(t->wire, name, &err)) {
		talk_say_error(t, &err);
		mem_free(name);
		return;
	}
	choose_take(t, name, NULL);
	talk_say(t, STYLE_DIM, "Each message is searched for in %s; /sources lists what was found.", name);
}

void talk_sources(struct talk *t, struct span argument)
{
	const char *answer = convo_last(t->convo, "assistant");
	struct span text = span_str(convo_last_is(t->convo, "assistant") ? answer : "");

	(void)argument;
	if (!sources_count(t->sources)) {
		talk_say(t, STYLE_DIM, t->sources ? "Nothing was found for the last message."
						  : "The last message was not searched for; /rag INDEX begins that.");
		return;
	}
	for (size_t i = 0; i < sources_count(t->sources); i++) {
		bool cited = sources_is_cited(t->sources, i, text);
		struct buf line;

		buf_init(&line, MIB);
		sources_add_line(t->sources, i, &line);
		talk_say(t, cited ? STYLE_BOLD : 0, "%s%s", cited ? "* " : "  ", buf_str(&line));
		buf_free(&line);
	}
}
