/* tests/bench/chunks.c - cutting as the program cuts, and chunks mixed from texts. */
#include "tests/bench/chunks.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK_WORDS = 100, HEAD = 240, TITLES_MAX = 1 << 28 };

double bench_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_chunk(struct chunks *p, struct chunk one)
{
	if (p->count == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 1024;
		p->list = mem_realloc(p->list, p->room * sizeof(*p->list));
	}
	p->list[p->count++] = one;
}

/* The first len bytes, no character cut. */
static struct span first(struct span s, size_t len)
{
	while (len < s.len && len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
		len--;
	return len < s.len ? span_of(s.ptr, len) : s;
}

/* Code chunks are cut already; how their file begins is in chunk #0. */
static struct span head_of(const struct collection *c, size_t document)
{
	const char *id = c->documents[document].id, *hash = strrchr(id, '#');

	for (size_t i = document + 1; hash && i-- > 0;) {
		const char *other = strrchr(c->documents[i].id, '#');

		if (!other || other - c->documents[i].id != hash - id ||
		    strncmp(c->documents[i].id, id, (size_t)(hash - id)) != 0)
			break;
		if (strcmp(other, "#0") == 0)
			return first(span_str(c->documents[i].text), HEAD);
	}
	return first(span_str(c->documents[document].text), HEAD);
}

static struct span title_of(struct chunks *p, const char *title, struct span heading)
{
	const struct span parts[] = { span_str(title), SPAN_LIT("\n"), heading };

	if (p->titles.max == 0)
		arena_init(&p->titles, TITLES_MAX);
	return arena_join(&p->titles, parts, ARRAY_LEN(parts));
}

/* The collection's text is what the readers make of it, but for blanks at its end. */
static void read_text(struct reading *r, const char *text)
{
	struct span s = span_str(text);

	while (s.len > 0 && strchr(" \n", s.ptr[s.len - 1]))
		s.len--;
	reading_init(r);
	bench_must(read_document(r, "a.md", NULL, s, NULL, NULL) == 0, "a document cannot be read");
	bench_must(r->text.len >= s.len && memcmp(r->text.ptr, s.ptr, s.len) == 0,
		   "a document is not what was read");
}

void chunks_add(struct chunks *p, const struct collection *c, size_t document,
		const struct cut_options *options)
{
	const struct document *d = &c->documents[document];
	struct span text = span_str(d->text);
	struct chunk one = { .document = (uint32_t)document, .head = head_of(c, document) };
	struct cutting cutting;
	struct reading r;

	if (!options) {
		one.end = text.len;
		one.text = text;
		one.title = span_str(d->title);
		one.head = one.head.ptr == text.ptr ? SPAN_NONE : one.head;
		add_chunk(p, one);
		return;
	}
	read_text(&r, d->text);
	bench_must(cut_document(&r, options, &cutting, NULL) == 0, "a document cannot be cut");
	for (size_t i = 0; i < cutting.count; i++) {
		const struct piece *piece = &cutting.pieces[i];
		struct chunk chunk = one;

		chunk.ordinal = (uint32_t)i;
		chunk.start = piece->start;
		chunk.end = piece->end < text.len ? piece->end : text.len;
		chunk.chars_start = piece->chars_start;
		chunk.chars_end = piece->chars_end - (piece->end - chunk.end);
		chunk.text = span_of(text.ptr + chunk.start, chunk.end - chunk.start);
		chunk.title = title_of(p, d->title, piece->heading);
		chunk.head = i > 0 ? one.head : SPAN_NONE;
		add_chunk(p, chunk);
	}
	cutting_free(&cutting);
	reading_free(&r);
}

void chunks_cut(struct chunks *p, const struct collection *c, bool is_cut)
{
	static const struct cut_options options = CUT_OPTIONS;

	for (size_t i = 0; i < c->document_count; i++)
		chunks_add(p, c, i, is_cut ? &options : NULL);
}

void chunks_free(struct chunks *p)
{
	mem_free(p->list);
	if (p->titles.max > 0)
		arena_clear(&p->titles);
}

void bench_must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

struct rag *bench_open_rag(const char *dir)
{
	const struct rag_options options = { .dir = dir };
	struct err err = ERR_INIT;
	struct rag *r = rag_open(&options, &err);

	bench_must(r != NULL, err.message);
	return r;
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Runs of 10 words from anywhere, until there are CHUNK_WORDS. */
void chunks_mix(struct chunks *p, const struct collection *c, size_t collections, size_t chunks,
		struct buf *text)
{
	uint64_t state = 1;

	for (size_t chunk = 0; chunk < chunks; chunk++) {
		size_t begin = text->len;

		for (int run = 0; run < CHUNK_WORDS / 10; run++) {
			const struct collection *from = &c[next_random(&state) % collections];
			struct span s = span_str(
				from->documents[next_random(&state) % from->document_count].text);
			size_t at = s.len > 0 ? next_random(&state) % s.len : 0, end;
			int words = 0;

			while (at < s.len && s.ptr[at] != ' ')
				at++;
			for (end = at; end < s.len && words < 11; end++)
				words += s.ptr[end] == ' ';
			buf_add(text, s.ptr + at, end - at);
		}
		add_chunk(p, (struct chunk){ .text = span_of(NULL, text->len - begin) });
	}
	for (size_t i = 0, at = 0; i < p->count; at += p->list[i++].text.len)
		p->list[i].text.ptr = text->ptr + at;
}
