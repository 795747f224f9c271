/* common/rag/segment_merge.c - several segments as one, from their postings alone. */
#include "common/rag/segment.h"

#include "common/base/mem.h"
#include "common/rag/segment_inside.h"

#include <limits.h>

#define GONE UINT32_MAX

struct part {
	const struct segment *segment;
	const uint64_t *dead;
	uint32_t *rows;  /* by row: its number in the whole, or GONE */
	uint32_t *terms; /* by slot: its slot in the whole, later its id there, or GONE */
	struct texts texts;
	bool has_text;
};

struct merge {
	struct part *parts;
	size_t count;
	struct segment_writer writer;
	struct posting *postings; /* of one term */
};

static bool is_dead(const struct part *p, uint32_t row)
{
	return p->dead && (p->dead[row / 64] >> (row % 64) & 1);
}

static int add_rows(struct merge *m, struct err *err)
{
	int64_t last = INT64_MIN;

	for (size_t i = 0; i < m->count; i++) {
		struct part *p = &m->parts[i];

		for (uint32_t row = 0; row < segment_rows(p->segment); row++) {
			int64_t chunk = segment_chunk(p->segment, row);

			p->rows[row] = GONE;
			if (is_dead(p, row))
				continue;
			if (m->writer.row_count > 0 && chunk <= last)
				return err_set(err, E_storage_error, "",
					       "the segments of the index overlap");
			if (m->writer.row_count == SEGMENT_ROWS_MAX)
				return err_set(err, E_too_large, "",
					       "a segment of the index has too many rows");
			last = chunk;
			p->rows[row] = m->writer.row_count;
			writer_row(&m->writer, chunk, segment_length(p->segment, row));
		}
	}
	return 0;
}

static struct span text_of(const struct part *p)
{
	return span_of(p->texts.text, p->texts.len);
}

static int compare_parts(const struct part *a, const struct part *b)
{
	struct span x = text_of(a), y = text_of(b);
	int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* The part whose next text is the least, NULL when all are through. */
static struct part *least(struct merge *m)
{
	struct part *found = NULL;

	for (size_t i = 0; i < m->count; i++)
		if (m->parts[i].has_text && (!found || compare_parts(&m->parts[i], found) < 0))
			found = &m->parts[i];
	return found;
}

/* What is alive of the part's next term goes behind the count that there are. */
static uint32_t add_postings(struct merge *m, const struct part *p, uint32_t count)
{
	const unsigned char *slot = segment_slot(p->segment, p->texts.slot - 1);
	struct postings postings;

	postings_open(p->segment, load32(slot + SLOT_ID), &postings);
	while (postings_next(&postings))
		for (size_t i = 0; i < postings.count; i++) {
			uint32_t row = p->rows[postings.rows[i]];

			if (row != GONE)
				m->postings[count++] =
					(struct posting){ .row = row, .weight = postings.weights[i] };
		}
	return count;
}

static int add_terms(struct merge *m, struct err *err)
{
	char text[SEGMENT_TERM_MAX], before[SEGMENT_TERM_MAX];
	size_t before_len = 0;
	struct part *first;

	for (size_t i = 0; i < m->count; i++)
		m->parts[i].has_text = texts_next(&m->parts[i].texts);
	while ((first = least(m))) {
		struct span term = span_of(text, first->texts.len);
		uint32_t count = 0;

		memcpy(text, first->texts.text, term.len);
		if (term.len == 0 || span_equal(term, span_of(before, before_len)))
			return err_set(err, E_storage_error, "",
				       "a segment of the index has a term twice");
		for (size_t i = 0; i < m->count; i++)
			if (m->parts[i].has_text && span_equal(text_of(&m->parts[i]), term))
				count = add_postings(m, &m->parts[i], count);
		for (size_t i = 0; i < m->count; i++) {
			struct part *p = &m->parts[i];

			if (!p->has_text || !span_equal(text_of(p), term))
				continue;
			p->terms[p->texts.slot - 1] = count > 0 ? m->writer.term_count : GONE;
			p->has_text = texts_next(&p->texts);
		}
		if (count > 0)
			writer_term(&m->writer, term, m->postings, count);
		memcpy(before, text, term.len);
		before_len = term.len;
	}
	return 0;
}

static int add_places_of(struct merge *m, const struct part *p, uint32_t row, struct err *err)
{
	struct places places;
	uint32_t before = UINT32_MAX;

	places_open(p->segment, row, &places);
	while (places_next(&places)) {
		uint32_t id = p->terms[section32(p->segment, SECTION_BY_ID, places.id)];
		uint32_t step = places.place - before;

		if (id == GONE)
			return err_set(err, E_storage_error, "",
				       "a segment of the index has a row without postings");
		writer_place(&m->writer, id,
			     step == 0   ? PLACE_BESIDE
			     : step == 1 ? PLACE_FIRST
					 : PLACE_APART);
		before = places.place;
	}
	writer_end_places(&m->writer);
	return 0;
}

static int add_places(struct merge *m, struct err *err)
{
	writer_order_terms(&m->writer);
	for (size_t i = 0; i < m->count; i++) {
		const struct part *p = &m->parts[i];

		for (uint32_t slot = 0; slot < segment_terms(p->segment); slot++)
			if (p->terms[slot] != GONE)
				p->terms[slot] = m->writer.ids[p->terms[slot]];
		for (uint32_t row = 0; row < segment_rows(p->segment); row++)
			if (p->rows[row] != GONE && add_places_of(m, p, row, err) < 0)
				return -1;
	}
	return 0;
}

int segment_merge(const struct segment *const *segments, const uint64_t *const *dead, size_t count,
		  struct buf *out, struct err *err)
{
	struct merge m = { .parts = mem_calloc(count + 1, sizeof(*m.parts)), .count = count };
	size_t rows = 0;
	int result;

	writer_init(&m.writer);
	for (size_t i = 0; i < count; i++) {
		struct part *p = &m.parts[i];

		p->segment = segments[i];
		p->dead = dead ? dead[i] : NULL;
		p->rows = mem_calloc((size_t)segment_rows(p->segment) + 1, sizeof(*p->rows));
		p->terms = mem_calloc((size_t)segment_terms(p->segment) + 1, sizeof(*p->terms));
		memset(p->terms, 0xff, segment_terms(p->segment) * sizeof(*p->terms));
		texts_open(p->segment, 0, &p->texts);
		rows += segment_rows(p->segment);
	}
	m.postings = mem_alloc((rows + 1) * sizeof(*m.postings));
	result = add_rows(&m, err) < 0 || add_terms(&m, err) < 0 || add_places(&m, err) < 0
			 ? -1
			 : writer_end(&m.writer, out, err);
	for (size_t i = 0; i < count; i++) {
		mem_free(m.parts[i].rows);
		mem_free(m.parts[i].terms);
	}
	mem_free(m.parts);
	mem_free(m.postings);
	writer_free(&m.writer);
	return result;
}
