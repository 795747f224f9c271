/* common/rag/vector_space.c - centring and rotating; a query made ready for the kernels. */
#include "common/rag/vector.h"

#include <math.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

#define SPACE_MAGIC UINT64_C(0x6361707373617073) /* "spasspac" */

enum {
	SPACE_VERSION = 8,
	SPACE_DIMENSIONS = 12,
	SPACE_SEED = 16,
	SPACE_CHECKSUM = 24,
	SPACE_MEAN = 32,
	/* four of them, each rounded, are no more than VECTOR_LEVELS */
	TABLE_STEPS = VECTOR_LEVELS - 2,
};

double vector_length(const float *vector, size_t dimensions)
{
	double sums[4] = { 0 }, length;
	size_t i = 0;

	for (; i + 4 <= dimensions; i += 4)
		for (size_t j = 0; j < 4; j++)
			sums[j] += (double)vector[i + j] * (double)vector[i + j];
	for (; i < dimensions; i++)
		sums[0] += (double)vector[i] * (double)vector[i];
	length = sqrt(sums[0] + sums[1] + (sums[2] + sums[3]));
	return isfinite(length) ? length : 0;
}

bool vector_usable(const float *vector, size_t dimensions)
{
	return vector_length(vector, dimensions) > 0;
}

void vector_mean(const float *vectors, size_t count, size_t dimensions, float *mean)
{
	double *sums = mem_calloc(dimensions, sizeof(*sums));
	size_t usable = 0;

	for (size_t v = 0; v < count; v++) {
		const float *vector = vectors + v * dimensions;
		double length = vector_length(vector, dimensions);

		if (length == 0)
			continue;
		for (size_t i = 0; i < dimensions; i++)
			sums[i] += (double)vector[i] / length;
		usable++;
	}
	for (size_t i = 0; i < dimensions; i++)
		mean[i] = usable > 0 ? (float)(sums[i] / (double)usable) : 0;
	mem_free(sums);
}

/* Places and signs of a round: a permutation of all dimensions, whatever their Hadamard block. */
static void draw_round(struct vector_space *s, size_t round, uint64_t *random)
{
	uint16_t *places = s->places + round * s->padded;
	float *signs = s->signs + round * s->padded;

	for (size_t i = 0; i < s->padded; i++) {
		places[i] = (uint16_t)i;
		signs[i] = vector_random(random) >> 63 ? -1.0F : 1.0F;
	}
	for (size_t i = s->padded - 1; i > 0; i--) {
		size_t other = vector_random(random) % (i + 1);
		uint16_t kept = places[i];

		places[i] = places[other];
		places[other] = kept;
	}
}

/* All butterflies of one distance; unrolled by the compiler, as distances are constants. */
static inline void butterflies(float *v, size_t distance)
{
	for (size_t from = 0; from < VECTOR_POINTS; from += 2 * distance)
		for (size_t i = from; i < from + distance; i++) {
			float sum = v[i] + v[i + distance], difference = v[i] - v[i + distance];

			v[i] = sum;
			v[i + distance] = difference;
		}
}

static void hadamard(float *v)
{
	butterflies(v, 1);
	butterflies(v, 2);
	butterflies(v, 4);
	butterflies(v, 8);
	butterflies(v, 16);
	butterflies(v, 32);
	butterflies(v, 64);
	butterflies(v, 128);
	for (size_t i = 0; i < VECTOR_POINTS; i++)
		v[i] *= 1.0F / 16;
}

/* in: of padded, is overwritten; out likewise. */
static void rotate(const struct vector_space *s, float *in, float *out)
{
	for (size_t round = 0; round < VECTOR_ROUNDS; round++) {
		const uint16_t *places = s->places + round * s->padded;
		const float *signs = s->signs + round * s->padded;

		for (size_t i = 0; i < s->padded; i++)
			out[i] = in[places[i]] * signs[i];
		for (size_t i = 0; i < s->padded; i += VECTOR_POINTS)
			hadamard(out + i);
		if (round + 1 < VECTOR_ROUNDS)
			memcpy(in, out, s->padded * sizeof(*in));
	}
}

int vector_place(const struct vector_space *s, const float *vector, float *room, float *z)
{
	double length = vector_length(vector, s->dimensions), inverse;

	if (length == 0)
		return -1;
	inverse = 1 / length;
	for (size_t i = 0; i < s->dimensions; i++) {
		float u = (float)((double)vector[i] * inverse);

		room[i] = u - s->mean[i];
	}
	memset(room + s->dimensions, 0, (s->padded - s->dimensions) * sizeof(*room));
	rotate(s, room, z);
	return 0;
}

