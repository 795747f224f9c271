/*
 * cmd/cmd_rag_eval.c - spass rag eval: how good an index answers, by judgements.
 */
#include "cmd/grid.h"
#include "cmd/interrupt.h"
#include "cmd/output.h"
#include "cmd/progress.h"
#include "cmd/rag.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/rag/arrange.h"
#include "common/rag/measure.h"
#include "tui/models.h"
#include "tui/sources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FILE_BYTES_MAX = 1 << 30,
	RUN_BYTES_MAX = 1 << 30,
	TOP_DEFAULT = 100 * ARRANGE_DOCUMENT_MAX, /* chunks of at least 100 documents, for recall at 100 */
	TOP_MAX = 1000,
};

/* Relevant documents that are looked for in the index. */
enum { ASKED_ABOUT_MAX = 20000 };

struct eval_options {
	struct cmd_globals globals;
	int64_t top;
	struct rag_search search;
	const char *run;
};

struct eval {
	const struct eval_options *options;
	const char *index;
	struct gateway_link *link;
	struct buf queries_text, judgements_text, run;
	struct trec_questions questions;
	struct trec_judgements judgements;
	struct measure sum;
	size_t count;     /* of judged questions */
	double search_ms; /* of all of them */
	char mode[16], note[160]; /* of the last answer; the first note */
	char reranked_by[64];     /* the same; "" = by none */
	json_t *body;     /* of each request, but for the question */
};

/* ---- what is read ---- */

static int read_input(const char *path, struct buf *text, struct err *err)
{
	if (file_read(path, text, err) == 0)
		return 0;
	err->code = E_usage;
	return -1;
}

static int read_inputs(struct eval *e, char **argv, struct err *err)
{
	if (read_input(argv[1], &e->queries_text, err) < 0 ||
	    read_input(argv[2], &e->judgements_text, err) < 0)
		return -1;
	if (trec_read_questions(buf_span(&e->queries_text), &e->questions, err) < 0)
		return err_prefix(err, "%s", argv[1]);
	if (trec_read_judgements(buf_span(&e->judgements_text), &e->judgements, err) < 0)
		return err_prefix(err, "%s", argv[2]);
	return 0;
}

static int make_body(struct eval *e, struct err *err)
{
	const struct eval_options *o = e->options;

	e->body = json_pack("{s:I}", "top_k", (json_int_t)(o->top > 0 ? o->top : TOP_DEFAULT));
	return rag_add_search(e->body, &o->search, err);
}

/* ---- asking ---- */

/* By their best chunk: the first of a document counts. */
static size_t rank_documents(const json_t *results, struct span *documents, double *scores)
{
	size_t i, count = 0;
	json_t *hit;

	json_array_foreach(results, i, hit)
	{
		const json_t *id = json_object_get(hit, "doc_id");
		struct span name = span_of(json_string_value(id), json_string_length(id));
		size_t j = 0;

		while (j < count && !span_equal(documents[j], name))
			j++;
		if (j < count || count == TOP_MAX)
			continue;
		documents[count] = name;
		scores[count++] = json_number_value(json_object_get(hit, "score"));
	}
	return count;
}

static int write_ranking(struct eval *e, struct span query, const struct span *documents,
			 const double *scores, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (trec_write_hit(&e->run, query, documents[i], i + 1, scores[i], "spass") < 0)
			return err_set(err, E_too_large, "", "the rankings are larger than %d bytes",
				       RUN_BYTES_MAX);
	return 0;
}

static void note_answer(struct eval *e, const json_t *answer)
{
	const char *note = models_text(answer, "note");

	snprintf(e->mode, sizeof(e->mode), "%s", models_text(answer, "mode"));
	snprintf(e->reranked_by, sizeof(e->reranked_by), "%s", models_text(answer, "rerank_model"));
	if (!*note)
		note = models_text(answer, "rerank_note");
	if (*note && !e->note[0])
		snprintf(e->note, sizeof(e->note), "%s", note);
	e->search_ms += json_number_value(
		json_object_get(json_object_get(answer, "timings"), "total_ms"));
}

static int take_answer(struct eval *e, const struct trec_question *q, const json_t *answer,
		       struct err *err)
{
	struct span documents[TOP_MAX];
	double scores[TOP_MAX];
	struct measure one;
	size_t count = rank_documents(json_object_get(answer, "results"), documents, scores);

