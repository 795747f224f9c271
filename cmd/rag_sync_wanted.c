/* cmd/rag_sync_wanted.c - see rag_sync.h: which files the gateway wants. */
#include "cmd/rag_sync.h"

#include "common/base/jmember.h"
#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "tui/models.h"

#include <stdlib.h>
#include <string.h>

enum {
	PART_FILES = 20000, /* of one question */
	MANIFEST_MAX = 1 << 30,
};

/* A part of the files, by id: the documents between first and last are what it is about. */
struct part {
	size_t from, to; /* of the list */
	bool is_first, is_last;
};

static void add_manifest(const struct sync *s, const struct part *p, struct buf *out)
{
	const struct rag_file *list = s->files.list;

	buf_add_str(out, "{\"files\":[");
	for (size_t i = p->from; i < p->to; i++) {
		buf_add_str(out, i > p->from ? ",{\"id\":" : "{\"id\":");
		jtext_string(out, span_str(list[i].id));
		jmember_text(out, "source", span_str(list[i].path));
		buf_printf(out, ",\"size\":%lld", (long long)list[i].size);
		if (list[i].mtime_us >= 0)
			buf_printf(out, ",\"mtime\":%lld", (long long)list[i].mtime_us);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
	if (!p->is_first)
		jmember_text(out, "after", span_str(list[p->from - 1].id));
	if (!p->is_last)
		jmember_text(out, "until", span_str(list[p->to - 1].id));
	if (s->metadata) {
		char *text = json_dumps(s->metadata, JSON_COMPACT);

		buf_printf(out, ",\"metadata\":%s", text);
		free(text);
	}
	/* What they were read as before is not known here. */
	if (s->options->type)
		buf_add_str(out, ",\"all\":true");
	buf_add_char(out, '}');
}

static json_t *ask(struct sync *s, const struct part *p, struct err *err)
{
	struct wire_request request = { .is_long = true };
	struct buf body;
	json_t *answer;
	char *path = rag_path(s->index, "sync", NULL);

	buf_init(&body, MANIFEST_MAX);
	add_manifest(s, p, &body);
	request.path = path;
	request.body = buf_span(&body);
	answer = wire_ask(s->link->wire, &request, err);
	buf_free(&body);
	mem_free(path);
	return answer;
}

/* metadata: of the document that is there; or NULL. */
static void want(struct sync *s, const char *id, const char *why, json_t *metadata)
{
	json_array_append_new(s->wanted,
			      json_pack("{s:s, s:s, s:O*}", "id", id, "why", why, "metadata", metadata));
}

/* Files that the index has under other ids keep those, unless another file has them by now. */
static void take_known(struct sync *s, const json_t *known)
{
	const json_t *one;
	size_t i;

	json_array_foreach(known, i, one)
	{
		const char *id = models_text(one, "id"), *as = models_text(one, "as");
		const char *why = models_text(one, "why");
		struct rag_file *file = rag_files_get(&s->files, id);

		if (!file)
			continue;
		if (rag_files_get(&s->files, as)) {
			want(s, id, "new", NULL);
			continue;
		}
		mem_free(file->as);
		file->as = mem_strdup(as);
		if (strcmp(why, "unchanged") == 0)
			s->unchanged++;
		else
			want(s, id, why, json_object_get(one, "metadata"));
	}
}

static void take_answer(struct sync *s, const json_t *answer)
{
	json_array_extend(s->wanted, json_object_get(answer, "wanted"));
	s->unchanged += json_integer_value(json_object_get(answer, "unchanged"));
	take_known(s, json_object_get(answer, "known"));
	rag_gone_consider(&s->gone, json_object_get(answer, "gone"));
	json_decref(s->loaders);
	s->loaders = json_incref(json_object_get(answer, "loaders"));
}

int sync_find_wanted(struct sync *s, struct err *err)
{
	size_t from = 0, count = s->files.count;

	s->wanted = json_array();
	do {
		const size_t to = count - from > PART_FILES ? from + PART_FILES : count;
		const struct part part = { from, to, from == 0, to == count };
		json_t *answer = ask(s, &part, err);

		if (!answer)
			return -1;
		take_answer(s, answer);
		json_decref(answer);
		from = to;
	} while (from < count);
	return 0;
}

int sync_find_kept(struct sync *s, const char *id, json_t **kept, struct err *err)
{
	char *path = rag_path(s->index, "sync", NULL);
	json_t *question = json_pack("{s:[{s:o}], s:o}", "files", "id", cmd_json_text(id), "prefix",
				     cmd_json_text(id));
	json_t *answer = rag_ask_take(s->link, NULL, path, question, err), *one;
	size_t i;

	mem_free(path);
	json_array_foreach(json_object_get(answer, "wanted"), i, one)
	{
		if (strcmp(models_text(one, "id"), id) == 0)
			*kept = json_incref(json_object_get(one, "metadata"));
	}
	json_decref(answer);
	return answer ? 0 : -1;
}
