/* common/rag/latent.c - opening a space and rows; texts folded into it. */
#include "common/rag/latent.h"

#include "common/base/mem.h"
#include "common/rag/latent_inside.h"

#include <math.h>

static int damaged(struct err *err, const char *what)
{
	return err_set(err, E_storage_error, "", "the index's latent space is damaged: %s", what);
}

static uint64_t checksum_of(const unsigned char *bytes, size_t size)
{
	return packed_checksum(bytes, LATENT_HEAD_CHECKSUM) +
	       packed_checksum(bytes + LATENT_HEAD_SIZE, size - LATENT_HEAD_SIZE);
}

void latent_seal(unsigned char *bytes, size_t size)
{
	store64(bytes + LATENT_HEAD_CHECKSUM, checksum_of(bytes, size));
}

/* What both kinds have; items of item_size + dimensions bytes follow the header. */
static int check(struct span bytes, uint64_t magic, size_t item_size, struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	size_t dimensions;

	if (bytes.len < LATENT_HEAD_SIZE || load64(at) != magic)
		return damaged(err, "it does not begin like one");
	if (load32(at + LATENT_HEAD_VERSION) != LATENT_VERSION)
		return err_set(err, E_storage_error, "",
			       "the index's latent space has version %u, not %d",
			       (unsigned)load32(at + LATENT_HEAD_VERSION), LATENT_VERSION);
	dimensions = load32(at + LATENT_HEAD_DIMENSIONS);
	if (dimensions != LATENT_DIMENSIONS && dimensions != LATENT_DIMENSIONS_MAX)
		return damaged(err, "it has other dimensions");
	if ((uint64_t)load32(at + LATENT_HEAD_ITEMS) * (item_size + dimensions) !=
	    bytes.len - LATENT_HEAD_SIZE)
		return damaged(err, "it is cut short");
	if (load64(at + LATENT_HEAD_CHECKSUM) != checksum_of(at, bytes.len))
		return damaged(err, "its checksum is wrong");
	return 0;
}

/* ---- the space ---- */

struct latent_space *latent_space_open(struct span bytes, struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	struct latent_space *s;

	if (check(bytes, LATENT_SPACE_MAGIC, sizeof(uint64_t) + sizeof(float), err) < 0)
		return NULL;
	if (load32(at + LATENT_HEAD_ITEMS) > LATENT_TERMS_MAX) {
		damaged(err, "it has too many terms");
		return NULL;
	}
	s = mem_new(struct latent_space);
	s->dimensions = load32(at + LATENT_HEAD_DIMENSIONS);
	s->term_count = load32(at + LATENT_HEAD_ITEMS);
	s->rows = load64(at + LATENT_HEAD_ROWS);
	s->id = load64(at + LATENT_HEAD_CHECKSUM);
	s->hashes = at + LATENT_HEAD_SIZE;
	s->scales = s->hashes + sizeof(uint64_t) * s->term_count;
	s->codes = (const signed char *)(s->scales + sizeof(float) * s->term_count);
	return s;
}

void latent_space_close(struct latent_space *s)
{
	mem_free(s);
}

size_t latent_space_dimensions(const struct latent_space *s)
{
	return s->dimensions;
}

bool latent_space_is_due(const struct latent_space *s, uint64_t rows)
{
	return rows > s->rows + s->rows / 5 || rows < s->rows / 2;
}

