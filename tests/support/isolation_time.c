/*
 * tests/support/isolation_time.c - a report: does another's take as long to be missed as nobody's?
 *
 * Three kinds of requests in turns: for another's (A), for nobody's (B), for another nobody's (B').
 * What B and B' differ in is noise, so its median difference over parts of the same run bounds what
 * A and B may differ in.  It is told, not asserted: a busy machine proves nothing.
 */
#include "tests/support/isolation.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { KINDS = 3, PARTS = 16, WARM_UP = 50 };

/* One pair of things to ask for. */
struct pair {
	const char *name, *method;
	enum role role;
	const char *path;       /* with %s: the id */
	const char *body;       /* with %s, too, or NULL */
	char ids[KINDS][ID_SIZE];
	double *us[KINDS];
};

static int compare(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return a < b ? -1 : a > b;
}

static double median(const double *values, size_t count)
{
	double *sorted = kit_alloc(count * sizeof *sorted), result;

	memcpy(sorted, values, count * sizeof *sorted);
	qsort(sorted, count, sizeof *sorted, compare);
	result = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
	free(sorted);
	return result;
}

/* At one %s, or none. */
static void fill(const char *form, const char *id, struct text *out)
{
	const char *place = strstr(form, "%s");

	if (!place) {
		text_add_str(out, form);
		return;
	}
	text_add(out, form, (size_t)(place - form));
	text_add_str(out, id);
	text_add_str(out, place + 2);
}

static double now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static double ask_once(struct isolation *t, struct connection *c, const struct pair *p, int kind)
{
	struct text path = { 0 };
	char token[WORD_SIZE];
	struct request r;
	struct answer a;
	double took;

	request_begin(&r, p->method, token_of(t, p->role == TENANT_ADMIN ? "admin" : "user", 0, token));
	fill(p->path, p->ids[kind], &path);
	snprintf(r.path, sizeof r.path, "%s", text_str(&path));
	text_printf(&r.headers, "SPASS-User-Id: %s\r\nContent-Type: application/json\r\n", t->users[0]);
	r.has_body = p->body != NULL;
	if (p->body)
		fill(p->body, p->ids[kind], &r.body);
	took = now_us();
	ask(c, &r, &a);
	took = now_us() - took;
	if (a.status != 404 && a.status != 200)
		fault(t, "%s: %d %.200s", p->name, a.status, text_str(&a.body));
	text_free(&path);
	request_free(&r);
	answer_free(&a);
	return took;
}

/* Each round asks for all kinds, and begins with another. */
static void sample(struct isolation *t, struct pair *p, int samples)
{
	struct connection c = { .socket = t->gateway.socket };

	for (int kind = 0; kind < KINDS; kind++)
		p->us[kind] = kit_alloc((size_t)samples * sizeof *p->us[kind]);
	for (int i = 0; i < WARM_UP; i++)
		ask_once(t, &c, p, i % KINDS);
	for (int i = 0; i < samples; i++)
		for (int k = 0; k < KINDS; k++) {
			int kind = (i + k) % KINDS;

			p->us[kind][i] = ask_once(t, &c, p, kind);
		}
	connection_close(&c);
}

/* The largest difference of medians that parts of equal kinds show, for the size of the whole. */
static double noise(const struct pair *p, int samples)
{
	size_t size = (size_t)samples / PARTS;
	double sum = 0;

	for (size_t i = 0; i < PARTS; i++) {
		double d = median(p->us[1] + i * size, size) - median(p->us[2] + i * size, size);

		sum += d * d;
	}
	/* Three standard errors of the whole's difference. */
	return 3 * sqrt(sum) / PARTS;
}

static void report(struct isolation *t, struct pair *p, int samples)
{
	double medians[KINDS], bound, difference, control;

	sample(t, p, samples);
	for (int kind = 0; kind < KINDS; kind++)
		medians[kind] = median(p->us[kind], (size_t)samples);
	bound = noise(p, samples);
	difference = medians[0] - medians[1];
	control = medians[2] - medians[1];
	printf("%-34s %8.1f us %+8.2f %+8.2f %8.2f  %s\n", p->name, medians[1], difference, control, bound,
	       difference <= bound && difference >= -bound ? "within" : "BEYOND");
	for (int kind = 0; kind < KINDS; kind++)
		free(p->us[kind]);
}

/* Another tenant's or user's, and two beside it that nobody has. */
static void name_ids(const struct owner *o, enum thing thing, struct pair *p)
{
	size_t len = strlen(o->ids[thing]);

	for (int kind = 0; kind < KINDS; kind++) {
		memcpy(p->ids[kind], o->ids[thing], len + 1);
		if (kind > 0)
			p->ids[kind][len - 1] = (char)(o->ids[thing][len - 1] == 'z' - kind ? '5' : 'z' - kind);
	}
}

static void name_words(struct isolation *t, const char *word, struct pair *p)
{
	snprintf(p->ids[0], ID_SIZE, "%s", word);
	for (int kind = 1; kind < KINDS; kind++)
		snprintf(p->ids[kind], ID_SIZE, "bait%d%s", kind + 6, t->run);
}

void time_report(struct isolation *t, int samples)
{
	static const struct {
		struct pair pair;
		enum thing thing; /* THINGS: the other's word */
		int owner;
	} rows[] = {
		{ { "a tenant's conversation", "GET", TENANT_USER, "/c1/conversations/%s", NULL, {{0}}, {0} }, CONVERSATION, 2 },
		{ { "a user's conversation", "GET", TENANT_USER, "/c1/conversations/%s", NULL, {{0}}, {0} }, CONVERSATION, 1 },
		{ { "the same, to be deleted", "DELETE", TENANT_USER, "/c1/conversations/%s", NULL, {{0}}, {0} }, CONVERSATION, 1 },
		{ { "its id as a prefix", "GET", TENANT_USER, "/c1/conversations?prefix=%s", NULL, {{0}}, {0} }, CONVERSATION, 2 },
		{ { "a turn in it", "POST", TENANT_USER, "/c1/chat",
		    "{\"model\":\"mock\",\"message\":\"x\",\"conversation_id\":\"%s\"}", {{0}}, {0} }, CONVERSATION, 2 },
		{ { "a word in it", "GET", TENANT_USER, "/c1/conversations?q=%s", NULL, {{0}}, {0} }, THINGS, 2 },
		{ { "a user's word", "GET", TENANT_USER, "/c1/conversations?q=%s", NULL, {{0}}, {0} }, THINGS, 1 },
		{ { "an administrator's look", "GET", TENANT_ADMIN, "/c1/conversations/%s", NULL, {{0}}, {0} }, CONVERSATION, 2 },
		{ { "a tenant's image", "GET", TENANT_USER, "/v1/images/%s", NULL, {{0}}, {0} }, IMAGE, 2 },
		{ { "a tenant's key", "DELETE", TENANT_ADMIN, "/v1/tenant/keys/%s", NULL, {{0}}, {0} }, KEY, 2 },
		{ { "a user's memory", "GET", TENANT_USER, "/v1/memory/%s", NULL, {{0}}, {0} }, MEMORY, 1 },
	};

	printf("%-34s %11s %8s %8s %8s\n", "to be missed (median)", "nobody's", "another's", "control", "bound");
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct pair p = rows[i].pair;

		if (rows[i].thing == THINGS)
			name_words(t, t->owners[rows[i].owner].bait, &p);
		else
			name_ids(&t->owners[rows[i].owner], rows[i].thing, &p);
		report(t, &p, samples);
	}
}
