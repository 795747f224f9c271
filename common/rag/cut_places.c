/*
 * common/rag/cut_places.c - where a document may be cut, and what each cut would cost.
 *
 * One walk over the text.  Places closer together than `gap` are thinned to the cheaper one, so
 * that choosing among them stays linear.  When a block or a function ends and fits in a piece, the
 * places inside it are dropped.
 */
#include "common/rag/cut_inside.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

enum {
	BLOCKS_MAX = 16,    /* blocks within one another; deeper ones do not count */
	OPENERS_MAX = 32,   /* lines of code within one another */
	OPENER_BYTES = 120, /* of a line that is kept for the heading path */
	INDENT = 4,         /* columns of a tab, and of a level */
	DEPTH_MAX = 3,
	BLANKS = 4, /* gaps of blanks that are one run */
};
#define NOT_TEXT SIZE_MAX

enum byte_class { PLAIN = 0, WHITE, PUNCTUATION };

/* First bytes of what ends a sentence without a blank (cut_after_mark). */
static const unsigned char classes[256] = {
	[' '] = WHITE,        ['\t'] = WHITE,       ['\n'] = WHITE,       [0xe0] = PUNCTUATION,
	[0xe1] = PUNCTUATION, [0xe3] = PUNCTUATION, [0xef] = PUNCTUATION,
};

struct block {
	size_t at, chars, end;
	bool is_code;
};

struct opener {
	size_t indent;
	uint32_t node;
};

struct walk {
	struct cut_places *places;
	const struct reading *r;
	struct span text;
	size_t max, gap;
	size_t at, chars;
	uint32_t line, page;
	size_t mark; /* next of the reading's */
	struct block blocks[BLOCKS_MAX];
	size_t block_count;
	unsigned code_blocks; /* open ones */
	uint32_t heading;     /* node in force */
	size_t heading_end;   /* of its line; NOT_TEXT before the first */
	size_t heading_place; /* which begins with it, or with what it follows */
	struct opener openers[OPENERS_MAX];
	size_t opener_count;
};

/* A place where something may be cut. */
struct spot {
	size_t at, chars;
	size_t end; /* of the text before it: at, or where the blanks before it begin */
	uint32_t line;
	uint32_t heading;
	uint8_t rank;
	bool is_fixed;
};

static uint32_t add_node(struct cut_places *p, struct cut_node node)
{
	if (p->node_count == p->node_room) {
		p->node_room = p->node_room > 0 ? p->node_room * 2 : 64;
		p->nodes = mem_realloc(p->nodes, p->node_room * sizeof(*p->nodes));
	}
	p->nodes[p->node_count++] = node;
	return (uint32_t)(p->node_count - 1);
}

static struct cut_place *last_place(const struct walk *w)
{
	return &w->places->list[w->places->count - 1];
}

static void push_place(struct walk *w, const struct spot *s, int cost, int crossed)
{
	struct cut_places *p = w->places;

	if (p->count == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 256;
		p->list = mem_realloc(p->list, p->room * sizeof(*p->list));
	}
	p->list[p->count] = (struct cut_place){
		.at = s->at,
		.chars = s->chars,
		.line = s->line,
		.page = w->page,
		.heading = s->heading,
		.cost = cost,
		.rank = s->rank,
		.is_fixed = s->is_fixed,
		.crossed = (p->count > 0 ? p->list[p->count - 1].crossed : 0) + crossed,
	};
	p->count++;
}

/* At the last place already: what is better of the two. */
static void join_place(struct walk *w, const struct spot *s, int cost, int crossed)
{
	struct cut_place *last = last_place(w);

	last->cost = cost < last->cost ? cost : last->cost;
	last->rank = s->rank < last->rank ? s->rank : last->rank;
	last->is_fixed |= s->is_fixed;
	last->page = w->page;
	last->heading = s->heading;
	if (w->places->count == 1)
		return;
	if (last->crossed < last[-1].crossed + crossed)
		last->crossed = last[-1].crossed + crossed;
}

static void add_place(struct walk *w, const struct spot *s, int cost, int crossed)
{
	struct cut_place *last = last_place(w);
	size_t apart;

	if (s->at <= last->at) {
		if (s->at == last->at)
			join_place(w, s, cost, crossed);
		return;
	}
	apart = s->chars - last->chars;
	if (apart < w->gap && !s->is_fixed) {
		bool can_go = w->places->count > 1 && !last->is_fixed && cost < last->cost;

		if (!can_go || s->chars - last[-1].chars > w->max)
			return;
		w->places->count--;
	}
	push_place(w, s, cost, crossed);
}

