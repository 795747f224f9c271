/*
 * tests/bench/micro_latent.c - what the latent space costs and gives: IR=directory make
 * bench-latent.
 *
 * The directory holds collections (tests/bench/collection.h).  First how good rankings of the words
 * alone, of the space alone and of both are; then times and memory on CHUNKS chunks mixed from the
 * texts.  Times are CPU times of one thread.  ROWS=quality or ROWS=speed for one of them.
 */
#include "tests/bench/chunks.h"

#include "common/base/mem.h"
#include "common/rag/fusion.h"
#include "common/rag/latent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 100000, RANKED_MAX = 1000 };

static const char *const names[] = { "codechunks", "docspages" };

/* One segment, and its space. */
struct index {
	struct buf bytes, space_bytes, row_bytes;
	struct segment *segment;
	struct latent_space *space;
	struct latent_rows *rows;
	struct lexical_scratch *lexical;
	struct latent_scratch *latent;
	double build_s, fold_s;
};

static void add_all(struct index *x, const struct chunks *p)
{
	struct segment_builder *builder = segment_builder_new();
	struct terms *terms = terms_new();

	for (size_t i = 0; i < p->count; i++) {
		struct lexical_row row = { .chunk = (int64_t)i + 1,
					   .text = p->list[i].text,
					   .title = p->list[i].title,
					   .head = p->list[i].head };

		if (row.head.ptr == row.text.ptr)
			row.head = SPAN_NONE;
		bench_must(lexical_add(builder, terms, &row, NULL) == 0, "a row does not fit");
	}
	buf_init(&x->bytes, SEGMENT_BYTES_MAX);
	bench_must(segment_builder_write(builder, &x->bytes, NULL) == 0, "no segment");
	segment_builder_free(builder);
	terms_free(terms);
	x->segment = segment_open(buf_span(&x->bytes), NULL);
	bench_must(x->segment != NULL, "the segment cannot be opened");
}

static void make_space(struct index *x, size_t dimensions)
{
	const struct segment *segments[] = { x->segment };
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };
	struct latent_options options = { .dimensions = dimensions };
	double begin = bench_cpu_s();

	buf_init(&x->space_bytes, SEGMENT_BYTES_MAX);
	buf_init(&x->row_bytes, SEGMENT_BYTES_MAX);
	bench_must(latent_build(&view, &options, &x->space_bytes, NULL) == 1, "no space");
	x->build_s = bench_cpu_s() - begin;
	x->space = latent_space_open(buf_span(&x->space_bytes), NULL);
	begin = bench_cpu_s();
	bench_must(latent_fold(x->space, x->segment, &x->row_bytes, NULL) == 0, "no rows");
	x->fold_s = bench_cpu_s() - begin;
	x->rows = latent_rows_open(x->space, x->segment, buf_span(&x->row_bytes), NULL);
	bench_must(x->rows != NULL, "the rows cannot be opened");
}

static void free_space(struct index *x)
{
	latent_rows_close(x->rows);
	latent_space_close(x->space);
	buf_free(&x->space_bytes);
	buf_free(&x->row_bytes);
}

static void open_index(struct index *x, const struct chunks *p)
{
	add_all(x, p);
	x->lexical = lexical_scratch_new();
	x->latent = latent_scratch_new();
}

static void free_index(struct index *x)
{
	lexical_scratch_free(x->lexical);
	latent_scratch_free(x->latent);
	segment_close(x->segment);
	buf_free(&x->bytes);
}

/* ---- searching ---- */

struct ranking {
	uint32_t rows[RANKED_MAX];
	float scores[RANKED_MAX];
	size_t count;
};

static void search_words(struct index *x, const char *text, struct ranking *r, size_t max)
{
	static struct lexical_hit hits[RANKED_MAX];
	const struct segment *segments[] = { x->segment };
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };

	r->count = lexical_search(&view, span_str(text), x->lexical, hits, max);
	for (size_t i = 0; i < r->count; i++) {
		r->rows[i] = hits[i].row;
		r->scores[i] = hits[i].score;
	}
}

static void search_space(struct index *x, const char *text, struct ranking *r, size_t max)
{
	static struct latent_hit hits[RANKED_MAX];
	const struct latent_rows *rows[] = { x->rows };
	const uint32_t firsts[] = { 0 };
	struct latent_view view = { .space = x->space, .rows = rows, .first = firsts, .count = 1 };

	r->count = latent_search(&view, span_str(text), x->latent, hits, max);
	for (size_t i = 0; i < r->count; i++) {
		r->rows[i] = hits[i].row;
		r->scores[i] = hits[i].score;
	}
}

/* share: of the latent list; 0 and 1 mean one list alone. */
struct way {
	const char *name;
	enum fusion_kind kind;
	float share;
	size_t dimensions;
};

static void search_both(struct index *x, const struct way *way, const char *text,
			struct ranking *out)
{
	static struct ranking words, space;
	static struct fusion_hit hits[2 * RANKED_MAX];
	struct fusion_list lists[2];

