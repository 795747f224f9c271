/*
 * tests/fuzz/fuzz_vector.c - any bytes as a block of vectors, and as a partition.
 *
 * As they are, and once more with the header and checksum they should have and as many rows as
 * there is room for, so that the readers meet what a forger could make.  Whatever opens is read,
 * searched by each kernel with and without filters, and merged.
 */
#include "common/rag/vector_inside.h"
#include "common/rag/vector_partition.h"
#include "tests/fuzz/must.h"

#include <math.h>

#include "common/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	DIMENSIONS = 20,
	HITS = 40,
	FORGED = 13000, /* bytes; 36 rows, which are two groups */
	SCANNED = 2800, /* rows, of which more live than are scored all of them */
	TIMES = SCANNED / 36 + 1
};

static const struct vector_space *space(void)
{
	static struct vector_space *one;
	float mean[DIMENSIONS];

	for (size_t i = 0; i < DIMENSIONS; i++)
		mean[i] = (float)i / 100;
	if (!one)
		one = vector_space_new(DIMENSIONS, 3, mean, NULL);
	return one;
}

static size_t search(const struct vector_view *view, struct vector_hit *hits)
{
	float query[DIMENSIONS];
	size_t count;

	for (size_t i = 0; i < DIMENSIONS; i++)
		query[i] = (float)(i * i % 7) - 3;
	count = vector_search(space(), view, query, 0, hits, HITS);
	for (size_t i = 0; i < count; i++) {
		must(isfinite(hits[i].score));
		must(i == 0 || hits[i].score <= hits[i - 1].score);
	}
	return count;
}

/* Many times the same block is enough rows to be scanned. */
static void search_all(const struct vector_block *b, const struct vector_partition *p)
{
	const struct vector_block *blocks[TIMES];
	const uint64_t *bits[TIMES];
	uint64_t *some = mem_calloc(vector_block_words(b) + 1, sizeof(*some));
	struct vector_hit right[HITS], hits[HITS];

	memset(some, 0x7e, vector_block_words(b) * sizeof(*some));
	for (size_t i = 0; i < TIMES; i++) {
		blocks[i] = b;
		bits[i] = some;
	}
	for (size_t i = 0; i < 4; i++) {
		const struct vector_view view = { .blocks = blocks,
						  .count = i & 1 ? TIMES : 1,
						  .partition = p,
						  .only = i & 2 ? bits : NULL,
						  .dead = i & 2 ? NULL : bits };
		size_t count;

		must(vector_kernel_use("portable"));
		count = search(&view, right);
		if (!vector_kernel_use("avx2") && !vector_kernel_use("neon"))
			continue;
		must(search(&view, hits) == count);
		for (size_t h = 0; h < count; h++)
			must(hits[h].id == right[h].id && hits[h].score == right[h].score);
	}
	mem_free(some);
}

static void merge(const struct vector_block *b)
{
	struct err err = ERR_INIT;
	struct vector_block *merged;
	struct buf out;

	buf_init(&out, 100 * MIB);
	must(vector_merge(&b, NULL, 1, &out, &err) == 0);
	merged = vector_block_open(space(), buf_span(&out), &err);
	must(merged && vector_block_rows(merged) == vector_block_rows(b));
	vector_block_close(merged);
	buf_free(&out);
}

static void try_block(struct span bytes)
{
	struct err err = ERR_INIT;
	struct vector_block *b = vector_block_open(space(), bytes, &err);

	if (!b) {
		must(err.code == E_storage_error);
		return;
	}
	for (size_t row = 0; row < vector_block_rows(b); row++)
		must(vector_block_lower(b, vector_block_id(b, row)) == row);
	search_all(b, NULL);
	merge(b);
	vector_block_close(b);
}

static void try_partition(struct span bytes)
{
	struct err err = ERR_INIT;
	struct vector_partition *p = vector_partition_open(space(), bytes, &err);

	if (!p) {
		must(err.code == E_storage_error);
		return;
	}
	search_all(p->centres, p);
	vector_partition_close(p);
}

/* The numbers that the reader would refuse in most inputs are made such that it does not. */
static void mend_rows(unsigned char *at, size_t rows)
{
	size_t grouped = vector_padded_rows(rows);
	unsigned char *floats = at + 8 * rows;

	for (size_t row = 1; row < rows; row++)
		if ((int64_t)load64(at + 8 * row) <=
		    (int64_t)load64(at + 8 * (row - 1)))
			store64(at + 8 * row, load64(at + 8 * (row - 1)) + 1);
	for (size_t i = 0; i < rows + 2 * grouped; i++) {
		float value = load_float(floats + 4 * i);

		if (!(value >= 0 && value <= 1024))
			store_float(floats + 4 * i, (float)(i % 13) / 8);
	}
}

static void forge(struct span bytes)
{
	size_t rows = 0, len, padded = space()->padded;
	unsigned char *forged;

	while (vector_block_size(rows + 1, padded) <= bytes.len)
		rows++;
	len = vector_block_size(rows, padded);
	if (len > bytes.len)
		return;
	forged = mem_alloc(PARTITION_SIZE + len);
	memcpy(forged + PARTITION_SIZE, bytes.ptr, len);
	store64(forged, PARTITION_MAGIC);
	store32(forged + PARTITION_VERSION, VECTOR_VERSION);
	store32(forged + PARTITION_PROBES, (uint32_t)(bytes.len % (rows + 1)));
	store64(forged + PARTITION_CHECKSUM, packed_checksum(forged, PARTITION_CHECKSUM));
	forged += PARTITION_SIZE;
	store64(forged, VECTOR_MAGIC);
	store32(forged + VECTOR_HEAD_VERSION, VECTOR_VERSION);
	store32(forged + VECTOR_HEAD_ROWS, (uint32_t)rows);
	store64(forged + VECTOR_HEAD_SPACE, space()->print);
	for (size_t mended = 0; mended < 2; mended++) {
		store64(
			forged + VECTOR_HEAD_CHECKSUM,
			packed_checksum(forged, VECTOR_HEAD_CHECKSUM) +
				packed_checksum(forged + VECTOR_HEAD_SIZE, len - VECTOR_HEAD_SIZE));
		try_block(span_of((const char *)forged, len));
		try_partition(span_of((const char *)forged - PARTITION_SIZE, PARTITION_SIZE + len));
		mend_rows(forged + VECTOR_HEAD_SIZE, rows);
	}
	mem_free(forged - PARTITION_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = span_of((const char *)data, size);
	struct vector_space *opened = vector_space_open(bytes, NULL);

	vector_space_free(opened);
	try_block(bytes);
	try_partition(bytes);
	/* What there is, again and again. */
	if (size > 0) {
		char *longer = mem_alloc(FORGED);

		for (size_t i = 0; i < FORGED; i++)
			longer[i] = bytes.ptr[i % size];
		forge(span_of(longer, size < 16 ? size * 100 : FORGED));
		mem_free(longer);
	}
	return 0;
}
