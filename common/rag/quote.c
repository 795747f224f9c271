/* common/rag/quote.c - texts in a plain form, in which pieces are looked for. */
#include "common/rag/quote.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"
#include "common/text/words.h"

#include <stdlib.h>

enum { PIECES_MAX = 16, WORDS_MAX = 2048 };

/* A text whose variants of one sign are one; at[i]: where byte i of it comes from. */
struct plain {
	char *bytes;
	uint32_t *at;
	size_t len, room;
};

/* What is written in several ways, and its plain one. */
static const struct {
	uint32_t first, last;
	const char *plain;
} variants[] = {
	{ 0xa0, 0xa0, " " },       { 0xab, 0xab, "\"" },      { 0xad, 0xad, "" },
	{ 0xbb, 0xbb, "\"" },      { 0x2000, 0x200a, " " },   { 0x200b, 0x200f, "" },
	{ 0x2010, 0x2015, "-" },   { 0x2018, 0x201b, "'" },   { 0x201c, 0x201f, "\"" },
	{ 0x2028, 0x2029, " " },   { 0x202f, 0x202f, " " },   { 0x2032, 0x2032, "'" },
	{ 0x2033, 0x2033, "\"" },  { 0x2039, 0x203a, "'" },   { 0x205f, 0x205f, " " },
	{ 0x2060, 0x2060, "" },    { 0x2212, 0x2212, "-" },   { 0x3000, 0x3000, " " },
	{ 0xfb00, 0xfb00, "ff" },  { 0xfb01, 0xfb01, "fi" },  { 0xfb02, 0xfb02, "fl" },
	{ 0xfb03, 0xfb03, "ffi" }, { 0xfb04, 0xfb04, "ffl" }, { 0xfeff, 0xfeff, "" },
};

static const char *variant_of(uint32_t c)
{
	for (size_t i = 0; c >= variants[0].first && i < ARRAY_LEN(variants); i++)
		if (c >= variants[i].first && c <= variants[i].last)
			return variants[i].plain;
	return NULL;
}

static void add_byte(struct plain *p, char c, size_t at)
{
	if (p->len == p->room) {
		p->room = p->room > 0 ? p->room * 2 : 256;
		p->bytes = mem_realloc(p->bytes, p->room);
		p->at = mem_realloc(p->at, p->room * sizeof(*p->at));
	}
	p->bytes[p->len] = c;
	p->at[p->len++] = (uint32_t)at;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f';
}

static void add_blank(struct plain *p, size_t at)
{
	if (p->len > 0 && p->bytes[p->len - 1] != ' ')
		add_byte(p, ' ', at);
}

/* How many bytes after a hyphen belong to the end of a line behind which the word goes on; 0 =
 * none. */
static size_t line_break(const struct plain *p, struct span rest)
{
	size_t len = 0;

	if (p->len == 0 || p->bytes[p->len - 1] == ' ' || rest.len == 0)
		return 0;
	while (len < rest.len && (rest.ptr[len] == ' ' || rest.ptr[len] == '\r'))
		len++;
	if (len == rest.len || rest.ptr[len] != '\n')
		return 0;
	for (len++; len < rest.len && (rest.ptr[len] == ' ' || rest.ptr[len] == '\t'); len++)
		;
	return len < rest.len && rest.ptr[len] >= 'a' && rest.ptr[len] <= 'z' ? len : 0;
}

static struct plain plain_of(struct span text)
{
	struct plain p = { 0 };

	for (size_t at = 0, len; at < text.len; at += len) {
		uint32_t c = utf8_next(span_from(text, at), &len);
		const char *variant = variant_of(c);
		size_t after = at + len;

		if (c == ' ' || (c < ' ' && is_blank((char)c)) || (variant && variant[0] == ' ')) {
			add_blank(&p, at);
		} else if ((c == '-' || c == 0x2010) &&
			   (len += line_break(&p, span_from(text, after))) > after - at) {
			continue;
		} else if (variant) {
			for (; *variant; variant++)
				add_byte(&p, *variant, at);
		} else {
			for (size_t i = 0; i < len; i++)
				add_byte(&p, text.ptr[at + i], at);
		}
	}
	return p;
}

static void plain_free(struct plain *p)
{
	mem_free(p->bytes);
	mem_free(p->at);
}

/*
 * Capital letters of ASCII as small ones (those of other scripts must be as they are), and no
 * hyphens: a line's end may have taken one for its own.
 */
static void loosen(struct plain *p)
{
	size_t len = 0;

	for (size_t i = 0; i < p->len; i++) {
		char c = p->bytes[i];

		if (c == '-')
			continue;
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		p->at[len] = p->at[i];
		p->bytes[len++] = c;
	}
	p->len = len;
}

/* Without blanks and quotation marks around it. */
static struct span strip(struct span s)
{
	while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '"' || s.ptr[0] == '\''))
		s = span_from(s, 1);
	while (s.len > 0 &&
	       (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '"' || s.ptr[s.len - 1] == '\''))
		s.len--;
	return s;
}

