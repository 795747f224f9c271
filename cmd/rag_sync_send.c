/* cmd/rag_sync_send.c - see rag_sync.h: files are read and sent, a batch after the other. */
#include "cmd/rag_sync.h"

#include "cmd/interrupt.h"
#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/jmember.h"
#include "common/base/mem.h"
#include "common/rag/rag.h"
#include "common/rag/reading.h"
#include "tui/models.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	BATCH_FILES = 256,
	BATCH_BYTES = 4 * 1024 * 1024,
	FILE_MAX = 64 * 1024 * 1024, /* base64 of it fits the longest line that the gateway takes */
	BODY_MAX = 96 * 1024 * 1024,
	HEAD = 64 * 1024, /* bytes by which a file is known that is too large to be sent */
};

static const char too_large[] = "a file has at most 64 MiB";

/* ---- which are left out ---- */

/* Whether a command of the gateway's settings takes the file. */
static bool has_loader(const struct sync *s, const char *path)
{
	const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
	const json_t *one;
	size_t i;

	json_array_foreach(s->loaders, i, one)
	{
		const char *extension = json_string_value(one);

		if (strcmp(extension, "*") == 0 || (dot && strcasecmp(dot + 1, extension) == 0))
			return true;
	}
	return false;
}

/* Whether it may be left out at all: what was named is failed instead, and told. */
static bool may_skip(const struct sync *s, const struct rag_file *f)
{
	return !f->is_named && !s->options->type && !has_loader(s, f->path);
}

static void read_head(const char *path, struct buf *out)
{
	char room[4096];
	FILE *file = fopen(path, "re");
	size_t got;

	while (file && out->len < HEAD && (got = fread(room, 1, sizeof(room), file)) > 0)
		buf_add(out, room, got);
	if (file)
		fclose(file);
}

static bool is_unknown(const struct sync *s, const struct rag_file *f, struct span bytes)
{
	return bytes.len > 0 && may_skip(s, f) && reader_is_unknown(f->path, bytes);
}

bool sync_is_unknown(const struct sync *s, const struct rag_file *f)
{
	struct buf head;
	bool result;

	buf_init(&head, HEAD + 4096);
	read_head(f->path, &head);
	result = is_unknown(s, f, buf_span(&head));
	buf_free(&head);
	return result;
}

/* ---- a batch ---- */

struct batch {
	struct buf body;
	size_t count;
	int64_t bytes;
};

static void add_member(struct buf *out, const char *name, const char *text)
{
	if (text)
		jmember_text(out, name, span_str(text));
}

static void add_metadata(const struct sync *s, const json_t *kept, struct buf *out)
{
	char *text = json_dumps(s->metadata ? s->metadata : kept, JSON_COMPACT);

	if (text)
		buf_printf(out, "\"metadata\":%s,", text);
	free(text);
}

/* id, source, kept (metadata) NULL: it has none. */
static void add_to_batch(const struct sync *s, struct batch *b, const char *id, const char *source,
			 const json_t *kept, int64_t mtime_us, struct span content)
{
	buf_add_char(&b->body, '{');
	add_member(&b->body, "id", id);
	add_member(&b->body, "source", source);
	add_member(&b->body, "type", s->options->type);
	if (b->body.ptr[b->body.len - 1] != '{')
		buf_add_char(&b->body, ',');
	add_metadata(s, kept, &b->body);
	if (mtime_us >= 0)
		buf_printf(&b->body, "\"mtime\":%lld,", (long long)mtime_us);
	buf_add_str(&b->body, "\"content_base64\":\"");
	base64_encode(&b->body, content.len > 0 ? content : SPAN_LIT(""));
	buf_add_str(&b->body, "\"}\n");
	b->count++;
	b->bytes += (int64_t)content.len;
}

/* Without a name nobody knows it yet. */
static void tell_piped(struct sync *s, const char *id)
{
	mem_free(s->piped_id);
	s->piped_id = mem_strdup(id);
	if (!s->options->name && !s->options->jsonl && !s->options->globals.json)
		puts(id);
}

