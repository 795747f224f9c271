/* common/rag/cut.c - choosing among the places, and what is told of each piece. */
#include "common/rag/cut_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/terms.h"

#include <assert.h>

enum {
	PATH_MAX_NODES = 12,
	PATH_OPENERS = 3,    /* lines of code in a heading path: the outermost */
	PATH_PART_MAX = 120, /* bytes of one */
	SHIFT = 10           /* CUT_ONE = 1 << SHIFT */
};

static_assert(CUT_ONE == 1 << SHIFT, "distances are in the same unit as costs");

struct chooser {
	size_t target, max;
	uint64_t below, above; /* per character that is missing, or too much */
};

/*
 * The square of how far from the target: CUT_ONE for a piece of nothing, and for one that is half
 * as long again, as too much costs more than too little where texts are sent by their length.
 */
static int64_t cost_of_length(const struct chooser *c, size_t chars)
{
	uint64_t off =
		chars < c->target ? (c->target - chars) * c->below : (chars - c->target) * c->above;

	off >>= SHIFT;
	return (int64_t)(off * off >> SHIFT);
}

/* The cheapest way to each place, in steps of at most max (they lie close enough for that). */
static void find_ways(struct cut_places *p, const struct chooser *c)
{
	size_t first = 0; /* place from which a step is not too long, or the one before */

	for (size_t j = 1; j < p->count; j++) {
		struct cut_place *to = &p->list[j];
		int64_t best = INT64_MAX;
		size_t from = 0;

		while (first + 1 < j && to->chars - p->list[first].chars > c->max)
			first++;
		for (size_t i = j; i-- > first;) {
			const struct cut_place *at = &p->list[i];
			int64_t cost = at->best - at->crossed +
				       cost_of_length(c, to->chars - at->chars);

			from = cost < best ? i : from;
			best = cost < best ? cost : best;
		}
		to->from = (uint32_t)from;
		to->best = best + p->list[j - 1].crossed + to->cost;
	}
}

/* ---- heading paths ---- */

static struct span trim(struct span s, const char *also)
{
	while (s.len > 0 && (char_is_white(s.ptr[s.len - 1]) || strchr(also, s.ptr[s.len - 1])))
		s.len--;
	while (s.len > 0 && char_is_white(s.ptr[0]))
		s = span_from(s, 1);
	return s;
}

struct span cut_heading_part(struct span s)
{
	return span_of(s.ptr,
		       utf8_whole(span_of(s.ptr, s.len < PATH_PART_MAX ? s.len : PATH_PART_MAX)));
}

bool cut_heading_add(struct buf *out, size_t begin, struct span part)
{
	if (part.len == 0)
		return true;
	if (out->len - begin + part.len + 3 > CUT_HEADING_MAX)
		return false;
	if (out->len > begin)
		buf_add_str(out, " > ");
	buf_add_span(out, part);
	return true;
}

static struct span text_of(const struct cut_node *node, struct span text)
{
	return cut_heading_part(
		trim(span_of(text.ptr + node->start, node->len), node->level > 0 ? "" : "{:"));
}

static void add_path(struct buf *out, const struct cut_places *p, uint32_t node, struct span text)
{
	uint32_t chain[PATH_MAX_NODES];
	size_t count = 0, openers = 0, begin = out->len;

	for (; node > 0; node = p->nodes[node].parent) {
		if (count == PATH_MAX_NODES)
			memmove(chain, chain + 1, --count * sizeof(*chain));
		chain[count++] = node;
	}
	while (count-- > 0) {
		const struct cut_node *n = &p->nodes[chain[count]];
		struct span part = text_of(n, text);

		if (part.len == 0 || (n->level == 0 && ++openers > PATH_OPENERS))
			continue;
		if (!cut_heading_add(out, begin, part))
			break;
	}
}

/* Pieces under the same headings share the path. */
static void name_pieces(struct cutting *c, const struct cut_places *p, const uint32_t *nodes,
			struct span text)
{
	size_t start = 0;

	buf_init(&c->headings, c->count * CUT_HEADING_MAX);
	for (size_t i = 0; i < c->count; i++) {
		if (i == 0 || nodes[i] != nodes[i - 1]) {
			start = c->headings.len;
			add_path(&c->headings, p, nodes[i], text);
		}
		c->pieces[i].heading = span_of(NULL, c->headings.len - start);
	}
	for (size_t i = 0, at = 0; i < c->count; i++) {
		struct span *heading = &c->pieces[i].heading;

		if (i > 0 && nodes[i] != nodes[i - 1])
			at += c->pieces[i - 1].heading.len;
		heading->ptr = heading->len > 0 ? c->headings.ptr + at : NULL;
	}
}

