/* cmd/cmd_rag_index.c - spass rag create, set, list and show. */
#include "cmd/grid.h"
#include "cmd/rag.h"
#include "cmd/rag_wait.h"

#include "common/base/mem.h"
#include "common/rag/rag.h"
#include "tui/models.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_MAX = 100000 };

/* ---- create ---- */

struct create_options {
	struct cmd_globals globals;
	const char *embedder;
	int64_t target, max, overlap;
};

static int run_create(const void *options, int argc, char **argv, struct err *err)
{
	const struct create_options *o = options;
	char *path = rag_path(NULL, NULL, NULL);
	json_t *body, *answer = NULL;

	(void)argc;
	if (rag_index_name_check(span_str(argv[0]), E_usage, "", err) < 0) {
		mem_free(path);
		return -1;
	}
	body = json_pack("{s:s, s:I, s:I, s:I}", "id", argv[0], "chunk_target",
			 (json_int_t)o->target, "chunk_max", (json_int_t)o->max, "chunk_overlap",
			 (json_int_t)o->overlap);
	if (rag_add_text(body, "embedder", o->embedder, err) == 0)
		answer = rag_ask_once_take(&o->globals, "POST", path, body, err);
	else
		json_decref(body);
	mem_free(path);
	if (!answer)
		return -1;
	if (o->globals.json) {
		cmd_print_document_take(answer);
	} else {
		puts(models_text(answer, "id"));
		cmd_notice(&o->globals, "made; `spass rag add %s PATH` puts documents in", argv[0]);
		json_decref(answer);
	}
	return 0;
}

#define CREATE(kind_, field, ...)                                                              \
	{                                                                                      \
		.kind = (kind_), .offset = offsetof(struct create_options, field), __VA_ARGS__ \
	}
static const struct opt create_own[] = {
	CREATE(OPT_TEXT, embedder, .name = "embedder", .argument = "MODEL", .complete = OPT_EMBEDDING_MODEL,
	       .help = "Embedding model; auto (if not given) takes one that can be reached, none "
		       "uses words alone"),
	CREATE(OPT_INT, target, .name = "chunk", .argument = "CHARACTERS", .min = 1, .max = CHUNK_MAX,
	       .help = "Length that a chunk has, about; 800 if not given"),
	CREATE(OPT_INT, max, .name = "chunk-max", .argument = "CHARACTERS", .min = 1, .max = CHUNK_MAX,
	       .help = "Length that no chunk passes; 1600 if not given"),
	CREATE(OPT_INT, overlap, .name = "overlap", .argument = "CHARACTERS", .min = 0,
	       .max = CHUNK_MAX, .help = "What a chunk repeats of the one before; 0 if not given"),
	{ .kind = OPT_END },
};

