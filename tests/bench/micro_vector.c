/*
 * tests/bench/micro_vector.c - search of vectors beside libraries that do it: make bench-vector.
 *
 * Vectors are made up (tests/bench/vectors.h); every figure is CPU time of one thread, the median
 * of the queries, and every ratio is of this run.  faiss and hnswlib are measured when Debian's
 * libfaiss-dev and libhnswlib-dev are installed at build; sqlite-vec when VEC=path/of/vec0.so says
 * where it is.  ROWS=100000 of them, of which graphs, that take minutes to build, get the first
 * GRAPH=20000; LISTS of a partition, as many as it takes unless told.
 */
#include "tests/bench/vectors.h"
#include "tests/bench/yardstick.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rag/vector_partition.h"

enum { QUERIES = 100, D = VECTORS_DIMENSIONS, FILTER = 100 /* 1 row of so many */ };

struct truth {
	int64_t rows[QUERIES][VECTORS_NEAREST];
};

struct bench {
	size_t rows;
	float *vectors, *queries;
	struct truth all, filtered;
	uint64_t *filter; /* by row */
	struct vector_space *space;
	struct buf *packed; /* by block */
	struct vector_block **blocks;
	const uint64_t **only;
	size_t block_count;
	double pack_s;
};

static size_t number(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static int by_value(const void *a, const void *b)
{
	double one = *(const double *)a, other = *(const double *)b;

	return (one > other) - (one < other);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), by_value);
	return values[count / 2];
}

struct figure {
	double ms, recall;
};

typedef void search_function(void *data, const float *query, int64_t *rows);

/* Each query once to have what it needs in the caches as others have, then three times. */
static struct figure measure(const char *name, const struct bench *b, const struct truth *right,
			     search_function *search, void *data)
{
	double times[QUERIES * 3];
	size_t found = 0, of = 0, n = 0;
	struct figure f;

	for (size_t round = 0; round < 3; round++)
		for (size_t q = 0; q < QUERIES; q++) {
			int64_t rows[VECTORS_NEAREST];
			double before = vectors_cpu_s();

			search(data, b->queries + q * D, rows);
			times[n++] = (vectors_cpu_s() - before) * 1e3;
			if (round > 0)
				continue;
			found += vectors_common(right->rows[q], rows, VECTORS_NEAREST);
			for (size_t i = 0; i < VECTORS_NEAREST; i++)
				of += right->rows[q][i] >= 0;
		}
	f = (struct figure){ median(times, n), (double)found / (double)of };
	printf("%-44s %9.3f ms   recall@10 %.4f\n", name, f.ms, f.recall);
	fflush(stdout);
	return f;
}

struct ours {
	const struct bench *b;
	struct vector_view view;
	size_t sure;
};

static bool exact(void *data, int64_t id, float *vector)
{
	const struct bench *b = data;
	uint16_t halves[D];

	vector_to_half(b->vectors + (size_t)id * D, D, halves);
	vector_from_half(halves, D, vector);
	return true;
}

static void search_ours(void *data, const float *query, int64_t *rows)
{
	struct ours *o = data;
	struct vector_hit hits[VECTORS_NEAREST];
	size_t count =
		vector_search(o->b->space, &o->view, query, o->sure, hits, VECTORS_NEAREST);

	for (size_t i = 0; i < VECTORS_NEAREST; i++)
		rows[i] = i < count ? hits[i].id : -1;
}

static void make(struct bench *b)
{
	uint64_t state = 99;

	b->vectors = vectors_make(b->rows, 1);
	b->queries = vectors_make(QUERIES, 2);
	vectors_describe(b->vectors, b->rows);
	b->filter = mem_calloc(b->rows / 64 + 1, sizeof(*b->filter));
	for (size_t i = 0; i < b->rows; i++) {
		state = state * UINT64_C(6364136223846793005) + 1442695040888963407;
		if ((state >> 33) % FILTER == 0)
			b->filter[i / 64] |= UINT64_C(1) << (i % 64);
	}
	for (size_t q = 0; q < QUERIES; q++) {
		vectors_nearest(b->vectors, b->rows, NULL, b->queries + q * D, b->all.rows[q]);
		vectors_nearest(b->vectors, b->rows, b->filter, b->queries + q * D,
				b->filtered.rows[q]);
	}
}

