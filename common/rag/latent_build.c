/* common/rag/latent_build.c - computing a space: which terms, which rows, rounds of iteration. */
#include "common/rag/latent.h"

#include "common/base/mem.h"
#include "common/rag/latent_inside.h"

#include <math.h>
#include <stdlib.h>

enum {
	ROUNDS = 3,
	TERM_ROWS_MIN = 2,       /* a term of one row joins nothing */
	ROWS_READ_MAX = 1 << 17, /* of a larger index so many, by chance, stand for all */
	ROWS_A_LOOK = 4096,      /* between two calls of go_on */
};

static const uint64_t seed = UINT64_C(0x6c6174656e743634);

/* ---- the terms ---- */

struct vocable {
	uint64_t hash; /* of its text; 0 = a free slot */
	uint32_t rows; /* that have it */
	uint32_t term; /* in the space, or LATENT_NONE */
};

struct vocabulary {
	struct vocable *slots;
	size_t slot_count, count;
};

static struct vocable *find(const struct vocabulary *v, uint64_t hash)
{
	size_t at = hash & (v->slot_count - 1);

	while (v->slots[at].hash && v->slots[at].hash != hash)
		at = (at + 1) & (v->slot_count - 1);
	return &v->slots[at];
}

static void grow(struct vocabulary *v)
{
	struct vocabulary larger = { .slot_count = v->slot_count ? 2 * v->slot_count : 1 << 12,
				     .count = v->count };

	larger.slots = mem_calloc(larger.slot_count, sizeof(*larger.slots));
	for (size_t i = 0; i < v->slot_count; i++)
		if (v->slots[i].hash)
			*find(&larger, v->slots[i].hash) = v->slots[i];
	mem_free(v->slots);
	*v = larger;
}

static bool has_bit(const uint64_t *bits, uint32_t row)
{
	return bits[row / 64] >> (row % 64) & 1;
}

/* Rows of the segment, from first on, that are alive and have the term. */
static uint32_t live_rows(const struct segment *s, struct segment_term term, const uint64_t *dead,
			  uint32_t first)
{
	struct postings p;
	uint32_t rows = 0;

	if (!dead)
		return term.rows;
	postings_open(s, term.id, &p);
	while (postings_next(&p))
		for (size_t i = 0; i < p.count; i++)
			rows += !has_bit(dead, first + p.rows[i]);
	return rows;
}

static uint64_t hash_of(const struct segment *s, uint32_t id)
{
	char text[SEGMENT_TERM_MAX];
	uint64_t hash = terms_hash(span_of(text, segment_term_text(s, id, text)));

	return hash ? hash : 1;
}

static void collect(struct vocabulary *v, const struct lexical_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct segment *s = view->segments[i];

		for (uint32_t id = 0; id < segment_terms(s); id++) {
			uint64_t hash = hash_of(s, id);
			struct vocable *found;

			if (2 * v->count >= v->slot_count)
				grow(v);
			found = find(v, hash);
			v->count += found->hash == 0;
			found->hash = hash;
			found->rows +=
				live_rows(s, segment_term(s, id), view->dead, view->first[i]);
		}
	}
}

/* The most frequent first, so that what is used most lies together. */
static int compare(const void *a, const void *b)
{
	const struct vocable *x = *(const struct vocable *const *)a;
	const struct vocable *y = *(const struct vocable *const *)b;

	if (x->rows != y->rows)
		return x->rows > y->rows ? -1 : 1;
	return (x->hash > y->hash) - (x->hash < y->hash);
}

/* ---- the matrix ---- */

struct building {
	const struct lexical_view *view;
	const struct latent_options *options;
	size_t dimensions;
	uint64_t live; /* rows */
	struct vocabulary vocabulary;
	struct vocable **terms; /* of the space */
	size_t term_count;
	float *idf; /* by term */
	struct latent_logs logs;
	/* rows as entries, one after the other */
	uint32_t *entries;
	size_t entry_count, entry_room;
	size_t *ends;   /* by row */
	float *factors; /* by row: 1 / its length squared */
	size_t row_count;
	/* a row for each term */
	float *matrix, *sums;
	size_t looks, looks_all;
};

static uint64_t count_live(const struct lexical_view *view)
{
	uint64_t live = 0;

	for (size_t i = 0; i < view->count; i++)
		for (uint32_t row = 0; row < segment_rows(view->segments[i]); row++)
			live += !view->dead || !has_bit(view->dead, view->first[i] + row);
	return live;
}

