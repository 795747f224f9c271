/* tui/talk_keep.c - the conversation as the gateway keeps it: listed, resumed, forked, named. */
#include "tui/talk_inside.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "tui/notes.h"
#include "tui/sessions.h"
#include "tui/transcript.h"
#include "tui/width.h"

#include <string.h>

enum { TURNS_SHOWN = 2, ID_SHOWN = 10, TITLE_MIN = 8, TEXT_MAX = 64 * 1024 * 1024 };

static void add_messages(struct talk *t, const json_t *root)
{
	json_t *message;
	struct buf text;
	size_t i;

	buf_init(&text, TEXT_MAX);
	json_array_foreach(json_object_get(root, "messages"), i, message)
	{
		const char *role = models_text(message, "role");

		buf_clear(&text);
		sessions_message_text(message, &text);
		if (!strcmp(role, "user") || (!strcmp(role, "assistant") && text.len))
			convo_add(t->convo, role, buf_span(&text));
	}
	buf_free(&text);
}

/* What is said so far, as the gateway has it, becomes what is said here. */
static void take_messages(struct talk *t, const json_t *root)
{
	convo_clear(t->convo);
	add_messages(t, root);
}

void talk_keep_doubt(struct talk *t, bool is_in_doubt)
{
	mem_free(t->doubted);
	t->doubted = is_in_doubt ? mem_strdup(convo_last(t->convo, "user")) : NULL;
	t->doubted_turns = convo_turns(t->convo);
}

static void take_id(struct talk *t, const char *id)
{
	talk_keep_doubt(t, false);
	t->is_seen = false;
	mem_free(t->conversation);
	t->conversation = id ? mem_strdup(id) : NULL;
}

static void take(struct talk *t, const json_t *root)
{
	const char *model = models_text(root, "model");

	take_id(t, models_text(root, "id"));
	t->is_seen = true;
	take_messages(t, root);
	if (!t->setup->model && *model && models_find(&t->models, model)) {
		mem_free(t->model);
		t->model = mem_strdup(model);
	}
}

static void show(struct talk *t, const json_t *root)
{
	int64_t turns = sessions_turns(root), from = turns > TURNS_SHOWN ? turns - TURNS_SHOWN + 1 : 0;

	talk_say(t, STYLE_BOLD | STYLE_HEADING, "%s", models_text(root, "title"));
	if (from > 1)
		talk_say(t, STYLE_DIM, "[%lld earlier turn%s; `spass session show %.*s` shows all]",
			 (long long)from - 1, from == 2 ? "" : "s", ID_SHOWN,
			 sessions_bare_id(t->conversation));
	transcript_show(t->page, root, from, false, clock_wall_ms());
	talk_system_show(t);
	buf_add_char(&t->lines, '\n');
}

/* NULL with err.  The caller owns the conversation. */
static json_t *get(struct talk *t, const char *reference, bool forks, struct err *err)
{
	char *id = sessions_find(t->wire, reference, err);
	char *own = id ? mem_strdup(id) : NULL; /* not its copy's */
	json_t *root = NULL, *row;

	if (id && forks) {
		row = sessions_fork(t->wire, id, NULL, NULL, err);
		mem_free(id);
		id = row ? mem_strdup(models_text(row, "id")) : NULL;
		json_decref(row);
	}
	if (id)
		root = sessions_get(t->wire, id, err);
	if (root) {
		talk_rag_recall(t, own);
		talk_system_recall(t, own);
	}
	mem_free(id);
	mem_free(own);
	return root;
}

int talk_keep_begin(struct talk *t, struct err *err)
{
	json_t *root;

	t->keeps = t->setup->keeps && t->models.is_complete;
	if (!t->setup->session)
		return 0;
	if (!t->keeps)
		return err_set(err, E_usage, "session", "the server is no gateway that keeps conversations");
	root = get(t, t->setup->session, t->setup->forks, err);
	if (!root)
		return -1;
	take(t, root);
	if (t->setup->forks) {
		talk_rag_note(t);
		talk_system_note(t);
	}
	json_decref(root);
	return 0;
}

void talk_keep_show(struct talk *t)
{
	struct err err = ERR_INIT;
	json_t *root = sessions_get(t->wire, t->conversation, &err);

	if (root)
		show(t, root);
	else
		talk_say_error(t, &err);
	json_decref(root);
}

void talk_keep_id(struct talk *t, const char *id)
{
	if (*id && (!t->conversation || strcmp(t->conversation, id) != 0))
		take_id(t, id);
}

void talk_keep_new(struct talk *t)
{
	take_id(t, NULL);
}

static void forget_list(struct talk *t)
{
	for (size_t i = 0; i < t->listed_count; i++)
		mem_free(t->listed[i]);
	t->listed_count = 0;
}

