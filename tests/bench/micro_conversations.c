/*
 * tests/bench/micro_conversations.c - lists and searches over many conversations of one user, and
 * how fast they are written.  usage: micro_conversations [COUNT [DATABASE]]; DATABASE is kept.
 */
#include "common/store/conversation.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/store/migrate.h"

enum { WORDS = 5000, WORDS_A_MESSAGE = 30, MESSAGES = 4, LOOKS = 200, A_COMMIT = 64 };

static const struct conversation_owner owner = { "bench", "user" };
static uint32_t seed = 1;

static uint32_t next_random(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 8;
}

/* Few words are frequent and many are rare, as in what people write. */
static void add_text(struct buf *out)
{
	buf_clear(out);
	for (int i = 0; i < WORDS_A_MESSAGE; i++) {
		uint32_t word = next_random() % WORDS;

		for (int k = 0; k < 2; k++) {
			uint32_t other = next_random() % WORDS;

			word = other < word ? other : word;
		}
		buf_printf(out, "word%u ", word);
	}
}

static void must(int result, const struct err *err)
{
	if (result == 0)
		return;
	fprintf(stderr, "%s\n", err->message);
	exit(1);
}

static void write_one(struct db *db, int64_t number)
{
	struct message_row rows[MESSAGES];
	struct buf texts[MESSAGES];
	char id[CONVERSATION_ID_SIZE];
	struct err err = ERR_INIT;
	struct conversation_addition a = {
		.owner = owner, .id = id, .is_new = true, .title = SPAN_LIT("A title of ordinary length"),
		.model = SPAN_LIT("model"), .now_ms = 1795000000000 + number * 1000 + next_random() % 100000,
		.messages = rows, .count = MESSAGES,
	};

	conversation_make_id(id, a.now_ms);
	for (size_t i = 0; i < MESSAGES; i++) {
		buf_init(&texts[i], 4 * KIB);
		add_text(&texts[i]);
		rows[i] = (struct message_row){ .role = i % 2 ? SPAN_LIT("assistant") : SPAN_LIT("user"),
						.text = buf_span(&texts[i]), .prompt_tokens = -1,
						.completion_tokens = -1 };
	}
	must(conversation_add(db, &a, &err), &err);
	for (size_t i = 0; i < MESSAGES; i++)
		buf_free(&texts[i]);
}

static void fill(struct db *db, int64_t count)
{
	struct err err = ERR_INIT;
	int64_t before = clock_mono_us();

	for (int64_t i = 0; i < count; i++) {
		if (i % A_COMMIT == 0)
			must(db_begin(db, &err), &err);
		write_one(db, i);
		if (i % A_COMMIT == A_COMMIT - 1 || i == count - 1) {
			must(db_commit(db, &err), &err);
			must(db_tend(db, &err), &err);
		}
	}
	for (bool more = count > 0; more;) {
		must(db_begin(db, &err), &err);
		must(conversation_index_some(db, CONVERSATION_INDEX_STEP, &more, &err), &err);
		must(db_commit(db, &err), &err);
		must(db_tend(db, &err), &err);
	}
	printf("write and index: %.0f messages a second, %d conversations a commit\n",
	       (double)(count * MESSAGES) * 1e6 / (double)(clock_mono_us() - before), A_COMMIT);
}

static int ignore(void *arg, const struct conversation_row *row, struct err *err)
{
	(void)arg;
	(void)row;
	(void)err;
	return 0;
}

struct look {
	const char *name, *query; /* NULL: a list */
	int64_t limit, offset;
};

static void look(struct db *db, const struct look *l)
{
	struct err err = ERR_INIT;
	int64_t total = 0;
	bool more = false;

	must(db_exec(db, "BEGIN", &err), &err);
	if (l->query)
		must(conversation_search(db, &owner, span_str(l->query), l->limit, l->offset, ignore, NULL, &total,
					 &more, &err),
		     &err);
	else
		must(conversation_list(db, &owner, SPAN_NONE, l->limit, l->offset, ignore, NULL, &total, &err),
		     &err);
	db_rollback(db);
}

static int by_value(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void measure(struct db *db, const struct look *l)
{
	static int64_t took[LOOKS];

	for (int i = 0; i < LOOKS; i++) {
		int64_t before = clock_mono_us();

		look(db, l);
		took[i] = clock_mono_us() - before;
	}
	qsort(took, LOOKS, sizeof took[0], by_value);
	printf("%-28s p50 %7.2f ms   p99 %7.2f ms\n", l->name, (double)took[LOOKS / 2] / 1e3,
	       (double)took[LOOKS * 99 / 100] / 1e3);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

int main(int argc, char **argv)
{
	static const struct look looks[] = {
		{ "list, first 20", NULL, 20, 0 },
		{ "list, first 100", NULL, 100, 0 },
		{ "list, page in the middle", NULL, 20, 49990 },
		{ "list, page at 99 %", NULL, 20, 99000 },
		{ "search, frequent word", "word3", 20, 0 },
		{ "search, rare word", "word4900", 20, 0 },
		{ "search, frequent and rare", "word3 word4900", 20, 0 },
		{ "search, two frequent", "word3 word40", 100, 0 },
		{ "search, phrase", "\"word3 word40\"", 20, 0 },
		{ "search, nothing", "nowhere", 20, 0 },
	};
	int64_t count = argc > 1 ? strtoll(argv[1], NULL, 10) : 100000;
	char dir[] = "/tmp/spass-bench-XXXXXX", made[64];
	const char *path = argc > 2 ? argv[2] : made;
	struct err err = ERR_INIT;
	struct stat st;
	struct db *db;

	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	if (!mkdtemp(dir))
		return 1;
	snprintf(made, sizeof made, "%s/spass.db", dir);
	db = db_open(path, DB_WRITE, &err);
	if (!db || migrate(db, asset_table, MIGRATE_SCHEMA, &err) < 0)
		must(-1, &err);
	fill(db, count);
	if (stat(path, &st) == 0)
		printf("size: %.0f bytes a message\n", (double)st.st_size / (double)(count * MESSAGES));
	db_close(db);
	db = db_open(path, DB_READ, &err);
	must(db ? 0 : -1, &err);
	for (size_t i = 0; i < ARRAY_LEN(looks); i++)
		measure(db, &looks[i]);
	db_close(db);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}
