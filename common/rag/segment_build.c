/* common/rag/segment_build.c - rows as they come, then all of them packed. */
#include "common/rag/segment.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/rag/segment_inside.h"

#include <assert.h>
#include <stdlib.h>

enum {
	SLOTS_FIRST = 1 << 10,
	ENTRIES_FIRST = 1 << 12,
	AGAIN_MAX = 256,
	/* bytes of text that have one of them, about, and more than which nothing is laid out for */
	ENTRY_BYTES = 8,
	PLACE_BYTES = 5,
	EXPECTED_MAX = 16 * 1024 * 1024,
	KEPT_MAX = 48 * 1024 * 1024, /* bytes for the next rows */
};

/* A term, numbered in the order in which they were met. */
struct made_term {
	uint32_t last_row; /* + 1 */
	uint32_t entry;    /* of last_row */
	uint32_t rows;     /* that have it */
};

struct entry {
	uint32_t term, weight;
};

struct made_row {
	int64_t chunk;
	uint32_t length;
	size_t entries, places; /* where those of the row begin */
};

/* All arrays double when they are full; nothing is allocated for a term, a row or an entry alone.
 */
struct segment_builder {
	uint64_t *slots; /* upper half of a hash | number of the term + 1; a power of two of them */
	size_t slot_count;
	struct made_term *terms;
	size_t term_count, term_room;
	uint32_t *texts; /* by term: where its bytes begin; its length stands before them */
	size_t text_room;
	char *bytes;
	size_t byte_count, byte_room;
	struct entry *entries; /* by row */
	size_t entry_count, entry_room;
	uint32_t *places; /* PLACE_ marks, and numbers + PLACE_FIRST */
	size_t place_count, place_room;
	struct made_row *rows;
	size_t row_count, row_room;
	/* what segment_builder_again knows */
	char again[AGAIN_MAX];
	size_t again_len;
	uint32_t *again_terms; /* by occurrence */
	size_t again_count, again_room;
	bool notes; /* terms that stand nowhere are its */
	uint32_t tag;
	/* of segment_builder_write */
	struct posting *postings; /* by term */
	size_t posting_room;
	struct segment_writer writer;
};

static void begin(struct segment_builder *b)
{
	b->slot_count = SLOTS_FIRST;
	b->slots = mem_calloc(b->slot_count, sizeof(*b->slots));
	writer_init(&b->writer);
}

struct segment_builder *segment_builder_new(void)
{
	struct segment_builder *b = mem_new(struct segment_builder);

	begin(b);
	return b;
}

static void end(struct segment_builder *b)
{
	mem_free(b->slots);
	mem_free(b->terms);
	mem_free(b->texts);
	mem_free(b->bytes);
	mem_free(b->entries);
	mem_free(b->places);
	mem_free(b->rows);
	mem_free(b->again_terms);
	mem_free(b->postings);
	writer_free(&b->writer);
	memset(b, 0, sizeof(*b));
}

void segment_builder_free(struct segment_builder *b)
{
	if (b)
		end(b);
	mem_free(b);
}

/* As many as the next rows need if they are like these: all of them are cleared each time. */
static void clear_slots(struct segment_builder *b)
{
	size_t count = b->slot_count;

	if (b->term_count == 0)
		return;
	while (count > SLOTS_FIRST && count / 8 > b->term_count)
		count /= 2;
	if (count == b->slot_count) {
		memset(b->slots, 0, count * sizeof(*b->slots));
		return;
	}
	mem_free(b->slots);
	b->slots = mem_calloc(count, sizeof(*b->slots));
	b->slot_count = count;
}

void segment_builder_clear(struct segment_builder *b)
{
	size_t bytes = segment_builder_bytes(b) + b->posting_room * sizeof(*b->postings) +
		       writer_bytes(&b->writer);

	if (bytes > KEPT_MAX) {
		end(b);
		begin(b);
		return;
	}
	clear_slots(b);
	b->term_count = b->byte_count = b->entry_count = b->place_count = b->row_count = 0;
	b->again_len = b->again_count = 0;
	b->notes = false;
	b->tag = 0;
	writer_clear(&b->writer);
}

/* Room for extra more of size bytes each. */
static void *grown(void *array, size_t count, size_t extra, size_t *room, size_t size)
{
	if (count + extra <= *room)
		return array;
	while (count + extra > *room)
		*room = *room > 0 ? *room * 2 : ENTRIES_FIRST;
	return mem_realloc(array, *room * size);
}

static void expect_entries(struct segment_builder *b, size_t count)
{
	b->entries = grown(b->entries, b->entry_count, count, &b->entry_room, sizeof(*b->entries));
}

void segment_builder_expect(struct segment_builder *b, size_t bytes)
{
	bytes = bytes < EXPECTED_MAX ? bytes : EXPECTED_MAX;
	expect_entries(b, bytes / ENTRY_BYTES);
	b->places = grown(b->places, b->place_count, bytes / PLACE_BYTES, &b->place_room,
			  sizeof(*b->places));
}

