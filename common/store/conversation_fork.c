/*
 * common/store/conversation_fork.c - copies of conversations, slice by slice.
 */
#include "common/store/conversation_inside.h"

#include "common/base/buf.h"

#include <string.h>

static const char copy_mark[] = " (copy";

enum { COPY_MARK_MAX = 32 /* with its number and its end */, COPIES_LOOKED_AT = 1000 };

static int find_last(void *arg, const struct message_row *row, struct err *err)
{
	struct conversation_fork *f = arg;

	(void)err;
	f->count++;
	f->last = row->seq;
	f->bytes += row->bytes + MESSAGE_WEIGHT;
	f->found = f->at.ptr && span_equal(f->at, row->id);
	return f->found;
}

/* Sets which is the last message to be copied. */
static int measure(struct db *db, struct conversation_fork *f, int64_t number, struct err *err)
{
	if (conversation_weights(db, number, 1, find_last, f, err) < 0)
		return -1;
	if (!f->at.ptr || f->found)
		return 0;
	return err_set(err, E_invalid_field, "at", "the conversation has no message %.*s",
		       f->at.len > 64 ? 64 : (int)f->at.len, f->at.ptr);
}

/* Of the end of a title, from its mark on: 1 of " (copy)", N of " (copy N)", else 0. */
static int64_t copy_number(struct span end)
{
	struct span rest = span_from(end, sizeof copy_mark - 1);
	int64_t number;

	if (span_is(rest, ")"))
		return 1;
	if (!span_starts(rest, " ") || !span_ends(rest, ")"))
		return 0;
	rest = span_of(rest.ptr + 1, rest.len - 2);
	return span_to_int(rest, 2, INT32_MAX - 1, &number) == 0 ? number : 0;
}

/* The title without its mark; what number that says. */
static struct span bare_title(struct span title, int64_t *number)
{
	*number = 0;
	for (size_t at = title.len; at-- > 0 && *number == 0;)
		if (span_starts(span_from(title, at), copy_mark)) {
			*number = copy_number(span_from(title, at));
			title.len = *number ? at : title.len;
		}
	return title;
}

/* The highest number of the owner's copies of that title, of those that were used last. */
static int last_copy(struct db *db, const struct conversation_owner *owner, struct span bare, int64_t *last,
		     struct err *err)
{
	struct db_statement *st =
		db_statement(db, "SELECT title FROM conversation WHERE tenant_id = ?1 AND user_id = ?2 "
				 "ORDER BY used_at DESC LIMIT ?3", err);
	int found;

	if (!st)
		return -1;
	db_bind_str(st, 1, owner->tenant_id);
	db_bind_str(st, 2, owner->user_id);
	db_bind_int(st, 3, COPIES_LOOKED_AT);
	while ((found = db_next(st, err)) > 0) {
		struct span title = db_text(st, 0), rest;

		if (title.len <= bare.len || memcmp(title.ptr, bare.ptr, bare.len) != 0)
			continue;
		rest = span_from(title, bare.len);
		if (span_starts(rest, copy_mark) && copy_number(rest) > *last)
			*last = copy_number(rest);
	}
	db_reset(st);
	return found;
}

/* "Rivers", "Rivers (copy)", "Rivers (copy 2)": lists tell them apart. */
static int name_copy(struct db *db, const struct conversation_owner *owner, struct span title,
		     struct buf *out, struct err *err)
{
	struct span bare;
	int64_t number;

	bare = bare_title(title, &number);
	if (last_copy(db, owner, bare, &number, err) < 0)
		return -1;
	buf_add_span(out, bare);
	if (bare.len + COPY_MARK_MAX > CONVERSATION_TITLE_MAX)
		return 0;
	buf_add_str(out, copy_mark);
	if (number)
		buf_printf(out, " %lld", (long long)number + 1);
	buf_add_char(out, ')');
	return 0;
}

int conversation_fork_begin(struct db *db, struct conversation_fork *f, struct err *err)
{
	struct conversation_addition to;
	struct new_conversation copied;
	struct conversation_row from;
	struct buf copy;
	int result = -1;

	if (conversation_get(db, &f->owner, f->id, &from, err) < 0)
		return -1;
	buf_init(&copy, from.title.len + COPY_MARK_MAX);
	to = (struct conversation_addition){
		.owner = f->owner,
		.id = f->new_id,
		.is_new = true,
		.is_unfinished = true,
		.title = f->title,
		.parent_id = from.id,
		.parent_message = f->at,
		.model = from.model,
		.now_ms = f->now_ms,
		.sent_from = from.sent_from,
	};
	f->seq = f->last = f->count = f->bytes = 0;
	f->found = false;
	if (!f->title.ptr) {
		if (name_copy(db, &f->owner, from.title, &copy, err) < 0)
			goto out;
		to.title = buf_span(&copy);
	}
	if (measure(db, f, from.number, err) < 0)
		goto out;
	if (f->quota && conversation_check_room(db, &f->owner, f->quota, true, f->bytes, &f->left, err) < 0)
		goto out;
	to.count = (size_t)f->count;
	if (to.sent_from > f->last)
		to.sent_from = 1; /* older than what is sent today: weighed anew */
	copied = (struct new_conversation){ .addition = &to, .bytes = f->bytes, .last_seq = f->last };
	result = conversation_insert(db, &copied, 1, &f->number, err);
out:
	buf_free(&copy);
	return result;
}

struct fork_slice {
	struct db *db;
	struct conversation_fork *fork;
	int64_t bytes;
	size_t count;
};

static int copy_message(void *arg, const struct message_row *row, struct err *err)
{
	struct fork_slice *s = arg;
	struct message_row copy = *row;
	struct new_message one = {
		.conversation = s->fork->number, .seq = row->seq, .now_ms = s->fork->now_ms, .row = &copy
	};

	if (row->seq > s->fork->last)
		return 1;
	copy.id = SPAN_NONE;
	if (conversation_insert_messages(s->db, &one, 1, err) < 0)
		return -1;
	if ((s->count == 0 || row->seq != s->fork->seq + 1) &&
	    conversation_note_run(s->db, one.conversation, one.seq, db_last_id(s->db), err) < 0)
		return -1;
	s->fork->seq = row->seq;
	s->bytes += row->bytes;
	return ++s->count == CONVERSATION_SLICE_MESSAGES || s->bytes >= CONVERSATION_SLICE_BYTES;
}

int conversation_fork_some(struct db *db, struct conversation_fork *f, bool *more, struct err *err)
{
	const struct conversation_owner nobody = { CONVERSATION_NOBODY, f->owner.user_id };
	struct fork_slice s = { .db = db, .fork = f };
	struct conversation_row from, to;

	*more = false;
	/* The origin may have gone meanwhile, and the copy, if it took too long. */
	if (conversation_get(db, &nobody, span_str(f->new_id), &to, err) < 0 ||
	    conversation_get(db, &f->owner, f->id, &from, err) < 0 ||
	    conversation_messages(db, from.number, f->seq + 1, copy_message, &s, err) < 0)
		return -1;
	*more = f->seq < f->last && s.count > 0;
	return *more ? 0 : conversation_publish(db, &f->owner, span_str(f->new_id), f->now_ms, err);
}