/* As an index does it: a mean of a sample, blocks of VECTOR_BLOCK_ROWS. */
static void pack(struct bench *b)
{
	enum { SAMPLE = 10000 };
	float mean[D];
	int64_t ids[VECTOR_BLOCK_ROWS];
	size_t bytes = 0;
	double before = vectors_cpu_s();

	vector_mean(b->vectors, b->rows < SAMPLE ? b->rows : SAMPLE, D, mean);
	b->space = vector_space_new(D, 1, mean, NULL);
	b->block_count = (b->rows + VECTOR_BLOCK_ROWS - 1) / VECTOR_BLOCK_ROWS;
	b->packed = mem_calloc(b->block_count, sizeof(*b->packed));
	b->blocks = mem_calloc(b->block_count, sizeof(*b->blocks));
	b->only = mem_calloc(b->block_count, sizeof(*b->only));
	for (size_t i = 0; i < b->block_count; i++) {
		size_t from = i * VECTOR_BLOCK_ROWS, rows = b->rows - from;

		rows = rows < VECTOR_BLOCK_ROWS ? rows : VECTOR_BLOCK_ROWS;
		for (size_t r = 0; r < rows; r++)
			ids[r] = (int64_t)(from + r);
		buf_init(&b->packed[i], 100 * MIB);
		if (vector_pack(b->space, b->vectors + from * D, ids, rows, &b->packed[i], NULL) <
		    0)
			abort();
		b->only[i] = b->filter + from / 64;
		bytes += b->packed[i].len;
	}
	b->pack_s = vectors_cpu_s() - before;
	printf("packed in %.2f s, %.1f bytes a vector\n", b->pack_s,
	       (double)bytes / (double)b->rows);
	before = vectors_cpu_s();
	for (size_t i = 0; i < b->block_count; i++)
		b->blocks[i] = vector_block_open(b->space, buf_span(&b->packed[i]), NULL);
	printf("opened and checked in %.1f ms\n", (vectors_cpu_s() - before) * 1e3);
}

static void measure_merge(const struct bench *b)
{
	struct buf out;
	double before = vectors_cpu_s();

	buf_init(&out, 1000 * MIB);
	if (vector_merge((const struct vector_block *const *)b->blocks, NULL, b->block_count, &out,
			 NULL) == 0)
		printf("merged into one in %.2f s\n", vectors_cpu_s() - before);
	buf_free(&out);
}

static struct figure measure_ours(struct bench *b)
{
	struct ours o = { .b = b,
			  .view = { .blocks = (const struct vector_block *const *)b->blocks,
				    .count = b->block_count } };
	struct figure f = measure("ours", b, &b->all, search_ours, &o);

	o.view.exact = exact;
	o.view.data = b;
	measure("ours, last word by float16", b, &b->all, search_ours, &o);
	o.view.only = b->only;
	measure("ours, a filter leaves 1 %, float16", b, &b->filtered, search_ours, &o);
	o.view.exact = NULL;
	measure("ours, a filter leaves 1 %", b, &b->filtered, search_ours, &o);
	o.view.only = NULL;
	if (vector_kernel_use("portable")) {
		measure("ours, portable kernel", b, &b->all, search_ours, &o);
		if (!vector_kernel_use("avx2"))
			vector_kernel_use("neon");
	}
	for (o.sure = 1; o.sure < VECTORS_NEAREST; o.sure *= 2) {
		char name[64];

		snprintf(name, sizeof(name), "ours, %zu of them sure", o.sure);
		measure(name, b, &b->all, search_ours, &o);
	}
	return f;
}

struct grouped {
	const struct bench *b;
	struct buf head, *lists;
	struct vector_block **blocks;
	const uint64_t **only;
	size_t count;
};

