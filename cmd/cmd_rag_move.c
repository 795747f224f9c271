/*
 * cmd/cmd_rag_move.c - spass rag export and import.
 *
 * An export is written as it comes, to a name beside the file's own until it is whole.  An import
 * goes up in pieces of whole lines, each committed before the next one is read; one that replaces
 * all is one request.
 */
#include "cmd/interrupt.h"
#include "cmd/output.h"
#include "cmd/progress.h"
#include "cmd/rag_wait.h"

#include "common/base/mem.h"
#include "tui/models.h"
#include "tui/sources.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum {
	PIECE_BYTES = 4 * 1024 * 1024,
	LINE_BYTES_MAX = 100 * 1024 * 1024,
	REPLACE_BYTES_MAX = 1024 * 1024 * 1024,
	REFUSAL_MAX = 64 * 1024,
	TICK_MS = 100,
	TOLD_MAX = 20, /* failures told one by one */
};

static const char lines_type[] = "application/x-ndjson";

/* ---- export ---- */

struct export_options {
	struct cmd_globals globals;
	const char *output;
};

struct exporting {
	struct wire_transfer transfer;
	FILE *to;
	struct buf refusal; /* what came instead */
	struct progress progress;
	struct err err;
	int cause; /* errno of a write that failed */
	bool done;
};

static bool on_bytes(struct wire_transfer *t, struct span s)
{
	struct exporting *e = container_of(t, struct exporting, transfer);

	if (t->head.status / 100 != 2)
		return buf_add_span(&e->refusal, s) == 0;
	if (fwrite(s.ptr, 1, s.len, e->to) != s.len) {
		e->cause = errno;
		return false;
	}
	progress_step(&e->progress, (int64_t)span_count(s, '\n'), (int64_t)s.len);
	return true;
}

static void on_done(struct wire_transfer *t, const struct err *err)
{
	struct exporting *e = container_of(t, struct exporting, transfer);

	e->done = true;
	if (err)
		e->err = *err;
}

static int refuse(const struct exporting *e, const struct wire *w, const char *path,
		  struct err *err)
{
	char *where = wire_where(w, path);

	wire_read_error(&e->transfer.head, where, buf_span(&e->refusal), err);
	mem_free(where);
	return -1;
}

static int fetch_once(struct exporting *e, struct wire *w, const char *path, struct err *err)
{
	e->transfer = (struct wire_transfer){ .bytes = on_bytes, .done = on_done };
	e->err = (struct err)ERR_INIT;
	e->done = false;
	buf_clear(&e->refusal);
	wire_start(w, &e->transfer, path, SPAN_NONE, lines_type, wire_target(w)->timeout_ms);
	while (!e->done)
		wire_wait(w, NULL, 0, TICK_MS);
	if (e->cause && e->to == stdout)
		return cmd_output_failed(e->cause, err);
	if (e->cause)
		return err_set(err, E_output_failed, "output", "cannot be written: %s",
			       err_errno(e->cause));
	if (e->err.code != E_none) {
		*err = e->err;
		return -1;
	}
	return e->transfer.head.status / 100 == 2 ? 0 : refuse(e, w, path, err);
}

/* All lines of the index to a stream. */
static int fetch(struct exporting *e, struct gateway_link *l, const struct cmd_globals *g, const char *index,
		 struct err *err)
{
	char *path = rag_path(index, "export", NULL);
	int64_t waited_ms = 0;
	int result;

	buf_init(&e->refusal, REFUSAL_MAX);
	progress_begin(&e->progress, g, index, "documents", 0);
	do {
		struct err fault = ERR_INIT;

		result = fetch_once(e, l->wire, path, &fault);
		*err = fault;
	} while (result < 0 && wire_again(l->wire, &waited_ms, err));
	progress_end(&e->progress);
	buf_free(&e->refusal);
	mem_free(path);
	return result;
}

static int export_to(struct gateway_link *l, const struct export_options *o, const char *index,
		     struct err *err)
{
	struct exporting e = { .done = false };
	struct output to;
	bool is_piped;

