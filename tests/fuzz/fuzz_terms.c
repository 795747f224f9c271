/*
 * tests/fuzz/fuzz_terms.c - any bytes as a text: its words, its terms, and a row of the index.
 *
 * Each says where it stands, in order, within the text; a row of it is packed, opened and found
 * again by its own first term.
 */
#include "common/rag/lexical.h"
#include "common/text/words.h"
#include "tests/fuzz/must.h"

#include "common/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct check {
	struct span text;
	size_t places, terms;
};

static void check_word(void *data, const struct word *word)
{
	const struct check *c = data;

	must(word->text.len > 0 && word->text.len <= WORD_MAX);
	must(word->source.len > 0 && word->source.ptr >= c->text.ptr);
	must(word->source.ptr + word->source.len <= c->text.ptr + c->text.len);
	if (word->kind == WORD_GRAM)
		must(span_equal(word->source, word->text));
}

static void check_term(void *data, const struct term *term)
{
	struct check *c = data;

	must(term->text.len > 0 && term->text.len <= TERM_MAX &&
	     term->hash == terms_hash(term->text));
	must(!term->is_beside || c->terms > 0);
	c->terms++;
	c->places += !term->is_beside;
}

static void check_row(struct terms *terms, struct span text, const struct check *c)
{
	struct segment_builder *b = segment_builder_new();
	struct lexical_row row = { .chunk = 7, .text = text, .title = text };
	struct places places;
	struct segment *s;
	struct buf bytes;
	size_t count = 0;

	buf_init(&bytes, SEGMENT_BYTES_MAX);
	must(lexical_add(b, terms, &row, NULL) == 0 && segment_builder_write(b, &bytes, NULL) == 0);
	s = segment_open(buf_span(&bytes), NULL);
	must(s && segment_rows(s) == 1 && segment_row(s, 7) == 0 &&
	     segment_length(s, 0) == c->places);
	places_open(s, 0, &places);
	while (places_next(&places))
		count++;
	must(count == 2 * c->terms);
	segment_close(s);
	segment_builder_free(b);
	buf_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct terms *terms = terms_new();
	struct check c = { .text = span_of((const char *)data, size) };

	words_each(c.text, check_word, &c);
	must(terms_each(terms, c.text, check_term, &c) == c.places);
	check_row(terms, c.text, &c);
	terms_free(terms);
	return 0;
}
