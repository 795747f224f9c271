/*
 * tests/bench/micro_rag.c - what the rows of retrieval (rows_rag.sh) are measured with.
 *
 *   micro_rag files DIR COUNT WORDS [TOPIC]    files of text that is made up (made.h)
 *   micro_rag questions DIR COUNT              bodies of requests that ask for it
 *   micro_rag index DIR TENANT CHUNKS          an index "docs" of them, as the gateway keeps it;
 *                                              prints its bytes a chunk
 *   micro_rag visible DIR TENANT ROUNDS        from commit to an answer with it, here and in
 *                                              another process
 *   micro_rag run ROUNDS COMMAND...            medians of elapsed and CPU time of a command
 */
#include "tests/bench/chunks.h"
#include "tests/bench/made.h"

#include "common/base/file.h"
#include "common/base/mem.h"
#include "common/rag/retrieve.h"
#include "common/rag/snapshot.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PUT = 1000, CHUNK_WORDS = 105, DOCUMENT_CHUNKS = 10, TOPICS = 5000, ROUNDS_MAX = 1000 };

static void must(bool holds, const struct err *err)
{
	bench_must(holds, err->message);
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *list, size_t count)
{
	qsort(list, count, sizeof(*list), by_value);
	return list[count / 2];
}

/* ---- files ---- */

static void write_file(const char *path, const struct buf *text)
{
	FILE *file = fopen(path, "w");

	bench_must(file && fwrite(text->ptr, 1, text->len, file) == text->len && fclose(file) == 0,
		   path);
}

/* 100 a directory. */
static void make_files(const char *dir, size_t count, size_t words, uint64_t topic)
{
	struct made *m = made_new(topic + 1);
	struct buf text;

	buf_init(&text, 64 * MIB);
	mkdir(dir, 0700);
	for (size_t i = 0; i < count; i++) {
		char *below = mem_printf("%s/%zu", dir, i / 100);
		char *path = mem_printf("%s/%zu.txt", below, i % 100);

		buf_clear(&text);
		made_text(m, topic + i, words, &text);
		if (i % 100 == 0)
			bench_must(mkdir(below, 0700) == 0, below);
		write_file(path, &text);
		mem_free(path);
		mem_free(below);
	}
	buf_free(&text);
	made_free(m);
}

static void make_questions(const char *dir, size_t count)
{
	struct made *m = made_new(3);
	struct buf text;

	buf_init(&text, MIB);
	mkdir(dir, 0700);
	for (size_t i = 0; i < count; i++) {
		char *path = mem_printf("%s/%zu", dir, i);

		buf_clear(&text);
		buf_add_str(&text, "{\"query\":\"");
		made_question(m, i * 37 % TOPICS, &text);
		buf_add_str(&text, "\"}");
		write_file(path, &text);
		mem_free(path);
	}
	buf_free(&text);
	made_free(m);
}

/* ---- an index ---- */

struct batch {
	struct made *made;
	struct buf texts[PUT];
	char names[PUT][32];
	struct rag_document_in list[PUT];
};

static void fill(struct batch *b, size_t from, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		buf_clear(&b->texts[i]);
		made_text(b->made, (from + i) % TOPICS, CHUNK_WORDS * DOCUMENT_CHUNKS,
			  &b->texts[i]);
		snprintf(b->names[i], sizeof(b->names[i]), "document/%zu", from + i);
		b->list[i] = (struct rag_document_in){ .name = span_str(b->names[i]),
						       .type = SPAN_LIT("text/plain"),
						       .content = buf_span(&b->texts[i]),
						       .mtime_us = -1 };
	}
}

static void put(struct rag *r, struct span tenant, const struct rag_document_in *list, size_t count)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_put_result *results = mem_calloc(count, sizeof(*results));
	struct err err = ERR_INIT;
	struct arena a;

	arena_init(&a, 256 * MIB);
	must(rag_put(r, tenant, SPAN_LIT("docs"), &how, list, count, &a, results, &err) == 0, &err);
	for (size_t i = 0; i < count; i++)
		must(results[i].what != RAG_FAILED, &results[i].err);
	arena_clear(&a);
	mem_free(results);
}

static struct rag_index_info look(struct rag *r, struct span tenant, struct arena *a)
{
	struct rag_index_info info;
	struct err err = ERR_INIT;

	must(rag_index_get(r, tenant, SPAN_LIT("docs"), a, &info, &err) == 0, &err);
	return info;
}

static void make_index(const char *dir, struct span tenant, int64_t chunks)
{
	struct batch *b = mem_new(struct batch);
	struct rag *r = bench_open_rag(dir);
	struct rag_index_info info = { 0 };
	struct err err = ERR_INIT;
	struct rag_view v;
	struct arena a;

	arena_init(&a, MIB);
	b->made = made_new(2);
	for (size_t i = 0; i < PUT; i++)
		buf_init(&b->texts[i], MIB);
	for (size_t from = 0; info.chunks < chunks; from += PUT) {
		fill(b, from, PUT);
		put(r, tenant, b->list, PUT);
		info = look(r, tenant, &a);
	}
	while (rag_tend(r, tenant, SPAN_LIT("docs"), &err) || rag_tend(r, tenant, SPAN_NONE, &err))
		;
	must(err.code == E_none, &err);
	info = look(r, tenant, &a);
	must(rag_view_open(r, tenant, SPAN_LIT("docs"), &v, &err) == 0, &err);
	printf("chunks=%lld text=%.0f disk=%.0f memory=%.0f segments=%lld\n",
	       (long long)info.chunks, (double)info.bytes / (double)info.chunks,
	       (double)info.size / (double)info.chunks,
	       (double)v.snapshot->bytes / (double)info.chunks, (long long)info.segments);
	rag_view_close(&v);
	rag_close(r);
	arena_clear(&a);
	for (size_t i = 0; i < PUT; i++)
		buf_free(&b->texts[i]);
	made_free(b->made);
	mem_free(b);
}