/* Forgets the places after the kept one, when what lies between fits in a piece. */
static void drop_places(struct walk *w, size_t kept, size_t chars)
{
	if (chars - w->places->list[kept].chars <= w->max)
		w->places->count = kept + 1;
}

/* Places of code that stand deeper than a new one of that rank. */
static void drop_deeper(struct walk *w, uint8_t rank, size_t chars)
{
	size_t kept = w->places->count - 1;

	while (kept > 0 && w->places->list[kept].rank > rank)
		kept--;
	drop_places(w, kept, chars);
}

static bool is_code(const struct walk *w)
{
	return w->r->language || w->code_blocks > 0;
}

/* ---- marks ---- */

static void close_blocks(struct walk *w, size_t until, const struct spot *s)
{
	while (w->block_count > 0 && w->blocks[w->block_count - 1].end <= until) {
		const struct block *b = &w->blocks[--w->block_count];
		size_t kept = w->places->count - 1;

		w->code_blocks -= b->is_code;
		if (w->code_blocks == 0 && !w->r->language)
			w->opener_count = 0;
		if (s->chars - b->chars <= w->max) {
			while (kept > 0 && w->places->list[kept].at > b->at)
				kept--;
			drop_places(w, kept, s->chars);
		}
		add_place(w, s, b->is_code ? COST_PARAGRAPH : COST_ITEM, 0);
	}
}

static void open_block(struct walk *w, const struct mark *m, struct spot s)
{
	bool is_first_code = m->kind == MARK_CODE && !is_code(w);
	size_t end = w->block_count > 0 ? w->blocks[w->block_count - 1].end : w->text.len;
	int cost = m->kind == MARK_CODE || m->kind == MARK_RECORD ? COST_PARAGRAPH : COST_ITEM;

	if (s.end > 0 && w->text.ptr[s.end - 1] == ':')
		cost += COST_AFTER_COLON;
	end = m->end < end ? m->end : end;
	if (w->block_count == BLOCKS_MAX || end <= s.at) {
		add_place(w, &s, cost, 0);
		return;
	}
	s.is_fixed = end - s.at >= w->gap;
	if (is_first_code)
		w->opener_count = 0;
	add_place(w, &s, cost, 0);
	w->code_blocks += m->kind == MARK_CODE;
	w->blocks[w->block_count++] = (struct block){
		.at = s.at, .chars = s.chars, .end = end, .is_code = m->kind == MARK_CODE
	};
}

static struct span line_at(struct span text, size_t at)
{
	struct span rest = at < text.len ? span_from(text, at) : span_of(text.ptr + text.len, 0);
	const char *end = rest.len > 0 ? memchr(rest.ptr, '\n', rest.len) : NULL;

	return end ? span_of(rest.ptr, (size_t)(end - rest.ptr)) : rest;
}

static void begin_heading(struct walk *w, const struct mark *m, struct spot s)
{
	/* Nothing but blanks since the heading above. */
	bool follows = w->heading_end != NOT_TEXT && s.end <= w->heading_end;
	size_t start = m->start > s.at ? m->start : s.at;
	size_t end = m->end < w->text.len ? m->end : w->text.len;
	int level = m->level > 0 ? m->level : 1;
	struct mark line = { .start = start,
			     .end = start + line_at(span_of(w->text.ptr, end), start).len };
	struct span words = reading_heading(w->r, &line);
	uint32_t parent = w->heading;

	while (w->places->nodes[parent].level >= level)
		parent = w->places->nodes[parent].parent;
	w->heading =
		add_node(w->places, (struct cut_node){ .start = (size_t)(words.ptr - w->text.ptr),
						       .len = words.len,
						       .parent = parent,
						       .level = level });
	s.heading = w->heading;
	if (follows && parent != 0 && w->heading_place < w->places->count &&
	    w->places->list[w->heading_place].heading == parent) {
		w->places->list[w->heading_place].heading = w->heading;
	} else {
		add_place(w, &s, COST_HEADING, COST_CROSSED);
		w->heading_place = w->places->count - 1;
	}
	while (end > start && classes[(unsigned char)w->text.ptr[end - 1]] == WHITE)
		end--;
	w->heading_end = end;
	w->opener_count = 0;
}

