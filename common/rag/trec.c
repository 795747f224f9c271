/* common/rag/trec.c - lines of columns. */
#include "common/rag/trec.h"

#include "common/base/jscan.h"
#include "common/base/mem.h"

#include <locale.h>
#include <math.h>
#include <stdlib.h>

enum { COLUMNS_MAX = 7, NUMBER_MAX = 63, RELEVANCE_MAX = 1000000 };

struct lines {
	struct span rest, line;
	uint32_t number;
};

/* The next one that is not empty; false at the end. */
static bool next_line(struct lines *l)
{
	while (l->rest.ptr) {
		l->line = span_strip(span_cut(&l->rest, '\n'));
		l->number++;
		if (l->line.len > 0)
			return true;
	}
	return false;
}

static int refuse(const struct lines *l, struct err *err, const char *what)
{
	return err_set(err, E_invalid_field, "", "line %u: %s", (unsigned)l->number, what);
}

static int check_room(const struct lines *l, size_t count, struct err *err)
{
	if (l->line.len > TREC_LINE_MAX)
		return err_set(err, E_too_large, "", "line %u is longer than %d bytes",
			       (unsigned)l->number, TREC_LINE_MAX);
	if (count >= TREC_ROWS_MAX)
		return err_set(err, E_too_large, "", "there are more than %d lines", TREC_ROWS_MAX);
	return 0;
}

/* At most COLUMNS_MAX of them; returns how many. */
static size_t split(struct span line, struct span *columns)
{
	size_t count = 0;

	while (line.len > 0 && count < COLUMNS_MAX) {
		size_t end = 0;

		while (end < line.len && !char_is_white(line.ptr[end]))
			end++;
		columns[count++] = span_of(line.ptr, end);
		line = span_strip(span_from(line, end));
	}
	return count;
}

static int read_number(struct span s, double *out)
{
	char text[NUMBER_MAX + 1], *end;
	locale_t plain;

	if (s.len == 0 || s.len > NUMBER_MAX)
		return -1;
	memcpy(text, s.ptr, s.len);
	text[s.len] = '\0';
	plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
	*out = strtod_l(text, &end, plain);
	freelocale(plain);
	return *end == '\0' && !isnan(*out) ? 0 : -1;
}

/* Room for one more in a list of rows of that size. */
static void *grow(void *list, size_t count, size_t size)
{
	if (count & (count - 1))
		return list;
	return mem_realloc(list, (count > 0 ? 2 * count : 1) * size);
}

