/* common/rag/vector_cluster.c - building a partition: centres, lists, and how many to look at. */
#include "common/rag/vector_partition.h"

#include <math.h>
#include <stdlib.h>

#include "common/base/mem.h"
#include "common/rag/vector_inside.h"

enum {
	SAMPLE_PER_LIST = 64,
	ROUNDS = 8,
	NEAR_BY_SIGNS = 8,    /* centres that are scored with int8 for a row */
	CHECKED_QUERIES = 64, /* stored rows whose neighbours say how many lists it takes */
	CHECKED_RESCORE = 200,
	PROBES_LEAST = 4,
	STOP_EVERY = 256,
};

struct row_ref {
	uint32_t block, row, list;
};

struct work {
	const struct vector_partition_plan *plan;
	const struct vector_kernel *kernel;
	struct row_ref *rows; /* the living ones, in the order of their blocks */
	size_t row_count, sample_count, list_count;
	struct buf packed; /* the centres */
	struct vector_block *centres;
	float *sums;                /* by list, of padded: sums of unit vectors */
	uint32_t *counts;           /* rows by list */
	float *z;                   /* room for one */
	uint64_t steps, steps_done; /* rows placed so far, of all that will be */
};

static int stop_asked(struct work *w, struct err *err)
{
	const struct vector_partition_plan *plan = w->plan;

	if (w->steps_done++ % STOP_EVERY != 0 || !plan->stop ||
	    !plan->stop(plan->data, (double)w->steps_done / (double)(w->steps + 1)))
		return 0;
	return err_set(err, E_cancelled, "", "the vectors' partition was not finished");
}

static void find_living(struct work *w)
{
	const struct vector_partition_plan *plan = w->plan;
	size_t all = 0;

	for (size_t b = 0; b < plan->count; b++)
		all += plan->blocks[b]->rows;
	w->rows = mem_calloc(all + 1, sizeof(*w->rows));
	for (size_t b = 0; b < plan->count; b++)
		for (size_t row = 0; row < plan->blocks[b]->rows; row++)
			if (!plan->dead || !plan->dead[b] || !vector_bit(plan->dead[b], row))
				w->rows[w->row_count++] =
					(struct row_ref){ (uint32_t)b, (uint32_t)row, 0 };
}

/* The row as the int8 codes have it: centred and rotated. */
static void decode(const struct vector_partition_plan *plan, const struct row_ref *ref, float *z)
{
	const struct vector_block *b = plan->blocks[ref->block];
	const unsigned char *bytes = b->sections[VECTOR_BYTES] + (size_t)ref->row * b->padded;
	float scale = load_float(b->sections[VECTOR_SCALES] + 4 * (size_t)ref->row);

	for (size_t i = 0; i < b->padded; i++)
		z[i] = scale * (float)(int8_t)bytes[i];
}

/* The i-th of so many that are spread evenly over the living rows. */
static struct row_ref *spread(const struct work *w, size_t i, size_t of)
{
	return &w->rows[(uint64_t)i * w->row_count / of];
}

/* The sum of unit vectors becomes the centre: one more unit vector. */
static void write_centre(struct work *w, struct vector_writer *writer, size_t list)
{
	const struct vector_space *s = w->plan->space;
	const float *sum = w->sums + list * s->padded;
	double length = vector_length(sum, s->padded);

	for (size_t i = 0; i < s->padded; i++) {
		float unit = length > 0 ? (float)((double)sum[i] / length) : 0;

		w->z[i] = unit - s->centre[i];
	}
	vector_writer_row(writer, s, list, (int64_t)list, w->z);
}

static int pack_centres(struct work *w, struct err *err)
{
	const struct vector_space *s = w->plan->space;
	struct vector_writer writer;

	vector_block_close(w->centres);
	w->centres = NULL;
	buf_clear(&w->packed);
	if (vector_writer_init(&writer, w->list_count, s->padded, s->print, &w->packed, err) < 0)
		return -1;
	for (size_t list = 0; list < w->list_count; list++)
		write_centre(w, &writer, list);
	vector_writer_end(&writer);
	w->centres = vector_block_open(s, buf_span(&w->packed), err);
	return w->centres ? 0 : -1;
}