/* A piece that went on into the next page would be cited by the wrong one. */
static void begin_page(struct walk *w, const struct mark *m, struct spot s)
{
	w->page = (uint32_t)m->level;
	s.is_fixed = true;
	add_place(w, &s, COST_HEADING, COST_PAGE);
	if (last_place(w)->at == s.at)
		last_place(w)->page = w->page;
}

/* What begins and ends up to `until` does so at the spot. */
static void pass_marks(struct walk *w, size_t until, struct spot s)
{
	close_blocks(w, until, &s);
	for (; w->mark < w->r->mark_count && w->r->marks[w->mark].start <= until; w->mark++) {
		const struct mark *m = &w->r->marks[w->mark];

		s.heading = w->heading;
		switch (m->kind) {
		case MARK_HEADING:
			begin_heading(w, m, s);
			break;
		case MARK_PAGE:
			begin_page(w, m, s);
			break;
		case MARK_CODE:
		case MARK_TABLE_ROW:
		case MARK_LIST_ITEM:
		case MARK_RECORD:
			open_block(w, m, s);
			break;
		}
	}
}

/* Where the next one begins or ends. */
static size_t next_mark(const struct walk *w)
{
	size_t next = w->text.len;

	if (w->mark < w->r->mark_count && w->r->marks[w->mark].start < next)
		next = w->r->marks[w->mark].start;
	if (w->block_count > 0 && w->blocks[w->block_count - 1].end < next)
		next = w->blocks[w->block_count - 1].end;
	return next;
}

/* ---- code ---- */

static size_t indent_of(struct span blanks)
{
	size_t columns = 0;

	for (size_t i = 0; i < blanks.len; i++)
		columns += blanks.ptr[i] == '\t' ? INDENT - columns % INDENT : 1;
	return columns;
}

/* The line's place among those that enclose it; returns the node of the nearest one. */
static uint32_t enclose(struct walk *w, size_t indent, size_t start)
{
	struct span line = line_at(w->text, start);
	uint32_t parent;

	while (w->opener_count > 0 && w->openers[w->opener_count - 1].indent >= indent &&
	       cut_is_opener(line))
		w->opener_count--;
	parent = w->heading;
	for (size_t i = w->opener_count; i-- > 0;)
		if (w->openers[i].indent < indent) {
			parent = w->openers[i].node;
			break;
		}
	if (w->opener_count < OPENERS_MAX && cut_is_opener(line)) {
		struct cut_node node = { .start = start,
					 .len = line.len < OPENER_BYTES ? line.len : OPENER_BYTES,
					 .parent = parent };

		w->openers[w->opener_count++] =
			(struct opener){ .indent = indent, .node = add_node(w->places, node) };
	}
	return parent;
}

/* A line of code begins at the spot, its text at next. */
static void add_code_line(struct walk *w, struct spot s, size_t next, unsigned newlines)
{
	struct span line = line_at(w->text, next);
	size_t indent = indent_of(span_of(w->text.ptr + s.at, next - s.at));
	size_t level = (indent + INDENT - 1) / INDENT;
	int depth = (int)(level < DEPTH_MAX ? level : DEPTH_MAX);
	int cost = depth * COST_CODE_DEPTH;

	s.heading = enclose(w, indent, next);
	if (cut_is_closing(line)) {
		s.rank = RANK_CODE_CLOSING;
		cost = COST_CODE_CLOSING;
	} else if (newlines >= 2) {
		s.rank = (uint8_t)(RANK_CODE_BLANK + depth);
		cost += COST_CODE_BLANK;
		drop_deeper(w, s.rank, s.chars);
	} else {
		s.rank = (uint8_t)(RANK_CODE_LINE + depth);
		cost += COST_CODE_LINE;
	}
	add_place(w, &s, cost, 0);
}

/* ---- text ---- */

/* Whether a place at a blank between two words would be none: too near to one that is as good. */
static bool skips_words(const struct walk *w)
{
	return !is_code(w) && last_place(w)->cost <= COST_WORD &&
	       (w->heading_end == NOT_TEXT || w->at > w->heading_end);
}

