/*
 * common/store/tenant_key.c - rows of the table tenant_key.
 */
#include "common/store/tenant_key.h"

#include <stdio.h>

#include "common/base/mem.h"
#include "common/store/change.h"

#define COLUMNS                                                                               \
	"id, tenant_id, prefix, label, created_by, sha256, old_sha256, role, extra_scopes,"   \
	" deny_scopes, constraints, created_at, rotated_at, expires_at, revoked_at, old_until," \
	" version"

static const char insert_sql[] =
	"INSERT INTO tenant_key (" COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
	" ?12, ?13, ?14, ?15, ?16, ?17)";
static const char update_sql[] =
	"UPDATE tenant_key SET prefix = ?3, sha256 = ?4, old_sha256 = ?5, rotated_at = ?6,"
	" revoked_at = ?7, old_until = ?8, version = ?9 WHERE tenant_id = ?1 AND id = ?2";
static const char get_sql[] = "SELECT " COLUMNS " FROM tenant_key WHERE tenant_id = ?1 AND id = ?2";
static const char label_sql[] = "SELECT label FROM tenant_key WHERE id = ?1";
static const char list_sql[] = "SELECT " COLUMNS " FROM tenant_key WHERE tenant_id = ?1"
			       " ORDER BY created_at DESC, id DESC LIMIT ?2 OFFSET ?3";
static const char all_sql[] = "SELECT " COLUMNS " FROM tenant_key LIMIT ?1 OFFSET ?2";
/* A maker stays as long as one of its line: what that spends is drawn on the maker's account. */
static const char prune_sql[] =
	"DELETE FROM tenant_key WHERE tenant_id = ?1 AND revoked_at < ?2 AND NOT EXISTS ("
	"WITH RECURSIVE line (id, revoked_at) AS ("
	"SELECT k.id, k.revoked_at FROM tenant_key AS k WHERE k.created_by = tenant_key.id"
	" UNION SELECT k.id, k.revoked_at FROM tenant_key AS k JOIN line ON k.created_by = line.id)"
	" SELECT 1 FROM line WHERE revoked_at IS NULL OR revoked_at >= ?2)";
static const char count_revoked_sql[] =
	"SELECT count(*) FROM tenant_key WHERE tenant_id = ?1 AND revoked_at IS NOT NULL";
static const char count_sql[] = "SELECT count(*) FROM tenant_key WHERE tenant_id = ?1";

void tenant_key_clear(struct tenant_key *k)
{
	mem_free(k->role);
	mem_free(k->extra_scopes);
	mem_free(k->deny_scopes);
	mem_free(k->constraints);
	*k = (struct tenant_key){ .version = 0 };
}

/* Writing */

static void bind_time(struct db_statement *st, int at, int64_t ms)
{
	if (ms)
		db_bind_int(st, at, ms);
	else
		db_bind_null(st, at);
}

static void bind_digest(struct db_statement *st, int at, const uint8_t *digest)
{
	db_bind_blob(st, at, digest ? span_of((const char *)digest, DIGEST_SIZE) : SPAN_NONE);
}

int tenant_key_insert(struct db *db, const struct tenant_key *k, struct err *err)
{
	struct db_statement *st = db_statement(db, insert_sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, k->id);
	db_bind_str(st, 2, k->tenant_id);
	db_bind_str(st, 3, k->prefix);
	db_bind_str(st, 4, k->label);
	db_bind_str(st, 5, k->created_by);
	bind_digest(st, 6, k->digest);
	bind_digest(st, 7, k->has_old ? k->old_digest : NULL);
	db_bind_str(st, 8, k->role);
	db_bind_str(st, 9, k->extra_scopes);
	db_bind_str(st, 10, k->deny_scopes);
	db_bind_str(st, 11, k->constraints);
	db_bind_int(st, 12, k->created_ms);
	bind_time(st, 13, k->rotated_ms);
	bind_time(st, 14, k->expires_ms);
	bind_time(st, 15, k->revoked_ms);
	bind_time(st, 16, k->old_until_ms);
	db_bind_int(st, 17, k->version);
	if (db_run(st, err) < 0)
		return -1;
	return change_note(db, CHANGE_KEY, span_str(k->tenant_id), span_str(k->id), err);
}

int tenant_key_update(struct db *db, const struct tenant_key *k, struct err *err)
{
	struct db_statement *st = db_statement(db, update_sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, k->tenant_id);
	db_bind_str(st, 2, k->id);
	db_bind_str(st, 3, k->prefix);
	bind_digest(st, 4, k->digest);
	bind_digest(st, 5, k->has_old ? k->old_digest : NULL);
	bind_time(st, 6, k->rotated_ms);
	bind_time(st, 7, k->revoked_ms);
	bind_time(st, 8, k->old_until_ms);
	db_bind_int(st, 9, k->version);
	if (db_run(st, err) < 0)
		return -1;
	if (db_changes(db) == 0)
		return 0;
	return change_note(db, CHANGE_KEY, span_str(k->tenant_id), span_str(k->id), err) < 0 ? -1 : 1;
}