	note_answer(e, answer);
	if (measure_ranking(measure_judged(&e->judgements, q->id), documents, count, &one)) {
		measure_add(&e->sum, &one);
		e->count++;
	}
	return e->options->run ? write_ranking(e, q->id, documents, scores, count, err) : 0;
}

static int ask(struct eval *e, const char *path, const struct trec_question *q, struct err *err)
{
	json_t *text = json_stringn(q->text.ptr, q->text.len), *answer;
	int result;

	if (!text)
		return err_set(err, E_usage, "", "the question %.*s is no UTF-8", SPAN_ARGS(q->id));
	json_object_set_new(e->body, "query", text);
	answer = rag_ask_take(e->link, "POST", path, json_incref(e->body), err);
	if (!answer)
		return err_prefix(err, "the question %.*s", SPAN_ARGS(q->id));
	result = take_answer(e, q, answer, err);
	json_decref(answer);
	return result;
}

static int ask_all(struct eval *e, struct err *err)
{
	char *path = rag_path(e->index, "query", NULL);
	struct progress p;
	int result = 0;

	progress_begin(&p, &e->options->globals, e->index, "questions",
		       (int64_t)e->questions.count);
	for (size_t i = 0; i < e->questions.count && result == 0; i++) {
		result = ask(e, path, &e->questions.list[i], err);
		progress_step(&p, 1, 0);
	}
	progress_end(&p);
	mem_free(path);
	return result;
}

/* ---- relevant documents that are not there ---- */

/* Each once, as the files that the index is asked about. */
static json_t *relevant_files(const struct eval *e)
{
	json_t *seen = json_object(), *files = json_array(), *one;
	const char *id;
	size_t len;

	for (size_t i = 0; i < e->judgements.count; i++) {
		const struct trec_judgement *j = &e->judgements.list[i];

		if (j->relevance > 0)
			json_object_setn_new(seen, j->document.ptr, j->document.len, json_true());
	}
	json_object_keylen_foreach(seen, id, len, one)
		json_array_append_new(files, json_pack("{s:s%, s:i}", "id", id, len, "size", 0));
	json_decref(seen);
	return files;
}

/* Ids that are written otherwise look as if nothing was found. */
static void tell_missing(const struct eval *e)
{
	struct err ignored = ERR_INIT; /* the figures hold without it */
	json_t *files = relevant_files(e), *answer = NULL, *one;
	char *path = rag_path(e->index, "sync", NULL);
	const char *example = NULL;
	size_t i, missing = 0;

	if (json_array_size(files) <= ASKED_ABOUT_MAX)
		answer = rag_ask_take(e->link, "POST", path, json_pack("{s:O}", "files", files), &ignored);
	json_array_foreach(json_object_get(answer, "wanted"), i, one)
	{
		if (strcmp(models_text(one, "why"), "new") != 0)
			continue;
		if (missing++ == 0)
			example = models_text(one, "id");
	}
	if (missing > 0)
		cmd_notice(&e->options->globals,
			   "%zu of %zu relevant document%s not in the index, such as %s; `spass rag docs %s` lists "
			   "the ids it has",
			   missing, json_array_size(files), json_array_size(files) == 1 ? " is" : "s are", example,
			   e->index);
	json_decref(answer);
	json_decref(files);
	mem_free(path);
}

/* ---- what came of it ---- */

static void print_json(const struct eval *e, const struct measure *mean)
{
	json_t *figures = json_object();

	for (size_t i = 0; measure_name(i); i++)
		json_object_set_new(figures, measure_name(i), json_real(measure_value(mean, i)));
	cmd_print_json_take(json_pack("{s:i, s:s, s:I, s:s, s:s*, s:f, s:o}", "schema_version", 1, "index",
				      e->index, "queries", (json_int_t)e->count, "mode", e->mode, "rerank_model",
				      e->reranked_by[0] ? e->reranked_by : NULL, "mean_ms",
				      e->search_ms / (double)e->questions.count, "measures", figures));
}

