/*
 * tests/support/crash_look.c - what a database has kept, seen with SQLite alone.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/crash.h"
#include "tests/support/kit.h"

static long long number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;
	long long value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		kit_fatal("%s: %s", sql, sqlite3_errmsg(db));
	if (sqlite3_step(st) == SQLITE_ROW)
		value = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return value;
}

/* The message is there, and behind it an answer that is whole. */
static int look_for(sqlite3_stmt *st, const char *word)
{
	char text[CRASH_WORD_MAX + 8];
	int found;

	snprintf(text, sizeof text, "say %s", word);
	sqlite3_bind_text(st, 1, text, -1, SQLITE_TRANSIENT);
	found = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int(st, 0) : -1;
	sqlite3_reset(st);
	if (found == 1)
		return 0;
	printf("crash: the turn \"%s\" was answered and is kept %d times\n", text, found);
	return -1;
}

static int look_for_all(sqlite3 *db, const struct crash_client *clients, int client_count)
{
	/* By the index of words, which is so looked at, too, as far as it has come. */
	static const char sql[] =
		"SELECT count(*) FROM message AS m"
		" JOIN message AS a ON a.number = m.number + 1 AND a.conversation = m.conversation AND a.seq = m.seq + 1"
		" WHERE m.number IN (SELECT rowid FROM message_index WHERE message_index MATCH '\"' || ?1 || '\"'"
		" UNION SELECT number FROM unread WHERE text = ?1)"
		" AND m.text = ?1 AND m.role = 'user'"
		" AND a.role = 'assistant' AND a.interrupted = 0 AND length(a.text) > 0";
	/* What the index has not reached, gathered once: it may be most of them. */
	static const char unread[] =
		"CREATE TEMP TABLE unread AS SELECT number, text FROM message"
		" WHERE number > (SELECT up_to FROM message_indexed) AND role = 'user';"
		"CREATE INDEX temp.unread_by_text ON unread (text)";
	sqlite3_stmt *st;
	int result = 0;

	if (sqlite3_exec(db, unread, NULL, NULL, NULL) != SQLITE_OK ||
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		kit_fatal("%s", sqlite3_errmsg(db));
	for (int i = 0; i < client_count; i++)
		for (int k = 0; k < clients[i].count; k++)
			if (look_for(st, clients[i].answers[k].word) < 0)
				result = -1;
	sqlite3_finalize(st);
	return result;
}

static int look_for_damage(sqlite3 *db)
{
	sqlite3_stmt *st;
	int result = 0;

	if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) != SQLITE_OK)
		kit_fatal("%s", sqlite3_errmsg(db));
	while (sqlite3_step(st) == SQLITE_ROW)
		if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0) {
			printf("crash: integrity_check: %s\n", sqlite3_column_text(st, 0));
			result = -1;
		}
	sqlite3_finalize(st);
	if (sqlite3_exec(db, "INSERT INTO message_index (message_index, rank) VALUES ('integrity-check', 1)",
			 NULL, NULL, NULL) != SQLITE_OK) {
		printf("crash: the index of words: %s\n", sqlite3_errmsg(db));
		result = -1;
	}
	/* No half of a turn, and counts that are right. */
	if (number(db, "SELECT count(*) FROM conversation AS c LEFT JOIN"
		       " (SELECT conversation, count(*) AS count FROM message GROUP BY conversation) AS h"
		       " ON h.conversation = c.number WHERE message_count <> coalesce(h.count, 0)"
		       " OR last_seq <> message_count OR message_count % 2 <> 0") != 0) {
		printf("crash: a conversation does not have the messages that it counts\n");
		result = -1;
	}
	return result;
}

int crash_look(const char *database, const struct crash_client *clients, int client_count,
	       long long all_turns, bool thorough, long long *kept, long long *interrupted)
{
	sqlite3 *db;
	int result = 0;

	if (sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		kit_fatal("%s: %s", database, sqlite3_errmsg(db));
	if (look_for_all(db, clients, client_count) < 0 || (thorough && look_for_damage(db) < 0))
		result = -1;
	*kept = number(db, "SELECT count(*) FROM message WHERE role = 'assistant' AND interrupted = 0");
	*interrupted = number(db, "SELECT count(*) FROM message WHERE role = 'assistant' AND interrupted = 1");
	if (*kept < all_turns) {
		printf("crash: %lld turns were answered, %lld are kept\n", all_turns, *kept);
		result = -1;
	}
	sqlite3_close(db);
	return result;
}
