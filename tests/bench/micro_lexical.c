/*
 * tests/bench/micro_lexical.c - our index of words beside SQLite's: IR=directory make
 * bench-lexical.
 *
 * The directory holds collections (tests/bench/collection.h); without one text is made up, and
 * only speed is measured.  First how good the rankings are,
 * with a paragraph cut where documents are long and each document at its best piece; then how
 * fast, on CHUNKS chunks of 100 words mixed from the texts.  Every FTS5 figure is of the same run;
 * times are CPU times of one thread.  RUNS=directory writes the rankings in TREC form.
 */
#include "tests/bench/fts.h"
#include "tests/bench/chunks.h"
#include "tests/bench/made.h"

#include "common/base/mem.h"
#include "common/rag/lexical.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNKS = 100000, RANKED_MAX = 1000, MERGED = 16 };

static const char *const names[] = { "codechunks", "docspages" };

/* ---- ours ---- */

struct ours {
	struct buf bytes;
	struct segment *segment;
	struct lexical_scratch *scratch;
};

static void build_into(struct buf *out, const struct chunk *list, size_t count, int64_t first_chunk,
		       bool with_head)
{
	struct segment_builder *builder = segment_builder_new();
	struct terms *terms = terms_new();

	for (size_t i = 0; i < count; i++) {
		struct lexical_row row = { .chunk = first_chunk + (int64_t)i,
					   .text = list[i].text,
					   .title = list[i].title,
					   .head = list[i].head };

		if (!with_head || row.head.ptr == row.text.ptr)
			row.head = SPAN_NONE;
		bench_must(lexical_add(builder, terms, &row, NULL) == 0, "a row does not fit");
	}
	bench_must(segment_builder_write(builder, out, NULL) == 0, "the segment does not fit");
	segment_builder_free(builder);
	terms_free(terms);
}

static void open_ours(struct ours *o)
{
	o->segment = segment_open(buf_span(&o->bytes), NULL);
	bench_must(o->segment != NULL, "the segment cannot be opened");
	o->scratch = lexical_scratch_new();
}

static void build_ours(struct ours *o, const struct chunks *p, bool with_head)
{
	buf_init(&o->bytes, SEGMENT_BYTES_MAX);
	build_into(&o->bytes, p->list, p->count, 1, with_head);
	open_ours(o);
}

static void free_ours(struct ours *o)
{
	lexical_scratch_free(o->scratch);
	segment_close(o->segment);
	buf_free(&o->bytes);
}

static size_t search_ours(void *data, const char *text, uint32_t *rows, size_t max)
{
	static struct lexical_hit hits[RANKED_MAX];
	struct ours *o = data;
	const struct segment *segments[] = { o->segment };
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };
	size_t count = lexical_search(&view, span_str(text), o->scratch, hits, max);

	for (size_t i = 0; i < count; i++)
		rows[i] = hits[i].row;
	return count;
}

/* ---- how good ---- */

typedef size_t search(void *data, const char *text, uint32_t *rows, size_t max);

static void judge(const char *name, const struct collection *c, const struct chunks *p, search *run,
		  void *data)
{
	struct quality sum = { 0 };
	const char *runs = getenv("RUNS");
	char *path = runs ? mem_printf("%s/%s.run", runs, name) : NULL;
	FILE *file = path ? fopen(path, "w") : NULL;
	bool *seen = mem_calloc(c->document_count, sizeof(*seen));

	for (size_t i = 0; i < c->query_count; i++) {
		static uint32_t rows[RANKED_MAX], ranked[RANKED_MAX];
		size_t count = run(data, c->queries[i].text, rows, RANKED_MAX), kept = 0;

		memset(seen, 0, c->document_count * sizeof(*seen));
		for (size_t j = 0; j < count; j++) {
			uint32_t document = p->list[rows[j]].document;

			if (!seen[document])
				ranked[kept++] = document;
			seen[document] = true;
		}
		quality_add(&sum, &c->queries[i], ranked, kept);
		for (size_t j = 0; file && j < kept; j++)
			fprintf(file, "%s Q0 %s %zu %zu %s\n", c->queries[i].id,
				c->documents[ranked[j]].id, j + 1, kept - j, "run");
	}
	quality_print(name, &sum, c->query_count);
	if (file)
		fclose(file);
	mem_free(seen);
	mem_free(path);
}

static void judge_all(const struct collection *c, const char *name)
{
	struct chunks p = { 0 };
	struct ours o;
	struct fts f = { 0 };

	chunks_cut(&p, c, strcmp(name, "codechunks") != 0);
	printf("\n%zu documents in %zu pieces, %zu queries\n", c->document_count, p.count,
	       c->query_count);
	quality_print(name, NULL, 0);
	fts_build(&f, &p);
	judge("FTS5 porter", c, &p, fts_search, &f);
	f.without_stops = true;
	judge("FTS5 porter, no stop words", c, &p, fts_search, &f);
	fts_free(&f);
	build_ours(&o, &p, false);
	judge("ours", c, &p, search_ours, &o);
	free_ours(&o);
	build_ours(&o, &p, true);
	judge("ours, with the head", c, &p, search_ours, &o);
	free_ours(&o);
	chunks_free(&p);
}

