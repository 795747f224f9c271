/*
 * tests/bench/micro_million.c - very many vectors through the database: made, coded, grouped, asked.
 *
 *   micro_million make DIR     an index of them, with text, as the gateway makes it: one thread puts
 *                              vectors while another tends
 *   micro_million ask DIR      questions to it, from a cold start, and what they found of what is right
 *   micro_million              both, in a directory of its own
 *
 * CHUNKS (1,000,000), DIM (256) and QUESTIONS (1,000) in the environment make it smaller or larger.
 */
#include "tests/bench/chunks.h"
#include "tests/bench/made.h"
#include "tests/bench/vectors.h"

#include "common/base/mem.h"
#include "common/rag/retrieve.h"
#include "common/rag/snapshot.h"
#include "common/rag/vector.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	DOCUMENT_WORDS = 400,
	CHUNK_TARGET = 120, /* characters: what is measured is vectors */
	PUT = 500,
	BATCH = 1000,
	VECTORS_STEP = 20000, /* made at once; each step has its own seed */
	TOP = VECTORS_NEAREST,
	JUDGED = 100, /* questions whose right answers are looked for */
	TOPICS = 5000,
};

static const struct span tenant = SPAN_INIT("bench"), docs = SPAN_INIT("docs"),
			 model = SPAN_INIT("made");

static void must(bool holds, const struct err *err)
{
	bench_must(holds, err->message);
}

static size_t number(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 10) : otherwise;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_ms(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
	       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3;
}

static double peak_mib(void)
{
	struct rusage used;

	getrusage(RUSAGE_SELF, &used);
	return (double)used.ru_maxrss / 1024;
}

static size_t dimensions(void)
{
	size_t count = number("DIM", 256);

	bench_must(count > 0 && count <= VECTORS_DIMENSIONS && count % 8 == 0,
		   "DIM is a multiple of 8, at most 768");
	return count;
}

static struct rag_index_info look(struct rag *r, struct arena *a)
{
	struct rag_index_info info;
	struct err err = ERR_INIT;

	arena_reset(a);
	must(rag_index_get(r, tenant, docs, a, &info, &err) == 0, &err);
	return info;
}

/* ---- vectors ---- */

struct source {
	size_t dimensions, step;
	float *vectors;
};

/* Of the chunk with that id. */
static const float *vector_of(struct source *s, int64_t chunk)
{
	size_t row = (size_t)chunk - 1, step = row / VECTORS_STEP + 1;

	if (step != s->step) {
		mem_free(s->vectors);
		s->vectors = vectors_make(VECTORS_STEP, step + 10);
		s->step = step;
	}
	return s->vectors + row % VECTORS_STEP * VECTORS_DIMENSIONS;
}

/* ---- making ---- */

static void put_some(struct rag *r, struct made *made, size_t from, struct buf *texts)
{
	struct rag_document_in list[PUT];
	struct rag_put_result results[PUT];
	struct err err = ERR_INIT;
	static char names[PUT][32];
	struct arena a;

	arena_init(&a, 256 * MIB);
	for (size_t i = 0; i < PUT; i++) {
		buf_clear(&texts[i]);
		made_text(made, (from + i) % TOPICS, DOCUMENT_WORDS, &texts[i]);
		snprintf(names[i], sizeof(names[i]), "document/%zu", from + i);
		list[i] = (struct rag_document_in){ .name = span_str(names[i]),
						    .type = SPAN_LIT("text/plain"),
						    .content = buf_span(&texts[i]),
						    .mtime_us = -1 };
	}
	/* Who tends may have been in between for long, on a machine with much to do. */
	while (rag_put(r, tenant, docs, NULL, list, PUT, &a, results, &err) < 0) {
		must(err.code == E_overloaded, &err);
		err_clear(&err);
	}
	arena_clear(&a);
}

static void put_all(struct rag *r, int64_t chunks, struct arena *a)
{
	struct buf *texts = mem_calloc(PUT, sizeof(*texts));
	struct made *made = made_new(2);

	for (size_t i = 0; i < PUT; i++)
		buf_init(&texts[i], MIB);
	for (size_t from = 0; look(r, a).chunks < chunks; from += PUT)
		put_some(r, made, from, texts);
	for (size_t i = 0; i < PUT; i++)
		buf_free(&texts[i]);
	mem_free(texts);
	made_free(made);
}