	words.count = space.count = 0;
	if (way->share < 1)
		search_words(x, text, &words, RANKED_MAX);
	if (way->share > 0)
		search_space(x, text, &space, RANKED_MAX);
	lists[0] = (struct fusion_list){ words.rows, words.scores, words.count, 1 - way->share };
	lists[1] = (struct fusion_list){ space.rows, space.scores, space.count, way->share };
	out->count = fusion_merge(way->kind, lists, 2, hits, RANKED_MAX);
	for (size_t i = 0; i < out->count; i++)
		out->rows[i] = hits[i].row;
}

/* ---- how good ---- */

static void judge(const struct way *way, const struct collection *c, const struct chunks *p,
		  struct index *x)
{
	struct quality sum = { 0 };
	bool *seen = mem_calloc(c->document_count, sizeof(*seen));

	for (size_t i = 0; i < c->query_count; i++) {
		static struct ranking found;
		static uint32_t ranked[RANKED_MAX];
		size_t kept = 0;

		search_both(x, way, c->queries[i].text, &found);
		memset(seen, 0, c->document_count * sizeof(*seen));
		for (size_t j = 0; j < found.count; j++) {
			uint32_t document = p->list[found.rows[j]].document;

			if (!seen[document])
				ranked[kept++] = document;
			seen[document] = true;
		}
		quality_add(&sum, &c->queries[i], ranked, kept);
	}
	quality_print(way->name, &sum, c->query_count);
	mem_free(seen);
}

static void judge_all(const struct collection *c, const char *name)
{
	static const struct way ways[] = {
		{ "words", FUSION_CONVEX, 0, 64 },
		{ "space of 64", FUSION_CONVEX, 1, 64 },
		{ "words + .15 space of 64", FUSION_CONVEX, .15f, 64 },
		{ "words + .25 space of 64", FUSION_CONVEX, .25f, 64 },
		{ "words + .35 space of 64", FUSION_CONVEX, .35f, 64 },
		{ "reciprocal ranks, 64", FUSION_RRF, .5f, 64 },
		{ "space of 128", FUSION_CONVEX, 1, 128 },
		{ "words + .25 space of 128", FUSION_CONVEX, .25f, 128 },
	};
	struct chunks p = { 0 };
	struct index x = { 0 };

	chunks_cut(&p, c, strcmp(name, "codechunks") != 0);
	printf("\n%zu documents in %zu pieces, %zu queries\n", c->document_count, p.count,
	       c->query_count);
	quality_print(name, NULL, 0);
	open_index(&x, &p);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		make_space(&x, ways[i].dimensions);
		judge(&ways[i], c, &p, &x);
		free_space(&x);
	}
	free_index(&x);
	chunks_free(&p);
}

/* ---- how fast ---- */

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void race(const struct collection *c, size_t collections, size_t dimensions)
{
	static double each[4096];
	struct chunks p = { 0 };
	struct index x = { 0 };
	struct buf text;
	size_t count = 0;

	buf_init(&text, 1000 * MIB);
	chunks_mix(&p, c, collections, CHUNKS, &text);
	open_index(&x, &p);
	make_space(&x, dimensions);
	for (size_t i = 0; i < collections; i++)
		for (size_t j = 0; j < c[i].query_count && count < ARRAY_LEN(each); j++) {
			static struct ranking r;
			double begin = bench_cpu_s();

			search_space(&x, c[i].queries[j].text, &r, 200);
			each[count++] = bench_cpu_s() - begin;
		}
	qsort(each, count, sizeof(*each), compare_doubles);
	printf("%10zu %10.2f %10.3f %10.3f %10.3f %10.1f %10.1f\n", dimensions, x.build_s, x.fold_s,
	       each[count / 2] * 1e3, each[count * 95 / 100] * 1e3,
	       (double)x.row_bytes.len / (double)p.count,
	       (double)x.space_bytes.len / (double)p.count);
	free_space(&x);
	free_index(&x);
	buf_free(&text);
	chunks_free(&p);
}

int main(int argc, char **argv)
{
	struct collection c[ARRAY_LEN(names)];
	const char *directory = argc > 1 ? argv[1] : getenv("IR");
	const char *rows = getenv("ROWS");

	if (!directory) {
		printf("no collections: say where they are, IR=directory make bench-latent\n");
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *path = mem_printf("%s/%s", directory, names[i]);

		collection_load(&c[i], path);
		mem_free(path);
	}
	for (size_t i = 0; i < ARRAY_LEN(names) && (!rows || strstr(rows, "quality")); i++)
		judge_all(&c[i], names[i]);
	if (!rows || strstr(rows, "speed")) {
		printf("\n%d chunks\n%10s %10s %10s %10s %10s %10s %10s\n", CHUNKS, "dimensions",
		       "build, s", "fold, s", "p50, ms", "p95, ms", "row, B", "space, B");
		race(c, ARRAY_LEN(names), LATENT_DIMENSIONS);
		race(c, ARRAY_LEN(names), LATENT_DIMENSIONS_MAX);
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		collection_free(&c[i]);
	return 0;
}
