/*
 * common/store/db_feed.c - a virtual table of SQLite that is read from one end to the other.
 */
#include "common/store/db_feed.h"

#include <sqlite3.h>

#include "common/base/buf.h"
#include "common/base/mem.h"
#include "common/store/db_inside.h"

struct table {
	sqlite3_vtab base;
	struct db_feed *feed;
};

struct cursor {
	sqlite3_vtab_cursor base;
	const struct db_feed *feed;
	size_t at;
};

void db_put_int(struct db_cell *cell, int64_t value)
{
	sqlite3_result_int64((sqlite3_context *)(void *)cell, value);
}

void db_put_text(struct db_cell *cell, const char *text, size_t len)
{
	sqlite3_result_text64((sqlite3_context *)(void *)cell, text, len, SQLITE_STATIC, SQLITE_UTF8);
}

static struct cursor *cursor_of(sqlite3_vtab_cursor *base)
{
	return container_of(base, struct cursor, base);
}

static void print_table(const struct db_feed *feed, struct buf *sql)
{
	buf_add_str(sql, "CREATE TABLE feed (");
	if (feed->names)
		buf_add_str(sql, feed->names);
	for (int i = 0; !feed->names && i < feed->columns; i++)
		buf_printf(sql, "%sc%d", i ? ", " : "", i);
	buf_add_str(sql, ")");
}

static int connect_table(sqlite3 *db, void *data, int argc, const char *const *argv,
			 sqlite3_vtab **out, char **message)
{
	struct db_feed *feed = data;
	struct table *t;
	struct buf sql;
	int code;

	(void)argc;
	(void)argv;
	(void)message;
	buf_init(&sql, 4 * KIB);
	print_table(feed, &sql);
	code = sqlite3_declare_vtab(db, buf_str(&sql));
	buf_free(&sql);
	if (code != SQLITE_OK)
		return code;
	t = mem_new(struct table);
	t->feed = feed;
	*out = &t->base;
	return SQLITE_OK;
}

static int disconnect_table(sqlite3_vtab *base)
{
	mem_free(container_of(base, struct table, base));
	return SQLITE_OK;
}

static int plan(sqlite3_vtab *base, sqlite3_index_info *info)
{
	(void)base;
	info->estimatedRows = 1000;
	return SQLITE_OK;
}

static int open_cursor(sqlite3_vtab *base, sqlite3_vtab_cursor **out)
{
	struct cursor *c = mem_new(struct cursor);

	c->feed = container_of(base, struct table, base)->feed;
	*out = &c->base;
	return SQLITE_OK;
}

static int close_cursor(sqlite3_vtab_cursor *base)
{
	mem_free(cursor_of(base));
	return SQLITE_OK;
}

static int rewind_cursor(sqlite3_vtab_cursor *base, int number, const char *text, int argc,
			 sqlite3_value **argv)
{
	(void)number;
	(void)text;
	(void)argc;
	(void)argv;
	cursor_of(base)->at = 0;
	return SQLITE_OK;
}

static int move_on(sqlite3_vtab_cursor *base)
{
	cursor_of(base)->at++;
	return SQLITE_OK;
}

static int is_at_end(sqlite3_vtab_cursor *base)
{
	const struct cursor *c = cursor_of(base);

	return c->at >= c->feed->count;
}

static int put_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int column)
{
	const struct cursor *c = cursor_of(base);

	c->feed->put(c->feed->rows, c->at, column, (struct db_cell *)(void *)context);
	return SQLITE_OK;
}

static int row_number(sqlite3_vtab_cursor *base, sqlite3_int64 *number)
{
	*number = (sqlite3_int64)cursor_of(base)->at;
	return SQLITE_OK;
}

/* Without a way to create one it is there under its module's name. */
static const sqlite3_module module = {
	.xConnect = connect_table,
	.xDisconnect = disconnect_table,
	.xBestIndex = plan,
	.xOpen = open_cursor,
	.xClose = close_cursor,
	.xFilter = rewind_cursor,
	.xNext = move_on,
	.xEof = is_at_end,
	.xColumn = put_column,
	.xRowid = row_number,
};

int db_feed_add(struct db *db, struct db_feed *feed, struct err *err)
{
	int code = sqlite3_create_module_v2(db->handle, feed->name, &module, feed, NULL);

	return code == SQLITE_OK ? 0 : db_fail(db, code, "the database", err);
}

struct kept_feed {
	struct db_feed feed;
	const struct db_feed *form;
	struct kept_feed *next;
};

static void free_kept(void *kept)
{
	mem_free(kept);
}

struct db_feed *db_feed_like(struct db *db, const struct db_feed *form, struct err *err)
{
	struct kept_feed **feeds = &db->feeds, *kept = *feeds;
	int code;

	while (kept && kept->form != form)
		kept = kept->next;
	if (kept)
		return &kept->feed;
	kept = mem_new(struct kept_feed);
	*kept = (struct kept_feed){ .feed = *form, .form = form, .next = *feeds };
	/* When it fails SQLite has freed it. */
	code = sqlite3_create_module_v2(db->handle, form->name, &module, &kept->feed, free_kept);
	if (code != SQLITE_OK) {
		db_fail(db, code, "the database", err);
		return NULL;
	}
	*feeds = kept;
	return &kept->feed;
}
