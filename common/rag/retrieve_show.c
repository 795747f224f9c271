/* common/rag/retrieve_show.c - of what was found the best, as a reader wants to see it. */
#include "common/rag/retrieve_inside.h"

#include <math.h>

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/rag/arrange.h"
#include "common/rag/passages.h"

enum { MATCHES_MAX = 64 };
#define SPEAKS 0.5F /* a part of another list's that is evidence */

/* Chunks that may be shown, best first, as far as they have been read. */
struct shelf {
	struct retrieval *r;
	struct terms *terms;
	struct rag_chunk *chunks;
	struct arrange_item *items;
	uint32_t *places; /* of those kept */
	size_t count, kept;
};

static size_t count_characters(struct span text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.len; i++)
		count += ((unsigned char)text.ptr[i] & 0xc0) != 0x80;
	return count;
}

/* ---- which ---- */

/* A budget is to be filled, if only with what stands around. */
static bool wants_passages(const struct retrieval *r)
{
	return r->answer->scope == RETRIEVE_CHUNKS && r->question->budget > 0 &&
	       r->question->neighbours == 0;
}

/*
 * It was found by how its document begins alone: it has none of the words, and its meaning is
 * another.
 */
static bool is_faint(const struct retrieval *r, const struct fusion_hit *found)
{
	struct lexical_match match;

	if (found->parts[LIST_LATENT] >= SPEAKS || found->parts[LIST_DENSE] >= SPEAKS)
		return false;
	return lexical_matches(&r->rows, found->row, r->words, &match, 1) == 0;
}

static bool is_blank(const struct rag_chunk *c)
{
	return span_strip(c->text).len == 0;
}

static int read_more(struct shelf *s, size_t wanted, struct err *err)
{
	struct retrieval *r = s->r;

	for (; s->count < wanted && s->count < r->found_count; s->count++) {
		struct rag_chunk *c = &s->chunks[s->count];
		int64_t id = rag_snapshot_chunk(r->view.snapshot, r->found[s->count].row);

		if (rag_view_chunk(&r->view, id, true, r->arena, c, err) < 0)
			return -1;
		s->items[s->count].document = c->document;
		s->items[s->count].simhash = arrange_simhash(s->terms, c->text);
		s->items[s->count].is_faint =
			!wants_passages(r) && !r->rerank &&
			(is_blank(c) || is_faint(r, &r->found[s->count]));
	}
	return 0;
}

/* Whoever has named the documents wants all that they say. */
static size_t document_max(const struct retrieval *r)
{
	if (r->answer->scope == RETRIEVE_DOCUMENTS)
		return 1;
	return r->is_filtered ? 0 : ARRANGE_DOCUMENT_MAX;
}

static int choose(struct shelf *s, struct err *err)
{
	struct retrieval *r = s->r;
	size_t top = r->question->top_k, of_one = document_max(r);

	for (size_t wanted = top + top / 2 + 4;; wanted *= 2) {
		if (read_more(s, wanted, err) < 0)
			return -1;
		s->kept = arrange(s->items, s->count, of_one, s->places, top);
		if (s->kept == top || s->count == r->found_count)
			break;
	}
	/* A few documents that have more to say are better than a short list. */
	if (s->kept < top && of_one > 1)
		s->kept = arrange(s->items, s->count, 0, s->places, top);
	return 0;
}

/* ---- one hit ---- */

static void show_scores(const struct retrieval *r, const struct fusion_hit *found,
			struct retrieve_hit *hit)
{
	size_t place = (size_t)(found - r->found);

	hit->score = found->score;
	hit->fused = r->fused ? r->fused[place] : found->score;
	hit->rerank = r->rerank ? r->rerank[place] : NAN;
	hit->lexical = found->parts[LIST_LEXICAL];
	hit->latent = found->parts[LIST_LATENT];
	hit->dense = found->parts[LIST_DENSE];
	hit->bm25 = hit->cosine = NAN;
	for (size_t i = 0; i < r->lexical_count && isnan(hit->bm25); i++)
		if (r->lexical[i].row == found->row)
			hit->bm25 = r->lexical[i].score;
	for (size_t i = 0; i < r->dense.count && isnan(hit->cosine); i++)
		if (r->dense.rows[i] == found->row)
			hit->cosine = r->dense.scores[i];
}

