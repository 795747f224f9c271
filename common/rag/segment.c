/* common/rag/segment.c - reading a segment where it lies. */
#include "common/rag/segment.h"

#include "common/base/mem.h"
#include "common/rag/segment_inside.h"

static int damaged(struct err *err, const char *what)
{
	return err_set(err, E_storage_error, "", "a segment of the index is damaged: %s", what);
}

/* Each section from where the one before ends, with the size that the counts ask for. */
static int find_sections(struct segment *s, struct err *err)
{
	size_t rows = s->row_count, terms = s->term_count, grams = s->gram_count;
	const size_t sizes[SECTION_COUNT] = {
		[SECTION_CHUNKS] = 8 * rows,
		[SECTION_LENGTHS] = 2 * rows,
		[SECTION_PLACE_ENDS] = 4 * rows,
		[SECTION_SLOTS] = SLOT_SIZE * terms,
		[SECTION_BY_ID] = 4 * terms,
		[SECTION_TEXT_BLOCKS] = 4 * ((terms + TEXT_BLOCK - 1) / TEXT_BLOCK),
		[SECTION_GRAMS] = 4 * grams,
		[SECTION_GRAM_ENDS] = 4 * grams,
	};
	static const bool varies[SECTION_COUNT] = { [SECTION_PLACES] = true,
						    [SECTION_TEXTS] = true,
						    [SECTION_POSTINGS] = true,
						    [SECTION_GRAM_SLOTS] = true };
	size_t from = HEAD_SIZE;

	for (size_t i = 0; i < SECTION_COUNT; i++) {
		size_t to = load32(s->bytes + HEAD_SECTIONS + 4 * i);

		if (to < from || to > s->size || (!varies[i] && to - from != sizes[i]))
			return damaged(err, "a part has the wrong size");
		s->sections[i] = s->bytes + from;
		s->section_sizes[i] = to - from;
		from = to;
	}
	if (from != s->size || s->section_sizes[SECTION_POSTINGS] < PACK_SLACK)
		return damaged(err, "it is cut short");
	return 0;
}

static bool ascend(const struct segment *s, enum section section, size_t count, size_t max)
{
	uint32_t before = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t next = section32(s, section, i);

		if (next < before || next > max)
			return false;
		before = next;
	}
	return true;
}

/* What readers rely on; the rest they check as they go. */
static int check_tables(const struct segment *s, struct err *err)
{
	if (!ascend(s, SECTION_PLACE_ENDS, s->row_count, s->section_sizes[SECTION_PLACES]) ||
	    !ascend(s, SECTION_TEXT_BLOCKS, s->section_sizes[SECTION_TEXT_BLOCKS] / 4,
		    s->section_sizes[SECTION_TEXTS]) ||
	    !ascend(s, SECTION_GRAM_ENDS, s->gram_count, s->section_sizes[SECTION_GRAM_SLOTS]))
		return damaged(err, "a table is out of order");
	for (uint32_t i = 0; i < s->term_count; i++) {
		const unsigned char *slot = segment_slot(s, i);

		if (load32(slot + SLOT_POSTINGS) > s->section_sizes[SECTION_POSTINGS] ||
		    load32(slot + SLOT_ROWS) > s->row_count ||
		    load32(slot + SLOT_ID) >= s->term_count ||
		    section32(s, SECTION_BY_ID, i) >= s->term_count)
			return damaged(err, "a term points outside");
	}
	return 0;
}

struct segment *segment_open(struct span bytes, struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	struct segment *s;

	if (bytes.len < HEAD_SIZE || load64(at) != SEGMENT_MAGIC) {
		damaged(err, "it does not begin like one");
		return NULL;
	}
	if (load32(at + HEAD_VERSION) != SEGMENT_VERSION) {
		err_set(err, E_storage_error, "", "a segment of the index has version %u, not %d",
			(unsigned)load32(at + HEAD_VERSION), SEGMENT_VERSION);
		return NULL;
	}
	if (load64(at + HEAD_CHECKSUM) !=
	    packed_checksum(at + HEAD_SECTIONS, bytes.len - HEAD_SECTIONS) +
		    packed_checksum(at, HEAD_CHECKSUM)) {
		damaged(err, "its checksum is wrong");
		return NULL;
	}
	s = mem_new(struct segment);
	s->bytes = at;
	s->size = bytes.len;
	s->row_count = load32(at + HEAD_ROWS);
	s->term_count = load32(at + HEAD_TERMS);
	s->gram_count = load32(at + HEAD_GRAMS);
	s->words = load64(at + HEAD_WORDS);
	if ((s->row_count > SEGMENT_ROWS_MAX && damaged(err, "it has too many rows") < 0) ||
	    find_sections(s, err) < 0 || check_tables(s, err) < 0) {
		segment_close(s);
		return NULL;
	}
	return s;
}

