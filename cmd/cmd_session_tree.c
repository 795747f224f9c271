/* cmd/cmd_session_tree.c - spass session tree: which conversation was forked from which. */
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/session.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"
#include "tui/sessions.h"
#include "tui/width.h"

#include <stdlib.h>
#include <string.h>

enum { NONE = -1, DEPTH_MAX = 200, LINE_MAX_LEN = 64 * 1024 };

struct node {
	json_t *item; /* borrowed from the list */
	int parent, child, next; /* places among the nodes, or NONE */
};

struct tree {
	struct node *nodes;
	int count;
	int marked; /* the one that was asked for, or NONE */
	size_t columns, id_width;
	bool is_unicode, is_cut; /* is_cut: not all of it is told */
	int64_t now_ms;
	struct buf out, prefix;
};

/* Making */

struct by_id {
	const char *id;
	int place;
};

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct by_id *)a)->id, ((const struct by_id *)b)->id);
}

static int find_node(const struct by_id *index, int count, const char *id)
{
	const struct by_id key = { .id = id }, *found;

	found = bsearch(&key, index, (size_t)count, sizeof key, compare_ids);
	return found ? found->place : NONE;
}

/* Items come the last used first, so each is put before its elder siblings' first: oldest on top. */
static void make_tree(struct tree *t, const json_t *items)
{
	size_t count = json_array_size(items), i;
	struct by_id *index;
	json_t *item;

	t->count = (int)count;
	t->nodes = mem_calloc(count + 1, sizeof *t->nodes);
	index = mem_calloc(count + 1, sizeof *index);
	json_array_foreach(items, i, item)
	{
		t->nodes[i] = (struct node){ .item = item, .parent = NONE, .child = NONE, .next = NONE };
		index[i] = (struct by_id){ models_text(item, "id"), (int)i };
	}
	qsort(index, count, sizeof *index, compare_ids);
	for (i = 0; i < count; i++) {
		struct node *n = &t->nodes[i];

		n->parent = find_node(index, t->count, models_text(n->item, "parent_id"));
		if (n->parent == NONE)
			continue;
		n->next = t->nodes[n->parent].child;
		t->nodes[n->parent].child = (int)i;
	}
	mem_free(index);
}

static int root_of(const struct tree *t, int place)
{
	for (int steps = 0; t->nodes[place].parent != NONE && steps < t->count; steps++)
		place = t->nodes[place].parent;
	return place;
}

/* Drawing */

static void draw_text(struct tree *t, int place)
{
	const json_t *item = t->nodes[place].item;
	const char *id = sessions_bare_id(models_text(item, "id"));
	char ago[SESSIONS_TIME_SIZE], *title, *head;
	size_t taken;

	sessions_ago(json_integer_value(json_object_get(item, "last_used_at")), t->now_ms, ago);
	head = mem_printf("%s%.*s  %s, %lld  ", place == t->marked ? "* " : "", (int)t->id_width, id, ago,
			  (long long)json_integer_value(json_object_get(item, "message_count")));
	taken = width_text(buf_span(&t->prefix)) + width_text(span_str(head));
	title = grid_fit_text(models_text(item, "title"),
			    !t->columns ? 0 : t->columns > taken + 8 ? t->columns - taken : 8);
	buf_add_str(&t->out, head);
	utf8_add_harmless(&t->out, span_str(title));
	buf_add_char(&t->out, '\n');
	mem_free(title);
	mem_free(head);
}

/* The first of what was forked from it that is told. */
static int first_child(struct tree *t, int place, int depth)
{
	if (depth < DEPTH_MAX)
		return t->nodes[place].child;
	t->is_cut |= t->nodes[place].child != NONE;
	return NONE;
}

static const char *branch(const struct tree *t, bool is_last)
{
	if (t->is_unicode)
		return is_last ? "└─ " : "├─ ";
	return is_last ? "`- " : "|- ";
}

