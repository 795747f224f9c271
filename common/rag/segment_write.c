/* common/rag/segment_write.c - the packing that building and merging share. */
#include "common/rag/segment_inside.h"

#include "common/base/mem.h"

#include <assert.h>
#include <stdlib.h>

void writer_init(struct segment_writer *w)
{
	memset(w, 0, sizeof(*w));
	for (size_t i = 0; i < SECTION_COUNT; i++)
		buf_init(&w->sections[i], SEGMENT_BYTES_MAX);
}

void writer_free(struct segment_writer *w)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		buf_free(&w->sections[i]);
	mem_free(w->grams);
	mem_free(w->ids);
}

void writer_clear(struct segment_writer *w)
{
	for (size_t i = 0; i < SECTION_COUNT; i++)
		buf_clear(&w->sections[i]);
	mem_free(w->ids);
	w->ids = NULL;
	w->before_len = w->gram_count = 0;
	w->row_count = w->term_count = 0;
	w->words = 0;
}

size_t writer_bytes(const struct segment_writer *w)
{
	size_t bytes = w->gram_room * sizeof(*w->grams);

	for (size_t i = 0; i < SECTION_COUNT; i++)
		bytes += w->sections[i].capacity;
	return bytes;
}

static void add16(struct buf *b, uint32_t value)
{
	unsigned char bytes[2] = { (unsigned char)value, (unsigned char)(value >> 8) };

	buf_add(b, bytes, sizeof(bytes));
}

static void add32(struct buf *b, uint32_t value)
{
	char bytes[4];

	store32(bytes, value);
	buf_add(b, bytes, sizeof(bytes));
}

static void add64(struct buf *b, uint64_t value)
{
	char bytes[8];

	store64(bytes, value);
	buf_add(b, bytes, sizeof(bytes));
}

/* Up to five bytes are written; most numbers need one or two, and which of them nobody foretells. */
static size_t put_varint(unsigned char *to, uint32_t value)
{
	size_t len = 0;

	if (value < 1 << 14) {
		unsigned more = value >= 0x80;

		to[0] = (unsigned char)((value & 0x7f) | more << 7);
		to[1] = (unsigned char)(value >> 7);
		return 1 + more;
	}
	for (; value >= 0x80; value >>= 7)
		to[len++] = (unsigned char)(value | 0x80);
	to[len++] = (unsigned char)value;
	return len;
}

static void add_varint(struct buf *b, uint32_t value)
{
	unsigned char bytes[5];

	buf_add(b, bytes, put_varint(bytes, value));
}

void writer_row(struct segment_writer *w, int64_t chunk, uint32_t length)
{
	add64(&w->sections[SECTION_CHUNKS], (uint64_t)chunk);
	length = length < SEGMENT_LENGTH_MAX ? length : SEGMENT_LENGTH_MAX;
	add16(&w->sections[SECTION_LENGTHS], length);
	w->words += length;
	w->row_count++;
}

static unsigned bits_of(uint32_t value)
{
	return value > 0 ? 32 - (unsigned)__builtin_clz(value) : 0;
}

/*
 * Numbers of at most 24 bits, the lowest first; returns how many bytes they take.  Some more are
 * written.
 */
static size_t pack(unsigned char *to, const uint32_t *values, size_t count, unsigned bits)
{
	uint64_t pending = 0;
	unsigned held = 0;
	size_t len = 0;

	if (bits == 0)
		return 0;
	for (size_t i = 0; i < count; i++) {
		pending |= (uint64_t)values[i] << held;
		held += bits;
		if (held >= 32) {
			store32(to + len, (uint32_t)pending);
			len += 4;
			pending >>= 32;
			held -= 32;
		}
	}
	store32(to + len, (uint32_t)pending);
	return len + (held + 7) / 8;
}

