/*
 * server/api/v1_memory.c - /v1/memory.
 */
#include "common/base/clock.h"
#include "server/api/texts.h"

static json_t *memory_line(const struct memory *m)
{
	return json_pack("{s:s%, s:I, s:I, s:I}", "name", m->name.ptr, m->name.len, "bytes", (json_int_t)m->bytes,
			 "created_at", (json_int_t)m->created_at, "updated_at", (json_int_t)m->updated_at);
}

static int add_line(void *context, const struct memory *m)
{
	struct text_change *k = context;

	return json_array_append_new(k->items, memory_line(m));
}

static int add_whole(void *context, const struct memory *m)
{
	struct text_change *k = context;
	json_t *line = memory_line(m);

	json_object_set_new(line, "content", json_stringn(m->content.ptr, m->content.len));
	return json_array_append_new(k->items, line);
}

static int list_memory(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	return memory_list(db, &k->owner, add_line, k, err);
}

static int get_memory(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	return memory_get(db, &k->owner, span_str(k->name), add_whole, k, err);
}

/* What it has become goes into the answer, from the same transaction. */
static int put_memory(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	if (memory_put(db, &k->owner, span_str(k->name), k->content, k->append, clock_wall_ms(), err) < 0)
		return -1;
	return memory_get(db, &k->owner, span_str(k->name), add_line, k, err);
}

static int delete_memory(struct db *db, void *arg, struct err *err)
{
	struct text_change *k = arg;

	return memory_delete(db, &k->owner, span_str(k->name), err);
}

void v1_memory_list(struct exchange *x, struct call *c)
{
	texts_list(x, c, list_memory);
}

/* The name of the path; false when it is none, and that has been answered. */
static bool name_of(struct exchange *x, struct call *c, struct text_change *k)
{
	struct err err = ERR_INIT;

	*k = text_change_of(c);
	k->name = call_param(x, c, 0);
	if (memory_is_name(span_str(k->name)))
		return true;
	err_set(&err, E_invalid_field, "name",
		"a memory's name is 1 to %d characters of A-Z a-z 0-9 . _ -", MEMORY_NAME_MAX);
	reply_error(x, &err);
	return false;
}

void v1_memory_get(struct exchange *x, struct call *c)
{
	struct text_change k;

	if (name_of(x, c, &k))
		texts_get(x, &k, get_memory);
}

static int read_memory_body(json_t *body, struct text_change *k, struct err *err)
{
	static const char *const keys[] = { "content", "append" };
	struct span append;

	if (texts_refuse_others(body, keys, err) < 0 ||
	    texts_read(body, "content", "body.content", TEXTS_BODY_MAX, &k->content, err) < 0 ||
	    texts_read(body, "append", "body.append", TEXTS_BODY_MAX, &append, err) < 0)
		return -1;
	if (!k->content.ptr == !append.ptr)
		return err_set(err, k->content.ptr ? E_invalid_field : E_missing_field, "body.content",
			       "the body has either content or append");
	k->append = append.ptr != NULL;
	if (k->append)
		k->content = append;
	return 0;
}

void v1_memory_put(struct exchange *x, struct call *c)
{
	struct text_change k;

	if (name_of(x, c, &k))
		texts_put(x, &k, read_memory_body, put_memory);
}

void v1_memory_delete(struct exchange *x, struct call *c)
{
	struct text_change k;

	if (name_of(x, c, &k))
		texts_delete(x, &k, delete_memory);
}
