/* common/rag/vector_pack.c - writing a block: from vectors, or from rows of other blocks. */
#include "common/rag/vector.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

static int too_large(struct err *err)
{
	err_set(err, E_too_large, "", "a block holds %d vectors at most", VECTOR_ROWS_MAX);
	return -1;
}

int vector_writer_init(struct vector_writer *w, size_t rows, size_t padded, uint64_t print,
		       struct buf *out, struct err *err)
{
	size_t sizes[VECTOR_SECTION_COUNT], size;

	if (rows > VECTOR_ROWS_MAX)
		return too_large(err);
	size = vector_block_size(rows, padded);
	if (size > out->max - out->len || buf_reserve(out, size) < 0)
		return too_large(err);
	*w = (struct vector_writer){ .rows = rows, .padded = padded, .size = size, .print = print };
	w->head = (unsigned char *)out->ptr + out->len;
	memset(w->head, 0, size + 1);
	out->len += size;
	vector_section_sizes(rows, padded, sizes);
	w->sections[0] = w->head + VECTOR_HEAD_SIZE;
	for (size_t i = 1; i < VECTOR_SECTION_COUNT; i++)
		w->sections[i] = w->sections[i - 1] + sizes[i - 1];
	return 0;
}

/* Where the signs of the first 8 dimensions of a row are; those of the next are VECTOR_GROUP on. */
static size_t signs_at(size_t row, size_t padded)
{
	return row / VECTOR_GROUP * VECTOR_GROUP * (padded / 8) + row % VECTOR_GROUP;
}

static void write_signs(unsigned char *at, const float *z, size_t padded)
{
	for (size_t i = 0; i < padded; i += 8) {
		unsigned bits = 0;

		for (size_t j = 0; j < 8; j++)
			bits |= (unsigned)(z[i + j] > 0) << j;
		at[i / 8 * VECTOR_GROUP] = (unsigned char)bits;
	}
}

static void write_bytes(unsigned char *at, const float *z, size_t padded, float inverse)
{
	for (size_t i = 0; i < padded; i++) {
		float scaled = z[i] * inverse;

		at[i] = (unsigned char)(int8_t)(int32_t)(scaled + (scaled < 0 ? -0.5F : 0.5F));
	}
}

/* Sums in lanes, so that the compiler may take several at a time. */
struct sums {
	float length, square, offset, most;
};

static struct sums sums_of(const float *z, const float *centre, size_t padded)
{
	float length[8] = { 0 }, square[8] = { 0 }, offset[8] = { 0 }, most[8] = { 0 };
	struct sums sums = { 0 };

	for (size_t i = 0; i < padded; i += 8)
		for (size_t j = 0; j < 8; j++) {
			float size = fabsf(z[i + j]);
			float squared = size * size, moved = z[i + j] * centre[i + j];

			length[j] += size;
			square[j] += squared;
			offset[j] += moved;
			most[j] = size > most[j] ? size : most[j];
		}
	for (size_t j = 0; j < 8; j++) {
		sums.length += length[j];
		sums.square += square[j];
		sums.offset += offset[j];
		sums.most = most[j] > sums.most ? most[j] : sums.most;
	}
	return sums;
}

void vector_writer_row(struct vector_writer *w, const struct vector_space *s, size_t row,
		       int64_t id, const float *z)
{
	struct sums sums = sums_of(z, s->centre, w->padded);
	float inverse = sums.most > 0 ? 127 / sums.most : 0;

	store64(w->sections[VECTOR_IDS] + 8 * row, (uint64_t)id);
	store_float(w->sections[VECTOR_SCALES] + 4 * row, sums.most / 127);
	store_float(w->sections[VECTOR_FACTORS] + 4 * row,
			   sums.length > 0 ? sums.square / sums.length : 0);
	store_float(w->sections[VECTOR_OFFSETS] + 4 * row, sums.offset);
	write_signs(w->sections[VECTOR_SIGNS] + signs_at(row, w->padded), z, w->padded);
	write_bytes(w->sections[VECTOR_BYTES] + row * w->padded, z, w->padded, inverse);
}

void vector_writer_copy(struct vector_writer *w, size_t row, const struct vector_block *from,
			size_t from_row)
{
	static const struct {
		enum vector_section section;
		size_t size;
	} plain[] = { { VECTOR_IDS, 8 },
		      { VECTOR_SCALES, 4 },
		      { VECTOR_FACTORS, 4 },
		      { VECTOR_OFFSETS, 4 } };
	const unsigned char *signs = from->sections[VECTOR_SIGNS] + signs_at(from_row, w->padded);
	unsigned char *to = w->sections[VECTOR_SIGNS] + signs_at(row, w->padded);

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		memcpy(w->sections[plain[i].section] + plain[i].size * row,
		       from->sections[plain[i].section] + plain[i].size * from_row, plain[i].size);
	for (size_t i = 0; i < w->padded / 8; i++)
		to[i * VECTOR_GROUP] = signs[i * VECTOR_GROUP];
	memcpy(w->sections[VECTOR_BYTES] + row * w->padded,
	       from->sections[VECTOR_BYTES] + from_row * w->padded, w->padded);
}

