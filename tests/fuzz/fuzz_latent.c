/*
 * tests/fuzz/fuzz_latent.c - any bytes as a latent space, as rows in one, as a segment to make one
 * of.
 *
 * As they are, and once more with the header, size and checksum they should have, so that the
 * readers meet what a forger could make.  A forged space knows the words that are searched for.
 */
#include "common/rag/latent.h"
#include "common/rag/latent_inside.h"
#include "tests/fuzz/must.h"

#include "common/base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ROWS = 70, WORDS = 40, HITS = 10 };

#define QUESTION "word1 word2 word3 word5 word8 word13 word21 word34 unknown"

/* A segment in which row r has words r % WORDS and following. */
static struct segment *make_segment(struct buf *bytes)
{
	struct segment_builder *b = segment_builder_new();
	struct segment *s;

	for (int row = 0; row < ROWS; row++) {
		segment_builder_row(b, row + 1, NULL);
		for (int i = 0; i < 8; i++) {
			char *word = mem_printf("word%d", (row + i * i) % WORDS);
			const struct span text = span_str(word);
			const struct term_number one = {
				segment_builder_number(b, text, terms_hash(text)), 0
			};

			segment_builder_terms(b, &one, 1, 4, SEGMENT_NEXT);
			mem_free(word);
		}
	}
	buf_init(bytes, SEGMENT_BYTES_MAX);
	must(segment_builder_write(b, bytes, NULL) == 0);
	s = segment_open(buf_span(bytes), NULL);
	must(s != NULL);
	segment_builder_free(b);
	return s;
}

static void search(const struct latent_space *space, const struct latent_rows *rows,
		   const struct segment *segment, struct span question)
{
	static const uint64_t only[ROWS / 64 + 1] = { 0x5555555555555555, 0x5 };
	const uint32_t firsts[] = { 0 };
	struct latent_view view = { .space = space, .rows = &rows, .first = firsts, .count = 1 };
	struct latent_scratch *scratch = latent_scratch_new();
	struct latent_hit hits[HITS];

	for (int filtered = 0; filtered <= 1; filtered++) {
		size_t count;

		if (filtered && segment_rows(segment) != ROWS)
			break;
		view.only = filtered ? only : NULL;
		count = latent_search(&view, question, scratch, hits, HITS);
		must(count <= HITS);
		for (size_t i = 0; i < count; i++) {
			must(hits[i].row < segment_rows(segment) && hits[i].score > 0);
			must(!filtered || hits[i].row % 2 == 0);
			must(i == 0 || hits[i].score <= hits[i - 1].score);
		}
	}
	latent_scratch_free(scratch);
}

/* Folds the segment into the space and searches there; what folding made must open. */
static void use_space(const struct latent_space *space, const struct segment *segment)
{
	struct latent_rows *rows;
	struct buf bytes;

	buf_init(&bytes, SEGMENT_BYTES_MAX);
	must(latent_fold(space, segment, &bytes, NULL) == 0);
	rows = latent_rows_open(space, segment, buf_span(&bytes), NULL);
	must(rows != NULL);
	search(space, rows, segment, SPAN_LIT(QUESTION));
	latent_rows_close(rows);
	buf_free(&bytes);
}

static unsigned char *fill(const uint8_t *data, size_t size, size_t len)
{
	unsigned char *bytes = mem_alloc(len);

	for (size_t i = 0; i < len; i++)
		bytes[i] = size > 0 ? data[i % size] : 0;
	return bytes;
}

static void forge_head(unsigned char *bytes, uint64_t magic, size_t dimensions, size_t items)
{
	store64(bytes, magic);
	store32(bytes + LATENT_HEAD_VERSION, LATENT_VERSION);
	store32(bytes + LATENT_HEAD_DIMENSIONS, (uint32_t)dimensions);
	store32(bytes + LATENT_HEAD_ITEMS, (uint32_t)items);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = load64(a), y = load64(b);

	return (x > y) - (x < y);
}

