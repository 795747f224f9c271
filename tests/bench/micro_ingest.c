/*
 * tests/bench/micro_ingest.c - documents to searchable beside SQLite's inserts: make bench-ingest.
 *
 * IR=directory with collections (tests/bench/collection.h), else text is made up; COLLECTION=name of
 * one of them, else both; CHUNKS=how many, ROWS=put: no FTS5, nothing after.  Documents of 1,000
 * words mixed from it go in, 1,000 a put, into a database on the disk; FTS5 porter gets the chunks
 * that came of them, in one transaction a put, too.  Then what the next steps cost: merging with
 * the latent space, a cold first question, the same documents again.  Times are CPU times of one
 * thread.
 */
#include "tests/bench/chunks.h"
#include "tests/bench/made.h"

#include "common/base/mem.h"
#include "common/rag/snapshot.h"

#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PUT = 1000, RUN = 10, CHUNKS_MADE = 50000 };

static const char *const names[] = { "codechunks", "docspages" };
static const struct span tenant = SPAN_INIT("bench"), docs = SPAN_INIT("docs");

static void must(bool holds, const struct err *err)
{
	bench_must(holds, err->message);
}

static double clock_s(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- ours ---- */

struct input {
	struct rag_document_in *list;
	size_t count, bytes;
};

/* Runs of pieces that follow each other, as documents. */
static void make_documents(struct input *in, const struct chunks *p)
{
	in->count = p->count / RUN;
	in->list = mem_calloc(in->count, sizeof(*in->list));
	for (size_t i = 0; i < in->count; i++) {
		struct rag_document_in *d = &in->list[i];
		struct buf text;

		buf_init(&text, MIB);
		for (size_t k = 0; k < RUN; k++) {
			buf_add_span(&text, p->list[i * RUN + k].text);
			buf_add_str(&text, k + 1 < RUN ? "\n\n" : "\n");
		}
		d->name = span_str(mem_printf("document/%zu", i));
		d->type = SPAN_LIT("text/plain");
		d->content = span_of(text.ptr, text.len);
		d->mtime_us = -1;
		in->bytes += text.len;
	}
}

static void put_all(struct rag *r, const struct input *in)
{
	const struct rag_put how = { .how = RAG_PUT_REPLACE, .make = true };
	struct rag_put_result *results = mem_calloc(PUT, sizeof(*results));
	struct err err = ERR_INIT;
	struct arena a;

	arena_init(&a, 256 * MIB);
	for (size_t at = 0; at < in->count; at += PUT) {
		size_t count = in->count - at < PUT ? in->count - at : PUT;

		arena_reset(&a);
		must(rag_put(r, tenant, docs, &how, in->list + at, count, &a, results, &err) == 0,
		     &err);
		for (size_t i = 0; i < count; i++)
			must(results[i].what != RAG_FAILED, &results[i].err);
	}
	arena_clear(&a);
	mem_free(results);
}

/* ---- FTS5 ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return;
	fprintf(stderr, "%s: %s\n", sql, sqlite3_errmsg(db));
	exit(1);
}

static int insert_chunks(sqlite3_stmt *st, struct rag_view *v, const struct rag_document_info *d)
{
	struct err err = ERR_INIT;
	struct rag_chunk chunk;
	struct arena a;

	arena_init(&a, 256 * MIB);
	for (int64_t i = 0; i < d->chunks; i++) {
		arena_reset(&a);
		must(rag_view_chunk(v, d->first_chunk + i, true, &a, &chunk, &err) == 0, &err);
		sqlite3_bind_text(st, 1, d->title.ptr, (int)d->title.len, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, chunk.text.ptr, (int)chunk.text.len, SQLITE_STATIC);
		sqlite3_step(st);
		sqlite3_reset(st);
	}
	arena_clear(&a);
	return 0;
}

/* What reading the chunks takes is taken off. */
static double time_fts(struct rag *r, const struct input *in, const char *path)
{
	double begin, insert, reading;
	struct err err = ERR_INIT;
	struct rag_view v;
	struct rag_document_info info;
	struct arena a;
	sqlite3 *db;
	sqlite3_stmt *st[2];

	sqlite3_open(path, &db);
	run_sql(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL");
	run_sql(db, "CREATE VIRTUAL TABLE t USING fts5(title, text, tokenize='porter unicode61')");
	sqlite3_prepare_v2(db, "INSERT INTO t (title, text) VALUES (?1, ?2)", -1, &st[0], NULL);
	sqlite3_prepare_v2(db, "SELECT ?1, ?2", -1, &st[1], NULL);
	must(rag_view_open(r, tenant, docs, &v, &err) == 0, &err);
	arena_init(&a, 256 * MIB);
	for (int what = 0; what < 2; what++) {
		begin = bench_cpu_s();
		for (size_t i = 0; i < in->count; i++) {
			if (i % PUT == 0)
				run_sql(db, i > 0 ? "COMMIT; BEGIN" : "BEGIN");
			arena_reset(&a);
			must(rag_view_find(&v, in->list[i].name, &a, &info, &err) == 0, &err);
			insert_chunks(st[what], &v, &info);
		}
		run_sql(db, "COMMIT");
		*(what == 0 ? &insert : &reading) = bench_cpu_s() - begin;
	}
	arena_clear(&a);
	rag_view_close(&v);
	sqlite3_finalize(st[0]);
	sqlite3_finalize(st[1]);
	sqlite3_close(db);
	return insert - reading;
}

/* ---- */

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	(void)st;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static double time_cold(const struct rag_options *options)
{
	struct lexical_scratch *scratch = lexical_scratch_new();
	struct lexical_hit hits[10];
	struct err err = ERR_INIT;
	double begin = clock_s(CLOCK_MONOTONIC), end;
	struct rag *r = rag_open(options, &err);
	struct rag_view v;

	must(r && rag_view_open(r, tenant, docs, &v, &err) == 0, &err);
	lexical_search(&v.snapshot->lexical, SPAN_LIT("how does the parser report errors"), scratch,
		       hits, 10);
	end = clock_s(CLOCK_MONOTONIC);
	rag_view_close(&v);
	rag_close(r);
	lexical_scratch_free(scratch);
	return end - begin;
}

static void print(const char *what, double seconds, int64_t chunks)
{
	printf("%-34s %9.3f s %9.1f us a chunk\n", what, seconds, seconds * 1e6 / (double)chunks);
}

/* Of the collections that COLLECTION has. */
static void mix(struct chunks *pieces, struct buf *text)
{
	const char *ir = getenv("IR"), *only = getenv("COLLECTION"), *chunks = getenv("CHUNKS");
	struct collection c[ARRAY_LEN(names)];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (!only || strcmp(only, names[i]) == 0)
			made_or_loaded(&c[count++], ir, names[i]);
	bench_must(count > 0, "COLLECTION has no such name");
	buf_init(text, 512 * MIB);
	chunks_mix(pieces, c, count, chunks ? strtoul(chunks, NULL, 10) : CHUNKS_MADE, text);
	for (size_t i = 0; i < count; i++)
		collection_free(&c[i]);
}

/* What comes after the documents are in. */
static void time_rest(struct rag *r, const struct rag_options *options, const struct input *in,
		      double ours, int64_t chunks)
{
	char *path = mem_printf("%s/fts.db", options->dir);
	struct err err = ERR_INIT;
	double fts = time_fts(r, in, path), begin;

	mem_free(path);
	print("FTS5 porter, the same chunks", fts, chunks);
	printf("%-34s %9.2f\n", "FTS5 / put", fts / ours);
	begin = bench_cpu_s();
	put_all(r, in);
	print("the same again", bench_cpu_s() - begin, chunks);
	begin = bench_cpu_s();
	while (rag_tend(r, tenant, docs, &err))
		;
	must(err.code == E_none, &err);
	print("merging, latent space", bench_cpu_s() - begin, chunks);
	print("opened, first answer (elapsed)", time_cold(options), chunks);
}

int main(void)
{
	const char *rows = getenv("ROWS");
	char dir[] = "/tmp/spass-ingest-XXXXXX";
	struct rag_options options = { .dir = dir };
	struct chunks pieces = { .list = NULL };
	struct input in = { .count = 0 };
	struct buf text;
	struct rag_index_info info;
	struct err err = ERR_INIT;
	double begin, ours;
	struct arena a;
	struct rag *r;

	bench_must(mkdtemp(dir) != NULL, "no temporary directory");
	mix(&pieces, &text);
	make_documents(&in, &pieces);
	r = rag_open(&options, &err);
	must(r != NULL, &err);
	begin = bench_cpu_s();
	put_all(r, &in);
	ours = bench_cpu_s() - begin;
	arena_init(&a, MIB);
	must(rag_index_get(r, tenant, docs, &a, &info, &err) == 0, &err);
	printf("%zu documents, %lld chunks, %.1f MB, in the database %.1f MB\n", in.count,
	       (long long)info.chunks, (double)in.bytes / 1e6, (double)info.size / 1e6);
	print("put", ours, info.chunks);
	if (!rows || strcmp(rows, "put") != 0)
		time_rest(r, &options, &in, ours, info.chunks);
	rag_close(r);
	arena_clear(&a);
	for (size_t i = 0; i < in.count; i++) {
		mem_free((void *)(uintptr_t)in.list[i].name.ptr);
		mem_free((void *)(uintptr_t)in.list[i].content.ptr);
	}
	mem_free(in.list);
	chunks_free(&pieces);
	buf_free(&text);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
