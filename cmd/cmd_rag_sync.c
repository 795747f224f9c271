/*
 * cmd/cmd_rag_sync.c - spass rag add and sync.
 *
 * The gateway is told name, size and time of all files and says which it wants; those are read and
 * sent in batches, each of which is committed before the next one is sent.  What was interrupted
 * goes on where it stopped, as what is there is not wanted again.
 */
#include "cmd/interrupt.h"
#include "cmd/progress.h"
#include "cmd/rag.h"
#include "cmd/rag_files.h"
#include "cmd/rag_gone.h"
#include "cmd/rag_wait.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCH_FILES = 256,
	BATCH_BYTES = 4 * 1024 * 1024,
	FILE_MAX = 22 * 1024 * 1024, /* base64 of it fits the gateway's largest body */
	BODY_MAX = 64 * 1024 * 1024,
	DELETE_STEP = 1000,
	PART_FILES = 20000, /* of one question what is wanted */
	PARTIAL = 8,        /* exit status: some failed */
};

struct sync_options {
	struct cmd_globals globals;
	struct opt_texts include, exclude, meta;
	const char *type;
	bool prune, follow, dry_run, jsonl, no_wait;
};

struct sync {
	const struct sync_options *options;
	const char *index;
	struct gateway_link *link;
	struct rag_choice choice;
	struct rag_files files;
	json_t *metadata; /* or NULL */
	json_t *wanted;
	struct rag_gone gone;
	struct progress progress;
	int64_t added, changed, unchanged, failed, removed, chunks;
	int64_t events;
	bool may_prune;
};

/* ---- telling ---- */