/* WORDS terms in order; their scales and directions are of data. */
static unsigned char *forge_space(const uint8_t *data, size_t size, size_t dimensions, size_t *len)
{
	unsigned char *bytes;

	*len = LATENT_HEAD_SIZE + WORDS * (sizeof(uint64_t) + sizeof(float) + dimensions);
	bytes = fill(data, size, *len);
	forge_head(bytes, LATENT_SPACE_MAGIC, dimensions, WORDS);
	for (int i = 0; i < WORDS; i++) {
		char *word = mem_printf("word%d", i);

		store64(bytes + LATENT_HEAD_SIZE + sizeof(uint64_t) * (size_t)i,
			terms_hash(span_str(word)));
		mem_free(word);
	}
	qsort(bytes + LATENT_HEAD_SIZE, WORDS, sizeof(uint64_t), compare);
	latent_seal(bytes, *len);
	return bytes;
}

static void try_forged(const uint8_t *data, size_t size, const struct segment *segment)
{
	size_t dimensions = size > 0 && data[0] & 1 ? LATENT_DIMENSIONS_MAX : LATENT_DIMENSIONS;
	size_t len, rows_len = LATENT_HEAD_SIZE + ROWS * (sizeof(float) + dimensions);
	unsigned char *bytes = forge_space(data, size, dimensions, &len);
	unsigned char *row_bytes = fill(data, size, rows_len);
	struct latent_space *space = latent_space_open(span_of((const char *)bytes, len), NULL);
	struct latent_rows *rows;

	must(space != NULL);
	use_space(space, segment);
	forge_head(row_bytes, LATENT_ROWS_MAGIC, dimensions, ROWS);
	store64(row_bytes + LATENT_HEAD_ROWS, space->id);
	latent_seal(row_bytes, rows_len);
	rows = latent_rows_open(space, segment, span_of((const char *)row_bytes, rows_len), NULL);
	must(rows != NULL);
	search(space, rows, segment, SPAN_LIT(QUESTION));
	search(space, rows, segment, span_of((const char *)data, size));
	latent_rows_close(rows);
	latent_space_close(space);
	mem_free(row_bytes);
	mem_free(bytes);
}

static void try_plain(struct span bytes, const struct segment *segment)
{
	struct err err = ERR_INIT;
	struct latent_space *space = latent_space_open(bytes, &err);

	must(space || err.code == E_storage_error);
	if (space)
		use_space(space, segment);
	latent_space_close(space);
}

/* The words of a segment as anybody could have written it. */
static void try_segment(const uint8_t *data, size_t size)
{
	unsigned char *bytes;
	struct segment *segment;
	const struct segment *segments[1];
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };
	struct latent_options options = { .dimensions = LATENT_DIMENSIONS };
	struct buf out;

	if (size < HEAD_SIZE)
		return;
	bytes = fill(data, size, size);
	store64(bytes, SEGMENT_MAGIC);
	store32(bytes + HEAD_VERSION, SEGMENT_VERSION);
	store64(bytes + HEAD_CHECKSUM,
		packed_checksum(bytes + HEAD_SECTIONS, size - HEAD_SECTIONS) +
			packed_checksum(bytes, HEAD_CHECKSUM));
	segment = segment_open(span_of((const char *)bytes, size), NULL);
	buf_init(&out, SEGMENT_BYTES_MAX);
	if (segment) {
		segments[0] = segment;
		if (latent_build(&view, &options, &out, NULL) == 1)
			try_plain(buf_span(&out), segment);
		segment_close(segment);
	}
	buf_free(&out);
	mem_free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes;
	struct segment *segment = make_segment(&bytes);

	try_plain(span_of((const char *)data, size), segment);
	try_forged(data, size, segment);
	try_segment(data, size);
	segment_close(segment);
	buf_free(&bytes);
	return 0;
}