struct tending {
	struct rag *rag;
	atomic_bool is_over; /* nothing more comes */
};

static void *tend(void *arg)
{
	struct tending *t = arg;

	for (;;) {
		bool was_over = atomic_load(&t->is_over);
		struct err err = ERR_INIT;

		if (rag_tend(t->rag, tenant, docs, &err) ||
		    rag_tend(t->rag, tenant, SPAN_NONE, &err))
			continue;
		must(err.code == E_none || err.code == E_overloaded, &err);
		if (was_over)
			return NULL;
		usleep(10000);
	}
}

static void embed_all(struct rag *r, size_t dimensions)
{
	struct rag_pending *pending = mem_calloc(BATCH, sizeof(*pending));
	float *vectors = mem_calloc(BATCH * dimensions, sizeof(*vectors));
	struct source source = { .dimensions = dimensions };
	struct err err = ERR_INIT;
	size_t count;
	struct arena a;

	arena_init(&a, 64 * MIB);
	for (;;) {
		arena_reset(&a);
		if (rag_pending(r, tenant, docs, model, 0, &a, pending, BATCH, 16 << 20, &count,
				&err) < 0) {
			must(err.code == E_overloaded, &err);
			err_clear(&err);
			continue;
		}
		if (count == 0)
			break;
		for (size_t i = 0; i < count; i++)
			memcpy(vectors + i * dimensions, vector_of(&source, pending[i].chunk),
			       dimensions * sizeof(*vectors));
		/* What is not kept is wanted again. */
		if (rag_vectors_put(r, tenant, docs, model, pending, count, vectors, dimensions,
				    &err) < 0) {
			must(err.code == E_overloaded, &err);
			err_clear(&err);
		}
	}
	arena_clear(&a);
	mem_free(source.vectors);
	mem_free(vectors);
	mem_free(pending);
}

static void make(const char *dir)
{
	const struct rag_config config = { .chunk_target = CHUNK_TARGET };
	struct rag *r = bench_open_rag(dir);
	struct tending t = { .rag = r };
	struct rag_index_info info;
	struct err err = ERR_INIT;
	double began = now_s(), before;
	pthread_t thread;
	struct arena a;

	arena_init(&a, MIB);
	must(rag_index_create(r, tenant, docs, &config, &err) == 0, &err);
	bench_must(pthread_create(&thread, NULL, tend, &t) == 0, "no thread");
	put_all(r, (int64_t)number("CHUNKS", 1000000), &a);
	printf("texts: %.1f s\n", now_s() - began);
	fflush(stdout);
	before = now_s();
	embed_all(r, dimensions());
	printf("vectors: %.1f s\n", now_s() - before);
	fflush(stdout);
	before = now_s();
	atomic_store(&t.is_over, true);
	pthread_join(thread, NULL);
	info = look(r, &a);
	printf("tended: %.1f s more; %.1f s in all\n", now_s() - before, now_s() - began);
	printf("chunks %lld, vectors %lld, text %.0f B a chunk, disk %.0f B a chunk, peak memory "
	       "%.0f MiB\n",
	       (long long)info.chunks, (long long)info.vectors,
	       (double)info.bytes / (double)info.chunks, (double)info.size / (double)info.chunks,
	       peak_mib());
	rag_close(r);
	arena_clear(&a);
}

/* ---- asking ---- */

