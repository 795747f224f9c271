/* common/rag/vector_block.c - reading a block where it lies. */
#include "common/rag/vector.h"

#include <math.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

size_t vector_padded_rows(size_t rows)
{
	return (rows + VECTOR_GROUP - 1) / VECTOR_GROUP * VECTOR_GROUP;
}

void vector_section_sizes(size_t rows, size_t padded, size_t sizes[VECTOR_SECTION_COUNT])
{
	size_t grouped = vector_padded_rows(rows);

	sizes[VECTOR_IDS] = 8 * rows;
	sizes[VECTOR_SCALES] = 4 * rows;
	sizes[VECTOR_FACTORS] = 4 * grouped;
	sizes[VECTOR_OFFSETS] = 4 * grouped;
	sizes[VECTOR_SIGNS] = grouped * (padded / 8);
	sizes[VECTOR_BYTES] = rows * padded;
}

size_t vector_block_size(size_t rows, size_t padded)
{
	size_t sizes[VECTOR_SECTION_COUNT], size = VECTOR_HEAD_SIZE;

	vector_section_sizes(rows, padded, sizes);
	for (size_t i = 0; i < VECTOR_SECTION_COUNT; i++)
		size += sizes[i];
	return size;
}

static int damaged(struct err *err, const char *what)
{
	return err_set(err, E_storage_error, "", "a block of vectors is damaged: %s", what);
}

/* Whether all are in 0..max, or -max..max; NaN is not. */
static bool all_within(const unsigned char *at, size_t count, float min, float max)
{
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		float value = load_float(at + 4 * i);

		good &= value >= min && value <= max;
	}
	return good;
}

/*
 * Scores are finite when these hold, and with them all orders are total.  A vector less a mean is
 * no longer than 2 (the mean may be as long as the root of its dimensions when it was forged).
 */
static int check_rows(const struct vector_block *b, struct err *err)
{
	static const float most = 1024;
	size_t grouped = vector_padded_rows(b->rows);

	if (!all_within(b->sections[VECTOR_SCALES], b->rows, 0, most) ||
	    !all_within(b->sections[VECTOR_FACTORS], grouped, 0, most) ||
	    !all_within(b->sections[VECTOR_OFFSETS], grouped, -most, most))
		return damaged(err, "a factor is out of range");
	for (size_t row = 1; row < b->rows; row++)
		if (vector_block_id(b, row - 1) >= vector_block_id(b, row))
			return damaged(err, "its ids do not ascend");
	return 0;
}

static int check_head(const struct vector_space *s, struct span bytes, struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	size_t rows;

	if (bytes.len < VECTOR_HEAD_SIZE || load64(at) != VECTOR_MAGIC)
		return damaged(err, "it does not begin like one");
	if (load32(at + VECTOR_HEAD_VERSION) != VECTOR_VERSION)
		return err_set(err, E_storage_error, "",
			       "a block of vectors has version %u, not %d",
			       (unsigned)load32(at + VECTOR_HEAD_VERSION), VECTOR_VERSION);
	if (load64(at + VECTOR_HEAD_SPACE) != s->print)
		return err_set(err, E_storage_error, "",
			       "a block of vectors is of another model or another mean");
	rows = load32(at + VECTOR_HEAD_ROWS);
	if (rows > VECTOR_ROWS_MAX || bytes.len != vector_block_size(rows, s->padded))
		return damaged(err, "it has the wrong size");
	if (load64(at + VECTOR_HEAD_CHECKSUM) !=
	    packed_checksum(at, VECTOR_HEAD_CHECKSUM) +
		    packed_checksum(at + VECTOR_HEAD_SIZE, bytes.len - VECTOR_HEAD_SIZE))
		return damaged(err, "its checksum is wrong");
	return 0;
}

struct vector_block *vector_block_open(const struct vector_space *s, struct span bytes,
				       struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	size_t sizes[VECTOR_SECTION_COUNT];
	struct vector_block *b;

	if (check_head(s, bytes, err) < 0)
		return NULL;
	b = mem_new(struct vector_block);
	b->rows = load32(at + VECTOR_HEAD_ROWS);
	b->padded = s->padded;
	b->print = s->print;
	vector_section_sizes(b->rows, b->padded, sizes);
	at += VECTOR_HEAD_SIZE;
	for (size_t i = 0; i < VECTOR_SECTION_COUNT; i++) {
		b->sections[i] = at;
		at += sizes[i];
	}
	if (check_rows(b, err) < 0) {
		vector_block_close(b);
		return NULL;
	}
	return b;
}

void vector_block_close(struct vector_block *b)
{
	mem_free(b);
}

size_t vector_block_rows(const struct vector_block *b)
{
	return b->rows;
}

int64_t vector_block_id(const struct vector_block *b, size_t row)
{
	return (int64_t)load64(b->sections[VECTOR_IDS] + 8 * row);
}

size_t vector_block_lower(const struct vector_block *b, int64_t id)
{
	size_t low = 0, high = b->rows;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (vector_block_id(b, middle) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t vector_block_words(const struct vector_block *b)
{
	return (b->rows + 63) / 64;
}