int segment_builder_row(struct segment_builder *b, int64_t chunk, struct err *err)
{
	if (b->row_count == SEGMENT_ROWS_MAX || b->place_count > UINT32_MAX / 4 ||
	    b->byte_count > UINT32_MAX / 2)
		return err_set(err, E_too_large, "", "a segment of the index has too many rows");
	assert(b->row_count == 0 || chunk > b->rows[b->row_count - 1].chunk);
	b->rows = grown(b->rows, b->row_count, 1, &b->row_room, sizeof(*b->rows));
	b->rows[b->row_count++] = (struct made_row){ .chunk = chunk,
						     .entries = b->entry_count,
						     .places = b->place_count };
	b->notes = false;
	return 0;
}

static void grow_slots(struct segment_builder *b)
{
	uint64_t *old = b->slots;
	size_t old_count = b->slot_count;

	b->slot_count *= 2;
	b->slots = mem_calloc(b->slot_count, sizeof(*b->slots));
	for (size_t i = 0; i < old_count; i++) {
		size_t at = old[i] >> 32 & (b->slot_count - 1);

		if (!old[i])
			continue;
		while (b->slots[at])
			at = (at + 1) & (b->slot_count - 1);
		b->slots[at] = old[i];
	}
	mem_free(old);
}

static uint32_t add_term(struct segment_builder *b, struct span text)
{
	char *to;

	b->terms = grown(b->terms, b->term_count, 1, &b->term_room, sizeof(*b->terms));
	b->bytes = grown(b->bytes, b->byte_count, 1 + text.len, &b->byte_room, 1);
	to = b->bytes + b->byte_count;
	*to = (char)text.len;
	memcpy(to + 1, text.ptr, text.len);
	b->terms[b->term_count] = (struct made_term){ .last_row = 0 };
	b->texts = grown(b->texts, b->term_count, 1, &b->text_room, sizeof(*b->texts));
	b->texts[b->term_count] = (uint32_t)b->byte_count + 1;
	b->byte_count += 1 + text.len;
	return (uint32_t)b->term_count++;
}

static struct span text_of(const struct segment_builder *b, uint32_t term)
{
	const char *text = b->bytes + b->texts[term];

	return span_of(text, (unsigned char)text[-1]);
}

uint32_t segment_builder_number(struct segment_builder *b, struct span text, uint64_t hash)
{
	uint64_t high = hash >> 32;
	uint32_t term;
	size_t at;

	assert(text.len > 0 && text.len <= SEGMENT_TERM_MAX);
	if (2 * b->term_count >= b->slot_count)
		grow_slots(b);
	for (at = high & (b->slot_count - 1); b->slots[at]; at = (at + 1) & (b->slot_count - 1)) {
		struct span there;

		if (b->slots[at] >> 32 != high)
			continue;
		term = (uint32_t)b->slots[at] - 1;
		there = text_of(b, term);
		if (there.len == text.len && eight_same(there.ptr, text.ptr, text.len))
			return term;
	}
	term = add_term(b, text);
	b->slots[at] = high << 32 | (term + 1);
	return term;
}

/* There is room for one more entry. */
static inline void count_term(struct segment_builder *b, uint32_t number, unsigned weight)
{
	struct made_term *term = &b->terms[number];
	struct entry *entry;

	assert(number < b->term_count);
	if (term->last_row != b->row_count) {
		term->last_row = (uint32_t)b->row_count;
		term->entry = (uint32_t)b->entry_count;
		term->rows++;
		b->entries[b->entry_count++] = (struct entry){ .term = number, .weight = weight };
		return;
	}
	entry = &b->entries[term->entry];
	if (entry->weight <= SEGMENT_WEIGHT_MAX - weight)
		entry->weight += weight;
}

static void add_places(struct segment_builder *b, const struct term_number *list, size_t count,
		       enum segment_place place)
{
	uint32_t *to;

	b->places = grown(b->places, b->place_count, 2 * count + 1, &b->place_room, sizeof(*b->places));
	to = b->places + b->place_count;
	if (place == SEGMENT_APART && count > 0 && !list[0].is_beside)
		*to++ = PLACE_APART;
	for (size_t i = 0; i < count; i++) {
		*to = PLACE_BESIDE; /* stays if it is */
		to += list[i].is_beside;
		*to++ = list[i].number + PLACE_FIRST;
	}
	b->place_count = (size_t)(to - b->places);
}

static void note_terms(struct segment_builder *b, const struct term_number *list, size_t count)
{
	b->again_terms = grown(b->again_terms, b->again_count, count, &b->again_room,
			       sizeof(*b->again_terms));
	for (size_t i = 0; i < count; i++)
		b->again_terms[b->again_count++] = list[i].number;
}

void segment_builder_terms(struct segment_builder *b, const struct term_number *list, size_t count,
			   unsigned weight, enum segment_place place)
{
	assert(weight > 0 && b->row_count > 0);
	expect_entries(b, count);
	for (size_t i = 0; i < count; i++)
		count_term(b, list[i].number, weight);
	if (place != SEGMENT_NOWHERE)
		add_places(b, list, count, place);
	else if (b->notes)
		note_terms(b, list, count);
}

