/*
 * common/store/conversation_search.c - the full-text index of messages.
 */
#include "common/store/conversation_inside.h"

#include <string.h>

#include "common/base/digest.h"
#include "common/base/mem.h"

enum { QUERY_MAX = 8 * 1024 };

/* Sixteen digits of a digest: a name as one word of the index, whatever characters it has. */
static void make_word(char kind, struct span text, char out[OWNER_WORD_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	digest_sha256(text, digest);
	out[0] = kind;
	digest_hex(digest, (OWNER_WORD_SIZE - 2) / 2, out + 1);
}

static void tenant_word(const struct conversation_owner *owner, char out[OWNER_WORD_SIZE])
{
	make_word('t', span_str(owner->tenant_id), out);
}

static void user_word(const struct conversation_owner *owner, char out[OWNER_WORD_SIZE])
{
	struct buf both;

	buf_init(&both, 4 * KIB);
	buf_add(&both, owner->tenant_id, strlen(owner->tenant_id) + 1); /* the NUL keeps them apart */
	buf_add_str(&both, owner->user_id);
	make_word('u', buf_span(&both), out);
	buf_free(&both);
}

/* Digests cost a new conversation as much as its row does, and the next one is often of the same user. */
struct known_words {
	char tenant_id[64], user_id[128];
	char words[OWNER_WORDS_SIZE];
};
enum { KNOWN_WORDS = 16 };
static _Thread_local struct known_words known[KNOWN_WORDS];

static size_t slot_of(const struct conversation_owner *owner)
{
	size_t hash = 0;

	for (const char *c = owner->tenant_id; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	for (const char *c = owner->user_id; *c; c++)
		hash = hash * 31 + (unsigned char)*c;
	return hash % KNOWN_WORDS;
}

static void make_words(const struct conversation_owner *owner, char out[OWNER_WORDS_SIZE])
{
	tenant_word(owner, out);
	out[OWNER_WORD_SIZE - 1] = ' ';
	user_word(owner, out + OWNER_WORD_SIZE);
}

void conversation_owner_words(const struct conversation_owner *owner, char out[OWNER_WORDS_SIZE])
{
	struct known_words *k = &known[slot_of(owner)];

	if (!k->words[0] || strcmp(k->user_id, owner->user_id) != 0 ||
	    strcmp(k->tenant_id, owner->tenant_id) != 0) {
		make_words(owner, out);
		if (strlen(owner->tenant_id) >= sizeof k->tenant_id ||
		    strlen(owner->user_id) >= sizeof k->user_id)
			return;
		memcpy(k->tenant_id, owner->tenant_id, strlen(owner->tenant_id) + 1);
		memcpy(k->user_id, owner->user_id, strlen(owner->user_id) + 1);
		memcpy(k->words, out, sizeof k->words);
	}
	memcpy(out, k->words, sizeof k->words);
}

bool conversation_is_said(struct span role, struct span text)
{
	return text.ptr && (span_is(role, "user") || span_is(role, "assistant"));
}

/* As much of it as the index takes: characters, as SQL's substr counts them. */
static struct span indexed_part(struct span text)
{
	size_t count = 0;

	if (text.len <= CONVERSATION_INDEXED_MAX)
		return text;
	for (size_t i = 0; i < text.len; i++)
		if (((unsigned char)text.ptr[i] & 0xc0) != 0x80 && count++ == CONVERSATION_INDEXED_MAX)
			return span_of(text.ptr, i);
	return text;
}

static int run_on_index(struct db_statement *st, int64_t message, struct span text,
			struct span owner_words, struct err *err)
{
	if (!st)
		return -1;
	db_bind_int(st, 1, message);
	db_bind_text(st, 2, indexed_part(text));
	db_bind_text(st, 3, owner_words);
	return db_run(st, err);
}

static int insert_words(struct db *db, int64_t message, struct span text, struct span owner_words,
			struct err *err)
{
	return run_on_index(
		db_statement(db, "INSERT INTO message_index (rowid, text, owner) VALUES (?1, ?2, ?3)", err),
		message, text, owner_words, err);
}

static int index_row(struct db *db, struct db_statement *row, struct err *err)
{
	if (!conversation_is_said(db_text(row, 1), db_text(row, 2)))
		return 0;
	return insert_words(db, db_int(row, 0), db_text(row, 2), db_text(row, 3), err);
}

static int set_indexed(struct db *db, int64_t up_to, struct err *err)
{
	return db_run_with(db, "UPDATE message_indexed SET up_to = ?1", up_to, err);
}

int conversation_index_left(struct db *db, int64_t *left, struct err *err)
{
	return db_number(db,
			 "SELECT max(0, coalesce((SELECT max(number) FROM message), 0) - up_to)"
			 " FROM message_indexed",
			 left, err);
}

int conversation_index_some(struct db *db, int64_t at_most, bool *more, struct err *err)
{
	struct db_statement *st =
		db_statement(db,
			     "SELECT m.number, m.role, m.text, c.owner FROM message AS m"
			     " JOIN conversation AS c ON c.number = m.conversation"
			     " WHERE m.number > (SELECT up_to FROM message_indexed) ORDER BY m.number LIMIT ?1",
			     err);
	int64_t count = 0, last = 0;
	int row;

	if (!st)
		return -1;
	db_bind_int(st, 1, at_most);
	while ((row = db_next(st, err)) == 1) {
		last = db_int(st, 0);
		count++;
		if (index_row(db, st, err) < 0)
			break;
	}
	db_reset(st);
	*more = count == at_most;
	if (row != 0)
		return -1;
	return count ? set_indexed(db, last, err) : 0;
}

int conversation_index_back(struct db *db, struct err *err)
{
	struct db_statement *st = db_statement(
		db,
		"UPDATE message_indexed SET up_to = (SELECT coalesce(max(number), 0) FROM message)"
		" WHERE up_to > (SELECT coalesce(max(number), 0) FROM message)",
		err);

	return st ? db_run(st, err) : -1;
}

int conversation_unindex(struct db *db, int64_t message, struct span text, struct span owner_words,
			 struct err *err)
{
	return run_on_index(db_statement(db,
					 "INSERT INTO message_index (message_index, rowid, text, owner)"
					 " VALUES ('delete', ?1, ?2, ?3)",
					 err),
			    message, text, owner_words, err);
}

/* Letters and digits of any script: what else a word has separates words. */
static bool has_letter(struct span word)
{
	for (size_t i = 0; i < word.len; i++) {
		unsigned char c = (unsigned char)word.ptr[i];

		if (c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z'))
			return true;
	}
	return false;
}

/* The next word, or phrase in quotes, of *rest; ptr NULL at the end. */
static struct span next_word(struct span *rest)
{
	struct span word;
	size_t len = 0;

	while (rest->len && (rest->ptr[0] == ' ' || rest->ptr[0] == '\t' || rest->ptr[0] == '\n'))
		*rest = span_from(*rest, 1);
	if (!rest->len)
		return SPAN_NONE;
	if (rest->ptr[0] == '"') {
		*rest = span_from(*rest, 1);
		word = span_cut(rest, '"');
		return word;
	}
	while (len < rest->len && !strchr(" \t\n\"", rest->ptr[len]))
		len++;
	word = span_of(rest->ptr, len);
	*rest = span_from(*rest, len);
	return word;
}

/* In FTS5's language, where every word stands in quotes and so means nothing but itself. */
static int write_words(struct span query, struct buf *out, struct err *err)
{
	const char *separator = "";
	struct span rest = query, word;

	buf_add_str(out, "text : (");
	while (rest.len && (word = next_word(&rest)).ptr) {
		if (!has_letter(word))
			continue;
		buf_printf(out, "%s\"%.*s\"", separator, SPAN_ARGS(word));
		separator = " AND ";
	}
	buf_add_str(out, ")");
	if (!*separator)
		return err_set(err, E_invalid_field, "query.q", "q must hold a word to look for");
	return buf_failed(out) ? err_set(err, E_invalid_field, "query.q", "q is too long") : 0;
}

static void write_owned(const struct conversation_owner *owner, const struct buf *words, struct buf *out)
{
	char word[OWNER_WORD_SIZE];

	if (owner->user_id)
		user_word(owner, word);
	else
		tenant_word(owner, word);
	buf_printf(out, "owner : \"%s\" AND ", word);
	buf_add_span(out, buf_span(words));
}

/*
 * One search: the finds are walked newest first, and each conversation counts once.  The owner's word
 * stands in all that is theirs, which is long to walk beside the words that are looked for: whoever
 * has most of the index is served faster without it, by leaving out what is another's.  Once that has
 * happened STRANGERS_MAX times the walk goes on with it.
 */
enum { STRANGERS_MAX = 50 };
struct search {
	struct db *db;
	const struct conversation_owner *owner;
	const char *words, *owned; /* what is looked for, and that with the owner's word */
	int strangers;
	int64_t skip, left; /* conversations until the page begins, and of the page */
	int64_t below;      /* the finds that have not been visited */
	int visits;
	conversation_each *each;
	void *arg;
	int64_t seen[CONVERSATION_VISITS_MAX]; /* conversations */
	size_t count;
};

/* Snippets cost more than finds: those of the page alone are made. */
enum phase { SKIPPING, SHOWING, COUNTING };

static const char *match_of(const struct search *s)
{
	return s->strangers < STRANGERS_MAX ? s->words : s->owned;
}

static enum phase phase_of(const struct search *s)
{
	return s->skip > 0 ? SKIPPING : s->left > 0 ? SHOWING : COUNTING;
}

#define FINDS(columns)                                                                             \
	"SELECT m.number, m.conversation, c.tenant_id, c.user_id" columns " FROM message_index"        \
	" CROSS JOIN message AS m ON m.number = message_index.rowid"                                   \
	" CROSS JOIN conversation AS c ON c.number = m.conversation"                                   \
	" WHERE message_index MATCH ?1 AND message_index.rowid < ?2 ORDER BY message_index.rowid DESC"

static const char *const finds[] = {
	[SKIPPING] = FINDS(""),
	[SHOWING] = FINDS(", snippet(message_index, 0, '**', '**', '…', 16)"),
	[COUNTING] = FINDS(""),
};

static bool is_seen(const struct search *s, int64_t conversation)
{
	/* A conversation's messages come in runs, so the last ones are looked at first. */
	for (size_t i = s->count; i > 0; i--)
		if (s->seen[i - 1] == conversation)
			return true;
	return false;
}

/*
 * The index goes by 64 bits of a digest, and keeps the words of what was deleted for a while: whose
 * a conversation is, its row says.
 */
static bool is_theirs(const struct search *s, struct db_statement *st)
{
	return span_is(db_text(st, 2), s->owner->tenant_id) &&
	       (!s->owner->user_id || span_is(db_text(st, 3), s->owner->user_id));
}

static int show(struct search *s, int64_t conversation, struct span snippet, struct err *err)
{
	struct db_statement *st = db_statement(
		s->db, "SELECT " CONVERSATION_COLUMNS " FROM conversation AS c WHERE c.number = ?1", err);
	struct conversation_row row;
	int result;

	if (!st)
		return -1;
	db_bind_int(st, 1, conversation);
	if (db_next(st, err) != 1)
		return -1;
	conversation_read_row(st, &row);
	row.snippet = snippet;
	result = s->each(s->arg, &row, err);
	db_reset(st);
	return result;
}

/* 1 when no more finds are visited, 0, -1. */
static int take_find(struct search *s, struct db_statement *st, enum phase phase, struct err *err)
{
	int64_t conversation = db_int(st, 1);
	bool seen = is_seen(s, conversation), theirs = seen || is_theirs(s, st);

	s->below = db_int(st, 0);
	if (!theirs && s->strangers < STRANGERS_MAX) {
		s->strangers++;
		return 0;
	}
	if (s->visits++ == CONVERSATION_VISITS_MAX)
		return 1;
	if (seen || !theirs)
		return 0;
	s->seen[s->count++] = conversation;
	switch (phase) {
	case SKIPPING:
		s->skip--;
		return 0;
	case SHOWING:
		s->left--;
		return show(s, conversation, db_text(st, 4), err);
	case COUNTING:
		break;
	}
	return 0;
}

/* The finds of one phase, by one match.  1 when others follow, 0 at the end of all, -1. */
static int walk_phase(struct search *s, bool *more, struct err *err)
{
	enum phase phase = phase_of(s);
	const char *match = match_of(s);
	struct db_statement *st = db_statement(s->db, finds[phase], err);
	int row, taken;

	if (!st)
		return -1;
	db_bind_str(st, 1, match);
	db_bind_int(st, 2, s->below);
	while ((row = db_next(st, err)) == 1 && phase_of(s) == phase && match_of(s) == match) {
		taken = take_find(s, st, phase, err);
		if (taken == 0)
			continue;
		*more = taken > 0;
		row = taken < 0 ? -1 : 0;
		break;
	}
	db_reset(st);
	return row;
}

int conversation_search(struct db *db, const struct conversation_owner *owner, struct span query,
			int64_t limit, int64_t offset, conversation_each *each, void *arg,
			int64_t *total, bool *more, struct err *err)
{
	struct search *s = mem_new(struct search);
	struct buf words, owned;
	int result = -1;

	buf_init(&words, QUERY_MAX);
	buf_init(&owned, QUERY_MAX + 64);
	*total = 0;
	*more = false;
	if (write_words(query, &words, err) < 0)
		goto out;
	write_owned(owner, &words, &owned);
	s->db = db;
	s->owner = owner;
	s->words = buf_str(&words);
	s->owned = buf_str(&owned);
	s->skip = offset;
	s->left = limit;
	s->each = each;
	s->arg = arg;
	s->below = INT64_MAX;
	do
		result = walk_phase(s, more, err);
	while (result == 1);
	*total = (int64_t)s->count;
out:
	buf_free(&words);
	buf_free(&owned);
	mem_free(s);
	return result;
}
