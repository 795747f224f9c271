/* cmd/rag_gone.c - see rag_gone.h. */
#include "cmd/rag_gone.h"

#include "common/base/mem.h"
#include "tui/models.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void rag_gone_begin(struct rag_gone *g, struct rag_files *files, const struct rag_choice *choice)
{
	*g = (struct rag_gone){ files, choice, json_object(), json_array() };
}

/* 1: the file is not there, 0: it is, or nobody can say, which is told and counted. */
static int has_vanished(struct rag_gone *g, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return !S_ISREG(st.st_mode);
	if (errno == ENOENT || errno == ENOTDIR)
		return 1;
	cmd_notice(&(struct cmd_globals){ 0 }, "%s: %s", path, err_errno(errno));
	g->files->unreadable++;
	return 0;
}

static void consider(struct rag_gone *g, size_t root, const char *id)
{
	char *place = rag_files_place(g->files, root, id, g->choice);
	json_t *places = json_object_get(g->places, id);

	if (place && has_vanished(g, place)) {
		if (!places) {
			places = json_array();
			json_object_set_new(g->places, id, places);
		}
		json_array_append_new(places, json_string(place));
	}
	mem_free(place);
}

void rag_gone_consider(struct rag_gone *g, const json_t *all)
{
	for (size_t i = 0; i < json_array_size(all); i++)
		for (size_t root = 0; root < g->files->root_count; root++)
			consider(g, root, json_string_value(json_array_get(all, i)));
}

static bool has_place(const json_t *places, const char *source)
{
	for (size_t i = 0; i < json_array_size(places); i++)
		if (strcmp(json_string_value(json_array_get(places, i)), source) == 0)
			return true;
	return false;
}

/* A document of the same id may have come from elsewhere: it stays. */
static void choose_by_source(struct rag_gone *g, const json_t *documents)
{
	for (size_t i = 0; i < json_array_size(documents); i++) {
		const json_t *document = json_array_get(documents, i);
		const char *id = models_text(document, "id");

		if (has_place(json_object_get(g->places, id), models_text(document, "source")))
			json_array_append(g->ids, json_object_get(document, "id"));
	}
}

static int find_below(struct rag_gone *g, struct gateway_link *l, const char *index,
		      const char *prefix, struct err *err)
{
	json_t *next = NULL;
	bool more = true;

	while (more) {
		struct buf path;
		json_t *page;

		buf_init(&path, 16384);
		buf_printf(&path, "/a1/rag/indices/%s/documents?limit=1000&prefix=", index);
		rag_encode(span_str(prefix), &path);
		buf_add_str(&path, "&after=");
		if (next)
			rag_encode(span_str(json_string_value(next)), &path);
		page = rag_ask_take(l, NULL, buf_str(&path), NULL, err);
		buf_free(&path);
		json_decref(next);
		if (!page)
			return -1;
		choose_by_source(g, json_object_get(page, "items"));
		next = json_incref(json_object_get(page, "next"));
		more = next != NULL;
		json_decref(page);
	}
	return 0;
}

static bool is_prefix_seen(const struct rag_gone *g, size_t root)
{
	for (size_t i = 0; i < root; i++)
		if (strcmp(g->files->roots[i].prefix, g->files->roots[root].prefix) == 0)
			return true;
	return false;
}

int rag_gone_find(struct rag_gone *g, struct gateway_link *l, const char *index, struct err *err)
{
	if (json_object_size(g->places) == 0)
		return 0;
	for (size_t i = 0; i < g->files->root_count; i++)
		if (!is_prefix_seen(g, i) &&
		    find_below(g, l, index, g->files->roots[i].prefix, err) < 0)
			return -1;
	return 0;
}

void rag_gone_free(struct rag_gone *g)
{
	json_decref(g->places);
	json_decref(g->ids);
}