struct asking {
	struct rag *rag;
	size_t dimensions, count;
	float *vectors;                /* of the questions */
	char (*texts)[128];
	int64_t (*found)[TOP];         /* of the judged ones, as rows */
	double *took_ms, *cpu_ms;      /* by question: elapsed, and of this thread */
};

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void prepare(struct asking *k)
{
	struct made *made = made_new(3);
	struct buf text;

	k->vectors = vectors_make(k->count, 1);
	k->texts = mem_calloc(k->count, sizeof(*k->texts));
	k->found = mem_calloc(JUDGED, sizeof(*k->found));
	k->took_ms = mem_calloc(k->count, sizeof(*k->took_ms));
	k->cpu_ms = mem_calloc(k->count, sizeof(*k->cpu_ms));
	buf_init(&text, MIB);
	for (size_t i = 0; i < k->count; i++) {
		buf_clear(&text);
		made_question(made, i * 37 % TOPICS, &text);
		snprintf(k->texts[i], sizeof(k->texts[i]), "%s", buf_str(&text));
	}
	buf_free(&text);
	made_free(made);
}

static void ask_one(struct asking *k, size_t i, enum retrieve_mode mode, struct arena *a,
		    struct retrieve_answer *answer)
{
	const struct retrieve_question q = { .text = span_str(k->texts[i]),
					     .top_k = TOP,
					     .mode = mode,
					     .dense_weight = NAN,
					     .vector = k->vectors + i * VECTORS_DIMENSIONS,
					     .dimensions = k->dimensions,
					     .model = model };
	struct err err = ERR_INIT;

	arena_reset(a);
	must(retrieve(k->rag, tenant, docs, &q, a, answer, &err) == 0, &err);
	bench_must(answer->mode == mode, "another mode was used");
}

/* On a machine that others use, too, the time of the thread says more. */
static void print_times(const char *what, struct asking *k)
{
	size_t middle = k->count / 2, late = k->count * 99 / 100;

	qsort(k->took_ms, k->count, sizeof(*k->took_ms), by_value);
	qsort(k->cpu_ms, k->count, sizeof(*k->cpu_ms), by_value);
	printf("%-28s p50 %7.3f ms, p99 %7.3f ms; of CPU p50 %7.3f ms, p99 %7.3f ms\n", what,
	       k->took_ms[middle], k->took_ms[late], k->cpu_ms[middle], k->cpu_ms[late]);
	fflush(stdout);
}

static void measure(struct asking *k, const char *what, enum retrieve_mode mode, struct arena *a)
{
	struct retrieve_answer answer;

	for (size_t i = 0; i < k->count; i++) {
		double before = now_s(), before_cpu = vectors_cpu_s();

		ask_one(k, i, mode, a, &answer);
		k->took_ms[i] = (now_s() - before) * 1e3;
		k->cpu_ms[i] = (vectors_cpu_s() - before_cpu) * 1e3;
		for (size_t h = 0; h < TOP && i < JUDGED && mode == RETRIEVE_DENSE; h++)
			k->found[i][h] = h < answer.count
						 ? answer.hits[h].document.first_chunk +
							   answer.hits[h].chunk - 1
						 : -1;
	}
	print_times(what, k);
}

/* The vectors alone, of the same snapshot. */
static void measure_search(struct asking *k)
{
	struct vector_hit hits[TOP];
	struct err err = ERR_INIT;
	struct rag_view v;

	must(rag_view_open(k->rag, tenant, docs, &v, &err) == 0, &err);
	for (size_t i = 0; i < k->count; i++) {
		const struct snapshot_vectors *s = v.snapshot->vectors;
		const struct vector_view view = { .blocks = s->blocks,
						  .count = s->count,
						  .dead = s->dead,
						  .partition = s->partition,
						  .exact = rag_view_exact,
						  .data = &v };
		double before = now_s(), before_cpu = vectors_cpu_s();

		vector_search(s->space, &view, k->vectors + i * VECTORS_DIMENSIONS, 0, hits, TOP);
		k->took_ms[i] = (now_s() - before) * 1e3;
		k->cpu_ms[i] = (vectors_cpu_s() - before_cpu) * 1e3;
	}
	print_times("vector_search", k);
	printf("%zu blocks, %s\n", v.snapshot->vectors->count,
	       v.snapshot->vectors->partition ? "grouped" : "flat");
	rag_view_close(&v);
}

/* Rows that are nearest, over all there are: the best TOP of each question. */
struct best {
	float scores[TOP];
	int64_t rows[TOP];
};