static void tell_result(struct sync *s, const json_t *result)
{
	static const struct {
		const char *status, *action;
	} actions[] = { { "added", "add" }, { "changed", "update" }, { "unchanged", "skip" } };
	const char *id = models_text(result, "id"), *status = models_text(result, "status");
	const json_t *error = json_object_get(result, "error");

	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		if (strcmp(status, actions[i].status) == 0)
			sync_tell_file(s, id, actions[i].action, NULL, NULL);
	if (strcmp(status, "failed") == 0)
		sync_tell_file(s, id, "fail", models_text(error, "code"),
			       models_text(error, "message"));
	else if (s->is_piped)
		tell_piped(s, id);
	if (!json_is_true(json_object_get(result, "flagged")))
		return;
	progress_hide(&s->progress);
	cmd_notice(&s->options->globals, "%s gives orders to models: it is marked, and read as data",
		   id);
}

static void take_answer(struct sync *s, const json_t *answer)
{
	json_t *result;
	size_t i;

	s->added += json_integer_value(json_object_get(answer, "added"));
	s->changed += json_integer_value(json_object_get(answer, "changed"));
	s->unchanged += json_integer_value(json_object_get(answer, "unchanged"));
	s->failed += json_integer_value(json_object_get(answer, "failed"));
	s->chunks += json_integer_value(json_object_get(answer, "chunks"));
	json_array_foreach(json_object_get(answer, "results"), i, result) tell_result(s, result);
}

static void clear_batch(struct batch *b)
{
	buf_clear(&b->body);
	b->count = 0;
	b->bytes = 0;
}

static int send_batch(struct sync *s, struct batch *b, struct err *err)
{
	char *path = rag_path(s->index, "documents/upsert", NULL);
	const struct wire_request request = { .path = path,
					      .body = buf_span(&b->body),
					      .type = "application/x-ndjson",
					      .is_long = true };
	json_t *answer = b->count > 0 ? wire_ask(s->link->wire, &request, err) : json_object();

	mem_free(path);
	if (!answer)
		return -1;
	take_answer(s, answer);
	json_decref(answer);
	progress_step(&s->progress, (int64_t)b->count, b->bytes);
	if (s->options->jsonl && b->count > 0)
		sync_tell_event(s, "rag.progress",
				json_pack("{s:I, s:I, s:I}", "done", (json_int_t)s->progress.done,
					  "total", (json_int_t)s->progress.total, "bytes",
					  (json_int_t)s->progress.bytes));
	clear_batch(b);
	return 0;
}

/* ---- files ---- */

static const char *id_of(const struct rag_file *f)
{
	return f->as ? f->as : f->id;
}

/* One that cannot be read is told and counted; the others go on. */
static void fail_file(struct sync *s, const struct rag_file *f, const char *code, const char *why)
{
	s->failed++;
	sync_tell_file(s, id_of(f), "fail", code, why);
	progress_step(&s->progress, 1, 0);
}

static bool has_path(struct sync *s, const char *path)
{
	if (!s->paths) {
		s->paths = json_object();
		for (size_t i = 0; i < s->files.count; i++)
			json_object_set_new(s->paths, s->files.list[i].path, json_true());
	}
	return json_object_get(s->paths, path);
}

bool sync_is_taken(struct sync *s, const struct rag_file *f, const json_t *wanted)
{
	const char *source = models_text(wanted, "source");
	struct stat there, here;

	if (!*source || stat(source, &there) < 0 || stat(f->path, &here) < 0)
		return false;
	return (there.st_dev != here.st_dev || there.st_ino != here.st_ino) && !has_path(s, source);
}

/* What it would replace is another file, which is there still. */
static void fail_taken(struct sync *s, const struct rag_file *f, const char *source)
{
	struct err err = ERR_INIT;

	err_set(&err, E_rag_document_exists, "",
		"%s has this id; name a directory further up, or another index", source);
	fail_file(s, f, "rag_document_exists", err.message);
}

static void read_file(struct sync *s, struct batch *b, const struct rag_file *f, const json_t *wanted)
{
	struct err err = ERR_INIT;
	struct buf content;
	int result = 0;

	buf_init(&content, FILE_MAX);
	if (f->size > FILE_MAX) {
		read_head(f->path, &content);
		err_set(&err, E_too_large, "", "%s", too_large);
		result = -1;
	} else {
		result = file_read(f->path, &content, &err);
	}
	if (is_unknown(s, f, buf_span(&content))) {
		sync_skip_unknown(s, id_of(f));
		progress_step(&s->progress, 1, 0);
	} else if (result < 0) {
		fail_file(s, f,
			  err.code == E_too_large ? "document_too_large" : "document_unreadable",
			  err.message);
	} else {
		add_to_batch(s, b, id_of(f), f->path, json_object_get(wanted, "metadata"), f->mtime_us,
			     buf_span(&content));
	}
	buf_free(&content);
}

