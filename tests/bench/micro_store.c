/*
 * tests/bench/micro_store.c - what counting and recording cost, and how fast the writer is.
 *
 *	make bench-store
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/base/ident.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/observe/record.h"
#include "common/store/recorder.h"
#include "common/store/store.h"

enum { ADDS = 5000000, PRINTS = 200000, BURST = 20000, BURSTS = 5, PAIR = 2, ROUTES = 6 };

static double now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static struct record example(void)
{
	struct record r = {
		.ts_ms = 1795255200000,
		.tenant_id = "default",
		.token_id = "tok_3fK92mQx",
		.user_id = "6f1f3c0e-52f0-4c4a-9f6e-1a2b3c4d5e6f",
		.surface = "v1",
		.method = "POST",
		.route = "/v1/chat/completions",
		.status = 200,
		.model = "gpt-4o-mini",
		.resolved_model = "gpt-4o-mini-2024-07-18",
		.resolved_backend = "openai",
		.attempts = 1,
		.streamed = true,
		.finished = true,
		.prompt_tokens = 812,
		.completion_tokens = 256,
		.cached_tokens = 0,
		.reasoning_tokens = -1,
		.cost_source = "table",
		.cost_usd = 4990,
		.cost_eur = 4264,
		.cost_billed_usd = 4990,
		.cost_billed_eur = 4264,
		.rate = 854600,
		.rate_source = "ecb-2026-05-03",
		.latency_us = 2345678,
		.first_byte_us = 345678,
		.upstream_us = 2345000,
		.bytes_in = 4096,
		.bytes_out = 65000,
	};

	return r;
}

static void bench_metrics(void)
{
	static const char *const routes[ROUTES] = {
		"/v1/chat/completions", "/v1/models", "/v1/embeddings",
		"/c1/conversations/:id/messages", "/healthz", "/a1/agents/:name/sessions",
	};
	struct metrics *m = metrics_new();
	struct metrics_shard *shard = metrics_shard_new(m);
	struct buf text;
	struct span labels[ROUTES][4];
	double start;

	for (int i = 0; i < ROUTES; i++) {
		labels[i][0] = SPAN_LIT("v1");
		labels[i][1] = span_str(routes[i]);
		labels[i][2] = SPAN_LIT("POST");
		labels[i][3] = SPAN_LIT("200");
	}
	start = now_ns();
	for (int i = 0; i < ADDS; i++)
		metrics_add(shard, M_spass_requests_total, 1, labels[i % ROUTES]);
	printf("metrics_add, 4 labels           %8.1f ns\n", (now_ns() - start) / ADDS);
	start = now_ns();
	for (int i = 0; i < ADDS; i++)
		metrics_observe_us(shard, M_spass_request_duration_seconds, i, labels[i % ROUTES]);
	printf("metrics_observe_us, 2 labels    %8.1f ns\n", (now_ns() - start) / ADDS);
	start = now_ns();
	for (int i = 0; i < ADDS; i++)
		metrics_set(shard, M_spass_connections, i, NULL);
	printf("metrics_set, no label           %8.1f ns\n", (now_ns() - start) / ADDS);
	buf_init(&text, 16 * MIB);
	start = now_ns();
	for (int i = 0; i < 1000; i++) {
		buf_clear(&text);
		metrics_print(m, NULL, 0, true, &text);
	}
	printf("metrics_print, %zu bytes       %8.1f us\n", text.len, (now_ns() - start) / 1e6);
	buf_free(&text);
	metrics_free(m);
}

static void bench_print(void)
{
	static char common[RECORD_LINE_MAX], line[RECORD_LINE_MAX];
	struct record r = example();
	struct record_frame frame;
	char id[IDENT_UUID_SIZE];
	double start = now_ns();
	size_t len = 0;

	ident_uuid(id);
	r.request_id = id;
	record_frame_print(&frame, &r, common);
	for (int i = 0; i < PRINTS; i++)
		len = (size_t)(record_put(line, &frame, &r) - line);
	printf("record_put, %zu bytes          %8.1f ns\n", len, (now_ns() - start) / PRINTS);
}

/* Ids that begin with the time fill their index from one end; random ones here and there. */
enum ids { IDS_RANDOM, IDS_ORDERED };

static void make_id(enum ids kind, char *id)
{
	char time[17];

	ident_uuid(id);
	if (kind == IDS_RANDOM)
		return;
	snprintf(time, sizeof(time), "%016llx", (unsigned long long)now_ns());
	memcpy(id, time, sizeof(time) - 1);
}

struct burst {
	char ids[BURST][IDENT_UUID_SIZE];
	struct recorder *recorder;
	enum ids kind;
	double ns; /* spent in recorder_keep */
};