/* Two numbers of bits, a varint, both packed, and what is written past them. */
enum { BLOCK_BYTES_MAX = 2 + 5 + 2 * 4 * SEGMENT_BLOCK + 4 };

/* As postings_next reads it. */
static void add_block(struct buf *b, const struct posting *postings, size_t count,
		      uint32_t next_row)
{
	uint32_t gaps[SEGMENT_BLOCK], over[SEGMENT_BLOCK];
	uint32_t all_gaps = 0, all_over = 0, least = postings[0].weight;
	unsigned char bytes[BLOCK_BYTES_MAX];
	size_t len = 2;

	for (size_t i = 1; i < count; i++)
		least = postings[i].weight < least ? postings[i].weight : least;
	for (size_t i = 0; i < count; i++) {
		gaps[i] = postings[i].row - next_row;
		next_row = postings[i].row + 1;
		over[i] = postings[i].weight - least;
		all_gaps |= gaps[i];
		all_over |= over[i];
	}
	bytes[0] = (unsigned char)bits_of(all_gaps);
	bytes[1] = (unsigned char)bits_of(all_over);
	len += put_varint(bytes + len, least);
	len += pack(bytes + len, gaps, count, bytes[0]);
	len += pack(bytes + len, over, count, bytes[1]);
	buf_add(b, bytes, len);
}

static void add_text(struct segment_writer *w, struct span term)
{
	struct buf *texts = &w->sections[SECTION_TEXTS];
	unsigned char head[2];
	size_t shared = 0;

	if (w->term_count % TEXT_BLOCK == 0)
		add32(&w->sections[SECTION_TEXT_BLOCKS], (uint32_t)texts->len);
	else
		while (shared < w->before_len && shared < term.len &&
		       w->before[shared] == term.ptr[shared])
			shared++;
	head[0] = (unsigned char)shared;
	head[1] = (unsigned char)(term.len - shared);
	buf_add(texts, head, sizeof(head));
	buf_add(texts, term.ptr + shared, term.len - shared);
	memcpy(w->before, term.ptr, term.len);
	w->before_len = term.len;
}

/* What the slot says of them. */
static uint32_t note_grams(struct segment_writer *w, struct span term)
{
	uint32_t grams[GRAMS_MAX];
	bool is_marked;
	size_t count = segment_grams(term, true, grams, &is_marked);

	if (w->gram_count + count > w->gram_room) {
		w->gram_room = w->gram_room > 0 ? w->gram_room * 2 : 1024;
		w->grams = mem_realloc(w->grams, w->gram_room * sizeof(*w->grams));
	}
	for (size_t i = 0; i < count; i++)
		w->grams[w->gram_count++] = (uint64_t)grams[i] << 32 | w->term_count;
	return (uint32_t)count | (is_marked ? SLOT_MARKED : 0);
}

void writer_term(struct segment_writer *w, struct span term, const struct posting *postings,
		 uint32_t count)
{
	struct buf *slots = &w->sections[SECTION_SLOTS], *blocks = &w->sections[SECTION_POSTINGS];
	uint32_t next_row = 0;

	assert(count > 0 && term.len > 0 && term.len <= SEGMENT_TERM_MAX);
	add32(slots, (uint32_t)blocks->len);
	add32(slots, count);
	add32(slots, 0);
	add32(slots, note_grams(w, term));
	add_text(w, term);
	for (uint32_t at = 0; at < count; at += SEGMENT_BLOCK) {
		size_t block = count - at < SEGMENT_BLOCK ? count - at : SEGMENT_BLOCK;

		add_block(blocks, postings + at, block, next_row);
		next_row = postings[at + block - 1].row + 1;
	}
	w->term_count++;
}