static uint32_t count_lines(struct span text)
{
	return (uint32_t)span_count(text, '\n');
}

/* The sentence is of the chunk's text. */
static int show_sentence(struct retrieval *r, const struct rag_chunk *c, struct span sentence,
			 struct retrieve_hit *hit, struct err *err)
{
	struct span before = span_of(c->text.ptr, (size_t)(sentence.ptr - c->text.ptr));
	struct retrieve_place *place = &hit->sentence;
	struct rag_above above;

	place->start = c->start + before.len;
	place->end = place->start + sentence.len;
	place->chars_start = c->chars_start + count_characters(before);
	place->chars_end = place->chars_start + count_characters(sentence);
	place->line = c->line + count_lines(before);
	if (rag_view_above(&r->view, &hit->document, c, place->start, r->arena, &above, err) < 0)
		return -1;
	place->page = above.page;
	place->row = above.row;
	place->heading = above.heading;
	return 0;
}

/* What of the chunk the hit has, which may be its beginning alone. */
static struct span text_shown(const struct rag_chunk *c, const struct retrieve_hit *hit)
{
	size_t start = hit->start > c->start ? hit->start - c->start : 0;
	size_t end = hit->end < c->end ? hit->end - c->start : c->text.len;

	return start < end ? span_of(c->text.ptr + start, end - start) : c->text;
}

static int show_matches(struct shelf *s, size_t place, struct retrieve_hit *hit, struct err *err)
{
	struct retrieval *r = s->r;
	const struct rag_chunk *c = &s->chunks[place];
	struct lexical_match matches[MATCHES_MAX];
	size_t count = lexical_matches(&r->rows, r->found[place].row, r->words, matches,
				       MATCHES_MAX);

	snippet_make(s->terms, text_shown(c, hit), matches, count, span_is(hit->document.type, "code"),
		     &hit->snippet);
	hit->terms = arena_alloc(r->arena, (count + 1) * sizeof(*hit->terms));
	if (!hit->terms)
		return retrieve_full(err);
	for (size_t i = 0; i < count; i++)
		hit->terms[i] = arena_span(r->arena, matches[i].term);
	hit->term_count = count;
	return show_sentence(r, c, hit->snippet.sentence, hit, err);
}

/* The text from `first` to `last` of the document, which are chunks around it. */
static int widen(struct retrieval *r, struct retrieve_hit *hit, int64_t chunk, struct err *err)
{
	int64_t around = r->question->neighbours,
		end = hit->document.first_chunk + hit->document.chunks - 1;
	int64_t first = chunk - around, last = chunk + around;
	struct rag_chunk from, to;

	first = first < hit->document.first_chunk ? hit->document.first_chunk : first;
	last = last > end ? end : last;
	if (rag_view_chunk(&r->view, first, false, r->arena, &from, err) < 0 ||
	    rag_view_chunk(&r->view, last, false, r->arena, &to, err) < 0)
		return -1;
	hit->start = from.start;
	hit->end = to.end;
	hit->chars_start = from.chars_start;
	hit->line = from.line;
	hit->page = from.page;
	return rag_view_text(&r->view, &hit->document, hit->start, hit->end, r->arena, &hit->text,
			     err);
}

