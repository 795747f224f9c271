/*
 * common/store/verify.c - a table of questions, each answered by how many rows are wrong.
 */
#include "common/store/verify.h"

#include <stdio.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/store/migrate.h"
#include "common/store/usage_day.h"

/* The messages that the index has, by the word that stands for their tenant. */
#define INDEXED                                                                                   \
	"SELECT v.doc FROM (SELECT DISTINCT substr(owner, 1, 17) AS word FROM conversation) AS t" \
	" JOIN temp.verify_words AS v ON v.term = t.word WHERE v.col = 'owner'"

/*
 * The ledger's rows, added up as the sums by day are.  Old rows are gone from the first days, where
 * the sums are larger; from the second day after the oldest row on both must agree.
 */
#define LEDGER                                                                                     \
	"SELECT tenant, day, CASE WHEN EXISTS (SELECT 1 FROM usage_day AS d WHERE d.tenant_id = tenant" \
	" AND d.day = g.day AND d.user_id = g.who) THEN who ELSE '" USAGE_OTHERS "' END AS who, token,"  \
	" model, sum(n) AS n, sum(p) AS p, sum(c) AS c, sum(usd) AS usd, sum(eur) AS eur,"               \
	" sum(billed_usd) AS billed_usd, sum(billed_eur) AS billed_eur, sum(u) AS u"                     \
	" FROM (" LEDGER_OF_USERS ") AS g GROUP BY 1, 2, 3, 4, 5"
#define LEDGER_OF_USERS                                                                            \
	"SELECT coalesce(tenant_id, '') AS tenant, ts / 86400000 AS day, coalesce(user_id, '') "   \
	"AS who,"                                                                                  \
	" coalesce(token_id, '') AS token, model, count(*) AS n, coalesce(sum(prompt_tokens), 0) " \
	"AS p,"                                                                                    \
	" coalesce(sum(completion_tokens), 0) AS c, coalesce(sum(cost_usd), 0) AS usd,"            \
	" coalesce(sum(cost_eur), 0) AS eur, coalesce(sum(cost_billed_usd), 0) AS billed_usd,"     \
	" coalesce(sum(cost_billed_eur), 0) AS billed_eur, sum(CASE WHEN cost_source = 'unknown'"  \
	" AND cost_usd IS NULL THEN 1 ELSE 0 END) AS u FROM usage WHERE model IS NOT NULL"         \
	" GROUP BY 1, 2, 3, 4, 5"
#define DIFFERS(than)                                                                              \
	"s.requests " than " r.n OR s.prompt_tokens " than " r.p OR s.completion_tokens " than     \
	" r.c OR s.cost_usd " than " r.usd OR s.cost_eur " than " r.eur OR s.cost_billed_usd "     \
	than " r.billed_usd OR s.cost_billed_eur " than " r.billed_eur OR s.unknown " than " r.u"
#define SUMMED                                                                           \
	" AS r LEFT JOIN usage_day AS s ON s.tenant_id = r.tenant AND s.day = r.day AND" \
	" s.user_id = r.who AND s.token_id = r.token AND s.model = r.model"
/* Likewise what was billed through composite aliases, by the alias whose link answered. */
#define LINKS                                                                                      \
	"SELECT coalesce(tenant_id, '') AS tenant, ts / 86400000 AS day, coalesce(token_id, '') "  \
	"AS token,"                                                                                \
	" link_model AS model, coalesce(sum(cost_billed_usd), 0) AS usd,"                          \
	" coalesce(sum(cost_billed_eur), 0) AS eur FROM usage WHERE link_model IS NOT NULL AND model IS NOT NULL"\
	" GROUP BY 1, 2, 3, 4"
#define OF_LINK                                                                        \
	" ON s.tenant_id = r.tenant AND s.day = r.day AND s.token_id = r.token AND"    \
	" s.model = r.model"
/* What each conversation c has. */
#define MESSAGES                                                                                   \
	"(SELECT conversation, count(*) AS count, max(seq) AS last, sum(bytes + 512) AS bytes FROM message"  \
	" GROUP BY conversation) AS h ON h.conversation = c.number"
#define COUNTED_CONVERSATIONS \
	"SELECT tenant_id, user_id, count FROM conversation_count WHERE count <> 0"
