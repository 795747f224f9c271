/*
 * cmd/cmd_rag_sync.c - spass rag add and sync.
 *
 * The gateway is told name, size and time of all files and says which it wants; those are read and
 * sent in batches, each of which is committed before the next one is sent.  What was interrupted
 * goes on where it stopped, as what is there is not wanted again.
 */
#include "cmd/interrupt.h"
#include "cmd/rag_sync.h"
#include "cmd/rag_wait.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/reading.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

/* ---- removing ---- */

static int prune(struct sync *s, struct err *err)
{
	const json_t *ids = s->gone.ids;

	for (size_t from = 0; from < json_array_size(ids); from += RAG_REMOVE_STEP) {
		json_t *answer;

		for (size_t i = from; i < json_array_size(ids) && i < from + RAG_REMOVE_STEP; i++)
			sync_tell_file(s, json_string_value(json_array_get(ids, i)), "delete", NULL, NULL);
		answer = rag_remove(s->link, s->index, ids, from, err);
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
		bool is_text;
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
		is_text = json_object_set_new(s->metadata, key, value) == 0;
		mem_free(key);
		if (!is_text)
			return err_set(err, E_usage, "", "--meta is no UTF-8");
	}
	return 0;
}

static void skip_dangling(struct sync *s)
{
	for (size_t i = 0; i < s->files.dangling_count; i++)
		sync_skip_file(s, s->files.dangling[i], "a link that leads nowhere");
}

/* They may be on a mount that is away just now. */
static void tell_away(const struct sync *s)
{
	if (s->options->prune && s->gone.away > 0)
		cmd_notice(&s->options->globals,
			   "%zu document%s behind links that lead nowhere, and stay%s", s->gone.away,
			   s->gone.away == 1 ? " is" : "s are", s->gone.away == 1 ? "s" : "");
}

static void fail_misnamed(struct sync *s)
{
	for (size_t i = 0; i < s->files.misnamed_count; i++) {
		s->failed++;
		sync_tell_file(s, s->files.misnamed[i], "fail", "invalid_field", "its name is no UTF-8");
	}
}

/* What could not be looked at would seem to be gone. */
static bool may_prune(const struct sync *s)
{
	if (!s->options->prune || s->files.unreadable == 0)
		return s->options->prune;
	cmd_warn("nothing is removed, as %zu could not be looked at",
		   s->files.unreadable);
	return false;
}

/* Whether the directory has none of the files that the index has from it. */
static bool is_emptied(const struct sync *s, const struct rag_root *root)
{
	size_t known = 0, i;
	const json_t *one;

	if (root->gone == 0)
		return false;
	for (i = 0; i < s->files.count; i++)
		known += rag_root_below(root, s->files.list[i].path) != NULL;
	json_array_foreach(s->wanted, i, one)
	{
		const struct rag_file *f = rag_files_get(&s->files, models_text(one, "id"));

		known -= f && strcmp(models_text(one, "why"), "new") == 0 && rag_root_below(root, f->path);
	}
	return known == 0;
}

/* A mount point with nothing mounted looks as if all had been removed. */
static int confirm_emptied(const struct sync *s, struct err *err)
{
	for (size_t i = 0; i < s->files.root_count && !s->options->yes; i++) {
		const struct rag_root *root = &s->files.roots[i];
		const char *plural = root->gone == 1 ? "" : "s";

		if (!is_emptied(s, root))
			continue;
		err_set(err, E_not_confirmed, "yes",
			"%s has none of its files any more, as when nothing is mounted there: "
			"nothing was done; --yes removes its %zu document%s of %s",
			root->path, root->gone, plural, s->index);
		if (cmd_confirm(err, "%s has none of its files any more: remove its %zu document%s of %s?",
				root->path, root->gone, plural, s->index) < 0)
			return -1;
	}
	return 0;
}

static int status_of(const struct sync *s)
{
	return s->failed + (int64_t)s->files.unreadable > 0 ? CMD_PARTIAL : 0;
}

static int transfer(struct sync *s, struct err *err)
{
	int result;

	progress_begin(&s->progress, &s->options->globals, s->index, "files",
		       s->is_piped ? 1 : (int64_t)json_array_size(s->wanted));
	result = s->is_piped ? sync_send_piped(s, err) : sync_send_all(s, err);
	if (result == 0 && s->may_prune)
		result = prune(s, err);
	progress_end(&s->progress);
	return result;
}

/* The files are in: told, and waited for what follows. */
static int finish(struct sync *s, struct err *err)
{
	/* Of what took nothing there may be no index. */
	const bool has_any = s->added + s->changed + s->unchanged > 0;

	sync_print_summary(s);
	if (s->link->gateway->server && !s->options->no_wait && has_any &&
	    rag_wait(s->link, &s->options->globals, s->index, s->added + s->changed > 0, err) < 0)
		return -1;
	if (s->added + s->changed > 0 && !s->options->globals.quiet)
		rag_tell_vectors(s->link, &s->options->globals, s->index);
	return status_of(s);
}

static int synchronise(struct sync *s, struct err *err)
{
	fail_misnamed(s);
	s->failed += (int64_t)s->files.doubled;
	skip_dangling(s);
	if (sync_find_wanted(s, err) < 0 ||
	    rag_gone_find(&s->gone, s->link, s->index, s->options->prune, err) < 0)
		return -1;
	tell_away(s);
	s->may_prune = may_prune(s);
	if (s->options->dry_run) {
		sync_print_plan(s);
		return status_of(s);
	}
	if (s->may_prune && confirm_emptied(s, err) < 0)
		return -1;
	return transfer(s, err) < 0 ? -1 : finish(s, err);
}