static void choose_terms(struct building *b)
{
	collect(&b->vocabulary, b->view);
	b->terms = mem_calloc(b->vocabulary.count + 1, sizeof(struct vocable *));
	for (size_t i = 0; i < b->vocabulary.slot_count; i++) {
		struct vocable *v = &b->vocabulary.slots[i];

		v->term = LATENT_NONE;
		if (v->hash && v->rows >= TERM_ROWS_MIN)
			b->terms[b->term_count++] = v;
	}
	if (b->term_count > 0)
		qsort(b->terms, b->term_count, sizeof(struct vocable *), compare);
	if (b->term_count > LATENT_TERMS_MAX)
		b->term_count = LATENT_TERMS_MAX;
	b->idf = mem_calloc(b->term_count + 1, sizeof(*b->idf));
	for (size_t i = 0; i < b->term_count; i++) {
		b->terms[i]->term = (uint32_t)i;
		b->idf[i] = logf((float)(b->live + 1) / (float)b->terms[i]->rows);
	}
}

static void add_row(struct building *b, const uint32_t *entries, size_t count)
{
	float squares = 0;

	if (count == 0)
		return;
	if (b->entry_count + count > b->entry_room) {
		b->entry_room = 2 * (b->entry_count + count);
		b->entries = mem_realloc(b->entries, b->entry_room * sizeof(*b->entries));
	}
	memcpy(b->entries + b->entry_count, entries, count * sizeof(*entries));
	for (size_t i = 0; i < count; i++) {
		float weight =
			b->logs.of[entries[i] & LATENT_COUNT_MAX] * b->idf[entry_term(entries[i])];

		squares += weight * weight;
	}
	b->entry_count += count;
	b->ends[b->row_count] = b->entry_count;
	b->factors[b->row_count++] = squares > 0 ? 1 / squares : 0;
}