	if (output_open(&to, o->output, err) < 0)
		return -1;
	e.to = to.file;
	is_piped = to.file == stdout;
	if (output_close(&to, fetch(&e, l, &o->globals, index, err) == 0, err) < 0)
		return -1;
	if (!is_piped)
		cmd_notice(&o->globals, "%s: %lld document%s, %lld bytes", index, (long long)e.progress.done,
			   e.progress.done == 1 ? "" : "s", (long long)e.progress.bytes);
	return 0;
}

static int run_export(const void *options, int argc, char **argv, struct err *err)
{
	const struct export_options *o = options;
	struct gateway_link l = { .gateway = NULL };
	int result = -1;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	if (gateway_link_open(&l, &o->globals, err) == 0)
		result = export_to(&l, o, argv[0], err);
	gateway_link_close(&l, err);
	return result;
}

static const struct opt export_own[] = {
	{ .kind = OPT_TEXT,
	  .offset = offsetof(struct export_options, output),
	  .name = "output",
	  .letter = 'o',
	  .argument = "FILE",
	  .complete = OPT_FILE,
	  .help = "Write to this file, which is there when it is whole" },
	{ .kind = OPT_END },
};

static const struct cmd_example export_examples[] = {
	{ "spass rag export docs -o docs.ndjson", "All documents, a line of JSON each." },
	{ "spass rag export docs | jq -r .id", "For a script." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_export = {
	.group = "rag",
	.name = "export",
	.summary = "Write the documents of an index as lines of JSON",
	.complete_first = OPT_INDEX,
	.operands = "INDEX",
	.operands_min = 1,
	.operands_max = 1,
	.flags = CMD_CLIENT | CMD_VERBOSE,
	.options = export_own,
	.options_size = sizeof(struct export_options),
	.text = "With texts, their pages, tables and headings, metadata and times, but not what is "
		"derived from them: import makes it anew.",
	.examples = export_examples,
	.run = run_export,
};

/* ---- import ---- */

struct import_options {
	struct cmd_globals globals;
	bool replace, no_wait;
};

struct importing {
	const struct import_options *options;
	struct gateway_link *link;
	const char *index, *from; /* from: what the lines are of, for people */
	gzFile file; /* reads what is not packed, too */
	struct buf text;
	struct progress progress;
	int64_t added, changed, unchanged, failed, removed, chunks, lines, told;
	bool at_end;
};

/* The gateway counts lines from the beginning of what it was sent; 0: param is of no line. */
static long long line_of(const struct importing *m, const char *param)
{
	static const char lines[] = "lines[";
	long long line;

	if (strncmp(param, lines, sizeof(lines) - 1) != 0)
		return 0;
	line = strtoll(param + sizeof(lines) - 1, NULL, 10);
	return line > 0 ? m->lines + line : 0;
}

static void tell_failure(struct importing *m, const json_t *result)
{
	const json_t *error = json_object_get(result, "error");
	long long line = line_of(m, models_text(error, "param"));

	if (strcmp(models_text(result, "status"), "failed") != 0 || m->told++ >= TOLD_MAX)
		return;
	progress_hide(&m->progress);
	if (line > 0)
		cmd_notice(&m->options->globals, "%s, line %lld: %s: %s", m->from, line,
			   models_text(error, "code"), models_text(error, "message"));
	else
		cmd_notice(&m->options->globals, "%s: %s: %s", models_text(result, "id"),
			   models_text(error, "code"), models_text(error, "message"));
}

static int64_t member(const json_t *answer, const char *name)
{
	return json_integer_value(json_object_get(answer, name));
}

static void count_answer(struct importing *m, const json_t *answer)
{
	json_t *result;
	size_t i;

	m->added += member(answer, "added");
	m->changed += member(answer, "changed");
	m->unchanged += member(answer, "unchanged");
	m->failed += member(answer, "failed");
	m->removed += member(answer, "removed");
	m->chunks += member(answer, "chunks");
	json_array_foreach(json_object_get(answer, "results"), i, result) tell_failure(m, result);
}

static int explain_line(const struct importing *m, struct err *err)
{
	long long line = line_of(m, err->param);

	if (line > 0)
		err_prefix(err, "%s, line %lld", m->from, line);
	return -1;
}

static int send_piece(struct importing *m, size_t len, struct err *err)
{
	char *path = rag_path(m->index, m->options->replace ? "documents" : "documents/upsert",
			      NULL);
	struct span piece = span_of(len > 0 ? m->text.ptr : "", len);
	const struct wire_request request = {
		.method = "POST", .path = path, .body = piece, .type = lines_type, .is_long = true
	};
	json_t *answer = wire_ask(m->link->wire, &request, err);
	int64_t count = (int64_t)span_count(piece, '\n');

	mem_free(path);
	if (!answer)
		return explain_line(m, err);
	count_answer(m, answer);
	json_decref(answer);
	m->lines += count;
	progress_step(&m->progress, count, (int64_t)len);
	buf_consume(&m->text, len);
	return 0;
}

/* Whether the file ended there, and is not cut short or damaged. */
static int check_end(const struct importing *m, struct err *err)
{
	int code;
	const char *says = gzerror(m->file, &code);

	if (code == Z_OK || code == Z_STREAM_END)
		return 0;
	return err_set(err, E_usage, "", "%s: %s", m->from, code == Z_ERRNO ? err_errno(errno) : says);
}

/* The other form that such files have; its lines would each be told as no document. */
static int check_lines(const struct importing *m, struct err *err)
{
	if (m->lines > 0 || !span_starts(span_strip(buf_span(&m->text)), "["))
		return 0;
	return err_set(err, E_usage, "",
		       "%s is an array, not lines of JSON: jq -c '.[]' makes lines of it", m->from);
}

/* Reads until there is a piece, or all. */
static int read_some(struct importing *m, size_t wanted, struct err *err)
{
	char block[64 * 1024];

	while (!m->at_end && m->text.len < wanted) {
		int got = gzread(m->file, block, sizeof(block));

		if (interrupt_signal())
			return err_set(err, E_cancelled, "",
				       "interrupted: what was sent is kept, unless all was to be "
				       "replaced");
		m->at_end = got < (int)sizeof(block);
		if (m->at_end && (check_end(m, err) < 0 || got < 0))
			return -1;
		if (buf_add(&m->text, block, (size_t)got) < 0)
			return err_set(err, E_usage, "", "%s: %s", m->from,
				       m->options->replace ? "more than 1 GiB cannot replace all at once"
							   : "a line has more than 100 MiB");
	}
	return 0;
}

/* How much of what has been read is whole lines. */
static size_t whole_lines(const struct importing *m)
{
	size_t len = m->text.len;

	while (!m->at_end && len > 0 && m->text.ptr[len - 1] != '\n')
		len--;
	return len;
}

static int import_all(struct importing *m, struct err *err)
{
	size_t wanted = m->options->replace ? SIZE_MAX : PIECE_BYTES;

	do {
		size_t len;

		if (read_some(m, wanted, err) < 0 || check_lines(m, err) < 0)
			return -1;
		len = whole_lines(m);
		if ((len > 0 || m->options->replace) && send_piece(m, len, err) < 0)
			return -1;
		/* A line that is longer than a piece. */
		wanted = len > 0 ? PIECE_BYTES : wanted + PIECE_BYTES;
	} while (!m->at_end);
	return 0;
}

/* As add does: a gateway of our own ends with us. */
static int wait_for_vectors(const struct importing *m, struct err *err)
{
	const struct cmd_globals *g = &m->options->globals;
	const bool has_new = m->added + m->changed > 0;

	/* Of lines that are none of them documents no index is made. */
	if (!has_new && m->unchanged == 0 && m->failed > 0)
		return 0;
	if (m->link->gateway->server && !m->options->no_wait &&
	    rag_wait(m->link, g, m->index, has_new, err) < 0)
		return -1;
	if (has_new && !g->quiet)
		rag_tell_vectors(m->link, g, m->index);
	return 0;
}

static int print_import(const struct importing *m)
{
	const struct cmd_globals *g = &m->options->globals;

	if (m->told > TOLD_MAX)
		cmd_notice(g, "and %lld more failed", (long long)(m->told - TOLD_MAX));
	if (g->json)
		cmd_print_json_take(json_pack(
			"{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "schema_version", 1, "index",
			m->index, "added", (json_int_t)m->added, "changed", (json_int_t)m->changed,
			"unchanged", (json_int_t)m->unchanged, "failed", (json_int_t)m->failed,
			"removed", (json_int_t)m->removed, "chunks", (json_int_t)m->chunks));
	else
		cmd_notice(g,
			   "%s: %lld added, %lld changed, %lld unchanged, %lld removed, %lld failed; "
			   "%lld chunk%s made",
			   m->index, (long long)m->added, (long long)m->changed,
			   (long long)m->unchanged, (long long)m->removed, (long long)m->failed,
			   (long long)m->chunks, m->chunks == 1 ? "" : "s");
	return m->failed > 0 ? CMD_PARTIAL : 0;
}

static int run_import(const void *options, int argc, char **argv, struct err *err)
{
	const struct import_options *o = options;
	bool is_piped = strcmp(argv[1], "-") == 0;
	struct gateway_link l = { .gateway = NULL };
	struct importing m = { .options = o,
			       .link = &l,
			       .index = argv[0],
			       .from = is_piped ? "standard input" : argv[1] };
	int result = -1;

	(void)argc;
	if (sources_check_index(argv[0], err) < 0)
		return -1;
	interrupt_watch();
	interrupt_after(o->globals.timeout_ms);
	m.file = is_piped ? gzdopen(dup(STDIN_FILENO), "r") : gzopen(argv[1], "re");
	if (!m.file)
		return err_set(err, E_usage, "", "%s: %s", argv[1], err_errno(errno));
	buf_init(&m.text, o->replace ? REPLACE_BYTES_MAX : LINE_BYTES_MAX);
	progress_begin(&m.progress, &o->globals, argv[0], "documents", 0);
	if (gateway_link_open(&l, &o->globals, err) == 0)
		result = import_all(&m, err);
	progress_end(&m.progress);
	if (result == 0)
		result = wait_for_vectors(&m, err);
	result = rag_check_late(&o->globals, result,
				o->replace ? "all was put in, or nothing"
					   : "what was sent is kept, and the same command goes on",
				err);
	gateway_link_close(&l, err);
	gzclose(m.file);
	buf_free(&m.text);
	return result < 0 ? -1 : print_import(&m);
}

static const struct opt import_own[] = {
	{ .kind = OPT_SWITCH,
	  .offset = offsetof(struct import_options, replace),
	  .name = "replace",
	  .help = "All at once in place of what the index has, or nothing" },
	{ .kind = OPT_SWITCH,
	  .offset = offsetof(struct import_options, no_wait),
	  .name = "no-wait",
	  .help = "Do not wait for vectors, which follow later" },
	{ .kind = OPT_END },
};

static const struct cmd_example import_examples[] = {
	{ "spass rag import docs docs.ndjson", "What an export has written." },
	{ "jq -c '{id, text: .body}' mail.ndjson | spass rag import mail -", "From elsewhere." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_import = {
	.group = "rag",
	.name = "import",
	.summary = "Put documents into an index that are lines of JSON",
	.complete_first = OPT_INDEX,
	.operands = "INDEX FILE|-",
	.operands_min = 2,
	.operands_max = 2,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = import_own,
	.options_size = sizeof(struct import_options),
	.text = "A line is {\"id\", \"text\"} or {\"id\", \"content_base64\", \"type\"}, with \"title\", "
		"\"source\", \"metadata\" and \"mtime\" as it likes, and in an export \"reading\", by "
		"which pages and tables are as they were. The file may be packed by gzip. What is there "
		"under an id is replaced. "
		"Lines that are no documents are told and left out. The exit status is 8 when some "
		"could not be taken.",
	.examples = import_examples,
	.run = run_import,
};
