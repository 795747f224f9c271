/*
 * tests/fuzz/fuzz_trec.c - any bytes as judgements, ranking and questions.
 *
 * What is read lies within the text and is sorted; a ranking measured by the judgements of the
 * same text has figures between 0 and 1.
 */
#include "common/rag/measure.h"
#include "tests/fuzz/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_within(struct span s, struct span text)
{
	must(s.len > 0 && s.ptr >= text.ptr && s.ptr + s.len <= text.ptr + text.len);
}

static void check_judgements(const struct trec_judgements *j, struct span text)
{
	for (size_t i = 0; i < j->count; i++) {
		check_within(j->list[i].query, text);
		check_within(j->list[i].document, text);
		must(j->list[i].relevance >= 0);
		must(i == 0 || trec_compare(j->list[i - 1].query, j->list[i].query) <= 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size), half = span_of(text.ptr, size / 2);
	struct trec_judgements j;
	struct trec_questions q;
	struct trec_run r;
	struct measure m;

	if (size == 0)
		return 0;
	if (trec_read_judgements(half, &j, NULL) == 0)
		check_judgements(&j, text);
	trec_read_run(span_from(text, size / 2), &r, NULL);
	measure_run(&j, &r, &m);
	for (size_t i = 0; measure_name(i); i++)
		must(measure_value(&m, i) >= 0 && measure_value(&m, i) <= 1.0 + 1e-9);
	if (trec_read_questions(text, &q, NULL) == 0)
		must(q.count == 0 || q.list[0].id.ptr != NULL);
	trec_judgements_free(&j);
	trec_questions_free(&q);
	trec_run_free(&r);
	return 0;
}