static void offer(struct best *b, float score, int64_t row)
{
	size_t at = TOP - 1;

	if (score <= b->scores[at])
		return;
	for (; at > 0 && b->scores[at - 1] < score; at--) {
		b->scores[at] = b->scores[at - 1];
		b->rows[at] = b->rows[at - 1];
	}
	b->scores[at] = score;
	b->rows[at] = row;
}

static float length_of(const float *v, size_t dimensions)
{
	float sum = 0;

	for (size_t i = 0; i < dimensions; i++)
		sum += v[i] * v[i];
	return sqrtf(sum);
}

static float product(const float *a, const float *b, size_t dimensions)
{
	float sums[8] = { 0 };

	for (size_t i = 0; i < dimensions; i += 8)
		for (size_t j = 0; j < 8; j++)
			sums[j] += a[i + j] * b[i + j];
	return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

static void judge(const struct asking *k, int64_t chunks)
{
	struct source source = { .dimensions = k->dimensions };
	struct best *best = mem_calloc(JUDGED, sizeof(*best));
	size_t common = 0;

	for (size_t q = 0; q < JUDGED; q++)
		for (size_t i = 0; i < TOP; i++)
			best[q].scores[i] = -2;
	for (int64_t row = 0; row < chunks; row++) {
		const float *v = vector_of(&source, row + 1);
		float length = length_of(v, k->dimensions);

		for (size_t q = 0; q < JUDGED; q++)
			offer(&best[q],
			      product(v, k->vectors + q * VECTORS_DIMENSIONS, k->dimensions) / length,
			      row);
	}
	for (size_t q = 0; q < JUDGED; q++)
		common += vectors_common(best[q].rows, k->found[q], TOP);
	printf("recall@%d %.4f\n", TOP, (double)common / (JUDGED * TOP));
	mem_free(best);
	mem_free(source.vectors);
}

static void ask(const char *dir)
{
	struct asking k = { .dimensions = dimensions(), .count = number("QUESTIONS", 1000) };
	struct retrieve_answer answer;
	struct arena a, info;
	double before, before_cpu;

	arena_init(&a, 64 * MIB);
	arena_init(&info, MIB);
	prepare(&k);
	before = now_s();
	before_cpu = cpu_ms();
	k.rag = bench_open_rag(dir);
	ask_one(&k, 0, RETRIEVE_HYBRID, &a, &answer);
	printf("cold start to the first answer %.0f ms, %.0f ms of CPU, peak memory %.0f MiB\n",
	       (now_s() - before) * 1e3, cpu_ms() - before_cpu, peak_mib());
	measure(&k, "retrieve, dense, first round", RETRIEVE_DENSE, &a);
	measure(&k, "retrieve, dense", RETRIEVE_DENSE, &a);
	measure(&k, "retrieve, lexical", RETRIEVE_LEXICAL, &a);
	measure(&k, "retrieve, hybrid", RETRIEVE_HYBRID, &a);
	measure_search(&k);
	if (k.count >= JUDGED)
		judge(&k, look(k.rag, &info).chunks);
	rag_close(k.rag);
	arena_clear(&a);
	arena_clear(&info);
	mem_free(k.vectors);
	mem_free(k.texts);
	mem_free(k.found);
	mem_free(k.took_ms);
	mem_free(k.cpu_ms);
}

static bool run(const char *self, const char *what, const char *dir)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		execl(self, self, what, dir, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

int main(int argc, char **argv)
{
	char dir[] = "/var/tmp/spass-million-XXXXXX";
	char *command;
	bool made, asked;

	if (argc == 3 && strcmp(argv[1], "make") == 0) {
		make(argv[2]);
	} else if (argc == 3 && strcmp(argv[1], "ask") == 0) {
		ask(argv[2]);
	} else {
		bench_must(mkdtemp(dir) != NULL, dir);
		made = run(argv[0], "make", dir);
		asked = made && run(argv[0], "ask", dir);
		command = mem_printf("rm -rf %s", dir);
		bench_must(system(command) == 0, command);
		mem_free(command);
		bench_must(made, "it could not be made");
		bench_must(asked, "it could not be asked");
	}
	return 0;
}