#define CONVERSATIONS \
	"SELECT tenant_id, user_id, count(*) FROM conversation WHERE tenant_id <> '' GROUP BY tenant_id, user_id"
/* Rows of days past the last there is are gone, too, when the clock was ahead for a while. */
#define IS_WHOLE                                                                     \
	"s.day >= (SELECT ts / 86400000 + 2 FROM usage ORDER BY rowid LIMIT 1)"         \
	" AND s.day <= (SELECT max(ts) / 86400000 FROM usage)"

/* Each asks for a number of rows that should not be, and names one of them. */
static const struct question {
	const char *name, *meaning;
	const char *table; /* asked only of databases that have it */
	const char *sql;
} questions[] = {
	{ "message_conversation", "messages without a conversation", "message",
	  "SELECT count(*), min(m.id) FROM message AS m WHERE NOT EXISTS"
	  " (SELECT 1 FROM conversation AS c WHERE c.number = m.conversation)" },
	{ "message_count", "conversations that miscount their messages", "conversation",
	  "SELECT count(*), min(c.id) FROM conversation AS c LEFT JOIN " MESSAGES
	  " WHERE c.tenant_id <> '' AND c.message_count <> coalesce(h.count, 0)" },
	{ "message_order", "conversations with messages past their last", "conversation",
	  "SELECT count(*), min(c.id) FROM conversation AS c JOIN " MESSAGES " WHERE c.last_seq < h.last" },
	{ "message_run", "messages that their conversation does not find", "message_run",
	  "SELECT count(*), min(m.id) FROM message AS m JOIN conversation AS c ON c.number = m.conversation"
	  " WHERE c.tenant_id <> '' AND (c.first_message <> m.number OR m.seq <> 1) AND NOT EXISTS"
	  " (SELECT 1 FROM message_run AS r WHERE r.conversation = m.conversation AND r.seq = m.seq AND r.number = m.number)"
	  " AND NOT EXISTS (SELECT 1 FROM message AS p WHERE p.number = m.number - 1"
	  " AND p.conversation = m.conversation AND p.seq = m.seq - 1)" },
	{ "run_extra", "places where a conversation looks in vain for its messages", "message_run",
	  "SELECT count(*), min(r.conversation) FROM message_run AS r"
	  " LEFT JOIN conversation AS c ON c.number = r.conversation"
	  " LEFT JOIN message AS m ON m.number = r.number AND m.conversation = r.conversation AND m.seq = r.seq"
	  " WHERE m.number IS NULL AND (c.number IS NULL OR c.tenant_id <> '')" },
	{ "search_missing", "messages that search does not know", "message_index",
	  "SELECT count(*), min(number) FROM (SELECT number FROM message_said EXCEPT " INDEXED
	  ")" },
	{ "search_extra", "messages that only search knows", "message_index",
	  "SELECT count(*), min(doc) FROM (" INDEXED " EXCEPT SELECT number FROM message_said)" },
	{ "usage_sums", "sums of a day that are less than its rows", "usage_day",
	  "SELECT count(*), min(r.model) FROM (" LEDGER ")" SUMMED
	  " WHERE s.day IS NULL OR " DIFFERS("<") },
	{ "usage_rows", "sums of a day that are not those of its rows", "usage_day",
	  "SELECT count(*), min(s.model) FROM usage_day AS s LEFT JOIN (" LEDGER ") AS r ON"
	  " s.tenant_id = r.tenant AND s.day = r.day AND s.user_id = r.who AND"
	  " s.token_id = r.token AND s.model = r.model WHERE " IS_WHOLE
	  " AND (r.n IS NULL OR " DIFFERS(">") ")" },
	{ "link_sums", "sums of a day and a link that are less than their rows", "usage_link_day",
	  "SELECT count(*), min(r.model) FROM (" LINKS ") AS r LEFT JOIN usage_link_day AS s" OF_LINK
	  " WHERE coalesce(s.cost_billed_usd, 0) < r.usd OR coalesce(s.cost_billed_eur, 0) < r.eur" },
	{ "link_rows", "sums of a day and a link that are not those of their rows", "usage_link_day",
	  "SELECT count(*), min(s.model) FROM usage_link_day AS s LEFT JOIN (" LINKS ") AS r" OF_LINK
	  " WHERE " IS_WHOLE " AND (s.cost_billed_usd > coalesce(r.usd, 0) OR"
	  " s.cost_billed_eur > coalesce(r.eur, 0))" },
	{ "usage_kind", "rows of the ledger without what they are of", "usage_kind",
	  "SELECT count(*), min(r.request_id) FROM usage_row AS r WHERE NOT EXISTS"
	  " (SELECT 1 FROM usage_kind AS k WHERE k.number = r.kind)" },
	{ "usage_links", "sums of a day by link that are more than all", "usage_link_day",
	  "SELECT count(*), min(token_id) FROM (SELECT l.token_id FROM usage_link_day AS l GROUP BY"
	  " l.tenant_id, l.day, l.token_id HAVING sum(l.cost_billed_usd) > (SELECT"
	  " coalesce(sum(d.cost_billed_usd), 0) FROM usage_day AS d WHERE d.tenant_id = l.tenant_id AND"
	  " d.day = l.day AND d.token_id = l.token_id))" },
	{ "memory_name", "memories without a name or a tenant", "memory",
	  "SELECT count(*), min(name) FROM memory WHERE name = '' OR tenant_id = ''" },
	{ "image_parts", "pictures that are not as long as they should be", "image_blob",
	  "SELECT count(*), min(b.sha256) FROM image_blob AS b WHERE b.complete = 1 AND b.bytes <>"
	  " (SELECT coalesce(sum(length(p.content)), 0) FROM image_part AS p"
	  " WHERE p.blob_number = b.number)" },
	{ "image_blob", "images whose picture is not complete", "image",
	  "SELECT count(*), min(i.id) FROM image AS i JOIN image_blob AS b"
	  " ON b.number = i.blob_number WHERE b.complete = 0" },
	{ "image_total", "tenants whose images are miscounted", "image_total",
	  "SELECT count(*), min(t.tenant_id) FROM (SELECT tenant_id FROM image_total UNION"
	  " SELECT tenant_id FROM image) AS t WHERE"
	  " (SELECT count(*) FROM image AS i WHERE i.tenant_id = t.tenant_id) <>"
	  " coalesce((SELECT images FROM image_total AS s WHERE s.tenant_id = t.tenant_id), 0)" },
	{ "conversation_bytes", "conversations that are misweighed", "conversation_total",
	  "SELECT count(*), min(c.id) FROM conversation AS c LEFT JOIN " MESSAGES
	  " WHERE c.tenant_id <> '' AND c.bytes <> coalesce(h.bytes, 0)" },
	{ "conversation_total", "tenants whose conversations are misweighed", "conversation_total",
	  "SELECT count(*), min(t.tenant_id) FROM (SELECT tenant_id FROM conversation_total UNION"
	  " SELECT tenant_id FROM conversation WHERE tenant_id <> '') AS t WHERE"
	  " coalesce((SELECT sum(bytes) FROM conversation AS c WHERE c.tenant_id = t.tenant_id), 0) <>"
	  " coalesce((SELECT bytes FROM conversation_total AS s WHERE s.tenant_id = t.tenant_id), 0)" },
	{ "conversation_count", "users whose conversations are miscounted", "conversation_count",
	  "SELECT count(DISTINCT user_id), min(user_id) FROM ("
	  "SELECT * FROM (" COUNTED_CONVERSATIONS " EXCEPT " CONVERSATIONS ") UNION ALL "
	  "SELECT * FROM (" CONVERSATIONS " EXCEPT " COUNTED_CONVERSATIONS "))" },
};

