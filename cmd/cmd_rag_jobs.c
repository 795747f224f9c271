/* cmd/cmd_rag_jobs.c - spass rag verify, rebuild and jobs. */
#include "cmd/grid.h"
#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "cmd/rag.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"
#include "tui/sources.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LOOK_FIRST_MS = 10, LOOK_MS = 250 };

/* ---- a job from its beginning to its end ---- */

static char *job_path(const char *id)
{
	struct buf path;

	buf_init(&path, 4096);
	buf_add_str(&path, "/a1/rag/jobs/");
	rag_encode(span_str(id), &path);
	return buf_take(&path);
}

static bool has_ended(const json_t *job)
{
	const char *state = models_text(job, "state");

	return strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
}

/* The connection of l ends transfers on a signal, which has come: this one is another. */
static void cancel_job(const struct gateway_link *l, const char *id)
{
	struct wire_target target = l->target;
	char *path = job_path(id);
	struct err ignored = ERR_INIT;
	struct wire *w;

	target.interrupted = NULL;
	w = wire_new(&target);
	json_decref(wire_ask(w, &(struct wire_request){ .method = "DELETE", .path = path },
			     &ignored));
	wire_free(w);
	mem_free(path);
}

static int check_patience(const struct cmd_globals *g, int64_t began_ms, struct err *err)
{
	if (g->timeout_ms == 0 || clock_mono_ms() - began_ms < g->timeout_ms)
		return 0;
	return err_set(err, E_deadline_exceeded, "", "the job has not ended within %lld ms",
		       (long long)g->timeout_ms);
}

/* Looks until it has ended; takes the job as it was when it began. */
static json_t *follow(struct gateway_link *l, const struct cmd_globals *g, const char *index,
		      json_t *job, struct err *err)
{
	char *path = job_path(models_text(job, "id"));
	int64_t began_ms = clock_mono_ms();
	int wait_ms = LOOK_FIRST_MS;
	struct progress p;

	progress_begin(&p, g, index, "documents", 0);
	while (job && !has_ended(job)) {
		json_t *before = job;

		p.total = json_integer_value(json_object_get(job, "total"));
		progress_step(&p, json_integer_value(json_object_get(job, "done")) - p.done, 0);
		nanosleep(&(struct timespec){ .tv_nsec = wait_ms * 1000000L }, NULL);
		wait_ms = wait_ms * 2 < LOOK_MS ? wait_ms * 2 : LOOK_MS;
		job = check_patience(g, began_ms, err) == 0
			      ? rag_ask_take(l, NULL, path, NULL, err)
			      : NULL;
		json_decref(before);
	}
	progress_end(&p);
	mem_free(path);
	return job;
}

/* The error that a job ended with, as if it had been the answer. */
static int read_end(const json_t *job, struct err *err)
{
	const json_t *error = json_object_get(job, "error");

	if (strcmp(models_text(job, "state"), "cancelled") == 0)
		return err_set(err, E_cancelled, "", "the job was cancelled");
	if (!error)
		return 0;
	return err_set(err, err_find(models_text(error, "code")), "", "%s",
		       models_text(error, "message"));
}

/* The job at its end; what ends the command early ends the job, too. */
static json_t *run_job(struct gateway_link *l, const struct cmd_globals *g, const char *index,
		       const char *kind, struct err *err)
{
	json_t *job = rag_ask_take(l, "POST", "/a1/rag/jobs",
				   json_pack("{s:s, s:s}", "index", index, "kind", kind), err);
	char *id;

	if (!job)
		return NULL;
	id = mem_strdup(models_text(job, "id"));
	job = follow(l, g, index, job, err);
	if (!job && (interrupt_signal() || err->code == E_deadline_exceeded))
		cancel_job(l, id);
	mem_free(id);
	if (!job || read_end(job, err) == 0)
		return job;
	json_decref(job);
	return NULL;
}

static json_t *run_job_once(const struct cmd_globals *g, const char *index, const char *kind,
			    struct err *err)
{
	struct gateway_link l;
	json_t *job = NULL;

	if (gateway_link_open(&l, g, err) == 0)
		job = run_job(&l, g, index, kind, err);
	gateway_link_close(&l, err);
	return job;
}

/* ---- verify ---- */