static int compare64(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void writer_order_terms(struct segment_writer *w)
{
	struct buf *slots = &w->sections[SECTION_SLOTS];
	uint64_t *order = mem_calloc((size_t)w->term_count + 1, sizeof(*order));

	w->ids = mem_calloc((size_t)w->term_count + 1, sizeof(*w->ids));
	if (buf_failed(slots))
		goto out; /* writer_end will say so */
	for (uint32_t i = 0; i < w->term_count; i++)
		order[i] = (uint64_t)(UINT32_MAX -
				      load32(slots->ptr + SLOT_SIZE * (size_t)i + SLOT_ROWS))
				   << 32 |
			   i;
	qsort(order, w->term_count, sizeof(*order), compare64);
	for (uint32_t id = 0; id < w->term_count; id++) {
		uint32_t slot = (uint32_t)order[id];

		w->ids[slot] = id;
		store32(slots->ptr + SLOT_SIZE * (size_t)slot + SLOT_ID, id);
		add32(&w->sections[SECTION_BY_ID], slot);
	}
out:
	mem_free(order);
}

/* There is one for each word of each text: no call where there is room. */
void writer_place(struct segment_writer *w, uint32_t id, uint32_t mark)
{
	struct buf *places = &w->sections[SECTION_PLACES];

	if (mark != PLACE_FIRST)
		buf_add_char(places, (char)mark);
	if (places->capacity - places->len > 5)
		places->len +=
			put_varint((unsigned char *)places->ptr + places->len, id + PLACE_FIRST);
	else
		add_varint(places, id + PLACE_FIRST);
}

void writer_end_places(struct segment_writer *w)
{
	add32(&w->sections[SECTION_PLACE_ENDS], (uint32_t)w->sections[SECTION_PLACES].len);
}

static void seal(unsigned char *bytes, size_t size)
{
	store64(bytes + HEAD_CHECKSUM,
		packed_checksum(bytes + HEAD_SECTIONS, size - HEAD_SECTIONS) +
			packed_checksum(bytes, HEAD_CHECKSUM));
}

int writer_end(struct segment_writer *w, struct buf *out, struct err *err)
{
	static const char slack[PACK_SLACK];
	char head[HEAD_SIZE] = { 0 };
	size_t begin = out->len, end = HEAD_SIZE;

	buf_add(&w->sections[SECTION_POSTINGS], slack, sizeof(slack));
	writer_grams(w);
	store64(head, SEGMENT_MAGIC);
	store32(head + HEAD_VERSION, SEGMENT_VERSION);
	store32(head + HEAD_ROWS, w->row_count);
	store32(head + HEAD_TERMS, w->term_count);
	store32(head + HEAD_GRAMS, (uint32_t)(w->sections[SECTION_GRAMS].len / 4));
	store64(head + HEAD_WORDS, w->words);
	for (size_t i = 0; i < SECTION_COUNT; i++) {
		end += w->sections[i].len;
		if (buf_failed(&w->sections[i]) || end > SEGMENT_BYTES_MAX)
			return err_set(err, E_too_large, "", "a segment of the index passes %d MB",
				       SEGMENT_BYTES_MAX / 1000000);
		store32(head + HEAD_SECTIONS + 4 * i, (uint32_t)end);
	}
	buf_reserve(out, end);
	buf_add(out, head, sizeof(head));
	for (size_t i = 0; i < SECTION_COUNT; i++)
		buf_add_span(out, buf_span(&w->sections[i]));
	if (buf_failed(out)) {
		buf_truncate(out, begin);
		return err_set(err, E_too_large, "", "a segment of the index does not fit");
	}
	seal((unsigned char *)out->ptr + begin, end);
	return 0;
}

void segment_shift(char *bytes, size_t len, int64_t by)
{
	unsigned char *at = (unsigned char *)bytes + HEAD_SIZE;
	uint32_t rows = load32(bytes + HEAD_ROWS);

	assert(len >= HEAD_SIZE + 8 * (size_t)rows);
	for (uint32_t i = 0; i < rows; i++, at += 8)
		store64(at, load64(at) + (uint64_t)by);
	seal((unsigned char *)bytes, len);
}
