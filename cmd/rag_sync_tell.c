/* cmd/rag_sync_tell.c - see rag_sync.h: what people and programs are told of it. */
#include "cmd/rag_sync.h"

#include "cmd/interrupt.h"
#include "common/base/clock.h"
#include "common/base/utf8.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

/* ---- meanwhile ---- */

void sync_tell_event(struct sync *s, const char *type, json_t *members_take)
{
	char now[CLOCK_ISO_SIZE], *text;
	json_t *event;

	clock_iso(clock_wall_ms(), now);
	event = json_pack("{s:i, s:I, s:s, s:s}", "v", 1, "seq", (json_int_t)++s->events, "ts", now, "type",
			  type);
	json_object_update(event, members_take);
	text = json_dumps(event, JSON_COMPACT);
	puts(text);
	fflush(stdout);
	free(text);
	json_decref(event);
	json_decref(members_take);
}

void sync_tell_start(struct sync *s)
{
	if (s->options->jsonl)
		sync_tell_event(s, "request.started",
				json_pack("{s:o, s:b}", "index", cmd_json_text(s->index), "dry_run",
					  s->options->dry_run));
}

static json_t *counts_of(const struct sync *s)
{
	return json_pack("{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "index",
			 cmd_json_text(s->index), "added", (json_int_t)s->added, "changed",
			 (json_int_t)s->changed, "unchanged", (json_int_t)s->unchanged, "failed",
			 (json_int_t)s->failed, "skipped", (json_int_t)s->skipped, "removed",
			 (json_int_t)s->removed, "chunks", (json_int_t)s->chunks, "unreadable",
			 (json_int_t)s->files.unreadable, "left_out", (json_int_t)s->files.outside);
}

void sync_tell_end(struct sync *s, int result, const struct err *err)
{
	const char *type = "run.completed";
	json_t *end;

	if (!s->options->jsonl)
		return;
	end = counts_of(s);
	if (result < 0) {
		bool is_cancelled = interrupt_signal() && !interrupt_is_late();

		type = is_cancelled ? "run.cancelled" : "run.failed";
		result = is_cancelled ? 128 + interrupt_signal() : err_info(err->code)->exit;
		json_object_set_new(end, "error",
				    json_pack("{s:s, s:o}", "code", err_info(err->code)->code, "message",
					      cmd_json_text(err->message)));
	}
	json_object_set_new(end, "exit_code", json_integer(result));
	sync_tell_event(s, type, end);
}

void sync_tell_file(struct sync *s, const char *id, const char *action, const char *code,
		    const char *why)
{
	if (s->options->jsonl)
		sync_tell_event(s, "rag.file",
			   why ? json_pack("{s:s, s:s, s:s, s:o}", "path", id, "action", action,
					   "code", code, "message", cmd_json_text(why))
			       : json_pack("{s:s, s:s}", "path", id, "action", action));
	if (!why)
		return;
	if (s->failures)
		json_array_append_new(s->failures,
				      json_pack("{s:o, s:s, s:o}", "path", cmd_json_text(id), "code", code,
						"message", cmd_json_text(why)));
	progress_hide(&s->progress);
	cmd_warn("%s: %s: %s", id, code, why);
}

void sync_skip_file(struct sync *s, const char *id, const char *why)
{
	s->skipped++;
	if (s->options->jsonl)
		sync_tell_event(s, "rag.file",
				json_pack("{s:s, s:s, s:s}", "path", id, "action", "skip", "message",
					  why));
	if (!s->options->globals.verbose)
		return;
	progress_hide(&s->progress);
	cmd_notice(&s->options->globals, "%s: skipped: %s", id, why);
}

void sync_skip_unknown(struct sync *s, const char *id)
{
	sync_skip_file(s, id, "of no type that is read here");
}

/* ---- before, or in the end ---- */

/* What would become of a file, in the words of the events and the mark for people. */
static const struct plan {
	const char *action, *mark;
} plan_add = { "add", "+" }, plan_update = { "update", "~" }, plan_delete = { "delete", "-" },
  plan_gone = { "gone", "?" };

struct planning {
	struct buf text;
	json_t *files;
};

static void add_planned(struct sync *s, struct planning *p, const struct plan *plan, const char *id)
{
	if (s->options->jsonl) {
		sync_tell_file(s, id, plan->action, NULL, NULL);
	} else if (s->options->globals.json) {
		json_array_append_new(p->files,
				      json_pack("{s:s, s:s}", "path", id, "action", plan->action));
	} else {
		buf_printf(&p->text, "%s ", plan->mark);
		utf8_add_flat(&p->text, span_str(id));
		buf_add_char(&p->text, '\n');
	}
}

static void plan_file(struct sync *s, struct planning *p, const json_t *wanted)
{
	const struct rag_file *f = rag_files_get(&s->files, models_text(wanted, "id"));
	bool is_new = strcmp(models_text(wanted, "why"), "new") == 0;

	if (f && is_new && sync_is_unknown(s, f))
		sync_skip_unknown(s, f->id);
	else if (f && !sync_is_taken(s, f, wanted))
		add_planned(s, p, is_new ? &plan_add : &plan_update, f->as ? f->as : f->id);
}

void sync_print_plan(struct sync *s)
{
	struct planning p = { .files = json_array() };
	json_t *one;
	size_t i;

	buf_init(&p.text, CMD_OUTPUT_MAX);
	json_array_foreach(s->wanted, i, one) plan_file(s, &p, one);
	json_array_foreach(s->gone.ids, i, one)
		add_planned(s, &p, s->may_prune ? &plan_delete : &plan_gone, json_string_value(one));
	if (s->options->globals.json && !s->options->jsonl)
		cmd_print_json_take(json_pack(
			"{s:i, s:s, s:b, s:O, s:I, s:I, s:I, s:I, s:O}", "schema_version", 1, "index",
			s->index, "dry_run", 1, "files", p.files, "unchanged",
			(json_int_t)s->unchanged, "failed", (json_int_t)s->failed, "skipped",
			(json_int_t)s->skipped, "unreadable", (json_int_t)s->files.unreadable,
			"failures", s->failures));
	cmd_print(&p.text);
	buf_free(&p.text);
	json_decref(p.files);
}

static void print_json(const struct sync *s)
{
	json_t *o = json_pack("{s:i}", "schema_version", 1);

	json_object_update_new(o, counts_of(s));
	json_object_set(o, "failures", s->failures);
	if (s->piped_id)
		json_object_set_new(o, "id", json_string(s->piped_id));
	cmd_print_json_take(o);
}

void sync_print_summary(const struct sync *s)
{
	const struct cmd_globals *g = &s->options->globals;
	size_t gone = json_array_size(s->gone.ids);
	char skipped[64] = "";

	if (g->json && !s->options->jsonl) {
		print_json(s);
		return;
	}
	if (s->skipped > 0)
		snprintf(skipped, sizeof(skipped), ", %lld skipped%s", (long long)s->skipped,
			 g->verbose ? "" : " (-v lists them)");
	cmd_notice(g,
		   "%s: %lld added, %lld changed, %lld unchanged, %lld removed, %lld failed%s; "
		   "%lld chunk%s made",
		   s->index, (long long)s->added, (long long)s->changed, (long long)s->unchanged,
		   (long long)s->removed, (long long)s->failed, skipped, (long long)s->chunks,
		   s->chunks == 1 ? "" : "s");
	if (!s->options->prune && gone > 0)
		cmd_notice(g, "%zu document%s no longer among the files; `spass rag sync --prune` "
			      "removes %s",
			   gone, gone == 1 ? " is" : "s are", gone == 1 ? "it" : "them");
}