static const struct cmd_example create_examples[] = {
	{ "spass rag create docs --embedder none", "An index that words alone are asked of." },
	{ "spass rag create code --chunk 1200", "One with longer chunks." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_create = {
	.group = "rag",
	.name = "create",
	.summary = "Make an index; add and sync make one by themselves",
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.options = create_own,
	.options_size = sizeof(struct create_options),
	.examples = create_examples,
	.run = run_create,
};

/* ---- set ---- */

struct set_options {
	struct cmd_globals globals;
	const char *embedder;
	int64_t target, max;
	const char *overlap; /* 0 is a value, too */
	bool no_wait;
};

/* What is given; NULL with err when nothing is. */
static json_t *settings_of(const struct set_options *o, struct err *err)
{
	json_t *body = json_object();
	int64_t overlap;

	(void)rag_add_text(body, "embedder", o->embedder, err);
	if (o->target > 0)
		json_object_set_new(body, "chunk_target", json_integer(o->target));
	if (o->max > 0)
		json_object_set_new(body, "chunk_max", json_integer(o->max));
	if (o->overlap && span_to_int(span_str(o->overlap), 0, CHUNK_MAX, &overlap) < 0)
		err_set(err, E_usage, "", "--overlap is a number of characters, not \"%.40s\"",
			o->overlap);
	else if (o->overlap)
		json_object_set_new(body, "chunk_overlap", json_integer(overlap));
	if (err->code == E_none && json_object_size(body) == 0)
		err_set(err, E_usage, "",
			"what is to be set? --embedder, --chunk, --chunk-max or --overlap");
	if (err->code == E_none)
		return body;
	json_decref(body);
	return NULL;
}

static void tell_set(const struct set_options *o, const json_t *index)
{
	const char *name = models_text(index, "id");

	if (o->globals.json)
		return;
	puts(name);
	if ((o->target > 0 || o->max > 0 || o->overlap) &&
	    json_integer_value(json_object_get(index, "doc_count")) > 0)
		cmd_notice(&o->globals,
			   "documents that are there stay cut as they were until `spass rag rebuild %s`",
			   name);
}

static int run_set(const void *options, int argc, char **argv, struct err *err)
{
	const struct set_options *o = options;
	struct gateway_link l = { .gateway = NULL };
	json_t *body, *answer = NULL;
	char *path;
	int result = -1;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0 || !(body = settings_of(o, err)))
		return -1;
	path = rag_path(argv[0], NULL, NULL);
	if (gateway_link_open(&l, &o->globals, err) == 0)
		answer = rag_ask_take(&l, "PATCH", path, body, err);
	else
		json_decref(body);
	mem_free(path);
	if (answer) {
		tell_set(o, answer);
		/* A gateway of our own ends with us. */
		result = o->embedder && l.gateway->server && !o->no_wait
				 ? rag_wait(&l, &o->globals, argv[0], false, err)
				 : 0;
	}
	gateway_link_close(&l, err);
	if (answer && o->globals.json)
		cmd_print_document_take(json_incref(answer));
	json_decref(answer);
	return result;
}

#define SET(kind_, field, ...)                                                              \
	{                                                                                   \
		.kind = (kind_), .offset = offsetof(struct set_options, field), __VA_ARGS__ \
	}
static const struct opt set_own[] = {
	SET(OPT_TEXT, embedder, .name = "embedder", .argument = "MODEL", .complete = OPT_EMBEDDING_MODEL,
	    .help = "Embedding model, auto or none; its vectors are made beside those in use"),
	SET(OPT_INT, target, .name = "chunk", .argument = "CHARACTERS", .min = 1, .max = CHUNK_MAX,
	    .help = "Length that a chunk has, about"),
	SET(OPT_INT, max, .name = "chunk-max", .argument = "CHARACTERS", .min = 1, .max = CHUNK_MAX,
	    .help = "Length that no chunk passes"),
	SET(OPT_TEXT, overlap, .name = "overlap", .argument = "CHARACTERS",
	    .help = "What a chunk repeats of the one before"),
	SET(OPT_SWITCH, no_wait, .name = "no-wait", .help = "Do not wait for vectors, which follow later"),
	{ .kind = OPT_END },
};

static const struct cmd_example set_examples[] = {
	{ "spass rag set docs --embedder nomic-embed", "Vectors of this model from now on." },
	{ "spass rag set docs --chunk 1200 && spass rag rebuild docs", "Longer chunks, for all." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_set = {
	.group = "rag",
	.name = "set",
	.summary = "Change the settings of an index",
	.complete_first = OPT_INDEX,
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.options = set_own,
	.options_size = sizeof(struct set_options),
	.text = "What is not named stays as it is.",
	.examples = set_examples,
	.run = run_set,
};

/* ---- list ---- */

static void print_indices(const struct cmd_globals *g, const json_t *items)
{
	struct grid grid;
	json_t *one;
	size_t i;

	grid_init(&grid, 6, cmd_color(g, stdout));
	grid_head(&grid, "INDEX|DOCUMENTS|CHUNKS|TEXT|VECTORS|CHANGED");
	json_array_foreach(items, i, one)
	{
		const json_t *embedding = json_object_get(one, "embedding");
		const char *model = models_text(one, "embedding_model");
		char size[RAG_SIZE_TEXT];

		rag_size_text(json_integer_value(json_object_get(one, "bytes")), size);
		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%lld",
			  (long long)json_integer_value(json_object_get(one, "doc_count")));
		grid_addf(&grid, GRID_PLAIN, "%lld",
			  (long long)json_integer_value(json_object_get(one, "chunk_count")));
		grid_add(&grid, size, GRID_PLAIN);
		if (*model)
			grid_addf(&grid, GRID_PLAIN, "%s %.0f%%", model,
				  100 * json_number_value(json_object_get(embedding, "coverage")));
		else
			grid_add(&grid, NULL, GRID_DIM);
		grid_addf(&grid, GRID_DIM, "%.10s %.5s", models_text(one, "updated_at"),
			  strlen(models_text(one, "updated_at")) > 11
				  ? models_text(one, "updated_at") + 11
				  : "");
	}
	grid_show_list(&grid);
}

enum { PAGE = 100 };

static json_t *ask_all(struct gateway_link *l, struct err *err)
{
	json_t *all = json_array();

	for (;;) {
		char *path = mem_printf("/a1/rag/indices?limit=%d&offset=%zu", PAGE,
					json_array_size(all));
		json_t *page = rag_ask_take(l, NULL, path, NULL, err);
		size_t got = json_array_size(json_object_get(page, "items"));

		mem_free(path);
		if (!page) {
			json_decref(all);
			return NULL;
		}
		json_array_extend(all, json_object_get(page, "items"));
		json_decref(page);
		if (got < PAGE)
			return all;
	}
}

static int run_list(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct gateway_link l;
	json_t *all = NULL;

	(void)argc;
	(void)argv;
	if (gateway_link_open(&l, g, err) == 0)
		all = ask_all(&l, err);
	gateway_link_close(&l, err);
	if (!all)
		return -1;
	if (g->json)
		cmd_print_json_take(json_pack("{s:i, s:O}", "schema_version", 1, "indices", all));
	else
		print_indices(g, all);
	if (!g->json && json_array_size(all) == 0 && isatty(STDERR_FILENO))
		cmd_notice(g, "there is no index yet; `spass rag add NAME PATH` makes one");
	json_decref(all);
	return 0;
}

static const struct cmd_example list_examples[] = {
	{ "spass rag list", "What there is." },
	{ "spass rag list --json | jq -r '.indices[].id'", "Their names, for a script." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_list = {
	.group = "rag",
	.name = "list",
	.summary = "List the indices",
	.flags = RAG_FLAGS,
	.examples = list_examples,
	.run = run_list,
};

/* ---- show ---- */

static void add_number(struct grid *grid, const char *name, const json_t *object,
		       const char *member)
{
	grid_add(grid, name, GRID_PLAIN);
	grid_addf(grid, GRID_PLAIN, "%lld",
		  (long long)json_integer_value(json_object_get(object, member)));
}

static void add_size(struct grid *grid, const char *name, const json_t *object, const char *member)
{
	char size[RAG_SIZE_TEXT];

	rag_size_text(json_integer_value(json_object_get(object, member)), size);
	grid_add(grid, name, GRID_PLAIN);
	grid_add(grid, size, GRID_PLAIN);
}

/* What the model did not take, and why the rest has to wait. */
static void add_faults(struct grid *grid, const json_t *embedding)
{
	json_int_t refused = json_integer_value(json_object_get(embedding, "refused"));
	const char *error = models_text(embedding, "error");

	if (refused > 0) {
		grid_add(grid, "refused by it", GRID_PLAIN);
		grid_addf(grid, GRID_PLAIN, "%lld chunks, which are found by words", (long long)refused);
	}
	if (*error) {
		grid_add(grid, "in their way", GRID_PLAIN);
		grid_add(grid, error, GRID_PLAIN);
	}
}

static void add_vectors(struct grid *grid, const json_t *index)
{
	const json_t *embedding = json_object_get(index, "embedding");
	const char *model = models_text(index, "embedding_model"),
		   *building = models_text(embedding, "building");

	grid_add(grid, "vectors", GRID_PLAIN);
	if (*model)
		grid_addf(grid, GRID_PLAIN, "%.1f %% by %s",
			  100 * json_number_value(json_object_get(embedding, "coverage")), model);
	else
		grid_add(grid, "none: questions are answered by words and the latent space",
			 GRID_DIM);
	if (*building) {
		grid_add(grid, "being made", GRID_PLAIN);
		grid_addf(grid, GRID_PLAIN, "%.1f %% by %s",
			  100 * json_number_value(json_object_get(embedding, "building_coverage")),
			  building);
	}
	add_faults(grid, embedding);
}

static void print_index(const struct cmd_globals *g, const json_t *index)
{
	const json_t *config = json_object_get(index, "config");
	struct grid grid;

	grid_init(&grid, 2, cmd_color(g, stdout));
	grid_add(&grid, "index", GRID_PLAIN);
	grid_add(&grid, models_text(index, "id"), GRID_BOLD);
	add_number(&grid, "documents", index, "doc_count");
	add_number(&grid, "chunks", index, "chunk_count");
	add_size(&grid, "text", index, "bytes");
	add_size(&grid, "on disk", index, "size_bytes");
	add_vectors(&grid, index);
	add_number(&grid, "latent space", index, "latent_chunks");
	add_number(&grid, "segments", index, "segments");
	add_number(&grid, "deleted, not yet merged", index, "dead");
	grid_add(&grid, "chunks have", GRID_PLAIN);
	grid_addf(&grid, GRID_PLAIN, "about %lld characters, at most %lld, %lld repeated",
		  (long long)json_integer_value(json_object_get(config, "chunk_target")),
		  (long long)json_integer_value(json_object_get(config, "chunk_max")),
		  (long long)json_integer_value(json_object_get(config, "chunk_overlap")));
	grid_add(&grid, "embedder", GRID_PLAIN);
	grid_add(&grid, models_text(config, "embedder"), GRID_PLAIN);
	add_number(&grid, "generation", index, "generation");
	grid_add(&grid, "made", GRID_PLAIN);
	grid_add(&grid, models_text(index, "created_at"), GRID_PLAIN);
	grid_add(&grid, "changed", GRID_PLAIN);
	grid_add(&grid, models_text(index, "updated_at"), GRID_PLAIN);
	grid_show(&grid);
}

static int run_show(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	json_t *index;
	char *path;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	path = rag_path(argv[0], NULL, NULL);
	index = rag_ask_once_take(g, NULL, path, NULL, err);
	mem_free(path);
	if (!index)
		return -1;
	if (g->json) {
		cmd_print_document_take(index);
		return 0;
	}
	print_index(g, index);
	json_decref(index);
	return 0;
}

static const struct cmd_example show_examples[] = {
	{ "spass rag show docs", "How far its vectors have come, among others." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_show = {
	.group = "rag",
	.name = "show",
	.summary = "What an index has, how far its vectors have come, and what it takes",
	.complete_first = OPT_INDEX,
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.examples = show_examples,
	.run = run_show,
};

static const struct cmd_example stats_examples[] = {
	{ "spass rag stats docs --json | jq .chunk_count", "One number." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_stats = {
	.group = "rag",
	.name = "stats",
	.summary = "The same as show",
	.complete_first = OPT_INDEX,
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.examples = stats_examples,
	.run = run_show,
};
