/*
 * server/api/a1_rag_sync.c - /a1/rag/indices/{id}/sync: what a directory has, and the index.
 *
 * A file is known by its id; one whose id is new may be known by where it came from: the same file
 * was put in under another one, as when it was named by itself and now its directory is.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/jmember.h"
#include "common/base/jscan.h"
#include "server/api/a1_rag.h"
#include "server/api/fields.h"

struct sync {
	struct rag_body body;
	const struct config_list *loaders; /* of the settings: EXTENSION=COMMAND */
	json_t *files;   /* all that were asked about, by id */
	json_t *fresh;   /* those of them that no document has the id of */
	json_t *sources; /* the same by source, where they have one */
	json_t *gone, *known;
	json_t *unread; /* why, by id, of those that could not be read as they are */
	struct span prefix, after, until; /* which documents it is about */
	const json_t *metadata; /* that they shall have; NULL: that is not looked at */
	bool all; /* what is as it was is wanted, too */
	struct buf wanted;
	int64_t unchanged;
	bool is_past;
};

/* ---- the files ---- */

static int read_file(json_t *file, struct sync *s, struct err *err)
{
	struct span id, source = SPAN_NONE;
	int64_t size = -1, mtime = -1;

	if (!json_is_object(file))
		return err_set(err, E_invalid_field, "", "a file is {id, size, mtime, source}");
	if (field_need_text(file, "id", &id, err) < 0 ||
	    field_int(file, "size", 0, INT64_MAX, &size, err) < 0 ||
	    field_int(file, "mtime", 0, INT64_MAX, &mtime, err) < 0 ||
	    field_text(file, "source", &source, err) < 0)
		return -1;
	if (memchr(id.ptr, '\0', id.len))
		return err_set(err, E_invalid_field, "id", "\\u0000 is not taken");
	json_object_setn(s->files, id.ptr, id.len, file);
	return 0;
}

/* Says of which file it is. */
static int blame_file(size_t index, struct err *err)
{
	char param[ERR_PARAM_MAX];

	snprintf(param, sizeof param, "files[%zu]%s%.80s", index, *err->param ? "." : "", err->param);
	memcpy(err->param, param, sizeof param);
	return -1;
}

static int read_files(json_t *list, struct sync *s, struct err *err)
{
	size_t i;
	json_t *file;

	if (!json_is_array(list))
		return err_set(err, list ? E_invalid_field : E_missing_field, "files",
			       "files is a list of {id, size, mtime, source}");
	json_array_foreach(list, i, file)
	{
		if (read_file(file, s, err) < 0)
			return blame_file(i, err);
	}
	json_object_update(s->fresh, s->files);
	return 0;
}

/* ---- comparing ---- */

static bool is_behind(struct span name, struct span other)
{
	size_t least = name.len < other.len ? name.len : other.len;
	int order = least > 0 ? memcmp(name.ptr, other.ptr, least) : 0;

	return order > 0 || (order == 0 && name.len > other.len);
}

static bool has_other_metadata(const struct sync *s, const struct rag_document_info *d)
{
	json_t *has;
	bool result;

	if (!s->metadata)
		return false;
	has = json_loadb(d->meta.ptr, d->meta.len, 0, NULL);
	result = !json_equal(has, s->metadata);
	json_decref(has);
	return result;
}

/* NULL: as it was when the document was put in. */
static const char *why_wanted(const struct sync *s, const json_t *file, const struct rag_document_info *d)
{
	const json_t *mtime = json_object_get(file, "mtime");

	if (json_integer_value(json_object_get(file, "size")) != d->source_bytes)
		return "changed";
	if (!json_is_integer(mtime) || json_integer_value(mtime) != d->mtime_us)
		return "touched";
	if (has_other_metadata(s, d))
		return "metadata";
	return s->all ? "asked" : NULL;
}

/* What a document has that is put in anew: whoever says no other gives it back. */
static struct span metadata_of(const struct rag_document_info *d)
{
	return span_is(d->meta, "{}") ? SPAN_NONE : d->meta;
}

/* source: of the document that is there, where the file is from another place; or empty. */
static void add_wanted(struct sync *s, struct span id, const char *why, struct span source,
		       struct span metadata)
{
	const json_t *unread = json_object_getn(s->unread, id.ptr, id.len);