void talk_keep_note(struct talk *t, const char *path, const char *what, const char *text, char **noted)
{
	struct err err = ERR_INIT;

	if (!t->conversation || !path || (*noted && !strcmp(*noted, t->conversation)))
		return;
	if (notes_keep(path, t->conversation, text, &err) < 0)
		talk_say(t, STYLE_DIM, "[the %s could not be noted: %s]", what, err.message);
	mem_free(*noted);
	*noted = mem_strdup(t->conversation);
}

void talk_keep_release(struct talk *t)
{
	forget_list(t);
	mem_free(t->conversation);
	mem_free(t->doubted);
	mem_free(t->index_noted);
	mem_free(t->system_noted);
}

void talk_keep_farewell(struct talk *t)
{
	if (t->conversation && (t->is_seen || !t->doubted) && !t->setup->is_quiet)
		talk_say(t, STYLE_DIM, "[`spass chat -s %.*s` goes on with it]", ID_SHOWN,
			 sessions_bare_id(t->conversation));
}

/* Whether there is a gateway for what the commands do. */
static bool can_keep(struct talk *t)
{
	if (!t->keeps)
		talk_say(t, STYLE_BAD, "Nothing of this conversation is kept.");
	return t->keeps;
}

/* Whether there is a kept conversation. */
static bool is_kept(struct talk *t)
{
	if (can_keep(t) && !t->conversation)
		talk_say(t, STYLE_BAD, "The conversation begins with its first answer; nothing is kept yet.");
	return t->keeps && t->conversation;
}

/* A copy up to and with a turn (-1: of all) takes the place of the conversation. */
static bool fork_at(struct talk *t, int64_t turn)
{
	struct err err = ERR_INIT;
	json_t *root = NULL, *row = NULL;
	const char *at = NULL;

	if (turn >= 0) {
		root = sessions_get(t->wire, t->conversation, &err);
		at = root ? sessions_turn_end(root, turn) : NULL;
		if (root && !at)
			err_set(&err, E_usage, "at", "there is no turn %lld; the conversation has %lld turn%s",
				(long long)turn, (long long)sessions_turns(root),
				sessions_turns(root) == 1 ? "" : "s");
	}
	if (turn < 0 || at)
		row = sessions_fork(t->wire, t->conversation, at, NULL, &err);
	if (row)
		take_id(t, models_text(row, "id"));
	else
		talk_say_error(t, &err);
	t->is_seen |= row != NULL;
	json_decref(root);
	json_decref(row);
	return row != NULL;
}

bool talk_keep_back(struct talk *t)
{
	struct err err = ERR_INIT;
	json_t *root = sessions_get(t->wire, t->conversation, &err);
	int64_t turns = sessions_turns(root);
	bool went = root != NULL;

	if (!root)
		talk_say_error(t, &err);
	else if (turns > 1)
		went = fork_at(t, turns - 1);
	else
		take_id(t, NULL);
	if (went)
		talk_say(t, STYLE_DIM, "[in a copy; the other answer stays where it is]");
	json_decref(root);
	return went;
}

/* Whether the gateway has as many turns as there were, and the last of them asks what is in doubt. */
static bool has_doubted(const struct talk *t, const json_t *root)
{
	const json_t *last = NULL, *message;
	struct buf text;
	bool is_same;
	size_t i;

	json_array_foreach(json_object_get(root, "messages"), i, message)
		if (!strcmp(models_text(message, "role"), "user"))
			last = message;
	if (!last || sessions_turns(root) < (int64_t)t->doubted_turns)
		return false;
	buf_init(&text, TEXT_MAX);
	sessions_message_text(last, &text);
	is_same = span_is(buf_span(&text), t->doubted);
	buf_free(&text);
	return is_same;
}

/* What the gateway has, and behind it the message that waits for an answer, which may be a later one. */
static void adopt(struct talk *t, const json_t *root, bool is_kept)
{
	const char *last = convo_last(t->convo, "user");
	char *waiting = !is_kept || strcmp(last, t->doubted) != 0 ? mem_strdup(last) : NULL;

	convo_forget(t->convo);
	add_messages(t, root);
	if (waiting)
		convo_add(t->convo, "user", span_str(waiting));
	mem_free(waiting);
}

void talk_keep_context(struct talk *t)
{
	buf_consume(&t->context, t->context_sent);
	t->context_sent = 0;
}

/* With the last message, which was lost with all before it. */
static void begin_anew(struct talk *t)
{
	char *last = mem_strdup(convo_last(t->convo, "user"));

	convo_clear(t->convo);
	convo_add(t->convo, "user", span_str(last));
	take_id(t, NULL);
	mem_free(last);
	talk_say(t, STYLE_DIM, "[the gateway has kept nothing of this conversation: a new one begins]");
}