struct verifying {
	struct db *db;
	void (*each)(void *context, const struct verify_check *check);
	void *context;
	struct verify_report *report;
};

static void tell(struct verifying *v, const char *name, const char *meaning, int64_t found,
		 const char *detail)
{
	const struct verify_check check = { name, meaning, found, detail ? detail : "" };

	v->report->checks++;
	v->report->found += found;
	v->each(v->context, &check);
}

/* What could not be asked is a finding too: a damaged page is often noticed so. */
static void tell_failure(struct verifying *v, const char *name, const char *meaning,
			 const struct err *why)
{
	tell(v, name, meaning, 1, why->message);
}

static void ask(struct verifying *v, const struct question *q)
{
	struct err err = ERR_INIT;
	struct db_statement *st = db_prepare(v->db, q->sql, &err);
	char *detail;
	int64_t found;

	if (!st || db_next(st, &err) != 1) {
		tell_failure(v, q->name, q->meaning, &err);
		db_finish(st);
		return;
	}
	found = db_int(st, 0);
	detail = found > 0 ? db_str(st, 1) : NULL;
	tell(v, q->name, q->meaning, found, detail);
	mem_free(detail);
	db_finish(st);
}

static bool has_table(struct db *db, const char *table)
{
	struct err err = ERR_INIT;
	struct db_statement *st =
		db_statement(db, "SELECT 1 FROM sqlite_master WHERE name = ?1", &err);
	bool found;

	if (!st)
		return false;
	db_bind_str(st, 1, table);
	found = db_next(st, &err) == 1;
	db_reset(st);
	return found;
}