static void print_findings(const struct cmd_globals *g, const json_t *job)
{
	const json_t *findings = json_object_get(job, "findings");
	struct grid grid;
	json_t *one;
	size_t i;

	grid_init(&grid, 3, cmd_color(g, stdout));
	grid_head(&grid, "FINDING|DOCUMENT|DETAIL");
	json_array_foreach(findings, i, one)
	{
		const char *document = models_text(one, "document");

		grid_add(&grid, models_text(one, "what"), GRID_BAD);
		grid_add(&grid, *document ? document : NULL, GRID_PLAIN);
		grid_add(&grid, models_text(one, "detail"), GRID_PLAIN);
	}
	grid_show(&grid);
}

static int verify_index(const struct cmd_globals *g, const char *index, struct err *err)
{
	json_t *job = run_job_once(g, index, "check", err);
	long long found, documents;

	if (!job)
		return -1;
	found = json_integer_value(json_object_get(job, "findings_total"));
	documents = json_integer_value(json_object_get(job, "total"));
	if (g->json)
		cmd_print_document_take(json_incref(job));
	else if (found > 0)
		print_findings(g, job);
	json_decref(job);
	if (found == 0)
		cmd_notice(g, "%s: %lld document%s", index, documents,
			   documents == 1 ? " is as its text says" : "s are as their texts say");
	else
		cmd_notice(g, "%s: %lld finding%s; `spass rag rebuild %s` makes anew what is derived",
			   index, found, found == 1 ? "" : "s", index);
	return found > 0;
}

static void print_place(const json_t *answer)
{
	const json_t *text = json_object_get(answer, "text");
	struct buf out;

	buf_init(&out, CMD_OUTPUT_MAX);
	buf_printf(&out, "bytes %lld-%lld, ",
		   (long long)json_integer_value(json_object_get(answer, "start")),
		   (long long)json_integer_value(json_object_get(answer, "end")));
	if (json_is_true(json_object_get(answer, "exact")))
		buf_add_str(&out, "exact\n");
	else
		buf_printf(&out, "%.0f %% alike\n",
			   100 * json_number_value(json_object_get(answer, "likeness")));
	utf8_add_harmless(&out, span_of(json_string_value(text), json_string_length(text)));
	buf_add_char(&out, '\n');
	cmd_print(&out);
	buf_free(&out);
}

static int verify_quote(const struct cmd_globals *g, char **argv, struct err *err)
{
	char *path = rag_path(argv[0], "verify", NULL);
	json_t *body = json_pack("{s:s, s:s}", "doc_id", argv[1], "quote", argv[2]), *answer = NULL;
	bool is_found;

	if (body)
		answer = rag_ask_once_take(g, "POST", path, body, err);
	else
		err_set(err, E_usage, "", "document or quote is no UTF-8");
	mem_free(path);
	if (!answer)
		return -1;
	is_found = json_is_true(json_object_get(answer, "found"));
	if (g->json)
		cmd_print_document_take(json_incref(answer));
	else if (is_found)
		print_place(answer);
	else
		cmd_notice(g, "%s does not say so", argv[1]);
	json_decref(answer);
	return !is_found;
}

static int run_verify(const void *options, int argc, char **argv, struct err *err)
{
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	if (argc == 2)
		return err_set(err, E_usage, "", "what %s is to say is missing", argv[1]);
	return argc == 1 ? verify_index(options, argv[0], err) : verify_quote(options, argv, err);
}