/* A large file is a batch of its own: where the gateway takes none of that size, the others go on. */
static int send_after(struct sync *s, struct batch *b, const struct rag_file *f, struct err *err)
{
	struct err why = ERR_INIT;

	if (send_batch(s, b, err) == 0)
		return 0;
	if (err->code != E_body_too_large || b->count != 1)
		return -1;
	*err = (struct err)ERR_INIT;
	err_set(&why, E_document_too_large, "",
		"it is sent as %zu bytes; the gateway's setting max_body_bytes allows fewer", b->body.len);
	fail_file(s, f, "document_too_large", why.message);
	clear_batch(b);
	return 0;
}

/* How far it came.  Of a batch that was on its way nobody knows whether it is in. */
static int end_early(struct sync *s, struct err *err)
{
	static const char kept[] =
		"%lld of %lld files are done and kept, and the same command goes on from there";
	const long long done = s->progress.done, total = s->progress.total;
	char text[sizeof(kept) + 40];

	snprintf(text, sizeof(text), kept, done, total);
	if (interrupt_signal())
		return err_set(err, E_cancelled, "", "interrupted: %s", text);
	progress_hide(&s->progress);
	if (done > 0)
		cmd_notice(&s->options->globals, "%s", text);
	return -1;
}

int sync_send_all(struct sync *s, struct err *err)
{
	struct batch b = { .count = 0 };
	json_t *one;
	size_t i;
	int result = 0;

	buf_init(&b.body, BODY_MAX);
	json_array_foreach(s->wanted, i, one)
	{
		const struct rag_file *f = rag_files_get(&s->files, models_text(one, "id"));
		const json_t *error = json_object_get(one, "error");

		if (!f || result < 0 || interrupt_signal())
			continue;
		/* A large one is a batch of its own. */
		if (b.count > 0 && b.bytes + f->size > BATCH_BYTES)
			result = send_batch(s, &b, err);
		if (result == 0 && sync_is_taken(s, f, one))
			fail_taken(s, f, models_text(one, "source"));
		else if (result == 0 && error) /* the last time, as it is now */
			fail_file(s, f, models_text(error, "code"), models_text(error, "message"));
		else if (result == 0)
			read_file(s, &b, f, one);
		if (result == 0 && (b.count == BATCH_FILES || b.bytes >= BATCH_BYTES))
			result = send_after(s, &b, f, err);
	}
	if (result == 0)
		result = send_batch(s, &b, err);
	buf_free(&b.body);
	return result < 0 || interrupt_signal() ? end_early(s, err) : 0;
}

/* ---- standard input ---- */

static int read_piped(struct buf *out, struct err *err)
{
	char room[64 * 1024];
	size_t got;

	/* At a terminal the end can be read but once: fread would ask for another. */
	while (!interrupt_signal() && !feof(stdin) &&
	       (got = fread(room, 1, sizeof(room), stdin)) > 0)
		if (buf_add(out, room, got) < 0)
			return err_set(err, E_document_too_large, "", "standard input: %s", too_large);
	if (interrupt_signal())
		return err_set(err, E_cancelled, "", "interrupted: nothing was sent");
	if (ferror(stdin))
		return err_set(err, E_usage, "", "standard input: %s", err_errno(errno));
	return 0;
}

int sync_send_piped(struct sync *s, struct err *err)
{
	struct batch b = { .count = 0 };
	const char *name = s->options->name;
	char made[RAG_MADE_NAME_SIZE];
	json_t *kept = NULL;
	struct buf content;
	int result = -1;

	buf_init(&content, FILE_MAX);
	buf_init(&b.body, BODY_MAX);
	if (read_piped(&content, err) < 0)
		goto out;
	if (content.len == 0) {
		err_set(err, E_usage, "", "standard input is empty: there is no document in it");
		goto out;
	}
	if (!name || !*name) {
		rag_made_name(buf_span(&content), made);
		name = made;
	}
	if (s->metadata || sync_find_kept(s, name, &kept, err) == 0) {
		add_to_batch(s, &b, name, NULL, kept, -1, buf_span(&content));
		result = send_batch(s, &b, err);
	}
out:
	json_decref(kept);
	buf_free(&b.body);
	buf_free(&content);
	return result;
}