static int put_piped(struct sync *s, struct err *err)
{
	return transfer(s, err) < 0 ? -1 : finish(s, err);
}

/* ---- the commands ---- */

static int check_type(const char *type, struct err *err)
{
	struct buf names;

	if (!type || strchr(type, '/') || reader_name(span_str(type)))
		return 0;
	buf_init(&names, CMD_OUTPUT_MAX);
	reader_names(&names);
	err_set(err, E_usage, "", "--type is a media type or one of %s, not \"%.40s\"",
		buf_str(&names), type);
	buf_free(&names);
	return -1;
}

static int check_piped(const struct sync *s, int argc, char **argv, struct err *err)
{
	const struct sync_options *o = s->options;

	for (int i = 2; i < argc && !s->is_piped; i++)
		if (strcmp(argv[i], "-") == 0)
			return err_set(err, E_usage, "", "- stands alone: standard input is one document");
	if (s->is_piped && argc > 2)
		return err_set(err, E_usage, "", "- stands alone: standard input is one document");
	if (s->is_piped && (o->dry_run || o->prune))
		return err_set(err, E_usage, "", "--%s is of files, not of standard input",
			       o->prune ? "prune" : "dry-run");
	if (o->name && !s->is_piped)
		return err_set(err, E_usage, "", "--name is of standard input: a file has its own");
	return 0;
}

/* What is gone as a whole cannot be named any more: --prune is of what has gone from a directory. */
static int find_files(struct sync *s, char **paths, int count, struct err *err)
{
	struct err why;

	if (rag_files_find(&s->files, paths, count, &s->choice, err) == 0)
		return 0;
	why = *err;
	if (s->options->prune && why.code == E_usage)
		err_set(err, E_usage, "", "%s; what the index has of a directory that is gone, "
			"`spass rag rm %s 'NAME/*'` removes", why.message, s->index);
	return -1;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct sync_options *o = options;
	struct gateway_link l = { .gateway = NULL };
	struct sync s = { .options = o,
			  .index = argv[0],
			  .link = &l,
			  .choice = { &o->include, &o->exclude, o->follow } };
	int result = -1;

	s.is_piped = strcmp(argv[1], "-") == 0;
	if (o->globals.json)
		s.failures = json_array();
	rag_gone_begin(&s.gone, &s.files, &s.choice);
	sync_tell_start(&s);
	interrupt_watch();
	interrupt_after(o->globals.timeout_ms);
	if (sources_check_index(argv[0], err) == 0 && check_type(o->type, err) == 0 &&
	    check_piped(&s, argc, argv, err) == 0 && read_metadata(&s, err) == 0 &&
	    (s.is_piped || find_files(&s, argv + 1, argc - 1, err) == 0) &&
	    gateway_link_open(&l, &o->globals, err) == 0)
		result = s.is_piped ? put_piped(&s, err) : synchronise(&s, err);
	result = rag_check_late(&o->globals, result,
				"what was sent is kept, and the same command goes on from here", err);
	sync_tell_end(&s, result, err);
	gateway_link_close(&l, err);
	rag_files_free(&s.files);
	json_decref(s.metadata);
	json_decref(s.wanted);
	json_decref(s.paths);
	json_decref(s.loaders);
	json_decref(s.failures);
	mem_free(s.piped_id);
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

static const struct opt add_own[] = {
	COMMON,
	OWN(OPT_TEXT, name, .name = "name", .argument = "ID",
	    .help = "The id of what is piped in; made of its content if not given"),
	{ .kind = OPT_END },
};
static const struct opt sync_own[] = {
	OWN(OPT_SWITCH, prune, .name = "prune", .help = "Remove documents whose files are gone"),
	OWN(OPT_SWITCH, yes, .name = "yes", .letter = 'y',
	    .help = "With --prune: without asking, also all those of a directory"),
	COMMON,
	{ .kind = OPT_END },
};

static const struct cmd_example add_examples[] = {
	{ "spass rag add docs ./manual README.md", "All files below manual, and one more." },
	{ "spass rag add docs ./src --include '*.c' --meta team=core", "Some, with metadata." },
	{ "man tar | spass rag add docs - --name tar.1 --type text", "What is piped in." },
	{ NULL, NULL },
};

const struct cmd cmd_rag_add = {
	.group = "rag",
	.name = "add",
	.summary = "Put files and directories into an index, which is made when there is none",
	.complete_first = OPT_INDEX,
	.operands = "INDEX PATH...",
	.operands_min = 2,
	.operands_max = -1,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = add_own,
	.options_size = sizeof(struct sync_options),
	.text = "What is there already, of the same size and time, is not sent again. Interrupted, "
		"the same command goes on where it stopped. Files of no known type that are found "
		"below a directory are skipped (-v lists them); the exit status is 8 when others, or "
		"some that were named, could not be taken. The PATH - is standard input.",
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
	.complete_first = OPT_INDEX,
	.operands = "INDEX PATH...",
	.operands_min = 2,
	.operands_max = -1,
	.complete = OPT_FILE,
	.flags = RAG_FLAGS,
	.options = sync_own,
	.options_size = sizeof(struct sync_options),
	.text = "As add, and with --prune documents that came from the directories named go when "
		"their files are gone. What --include and --exclude hide stays, as does what lies "
		"behind links that lead nowhere, and nothing goes when something could not be looked "
		"at. When a directory has none of its files any more, as when nothing is mounted there, "
		"it asks first.",
	.examples = sync_examples,
	.run = run,
};