	buf_printf(&s->wanted, "%s{\"id\":", s->wanted.len > 0 ? "," : "");
	jtext_string(&s->wanted, id);
	buf_printf(&s->wanted, ",\"why\":\"%s\"", why);
	jmember_text_if(&s->wanted, "source", source);
	if (metadata.len > 0)
		buf_printf(&s->wanted, ",\"metadata\":%.*s", SPAN_ARGS(metadata));
	if (unread) {
		buf_printf(&s->wanted, ",\"error\":{\"code\":\"%s\"", err_info(E_document_unreadable)->code);
		jmember_text(&s->wanted, "message", span_str(json_string_value(unread)));
		buf_add_char(&s->wanted, '}');
	}
	buf_add_char(&s->wanted, '}');
}

static struct span other_source(const json_t *file, const struct rag_document_info *d)
{
	const json_t *source = json_object_get(file, "source");

	if (!json_is_string(source) ||
	    span_equal(d->source, span_of(json_string_value(source), json_string_length(source))))
		return SPAN_NONE;
	return d->source;
}

static int compare_id(void *arg, const struct rag_document_info *d)
{
	struct sync *s = arg;
	json_t *file = json_object_getn(s->files, d->name.ptr, d->name.len);
	const char *why;

	if (s->until.ptr && is_behind(d->name, s->until)) {
		s->is_past = true;
		return -1;
	}
	if (!file) {
		json_object_setn_new(s->gone, d->name.ptr, d->name.len, json_true());
		return 0;
	}
	why = why_wanted(s, file, d);
	if (why)
		add_wanted(s, d->name, why, other_source(file, d), metadata_of(d));
	else
		s->unchanged++;
	json_object_deln(s->fresh, d->name.ptr, d->name.len);
	return 0;
}

/* A document of another id that came from the same place, unless that id is a file's of its own. */
static int compare_source(void *arg, const struct rag_document_info *d)
{
	struct sync *s = arg;
	json_t *file = d->source.len > 0
			       ? json_object_getn(s->sources, d->source.ptr, d->source.len)
			       : NULL;
	const char *id, *why;

	if (!file || json_object_getn(s->files, d->name.ptr, d->name.len))
		return 0;
	id = json_string_value(json_object_get(file, "id"));
	why = why_wanted(s, file, d);
	json_array_append_new(s->known, json_pack("{s:s, s:s%, s:s, s:s%}", "id", id, "as", d->name.ptr,
						  d->name.len, "why", why ? why : "unchanged", "metadata",
						  d->meta.ptr, d->meta.len));
	json_object_deln(s->gone, d->name.ptr, d->name.len);
	json_object_del(s->fresh, id);
	json_object_deln(s->sources, d->source.ptr, d->source.len);
	return json_object_size(s->sources) > 0 ? 0 : -1;
}

static void note_sources(struct sync *s)
{
	const char *id;
	json_t *file;

	json_object_foreach(s->fresh, id, file)
	{
		const json_t *source = json_object_get(file, "source");

		if (json_string_length(source) > 0)
			json_object_setn(s->sources, json_string_value(source),
					 json_string_length(source), file);
	}
}

/* As it was then: it would fail again. */
static void note_unread(void *arg, const struct rag_unread *u)
{
	struct sync *s = arg;
	const json_t *file = json_object_getn(s->files, u->name.ptr, u->name.len);
	const json_t *mtime = json_object_get(file, "mtime"), *size = json_object_get(file, "size");

	if (json_is_integer(mtime) && json_integer_value(mtime) == u->mtime_us &&
	    json_integer_value(size) == u->source_bytes)
		json_object_setn_new(s->unread, u->name.ptr, u->name.len, json_stringn(u->why.ptr, u->why.len));
}

/* An index that is not there yet wants all. */
static int compare_all(struct sync *s)
{
	struct rag_work *w = &s->body.work;

	if (!s->all &&
	    rag_unread_each(w->rag, w->tenant, w->index, note_unread, s, &w->err) < 0 &&
	    w->err.code != E_rag_index_not_found)
		return -1;
	w->err = (struct err)ERR_INIT;
	if (rag_document_each(w->rag, w->tenant, w->index, s->prefix, s->after, -1, compare_id, s,
			      &w->err) < 0 &&
	    !s->is_past && w->err.code != E_rag_index_not_found)
		return -1;
	w->err = (struct err)ERR_INIT;
	note_sources(s);
	if (json_object_size(s->sources) > 0 &&
	    rag_document_each(w->rag, w->tenant, w->index, SPAN_NONE, SPAN_NONE, -1, compare_source,
			      s, &w->err) < 0 &&
	    w->err.code != E_none && w->err.code != E_rag_index_not_found)
		return -1;
	w->err = (struct err)ERR_INIT;
	return 0;
}