/* ---- pieces ---- */

static void hash_piece(struct piece *piece, struct span text)
{
	struct span of = span_of(text.ptr + piece->start, piece->end - piece->start);

	piece->hash[0] = terms_hash(of);
	piece->hash[1] = terms_hash(piece->heading) ^ piece->hash[0] >> 32;
}

/* Back by at most overlap characters: to a place if there is one, else to a word's beginning. */
static void begin_earlier(struct piece *piece, const struct cut_places *p, uint32_t from,
			  size_t overlap, struct span text)
{
	size_t at = piece->start;
	size_t least =
		p->list[p->list[from].from].chars + 1; /* the last piece has something left */
	uint32_t place = from;

	if (piece->chars_start > overlap && least < piece->chars_start - overlap)
		least = piece->chars_start - overlap;
	while (place > 0 && p->list[place - 1].chars >= least)
		place--;
	if (place < from) {
		const struct cut_place *earlier = &p->list[place];

		piece->start = earlier->at;
		piece->chars_start = earlier->chars;
		piece->line = earlier->line;
		return;
	}
	for (size_t chars = piece->chars_start, lines = 0, start; at > 0 && chars > least;
	     chars--) {
		uint32_t c = cut_before(text, at, &start);

		if (at < piece->start && char_is_white(text.ptr[start])) {
			piece->line -= (uint32_t)lines;
			piece->start = at;
			piece->chars_start = chars;
			return;
		}
		lines += c == '\n';
		at = start;
	}
}

static void make_pieces(struct cutting *out, const struct cut_places *p, size_t overlap,
			struct span text)
{
	uint32_t *nodes;
	size_t count = 0, i;

	for (size_t at = p->count - 1; at > 0; at = p->list[at].from)
		count++;
	if (count == 0)
		return;
	nodes = mem_alloc(count * sizeof(*nodes));
	out->pieces = mem_calloc(count, sizeof(*out->pieces));
	out->count = i = count;
	for (size_t at = p->count - 1; at > 0; at = p->list[at].from) {
		const struct cut_place *from = &p->list[p->list[at].from], *to = &p->list[at];
		struct piece *piece = &out->pieces[--i];

		*piece = (struct piece){ .start = from->at,
					 .end = to->at,
					 .chars_start = from->chars,
					 .chars_end = to->chars,
					 .line = from->line,
					 .page = from->page };
		nodes[i] = from->heading;
		if (overlap > 0 && i > 0)
			begin_earlier(piece, p, to->from, overlap, text);
	}
	name_pieces(out, p, nodes, text);
	for (i = 0; i < count; i++)
		hash_piece(&out->pieces[i], text);
	mem_free(nodes);
}

static int check_options(const struct cut_options *o, struct err *err)
{
	if (o->target < CUT_TARGET_LEAST || o->target > o->max)
		return err_set(err, E_invalid_field, "target",
			       "the length of a piece must be %d to %zu characters, its maximum",
			       CUT_TARGET_LEAST, o->max);
	if (o->max > CUT_MAX_MOST)
		return err_set(err, E_invalid_field, "max",
			       "the longest piece may have at most %d characters", CUT_MAX_MOST);
	if (o->overlap > o->target / 2)
		return err_set(err, E_invalid_field, "overlap",
			       "pieces may overlap by at most half of their length");
	return 0;
}

int cut_document(const struct reading *r, const struct cut_options *options, struct cutting *out,
		 struct err *err)
{
	struct span text = buf_span(&r->text);
	struct cut_places places;
	struct chooser c;

	memset(out, 0, sizeof(*out));
	buf_init(&out->headings, 1);
	if (check_options(options, err) < 0)
		return -1;
	if (text.len == 0)
		return 0;
	c.target = options->target - options->overlap;
	c.max = options->max - options->overlap;
	c.below = (UINT64_C(1) << 2 * SHIFT) / c.target;
	c.above = 2 * c.below;
	cut_places_find(&places, r, c.target, c.max);
	find_ways(&places, &c);
	make_pieces(out, &places, options->overlap, text);
	cut_places_free(&places);
	return 0;
}

void cutting_free(struct cutting *c)
{
	mem_free(c->pieces);
	buf_free(&c->headings);
	memset(c, 0, sizeof(*c));
}