/* ---- how fast ---- */

static int compare_doubles(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

struct times {
	double p50, p95, build;
};

static void time_queries(struct times *t, const struct collection *c, size_t collections,
			 search *run, void *data)
{
	static double each[4096];
	static uint32_t rows[RANKED_MAX];
	size_t count = 0;

	for (size_t i = 0; i < collections; i++)
		for (size_t j = 0; j < c[i].query_count && count < ARRAY_LEN(each); j++) {
			double begin = bench_cpu_s();

			run(data, c[i].queries[j].text, rows, 50);
			each[count++] = bench_cpu_s() - begin;
		}
	qsort(each, count, sizeof(*each), compare_doubles);
	t->p50 = each[count / 2] * 1e3;
	t->p95 = each[count * 95 / 100] * 1e3;
}

static void print_merge(const struct chunks *p, size_t whole)
{
	struct buf parts[MERGED], out;
	const struct segment *segments[MERGED];
	struct segment *opened[MERGED];
	double begin;

	for (size_t i = 0; i < MERGED; i++) {
		size_t from = p->count * i / MERGED, to = p->count * (i + 1) / MERGED;

		buf_init(&parts[i], SEGMENT_BYTES_MAX);
		build_into(&parts[i], p->list + from, to - from, (int64_t)from + 1, false);
		opened[i] = segment_open(buf_span(&parts[i]), NULL);
		segments[i] = opened[i];
	}
	buf_init(&out, SEGMENT_BYTES_MAX);
	begin = bench_cpu_s();
	bench_must(segment_merge(segments, NULL, MERGED, &out, NULL) == 0,
		   "the segments cannot be merged");
	printf("merging %d segments into one: %.2f s; %s\n", MERGED, bench_cpu_s() - begin,
	       out.len == whole ? "as large as built at once" : "NOT as large as built at once");
	for (size_t i = 0; i < MERGED; i++) {
		segment_close(opened[i]);
		buf_free(&parts[i]);
	}
	buf_free(&out);
}

static void race(const struct collection *c, size_t collections)
{
	struct chunks p = { 0 };
	struct times ours, fts;
	struct buf text;
	struct fts f = { 0 };
	struct ours o;
	double begin;

	buf_init(&text, 1000 * MIB);
	chunks_mix(&p, c, collections, CHUNKS, &text);
	begin = bench_cpu_s();
	build_ours(&o, &p, false);
	ours.build = bench_cpu_s() - begin;
	begin = bench_cpu_s();
	fts_build(&f, &p);
	fts.build = bench_cpu_s() - begin;
	time_queries(&ours, c, collections, search_ours, &o);
	time_queries(&fts, c, collections, fts_search, &f);
	printf("\n%zu chunks, %.1f MB of text; our segment has %u terms and %.0f bytes a chunk\n",
	       p.count, (double)text.len / 1e6, (unsigned)segment_terms(o.segment),
	       (double)o.bytes.len / (double)p.count);
	printf("%-30s %10s %10s %10s\n", "", "ours", "FTS5", "ratio");
	printf("%-30s %10.3f %10.3f %10.1f\n", "query p50, ms", ours.p50, fts.p50,
	       fts.p50 / ours.p50);
	printf("%-30s %10.3f %10.3f %10.1f\n", "query p95, ms", ours.p95, fts.p95,
	       fts.p95 / ours.p95);
	printf("%-30s %10.2f %10.2f %10.1f\n", "building, s", ours.build, fts.build,
	       fts.build / ours.build);
	f.without_stops = true;
	time_queries(&fts, c, collections, fts_search, &f);
	printf("%-30s %10.3f %10.3f %10.1f\n", "p50, no stop words, ms", ours.p50, fts.p50,
	       fts.p50 / ours.p50);
	print_merge(&p, o.bytes.len);
	fts_free(&f);
	free_ours(&o);
	buf_free(&text);
	chunks_free(&p);
}

int main(int argc, char **argv)
{
	struct collection c[ARRAY_LEN(names)];
	const char *directory = argc > 1 ? argv[1] : getenv("IR");
	const char *rows = getenv("ROWS");

	if (!directory)
		rows = "speed";
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		made_or_loaded(&c[i], directory, names[i]);
	for (size_t i = 0; i < ARRAY_LEN(names) && (!rows || strstr(rows, "quality")); i++)
		judge_all(&c[i], names[i]);
	if (!rows || strstr(rows, "speed"))
		race(c, ARRAY_LEN(names));
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		collection_free(&c[i]);
	return 0;
}