static const struct cmd_example verify_examples[] = {
	{ "spass rag verify docs", "Whether all that is derived is as the texts say." },
	{ "spass rag verify docs manual/intro.md 'The limit is 20 a minute.'",
	  "Whether the document says so, and where." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_verify = {
	.group = "rag",
	.name = "verify",
	.summary = "Check an index, or whether a document says what it is quoted with",
	.complete_first = OPT_INDEX,
	.operands = "INDEX [DOCUMENT QUOTE]",
	.operands_min = 1,
	.operands_max = 3,
	.flags = RAG_FLAGS,
	.text = "The exit status is 1 when an index has findings, or the quote was not found.",
	.examples = verify_examples,
	.run = run_verify,
};

/* ---- rebuild ---- */

static int run_rebuild(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	long long done;
	json_t *job;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	job = run_job_once(g, argv[0], "rebuild", err);
	if (!job)
		return -1;
	done = json_integer_value(json_object_get(job, "done"));
	cmd_notice(g, "%s: %lld document%s cut and indexed anew", argv[0], done,
		   done == 1 ? " was" : "s were");
	if (g->json)
		cmd_print_document_take(job);
	else
		json_decref(job);
	return 0;
}

static const struct cmd_example rebuild_examples[] = {
	{ "spass rag rebuild docs", "After other settings of its chunks, or findings of verify." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_rebuild = {
	.group = "rag",
	.name = "rebuild",
	.summary = "Cut and index all documents of an index anew",
	.complete_first = OPT_INDEX,
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.text = "From the texts that it has: no file is read. Vectors of equal chunks stay. Searches go "
		"on meanwhile; Ctrl-C stops it, and the next time goes on from there.",
	.examples = rebuild_examples,
	.run = run_rebuild,
};

/* ---- jobs ---- */

struct jobs_options {
	struct cmd_globals globals;
	bool cancel;
};

static enum grid_style style_of(const char *state)
{
	static const struct {
		const char *state;
		enum grid_style style;
	} styles[] = { { "done", GRID_GOOD }, { "failed", GRID_BAD }, { "cancelled", GRID_DIM } };

	for (size_t i = 0; i < ARRAY_LEN(styles); i++)
		if (strcmp(styles[i].state, state) == 0)
			return styles[i].style;
	return GRID_PLAIN;
}

static void print_jobs(const struct cmd_globals *g, const json_t *items)
{
	struct grid grid;
	json_t *one;
	size_t i;

	grid_init(&grid, 6, cmd_color(g, stdout));
	grid_head(&grid, "JOB|INDEX|KIND|STATE|DOCUMENTS|BEGUN");
	json_array_foreach(items, i, one)
	{
		const char *begun = models_text(one, "created_at"), *state = models_text(one, "state");

		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		grid_add(&grid, models_text(one, "index_id"), GRID_PLAIN);
		grid_add(&grid, models_text(one, "kind"), GRID_PLAIN);
		grid_add(&grid, state, style_of(state));
		grid_addf(&grid, GRID_PLAIN, "%lld/%lld",
			  (long long)json_integer_value(json_object_get(one, "done")),
			  (long long)json_integer_value(json_object_get(one, "total")));
		grid_addf(&grid, GRID_DIM, "%.10s %.8s", begun,
			  strlen(begun) > 11 ? begun + 11 : "");
	}
	grid_show(&grid);
}

static int show_one(const struct jobs_options *o, const char *id, struct err *err)
{
	char *path = job_path(id);
	json_t *job = rag_ask_once_take(&o->globals, o->cancel ? "DELETE" : NULL, path, NULL, err);
	json_t *alone;

	mem_free(path);
	if (!job)
		return -1;
	if (o->globals.json) {
		cmd_print_document_take(job);
		return 0;
	}
	alone = json_pack("[O]", job);
	print_jobs(&o->globals, alone);
	if (json_array_size(json_object_get(job, "findings")) > 0)
		print_findings(&o->globals, job);
	if (json_object_get(job, "error"))
		cmd_notice(&o->globals, "%s", models_text(json_object_get(job, "error"), "message"));
	json_decref(alone);
	json_decref(job);
	return 0;
}

static int run_jobs(const void *options, int argc, char **argv, struct err *err)
{
	const struct jobs_options *o = options;
	json_t *answer;

	if (argc > 0)
		return show_one(o, argv[0], err);
	if (o->cancel)
		return err_set(err, E_usage, "", "which job is to be cancelled is missing");
	answer = rag_ask_once_take(&o->globals, NULL, "/a1/rag/jobs", NULL, err);
	if (!answer)
		return -1;
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i, s:O}", "schema_version", 1, "jobs",
					      json_object_get(answer, "items")));
	else
		print_jobs(&o->globals, json_object_get(answer, "items"));
	json_decref(answer);
	return 0;
}

static const struct opt jobs_own[] = {
	{ .kind = OPT_SWITCH,
	  .offset = offsetof(struct jobs_options, cancel),
	  .name = "cancel",
	  .help = "Cancel the job" },
	{ .kind = OPT_END },
};

static const struct cmd_example jobs_examples[] = {
	{ "spass rag jobs", "What runs, waits, and has ended lately." },
	{ "spass rag jobs --cancel ragjob_01k9x0c3e4", "One is to end." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_jobs = {
	.group = "rag",
	.name = "jobs",
	.summary = "Checks and rebuilds that a gateway is at, or has done lately",
	.operands = "[JOB]",
	.operands_max = 1,
	.flags = RAG_FLAGS,
	.options = jobs_own,
	.options_size = sizeof(struct jobs_options),
	.text = "They are those of a gateway that runs; one that a command has started for itself has "
		"none before and forgets its own.",
	.examples = jobs_examples,
	.run = run_jobs,
};