uint32_t latent_find(const struct latent_space *s, uint64_t hash)
{
	size_t low = 0, high = s->term_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (load64(s->hashes + sizeof(uint64_t) * middle) < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low < s->term_count && load64(s->hashes + sizeof(uint64_t) * low) == hash
		       ? (uint32_t)low
		       : LATENT_NONE;
}

/* ---- texts ---- */

void latent_logs_init(struct latent_logs *logs)
{
	for (size_t i = 0; i <= LATENT_COUNT_MAX; i++)
		logs->of[i] = log1pf((float)i);
}

size_t latent_read_row(struct latent_reader *r, uint32_t row)
{
	struct places p;
	size_t count = 0;

	places_open(r->segment, row, &p);
	while (places_next(&p)) {
		uint32_t term = r->terms[p.id];

		if (term == LATENT_NONE || r->counts[term] == LATENT_COUNT_MAX)
			continue;
		if (r->counts[term] == 0) {
			if (count == LATENT_ENTRIES_MAX)
				continue;
			r->entries[count++] = entry_of(term, 0);
		}
		r->counts[term]++;
	}
	for (size_t i = 0; i < count; i++) {
		uint8_t *times = &r->counts[entry_term(r->entries[i])];

		r->entries[i] |= *times;
		*times = 0;
	}
	return count;
}

bool latent_place(const struct latent_space *s, const struct latent_logs *logs,
		  const uint32_t *entries, size_t count, float point[LATENT_DIMENSIONS_MAX])
{
	float squares = 0;

	latent_gather(s, logs, entries, count, point);
	for (size_t i = 0; i < s->dimensions; i++)
		squares += point[i] * point[i];
	if (!isnormal(squares))
		return false;
	for (size_t i = 0; i < s->dimensions; i++)
		point[i] /= sqrtf(squares);
	return true;
}

float latent_pack(const float *numbers, size_t count, signed char *codes)
{
	float largest = 0;

	for (size_t i = 0; i < count; i++)
		largest = fmaxf(largest, fabsf(numbers[i]));
	memset(codes, 0, count);
	for (size_t i = 0; i < count && largest > 0; i++)
		codes[i] = (signed char)lrintf(numbers[i] / largest * 127);
	return largest / 127;
}

/* ---- rows ---- */

/* By id of the segment; free with mem_free. */
static uint32_t *terms_of(const struct latent_space *space, const struct segment *segment)
{
	uint32_t count = segment_terms(segment),
		 *terms = mem_calloc((size_t)count + 1, sizeof(*terms));

	for (uint32_t id = 0; id < count; id++) {
		char text[SEGMENT_TERM_MAX];

		terms[id] = latent_find(
			space, terms_hash(span_of(text, segment_term_text(segment, id, text))));
	}
	return terms;
}

int latent_fold(const struct latent_space *space, const struct segment *segment, struct buf *out,
		struct err *err)
{
	size_t rows = segment_rows(segment), dimensions = space->dimensions;
	size_t size = LATENT_HEAD_SIZE + rows * (sizeof(float) + dimensions);
	struct latent_reader reader = { .segment = segment };
	struct latent_logs logs;
	unsigned char *at, *scales;
	uint32_t *terms;

	if (buf_reserve(out, size) < 0)
		return err_set(err, E_too_large, "", "the rows of the latent space take %zu bytes",
			       size);
	at = (unsigned char *)out->ptr + out->len;
	memset(at, 0, size);
	store64(at, LATENT_ROWS_MAGIC);
	store32(at + LATENT_HEAD_VERSION, LATENT_VERSION);
	store32(at + LATENT_HEAD_DIMENSIONS, (uint32_t)dimensions);
	store32(at + LATENT_HEAD_ITEMS, (uint32_t)rows);
	store64(at + LATENT_HEAD_ROWS, space->id);
	scales = at + LATENT_HEAD_SIZE;
	latent_logs_init(&logs);
	reader.terms = terms = terms_of(space, segment);
	reader.counts = mem_calloc(space->term_count + 1, 1);
	for (uint32_t row = 0; row < rows; row++) {
		signed char *codes =
			(signed char *)scales + rows * sizeof(float) + row * dimensions;
		float point[LATENT_DIMENSIONS_MAX];
		size_t count = latent_read_row(&reader, row);

		if (latent_place(space, &logs, reader.entries, count, point))
			store_float(scales + row * sizeof(float),
				    latent_pack(point, dimensions, codes));
	}
	latent_seal(at, size);
	out->len += size;
	out->ptr[out->len] = '\0';
	mem_free(terms);
	mem_free(reader.counts);
	return 0;
}

struct latent_rows *latent_rows_open(const struct latent_space *space,
				     const struct segment *segment, struct span bytes,
				     struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	struct latent_rows *r;

	if (check(bytes, LATENT_ROWS_MAGIC, sizeof(float), err) < 0)
		return NULL;
	if (load64(at + LATENT_HEAD_ROWS) != space->id ||
	    load32(at + LATENT_HEAD_DIMENSIONS) != space->dimensions ||
	    load32(at + LATENT_HEAD_ITEMS) != segment_rows(segment)) {
		damaged(err, "rows are of another space or segment");
		return NULL;
	}
	r = mem_new(struct latent_rows);
	r->dimensions = space->dimensions;
	r->row_count = load32(at + LATENT_HEAD_ITEMS);
	r->scales = at + LATENT_HEAD_SIZE;
	r->codes = (const signed char *)(r->scales + sizeof(float) * r->row_count);
	return r;
}

void latent_rows_close(struct latent_rows *r)
{
	mem_free(r);
}
