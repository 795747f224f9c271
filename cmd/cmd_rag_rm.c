/* cmd/cmd_rag_rm.c - spass rag rm: an index, documents by their ids, or those that a glob means. */
#include "cmd/rag.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "tui/models.h"

#include <fnmatch.h>
#include <string.h>

struct rm_options {
	struct cmd_globals globals;
	bool yes;
};

struct removing {
	const struct rm_options *options;
	struct gateway_link *link;
	const char *index;
	json_t *ids;    /* to be removed */
	json_t *missing;
	size_t matched; /* of them by globs: asked about */
	long long gone;
};

/* ---- asking ---- */

static int confirm_documents(const struct removing *r, struct err *err)
{
	size_t count = json_array_size(r->ids);

	for (size_t i = 0; i < count && cmd_can_ask(); i++)
		cmd_warn("%s", json_string_value(json_array_get(r->ids, i)));
	err_set(err, E_not_confirmed, "yes", "%zu document%s of %s stay%s: --yes removes %s", count,
		count == 1 ? "" : "s", r->index, count == 1 ? "s" : "", count == 1 ? "it" : "them");
	return cmd_confirm(err, "Remove %zu document%s of %s?", count, count == 1 ? "" : "s", r->index);
}

static int confirm_index(const char *index, struct err *err)
{
	err_set(err, E_not_confirmed, "yes", "the index %s stays: --yes removes it with all its documents",
		index);
	return cmd_confirm(err, "Remove the index %s with all its documents?", index);
}

/* ---- an index ---- */

static int remove_index(const struct rm_options *o, const char *index, struct err *err)
{
	char *path;
	json_t *answer;

	if (!o->yes && confirm_index(index, err) < 0)
		return -1;
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

/* ---- which documents ---- */

static bool has_id(const json_t *ids, const char *id)
{
	for (size_t i = 0; i < json_array_size(ids); i++)
		if (strcmp(json_string_value(json_array_get(ids, i)), id) == 0)
			return true;
	return false;
}

/* A document may be called so, stars and all: then it alone is meant. */
static int match(struct removing *r, const char *glob, struct err *err)
{
	char *prefix = mem_strndup(glob, strcspn(glob, "*?[\\"));
	json_t *all = rag_documents(r->link, r->index, prefix, 0, err), *one, *found;
	size_t i;

	mem_free(prefix);
	if (!all)
		return -1;
	found = json_array();
	json_array_foreach(all, i, one)
	{
		const char *id = models_text(one, "id");

		if (strcmp(id, glob) == 0) {
			json_array_clear(found);
			json_array_append(found, json_object_get(one, "id"));
			break;
		}
		if (fnmatch(glob, id, 0) == 0)
			json_array_append(found, json_object_get(one, "id"));
	}
	if (json_array_size(found) == 0)
		json_array_append_new(r->missing, json_string(glob));
	json_array_foreach(found, i, one)
		if (!has_id(r->ids, json_string_value(one))) {
			json_array_append(r->ids, one);
			r->matched += strcmp(json_string_value(one), glob) != 0;
		}
	json_decref(found);
	json_decref(all);
	return 0;
}

static int choose(struct removing *r, int argc, char **argv, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		if (!utf8_is_valid(span_str(argv[i])))
			return err_set(err, E_usage, "", "the id of a document is UTF-8");
		if (strpbrk(argv[i], "*?[")) {
			if (match(r, argv[i], err) < 0)
				return -1;
		} else if (!has_id(r->ids, argv[i])) {
			json_array_append_new(r->ids, json_string(argv[i]));
		}
	}
	return r->matched == 0 || r->options->yes ? 0 : confirm_documents(r, err);
}

/* ---- removing them ---- */

static int remove_some(struct removing *r, size_t from, struct err *err)
{
	json_t *answer = rag_remove(r->link, r->index, r->ids, from, err);

	if (!answer)
		return -1;
	r->gone += json_integer_value(json_object_get(answer, "deleted"));
	json_array_extend(r->missing, json_object_get(answer, "missing"));
	json_decref(answer);
	return 0;
}

/* That some were not there is an error when that is true of all. */
static int tell_missing(const struct removing *r, struct err *err)
{
	const char *what = json_array_size(r->missing) == 1 ? "there is no such document"
							    : "there are no such documents";
	struct buf names;
	int result = CMD_PARTIAL;
	json_t *name;
	size_t i;

	buf_init(&names, CMD_OUTPUT_MAX);
	json_array_foreach(r->missing, i, name)
	{
		buf_add_str(&names, i > 0 ? ", " : "");
		utf8_add_harmless(&names, span_str(json_string_value(name)));
	}
	if (r->gone == 0)
		result = err_set(err, E_rag_document_not_found, "", "%s: %s; 0 removed",
				 buf_str(&names), what);
	else
		cmd_warn("%s: %s; %lld removed", buf_str(&names), what,
			   r->gone);
	buf_free(&names);
	return result;
}

static int remove_documents(struct removing *r, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = &r->options->globals;

	if (choose(r, argc, argv, err) < 0)
		return -1;
	for (size_t from = 0; from < json_array_size(r->ids); from += RAG_REMOVE_STEP)
		if (remove_some(r, from, err) < 0)
			return -1;
	/* Of an error the envelope is the document. */
	if (g->json && (r->gone > 0 || json_array_size(r->missing) == 0))
		cmd_print_json_take(json_pack("{s:i, s:s, s:I, s:O}", "schema_version", 1, "index",
					      r->index, "deleted", (json_int_t)r->gone, "missing",
					      r->missing));
	if (json_array_size(r->missing) > 0)
		return tell_missing(r, err);
	cmd_notice(g, "%lld removed", r->gone);
	return 0;
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	struct gateway_link l = { .gateway = NULL };
	struct removing r = { .options = options, .link = &l, .index = argv[0] };
	int result = -1;

	if (sources_check_index(argv[0], err) < 0)
		return -1;
	if (argc == 1)
		return remove_index(options, argv[0], err);
	r.ids = json_array();
	r.missing = json_array();
	if (gateway_link_open(&l, &r.options->globals, err) == 0)
		result = remove_documents(&r, argc, argv, err);
	gateway_link_close(&l, err);
	json_decref(r.ids);
	json_decref(r.missing);
	return result;
}

static const struct opt own[] = {
	{ .kind = OPT_SWITCH,
	  .offset = offsetof(struct rm_options, yes),
	  .name = "yes",
	  .letter = 'y',
	  .help = "Remove an index, or what a glob means, without asking" },
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass rag rm docs manual/old.md", "One document." },
	{ "spass rag rm docs 'manual/old/*'", "All whose ids are so; it asks first." },
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
	.options = own,
	.options_size = sizeof(struct rm_options),
	.text = "A DOCUMENT with *, ? or [ means all whose ids are so, slashes included, unless one is "
		"called just that. The exit status is 8 when some were there and others were not.",
	.examples = examples,
	.run = run,
};