/* The pieces between ellipses. */
static size_t cut_pieces(struct span quote, struct span pieces[PIECES_MAX])
{
	static const struct span ellipses[] = { SPAN_INIT("[...]"), SPAN_INIT("[…]"),
						SPAN_INIT("..."), SPAN_INIT("…") };
	size_t count = 0;

	while (quote.len > 0 && count < PIECES_MAX) {
		ptrdiff_t at = -1;
		size_t len = 0;

		for (size_t i = 0; i < ARRAY_LEN(ellipses); i++) {
			ptrdiff_t found = span_find(quote, ellipses[i]);

			if (found >= 0 && (at < 0 || found < at)) {
				at = found;
				len = ellipses[i].len;
			}
		}
		pieces[count] = strip(at < 0 ? quote : span_of(quote.ptr, (size_t)at));
		count += pieces[count].len > 0;
		quote = at < 0 ? SPAN_NONE : span_from(quote, (size_t)at + len);
	}
	return count;
}

/* ---- where words end ---- */

/* The character that begins at byte `at`; 0 at the end. */
static uint32_t char_at(const struct plain *p, size_t at)
{
	size_t len;

	return at < p->len ? utf8_next(span_of(p->bytes + at, p->len - at), &len) : 0;
}

/* Where the character before byte `at` (> 0) begins. */
static size_t step_back(const struct plain *p, size_t at)
{
	do
		at--;
	while (at > 0 && ((unsigned char)p->bytes[at] & 0xc0) == 0x80);
	return at;
}

/* The end, in the source, of the character that byte `at` comes from. */
static size_t source_end(const struct plain *p, struct span source, size_t at)
{
	size_t len;

	utf8_next(span_from(source, p->at[at]), &len);
	return p->at[at] + len;
}

static bool is_dash(uint32_t c)
{
	return c == '-' || (c >= 0x2010 && c <= 0x2015) || c == 0x2212;
}

/* Between two words there was a dash that is no end of a line's. */
static bool is_parted(const struct plain *p, struct span source, size_t at)
{
	size_t from = source_end(p, source, at - 1), len;
	bool parted = false;

	for (; from < p->at[at]; from += len) {
		uint32_t c = utf8_next(span_from(source, from), &len);

		if (c == '\n')
			return false;
		parted = parted || is_dash(c);
	}
	return parted;
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_point(uint32_t c)
{
	return c == '.' || c == ',';
}

/* No word and no number goes on from before byte `at` to behind it. */
static bool is_edge(const struct plain *p, struct span source, size_t at)
{
	uint32_t before, after;
	size_t last;

	if (at == 0 || at >= p->len)
		return true;
	last = step_back(p, at);
	before = char_at(p, last);
	after = char_at(p, at);
	if (is_point(after))
		return !is_digit(before) || !is_digit(char_at(p, at + 1));
	if (is_point(before))
		return !is_digit(after) || last == 0 ||
		       !is_digit((unsigned char)p->bytes[last - 1]);
	if (!letter_is_of_word(before) || !letter_is_of_word(after))
		return true;
	return letter_is_dense(before) || letter_is_dense(after) || is_parted(p, source, at);
}

/* What stands on the character before it. */
static bool is_mark(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} marks[] = {
		{ 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x0610, 0x061a },
		{ 0x064b, 0x065f }, { 0x0900, 0x0903 }, { 0x093a, 0x094f }, { 0x0e31, 0x0e31 },
		{ 0x0e34, 0x0e3a }, { 0x0e47, 0x0e4e }, { 0x0eb1, 0x0eb1 }, { 0x0eb4, 0x0ebc },
		{ 0x0ec8, 0x0ecd }, { 0x102b, 0x103e }, { 0x17b6, 0x17d3 }, { 0x1ab0, 0x1aff },
		{ 0x1dc0, 0x1dff }, { 0x20d0, 0x20ff }, { 0x3099, 0x309a }, { 0xfe00, 0xfe0f },
		{ 0xfe20, 0xfe2f },
	};

	for (size_t i = 0; c >= marks[0].first && i < ARRAY_LEN(marks); i++)
		if (c >= marks[i].first && c <= marks[i].last)
			return true;
	return false;
}

/* ---- what is there ---- */

/* The first place from byte `from` on that is no part of a word or number; -1. */
static ptrdiff_t find_piece(const struct plain *text, struct span source, struct span piece,
			    size_t from)
{
	for (;; from++) {
		ptrdiff_t found = span_find(span_of(text->bytes + from, text->len - from), piece);

		if (found < 0)
			return -1;
		from += (size_t)found;
		if (is_edge(text, source, from) && is_edge(text, source, from + piece.len))
			return (ptrdiff_t)from;
	}
}

/* All pieces in their order: the bytes of the plain text from the first to the last. */
static bool find_pieces(const struct plain *text, struct span source, const struct span *pieces,
			size_t count, size_t *start, size_t *end)
{
	size_t from = 0;

	for (size_t i = 0; i < count && text->len > 0; i++) {
		ptrdiff_t at = find_piece(text, source, pieces[i], from);

		if (at < 0)
			return false;
		if (i == 0)
			*start = (size_t)at;
		from = (size_t)at + pieces[i].len;
	}
	*end = from;
	return from > 0;
}

