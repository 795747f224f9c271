/* cmd/cmd_rag_documents.c - spass rag docs, get and rm. */
#include "cmd/grid.h"
#include "cmd/rag.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- docs ---- */

struct docs_options {
	struct cmd_globals globals;
	int64_t limit;
};

enum { PAGE = 1000 };

/* The documents whose ids begin so, at most limit; 0 = all. */
static json_t *ask_documents(struct gateway_link *l, const char *index, const char *prefix,
			     size_t limit, struct err *err)
{
	json_t *all = json_array(), *page, *next = NULL;
	bool more = true;

	while (more && (limit == 0 || json_array_size(all) < limit)) {
		size_t left = limit > 0 ? limit - json_array_size(all) : PAGE;
		struct buf path;

		buf_init(&path, 8192);
		buf_printf(&path, "/a1/rag/indices/%s/documents?limit=%zu&prefix=", index,
			   left < PAGE ? left : PAGE);
		rag_encode(span_str(prefix), &path);
		buf_add_str(&path, "&after=");
		if (next)
			rag_encode(span_str(json_string_value(next)), &path);
		page = rag_ask_take(l, NULL, buf_str(&path), NULL, err);
		buf_free(&path);
		json_decref(next);
		if (!page) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, json_object_get(page, "items"));
		next = json_incref(json_object_get(page, "next"));
		more = next != NULL;
		json_decref(page);
	}
	json_decref(more ? next : NULL);
	return all;
}

static void print_documents(const struct cmd_globals *g, const json_t *items)
{
	struct grid grid;
	json_t *one;
	size_t i;

	grid_init(&grid, 5, cmd_color(g, stdout));
	grid_head(&grid, "DOCUMENT|TYPE|CHUNKS|TEXT|TITLE");
	json_array_foreach(items, i, one)
	{
		char size[RAG_SIZE_TEXT];

		rag_size_text(json_integer_value(json_object_get(one, "bytes")), size);
		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		grid_add(&grid, models_text(one, "type"), GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%lld",
			  (long long)json_integer_value(json_object_get(one, "chunks")));
		grid_add(&grid, size, GRID_PLAIN);
		grid_addf(&grid, GRID_DIM, "%s%s",
			  json_is_true(json_object_get(one, "flagged")) ? "(flagged) " : "",
			  models_text(one, "title"));
	}
	rag_print_grid(&grid);
}

static int run_docs(const void *options, int argc, char **argv, struct err *err)
{
	const struct docs_options *o = options;
	struct gateway_link l;
	json_t *all = NULL;

	if (sources_check_index(argv[0], err) < 0)
		return -1;
	if (gateway_link_open(&l, &o->globals, err) == 0)
		all = ask_documents(&l, argv[0], argc > 1 ? argv[1] : "", (size_t)o->limit, err);
	gateway_link_close(&l, err);
	if (!all)
		return -1;
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i, s:O}", "schema_version", 1, "documents", all));
	else
		print_documents(&o->globals, all);
	json_decref(all);
	return 0;
}

static const struct opt docs_own[] = {
	{ .kind = OPT_INT,
	  .offset = offsetof(struct docs_options, limit),
	  .name = "limit",
	  .letter = 'n',
	  .argument = "NUMBER",
	  .min = 1,
	  .max = INT32_MAX,
	  .help = "At most so many; all if not given" },
	{ .kind = OPT_END },
};