static void *push_burst(void *data)
{
	struct burst *b = data;
	struct record r = example();
	double start;

	for (int i = 0; i < BURST; i++)
		make_id(b->kind, b->ids[i]);
	start = now_ns();
	for (int i = 0; i < BURST; i++) {
		r.request_id = b->ids[i];
		recorder_keep(b->recorder, &r);
	}
	b->ns = now_ns() - start;
	return NULL;
}

/* One record every so often, as a worker at a steady load does: what one call costs there. */
static double steady_ns(struct recorder *recorder, int *calls)
{
	struct record r = example();
	char id[IDENT_UUID_SIZE];
	double end = now_ns() + 2e9, spent = 0;

	for (*calls = 0; now_ns() < end; (*calls)++) {
		double start, next;

		ident_uuid(id);
		r.request_id = id;
		start = now_ns();
		recorder_keep(recorder, &r);
		spent += now_ns() - start;
		for (next = start + 50e3; now_ns() < next;)
			;
	}
	return spent / *calls;
}

static int64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

/* max_rows: of usage, where each commit takes away as many as it adds; 0 = all stay. */
static void bench_store(const char *dir, bool usage, bool audit, enum ids kind, int64_t max_rows)
{
	char database[256], lines[256];
	struct store_options options = { .database = database, .audit_max_bytes = 1 << 30,
					 .usage = usage, .metrics = NULL,
					 .usage_limits = { .max_rows = max_rows } };
	struct err err = ERR_INIT;
	double start, spent = 0, flushing = 0, pair_spent = 0;
	struct burst *b = mem_calloc(PAIR, sizeof(*b));
	pthread_t threads[PAIR];
	int64_t empty, records = 0;
	struct store *s;
	int calls;

	snprintf(database, sizeof(database), "%s/spass.db", dir);
	snprintf(lines, sizeof(lines), "%s/audit.jsonl", dir);
	options.audit = audit ? lines : NULL;
	s = store_open(&options, &err);
	if (!s) {
		fprintf(stderr, "%s\n", err.message);
		exit(1);
	}
	store_close(s);
	empty = size_of(database);
	s = store_open(&options, &err);
	for (int t = 0; t < PAIR; t++)
		b[t] = (struct burst){ .recorder = recorder_new(s), .kind = kind };

	for (int i = 0; i < BURSTS; i++) {
		push_burst(&b[0]);
		spent += b[0].ns;
		records += BURST;
		start = now_ns();
		store_flush(s);
		flushing += now_ns() - start;
	}
	printf("%s%s, %s ids%s\n", usage ? "rows" : "", audit ? (usage ? " and lines" : "lines") : "",
	       kind == IDS_RANDOM ? "random" : "ordered",
	       max_rows ? ", no more than a number of rows" : "");
	printf("  through queue and writer      %8.0f records/s\n",
	       (double)records / (spent + flushing) * 1e9);
	printf("  recorder_keep, in bursts      %8.1f ns\n", spent / (double)records);
	for (int i = 0; i < BURSTS; i++) {
		for (int t = 0; t < PAIR; t++)
			pthread_create(&threads[t], NULL, push_burst, &b[t]);
		for (int t = 0; t < PAIR; t++) {
			pthread_join(threads[t], NULL);
			pair_spent += b[t].ns;
			records += BURST;
		}
		store_flush(s);
	}
	printf("  recorder_keep, 2 threads      %8.1f ns\n",
	       pair_spent / (BURSTS * PAIR * (double)BURST));
	printf("  recorder_keep, 20,000/s       %8.1f ns\n", steady_ns(b[0].recorder, &calls));
	records += calls;
	for (int t = 0; t < PAIR; t++)
		recorder_free(b[t].recorder);
	store_close(s);
	if (usage && !max_rows)
		printf("  database per 1,000 records    %8.1f KB\n",
		       (double)(size_of(database) - empty) / (double)records);
	if (audit)
		printf("  audit per 1,000 records       %8.1f KB\n",
		       (double)size_of(lines) / (double)records);
	mem_free(b);
	unlink(database);
	unlink(lines);
}

int main(void)
{
	char dir[] = "/tmp/spass-bench-XXXXXX";

	setvbuf(stdout, NULL, _IOLBF, 0);
	log_setup(LOG_LEVEL_WARN, LOG_FORMAT_TEXT);
	bench_metrics();
	bench_print();
	if (!mkdtemp(dir))
		return 1;
	bench_store(dir, true, true, IDS_RANDOM, 0);
	bench_store(dir, true, true, IDS_RANDOM, BURST);
	bench_store(dir, true, true, IDS_ORDERED, 0);
	bench_store(dir, false, true, IDS_RANDOM, 0);
	rmdir(dir);
	return 0;
}
