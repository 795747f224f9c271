/*
 * tests/bench/micro_retrieval.c - how good what is found is: IR=directory make bench-retrieval.
 *
 * The directory holds collections (tests/bench/collection.h) and the chunking set: texts, and
 * questions whose answers are ranges of them.  Documents are cut as the program cuts them, found by
 * words and latent space together, and count at their best piece; FTS5 has the same pieces, and
 * whole documents, too.  Of the chunking set the share of the answers' text is measured that is
 * in the passages sent within a budget.  Each figure stands beside its floor; one below its floor
 * fails.  HALVES=1: also for even and odd queries.  RUNS=directory: the rankings in TREC form.
 */
#include "tests/bench/fts.h"

#include "common/base/mem.h"
#include "common/rag/fusion.h"
#include "common/rag/latent.h"
#include "common/rag/measure.h"
#include "common/rag/passages.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { RANKED_MAX = 200, LINE_MAX_BYTES = 1 << 20, REFERENCES_MAX = 64, BUDGET = 4000 };

/* The best rows; scores (0..1, or all 0 when there are none). */
typedef size_t search(void *data, const char *text, uint32_t *rows, float *scores, size_t max);

/* ---- ours: one segment, and its space ---- */

struct index {
	struct buf bytes, space_bytes, row_bytes;
	struct segment *segment;
	struct latent_space *space;
	struct latent_rows *rows;
	struct lexical_scratch *lexical;
	struct latent_scratch *latent;
};

static void add_rows(struct index *x, const struct chunks *p)
{
	struct segment_builder *builder = segment_builder_new();
	struct terms *terms = terms_new();

	for (size_t i = 0; i < p->count; i++) {
		struct lexical_row row = { .chunk = (int64_t)i + 1,
					   .text = p->list[i].text,
					   .title = p->list[i].title,
					   .head = p->list[i].head };

		bench_must(lexical_add(builder, terms, &row, NULL) == 0, "a row does not fit");
	}
	buf_init(&x->bytes, SEGMENT_BYTES_MAX);
	bench_must(segment_builder_write(builder, &x->bytes, NULL) == 0, "no segment");
	segment_builder_free(builder);
	terms_free(terms);
	x->segment = segment_open(buf_span(&x->bytes), NULL);
	bench_must(x->segment != NULL, "the segment cannot be opened");
}

static void index_build(struct index *x, const struct chunks *p)
{
	const struct segment *segments[1];
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };

	add_rows(x, p);
	segments[0] = x->segment;
	buf_init(&x->space_bytes, SEGMENT_BYTES_MAX);
	buf_init(&x->row_bytes, SEGMENT_BYTES_MAX);
	bench_must(latent_build(&view, NULL, &x->space_bytes, NULL) == 1, "no space");
	x->space = latent_space_open(buf_span(&x->space_bytes), NULL);
	bench_must(latent_fold(x->space, x->segment, &x->row_bytes, NULL) == 0, "no rows");
	x->rows = latent_rows_open(x->space, x->segment, buf_span(&x->row_bytes), NULL);
	bench_must(x->rows != NULL, "the rows cannot be opened");
	x->lexical = lexical_scratch_new();
	x->latent = latent_scratch_new();
}

static void index_free(struct index *x)
{
	lexical_scratch_free(x->lexical);
	latent_scratch_free(x->latent);
	latent_rows_close(x->rows);
	latent_space_close(x->space);
	segment_close(x->segment);
	buf_free(&x->bytes);
	buf_free(&x->space_bytes);
	buf_free(&x->row_bytes);
}

struct found {
	uint32_t rows[RANKED_MAX];
	float scores[RANKED_MAX];
};

static size_t find_words(struct index *x, const char *text, struct found *f)
{
	struct lexical_hit hits[RANKED_MAX];
	const struct segment *segments[] = { x->segment };
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };
	size_t count = lexical_search(&view, span_str(text), x->lexical, hits, RANKED_MAX);

	for (size_t i = 0; i < count; i++) {
		f->rows[i] = hits[i].row;
		f->scores[i] = hits[i].score;
	}
	return count;
}

static size_t find_alike(struct index *x, const char *text, struct found *f)
{
	struct latent_hit hits[RANKED_MAX];
	const struct latent_rows *rows[] = { x->rows };
	const uint32_t firsts[] = { 0 };
	struct latent_view view = { .space = x->space, .rows = rows, .first = firsts, .count = 1 };
	size_t count = latent_search(&view, span_str(text), x->latent, hits, RANKED_MAX);

	for (size_t i = 0; i < count; i++) {
		f->rows[i] = hits[i].row;
		f->scores[i] = hits[i].score;
	}
	return count;
}

