/* cmd/rag_gone.c - see rag_gone.h. */
#include "cmd/rag_gone.h"

#include "common/base/mem.h"
#include "tui/models.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

void rag_gone_begin(struct rag_gone *g, struct rag_files *files, const struct rag_choice *choice)
{
	*g = (struct rag_gone){ .files = files, .choice = choice, .ids = json_array() };
}

/* 1: the file is not there, 0: it is, or nobody can say, which is told and counted. */
static int has_vanished(struct rag_gone *g, const char *path)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return !S_ISREG(st.st_mode);
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return 1;
	cmd_warn("%s: %s", path, err_errno(errno));
	g->files->unreadable++;
	return 0;
}

void rag_gone_consider(struct rag_gone *g, const json_t *all)
{
	for (size_t i = 0; i < json_array_size(all); i++) {
		const char *id = json_string_value(json_array_get(all, i));
		bool is_below = false;

		for (size_t root = 0; root < g->files->root_count; root++) {
			const char *prefix = g->files->roots[root].prefix;

			is_below |= strncmp(id, prefix, strlen(prefix)) == 0;
		}
		g->is_suspected |= is_below;
		g->has_others |= !is_below;
	}
}

/* Whether the document came from there, and its file is gone. */
static bool is_gone_from(struct rag_gone *g, const struct rag_root *root, size_t at,
			 const char *source)
{
	const char *below = rag_root_below(root, source);
	bool is_gone = false;
	char *id, *place;

	if (!below)
		return false;
	/* The id that its file would have below the directory: what globs are asked of. */
	id = mem_printf("%s%s", root->prefix, below);
	place = rag_files_place(g->files, at, id, g->choice);
	if (place && has_vanished(g, place)) {
		is_gone = !rag_files_is_away(g->files, id);
		g->away += !is_gone;
	}
	mem_free(place);
	mem_free(id);
	return is_gone;
}

static void choose(struct rag_gone *g, const json_t *documents)
{
	for (size_t i = 0; i < json_array_size(documents); i++) {
		const json_t *document = json_array_get(documents, i);
		const char *source = models_text(document, "source");

		for (size_t root = 0; root < g->files->root_count; root++)
			if (is_gone_from(g, &g->files->roots[root], root, source)) {
				json_array_append(g->ids, json_object_get(document, "id"));
				g->files->roots[root].gone++;
				break;
			}
	}
}

static int find_below(struct rag_gone *g, struct gateway_link *l, const char *index,
		      const char *prefix, struct err *err)
{
	json_t *next = NULL;

	do {
		json_t *page = rag_page(l, index, prefix, 0, &next, err);

		if (!page)
			return -1;
		choose(g, json_object_get(page, "items"));
		json_decref(page);
	} while (next);
	return 0;
}

static bool is_prefix_seen(const struct rag_gone *g, size_t root)
{
	for (size_t i = 0; i < root; i++)
		if (strcmp(g->files->roots[i].prefix, g->files->roots[root].prefix) == 0)
			return true;
	return false;
}

int rag_gone_find(struct rag_gone *g, struct gateway_link *l, const char *index, bool thorough,
		  struct err *err)
{
	if (thorough && g->has_others && g->files->root_count > 0)
		return find_below(g, l, index, "", err);
	for (size_t i = 0; i < g->files->root_count && g->is_suspected; i++)
		if (!is_prefix_seen(g, i) &&
		    find_below(g, l, index, g->files->roots[i].prefix, err) < 0)
			return -1;
	return 0;
}

void rag_gone_free(struct rag_gone *g)
{
	json_decref(g->ids);
}