/* ---- visible ---- */

static bool finds(struct rag *r, struct span tenant, size_t round)
{
	struct retrieve_answer answer;
	struct err err = ERR_INIT;
	char text[64], name[32];
	struct retrieve_question q = { .top_k = 5, .dense_weight = NAN };
	struct arena a;
	bool found;

	snprintf(text, sizeof(text), "where is novelty%zu told", round);
	snprintf(name, sizeof(name), "new/%zu", round);
	q.text = span_str(text);
	arena_init(&a, 64 * MIB);
	must(retrieve(r, tenant, SPAN_LIT("docs"), &q, &a, &answer, &err) == 0, &err);
	found = answer.count > 0 && span_is(answer.hits[0].document.name, name);
	arena_clear(&a);
	return found;
}

/* A byte comes when something is committed; one goes back when it has been found. */
static void answer_all(const char *dir, struct span tenant, int in, int out)
{
	struct rag *r = bench_open_rag(dir);
	char byte;

	finds(r, tenant, ROUNDS_MAX);
	for (size_t round = 0; read(in, &byte, 1) == 1; round++) {
		byte = finds(r, tenant, round);
		bench_must(write(out, &byte, 1) == 1, "nobody listens");
	}
	rag_close(r);
}

static void commit_one(struct rag *r, struct span tenant, size_t round)
{
	char text[256], name[32];
	struct rag_document_in d = { .type = SPAN_LIT("text/plain"), .mtime_us = -1 };

	snprintf(text, sizeof(text),
		 "This is where novelty%zu is told, once and for all, and nothing else is new.\n",
		 round);
	snprintf(name, sizeof(name), "new/%zu", round);
	d.name = span_str(name);
	d.content = span_str(text);
	put(r, tenant, &d, 1);
}

static void measure_visible(const char *dir, struct span tenant, size_t rounds)
{
	static double here[ROUNDS_MAX], there[ROUNDS_MAX];
	int to[2], from[2];
	struct rag *r;
	pid_t pid;

	bench_must(rounds > 0 && rounds < ROUNDS_MAX && pipe(to) == 0 && pipe(from) == 0,
		   "no pipe, or too many rounds");
	pid = fork();
	if (pid == 0) {
		close(to[1]);
		answer_all(dir, tenant, to[0], from[1]);
		exit(0);
	}
	close(to[0]);
	r = bench_open_rag(dir);
	finds(r, tenant, ROUNDS_MAX);
	for (size_t i = 0; i < rounds; i++) {
		char byte = 0;
		double begin;

		commit_one(r, tenant, i);
		begin = now_ms();
		bench_must(write(to[1], "", 1) == 1 && read(from[0], &byte, 1) == 1 && byte == 1,
			   "the other process does not find it");
		there[i] = now_ms() - begin;
		begin = now_ms();
		bench_must(finds(r, tenant, i), "it is not found");
		here[i] = now_ms() - begin;
	}
	close(to[1]);
	waitpid(pid, NULL, 0);
	rag_close(r);
	qsort(here, rounds, sizeof(*here), by_value);
	qsort(there, rounds, sizeof(*there), by_value);
	printf("here50=%.2f here99=%.2f there50=%.2f there99=%.2f\n", here[rounds / 2],
	       here[rounds * 99 / 100], there[rounds / 2], there[rounds * 99 / 100]);
}

/* ---- commands ---- */

static double cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

static void run_often(size_t rounds, char **command)
{
	static double wall[ROUNDS_MAX], cpu[ROUNDS_MAX];

	bench_must(rounds > 0 && rounds < ROUNDS_MAX, "too many rounds");
	for (size_t i = 0; i < rounds; i++) {
		double begin = now_ms();
		struct rusage used;
		int status;
		pid_t pid = fork();

		if (pid == 0) {
			bench_must(freopen("/dev/null", "w", stdout) != NULL, "no /dev/null");
			execvp(command[0], command);
			_exit(127);
		}
		bench_must(wait4(pid, &status, 0, &used) == pid && status == 0,
			   "the command failed");
		wall[i] = now_ms() - begin;
		cpu[i] = cpu_ms(&used);
	}
	printf("wall=%.1f cpu=%.1f\n", median(wall, rounds), median(cpu, rounds));
}

static size_t number(const char *text)
{
	return strtoul(text, NULL, 10);
}

int main(int argc, char **argv)
{
	const char *what = argc > 3 ? argv[1] : "";

	if (strcmp(what, "files") == 0 && argc >= 5)
		make_files(argv[2], number(argv[3]), number(argv[4]),
			   argc > 5 ? number(argv[5]) : 0);
	else if (strcmp(what, "questions") == 0)
		make_questions(argv[2], number(argv[3]));
	else if (strcmp(what, "index") == 0 && argc == 5)
		make_index(argv[2], span_str(argv[3]), (int64_t)number(argv[4]));
	else if (strcmp(what, "visible") == 0 && argc == 5)
		measure_visible(argv[2], span_str(argv[3]), number(argv[4]));
	else if (strcmp(what, "run") == 0)
		run_often(number(argv[2]), argv + 3);
	else {
		fprintf(stderr, "see tests/bench/micro_rag.c\n");
		return 2;
	}
	return 0;
}