/* The rows of a pragma that has one for each fault; sound: the one row that is none. */
static void count_rows(struct verifying *v, const char *name, const char *meaning, const char *sql,
		       const char *sound)
{
	struct err err = ERR_INIT;
	struct db_statement *st = db_prepare(v->db, sql, &err);
	char *first = NULL;
	int64_t found = 0;
	int row = -1;

	while (st && (row = db_next(st, &err)) == 1) {
		if (sound && span_is(db_text(st, 0), sound))
			continue;
		found++;
		if (!first)
			first = db_str(st, 0);
	}
	if (row < 0)
		tell(v, name, meaning, found + 1, err.message);
	else
		tell(v, name, meaning, found, first);
	mem_free(first);
	db_finish(st);
}

static void check_rows(struct verifying *v)
{
	struct err err = ERR_INIT;

	count_rows(v, "integrity", "damaged pages, rows or indices", "PRAGMA integrity_check(100)",
		   "ok");
	count_rows(v, "foreign_key", "rows that refer to none", "PRAGMA foreign_key_check", NULL);
	if (has_table(v->db, "message_index") &&
	    (db_exec(v->db, "PRAGMA query_only=OFF", &err) < 0 ||
	     db_exec(v->db,
		     "CREATE VIRTUAL TABLE temp.verify_words USING"
		     " fts5vocab(main, message_index, instance)",
		     &err) < 0))
		tell_failure(v, "search_open", "no index to search", &err);
	for (size_t i = 0; i < ARRAY_LEN(questions); i++)
		if (has_table(v->db, questions[i].table))
			ask(v, &questions[i]);
}

/* As of one moment; the file was opened for reading, whatever its pragmas say. */
static int verify_rows(struct verifying *v, const char *path, struct err *err)
{
	int result = -1;

	v->db = db_open(path, DB_READ, err);
	if (!v->db)
		return -1;
	if (migrate_version(v->db, asset_table, MIGRATE_SCHEMA, &v->report->schema,
			    &v->report->known, err) == 0 &&
	    db_exec(v->db, "BEGIN", err) == 0) {
		check_rows(v);
		db_rollback(v->db);
		result = 0;
	}
	db_close(v->db);
	return result;
}

/* SQLite compares an index with its texts only on a connection that might mend it. */
static void verify_words(struct verifying *v, const char *path)
{
	struct err err = ERR_INIT;
	int64_t has, knows;

	v->db = db_open_within(path, DB_ALONE, 0, &err);
	if (!v->db)
		return;
	if (has_table(v->db, "message_index") &&
	    migrate_version(v->db, asset_table, MIGRATE_SCHEMA, &has, &knows, &err) == 0) {
		static const char meaning[] = "words that search finds elsewhere than they stand";

		v->report->searched_words = true;
		if (db_exec(v->db,
			    "INSERT INTO message_index (message_index, rank)"
			    " VALUES ('integrity-check', 1)",
			    &err) < 0)
			tell_failure(v, "search_words", meaning, &err);
		else
			tell(v, "search_words", meaning, 0, NULL);
	}
	db_close(v->db);
}

int verify_database(const char *path, void (*each)(void *context, const struct verify_check *check),
		    void *context, struct verify_report *report, struct err *err)
{
	struct verifying v = { .each = each, .context = context, .report = report };

	*report = (struct verify_report){ 0 };
	verify_words(&v, path);
	return verify_rows(&v, path, err);
}