static size_t search_ours(void *data, const char *text, uint32_t *rows, float *scores, size_t max)
{
	struct fusion_weights weights = fusion_weigh(0, true);
	struct fusion_hit hits[2 * RANKED_MAX];
	struct found words, alike;
	struct fusion_list lists[] = {
		{ words.rows, words.scores, find_words(data, text, &words), weights.lexical,
		  true },
		{ alike.rows, alike.scores, find_alike(data, text, &alike), weights.latent,
		  false },
	};
	size_t count = fusion_merge(FUSION_CONVEX, lists, ARRAY_LEN(lists), hits, max);

	for (size_t i = 0; i < count; i++) {
		rows[i] = hits[i].row;
		scores[i] = hits[i].score;
	}
	return count;
}

static size_t search_words(void *data, const char *text, uint32_t *rows, float *scores, size_t max)
{
	struct found words;
	size_t count = find_words(data, text, &words);

	count = count < max ? count : max;
	memcpy(rows, words.rows, count * sizeof(*rows));
	memset(scores, 0, count * sizeof(*scores));
	return count;
}

static size_t search_fts(void *data, const char *text, uint32_t *rows, float *scores, size_t max)
{
	memset(scores, 0, max * sizeof(*scores));
	return fts_search(data, text, rows, max);
}

/* ---- rankings ---- */

static bool has_failed;

static void check_floor(const char *what, double value, double floor)
{
	printf("%-44s %8.4f   floor %.2f%s\n", what, value, floor, value < floor ? "   BELOW" : "");
	has_failed |= value < floor;
}

static int compare_documents(const void *a, const void *b)
{
	const struct trec_judgement *x = a, *y = b;

	return trec_compare(x->document, y->document);
}

static void measure_query(const struct collection *c, const struct query *q,
			  const struct span *documents, size_t count, struct measure *out)
{
	struct trec_judgement *list = mem_calloc(q->judged_count, sizeof(*list));

	for (size_t i = 0; i < q->judged_count; i++) {
		list[i].document = span_str(c->documents[q->judged[i].document].id);
		list[i].relevance = q->judged[i].relevance;
	}
	qsort(list, q->judged_count, sizeof(*list), compare_documents);
	measure_ranking((struct measure_judged){ list, q->judged_count }, documents, count, out);
	mem_free(list);
}

static void print_row(const char *name, const struct measure *sum, size_t queries)
{
	struct measure mean = measure_mean(sum, queries);

	printf("%-30s", name);
	for (size_t i = 0; measure_name(i); i++)
		printf(" %10.4f", measure_value(&mean, i));
	printf("\n");
}

static void write_run(const char *name, const struct buf *run)
{
	char *path = mem_printf("%s/%s.run", getenv("RUNS"), name);
	FILE *file = fopen(path, "w");

	bench_must(file != NULL, "the ranking cannot be written");
	fputs(buf_str(run), file);
	fclose(file);
	mem_free(path);
}

static struct measure judge(const char *name, const struct collection *c, const struct chunks *p,
			    search *run, void *data)
{
	struct measure sums[2] = { { 0 } }, one;
	size_t halves[] = { (c->query_count + 1) / 2, c->query_count / 2 };
	struct buf out;

	buf_init(&out, 1000 * MIB);
	for (size_t i = 0; i < c->query_count; i++) {
		uint32_t rows[RANKED_MAX];
		float scores[RANKED_MAX];
		struct span documents[RANKED_MAX];
		size_t count = run(data, c->queries[i].text, rows, scores, RANKED_MAX);

		for (size_t j = 0; j < count; j++) {
			documents[j] = span_str(c->documents[p->list[rows[j]].document].id);
			trec_write_hit(&out, span_str(c->queries[i].id), documents[j], j + 1,
				       (double)(count - j), "bench");
		}
		measure_query(c, &c->queries[i], documents, count, &one);
		measure_add(&sums[i % 2], &one);
	}
	if (getenv("HALVES")) {
		print_row("  even queries", &sums[0], halves[0]);
		print_row("  odd queries", &sums[1], halves[1]);
	}
	measure_add(&sums[0], &sums[1]);
	print_row(name, &sums[0], c->query_count);
	if (getenv("RUNS"))
		write_run(name, &out);
	buf_free(&out);
	return measure_mean(&sums[0], c->query_count);
}