static const struct cmd_example docs_examples[] = {
	{ "spass rag docs docs", "All of them." },
	{ "spass rag docs docs manual/", "Those below a directory." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_docs = {
	.group = "rag",
	.name = "docs",
	.summary = "List the documents of an index",
	.complete_first = OPT_INDEX,
	.operands = "INDEX [PREFIX]",
	.operands_min = 1,
	.operands_max = 2,
	.flags = RAG_FLAGS,
	.options = docs_own,
	.options_size = sizeof(struct docs_options),
	.text = "In the order of their ids; PREFIX is how they begin.",
	.examples = docs_examples,
	.run = run_docs,
};

/* ---- get ---- */

static int run_get(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *document;
	char *path;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	path = rag_path(argv[0], "documents", argv[1]);
	document = rag_ask_once_take(g, NULL, path, NULL, err);
	mem_free(path);
	if (!document)
		return -1;
	if (g->json) {
		cmd_print_document_take(document);
		return 0;
	}
	fwrite(models_text(document, "text"), 1,
	       json_string_length(json_object_get(document, "text")), stdout);
	json_decref(document);
	return 0;
}

static const struct cmd_example get_examples[] = {
	{ "spass rag get docs manual/intro.md", "Its text." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_get = {
	.group = "rag",
	.name = "get",
	.summary = "A document's text, as it is searched and quoted",
	.complete_first = OPT_INDEX,
	.operands = "INDEX DOCUMENT",
	.operands_min = 2,
	.operands_max = 2,
	.flags = RAG_FLAGS,
	.examples = get_examples,
	.run = run_get,
};

/* ---- rm ---- */

struct rm_options {
	struct cmd_globals globals;
	bool yes;
};

static bool confirm(const char *index)
{
	char answer[16];

	if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
		return false;
	fprintf(stderr, "Remove the index %s with all its documents? [y/N] ", index);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int remove_index(const struct rm_options *o, const char *index, struct err *err)
{
	char *path;
	json_t *answer;

	if (!o->yes && !confirm(index))
		return err_set(err, E_not_confirmed, "yes",
			       "the index %s stays: --yes removes it with all its documents",
			       index);
	path = rag_path(index, NULL, NULL);
	answer = rag_ask_once_take(&o->globals, "DELETE", path, NULL, err);
	mem_free(path);
	if (!answer)
		return -1;
	json_decref(answer);
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i, s:s, s:b}", "schema_version", 1, "id", index,
					      "removed", 1));
	cmd_notice(&o->globals, "%s was removed", index);
	return 0;
}

/* Some were not there; the others are removed. */
static int refuse_missing(const json_t *missing, long long gone, struct err *err)
{
	struct buf names;
	json_t *name;
	size_t i;

	buf_init(&names, CMD_OUTPUT_MAX);
	json_array_foreach(missing, i, name)
	{
		buf_add_str(&names, i > 0 ? ", " : "");
		utf8_add_harmless(&names, span_str(json_string_value(name)));
	}
	err_set(err, E_rag_document_not_found, "", "%s: %s; %lld removed", buf_str(&names),
		json_array_size(missing) == 1 ? "there is no such document"
					      : "there are no such documents",
		gone);
	buf_free(&names);
	return -1;
}

static int remove_documents(const struct rm_options *o, int argc, char **argv, struct err *err)
{
	json_t *ids = json_array(), *answer;
	char *path = rag_path(argv[0], "documents/delete", NULL);
	long long gone;
	int result = 0;

	for (int i = 1; i < argc; i++)
		json_array_append_new(ids, json_string(argv[i]));
	answer = rag_ask_once_take(&o->globals, "POST", path, json_pack("{s:o}", "ids", ids), err);
	mem_free(path);
	if (!answer)
		return -1;
	gone = json_integer_value(json_object_get(answer, "deleted"));
	if (o->globals.json)
		cmd_print_document_take(json_incref(answer));
	if (gone < argc - 1)
		result = refuse_missing(json_object_get(answer, "missing"), gone, err);
	else
		cmd_notice(&o->globals, "%lld removed", gone);
	json_decref(answer);
	return result;
}

static int run_rm(const void *options, int argc, char **argv, struct err *err)
{
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	return argc > 1 ? remove_documents(options, argc, argv, err)
			: remove_index(options, argv[0], err);
}

static const struct opt rm_own[] = {
	{ .kind = OPT_SWITCH,
	  .offset = offsetof(struct rm_options, yes),
	  .name = "yes",
	  .letter = 'y',
	  .help = "Remove an index without asking" },
	{ .kind = OPT_END },
};

static const struct cmd_example rm_examples[] = {
	{ "spass rag rm docs manual/old.md", "One document." },
	{ "spass rag rm docs --yes", "The index, without a question." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_rm = {
	.group = "rag",
	.name = "rm",
	.summary = "Remove documents, or a whole index",
	.complete_first = OPT_INDEX,
	.operands = "INDEX [DOCUMENT...]",
	.operands_min = 1,
	.operands_max = -1,
	.flags = RAG_FLAGS,
	.options = rm_own,
	.options_size = sizeof(struct rm_options),
	.examples = rm_examples,
	.run = run_rm,
};
