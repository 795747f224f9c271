/* cmd/cmd_rag_documents.c - spass rag docs and get. */
#include "cmd/grid.h"
#include "cmd/rag.h"

#include "common/base/mem.h"
#include "tui/models.h"

#include <stdio.h>
#include <string.h>

/* ---- docs ---- */

struct docs_options {
	struct cmd_globals globals;
	int64_t limit;
};

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
	grid_show_list(&grid);
}

static int run_docs(const void *options, int argc, char **argv, struct err *err)
{
	const struct docs_options *o = options;
	struct gateway_link l;
	json_t *all = NULL;

	if (sources_check_index(argv[0], err) < 0)
		return -1;
	if (gateway_link_open(&l, &o->globals, err) == 0)
		all = rag_documents(&l, argv[0], argc > 1 ? argv[1] : "", (size_t)o->limit, err);
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