static void draw_children(struct tree *t, int place, int depth)
{
	size_t before = t->prefix.len;

	for (int child = first_child(t, place, depth); child != NONE; child = t->nodes[child].next) {
		bool is_last = t->nodes[child].next == NONE;

		buf_add_str(&t->prefix, branch(t, is_last));
		buf_add_span(&t->out, buf_span(&t->prefix));
		draw_text(t, child);
		buf_truncate(&t->prefix, before);
		buf_add_str(&t->prefix, is_last ? "   " : t->is_unicode ? "│  " : "|  ");
		draw_children(t, child, depth + 1);
		buf_truncate(&t->prefix, before);
	}
}

static json_t *nested(struct tree *t, int place, int depth)
{
	json_t *copy = json_copy(t->nodes[place].item), *forks = json_array();

	for (int child = first_child(t, place, depth); child != NONE; child = t->nodes[child].next)
		json_array_append_new(forks, nested(t, child, depth + 1));
	json_object_set_new(copy, "forks", forks);
	return copy;
}

static void print_tree(struct tree *t, const struct cmd_globals *g)
{
	json_t *roots = json_array();

	for (int i = 0; i < t->count; i++) {
		if (t->nodes[i].parent != NONE || (t->marked != NONE && root_of(t, t->marked) != i))
			continue;
		if (g->json) {
			json_array_append_new(roots, nested(t, i, 0));
			continue;
		}
		draw_text(t, i);
		draw_children(t, i, 0);
	}
	if (g->json)
		cmd_print_json_take(json_pack("{s:i,s:O}", "schema_version", 1, "items", roots));
	json_decref(roots);
	cmd_print(&t->out);
}

static int mark(struct tree *t, const char *id, struct err *err)
{
	t->marked = NONE;
	for (int i = 0; i < t->count && id; i++)
		if (!strcmp(models_text(t->nodes[i].item, "id"), id))
			t->marked = i;
	if (!id || t->marked != NONE)
		return 0;
	return err_set(err, E_conversation_not_found, "id", "there is no conversation %.60s among the last %d",
		       id, t->count);
}

static int show(const struct cmd_globals *g, const json_t *list, const char *id, struct err *err)
{
	struct tree t = { .now_ms = clock_wall_ms(), .columns = grid_columns() };
	const json_t *items = json_object_get(list, "items");
	int result;

	t.is_unicode = asking_page(false, false).is_unicode;
	t.id_width = t.columns ? sessions_id_width(items) : 32;
	buf_init(&t.out, CMD_OUTPUT_MAX);
	buf_init(&t.prefix, LINE_MAX_LEN);
	make_tree(&t, items);
	result = mark(&t, id, err);
	if (result == 0)
		print_tree(&t, g);
	if (t.is_cut)
		cmd_notice(g, "forks of forks are shown %d deep; `spass session list -a` has all", DEPTH_MAX);
	buf_free(&t.out);
	buf_free(&t.prefix);
	mem_free(t.nodes);
	return result;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct gateway_link link;
	json_t *list = NULL;
	char *id = NULL;
	int result = -1;

	if (session_link_open(&link, g, err) == 0 &&
	    (!argc || (id = sessions_find(link.wire, argv[0], err))))
		list = sessions_list(link.wire, &(struct sessions_query){ .limit = 0 }, err);
	gateway_link_close(&link, err);
	if (list)
		result = show(g, list, id, err);
	if (result == 0 && json_integer_value(json_object_get(list, "total")) > SESSIONS_ALL_MAX)
		cmd_notice(g, "only the last %d", SESSIONS_ALL_MAX);
	json_decref(list);
	mem_free(id);
	return result;
}

static const struct cmd_example examples[] = {
	{ "spass session tree", "All conversations, forks below what they were forked from." },
	{ "spass session tree @last", "The one that the last belongs to." },
	{ NULL, NULL },
};

const struct cmd cmd_session_tree = {
	.group = "session",
	.name = "tree",
	.summary = "Show which conversation was forked from which",
	.operands = "[ID]",
	.operands_max = 1,
	.complete = OPT_SESSION,
	.flags = SESSION_FLAGS,
	.text = "Behind the id are the time of the last use and the count of messages.",
	.examples = examples,
	.run = run,
};
