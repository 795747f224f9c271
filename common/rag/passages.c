/* common/rag/passages.c - ranges of documents, merged as they come. */
#include "common/rag/passages.h"

#include "common/base/utf8.h"
#include "common/rag/cut_inside.h"

/* What the better one of a piece's neighbours adds to its score. */
static const float neighbour_share = 0.2f;

struct filling {
	struct passage *list; /* in the order in which they were begun */
	size_t count, max;
	size_t left; /* characters */
};

/*
 * Leaves of the piece what the passages do not have: a part in the middle of a piece that is
 * there already stays, as pieces of one cutting never hold each other.  False when nothing is left.
 */
static bool trim_known(const struct filling *f, struct passage *piece)
{
	for (size_t i = 0; i < f->count; i++) {
		const struct passage *known = &f->list[i];

		if (known->document != piece->document || known->end <= piece->start ||
		    known->start >= piece->end)
			continue;
		if (known->start <= piece->start) {
			piece->start = known->end;
			piece->chars_start = known->chars_end;
		} else if (known->end >= piece->end) {
			piece->end = known->start;
			piece->chars_end = known->chars_start;
		}
		if (piece->start >= piece->end)
			return false;
	}
	return true;
}

static bool meets(const struct passage *a, const struct passage *b)
{
	return a->document == b->document && a->start <= b->end && b->start <= a->end;
}

static void join(struct passage *to, const struct passage *from)
{
	if (from->start < to->start) {
		to->start = from->start;
		to->chars_start = from->chars_start;
	}
	if (from->end > to->end) {
		to->end = from->end;
		to->chars_end = from->chars_end;
	}
	if (from->rank < to->rank) {
		to->rank = from->rank;
		to->score = from->score;
	}
}

/* The passages that the piece meets become one with it, at the place of the best. */
static void add(struct filling *f, struct passage piece)
{
	struct passage *into = NULL;
	size_t kept = 0;

	f->left -= piece.chars_end - piece.chars_start;
	for (size_t i = 0; i < f->count; i++) {
		struct passage one = f->list[i];

		if (into && meets(into, &one)) {
			join(into, &one);
			continue;
		}
		f->list[kept] = one;
		if (!into && meets(&one, &piece)) {
			into = &f->list[kept];
			join(into, &piece);
		}
		kept++;
	}
	f->count = kept;
	if (!into)
		f->list[f->count++] = piece;
}

static bool has_room(const struct filling *f, const struct passage *piece)
{
	for (size_t i = 0; f->count == f->max && i < f->count; i++)
		if (meets(&f->list[i], piece))
			return true;
	return f->count < f->max;
}

/* ---- a part ---- */

/* Good ends of a part, in that order. */
enum end_kind { END_SENTENCE, END_LINE, END_WORD, END_KINDS };

static enum end_kind end_at(struct span text, size_t at)
{
	size_t start;
	uint32_t c = cut_before(text, at, &start);

	if (cut_after_mark(c) == COST_SENTENCE)
		return END_SENTENCE;
	if (c == '\n')
		return END_LINE;
	if (text.ptr[at] != ' ')
		return END_KINDS;
	return c == '.' || c == '!' || c == '?' ? END_SENTENCE : END_WORD;
}

struct span passage_trim(struct passage *piece, struct span text)
{
	struct span kept = span_strip(text);
	size_t before = kept.len > 0 ? (size_t)(kept.ptr - text.ptr) : 0;
	size_t behind = text.len - before - kept.len;

	/* A blank is one byte and one character. */
	piece->start += before;
	piece->chars_start += before;
	piece->end -= behind;
	piece->chars_end -= behind;
	return kept.len > 0 ? kept : span_of(text.ptr, 0);
}

/*
 * Shortens the piece to chars_min..chars_max characters, without the blanks around them; false when
 * it has no end there.
 */