static int keep_list(void *data, size_t list, struct span bytes, struct err *err)
{
	struct grouped *g = data;

	(void)err;
	g->lists = mem_realloc(g->lists, (list + 1) * sizeof(*g->lists));
	g->blocks = mem_realloc(g->blocks, (list + 1) * sizeof(struct vector_block *));
	buf_init(&g->lists[list], 1000 * MIB);
	buf_add_span(&g->lists[list], bytes);
	g->blocks[list] = vector_block_open(g->b->space, buf_span(&g->lists[list]), NULL);
	g->count = list + 1;
	return 0;
}

/* The filter's rows, as bitmaps of the lists. */
static void mark_lists(struct grouped *g)
{
	double before;

	g->only = mem_calloc(g->count, sizeof(*g->only));
	before = vectors_cpu_s();
	for (size_t i = 0; i < g->count; i++) {
		const struct vector_block *b = g->blocks[i];
		uint64_t *bits = mem_calloc(vector_block_words(b) + 1, sizeof(*bits));

		for (size_t row = 0; row < vector_block_rows(b); row++) {
			uint64_t id = (uint64_t)vector_block_id(b, row);

			bits[row / 64] |= (g->b->filter[id / 64] >> (id % 64) & 1) << (row % 64);
		}
		g->only[i] = bits;
	}
	printf("filter marked in %.3f ms\n", (vectors_cpu_s() - before) * 1e3);
}

static void measure_partition(struct bench *b)
{
	struct grouped g = { .b = b };
	struct vector_partition_plan plan = { .space = b->space,
					      .blocks =
						      (const struct vector_block *const *)b->blocks,
					      .count = b->block_count,
					      .lists = number("LISTS", 0),
					      .emit = keep_list,
					      .data = &g };
	struct ours o = { .b = b };
	double before = vectors_cpu_s();

	buf_init(&g.head, 1000 * MIB);
	if (vector_partition_build(&plan, &g.head, NULL) < 0)
		abort();
	o.view.partition = vector_partition_open(b->space, buf_span(&g.head), NULL);
	o.view.blocks = (const struct vector_block *const *)g.blocks;
	o.view.count = g.count;
	printf("%zu lists built in %.2f s\n", g.count, vectors_cpu_s() - before);
	measure("ours, partitions", b, &b->all, search_ours, &o);
	o.view.exact = exact;
	o.view.data = b;
	measure("ours, partitions, float16", b, &b->all, search_ours, &o);
	mark_lists(&g);
	o.view.only = g.only;
	measure("ours, partitions, a filter leaves 1 %", b, &b->filtered, search_ours, &o);
}

#ifdef YARDSTICK
struct other {
	struct yardstick *y;
	size_t beam;
};

static void search_other(void *data, const float *query, int64_t *rows)
{
	struct other *o = data;

	yardstick_search(o->y, query, o->beam, rows, VECTORS_NEAREST);
}

static void measure_flat(struct bench *b, struct figure ours)
{
	struct other o = { .y = yardstick_build(YARDSTICK_FAISS_FLAT, b->vectors, b->rows, D) };
	struct figure f = measure("faiss flat", b, &b->all, search_other, &o);

	printf("%-44s %9.1f x   (at least 30)\n", "faiss flat / ours", f.ms / ours.ms);
	yardstick_free(o.y);
}

/* On a part: a graph's rate of building falls as it grows, so this flatters it. */
static void measure_graph(const struct bench *b, enum yardstick_kind kind, const char *name,
			  size_t rows)
{
	double before = vectors_cpu_s(), rate, ours = (double)b->rows / b->pack_s;
	struct other o = { .y = yardstick_build(kind, b->vectors, rows, D) };

	rate = (double)rows / (vectors_cpu_s() - before);
	printf("%s, building %zu rows: %.0f a second, ours %.0f: %.1f x   (at least 20)\n", name,
	       rows, rate, ours, ours / rate);
	for (o.beam = 20; rows == b->rows && o.beam <= 160; o.beam *= 2) {
		char text[64];

		snprintf(text, sizeof(text), "%s, %zu candidates", name, o.beam);
		measure(text, b, &b->all, search_other, &o);
	}
	yardstick_free(o.y);
}