void segment_close(struct segment *s)
{
	mem_free(s);
}

uint32_t segment_rows(const struct segment *s)
{
	return s->row_count;
}

uint32_t segment_terms(const struct segment *s)
{
	return s->term_count;
}

uint64_t segment_words(const struct segment *s)
{
	return s->words;
}

int64_t segment_chunk(const struct segment *s, uint32_t row)
{
	return (int64_t)load64(s->sections[SECTION_CHUNKS] + 8 * (size_t)row);
}

uint32_t segment_length(const struct segment *s, uint32_t row)
{
	return load16(s->sections[SECTION_LENGTHS] + 2 * (size_t)row);
}

void segment_lengths(const struct segment *s, const uint32_t *rows, size_t count, float *lengths)
{
	const unsigned char *at = s->sections[SECTION_LENGTHS];

	for (size_t i = 0; i < count; i++)
		lengths[i] = (float)(int32_t)load16(at + 2 * (size_t)rows[i]);
}

uint32_t segment_lower(const struct segment *s, int64_t chunk)
{
	uint32_t low = 0, high = s->row_count;
	uint64_t before, behind;

	if (high == 0 || chunk <= segment_chunk(s, 0))
		return 0;
	if (chunk > segment_chunk(s, high - 1))
		return high;
	/* Ids ascend by one at least, and mostly by one: there are as many rows or fewer. */
	before = (uint64_t)chunk - (uint64_t)segment_chunk(s, 0);
	behind = (uint64_t)segment_chunk(s, high - 1) - (uint64_t)chunk;
	low = behind < high ? high - 1 - (uint32_t)behind : 0;
	high = before < high ? (uint32_t)before : high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (segment_chunk(s, middle) < chunk)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int64_t segment_row(const struct segment *s, int64_t chunk)
{
	uint32_t row = segment_lower(s, chunk);

	return row < s->row_count && segment_chunk(s, row) == chunk ? (int64_t)row : -1;
}

const unsigned char *segment_slot(const struct segment *s, uint32_t slot)
{
	return s->sections[SECTION_SLOTS] + SLOT_SIZE * (size_t)slot;
}

void texts_open(const struct segment *s, uint32_t slot, struct texts *t)
{
	const unsigned char *texts = s->sections[SECTION_TEXTS];

	t->slot_count = s->term_count;
	t->slot = slot - slot % TEXT_BLOCK;
	t->len = 0;
	t->end = texts + s->section_sizes[SECTION_TEXTS];
	t->at = slot < s->term_count ? texts + section32(s, SECTION_TEXT_BLOCKS, slot / TEXT_BLOCK)
				     : t->end;
	while (t->slot < slot && texts_next(t))
		;
}

bool texts_next(struct texts *t)
{
	size_t shared, own;

	if (t->slot >= t->slot_count || t->end - t->at < 2)
		return false;
	shared = t->at[0];
	own = t->at[1];
	t->at += 2;
	if (shared > t->len || shared + own > SEGMENT_TERM_MAX || own > (size_t)(t->end - t->at))
		return false;
	memcpy(t->text + shared, t->at, own);
	t->at += own;
	t->len = shared + own;
	t->slot++;
	return true;
}

static int compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* The last block of texts whose first is not above term; 0 when all are. */
static uint32_t find_block(const struct segment *s, struct span term)
{
	uint32_t low = 0, high = (uint32_t)(s->section_sizes[SECTION_TEXT_BLOCKS] / 4);

	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		const unsigned char *end =
			s->sections[SECTION_TEXTS] + s->section_sizes[SECTION_TEXTS];
		const unsigned char *at =
			s->sections[SECTION_TEXTS] + section32(s, SECTION_TEXT_BLOCKS, middle);
		size_t own = end - at >= 2 && at[1] <= end - at - 2 ? at[1] : 0;

		if (own > 0 && compare(span_of((const char *)at + 2, own), term) <= 0)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static struct segment_term term_at(const struct segment *s, uint32_t slot)
{
	const unsigned char *at = segment_slot(s, slot);

	return (struct segment_term){ .id = load32(at + SLOT_ID), .rows = load32(at + SLOT_ROWS) };
}

bool segment_find(const struct segment *s, struct span term, struct segment_term *found)
{
	struct texts t;

	if (s->term_count == 0)
		return false;
	texts_open(s, find_block(s, term) * TEXT_BLOCK, &t);
	for (int i = 0; i < TEXT_BLOCK && texts_next(&t); i++) {
		if (!span_equal(span_of(t.text, t.len), term))
			continue;
		*found = term_at(s, t.slot - 1);
		return true;
	}
	return false;
}

struct segment_term segment_term(const struct segment *s, uint32_t id)
{
	return (struct segment_term){
		.id = id,
		.rows = load32(segment_slot(s, section32(s, SECTION_BY_ID, id)) + SLOT_ROWS)
	};
}

size_t segment_term_text(const struct segment *s, uint32_t id, char room[SEGMENT_TERM_MAX])
{
	struct texts t;

	texts_open(s, section32(s, SECTION_BY_ID, id), &t);
	if (!texts_next(&t))
		return 0;
	memcpy(room, t.text, t.len);
	return t.len;
}

void postings_open(const struct segment *s, uint32_t id, struct postings *p)
{
	const unsigned char *slot = segment_slot(s, section32(s, SECTION_BY_ID, id));

	p->at = s->sections[SECTION_POSTINGS] + load32(slot + SLOT_POSTINGS);
	p->end = s->sections[SECTION_POSTINGS] + s->section_sizes[SECTION_POSTINGS];
	p->left = load32(slot + SLOT_ROWS);
	p->next_row = 0;
	p->row_count = s->row_count;
	p->count = 0;
}

/* Number i of bits each, after base. */
static inline uint32_t unpack(const unsigned char *at, size_t i, unsigned bits, uint64_t mask)
{
	size_t bit = i * bits;

	return (uint32_t)(load64(at + bit / 8) >> (bit % 8) & mask);
}

/* A block: bits of a gap, bits of a weight, least weight (varint); gaps, packed; weights, packed.
 */
bool postings_next(struct postings *p)
{
	size_t count = p->left < SEGMENT_BLOCK ? p->left : SEGMENT_BLOCK;
	unsigned gap_bits, weight_bits;
	uint32_t row = p->next_row, least;
	uint64_t mask;

	p->count = 0;
	if (count == 0 || p->end - p->at < 3 + PACK_SLACK)
		return false;
	gap_bits = p->at[0];
	weight_bits = p->at[1];
	p->at += 2;
	least = varint_read(&p->at, p->end);
	if (gap_bits > 24 || weight_bits > 16 || least == 0 || least > SEGMENT_WEIGHT_MAX ||
	    (size_t)(p->end - p->at) <
		    (count * gap_bits + 7) / 8 + (count * weight_bits + 7) / 8 + PACK_SLACK)
		return false;
	mask = (UINT64_C(1) << gap_bits) - 1;
	for (size_t i = 0; i < count; i++) {
		row += unpack(p->at, i, gap_bits, mask);
		p->rows[i] = row++;
	}
	p->at += (count * gap_bits + 7) / 8;
	mask = (UINT64_C(1) << weight_bits) - 1;
	for (size_t i = 0; i < count; i++)
		p->weights[i] = least + unpack(p->at, i, weight_bits, mask);
	p->at += (count * weight_bits + 7) / 8;
	/* Rows ascend, and 128 gaps of 24 bits do not wrap: the last one speaks for all. */
	if (row > p->row_count)
		return false;
	p->next_row = row;
	p->left -= (uint32_t)count;
	p->count = count;
	return true;
}

void places_open(const struct segment *s, uint32_t row, struct places *p)
{
	const unsigned char *places = s->sections[SECTION_PLACES];

	p->at = places + (row > 0 ? section32(s, SECTION_PLACE_ENDS, row - 1) : 0);
	p->end = places + section32(s, SECTION_PLACE_ENDS, row);
	p->term_count = s->term_count;
	p->place = UINT32_MAX;
	p->id = 0;
}

void places_prefetch(const struct segment *s, uint32_t row)
{
	struct places p;

	places_open(s, row, &p);
	__builtin_prefetch(p.at);
	__builtin_prefetch(p.end);
}

bool places_next_slowly(struct places *p)
{
	uint32_t step = 1;

	while (p->at < p->end) {
		uint32_t code = varint_read(&p->at, p->end);

		if (code == PLACE_BESIDE) {
			step = 0;
		} else if (code == PLACE_APART) {
			step = PLACE_JUMP;
		} else {
			p->id = code - PLACE_FIRST;
			p->place += step;
			return p->id < p->term_count;
		}
	}
	return false;
}