static int show_chunk(struct shelf *s, size_t place, struct retrieve_hit *hit, struct err *err)
{
	struct retrieval *r = s->r;
	const struct rag_chunk *c = &s->chunks[place];

	*hit = (struct retrieve_hit){ .chunk = c->ordinal,
				      .start = c->start,
				      .end = c->end,
				      .chars_start = c->chars_start,
				      .line = c->line,
				      .page = c->page,
				      .heading = c->heading,
				      .text = c->text };
	show_scores(r, &r->found[place], hit);
	if (rag_view_document(&r->view, c->document, r->arena, &hit->document, err) < 0 ||
	    (r->question->neighbours > 0 && widen(r, hit, c->id, err) < 0))
		return -1;
	hit->chars_end = hit->chars_start + count_characters(hit->text);
	return 0;
}

/* The whole document of the chunk. */
static int show_document(struct shelf *s, size_t place, struct retrieve_hit *hit, struct err *err)
{
	struct retrieval *r = s->r;

	if (show_chunk(s, place, hit, err) < 0 ||
	    rag_view_text(&r->view, &hit->document, 0, SIZE_MAX, r->arena, &hit->text, err) < 0)
		return -1;
	hit->start = hit->chars_start = 0;
	hit->end = hit->text.len;
	hit->chars_end = (size_t)hit->document.chars;
	hit->line = 1;
	hit->page = hit->page > 0;
	hit->heading = SPAN_NONE;
	return 0;
}

/* A hit whose text another one, with its neighbours, shows already. */
static bool is_shown(const struct retrieve_answer *answer, const struct rag_chunk *c)
{
	for (size_t i = 0; i < answer->count; i++)
		if (answer->hits[i].document.id == c->document &&
		    answer->hits[i].start <= c->start && c->end <= answer->hits[i].end)
			return true;
	return false;
}

size_t retrieve_budget(const struct retrieve_question *question, enum retrieve_scope scope)
{
	if (question->budget > 0)
		return question->budget;
	return scope == RETRIEVE_CHUNKS ? SIZE_MAX : RETRIEVE_BUDGET;
}

/* A document that is too long is shown by its chunk; a chunk that is too long not at all. */
static int show_kept(struct shelf *s, struct err *err)
{
	struct retrieve_answer *answer = s->r->answer;
	size_t left = retrieve_budget(s->r->question, s->r->answer->scope);

	for (size_t i = 0; i < s->kept; i++) {
		struct retrieve_hit *hit = &answer->hits[answer->count];
		size_t place = s->places[i], chars;

		if (is_shown(answer, &s->chunks[place]))
			continue;
		if (show_chunk(s, place, hit, err) < 0)
			return -1;
		if (answer->scope == RETRIEVE_DOCUMENTS && (size_t)hit->document.chars <= left &&
		    show_document(s, place, hit, err) < 0)
			return -1;
		chars = hit->chars_end - hit->chars_start;
		if (chars > left)
			continue;
		if (show_matches(s, place, hit, err) < 0)
			return -1;
		left -= chars;
		hit->number = (int)++answer->count;
	}
	return 0;
}

/* ---- within a budget: pieces that meet become one ---- */

/* A piece is a chunk, or what another one left of it; its rank is not the shelf's here. */
static struct span text_of(void *data, const struct passage *piece)
{
	const struct shelf *s = data;

	for (size_t i = 0; i < s->count; i++) {
		const struct rag_chunk *c = &s->chunks[i];

		if (c->document == piece->document && c->start <= piece->start &&
		    piece->end <= c->end)
			return span_of(c->text.ptr + (piece->start - c->start),
				       piece->end - piece->start);
	}
	return SPAN_NONE;
}

/* Where the passage begins: a chunk that was found, too. */
static const struct rag_chunk *first_chunk(const struct shelf *s, const struct passage *p)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->chunks[i].document == p->document && s->chunks[i].start <= p->start &&
		    p->start < s->chunks[i].end)
			return &s->chunks[i];
	return &s->chunks[s->places[p->rank]];
}

/* Of code the first line keeps what it is indented by. */
static void trim_passage(struct passage *p, struct retrieve_hit *hit)
{
	bool is_code = span_is(hit->document.type, "code");
	const char *from = hit->text.ptr;
	struct span text = passage_trim(p, hit->text);

	while (is_code && text.ptr > from && (text.ptr[-1] == ' ' || text.ptr[-1] == '\t')) {
		text = span_of(text.ptr - 1, text.len + 1);
		p->start--;
		p->chars_start--;
	}
	hit->text = text;
}