/* ---- telling ---- */

static void print_gone(const struct sync *s, struct buf *out)
{
	const char *id;
	size_t len, count = 0;
	json_t *value;

	buf_add_str(out, ",\"gone\":[");
	json_object_keylen_foreach(s->gone, id, len, value)
	{
		buf_add_str(out, count++ > 0 ? "," : "");
		jtext_string(out, span_of(id, len));
	}
	buf_add_char(out, ']');
}

static void print_known(const struct sync *s, struct buf *out)
{
	size_t i;
	json_t *one;

	buf_add_str(out, ",\"known\":[");
	json_array_foreach(s->known, i, one)
	{
		buf_add_str(out, i > 0 ? ",{\"id\":" : "{\"id\":");
		jtext_string(out, span_str(json_string_value(json_object_get(one, "id"))));
		buf_add_str(out, ",\"as\":");
		jtext_string(out, span_str(json_string_value(json_object_get(one, "as"))));
		buf_printf(out, ",\"why\":\"%s\"",
			   json_string_value(json_object_get(one, "why")));
		if (strcmp(json_string_value(json_object_get(one, "metadata")), "{}") != 0)
			buf_printf(out, ",\"metadata\":%s",
				   json_string_value(json_object_get(one, "metadata")));
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void print_loaders(const struct sync *s, struct buf *out)
{
	buf_add_str(out, ",\"loaders\":[");
	for (size_t i = 0; i < s->loaders->count; i++) {
		struct span rest = span_str(s->loaders->items[i]);

		buf_add_str(out, i > 0 ? "," : "");
		jtext_string(out, span_cut(&rest, '='));
	}
	buf_add_char(out, ']');
}

static int print_all(struct sync *s)
{
	struct rag_work *w = &s->body.work;
	const char *id;
	size_t len;
	json_t *file;

	json_object_keylen_foreach(s->fresh, id, len, file) add_wanted(s, span_of(id, len), "new", SPAN_NONE, SPAN_NONE);
	if (buf_failed(&s->wanted))
		return err_set(&w->err, E_too_large, "files", "the list is too long");
	buf_add_str(&w->out, "{\"wanted\":[");
	buf_add_span(&w->out, buf_span(&s->wanted));
	buf_printf(&w->out, "],\"unchanged\":%lld", (long long)s->unchanged);
	print_gone(s, &w->out);
	print_known(s, &w->out);
	print_loaders(s, &w->out);
	buf_add_char(&w->out, '}');
	return 0;
}

static int read_wishes(json_t *root, struct sync *s, struct err *err)
{
	const json_t *metadata = json_object_get(root, "metadata");

	if (metadata && !json_is_null(metadata) && !json_is_object(metadata))
		return err_set(err, E_invalid_field, "metadata", "metadata is an object");
	s->metadata = json_is_object(metadata) ? metadata : NULL;
	if (field_bool(root, "all", &s->all, err) < 0 ||
	    field_text(root, "prefix", &s->prefix, err) < 0 ||
	    field_text(root, "after", &s->after, err) < 0)
		return -1;
	return field_text(root, "until", &s->until, err);
}

static int sync_files(struct rag_body *body)
{
	struct sync *s = container_of(body, struct sync, body);
	struct err *err = &body->work.err;
	int result = -1;

	buf_init(&s->wanted, A1_RAG_REPLY_MAX);
	s->files = json_object();
	s->fresh = json_object();
	s->sources = json_object();
	s->gone = json_object();
	s->known = json_array();
	s->unread = json_object();
	if (read_wishes(body->root, s, err) == 0 &&
	    read_files(json_object_get(body->root, "files"), s, err) == 0 && compare_all(s) == 0)
		result = print_all(s);
	buf_free(&s->wanted);
	json_decref(s->files);
	json_decref(s->fresh);
	json_decref(s->sources);
	json_decref(s->gone);
	json_decref(s->known);
	json_decref(s->unread);
	return result;
}

void a1_rag_sync(struct exchange *x, struct call *c)
{
	static const char *const names[] = { "files",    "prefix", "after", "until",
					     "metadata", "all",    NULL };

	struct sync s = { .body = { .names = names, .do_it = sync_files },
			  .loaders = &c->snapshot->config->rag_loaders };

	rag_body_run(x, c, &s.body);
}