/* The list whose centre is nearest to what w->z says: by signs a few, by int8 the one. */
static uint32_t nearest_list(struct work *w, struct vector_shortlist *near)
{
	struct vector_query q;
	uint32_t best = 0;
	float most = -INFINITY;

	vector_query_init_placed(&q, w->plan->space, w->z);
	near->count = 0;
	near->floor = -INFINITY;
	vector_scan_block(&q, w->kernel, w->centres, 0, NULL, NULL, near);
	vector_shortlist_cut(near);
	for (size_t i = 0; i < near->count; i++) {
		uint32_t list = near->list[i].row;
		float score = vector_query_score(&q, w->kernel, w->centres, list);

		if (score > most || (score == most && list < best)) {
			best = list;
			most = score;
		}
	}
	vector_query_free(&q);
	return best;
}

static void add_to_list(struct work *w, uint32_t list)
{
	const struct vector_space *s = w->plan->space;
	float *sum = w->sums + list * s->padded;

	for (size_t i = 0; i < s->padded; i++) {
		float unit = w->z[i] + s->centre[i];

		sum[i] += unit;
	}
	w->counts[list]++;
}

/* A list that nobody is near to begins anew at another row than before. */
static void fill_empty(struct work *w, size_t round)
{
	for (size_t list = 0; list < w->list_count; list++) {
		if (w->counts[list] > 0)
			continue;
		decode(w->plan, &w->rows[((uint64_t)list * 7919 + round + 1) % w->row_count], w->z);
		add_to_list(w, (uint32_t)list);
	}
}

static void clear_lists(struct work *w)
{
	memset(w->sums, 0, w->list_count * w->plan->space->padded * sizeof(*w->sums));
	memset(w->counts, 0, w->list_count * sizeof(*w->counts));
}

static int find_centres(struct work *w, struct vector_shortlist *near, struct err *err)
{
	clear_lists(w);
	for (size_t list = 0; list < w->list_count; list++) {
		decode(w->plan, spread(w, list, w->list_count), w->z);
		add_to_list(w, (uint32_t)list);
	}
	for (size_t round = 0; round < ROUNDS; round++) {
		if (pack_centres(w, err) < 0)
			return -1;
		clear_lists(w);
		for (size_t i = 0; i < w->sample_count; i++) {
			if (stop_asked(w, err) < 0)
				return -1;
			decode(w->plan, spread(w, i, w->sample_count), w->z);
			add_to_list(w, nearest_list(w, near));
		}
		fill_empty(w, round);
	}
	return pack_centres(w, err);
}

static int place_all(struct work *w, struct vector_shortlist *near, struct err *err)
{
	memset(w->counts, 0, w->list_count * sizeof(*w->counts));
	for (size_t i = 0; i < w->row_count; i++) {
		struct row_ref *ref = &w->rows[i];

		if (stop_asked(w, err) < 0)
			return -1;
		decode(w->plan, ref, w->z);
		ref->list = nearest_list(w, near);
		w->counts[ref->list]++;
	}
	return 0;
}

static int by_score(const void *a, const void *b)
{
	const struct vector_candidate *one = a, *other = b;

	if (one->score != other->score)
		return one->score < other->score ? 1 : -1;
	if (one->block != other->block)
		return one->block < other->block ? -1 : 1;
	return (one->row > other->row) - (one->row < other->row);
}

static int by_place(const void *a, const void *b)
{
	const struct row_ref *one = a, *other = b;

	if (one->block != other->block)
		return one->block < other->block ? -1 : 1;
	return (one->row > other->row) - (one->row < other->row);
}