static uint64_t print_of(const struct vector_space *s)
{
	uint64_t print =
		packed_checksum((const unsigned char *)s->mean, s->dimensions * sizeof(float));

	return (print ^ s->seed) * UINT64_C(0x9e3779b97f4a7c15) + s->dimensions;
}

struct vector_space *vector_space_new(size_t dimensions, uint64_t seed, const float *mean,
				      struct err *err)
{
	struct vector_space *s;
	uint64_t random = seed;
	float *room;

	if (dimensions == 0 || dimensions > VECTOR_DIMENSIONS_MAX) {
		err_set(err, E_invalid_field, "dimensions", "%zu dimensions are not from 1 to %d",
			dimensions, VECTOR_DIMENSIONS_MAX);
		return NULL;
	}
	for (size_t i = 0; mean && i < dimensions; i++)
		if (!(fabsf(mean[i]) <= 1)) {
			err_set(err, E_invalid_field, "mean",
				"a mean of unit vectors lies in -1..1");
			return NULL;
		}
	s = mem_new(struct vector_space);
	s->dimensions = dimensions;
	s->padded = (dimensions + VECTOR_POINTS - 1) / VECTOR_POINTS * VECTOR_POINTS;
	s->seed = seed;
	s->mean = mem_calloc(dimensions, sizeof(*s->mean));
	s->centre = mem_calloc(s->padded, sizeof(*s->centre));
	s->places = mem_calloc(VECTOR_ROUNDS * s->padded, sizeof(*s->places));
	s->signs = mem_calloc(VECTOR_ROUNDS * s->padded, sizeof(*s->signs));
	for (size_t round = 0; round < VECTOR_ROUNDS; round++)
		draw_round(s, round, &random);
	if (mean) {
		room = mem_calloc(s->padded, sizeof(*room));
		memcpy(s->mean, mean, dimensions * sizeof(*mean));
		memcpy(room, mean, dimensions * sizeof(*mean));
		rotate(s, room, s->centre);
		mem_free(room);
	}
	s->print = print_of(s);
	return s;
}

void vector_space_free(struct vector_space *s)
{
	if (!s)
		return;
	mem_free(s->mean);
	mem_free(s->centre);
	mem_free(s->places);
	mem_free(s->signs);
	mem_free(s);
}

size_t vector_space_dimensions(const struct vector_space *s)
{
	return s->dimensions;
}

int vector_space_write(const struct vector_space *s, struct buf *out, struct err *err)
{
	size_t size = SPACE_MEAN + s->dimensions * sizeof(float);
	unsigned char *bytes = mem_calloc(1, size);
	int rc;

	store64(bytes, SPACE_MAGIC);
	store32(bytes + SPACE_VERSION, VECTOR_VERSION);
	store32(bytes + SPACE_DIMENSIONS, (uint32_t)s->dimensions);
	store64(bytes + SPACE_SEED, s->seed);
	for (size_t i = 0; i < s->dimensions; i++)
		store_float(bytes + SPACE_MEAN + 4 * i, s->mean[i]);
	store64(bytes + SPACE_CHECKSUM,
		       packed_checksum(bytes, SPACE_CHECKSUM) +
			       packed_checksum(bytes + SPACE_MEAN, size - SPACE_MEAN));
	rc = buf_add(out, bytes, size);
	mem_free(bytes);
	return rc < 0 ? err_set(err, E_too_large, "", "the vectors' space has no room") : 0;
}

static struct vector_space *open_checked(const unsigned char *at, size_t dimensions)
{
	float *mean = mem_calloc(dimensions, sizeof(*mean));
	struct vector_space *s;

	for (size_t i = 0; i < dimensions; i++)
		mean[i] = load_float(at + SPACE_MEAN + 4 * i);
	s = vector_space_new(dimensions, load64(at + SPACE_SEED), mean, NULL);
	mem_free(mean);
	return s;
}

struct vector_space *vector_space_open(struct span bytes, struct err *err)
{
	const unsigned char *at = (const unsigned char *)bytes.ptr;
	struct vector_space *s = NULL;

	if (bytes.len > SPACE_MEAN && load64(at) == SPACE_MAGIC &&
	    load32(at + SPACE_VERSION) == VECTOR_VERSION) {
		size_t dimensions = load32(at + SPACE_DIMENSIONS);

		if (dimensions > 0 && dimensions <= VECTOR_DIMENSIONS_MAX &&
		    bytes.len == SPACE_MEAN + 4 * dimensions &&
		    load64(at + SPACE_CHECKSUM) ==
			    packed_checksum(at, SPACE_CHECKSUM) +
				    packed_checksum(at + SPACE_MEAN, bytes.len - SPACE_MEAN))
			s = open_checked(at, dimensions);
	}
	if (!s)
		err_set(err, E_storage_error, "", "the space of the index's vectors is damaged");
	return s;
}