static bool shorten(struct passage *piece, struct span text, size_t chars_min, size_t chars_max)
{
	struct {
		size_t bytes, chars;
	} ends[END_KINDS] = { { 0, 0 } };
	size_t chars = 0, at = 0;

	text = passage_trim(piece, text);
	if (piece->chars_end - piece->chars_start <= chars_max)
		return piece->chars_end - piece->chars_start >= chars_min;
	while (at < text.len && chars <= chars_max) {
		enum end_kind kind = at > 0 ? end_at(text, at) : END_KINDS;
		size_t len;

		if (kind < END_KINDS) {
			ends[kind].bytes = at;
			ends[kind].chars = chars;
		}
		utf8_next(span_from(text, at), &len);
		at += len;
		chars++;
	}
	for (size_t i = 0; i < END_KINDS; i++)
		if (ends[i].chars >= chars_min) {
			piece->end = piece->start + ends[i].bytes;
			piece->chars_end = piece->chars_start + ends[i].chars;
			return true;
		}
	return false;
}

/* ---- order ---- */

struct placed {
	float worth;
	uint32_t at; /* in the ranking */
};

static float best_neighbour(const struct passage *ranked, size_t count, size_t of)
{
	float best = 0;

	for (size_t i = 0; i < count; i++)
		if (i != of && ranked[i].score > best && meets(&ranked[i], &ranked[of]))
			best = ranked[i].score;
	return best;
}

/* By worth; equal ones as they were. */
static void place_all(const struct passage *ranked, size_t count, struct placed *order)
{
	for (size_t i = 0; i < count; i++) {
		struct placed one = { ranked[i].score, (uint32_t)i };
		size_t to = i;

		one.worth += neighbour_share * best_neighbour(ranked, count, i);
		for (; to > 0 && order[to - 1].worth < one.worth; to--)
			order[to] = order[to - 1];
		order[to] = one;
	}
}

/* A part that was added last may be of a better piece than what stands before it. */
static void sort_last(struct filling *f)
{
	for (size_t i = f->count; i-- > 1 && f->list[i].rank < f->list[i - 1].rank;) {
		struct passage one = f->list[i];

		f->list[i] = f->list[i - 1];
		f->list[i - 1] = one;
	}
}

/* The best piece is never missing: where it is too long alone, its beginning is what there is. */
static bool shorten_best(const struct passages_wish *wish, struct passage *piece)
{
	size_t least = wish->budget < PASSAGES_PART_MIN ? 1 : PASSAGES_PART_MIN;

	return wish->text && shorten(piece, wish->text(wish->data, piece), least, wish->budget);
}

size_t passages_fill(const struct passage *ranked, size_t count, const struct passages_wish *wish,
		     struct passage *out, size_t max)
{
	struct filling f = { .list = out, .max = max, .left = wish->budget };
	struct placed order[PASSAGES_LOOK_MAX];
	struct passage rest = { .start = 0, .end = 0 };

	count = count < PASSAGES_LOOK_MAX ? count : PASSAGES_LOOK_MAX;
	place_all(ranked, count, order);
	for (size_t i = 0; i < count && f.left > 0; i++) {
		struct passage piece = ranked[order[i].at];

		piece.rank = i; /* by worth; the ranking's at the end */
		if (!trim_known(&f, &piece) || !has_room(&f, &piece))
			continue;
		if (piece.chars_end - piece.chars_start <= f.left ||
		    (i == 0 && shorten_best(wish, &piece)))
			add(&f, piece);
		else if (rest.end == 0)
			rest = piece;
	}
	if (wish->text && f.left >= PASSAGES_PART_MIN && rest.end > 0 && trim_known(&f, &rest) &&
	    has_room(&f, &rest) &&
	    shorten(&rest, wish->text(wish->data, &rest), PASSAGES_PART_MIN, f.left)) {
		add(&f, rest);
		sort_last(&f);
	}
	for (size_t i = 0; i < f.count; i++)
		out[i].rank = order[out[i].rank].at;
	return f.count;
}