static void print_head(const char *name, const struct collection *c, const struct chunks *p)
{
	printf("\n%zu documents in %zu pieces, %zu queries\n%-30s", c->document_count, p->count,
	       c->query_count, name);
	for (size_t i = 0; measure_name(i); i++)
		printf(" %10s", measure_name(i));
	printf("\n");
}

static struct measure judge_fts(const char *name, const struct collection *c,
				const struct chunks *p)
{
	struct fts f = { 0 };
	struct measure m;

	fts_build(&f, p);
	m = judge(name, c, p, search_fts, &f);
	fts_free(&f);
	return m;
}

struct pair {
	struct measure ours, fts;
};

static struct pair judge_all(const struct collection *c, const char *name, bool is_cut)
{
	struct chunks p = { 0 }, whole = { 0 };
	struct index x = { 0 };
	struct pair result;

	chunks_cut(&p, c, is_cut);
	chunks_cut(&whole, c, false);
	print_head(name, c, &p);
	result.fts = judge_fts("FTS5 porter, whole documents", c, &whole);
	if (is_cut)
		judge_fts("FTS5 porter, our pieces", c, &p);
	index_build(&x, &p);
	judge("ours, words", c, &p, search_words, &x);
	result.ours = judge("ours, words and space", c, &p, search_ours, &x);
	index_free(&x);
	chunks_free(&p);
	chunks_free(&whole);
	return result;
}

static struct pair judge_named(const char *directory, const char *name, bool is_cut)
{
	char *path = mem_printf("%s/%s", directory, name);
	struct collection c;
	struct pair result;

	collection_load(&c, path);
	result = judge_all(&c, name, is_cut);
	collection_free(&c);
	mem_free(path);
	return result;
}

static void judge_rankings(const char *directory)
{
	struct pair code = judge_named(directory, "codechunks", false);
	struct pair pages = judge_named(directory, "docspages", true);

	printf("\n");
	check_floor("mean nDCG@10, ours / FTS5 porter",
		    (code.ours.ndcg10 + pages.ours.ndcg10) / (code.fts.ndcg10 + pages.fts.ndcg10),
		    1.12);
	check_floor("codechunks recall@10", code.ours.recall10, .87);
	check_floor("docspages recall@3", pages.ours.recall3, .70);
	check_floor("docspages MRR@3", pages.ours.mrr3, .86);
}

/* ---- the chunking set ---- */

static const char *const corpora[] = { "chatlogs", "finance", "pubmed", "state_of_the_union",
				       "wikitexts" };

struct question {
	char *text;
	size_t corpus;
	size_t references[REFERENCES_MAX][2]; /* characters */
	size_t reference_count;
};

struct questions {
	struct question *list;
	size_t count;
};

static gzFile open_file(const char *directory, const char *name, const char *end)
{
	char *path = mem_printf("%s/chunking/%s%s", directory, name, end);
	gzFile file = gzopen(path, "rb");

	bench_must(file != NULL, path);
	mem_free(path);
	return file;
}

static void load_corpora(struct collection *c, const char *directory)
{
	c->documents = mem_calloc(ARRAY_LEN(corpora), sizeof(*c->documents));
	for (size_t i = 0; i < ARRAY_LEN(corpora); i++) {
		char *name = mem_printf("corpora/%s", corpora[i]), bytes[4096];
		gzFile file = open_file(directory, name, ".md.gz");
		struct buf text;
		int got;

		buf_init(&text, 100 * MIB);
		while ((got = gzread(file, bytes, sizeof(bytes))) > 0)
			buf_add(&text, bytes, (size_t)got);
		gzclose(file);
		c->documents[c->document_count++] =
			(struct document){ mem_strdup(corpora[i]), mem_strdup(""),
					   buf_take(&text) };
		mem_free(name);
	}
}

static void add_question(struct questions *all, const char *line)
{
	json_t *object = json_loads(line, 0, NULL), *references, *range;
	const char *text = json_string_value(json_object_get(object, "text"));
	const char *corpus = json_string_value(json_object_get(object, "corpus"));
	struct question *q;
	size_t i;

	bench_must(text && corpus, "a question has no text or corpus");
	all->list = mem_realloc(all->list, (all->count + 1) * sizeof(*all->list));
	q = &all->list[all->count++];
	*q = (struct question){ .text = mem_strdup(text) };
	while (q->corpus < ARRAY_LEN(corpora) && strcmp(corpora[q->corpus], corpus) != 0)
		q->corpus++;
	bench_must(q->corpus < ARRAY_LEN(corpora), "a question's corpus is not there");
	references = json_object_get(object, "refs");
	json_array_foreach(references, i, range)
	{
		size_t *to = q->references[q->reference_count++];

		to[0] = (size_t)json_integer_value(json_array_get(range, 0));
		to[1] = (size_t)json_integer_value(json_array_get(range, 1));
		bench_must(q->reference_count < REFERENCES_MAX, "too many references");
	}
	json_decref(object);
}