bool talk_keep_settle(struct talk *t)
{
	struct err err = ERR_INIT;
	json_t *root;
	bool is_kept;

	if (!t->doubted)
		return true;
	root = sessions_get(t->wire, t->conversation, &err);
	if (!root && err.code == E_conversation_not_found && !t->is_seen) {
		begin_anew(t);
		return true;
	}
	if (!root) {
		talk_say_error(t, &err);
		return false;
	}
	t->is_seen = true;
	is_kept = has_doubted(t, root);
	adopt(t, root, is_kept);
	talk_keep_doubt(t, false);
	if (is_kept)
		talk_keep_context(t);
	else
		talk_say(t, STYLE_DIM,
			 "[the gateway has not kept the answer that was cut off, nor its question]");
	json_decref(root);
	return true;
}

/* Commands */

static void list(struct talk *t, const json_t *items)
{
	const int64_t now_ms = clock_wall_ms();
	json_t *item;
	size_t i;

	forget_list(t);
	json_array_foreach(items, i, item)
	{
		struct span title = span_str(models_text(item, "title"));
		const char *id = models_text(item, "id");
		bool is_this = t->conversation && !strcmp(id, t->conversation);
		char ago[SESSIONS_TIME_SIZE];

		sessions_ago(json_integer_value(json_object_get(item, "last_used_at")), now_ms, ago);
		if (t->columns > TITLE_MIN + ID_SHOWN + 22)
			title.len = width_cut(title, t->columns - ID_SHOWN - 22);
		talk_say(t, is_this ? STYLE_BOLD : 0, "%s%2zu  %.*s  %-11s  %.*s", is_this ? "*" : " ", i + 1,
			 ID_SHOWN, sessions_bare_id(id), ago, SPAN_ARGS(title));
		t->listed[t->listed_count++] = mem_strdup(id);
	}
}

void talk_sessions(struct talk *t, struct span argument)
{
	const struct sessions_query query = { .limit = LISTED_MAX };
	struct err err = ERR_INIT;
	json_t *found;

	if (argument.len) {
		talk_resume(t, argument);
		return;
	}
	if (!can_keep(t))
		return;
	found = sessions_list(t->wire, &query, &err);
	if (!found) {
		talk_say_error(t, &err);
		return;
	}
	list(t, json_object_get(found, "items"));
	if (t->listed_count)
		talk_say(t, STYLE_DIM, "/resume N goes on with one.");
	else
		talk_say(t, STYLE_DIM, "No conversation is kept yet.");
	json_decref(found);
}

/* A number is that of the list, as it was shown. */
static char *reference_of(const struct talk *t, struct span argument)
{
	int64_t number;

	if (argument.len > 3 || span_to_int(argument, 1, 999, &number) < 0)
		return mem_strndup(argument.ptr, argument.len);
	if ((size_t)number <= t->listed_count)
		return mem_strdup(t->listed[number - 1]);
	return mem_printf("@%lld", (long long)number);
}

void talk_resume(struct talk *t, struct span argument)
{
	struct err err = ERR_INIT;
	char *reference;
	json_t *root;

	if (!can_keep(t))
		return;
	if (!argument.len) {
		talk_say(t, STYLE_BAD, "/resume wants a number of /sessions, or an id.");
		return;
	}
	reference = reference_of(t, argument);
	root = get(t, reference, false, &err);
	mem_free(reference);
	if (!root) {
		talk_say_error(t, &err);
		return;
	}
	take(t, root);
	talk_rag_forget(t);
	buf_clear(&t->context);
	show(t, root);
	json_decref(root);
}

void talk_fork(struct talk *t, struct span argument)
{
	struct err err = ERR_INIT;
	int64_t turn = -1;
	json_t *root;

	if (!is_kept(t))
		return;
	if (argument.len && span_to_int(argument, 1, INT32_MAX, &turn) < 0) {
		talk_say(t, STYLE_BAD, "/fork wants the number of a turn.");
		return;
	}
	if (!fork_at(t, turn))
		return;
	talk_rag_note(t);
	talk_system_note(t);
	root = sessions_get(t->wire, t->conversation, &err);
	if (root) {
		take_messages(t, root);
		talk_say(t, STYLE_DIM, "[a copy, %.*s, with %lld turn%s]", ID_SHOWN,
			 sessions_bare_id(t->conversation), (long long)sessions_turns(root),
			 sessions_turns(root) == 1 ? "" : "s");
	} else
		talk_say_error(t, &err);
	json_decref(root);
}

void talk_title(struct talk *t, struct span argument)
{
	struct err err = ERR_INIT;
	json_t *row;
	char *title;

	if (!is_kept(t))
		return;
	title = mem_strndup(argument.ptr ? argument.ptr : "", argument.len);
	row = argument.len ? sessions_rename(t->wire, t->conversation, title, &err)
			   : sessions_get(t->wire, t->conversation, &err);
	if (row)
		talk_say(t, 0, "%s", models_text(row, "title"));
	else
		talk_say_error(t, &err);
	json_decref(row);
	mem_free(title);
}