int trec_compare(struct span a, struct span b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len > 0 ? memcmp(a.ptr, b.ptr, len) : 0;

	return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

/* ---- judgements ---- */

static int compare_judgements(const void *a, const void *b)
{
	const struct trec_judgement *x = a, *y = b;
	int order = trec_compare(x->query, y->query);

	if (order == 0)
		order = trec_compare(x->document, y->document);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static void sort_judgements(struct trec_judgements *j)
{
	size_t kept = 0;

	if (j->count == 0)
		return;
	qsort(j->list, j->count, sizeof(*j->list), compare_judgements);
	for (size_t i = 0; i < j->count; i++) {
		const struct trec_judgement *last = kept > 0 ? &j->list[kept - 1] : NULL;

		if (last && trec_compare(last->query, j->list[i].query) == 0 &&
		    trec_compare(last->document, j->list[i].document) == 0)
			kept--;
		j->list[kept++] = j->list[i];
	}
	j->count = kept;
}

static int read_judgements(struct span text, struct trec_judgements *out, struct err *err)
{
	struct lines l = { .rest = text };

	while (next_line(&l)) {
		struct span columns[COLUMNS_MAX];
		double relevance;
		size_t count;

		if (check_room(&l, out->count, err) < 0)
			return -1;
		count = split(l.line, columns);
		if (count != 3 && count != 4)
			return refuse(&l, err, "a judgement is: query 0 document relevance");
		if (read_number(columns[count - 1], &relevance) < 0 ||
		    fabs(relevance) > RELEVANCE_MAX)
			return refuse(&l, err, "the relevance is no number up to 1000000");
		out->list = grow(out->list, out->count, sizeof(*out->list));
		out->list[out->count++] = (struct trec_judgement){
			.query = columns[0],
			.document = columns[count - 2],
			.relevance = relevance > 0 ? (int)relevance : 0,
			.line = l.number,
		};
	}
	sort_judgements(out);
	return 0;
}

int trec_read_judgements(struct span text, struct trec_judgements *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (read_judgements(text, out, err) == 0)
		return 0;
	trec_judgements_free(out);
	return -1;
}

void trec_judgements_free(struct trec_judgements *j)
{
	mem_free(j->list);
	memset(j, 0, sizeof(*j));
}

/* ---- rankings ---- */

static int compare_hits(const void *a, const void *b)
{
	const struct trec_hit *x = a, *y = b;
	int order = trec_compare(x->query, y->query);

	if (order == 0)
		order = (y->score > x->score) - (y->score < x->score);
	if (order == 0)
		order = (x->rank > y->rank) - (x->rank < y->rank);
	return order != 0 ? order : (x->line > y->line) - (x->line < y->line);
}

static int read_run(struct span text, struct trec_run *out, struct err *err)
{
	struct lines l = { .rest = text };

	while (next_line(&l)) {
		struct span columns[COLUMNS_MAX];
		const struct span *document;
		double score, rank;
		size_t count;

		if (check_room(&l, out->count, err) < 0)
			return -1;
		count = split(l.line, columns);
		if (count != 4 && count < 6)
			return refuse(&l, err, "a hit is: query Q0 document rank score tag");
		document = count == 4 ? &columns[1] : &columns[2];
		if (read_number(document[1], &rank) < 0 || fabs(rank) > 1e15)
			return refuse(&l, err, "the rank is no number");
		if (read_number(document[2], &score) < 0)
			return refuse(&l, err, "the score is no number");
		out->list = grow(out->list, out->count, sizeof(*out->list));
		out->list[out->count++] = (struct trec_hit){ .query = columns[0],
							     .document = *document,
							     .score = score,
							     .rank = (int64_t)rank,
							     .line = l.number };
	}
	if (out->count > 0)
		qsort(out->list, out->count, sizeof(*out->list), compare_hits);
	return 0;
}

int trec_read_run(struct span text, struct trec_run *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (read_run(text, out, err) == 0)
		return 0;
	trec_run_free(out);
	return -1;
}

void trec_run_free(struct trec_run *r)
{
	mem_free(r->list);
	memset(r, 0, sizeof(*r));
}

int trec_write_hit(struct buf *out, struct span query, struct span document, size_t rank,
		   double score, const char *tag)
{
	buf_add_span(out, query);
	buf_add_str(out, " Q0 ");
	buf_add_span(out, document);
	return buf_printf(out, " %zu %.6f %s\n", rank, score, tag);
}

/* ---- questions ---- */

/* Unescaped at the end of texts; as offsets, while texts may move. */
static int unescape(struct jvalue v, struct buf *texts, struct span *out)
{
	size_t start = texts->len;

	if (v.type != J_STRING || jvalue_unescape(v, texts) < 0)
		return -1;
	*out = span_of(NULL, texts->len - start);
	return 0;
}

static int read_json(const struct lines *l, struct buf *texts, struct trec_question *q,
		     struct err *err)
{
	static const struct span names[] = { SPAN_INIT("id"), SPAN_INIT("_id"), SPAN_INIT("text") };
	struct jvalue values[ARRAY_LEN(names)];
	struct err why = ERR_INIT;

	if (jscan_members(l->line, NULL, names, values, ARRAY_LEN(names), &why) < 0)
		return refuse(l, err, why.message);
	if (unescape(values[0].type != J_NONE ? values[0] : values[1], texts, &q->id) < 0 ||
	    unescape(values[2], texts, &q->text) < 0)
		return refuse(l, err, "a question is {\"id\": \"...\", \"text\": \"...\"}");
	return 0;
}

static int read_columns(const struct lines *l, struct trec_question *q, struct err *err)
{
	struct span rest = l->line;

	q->id = span_strip(span_cut(&rest, '\t'));
	q->text = span_strip(rest);
	return q->id.len > 0 && q->text.len > 0 ? 0 : refuse(l, err, "a question is: id TAB text");
}

static int compare_ids(const void *a, const void *b)
{
	const struct trec_question *const *x = a, *const *y = b;

	return trec_compare((*x)->id, (*y)->id);
}

static int check_ids(const struct trec_questions *q, struct err *err)
{
	const struct trec_question **sorted;
	int result = 0;

	if (q->count < 2)
		return 0;
	sorted = mem_alloc(q->count * sizeof(const struct trec_question *));
	for (size_t i = 0; i < q->count; i++)
		sorted[i] = &q->list[i];
	qsort(sorted, q->count, sizeof(const struct trec_question *), compare_ids);
	for (size_t i = 1; i < q->count && result == 0; i++)
		if (trec_compare(sorted[i]->id, sorted[i - 1]->id) == 0)
			result = err_set(err, E_invalid_field, "",
					 "the question \"%.*s\" is there twice",
					 SPAN_ARGS(sorted[i]->id));
	mem_free(sorted);
	return result;
}

static int read_questions(struct span text, struct trec_questions *out, struct err *err)
{
	struct lines l = { .rest = text };
	bool is_json = false;

	while (next_line(&l)) {
		struct trec_question q;

		if (check_room(&l, out->count, err) < 0)
			return -1;
		if (l.line.ptr[0] == '{' && out->count == 0)
			is_json = true;
		if ((is_json ? read_json(&l, &out->texts, &q, err) : read_columns(&l, &q, err)) < 0)
			return -1;
		out->list = grow(out->list, out->count, sizeof(*out->list));
		out->list[out->count++] = q;
	}
	for (size_t i = 0, at = 0; is_json && i < out->count; i++) {
		out->list[i].id.ptr = out->texts.ptr + at;
		at += out->list[i].id.len;
		out->list[i].text.ptr = out->texts.ptr + at;
		at += out->list[i].text.len;
	}
	return check_ids(out, err);
}

int trec_read_questions(struct span text, struct trec_questions *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	buf_init(&out->texts, text.len + 1);
	if (read_questions(text, out, err) == 0)
		return 0;
	trec_questions_free(out);
	return -1;
}

void trec_questions_free(struct trec_questions *q)
{
	mem_free(q->list);
	buf_free(&q->texts);
	memset(q, 0, sizeof(*q));
}