/* Numbers of 0..TABLE_STEPS in place of 2 |w|, by dimension: when the sign is set, when it is not.
 */
struct weights {
	unsigned char set[VECTOR_POINTS], clear[VECTOR_POINTS];
};

/* Loops of so many turns as the compiler knows are done several at a time. */
static void weigh(const float *restrict w, float inverse, struct weights *restrict weights)
{
	for (size_t i = 0; i < VECTOR_POINTS; i++) {
		float steps = fabsf(w[i]) * inverse + 0.5F;
		int32_t size = (int32_t)steps, set = w[i] > 0 ? size : 0;

		weights->set[i] = (unsigned char)set;
		weights->clear[i] = (unsigned char)(size - set);
	}
}

/* 8 entries: of each byte whose bit is in mask what is set, of each other what is clear. */
static uint64_t choose(unsigned char set, unsigned char clear, uint64_t mask)
{
	static const uint64_t each = UINT64_C(0x0101010101010101);

	return (set * each & mask) | (clear * each & ~mask);
}

/* What four signs add up to, by their bits. */
static void fill_table(const unsigned char *set, const unsigned char *clear, unsigned char *table)
{
	static const uint64_t each = UINT64_C(0x0101010101010101);
	uint64_t sums = choose(set[0], clear[0], UINT64_C(0xff00ff00ff00ff00)) +
			choose(set[1], clear[1], UINT64_C(0xffff0000ffff0000)) +
			choose(set[2], clear[2], UINT64_C(0xffffffff00000000));

	store64(table, sums + clear[3] * each);
	store64(table + 8, sums + set[3] * each);
}

static void fill_tables(struct vector_query *q, const float *w)
{
	struct weights weights;
	float widest = 0, all = 0, inverse;

	for (size_t i = 0; i < q->padded; i += 4) {
		float sum = fabsf(w[i]) + fabsf(w[i + 1]) + fabsf(w[i + 2]) + fabsf(w[i + 3]);

		widest = sum > widest ? sum : widest;
		all += sum;
	}
	q->step = 2 * widest / TABLE_STEPS;
	q->bias = all;
	inverse = q->step > 0 ? 2 / q->step : 0;
	for (size_t from = 0; from < q->padded; from += VECTOR_POINTS) {
		weigh(w + from, inverse, &weights);
		for (size_t i = 0; i < VECTOR_POINTS; i += 4)
			fill_table(weights.set + i, weights.clear + i, q->tables + 4 * (from + i));
	}
}

static void fill_wide(const float *restrict w, float inverse, int16_t *restrict wide)
{
	for (size_t i = 0; i < VECTOR_POINTS; i++) {
		float scaled = w[i] * inverse;

		wide[i] = (int16_t)(int32_t)(scaled + (scaled < 0 ? -0.5F : 0.5F));
	}
}

static float largest(const float *w, size_t count)
{
	float most[8] = { 0 };

	for (size_t i = 0; i < count; i += 8)
		for (size_t j = 0; j < 8; j++) {
			float size = fabsf(w[i + j]);

			most[j] = size > most[j] ? size : most[j];
		}
	for (size_t j = 1; j < 8; j++)
		most[0] = most[j] > most[0] ? most[j] : most[0];
	return most[0];
}

void vector_query_init_placed(struct vector_query *q, const struct vector_space *s, const float *w)
{
	float most;

	*q = (struct vector_query){ .padded = s->padded };
	q->tables = mem_alloc(4 * s->padded);
	q->wide = mem_alloc(s->padded * sizeof(*q->wide));
	fill_tables(q, w);
	most = largest(w, q->padded);
	q->wide_scale = most / VECTOR_WIDE_MAX;
	for (size_t i = 0; i < q->padded; i += VECTOR_POINTS)
		fill_wide(w + i, most > 0 ? VECTOR_WIDE_MAX / most : 0, q->wide + i);
}

int vector_query_init(struct vector_query *q, const struct vector_space *s, const float *vector)
{
	double length = vector_length(vector, s->dimensions), constant = 0;
	float *room, *w;

	if (length == 0)
		return -1;
	room = mem_alloc(2 * s->padded * sizeof(*room));
	w = room + s->padded;
	vector_place(s, vector, room, w);
	vector_query_init_placed(q, s, w);
	q->unit = room;
	for (size_t i = 0; i < s->dimensions; i++) {
		q->unit[i] = (float)((double)vector[i] / length);
		constant += (double)q->unit[i] * (double)s->mean[i];
	}
	q->constant = (float)constant;
	return 0;
}

void vector_query_free(struct vector_query *q)
{
	mem_free(q->tables);
	mem_free(q->wide);
	mem_free(q->unit);
}