static uint32_t list_of(const struct work *w, const struct vector_candidate *c)
{
	struct row_ref key = { .block = c->block, .row = c->row };
	const struct row_ref *found =
		bsearch(&key, w->rows, w->row_count, sizeof(*w->rows), by_place);

	return found ? found->list : 0;
}

/*
 * For a stored row as the query: how many lists it takes to come to each of its neighbours, counted
 * in needed[lists - 1].  Returns how many neighbours there were.
 */
static size_t check_row(struct work *w, const struct row_ref *ref,
			const struct vector_partition *all_lists, uint32_t *chosen, size_t *needed)
{
	const struct vector_partition_plan *plan = w->plan;
	const struct vector_view view = { .blocks = plan->blocks,
					  .count = plan->count,
					  .dead = plan->dead };
	struct vector_shortlist best;
	struct vector_query q;
	size_t lists, counted = 0;

	decode(plan, ref, w->z);
	vector_query_init_placed(&q, plan->space, w->z);
	vector_search_rows(&view, &q, PARTITION_HITS, CHECKED_RESCORE, &best);
	qsort(best.list, best.count, sizeof(*best.list), by_score);
	lists = vector_partition_choose(all_lists, &q, w->kernel, w->counts, 0, PARTITION_HITS, chosen);
	for (size_t i = 0; i < best.count && counted < PARTITION_HITS; i++) {
		uint32_t list = list_of(w, &best.list[i]);
		size_t at = 0;

		if (best.list[i].block == ref->block && best.list[i].row == ref->row)
			continue;
		while (at + 1 < lists && chosen[at] != list)
			at++;
		needed[at]++;
		counted++;
	}
	vector_shortlist_free(&best);
	vector_query_free(&q);
	return counted;
}

/*
 * As many lists as it takes for the wanted share of the neighbours of rows.  Of questions, which are
 * no rows, half as many found .987 of the best ten among a million.
 */
static size_t find_probes(struct work *w)
{
	const struct vector_partition all = { .centres = w->centres, .probes = w->list_count };
	float recall = w->plan->recall > 0 ? w->plan->recall : 0.99F;
	uint32_t *chosen = mem_calloc(w->list_count, sizeof(*chosen));
	size_t *needed = mem_calloc(w->list_count, sizeof(*needed));
	size_t neighbours = 0, reached = 0, probes = 0;

	for (size_t i = 0; i < CHECKED_QUERIES; i++)
		neighbours += check_row(w, spread(w, i, CHECKED_QUERIES), &all, chosen, needed);
	while (probes < w->list_count && (double)reached < (double)neighbours * (double)recall)
		reached += needed[probes++];
	mem_free(chosen);
	mem_free(needed);
	probes = probes > PROBES_LEAST ? probes : PROBES_LEAST;
	return probes < w->list_count ? probes : w->list_count;
}

struct placed {
	int64_t id;
	uint32_t block, row;
};

static int by_id(const void *a, const void *b)
{
	const struct placed *one = a, *other = b;

	return (one->id > other->id) - (one->id < other->id);
}

static int emit_list(const struct work *w, size_t list, struct placed *rows, size_t count,
		     struct buf *block, struct err *err)
{
	const struct vector_partition_plan *plan = w->plan;
	struct vector_writer writer;

	qsort(rows, count, sizeof(*rows), by_id);
	for (size_t i = 1; i < count; i++)
		if (rows[i - 1].id == rows[i].id)
			return err_set(err, E_storage_error, "",
				       "two blocks have a vector of the same id");
	buf_clear(block);
	if (vector_writer_init(&writer, count, plan->space->padded, plan->space->print, block,
			       err) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		vector_writer_copy(&writer, i, plan->blocks[rows[i].block], rows[i].row);
	vector_writer_end(&writer);
	return plan->emit(plan->data, list, buf_span(block), err);
}

/* All rows in the order of their lists; from: where each list's begin. */
static struct placed *order_rows(const struct work *w, size_t *from)
{
	struct placed *rows = mem_calloc(w->row_count + 1, sizeof(*rows));

