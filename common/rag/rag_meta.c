/*
 * common/rag/rag_meta.c - metadata of documents, as rows that filters can ask for.
 */
#include "common/rag/rag_inside.h"

#include <jansson.h>

static json_t *load(struct span meta, json_error_t *why)
{
	return json_loadb(meta.ptr, meta.len, JSON_REJECT_DUPLICATES, why);
}

static int refuse(const json_t *meta, const json_error_t *why, struct err *err)
{
	if (meta)
		return err_set(err, E_invalid_field, "metadata", "it is no JSON object");
	if (json_error_code(why) == json_error_null_character)
		return err_set(err, E_invalid_field, "metadata", "\\u0000 is not taken");
	return err_set(err, E_invalid_field, "metadata", "it is no JSON: %s", why->text);
}

int rag_meta_check(struct span meta, struct err *err)
{
	json_t *object, *value;
	json_error_t why;
	const char *key;
	int result = 0;

	if (meta.len > RAG_META_MAX)
		return err_set(err, E_invalid_field, "metadata", "it has more than %d bytes",
			       RAG_META_MAX);
	object = load(meta, &why);
	if (!json_is_object(object))
		result = refuse(object, &why, err);
	json_object_foreach(object, key, value) if (result == 0 && !json_is_string(value) &&
						    !json_is_number(value) &&
						    !json_is_boolean(value)) result =
		err_set(err, E_invalid_field, "metadata",
			"\"%.64s\" is no string, number or boolean", key);
	json_decref(object);
	return result;
}

static int insert_one(struct db *db, int64_t index_id, int64_t document_id, const char *key,
		      const json_t *value, struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "INSERT INTO rag_meta (index_id, document_id, key, kind, text, number)"
			     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
			     err);

	if (!st)
		return -1;
	db_bind_int(st, 1, index_id);
	db_bind_int(st, 2, document_id);
	db_bind_str(st, 3, key);
	db_bind_str(st, 4, json_is_string(value) ? "s" : json_is_number(value) ? "n" : "b");
	if (json_is_string(value))
		db_bind_text(st, 5, span_of(json_string_value(value), json_string_length(value)));
	else
		db_bind_real(st, 6,
			     json_is_number(value) ? json_number_value(value)
						   : (double)json_is_true(value));
	return db_run(st, err);
}

int rag_meta_insert(struct db *db, int64_t index_id, int64_t document_id, struct span meta,
		    struct err *err)
{
	json_t *object, *value;
	const char *key;
	int result = 0;

	if (span_is(meta, "{}"))
		return 0;
	object = load(meta, NULL);
	json_object_foreach(object, key, value) if (result == 0) result =
		insert_one(db, index_id, document_id, key, value, err);
	json_decref(object);
	return result;
}

int rag_meta_delete(struct db *db, int64_t document_id, struct err *err)
{
	return db_run_with(db, "DELETE FROM rag_meta WHERE document_id = ?1", document_id, err);
}
