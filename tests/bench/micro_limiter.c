/*
 * tests/bench/micro_limiter.c - what the limits cost a request: make bench-limiter.
 *
 * Each figure is the best of several rounds, which says what the code can do on a machine that
 * others use too.
 */
#include <stdio.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/mem.h"
#include "common/tenant/budget.h"
#include "common/tenant/limiter.h"

enum { ROUNDS = 20, ROUND_US = 20000, TOKENS = 50000 };

struct bench {
	struct limiter *limiter;
	uint8_t (*keys)[LIMITER_KEY_SIZE];
	struct budget_book *book;
	struct spending spending;
	int64_t now_us;
	uint32_t next;
};

static void take(struct bench *b)
{
	struct limit_ask a = { .limit = limit_of(1000, 1, 1000), .amount = 1 };

	b->next = b->next * 1664525 + 1013904223;
	(void)limiter_take(b->limiter, b->keys[b->next % TOKENS], &a, 1, ++b->now_us);
}

static void spend(struct bench *b)
{
	struct reservation r = { .count = 0 };
	struct budget_gap gap;

	while (budget_reserve(b->book, &b->spending, 1800000000000, &r, &gap, NULL) == 1)
		budget_fill(b->book, &gap, (struct amount){ 0, 0 });
	budget_settle(b->book, &r, (struct amount){ 1, 1 }, NULL);
}

static double best_ns(void (*run)(struct bench *b), struct bench *b)
{
	double best = 1e18;

	for (int round = 0; round < ROUNDS; round++) {
		int64_t begin = clock_mono_us(), now = begin;
		size_t count = 0;

		while (now - begin < ROUND_US) {
			for (int i = 0; i < 256; i++)
				run(b);
			count += 256;
			now = clock_mono_us();
		}
		double ns = (double)(now - begin) * 1000 / (double)count;
		best = ns < best ? ns : best;
	}
	return best;
}

int main(void)
{
	static struct budget row = { .amount_micros = INT64_MAX, .period = BUDGET_MONTH };
	static struct constraints constraints = { .budgets = &row, .budget_count = 1 };
	static struct token token = { .id = "bench", .constraints = &constraints };
	struct bench b = { .limiter = limiter_new(), .book = budget_book_new(), .now_us = 1 };

	b.spending = (struct spending){ .token = &token, .model = "mock", .most = { 10, 9 } };
	b.keys = mem_calloc(TOKENS, sizeof *b.keys);
	for (uint32_t i = 0; i < TOKENS; i++)
		digest_sha256(span_of((const char *)&i, sizeof i), b.keys[i]);
	printf("a request of one of %d tokens, ns: %.0f\n", TOKENS, best_ns(take, &b));
	printf("a call within a budget, reserved and settled, ns: %.0f\n", best_ns(spend, &b));
	mem_free(b.keys);
	limiter_free(b.limiter);
	budget_book_free(b.book);
	return 0;
}