/* Reading */

static void read_into(struct db_statement *st, int column, char *out, size_t size)
{
	struct span text = db_text(st, column);
	size_t len = text.len < size ? text.len : size - 1;

	if (len > 0)
		memcpy(out, text.ptr, len);
	out[len] = '\0';
}

static bool read_digest(struct db_statement *st, int column, uint8_t out[DIGEST_SIZE])
{
	struct span bytes = db_blob(st, column);

	if (bytes.len != DIGEST_SIZE)
		return false;
	memcpy(out, bytes.ptr, DIGEST_SIZE);
	return true;
}

static int read_row(struct db *db, struct db_statement *st, struct tenant_key *k, struct err *err)
{
	*k = (struct tenant_key){ .version = db_int(st, 16) };
	read_into(st, 0, k->id, sizeof k->id);
	read_into(st, 1, k->tenant_id, sizeof k->tenant_id);
	read_into(st, 2, k->prefix, sizeof k->prefix);
	read_into(st, 3, k->label, sizeof k->label);
	read_into(st, 4, k->created_by, sizeof k->created_by);
	if (!read_digest(st, 5, k->digest))
		return err_set(err, E_storage_error, "", "%s: the key %s has no digest", db_path(db),
			       k->id);
	k->has_old = read_digest(st, 6, k->old_digest);
	k->role = db_str(st, 7);
	k->extra_scopes = db_str(st, 8);
	k->deny_scopes = db_str(st, 9);
	k->constraints = db_str(st, 10);
	k->created_ms = db_int(st, 11);
	k->rotated_ms = db_int(st, 12);
	k->expires_ms = db_int(st, 13);
	k->revoked_ms = db_int(st, 14);
	k->old_until_ms = db_int(st, 15);
	return 0;
}

int tenant_key_get(struct db *db, const char *tenant_id, const char *id, struct tenant_key *k,
		   struct err *err)
{
	struct db_statement *st = db_statement(db, get_sql, err);
	int result;

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant_id);
	db_bind_str(st, 2, id);
	result = db_next(st, err);
	if (result == 1 && read_row(db, st, k, err) < 0)
		result = -1;
	db_reset(st);
	return result;
}

int tenant_key_label(struct db *db, const char *id, char label[TENANT_KEY_LABEL_SIZE], struct err *err)
{
	struct db_statement *st = db_statement(db, label_sql, err);
	int result;

	if (!st)
		return -1;
	db_bind_str(st, 1, id);
	result = db_next(st, err);
	if (result == 1)
		snprintf(label, TENANT_KEY_LABEL_SIZE, "%.*s", SPAN_ARGS(db_text(st, 0)));
	db_reset(st);
	return result;
}

static int count_rows(struct db *db, const char *sql, const char *tenant_id, int64_t *count, struct err *err)
{
	struct db_statement *st = db_statement(db, sql, err);
	int result;

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant_id);
	result = db_next(st, err);
	if (result == 1)
		*count = db_int(st, 0);
	db_reset(st);
	return result < 0 ? -1 : 0;
}

int tenant_key_count(struct db *db, const char *tenant_id, int64_t *count, struct err *err)
{
	return count_rows(db, count_sql, tenant_id, count, err);
}

int tenant_key_count_revoked(struct db *db, const char *tenant_id, int64_t *count, struct err *err)
{
	return count_rows(db, count_revoked_sql, tenant_id, count, err);
}

int tenant_key_prune(struct db *db, const char *tenant_id, int64_t before_ms, struct err *err)
{
	struct db_statement *st = db_statement(db, prune_sql, err);

	if (!st)
		return -1;
	db_bind_str(st, 1, tenant_id);
	db_bind_int(st, 2, before_ms);
	return db_run(st, err);
}

int tenant_key_list(struct db *db, const char *tenant_id, int64_t limit, int64_t offset,
		    int (*visit)(void *arg, struct tenant_key *k, struct err *err), void *arg,
		    struct err *err)
{
	struct db_statement *st = db_statement(db, tenant_id ? list_sql : all_sql, err);
	int result, at = 1;

	if (!st)
		return -1;
	if (tenant_id)
		db_bind_str(st, at++, tenant_id);
	db_bind_int(st, at++, limit);
	db_bind_int(st, at, offset);
	while ((result = db_next(st, err)) == 1) {
		struct tenant_key k;

		result = read_row(db, st, &k, err);
		if (result == 0)
			result = visit(arg, &k, err);
		tenant_key_clear(&k);
		if (result < 0)
			break;
	}
	db_reset(st);
	return result < 0 ? -1 : 0;
}
