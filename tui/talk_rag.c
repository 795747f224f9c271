/* tui/talk_rag.c - what an index has for each message: searched for, shown, chosen. */
#include "tui/talk_inside.h"

#include "common/base/mem.h"

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
}

void talk_rag_again(struct talk *t)
{
	const struct sources_query query = { .index = t->index, .question = buf_span(&t->asked),
					     .before = buf_span(&t->before) };
	struct err err = ERR_INIT;

	drop_sources(t);
	if (!t->index || !t->asked.len)
		return;
	t->sources = sources_find(t->wire, &query, &err);
	if (!t->sources)
		talk_say_error(t, &err);
	else if (!sources_count(t->sources))
		talk_say(t, STYLE_DIM, "[nothing was found in %s]", t->index);
	else
		sources_add_prompt(t->sources, &t->passages);
}

void talk_rag_search(struct talk *t, struct span message)
{
	struct buf older = t->before;

	t->before = t->asked;
	t->asked = older;
	buf_clear(&t->asked);
	buf_add_span(&t->asked, message);
	talk_rag_again(t);
}

void talk_rag_tell(struct talk *t, struct span answer)
{
	size_t count = sources_count(t->sources), cited = 0;

	for (size_t i = 0; i < count; i++)
		cited += sources_is_cited(t->sources, i, answer);
	if (count && !t->setup->is_quiet)
		talk_say(t, STYLE_DIM, "[%zu passage%s of %s, %zu named; /sources lists them]", count,
			 count == 1 ? "" : "s", t->index ? t->index : "the index", cited);
}

/* Commands */

static void list(struct talk *t)
{
	struct err err = ERR_INIT;
	struct buf all;

	buf_init(&all, MIB);
	if (t->index)
		talk_say(t, 0, "Each message is searched for in %s; /rag off ends that.", t->index);
	if (sources_list_indices(t->wire, &all, &err) < 0)
		talk_say_error(t, &err);
	else if (all.len)
		talk_say(t, 0, "%.*s", (int)(all.len - 1), all.ptr);
	else
		talk_say(t, STYLE_DIM, "There is no index; `spass rag add NAME PATH` makes one.");
	buf_free(&all);
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
		mem_free(t->index);
		t->index = NULL;
		talk_say(t, STYLE_DIM, "No index is searched.");
		return;
	}
	name = mem_strndup(argument.ptr, argument.len);
	if (sources_check_index(name, &err) < 0 || !sources_has_index(t->wire, name, &err)) {
		talk_say_error(t, &err);
		mem_free(name);
		return;
	}
	mem_free(t->index);
	t->index = name;
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