static uint64_t mix(uint64_t h)
{
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/* By the chunk, so that it is the same whatever segment the row is in. */
static bool is_read(const struct building *b, int64_t chunk)
{
	return b->live <= ROWS_READ_MAX || mix((uint64_t)chunk ^ seed) % b->live < ROWS_READ_MAX;
}

static void read_segment(struct building *b, size_t number)
{
	const struct segment *s = b->view->segments[number];
	struct latent_reader reader = { .segment = s };
	uint32_t *terms = mem_calloc((size_t)segment_terms(s) + 1, sizeof(*terms));

	for (uint32_t id = 0; id < segment_terms(s); id++)
		terms[id] = find(&b->vocabulary, hash_of(s, id))->term;
	reader.terms = terms;
	reader.counts = mem_calloc(b->term_count + 1, 1);
	for (uint32_t row = 0; row < segment_rows(s); row++) {
		if ((b->view->dead && has_bit(b->view->dead, b->view->first[number] + row)) ||
		    !is_read(b, segment_chunk(s, row)))
			continue;
		add_row(b, reader.entries, latent_read_row(&reader, row));
	}
	mem_free(reader.counts);
	mem_free(terms);
}

/* ---- rounds ---- */

/* One bit of the hash a dimension: the same wherever the term stands. */
static void start(struct building *b)
{
	for (size_t i = 0; i < b->term_count; i++)
		for (size_t k = 0; k < b->dimensions; k++) {
			uint64_t bits = mix(b->terms[i]->hash ^ (seed + k / 64));

			b->matrix[i * b->dimensions + k] = bits >> (k % 64) & 1 ? 1 : -1;
		}
}

/* Each term's row times its idf. */
static void weigh(const struct building *b, float *matrix)
{
	for (size_t i = 0; i < b->term_count; i++)
		for (size_t k = 0; k < b->dimensions; k++)
			matrix[i * b->dimensions + k] *= b->idf[i];
}

static int look(struct building *b, struct err *err)
{
	const struct latent_options *o = b->options;

	b->looks++;
	if (!o || !o->go_on || o->go_on(o->data, (double)b->looks / (double)b->looks_all))
		return 0;
	return err_set(err, E_cancelled, "", "the latent space was not wanted any more");
}

static int turn(struct building *b, struct err *err)
{
	struct latent_step step = {
		.dimensions = b->dimensions, .matrix = b->matrix, .sums = b->sums, .logs = &b->logs
	};
	float *done = b->sums;

	weigh(b, b->matrix);
	memset(b->sums, 0, b->term_count * b->dimensions * sizeof(*b->sums));
	for (size_t row = 0; row < b->row_count; row++) {
		size_t from = row > 0 ? b->ends[row - 1] : 0;

		if (row % ROWS_A_LOOK == 0 && look(b, err) < 0)
			return -1;
		latent_step(&step, b->entries + from, b->ends[row] - from, b->factors[row]);
	}
	weigh(b, b->sums);
	b->sums = b->matrix;
	b->matrix = done;
	latent_orthonormalise(b->matrix, b->term_count, b->dimensions);
	return 0;
}

/* ---- the bytes ---- */

static int compare_hashes(const void *a, const void *b)
{
	const struct vocable *x = *(const struct vocable *const *)a;
	const struct vocable *y = *(const struct vocable *const *)b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

static int write_space(struct building *b, struct buf *out, struct err *err)
{
	size_t size = LATENT_HEAD_SIZE +
		      b->term_count * (sizeof(uint64_t) + sizeof(float) + b->dimensions);
	unsigned char *at, *hashes, *scales;

	if (buf_reserve(out, size) < 0)
		return err_set(err, E_too_large, "", "the latent space takes %zu bytes", size);
	at = (unsigned char *)out->ptr + out->len;
	memset(at, 0, size);
	store64(at, LATENT_SPACE_MAGIC);
	store32(at + LATENT_HEAD_VERSION, LATENT_VERSION);
	store32(at + LATENT_HEAD_DIMENSIONS, (uint32_t)b->dimensions);
	store32(at + LATENT_HEAD_ITEMS, (uint32_t)b->term_count);
	store64(at + LATENT_HEAD_ROWS, b->live);
	hashes = at + LATENT_HEAD_SIZE;
	scales = hashes + sizeof(uint64_t) * b->term_count;
	weigh(b, b->matrix);
	qsort(b->terms, b->term_count, sizeof(struct vocable *), compare_hashes);
	for (size_t i = 0; i < b->term_count; i++) {
		signed char *codes =
			(signed char *)scales + sizeof(float) * b->term_count + i * b->dimensions;

		store64(hashes + sizeof(uint64_t) * i, b->terms[i]->hash);
		store_float(scales + sizeof(float) * i,
			    latent_pack(b->matrix + b->terms[i]->term * b->dimensions,
					b->dimensions, codes));
	}
	latent_seal(at, size);
	out->len += size;
	out->ptr[out->len] = '\0';
	return 0;
}

static int build(struct building *b, struct buf *out, struct err *err)
{
	choose_terms(b);
	if (b->term_count < b->dimensions)
		return 0;
	latent_logs_init(&b->logs);
	b->ends = mem_calloc(b->live, sizeof(*b->ends));
	b->factors = mem_calloc(b->live, sizeof(*b->factors));
	for (size_t i = 0; i < b->view->count; i++)
		read_segment(b, i);
	b->looks_all = ROUNDS * ((b->row_count + ROWS_A_LOOK - 1) / ROWS_A_LOOK) + 1;
	b->matrix = latent_matrix(b->term_count * b->dimensions);
	b->sums = latent_matrix(b->term_count * b->dimensions);
	start(b);
	for (int i = 0; i < ROUNDS; i++)
		if (turn(b, err) < 0)
			return -1;
	return write_space(b, out, err) < 0 ? -1 : 1;
}

static size_t dimensions_for(size_t wish, size_t rows)
{
	bool is_wide = wish > 0 ? wish > LATENT_DIMENSIONS : rows <= LATENT_ROWS_WIDE;

	return is_wide ? LATENT_DIMENSIONS_MAX : LATENT_DIMENSIONS;
}

int latent_build(const struct lexical_view *view, const struct latent_options *options,
		 struct buf *out, struct err *err)
{
	struct building b = { .view = view, .options = options, .live = count_live(view) };
	int result;

	b.dimensions = dimensions_for(options ? options->dimensions : 0, b.live);
	result = b.live < LATENT_ROWS_MIN ? 0 : build(&b, out, err);

	mem_free(b.vocabulary.slots);
	mem_free(b.terms);
	mem_free(b.idf);
	mem_free(b.entries);
	mem_free(b.ends);
	mem_free(b.factors);
	latent_matrix_free(b.matrix);
	latent_matrix_free(b.sums);
	return result;
}