void vector_writer_end(struct vector_writer *w)
{
	store64(w->head, VECTOR_MAGIC);
	store32(w->head + VECTOR_HEAD_VERSION, VECTOR_VERSION);
	store32(w->head + VECTOR_HEAD_ROWS, (uint32_t)w->rows);
	store64(w->head + VECTOR_HEAD_SPACE, w->print);
	store64(
		w->head + VECTOR_HEAD_CHECKSUM,
		packed_checksum(w->head, VECTOR_HEAD_CHECKSUM) +
			packed_checksum(w->head + VECTOR_HEAD_SIZE, w->size - VECTOR_HEAD_SIZE));
}

int vector_pack(const struct vector_space *s, const float *vectors, const int64_t *ids,
		size_t count, struct buf *out, struct err *err)
{
	struct vector_writer w;
	size_t before = out->len;
	float *room, *z;
	int rc = 0;

	if (vector_writer_init(&w, count, s->padded, s->print, out, err) < 0)
		return -1;
	room = mem_alloc(2 * s->padded * sizeof(*room));
	z = room + s->padded;
	for (size_t i = 0; i < count && rc == 0; i++) {
		if (i > 0 && ids[i] <= ids[i - 1])
			rc = err_set(err, E_invalid_field, "ids", "ids of vectors ascend");
		else if (vector_place(s, vectors + i * s->dimensions, room, z) < 0)
			rc = err_set(err, E_invalid_field, "embedding",
				     "vector %zu is zero or has a number that is not finite", i);
		else
			vector_writer_row(&w, s, i, ids[i], z);
	}
	mem_free(room);
	if (rc < 0)
		buf_truncate(out, before);
	else
		vector_writer_end(&w);
	return rc;
}

struct row_ref {
	int64_t id;
	uint32_t block, row;
};

static int by_id(const void *a, const void *b)
{
	const struct row_ref *one = a, *other = b;

	return (one->id > other->id) - (one->id < other->id);
}

/* All living rows by id; *ordered: no two are the same. */
static struct row_ref *living_rows(const struct vector_block *const *blocks,
				   const uint64_t *const *dead, size_t count, size_t *living,
				   bool *distinct)
{
	struct row_ref *refs;
	size_t all = 0, n = 0;
	bool ascend = true;

	for (size_t b = 0; b < count; b++)
		all += blocks[b]->rows;
	refs = mem_calloc(all + 1, sizeof(*refs));
	for (size_t b = 0; b < count; b++)
		for (size_t row = 0; row < blocks[b]->rows; row++) {
			if (dead && dead[b] && vector_bit(dead[b], row))
				continue;
			refs[n] = (struct row_ref){ vector_block_id(blocks[b], row), (uint32_t)b,
						    (uint32_t)row };
			ascend = ascend && (n == 0 || refs[n - 1].id < refs[n].id);
			n++;
		}
	if (!ascend)
		qsort(refs, n, sizeof(*refs), by_id);
	*distinct = true;
	for (size_t i = 1; i < n; i++)
		*distinct = *distinct && refs[i - 1].id != refs[i].id;
	*living = n;
	return refs;
}

int vector_merge(const struct vector_block *const *blocks, const uint64_t *const *dead,
		 size_t count, struct buf *out, struct err *err)
{
	struct vector_writer w;
	struct row_ref *refs;
	size_t living;
	bool distinct;
	int rc = -1;

	for (size_t b = 1; b < count; b++)
		if (blocks[b]->print != blocks[0]->print)
			return err_set(err, E_storage_error, "",
				       "blocks of vectors of two spaces cannot be merged");
	if (count == 0)
		return err_set(err, E_storage_error, "", "no blocks of vectors to merge");
	refs = living_rows(blocks, dead, count, &living, &distinct);
	if (!distinct)
		err_set(err, E_storage_error, "", "two blocks have a vector of the same id");
	else if (vector_writer_init(&w, living, blocks[0]->padded, blocks[0]->print, out, err) == 0)
		rc = 0;
	for (size_t i = 0; i < living && rc == 0; i++)
		vector_writer_copy(&w, i, blocks[refs[i].block], refs[i].row);
	if (rc == 0)
		vector_writer_end(&w);
	mem_free(refs);
	return rc;
}