static void print_table(const struct eval *e, const struct measure *mean)
{
	static const char *const shown[] = { "ndcg@10", "recall@10", "recall@100", "mrr",
					     "success@5" };
	struct grid grid;

	grid_init(&grid, 2, cmd_color(&e->options->globals, stdout));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		for (size_t k = 0; measure_name(k); k++)
			if (strcmp(measure_name(k), shown[i]) == 0) {
				grid_add(&grid, shown[i], GRID_PLAIN);
				grid_addf(&grid, GRID_BOLD, "%.4f", measure_value(mean, k));
			}
	grid_add(&grid, "queries", GRID_PLAIN);
	grid_addf(&grid, GRID_PLAIN, "%zu", e->count);
	grid_add(&grid, "mode", GRID_PLAIN);
	grid_addf(&grid, GRID_PLAIN, "%s%s%s", e->mode, e->reranked_by[0] ? ", reranked by " : "",
		  e->reranked_by);
	grid_add(&grid, "ms a query", GRID_PLAIN);
	grid_addf(&grid, GRID_PLAIN, "%.2f", e->search_ms / (double)e->questions.count);
	grid_show(&grid);
}

static int report(struct eval *e, struct err *err)
{
	struct measure mean = measure_mean(&e->sum, e->count);

	if (e->options->run && output_write(e->options->run, buf_span(&e->run), err) < 0)
		return -1;
	if (e->count == 0)
		return err_set(err, E_usage, "",
			       "no question has a relevant document: the ids of questions and "
			       "judgements differ");
	if (e->note[0])
		cmd_notice(&e->options->globals, "%s", e->note);
	if (e->options->globals.json)
		print_json(e, &mean);
	else
		print_table(e, &mean);
	return 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct eval_options *o = options;
	struct gateway_link l = { .gateway = NULL };
	struct eval e = { .options = o, .index = argv[0], .link = &l };
	int result = -1;

	(void)argc;
	buf_init(&e.queries_text, FILE_BYTES_MAX);
	buf_init(&e.judgements_text, FILE_BYTES_MAX);
	buf_init(&e.run, RUN_BYTES_MAX);
	if (sources_check_index(argv[0], err) == 0 && read_inputs(&e, argv, err) == 0 &&
	    make_body(&e, err) == 0 && gateway_link_open(&l, &o->globals, err) == 0) {
		rag_await_embedder(&l, argv[0], &o->search);
		result = ask_all(&e, err);
		if (result == 0 && e.count > 0 && e.sum.recall100 < (double)e.count)
			tell_missing(&e);
	}
	gateway_link_close(&l, err);
	if (result == 0)
		result = report(&e, err);
	json_decref(e.body);
	trec_questions_free(&e.questions);
	trec_judgements_free(&e.judgements);
	buf_free(&e.queries_text);
	buf_free(&e.judgements_text);
	buf_free(&e.run);
	return result;
}

#define OWN(kind_, field, ...)                                                               \
	{                                                                                    \
		.kind = (kind_), .offset = offsetof(struct eval_options, field), __VA_ARGS__ \
	}
static const struct opt own[] = {
	OWN(OPT_INT, top, .name = "top", .letter = 'k', .argument = "NUMBER", .min = 1,
	    .max = TOP_MAX, .help = "How many chunks are asked for; 300 if not given"),
	RAG_SEARCH_OPTIONS(struct eval_options),
	OWN(OPT_TEXT, run, .name = "run", .argument = "FILE", .complete = OPT_FILE,
	    .help = "Write the rankings to this file, as TREC has them"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass rag eval docs questions.tsv judgements.txt", "How good the index answers them." },
	{ "spass rag eval docs questions.tsv judgements.txt --mode lexical --json",
	  "By words alone, with all figures." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_eval = {
	.group = "rag",
	.name = "eval",
	.summary = "Measure how good an index answers questions, by judgements",
	.complete_first = OPT_INDEX,
	.operands = "INDEX QUERIES JUDGEMENTS",
	.operands_min = 3,
	.operands_max = 3,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = own,
	.options_size = sizeof(struct eval_options),
	.text = "QUERIES has lines \"id TAB text\" or {\"id\", \"text\"}; JUDGEMENTS lines \"query 0 "
		"document relevance\". Documents count by their best chunk. Questions without a relevant "
		"document do not count.",
	.examples = examples,
	.run = run,
};