	for (size_t list = 0; list < w->list_count; list++)
		from[list + 1] = from[list] + w->counts[list];
	for (size_t i = 0; i < w->row_count; i++) {
		const struct row_ref *ref = &w->rows[i];
		size_t to = from[ref->list]++;

		rows[to] = (struct placed){ vector_block_id(w->plan->blocks[ref->block], ref->row),
					    ref->block, ref->row };
	}
	for (size_t list = w->list_count; list > 0; list--)
		from[list] = from[list - 1];
	from[0] = 0;
	return rows;
}

static int emit_all(const struct work *w, struct err *err)
{
	size_t *from = mem_calloc(w->list_count + 2, sizeof(*from));
	struct placed *rows = order_rows(w, from);
	struct buf block;
	int rc = 0;

	buf_init(&block, vector_block_size(VECTOR_ROWS_MAX, w->plan->space->padded) + 1);
	for (size_t list = 0; list < w->list_count && rc == 0; list++)
		rc = emit_list(w, list, rows + from[list], from[list + 1] - from[list], &block,
			       err);
	buf_free(&block);
	mem_free(rows);
	mem_free(from);
	return rc;
}

static int write_head(const struct work *w, size_t probes, struct buf *out, struct err *err)
{
	unsigned char head[PARTITION_SIZE];
	size_t before = out->len;

	store64(head, PARTITION_MAGIC);
	store32(head + PARTITION_VERSION, VECTOR_VERSION);
	store32(head + PARTITION_PROBES, (uint32_t)probes);
	store64(head + PARTITION_CHECKSUM, packed_checksum(head, PARTITION_CHECKSUM));
	if (buf_add(out, head, sizeof(head)) == 0 && buf_add_span(out, buf_span(&w->packed)) == 0)
		return 0;
	buf_truncate(out, before);
	return err_set(err, E_too_large, "", "the vectors' partition has no room");
}

static int build(struct work *w, struct buf *out, struct err *err)
{
	const struct vector_space *s = w->plan->space;
	struct vector_shortlist near;
	int rc = -1;

	vector_shortlist_init(&near, NEAR_BY_SIGNS, (size_t)12 * NEAR_BY_SIGNS);
	w->sums = mem_calloc(w->list_count * s->padded, sizeof(*w->sums));
	w->counts = mem_calloc(w->list_count, sizeof(*w->counts));
	w->z = mem_calloc(s->padded, sizeof(*w->z));
	w->steps = w->row_count + (uint64_t)ROUNDS * w->sample_count;
	if (find_centres(w, &near, err) == 0 && place_all(w, &near, err) == 0)
		rc = emit_all(w, err);
	if (rc == 0)
		rc = write_head(w, find_probes(w), out, err);
	vector_shortlist_free(&near);
	return rc;
}

int vector_partition_build(const struct vector_partition_plan *plan, struct buf *out,
			   struct err *err)
{
	struct work w = { .plan = plan, .kernel = vector_kernel() };
	int rc;

	buf_init(&w.packed, vector_block_size(VECTOR_LISTS_MAX, plan->space->padded) + 1);
	find_living(&w);
	w.list_count = plan->lists > 0 ? plan->lists : (size_t)sqrt((double)w.row_count);
	w.list_count = w.list_count < VECTOR_LISTS_MAX ? w.list_count : VECTOR_LISTS_MAX;
	w.sample_count = w.list_count * SAMPLE_PER_LIST;
	w.sample_count = w.sample_count < w.row_count ? w.sample_count : w.row_count;
	if (w.row_count == 0 || w.list_count > w.row_count)
		rc = err_set(err, E_invalid_field, "lists", "%zu rows make no %zu lists",
			     w.row_count, w.list_count);
	else
		rc = build(&w, out, err);
	vector_block_close(w.centres);
	buf_free(&w.packed);
	mem_free(w.rows);
	mem_free(w.sums);
	mem_free(w.counts);
	mem_free(w.z);
	return rc;
}
