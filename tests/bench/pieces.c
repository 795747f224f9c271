/* tests/bench/pieces.c - cutting at paragraphs, and chunks mixed from texts. */
#include "tests/bench/pieces.h"

#include "common/base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { CHUNK_WORDS = 100, PIECE = 700, HEAD = 240 };

double bench_cpu_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void add_piece(struct pieces *p, struct piece one)
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

/* At the last blank line before PIECE bytes, else line, else blank, else there. */
static size_t piece_len(struct span s)
{
	static const struct span ends[] = { { "\n\n", 2 }, { "\n", 1 }, { " ", 1 } };

	if (s.len <= PIECE)
		return s.len;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		for (size_t at = PIECE; at > PIECE / 3; at--)
			if (memcmp(s.ptr + at - ends[i].len, ends[i].ptr, ends[i].len) == 0)
				return at;
	return first(s, PIECE).len;
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

void pieces_cut(struct pieces *p, const struct collection *c, bool is_cut)
{
	for (size_t i = 0; i < c->document_count; i++) {
		struct span rest = span_str(c->documents[i].text);
		struct piece one = { .document = (uint32_t)i,
				     .title = span_str(c->documents[i].title),
				     .head = head_of(c, i) };

		do {
			size_t len = is_cut ? piece_len(rest) : rest.len;

			one.text = span_of(rest.ptr, len);
			add_piece(p, one);
			rest = span_from(rest, len);
		} while (rest.len > 0);
	}
}

void bench_must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	exit(1);
}

static uint64_t next_random(uint64_t *state)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return *state >> 33;
}

/* Runs of 10 words from anywhere, until there are CHUNK_WORDS. */
void pieces_mix(struct pieces *p, const struct collection *c, size_t collections, size_t chunks,
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
		add_piece(p, (struct piece){ .text = span_of(NULL, text->len - begin) });
	}
	for (size_t i = 0, at = 0; i < p->count; at += p->list[i++].text.len)
		p->list[i].text.ptr = text->ptr + at;
}