static bool try_pieces(struct plain *text, const struct plain *quote, struct span source,
		       struct quote_place *out)
{
	struct span pieces[PIECES_MAX];
	size_t count = cut_pieces(span_of(quote->bytes, quote->len), pieces), start = 0, end = 0;
	size_t len;

	if (!find_pieces(text, source, pieces, count, &start, &end))
		return false;
	out->found = true;
	out->likeness = 1;
	out->start = text->at[start];
	out->end = source_end(text, source, end - 1);
	while (is_mark(utf8_next(span_from(source, out->end), &len)))
		out->end += len;
	return true;
}

/* ---- what is like it ---- */

struct seen_word {
	uint64_t hash;
	uint32_t start, end;
};

struct word_list {
	struct span text;
	struct seen_word *list;
	size_t count, room;
};

static void add_word(void *data, const struct word *word)
{
	struct word_list *w = data;

	if (word->kind == WORD_PART)
		return;
	if (w->count == w->room) {
		w->room = w->room > 0 ? w->room * 2 : 256;
		w->list = mem_realloc(w->list, w->room * sizeof(*w->list));
	}
	w->list[w->count].hash = words_hash(word->text);
	w->list[w->count].start = (uint32_t)(word->source.ptr - w->text.ptr);
	w->list[w->count].end = w->list[w->count].start + (uint32_t)word->source.len;
	w->count++;
}

static int compare_hashes(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* The quote's words, each once, and how often it says them. */
struct bag {
	uint64_t hashes[WORDS_MAX]; /* ascending */
	int left[WORDS_MAX];        /* that a window has yet to have */
	size_t count;
};

static void fill_bag(struct bag *b, const struct word_list *quote)
{
	size_t all = quote->count < WORDS_MAX ? quote->count : WORDS_MAX;

	for (size_t i = 0; i < all; i++)
		b->hashes[i] = quote->list[i].hash;
	qsort(b->hashes, all, sizeof(b->hashes[0]), compare_hashes);
	b->count = 0;
	for (size_t i = 0; i < all; i++) {
		if (b->count == 0 || b->hashes[b->count - 1] != b->hashes[i]) {
			b->hashes[b->count] = b->hashes[i];
			b->left[b->count++] = 0;
		}
		b->left[b->count - 1]++;
	}
}

static int find_word(const struct bag *b, uint64_t hash)
{
	const uint64_t *found = bsearch(&hash, b->hashes, b->count, sizeof(hash), compare_hashes);

	return found ? (int)(found - b->hashes) : -1;
}

/*
 * The window of as many words as the quote has in which most of them stand; each counts as often as
 * the quote says it.
 */
static void find_like(const struct word_list *text, const struct word_list *quote,
		      struct quote_place *out)
{
	struct bag bag;
	size_t width = quote->count, best = 0, here = 0;
	int *which = mem_calloc(text->count + 1, sizeof(*which));

	fill_bag(&bag, quote);
	for (size_t i = 0; i < text->count; i++) {
		which[i] = find_word(&bag, text->list[i].hash);
		if (which[i] >= 0 && bag.left[which[i]]-- > 0)
			here++;
		if (i >= width && which[i - width] >= 0 && bag.left[which[i - width]]++ >= 0)
			here--;
		if (here > best) {
			size_t first = i + 1 > width ? i + 1 - width : 0;

			while (which[first] < 0)
				first++;
			best = here;
			out->start = text->list[first].start;
			out->end = text->list[i].end;
		}
	}
	out->likeness = quote->count > 0 ? (float)best / (float)quote->count : 0;
	mem_free(which);
}

int quote_find(struct span text, struct span quote, struct quote_place *out, struct err *err)
{
	struct word_list words = { .text = text }, quoted = { .text = quote };
	struct plain plain_text, plain_quote;

	*out = (struct quote_place){ 0 };
	if (quote.len > QUOTE_MAX)
		return err_set(err, E_invalid_field, "quote", "a quote has at most %d bytes",
			       QUOTE_MAX);
	words_each(quote, add_word, &quoted);
	if (quoted.count == 0) {
		mem_free(quoted.list);
		return err_set(err, E_invalid_field, "quote", "the quote has no word");
	}
	plain_text = plain_of(text);
	plain_quote = plain_of(quote);
	out->exact = try_pieces(&plain_text, &plain_quote, text, out);
	if (!out->found) {
		loosen(&plain_text);
		loosen(&plain_quote);
		try_pieces(&plain_text, &plain_quote, text, out);
	}
	if (!out->found) {
		words_each(text, add_word, &words);
		find_like(&words, &quoted, out);
	}
	plain_free(&plain_text);
	plain_free(&plain_quote);
	mem_free(words.list);
	mem_free(quoted.list);
	return 0;
}