static void measure_yardsticks(struct bench *b, struct figure ours)
{
	size_t graph = number("GRAPH", 20000);

	if (b->rows > 200000)
		return;

	measure_flat(b, ours);
	graph = graph < b->rows ? graph : b->rows;
	if (graph == 0)
		return;
	measure_graph(b, YARDSTICK_HNSWLIB, "hnswlib", graph);
	measure_graph(b, YARDSTICK_FAISS_HNSW, "faiss HNSW", graph < 5000 ? graph : 5000);
}
#else
static void measure_yardsticks(struct bench *b, struct figure ours)
{
	(void)b;
	(void)ours;
	printf("faiss and hnswlib are not installed\n");
}
#endif

static void must_run(sqlite3 *db, const char *sql)
{
	char *message = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, message);
		exit(1);
	}
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
		exit(1);
	}
	return statement;
}

static void search_sqlite(void *data, const float *query, int64_t *rows)
{
	sqlite3_stmt *statement = data;
	size_t count = 0;

	sqlite3_bind_blob(statement, 1, query, D * sizeof(*query), SQLITE_STATIC);
	while (sqlite3_step(statement) == SQLITE_ROW && count < VECTORS_NEAREST)
		rows[count++] = sqlite3_column_int64(statement, 0) - 1;
	while (count < VECTORS_NEAREST)
		rows[count++] = -1;
	sqlite3_reset(statement);
}

static void fill_sqlite(const struct bench *b, sqlite3 *db)
{
	sqlite3_stmt *insert = prepare(db, "INSERT INTO v(rowid, f, b) VALUES "
					   "(?1, ?2, vec_quantize_binary(?2))");

	must_run(db, "BEGIN");
	for (size_t i = 0; i < b->rows; i++) {
		sqlite3_bind_int64(insert, 1, (int64_t)i + 1);
		sqlite3_bind_blob(insert, 2, b->vectors + i * D, D * sizeof(float), SQLITE_STATIC);
		if (sqlite3_step(insert) != SQLITE_DONE) {
			fprintf(stderr, "sqlite-vec: %s\n", sqlite3_errmsg(db));
			exit(1);
		}
		sqlite3_reset(insert);
	}
	must_run(db, "COMMIT");
	sqlite3_finalize(insert);
}

static void measure_sqlite(struct bench *b, struct figure ours, const char *extension)
{
	sqlite3 *db;
	sqlite3_stmt *scan, *bits;
	struct figure f;
	char *message = NULL;

	if (sqlite3_open(":memory:", &db) != SQLITE_OK)
		exit(1);
	sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL);
	if (sqlite3_load_extension(db, extension, NULL, &message) != SQLITE_OK) {
		fprintf(stderr, "%s: %s\n", extension, message);
		exit(1);
	}
	must_run(db, "CREATE VIRTUAL TABLE v USING vec0(f float[768], b bit[768])");
	fill_sqlite(b, db);
	scan = prepare(db, "SELECT rowid FROM v WHERE f MATCH ?1 AND k = 10 ORDER BY distance");
	f = measure("sqlite-vec, floats", b, &b->all, search_sqlite, scan);
	printf("%-44s %9.1f x   (at least 25)\n", "sqlite-vec floats / ours", f.ms / ours.ms);
	bits = prepare(db, "WITH near AS MATERIALIZED (SELECT rowid AS id, f FROM v WHERE b MATCH "
			   "vec_quantize_binary(?1) AND k = 80) "
			   "SELECT id FROM near ORDER BY vec_distance_L2(f, ?1) LIMIT 10");
	f = measure("sqlite-vec, 80 by bits, then floats", b, &b->all, search_sqlite, bits);
	printf("%-44s %9.1f x   (at least 8)\n", "sqlite-vec bits / ours", f.ms / ours.ms);
	sqlite3_finalize(scan);
	sqlite3_finalize(bits);
	sqlite3_close(db);
}

int main(void)
{
	struct bench b = { .rows = number("ROWS", 100000) };
	struct figure ours;

	make(&b);
	printf("%zu rows of %d dimensions, kernel %s\n", b.rows, D, vector_kernel_name());
	pack(&b);
	measure_merge(&b);
	ours = measure_ours(&b);
	measure_partition(&b);
	measure_yardsticks(&b, ours);
	if (getenv("VEC"))
		measure_sqlite(&b, ours, getenv("VEC"));
	return 0;
}