uint32_t *segment_builder_tag(struct segment_builder *b)
{
	return &b->tag;
}

bool segment_builder_again(struct segment_builder *b, struct span text, unsigned weight)
{
	bool is_again = text.len > 0 && text.len == b->again_len &&
			memcmp(text.ptr, b->again, text.len) == 0;

	assert(b->row_count > 0);
	if (is_again) {
		expect_entries(b, b->again_count);
		for (size_t i = 0; i < b->again_count; i++)
			count_term(b, b->again_terms[i], weight);
		return true;
	}
	b->notes = text.len > 0 && text.len <= AGAIN_MAX;
	b->again_count = 0;
	b->again_len = b->notes ? text.len : 0;
	if (b->notes)
		memcpy(b->again, text.ptr, text.len);
	return false;
}

void segment_builder_length(struct segment_builder *b, uint32_t words)
{
	assert(b->row_count > 0);
	b->rows[b->row_count - 1].length = words;
}

size_t segment_builder_rows(const struct segment_builder *b)
{
	return b->row_count;
}

size_t segment_builder_bytes(const struct segment_builder *b)
{
	return b->slot_count * sizeof(*b->slots) + b->term_room * sizeof(*b->terms) +
	       b->text_room * sizeof(*b->texts) + b->byte_room +
	       b->entry_room * sizeof(*b->entries) + b->place_room * sizeof(*b->places) +
	       b->row_room * sizeof(*b->rows);
}

static int compare_texts(const void *a, const void *b, void *data)
{
	struct span x = text_of(data, *(const uint32_t *)a),
		    y = text_of(data, *(const uint32_t *)b);
	int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);

	return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

/* Where the entries, or places, of a row end. */
static size_t entries_end(const struct segment_builder *b, size_t row)
{
	return row + 1 < b->row_count ? b->rows[row + 1].entries : b->entry_count;
}

static size_t places_end(const struct segment_builder *b, size_t row)
{
	return row + 1 < b->row_count ? b->rows[row + 1].places : b->place_count;
}

/* Rows and weights by term, in that order of the terms. */
static void turn(const struct segment_builder *b, const uint32_t *order, struct posting *to)
{
	uint32_t *next = mem_calloc(b->term_count + 1, sizeof(*next));
	uint32_t begin = 0;

	for (size_t i = 0; i < b->term_count; i++) {
		next[order[i]] = begin;
		begin += b->terms[order[i]].rows;
	}
	for (size_t row = 0, i = 0; row < b->row_count; row++)
		for (size_t end = entries_end(b, row); i < end; i++)
			to[next[b->entries[i].term]++] = (struct posting){
				.row = (uint32_t)row, .weight = b->entries[i].weight
			};
	mem_free(next);
}

static void write_terms(struct segment_builder *b, const uint32_t *order, struct segment_writer *w)
{
	const struct posting *at;

	b->postings = grown(b->postings, 0, b->entry_count, &b->posting_room, sizeof(*b->postings));
	at = b->postings;
	turn(b, order, b->postings);
	for (size_t i = 0; i < b->term_count; i++) {
		uint32_t rows = b->terms[order[i]].rows;

		writer_term(w, text_of(b, order[i]), at, rows);
		at += rows;
	}
}

/* ids: by number. */
static void write_places(const struct segment_builder *b, const uint32_t *ids,
			 struct segment_writer *w)
{
	for (size_t row = 0, i = 0; row < b->row_count; row++) {
		uint32_t mark = PLACE_FIRST;

		for (size_t end = places_end(b, row); i < end; i++) {
			uint32_t place = b->places[i];

			if (place >= PLACE_FIRST)
				writer_place(w, ids[place - PLACE_FIRST], mark);
			mark = place < PLACE_FIRST ? place : PLACE_FIRST;
		}
		writer_end_places(w);
	}
}

int segment_builder_write(struct segment_builder *b, struct buf *out, struct err *err)
{
	uint32_t *order = mem_alloc((b->term_count + 1) * sizeof(*order));
	uint32_t *ids = mem_alloc((b->term_count + 1) * sizeof(*ids));
	struct segment_writer *w = &b->writer;
	int result;

	for (size_t i = 0; i < b->row_count; i++)
		writer_row(w, b->rows[i].chunk, b->rows[i].length);
	for (size_t i = 0; i < b->term_count; i++)
		order[i] = (uint32_t)i;
	qsort_r(order, b->term_count, sizeof(*order), compare_texts, b);
	write_terms(b, order, w);
	writer_order_terms(w);
	for (size_t i = 0; i < b->term_count; i++)
		ids[order[i]] = w->ids[i];
	write_places(b, ids, w);
	result = writer_end(w, out, err);
	mem_free(order);
	mem_free(ids);
	segment_builder_clear(b);
	return result;
}
