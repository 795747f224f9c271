/* tui/talk_system.c - the system message of a kept conversation: noted beside it, taken again. */
#include "tui/talk_inside.h"

#include "common/base/mem.h"
#include "tui/notes.h"
#include "tui/width.h"

#include <string.h>

enum { SHOWN_COLUMNS = 60 };

void talk_system_recall(struct talk *t, const char *conversation)
{
	char *text = NULL;

	if (t->setup->systems_path && (!t->setup->system || t->conversation))
		text = notes_find(t->setup->systems_path, conversation);
	if (text)
		convo_system(t->convo, text);
	mem_free(text);
}

void talk_system_note(struct talk *t)
{
	talk_keep_note(t, t->setup->systems_path, "system message", convo_system_text(t->convo),
		       &t->system_noted);
}

void talk_system_show(struct talk *t)
{
	struct span rest = span_str(convo_system_text(t->convo)), line = span_cut(&rest, '\n');
	size_t len;

	if (!convo_system_text(t->convo))
		return;
	len = width_cut(line, SHOWN_COLUMNS);
	talk_say(t, STYLE_DIM, "[system message: %.*s%s]", (int)len, line.ptr,
		 rest.len || len < line.len ? "...; /system shows all of it" : "");
}

void talk_system(struct talk *t, struct span argument)
{
	char *text = mem_strndup(argument.ptr ? argument.ptr : "", argument.len);

	if (!strcmp(text, "off")) {
		convo_system(t->convo, NULL);
		talk_say(t, STYLE_DIM, "No system message.");
	} else if (*text) {
		convo_system(t->convo, text);
		talk_say(t, STYLE_DIM, "The system message is set.");
	} else if (convo_system_text(t->convo)) {
		talk_say(t, 0, "%s", convo_system_text(t->convo));
	} else {
		talk_say(t, STYLE_DIM, "There is no system message.");
	}
	if (*text) {
		mem_free(t->system_noted);
		t->system_noted = NULL;
		talk_system_note(t);
	}
	mem_free(text);
}
