/*
 * common/store/memory.c - see memory.h.
 */
#include "common/store/memory.h"

#include "common/store/change.h"

bool memory_is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '_' && c != '-')
			return false;
	}
	return name.len > 0 && name.len <= MEMORY_NAME_MAX;
}

/* ?1 to ?3. */
static void bind_owner(struct db_statement *st, const struct owner *o)
{
	db_bind_str(st, 1, o->tenant_id);
	db_bind_str(st, 2, o->scope_id);
	db_bind_str(st, 3, o->user_id);
}

static int not_found(struct span name, struct err *err)
{
	return err_set(err, E_memory_not_found, "name", "there is no memory '%.*s'", SPAN_ARGS(name));
}

static struct memory read_row(struct db_statement *st)
{
	struct span content = db_text(st, 1);

	return (struct memory){
		.name = db_text(st, 0),
		.content = content,
		.bytes = (int64_t)content.len,
		.created_at = db_int(st, 2),
		.updated_at = db_int(st, 3),
	};
}

static int tell_rows(struct db_statement *st, int (*each)(void *context, const struct memory *m),
		     void *context, int *count, struct err *err)
{
	int row;

	*count = 0;
	while ((row = db_next(st, err)) == 1) {
		struct memory m = read_row(st);

		++*count;
		if (each(context, &m) < 0)
			return -1;
	}
	return row;
}

int memory_list(struct db *db, const struct owner *o, int (*each)(void *context, const struct memory *m),
		void *context, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT name, content, created_at, updated_at FROM memory"
					       " WHERE tenant_id = ?1 AND scope_id = ?2 AND user_id = ?3"
					       " ORDER BY name",
					       err);
	int count;

	if (!st)
		return -1;
	bind_owner(st, o);
	return tell_rows(st, each, context, &count, err);
}

int memory_get(struct db *db, const struct owner *o, struct span name,
	       int (*each)(void *context, const struct memory *m), void *context, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "SELECT name, content, created_at, updated_at FROM memory"
					       " WHERE tenant_id = ?1 AND scope_id = ?2 AND user_id = ?3"
					       " AND name = ?4",
					       err);
	int count;

	if (!st)
		return -1;
	bind_owner(st, o);
	db_bind_text(st, 4, name);
	if (tell_rows(st, each, context, &count, err) < 0)
		return -1;
	return count ? 0 : not_found(name, err);
}

/* Bytes of the bucket, -1 = there is none; and how many buckets there are. */
static int measure(struct db *db, const struct owner *o, struct span name, int64_t *bytes, int64_t *buckets,
		   struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"SELECT coalesce(max(CASE WHEN name = ?4 THEN length(CAST(content AS BLOB)) END), -1),"
		" count(*) FROM memory WHERE tenant_id = ?1 AND scope_id = ?2 AND user_id = ?3",
		err);

	if (!st)
		return -1;
	bind_owner(st, o);
	db_bind_text(st, 4, name);
	if (db_next(st, err) != 1)
		return -1;
	*bytes = db_int(st, 0);
	*buckets = db_int(st, 1);
	return 0;
}

int memory_put(struct db *db, const struct owner *o, struct span name, struct span content, bool append,
	       int64_t now_ms, struct err *err)
{
	struct db_statement *st;
	int64_t bytes, buckets, total;

	if (measure(db, o, name, &bytes, &buckets, err) < 0)
		return -1;
	total = (int64_t)content.len + (append && bytes > 0 ? bytes : 0);
	if (total > MEMORY_BUCKET_MAX)
		return err_set(err, E_memory_bucket_full, append ? "body.append" : "body.content",
			       "the memory '%.*s' would have %lld bytes, at most %d are kept", SPAN_ARGS(name),
			       (long long)total, MEMORY_BUCKET_MAX);
	if (bytes < 0 && buckets >= MEMORY_BUCKETS_MAX)
		return err_set(err, E_memory_bucket_full, "name", "there are %d memories already, no more are kept",
			       MEMORY_BUCKETS_MAX);
	st = db_statement(db,
			  "INSERT INTO memory (tenant_id, scope_id, user_id, name, content, created_at,"
			  " updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)"
			  " ON CONFLICT (tenant_id, scope_id, user_id, name) DO UPDATE SET"
			  " content = CASE ?7 WHEN 1 THEN content || excluded.content ELSE excluded.content END,"
			  " updated_at = excluded.updated_at",
			  err);
	if (!st)
		return -1;
	bind_owner(st, o);
	db_bind_text(st, 4, name);
	db_bind_text(st, 5, content);
	db_bind_int(st, 6, now_ms);
	db_bind_int(st, 7, append);
	if (db_run(st, err) < 0)
		return -1;
	return change_note_texts(db, o->tenant_id, o->scope_id, o->user_id, err);
}

int memory_delete(struct db *db, const struct owner *o, struct span name, struct err *err)
{
	struct db_statement *st = db_statement(db,
					       "DELETE FROM memory WHERE tenant_id = ?1 AND scope_id = ?2"
					       " AND user_id = ?3 AND name = ?4",
					       err);

	if (!st)
		return -1;
	bind_owner(st, o);
	db_bind_text(st, 4, name);
	if (db_run(st, err) < 0)
		return -1;
	if (!db_changes(db))
		return not_found(name, err);
	return change_note_texts(db, o->tenant_id, o->scope_id, o->user_id, err);
}