static int show_passage(struct shelf *s, struct passage *p, struct retrieve_hit *hit,
			struct err *err)
{
	const struct rag_chunk *first = first_chunk(s, p);
	struct retrieval *r = s->r;
	const char *text;

	if (show_chunk(s, s->places[p->rank], hit, err) < 0 ||
	    rag_view_text(&r->view, &hit->document, p->start, p->end, r->arena, &hit->text, err) <
		    0)
		return -1;
	text = hit->text.ptr;
	hit->line = first->line;
	if (p->start > first->start)
		hit->line += count_lines(span_of(first->text.ptr, p->start - first->start));
	trim_passage(p, hit);
	hit->line += count_lines(span_of(text, (size_t)(hit->text.ptr - text)));
	hit->page = first->page;
	hit->start = p->start;
	hit->end = p->end;
	hit->chars_start = p->chars_start;
	hit->chars_end = p->chars_end;
	return show_matches(s, s->places[p->rank], hit, err);
}

/* Chunks of nothing but white space are left off the shelf. */
static void list_pieces(struct shelf *s, struct passage *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < s->kept; i++)
		if (!is_blank(&s->chunks[s->places[i]]))
			s->places[kept++] = s->places[i];
	s->kept = kept;
	for (size_t i = 0; i < s->kept; i++) {
		const struct rag_chunk *c = &s->chunks[s->places[i]];

		out[i] = (struct passage){ .document = c->document,
					   .start = c->start,
					   .end = c->end,
					   .chars_start = c->chars_start,
					   .chars_end = c->chars_start + count_characters(c->text),
					   .rank = i,
					   .score = s->r->found[s->places[i]].score };
	}
}

static int show_passages(struct shelf *s, struct err *err)
{
	struct retrieve_answer *answer = s->r->answer;
	const struct passages_wish wish = { .budget = retrieve_budget(s->r->question, answer->scope),
					    .text = text_of,
					    .data = s };
	struct passage *pieces, *passages;
	size_t count;

	if (read_more(s, PASSAGES_LOOK_MAX, err) < 0)
		return -1;
	s->kept = arrange(s->items, s->count, 0, s->places, PASSAGES_LOOK_MAX);
	pieces = arena_alloc(s->r->arena, (s->kept + 1) * sizeof(*pieces));
	passages = arena_alloc(s->r->arena, (s->kept + 1) * sizeof(*passages));
	if (!pieces || !passages)
		return retrieve_full(err);
	list_pieces(s, pieces);
	count = passages_fill(pieces, s->kept, &wish, passages, s->r->question->top_k);
	for (size_t i = 0; i < count; i++) {
		struct retrieve_hit *hit = &answer->hits[i];

		if (show_passage(s, &passages[i], hit, err) < 0)
			return -1;
		hit->number = (int)++answer->count;
	}
	return 0;
}

int retrieve_show(struct retrieval *r, struct err *err)
{
	size_t found = r->found_count + 1;
	struct shelf s = { .r = r,
			   .terms = terms_new(),
			   .chunks = arena_alloc(r->arena, found * sizeof(*s.chunks)),
			   .items = arena_alloc(r->arena, found * sizeof(*s.items)),
			   .places = arena_alloc(r->arena, found * sizeof(*s.places)) };
	int result = -1;

	r->answer->hits =
		arena_alloc(r->arena, (r->question->top_k + 1) * sizeof(*r->answer->hits));
	if (!s.chunks || !s.items || !s.places || !r->answer->hits)
		retrieve_full(err);
	else if (wants_passages(r))
		result = show_passages(&s, err);
	else if (choose(&s, err) == 0)
		result = show_kept(&s, err);
	terms_free(s.terms);
	return result;
}