/* Whether none before an empty line would be one, not even where a sentence or a line ends. */
static bool skips_sentences(const struct walk *w)
{
	return last_place(w)->cost <= COST_SENTENCE || last_place(w)->is_fixed;
}

/* Blanks from here on (no more than some gaps of them): what follows them may begin a piece. */
static void pass_blanks(struct walk *w)
{
	struct spot s = { .end = w->at, .at = SIZE_MAX, .line = w->line };
	size_t from = w->at, limit = from + BLANKS * w->gap;
	unsigned newlines = 0;
	int cost;

	limit = limit < w->text.len ? limit : w->text.len;

	while (w->at < limit && classes[(unsigned char)w->text.ptr[w->at]] == WHITE)
		if (w->text.ptr[w->at++] == '\n') {
			newlines++;
			w->line++;
			s.at = w->at;
		}
	w->chars += w->at - from;
	s.at = newlines > 0 ? s.at : w->at;
	s.chars = w->chars - (w->at - s.at);
	s.line = w->line;
	s.heading = w->heading;
	if (next_mark(w) <= w->at)
		pass_marks(w, w->at, s);
	if (w->at == w->text.len)
		return;
	if (is_code(w) && newlines > 0) {
		add_code_line(w, s, w->at, newlines);
		return;
	}
	if (newlines < 2 && s.at > last_place(w)->at && s.chars - last_place(w)->chars < w->gap &&
	    skips_sentences(w))
		return;
	s.heading = w->opener_count > 0 ? w->openers[w->opener_count - 1].node : w->heading;
	s.rank = is_code(w) ? RANK_CODE_INSIDE : RANK_TEXT;
	if (w->heading_end != NOT_TEXT && s.end <= w->heading_end) /* not after a heading */
		cost = s.chars - last_place(w)->chars < BLANKS * w->gap ? 0 : COST_CHARACTER;
	else
		cost = is_code(w) ? COST_CHARACTER
				  : cut_cost_of_blank(w->text, s.end, w->at, newlines);
	if (cost > 0)
		add_place(w, &s, cost, 0);
}

/* A place before the character here that is at no blank. */
static void add_here(struct walk *w, int cost)
{
	struct spot s = { .at = w->at,
			  .chars = w->chars,
			  .end = w->at,
			  .line = w->line,
			  .heading = w->opener_count > 0 ? w->openers[w->opener_count - 1].node
							 : w->heading,
			  .rank = is_code(w) ? RANK_CODE_INSIDE : RANK_TEXT };

	add_place(w, &s, cost, 0);
}

static uint32_t pass_character(struct walk *w)
{
	size_t len;
	uint32_t c = utf8_next(span_from(w->text, w->at), &len);

	w->at += len > 0 ? len : 1;
	w->chars++;
	return c;
}

/* What may end a sentence without a blank, and the quotes and brackets that close after it. */
static void pass_punctuation(struct walk *w)
{
	int cost = cut_after_mark(pass_character(w));
	size_t len;

	if (cost == 0 || is_code(w))
		return;
	for (int i = 0; i < 4 && w->at < w->text.len; i++) {
		uint32_t c = utf8_next(span_from(w->text, w->at), &len);

		if (!cut_is_closer(c) && cut_after_mark(c) == 0)
			break;
		pass_character(w);
	}
	if (w->at < w->text.len && classes[(unsigned char)w->text.ptr[w->at]] != WHITE)
		add_here(w, cost);
}

/* Too long without a blank: here, unless that would part a character from its marks. */
static void add_forced(struct walk *w, size_t since)
{
	size_t start, len;
	uint32_t before = cut_before(w->text, w->at, &start);
	uint32_t c = utf8_next(span_from(w->text, w->at), &len);

	if (!cut_is_joined(before, c) || since >= 3 * w->gap)
		add_here(w, COST_CHARACTER);
}

/* Bytes of ASCII from at on that have no class, eight at a time and at most max; not always all. */
static size_t plain_bytes(const char *at, size_t max)
{
	size_t len = 0;

	while (len + 8 <= max) {
		uint64_t eight = eight_load(at + len);
		uint64_t others = (eight & EIGHT_HIGH) | eight_equal(eight, ' ') |
				  eight_equal(eight, '\t') | eight_equal(eight, '\n');

		if (others)
			return len + eight_first(others);
		len += 8;
	}
	return len;
}