static void load_questions(struct questions *all, const char *directory)
{
	char *line = mem_alloc(LINE_MAX_BYTES);
	gzFile file = open_file(directory, "questions", ".jsonl");

	while (gzgets(file, line, LINE_MAX_BYTES))
		add_question(all, line);
	gzclose(file);
	mem_free(line);
}

static struct span give_text(void *data, const struct passage *piece)
{
	const struct collection *c = data;

	return span_of(c->documents[piece->document].text + piece->start,
		       piece->end - piece->start);
}

/* The share of the references' characters that is in the passages. */
static double covered(const struct question *q, const struct passage *list, size_t count)
{
	size_t want = 0, hit = 0;

	for (size_t r = 0; r < q->reference_count; r++) {
		size_t first = q->references[r][0], last = q->references[r][1];

		want += last - first;
		for (size_t i = 0; i < count; i++) {
			size_t from = list[i].chars_start > first ? list[i].chars_start : first;
			size_t to = list[i].chars_end < last ? list[i].chars_end : last;

			if (list[i].document == (int64_t)q->corpus && to > from)
				hit += to - from;
		}
	}
	return (double)hit / (double)want;
}

static double recall_in(size_t budget, struct collection *c, const struct chunks *p,
			const struct questions *all, search *run, void *data)
{
	struct passages_wish wish = { budget, give_text, c };
	double sums[2] = { 0, 0 };

	for (size_t i = 0; i < all->count; i++) {
		uint32_t rows[RANKED_MAX];
		float scores[RANKED_MAX];
		struct passage ranked[RANKED_MAX], sent[RANKED_MAX];
		size_t count = run(data, all->list[i].text, rows, scores, RANKED_MAX);

		for (size_t j = 0; j < count; j++) {
			const struct chunk *k = &p->list[rows[j]];

			ranked[j] = (struct passage){ .document = k->document,
						      .start = k->start,
						      .end = k->end,
						      .chars_start = k->chars_start,
						      .chars_end = k->chars_end,
						      .score = scores[j] };
		}
		count = passages_fill(ranked, count, &wish, sent, RANKED_MAX);
		sums[i % 2] += covered(&all->list[i], sent, count);
	}
	if (getenv("HALVES"))
		printf("  even %.4f odd %.4f\n", sums[0] / (double)((all->count + 1) / 2),
		       sums[1] / (double)(all->count / 2));
	return (sums[0] + sums[1]) / (double)all->count;
}

static void judge_chunking(const char *directory)
{
	static const size_t budgets[] = { 2000, BUDGET, 8000 };
	struct collection c = { 0 };
	struct questions all = { 0 };
	struct chunks p = { 0 };
	struct index x = { 0 };
	struct fts f = { 0 };
	double ours[ARRAY_LEN(budgets)];

	load_corpora(&c, directory);
	load_questions(&all, directory);
	chunks_cut(&p, &c, true);
	index_build(&x, &p);
	fts_build(&f, &p);
	printf("\n%zu pieces, %zu questions\n%-30s %10s %10s\n", p.count, all.count,
	       "chunking: recall within", "FTS5", "ours");
	for (size_t i = 0; i < ARRAY_LEN(budgets); i++) {
		double fts = recall_in(budgets[i], &c, &p, &all, search_fts, &f);

		ours[i] = recall_in(budgets[i], &c, &p, &all, search_ours, &x);
		printf("%-6zu %-23s %10.4f %10.4f\n", budgets[i], "characters", fts, ours[i]);
	}
	check_floor("chunking: recall within 4000 characters", ours[1], .87);
	for (size_t i = 0; i < all.count; i++)
		mem_free(all.list[i].text);
	mem_free(all.list);
	fts_free(&f);
	index_free(&x);
	chunks_free(&p);
	collection_free(&c);
}

int main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : getenv("IR");

	if (!directory) {
		printf("no collections: say where they are, IR=directory make bench-retrieval\n");
		return 0;
	}
	judge_rankings(directory);
	judge_chunking(directory);
	return has_failed;
}