static void tell_event(struct sync *s, const char *type, json_t *members_take)
{
	json_t *event =
		json_pack("{s:i, s:I, s:s}", "v", 1, "seq", (json_int_t)++s->events, "type", type);
	char *text;

	json_object_update(event, members_take);
	text = json_dumps(event, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(event);
	json_decref(members_take);
}

static void tell_file(struct sync *s, const char *id, const char *action, const char *code,
		      const char *why)
{
	if (s->options->jsonl)
		tell_event(s, "rag.file",
			   why ? json_pack("{s:s, s:s, s:s, s:s}", "path", id, "action", action,
					   "code", code, "message", why)
			       : json_pack("{s:s, s:s}", "path", id, "action", action));
	if (!why)
		return;
	progress_hide(&s->progress);
	cmd_notice(&(struct cmd_globals){ 0 }, "%s: %s: %s", id, code, why);
}

/* ---- which ---- */

/* A part of the files, by id: the documents between first and last are what it is about. */
struct part {
	size_t from, to; /* of the list */
	bool is_first, is_last;
};

static void add_member(struct buf *out, const char *name, const char *text)
{
	buf_printf(out, ",\"%s\":", name);
	jtext_string(out, span_str(text));
}

static void add_manifest(const struct sync *s, const struct part *p, struct buf *out)
{
	const struct rag_file *list = s->files.list;

	buf_add_str(out, "{\"files\":[");
	for (size_t i = p->from; i < p->to; i++) {
		buf_add_str(out, i > p->from ? ",{\"id\":" : "{\"id\":");
		jtext_string(out, span_str(list[i].id));
		buf_printf(out, ",\"size\":%lld", (long long)list[i].size);
		if (list[i].mtime_us >= 0)
			buf_printf(out, ",\"mtime\":%lld", (long long)list[i].mtime_us);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	if (!p->is_first)
		add_member(out, "after", list[p->from - 1].id);
	if (!p->is_last)
		add_member(out, "until", list[p->to - 1].id);
	buf_add_char(out, '}');
}

static json_t *ask_wanted(struct sync *s, const struct part *p, struct err *err)
{
	struct wire_request request = { .is_long = true };
	struct buf body;
	json_t *answer;
	char *path = rag_path(s->index, "sync", NULL);

	buf_init(&body, (size_t)1 << 30);
	add_manifest(s, p, &body);
	request.path = path;
	request.body = buf_span(&body);
	answer = wire_ask(s->link->wire, &request, err);
	buf_free(&body);
	mem_free(path);
	return answer;
}

/* What is said of them may be new where they are not: the gateway finds out. */
static void want_all(struct sync *s)
{
	json_t *known = json_object(), *one;
	size_t i;

	json_array_foreach(s->wanted, i, one) json_object_set(known, models_text(one, "id"), one);
	for (i = 0; i < s->files.count; i++)
		if (!json_object_get(known, s->files.list[i].id))
			json_array_append_new(
				s->wanted,
				json_pack("{s:s, s:s}", "id", s->files.list[i].id, "why", "said"));
	s->unchanged = 0;
	json_decref(known);
}

static int find_wanted(struct sync *s, struct err *err)
{
	size_t from = 0, count = s->files.count;

	s->wanted = json_array();
	do {
		const size_t to = count - from > PART_FILES ? from + PART_FILES : count;
		const struct part part = { from, to, from == 0, to == count };
		json_t *answer = ask_wanted(s, &part, err);

		if (!answer)
			return -1;
		json_array_extend(s->wanted, json_object_get(answer, "wanted"));
		s->unchanged += json_integer_value(json_object_get(answer, "unchanged"));
		rag_gone_consider(&s->gone, json_object_get(answer, "gone"));
		json_decref(answer);
		from = to;
	} while (from < count);
	if (s->metadata || s->options->type)
		want_all(s);
	return 0;
}

static const struct rag_file *file_of(const struct sync *s, const char *id)
{
	size_t low = 0, high = s->files.count;

	while (low < high) {
		size_t middle = (low + high) / 2;
		int order = strcmp(s->files.list[middle].id, id);

		if (order == 0)
			return &s->files.list[middle];
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

/* ---- sending ---- */

struct batch {
	struct buf body;
	size_t count;
	int64_t bytes;
};

static void add_to_batch(const struct sync *s, struct batch *b, const struct rag_file *f,
			 struct span content)
{
	buf_add_str(&b->body, "{\"id\":");
	jtext_string(&b->body, span_str(f->id));
	add_member(&b->body, "source", f->path);
	if (s->options->type)
		add_member(&b->body, "type", s->options->type);
	if (s->metadata) {
		char *text = json_dumps(s->metadata, JSON_COMPACT);

		buf_printf(&b->body, ",\"metadata\":%s", text);
		free(text);
	}
	if (f->mtime_us >= 0)
		buf_printf(&b->body, ",\"mtime\":%lld", (long long)f->mtime_us);
	buf_add_str(&b->body, ",\"content_base64\":\"");
	base64_encode(&b->body, content);
	buf_add_str(&b->body, "\"}\n");
	b->count++;
	b->bytes += (int64_t)content.len;
}

static void take_result(struct sync *s, const json_t *result)
{
	const char *status = models_text(result, "status");
	const json_t *error = json_object_get(result, "error");

	if (strcmp(status, "failed") == 0)
		tell_file(s, models_text(result, "id"), "fail", models_text(error, "code"),
			  models_text(error, "message"));
	else
		tell_file(s, models_text(result, "id"),
			  strcmp(status, "added") == 0     ? "add"
			  : strcmp(status, "changed") == 0 ? "update"
							   : "skip",
			  NULL, NULL);
	if (json_is_true(json_object_get(result, "flagged"))) {
		progress_hide(&s->progress);
		cmd_notice(&s->options->globals,
			   "%s gives orders to models: it is marked, and read as data",
			   models_text(result, "id"));
	}
}

static int send_batch(struct sync *s, struct batch *b, struct err *err)
{
	char *path = rag_path(s->index, "documents/upsert", NULL);
	const struct wire_request request = { .path = path,
					      .body = buf_span(&b->body),
					      .type = "application/x-ndjson",
					      .is_long = true };
	json_t *answer = b->count > 0 ? wire_ask(s->link->wire, &request, err) : json_object(),
	       *result;
	size_t i;

	mem_free(path);
	if (!answer)
		return -1;
	s->added += json_integer_value(json_object_get(answer, "added"));
	s->changed += json_integer_value(json_object_get(answer, "changed"));
	s->unchanged += json_integer_value(json_object_get(answer, "unchanged"));
	s->failed += json_integer_value(json_object_get(answer, "failed"));
	s->chunks += json_integer_value(json_object_get(answer, "chunks"));
	json_array_foreach(json_object_get(answer, "results"), i, result) take_result(s, result);
	json_decref(answer);
	progress_step(&s->progress, (int64_t)b->count, b->bytes);
	if (s->options->jsonl && b->count > 0)
		tell_event(s, "rag.progress",
			   json_pack("{s:I, s:I, s:I}", "done", (json_int_t)s->progress.done,
				     "total", (json_int_t)s->progress.total, "bytes",
				     (json_int_t)s->progress.bytes));
	buf_clear(&b->body);
	b->count = 0;
	b->bytes = 0;
	return 0;
}

/* One that cannot be read is told and counted; the others go on. */
static void fail_file(struct sync *s, const struct rag_file *f, const char *code, const char *why)
{
	s->failed++;
	tell_file(s, f->id, "fail", code, why);
	progress_step(&s->progress, 1, 0);
}

static void read_file(struct sync *s, struct batch *b, const struct rag_file *f)
{
	struct err err = ERR_INIT;
	struct buf content;

	buf_init(&content, FILE_MAX);
	if (f->size > FILE_MAX)
		fail_file(s, f, "document_too_large", "a file has at most 22 MiB");
	else if (file_read(f->path, &content, &err) < 0)
		fail_file(s, f,
			  err.code == E_too_large ? "document_too_large" : "document_unreadable",
			  err.message);
	else
		add_to_batch(s, b, f, content.len > 0 ? buf_span(&content) : SPAN_LIT(""));
	buf_free(&content);
}

static int send_all(struct sync *s, struct err *err)
{
	struct batch b = { .count = 0 };
	json_t *one;
	size_t i;
	int result = 0;

	buf_init(&b.body, BODY_MAX);
	json_array_foreach(s->wanted, i, one)
	{
		const struct rag_file *f = file_of(s, models_text(one, "id"));

		if (!f || result < 0 || interrupt_signal())
			continue;
		/* A large one is a batch of its own. */
		if (b.count > 0 && b.bytes + f->size > BATCH_BYTES)
			result = send_batch(s, &b, err);
		if (result == 0)
			read_file(s, &b, f);
		if (result == 0 && (b.count == BATCH_FILES || b.bytes >= BATCH_BYTES))
			result = send_batch(s, &b, err);
	}
	if (result == 0)
		result = send_batch(s, &b, err);
	buf_free(&b.body);
	if (result == 0 && interrupt_signal())
		return err_set(err, E_cancelled, "",
			       "interrupted: what was sent is kept, and the same command goes on "
			       "from here");
	return result;
}

static int prune(struct sync *s, struct err *err)
{
	size_t count = json_array_size(s->gone.ids);

	for (size_t from = 0; from < count; from += DELETE_STEP) {
		json_t *ids = json_array(), *answer;
		char *path = rag_path(s->index, "documents/delete", NULL);

		for (size_t i = from; i < count && i < from + DELETE_STEP; i++) {
			json_array_append(ids, json_array_get(s->gone.ids, i));
			tell_file(s, json_string_value(json_array_get(s->gone.ids, i)), "delete",
				  NULL, NULL);
		}
		answer = rag_ask_take(s->link, "POST", path, json_pack("{s:o}", "ids", ids), err);
		mem_free(path);
		if (!answer)
			return -1;
		s->removed += json_integer_value(json_object_get(answer, "deleted"));
		json_decref(answer);
	}
	return 0;
}

/* ---- the whole ---- */

static int read_metadata(struct sync *s, struct err *err)
{
	const struct opt_texts *meta = &s->options->meta;

	for (size_t i = 0; i < meta->count; i++) {
		const char *equals = strchr(meta->items[i], '=');
		json_t *value;
		char *key;

		if (!equals || equals == meta->items[i])
			return err_set(err, E_usage, "", "--meta is KEY=VALUE, not \"%.80s\"",
				       meta->items[i]);
		if (!s->metadata)
			s->metadata = json_object();
		key = mem_strndup(meta->items[i], (size_t)(equals - meta->items[i]));
		/* Numbers and booleans as they are, all else as text. */
		value = json_loads(equals + 1, JSON_DECODE_ANY, NULL);
		if (!json_is_number(value) && !json_is_boolean(value)) {
			json_decref(value);
			value = json_string(equals + 1);
		}
		json_object_set_new(s->metadata, key, value);
		mem_free(key);
	}
	return 0;
}

static void add_planned(struct buf *out, const char *mark, const char *id)
{
	buf_printf(out, "%s ", mark);
	utf8_add_harmless(out, span_str(id));
	buf_add_char(out, '\n');
}

static void print_plan(const struct sync *s)
{
	struct buf out;
	json_t *one;
	size_t i;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_array_foreach(s->wanted, i, one)
		add_planned(&out, strcmp(models_text(one, "why"), "new") == 0 ? "+" : "~",
			    models_text(one, "id"));
	json_array_foreach(s->gone.ids, i, one)
		add_planned(&out, s->may_prune ? "-" : "?", json_string_value(one));
	cmd_print(&out);
	buf_free(&out);
}

static void print_summary(const struct sync *s)
{
	const struct cmd_globals *g = &s->options->globals;

	if (g->json) {
		cmd_print_json_take(json_pack(
			"{s:i, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "schema_version", 1,
			"index", s->index, "added", (json_int_t)s->added, "changed",
			(json_int_t)s->changed, "unchanged", (json_int_t)s->unchanged, "failed",
			(json_int_t)s->failed, "removed", (json_int_t)s->removed, "chunks",
			(json_int_t)s->chunks, "unreadable", (json_int_t)s->files.unreadable,
			"left_out", (json_int_t)s->files.outside));
		return;
	}
	cmd_notice(g,
		   "%s: %lld added, %lld changed, %lld unchanged, %lld removed, %lld failed; %lld "
		   "chunks made",
		   s->index, (long long)s->added, (long long)s->changed, (long long)s->unchanged,
		   (long long)s->removed, (long long)s->failed, (long long)s->chunks);
	if (!s->options->prune && json_array_size(s->gone.ids) > 0)
		cmd_notice(g,
			   "%zu documents are no longer among the files; `spass rag sync --prune` "
			   "removes them",
			   json_array_size(s->gone.ids));
}

static void fail_misnamed(struct sync *s)
{
	for (size_t i = 0; i < s->files.misnamed_count; i++) {
		s->failed++;
		tell_file(s, s->files.misnamed[i], "fail", "invalid_field", "its name is no UTF-8");
	}
}

/* What could not be looked at would seem to be gone. */
static bool may_prune(const struct sync *s)
{
	if (!s->options->prune || s->files.unreadable == 0)
		return s->options->prune;
	cmd_notice(&(struct cmd_globals){ 0 }, "nothing is removed, as %zu could not be looked at",
		   s->files.unreadable);
	return false;
}

static int status_of(const struct sync *s)
{
	return s->failed + (int64_t)s->files.unreadable > 0 ? PARTIAL : 0;
}

static int transfer(struct sync *s, struct err *err)
{
	int result;

	progress_begin(&s->progress, &s->options->globals, s->index, "files",
		       (int64_t)json_array_size(s->wanted));
	result = send_all(s, err);
	if (result == 0 && s->may_prune)
		result = prune(s, err);
	progress_end(&s->progress);
	return result;
}

static int synchronise(struct sync *s, struct err *err)
{
	rag_gone_begin(&s->gone, &s->files, &s->choice);
	fail_misnamed(s);
	if (find_wanted(s, err) < 0 || rag_gone_find(&s->gone, s->link, s->index, err) < 0)
		return -1;
	s->may_prune = may_prune(s);
	if (s->options->dry_run) {
		print_plan(s);
		return status_of(s);
	}
	if (transfer(s, err) < 0)
		return -1;
	print_summary(s);
	if (s->link->gateway->server && !s->options->no_wait &&
	    rag_wait(s->link, &s->options->globals, s->index, s->added + s->changed > 0, err) < 0)
		return -1;
	return status_of(s);
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct sync_options *o = options;
	struct gateway_link l = { NULL };
	struct sync s = { .options = o,
			  .index = argv[0],
			  .link = &l,
			  .choice = { &o->include, &o->exclude, o->follow } };
	int result = -1;

	interrupt_watch();
	if (sources_check_index(argv[0], err) == 0 && read_metadata(&s, err) == 0 &&
	    rag_files_find(&s.files, argv + 1, argc - 1, &s.choice, err) == 0 &&
	    gateway_link_open(&l, &o->globals, err) == 0)
		result = synchronise(&s, err);
	gateway_link_close(&l, err);
	rag_files_free(&s.files);
	json_decref(s.metadata);
	json_decref(s.wanted);
	rag_gone_free(&s.gone);
	return result;
}

#define OWN(kind_, field, ...)                                                               \
	{                                                                                    \
		.kind = (kind_), .offset = offsetof(struct sync_options, field), __VA_ARGS__ \
	}
#define COMMON                                                                                  \
	OWN(OPT_TEXTS, include, .name = "include", .argument = "GLOB",                          \
	    .help = "Only files whose id or name is so; may be repeated"),                      \
		OWN(OPT_TEXTS, exclude, .name = "exclude", .argument = "GLOB",                  \
		    .help = "No files or directories whose id or name is so; may be repeated"), \
		OWN(OPT_SWITCH, follow, .name = "follow",                                       \
		    .help = "Follow links that lead out of the directories named, too"),        \
		OWN(OPT_TEXTS, meta, .name = "meta", .argument = "KEY=VALUE",                   \
		    .help = "Metadata of what is sent, for filters; may be repeated"),          \
		OWN(OPT_TEXT, type, .name = "type", .argument = "TYPE",                         \
		    .help = "Read all of them as this: markdown, text, code, html, pdf, ..."),  \
		OWN(OPT_SWITCH, dry_run, .name = "dry-run",                                     \
		    .help = "Show what would be sent (+ ~) and removed (-)"),                   \
		OWN(OPT_SWITCH, jsonl, .name = "jsonl",                                         \
		    .help = "Events on standard output, a line each"),                          \
		OWN(OPT_SWITCH, no_wait, .name = "no-wait",                                     \
		    .help = "Do not wait for vectors, which follow later")

static const struct opt add_own[] = { COMMON, { .kind = OPT_END } };
static const struct opt sync_own[] = {
	OWN(OPT_SWITCH, prune, .name = "prune", .help = "Remove documents whose files are gone"),
	COMMON,
	{ .kind = OPT_END },
};

static const struct cmd_example add_examples[] = {
	{ "spass rag add docs ./manual README.md", "All files below manual, and one more." },
	{ "spass rag add docs ./src --include '*.c' --meta team=core", "Some, with metadata." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_add = {
	.group = "rag",
	.name = "add",
	.summary = "Put files and directories into an index, which is made when there is none",
	.operands = "INDEX PATH...",
	.operands_min = 2,
	.operands_max = -1,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = add_own,
	.options_size = sizeof(struct sync_options),
	.text = "What is there already, of the same size and time, is not sent again. Interrupted, "
		"the same "
		"command goes on where it stopped. The exit status is 8 when some files could not "
		"be taken.",
	.examples = add_examples,
	.run = run,
};

static const struct cmd_example sync_examples[] = {
	{ "spass rag sync docs ./manual --prune", "The index has what the directory has." },
	{ "spass rag sync docs ./manual --prune --dry-run", "What that would do." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_sync = {
	.group = "rag",
	.name = "sync",
	.summary = "Bring an index up to date with directories; only what changed is read",
	.operands = "INDEX PATH...",
	.operands_min = 2,
	.operands_max = -1,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = sync_own,
	.options_size = sizeof(struct sync_options),
	.text = "As add, and with --prune documents that came from the directories named go when "
		"their files are gone. What --include and --exclude hide stays, and nothing goes "
		"when something could not be looked at.",
	.examples = sync_examples,
	.run = run,
};