/* Up to stop or what has a class. */
static void pass_plain(struct walk *w, size_t stop)
{
	const unsigned char *p = (const unsigned char *)w->text.ptr;
	size_t limit = last_place(w)->chars + 2 * w->gap, at = w->at, chars = w->chars;

	if (chars < limit) {
		size_t most = stop - at < limit - chars ? stop - at : limit - chars;
		size_t plain = plain_bytes(w->text.ptr + at, most);

		at += plain;
		chars += plain;
	}
	for (; at < stop; at++) {
		if ((p[at] & 0xc0) == 0x80)
			continue;
		if (classes[p[at]] != PLAIN || chars >= limit)
			break;
		chars++;
	}
	w->at = at;
	w->chars = chars;
}

/*
 * ASCII words of a line, with one blank between them, so far as no place can be there and the next
 * mark is not; what else there is has to be walked by the character.
 */
static bool pass_words(struct walk *w, size_t stop)
{
	size_t at = w->at, before_limit = last_place(w)->chars + w->gap;
	uint64_t words = EIGHT_HIGH; /* of the bytes before */
	bool is_any = skips_sentences(w), moved;

	/* One more follows: a blank that is passed has the next word behind it before the mark. */
	while (at + 8 < stop && w->chars + (at - w->at) + 8 < before_limit) {
		uint64_t eight = eight_load(w->text.ptr + at);
		uint64_t letters = eight_letters(eight) |
				   (eight_between(eight & ~EIGHT_HIGH, '0', '9') & ~eight);
		uint64_t blanks = eight_equal(eight, ' ');
		uint64_t plain = eight_between(eight & ~EIGHT_HIGH, ' ', 0x7f) & ~eight;

		if (plain != EIGHT_HIGH || (!is_any && blanks & ~(letters << 8 | words >> 56)))
			break;
		words = letters;
		at += 8;
	}
	while (at > w->at && w->text.ptr[at - 1] == ' ')
		at--;
	w->chars += at - w->at;
	moved = at > w->at;
	w->at = at;
	return moved;
}

static void walk_text(struct walk *w)
{
	while (w->at < w->text.len) {
		unsigned char c = (unsigned char)w->text.ptr[w->at];
		bool is_start = (c & 0xc0) != 0x80;
		size_t stop = next_mark(w), since;

		if (classes[c] == WHITE) { /* what begins or ends here does so after them */
			pass_blanks(w);
			continue;
		}
		if (stop <= w->at && is_start) {
			struct spot s = { .at = w->at,
					  .chars = w->chars,
					  .end = w->at,
					  .line = w->line,
					  .heading = w->heading };

			pass_marks(w, w->at, s);
			stop = next_mark(w);
		}
		since = w->chars - last_place(w)->chars;
		if (since >= 2 * w->gap && is_start)
			add_forced(w, since);
		if (classes[c] == PUNCTUATION)
			pass_punctuation(w);
		else if (is_start && w->chars - last_place(w)->chars >= 2 * w->gap)
			pass_character(w);
		else if (c < 0x80 && stop > w->at + 8 && skips_words(w) && pass_words(w, stop))
			continue;
		else
			pass_plain(w, stop > w->at ? stop : w->at + 1);
	}
}

void cut_places_find(struct cut_places *p, const struct reading *r, size_t target, size_t max)
{
	struct walk w = { .places = p,
			  .r = r,
			  .text = buf_span(&r->text),
			  .max = max,
			  .gap = target / 16 > max / 64 ? target / 16 : max / 64,
			  .line = 1,
			  .heading_end = NOT_TEXT };
	struct spot s = { .line = 1 };

	memset(p, 0, sizeof(*p));
	add_node(p, (struct cut_node){ .level = 0 });
	push_place(&w, &s, COST_HEADING, 0);
	pass_marks(&w, 0, s);
	if (r->language && w.text.len > 0)
		enclose(&w, 0, 0);
	walk_text(&w);
	s = (struct spot){
		.at = w.at, .chars = w.chars, .end = w.at, .line = w.line, .is_fixed = true
	};
	pass_marks(&w, w.text.len, s);
	if (r->language)
		drop_deeper(&w, RANK_TEXT, w.chars);
	add_place(&w, &s, COST_HEADING, 0);
}

void cut_places_free(struct cut_places *p)
{
	mem_free(p->list);
	mem_free(p->nodes);
	memset(p, 0, sizeof(*p));
}
