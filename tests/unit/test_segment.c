/* Tests of common/rag/segment.h: against an index that is as plain as can be. */
#include "common/rag/segment.h"

#include "common/base/mem.h"
#include "common/rag/segment_inside.h"
#include "common/text/terms.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { TERMS = 300, ROWS = 1000, PLACES_MAX = 40 };

/* Of a term beside the one before, and as segment_builder_terms has them. */
enum place { NEXT, BESIDE, APART, NOWHERE };

struct plain_row {
	int64_t chunk;
	uint32_t length;
	unsigned weights[TERMS];
	struct {
		unsigned term;
		enum place place;
	} places[PLACES_MAX];
	size_t place_count;
};

struct plain {
	char texts[TERMS][24];
	struct plain_row rows[ROWS];
	size_t row_count;
};

static unsigned next_random(uint64_t *state, unsigned below)
{
	*state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)((*state >> 33) % below);
}

/* Few terms are in most rows, most are in few; words of one length in several scripts. */
static struct plain *make_plain(uint64_t seed, size_t row_count)
{
	static const char *const letters[] = { "a", "b", "e", "n", "o", "s", "t", "ä", "ж", "水" };
	struct plain *p = mem_new(struct plain);

	for (unsigned i = 0; i < TERMS; i++) {
		struct buf b;

		buf_init(&b, 23);
		for (unsigned n = i + 11; n > 0; n /= 10)
			buf_add_str(&b, letters[n % 10]);
		memcpy(p->texts[i], buf_str(&b), b.len + 1);
		buf_free(&b);
	}
	p->row_count = row_count;
	for (size_t r = 0; r < row_count; r++) {
		struct plain_row *row = &p->rows[r];

		row->chunk = (r > 0 ? p->rows[r - 1].chunk : -50) + 1 + next_random(&seed, 5);
		row->length = next_random(&seed, 100) == 0 ? 100000 : next_random(&seed, 300);
		row->place_count = next_random(&seed, PLACES_MAX);
		for (size_t i = 0; i < row->place_count; i++) {
			unsigned u = next_random(&seed, 1000);

			row->places[i].term = u * u / 1000 * TERMS / 1000;
			row->places[i].place =
				i == 0 ? NEXT : (enum place)next_random(&seed, 4);
		}
	}
	return p;
}

static void add_text(struct segment_builder *b, struct span text, unsigned weight, enum place place)
{
	const struct term_number one = { segment_builder_number(b, text, terms_hash(text)),
					 place == BESIDE };

	segment_builder_terms(b, &one, 1, weight,
			      place == APART     ? SEGMENT_APART
			      : place == NOWHERE ? SEGMENT_NOWHERE
						 : SEGMENT_NEXT);
}

static void add_row(struct segment_builder *b, struct plain *p, size_t r)
{
	struct plain_row *row = &p->rows[r];

	assert_int_equal(segment_builder_row(b, row->chunk, NULL), 0);
	segment_builder_length(b, row->length);
	memset(row->weights, 0, sizeof(row->weights));
	for (size_t i = 0; i < row->place_count; i++) {
		struct span text = span_str(p->texts[row->places[i].term]);
		unsigned weight = i % 7 == 0 ? 8 : i % 11 == 0 ? 1 : 4;

		add_text(b, text, weight, row->places[i].place);
		row->weights[row->places[i].term] += weight;
	}
}

static bool has_bit(const uint64_t *bits, size_t i)
{
	return bits && (bits[i / 64] >> (i % 64) & 1);
}

/* The rows from..to that are not dead. */
static void build(struct plain *p, size_t from, size_t to, const uint64_t *dead, struct buf *out)
{
	struct segment_builder *b = segment_builder_new();

	buf_init(out, SEGMENT_BYTES_MAX);
	for (size_t r = from; r < to; r++)
		if (!has_bit(dead, r))
			add_row(b, p, r);
	assert_int_equal(segment_builder_write(b, out, NULL), 0);
	assert_int_equal(segment_builder_rows(b), 0);
	segment_builder_free(b);
}

static void check_term(const struct plain *p, const struct segment *s, unsigned term)
{
	struct segment_term found;
	struct postings postings;
	size_t r = 0, rows = 0;
	char room[SEGMENT_TERM_MAX];

	for (size_t i = 0; i < p->row_count; i++)
		rows += p->rows[i].weights[term] > 0;
	assert_int_equal(segment_find(s, span_str(p->texts[term]), &found), rows > 0);
	if (rows == 0)
		return;
	assert_int_equal(found.rows, rows);
	assert_int_equal(segment_term(s, found.id).rows, rows);
	assert_true(span_is(span_of(room, segment_term_text(s, found.id, room)), p->texts[term]));
	postings_open(s, found.id, &postings);
	while (postings_next(&postings))
		for (size_t i = 0; i < postings.count; i++, r++) {
			while (p->rows[r].weights[term] == 0)
				r++;
			assert_int_equal(postings.rows[i], r);
			assert_int_equal(postings.weights[i], p->rows[r].weights[term]);
			rows--;
		}
	assert_int_equal(rows, 0);
}

static void check_places(const struct plain *p, const struct segment *s, uint32_t r)
{
	const struct plain_row *row = &p->rows[r];
	struct places places;
	uint32_t before = UINT32_MAX;

	places_open(s, r, &places);
	for (size_t i = 0; i < row->place_count; i++) {
		char room[SEGMENT_TERM_MAX];
		uint32_t step;

		if (row->places[i].place == NOWHERE)
			continue;
		assert_true(places_next(&places));
		assert_true(span_is(span_of(room, segment_term_text(s, places.id, room)),
				    p->texts[row->places[i].term]));
		step = places.place - before;
		assert_true(row->places[i].place == NEXT     ? step == 1
			    : row->places[i].place == BESIDE ? step == 0
								     : step > 8);
		before = places.place;
	}
	assert_false(places_next(&places));
}

static void a_segment_holds_what_a_plain_index_holds(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct plain *p = make_plain(seed, seed == 1   ? 0
						   : seed == 2 ? 1
						   : seed == 3 ? 129
							       : ROWS);
		struct segment *s;
		struct buf bytes;
		uint64_t words = 0;
		struct segment_term none;

		build(p, 0, p->row_count, NULL, &bytes);
		s = segment_open(buf_span(&bytes), NULL);
		assert_non_null(s);
		assert_int_equal(segment_rows(s), p->row_count);
		for (unsigned i = 0; i < TERMS; i++)
			check_term(p, s, i);
		for (uint32_t r = 0; r < p->row_count; r++) {
			uint32_t length = p->rows[r].length < SEGMENT_LENGTH_MAX
						  ? p->rows[r].length
						  : SEGMENT_LENGTH_MAX;

			words += length;
			assert_int_equal(segment_length(s, r), length);
			assert_int_equal(segment_chunk(s, r), p->rows[r].chunk);
			assert_int_equal(segment_row(s, p->rows[r].chunk), r);
			check_places(p, s, r);
		}
		assert_int_equal(segment_words(s), words);
		assert_int_equal(segment_row(s, -1000), -1);
		assert_int_equal(segment_row(s, 1000000), -1);
		assert_false(segment_find(s, SPAN_LIT("zzz"), &none));
		assert_false(segment_find(s, SPAN_LIT("A"), &none));
		for (uint32_t id = 1; id < segment_terms(s); id++)
			assert_true(segment_term(s, id).rows <= segment_term(s, id - 1).rows);
		segment_close(s);
		buf_free(&bytes);
		mem_free(p);
	}
}

/* Merged, with any rows left out, is byte for byte what building from the rest gives. */
static void merging_is_building_at_once(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 8; seed++) {
		static const size_t cuts[] = { 0, 3, 130, 131, 600, ROWS };
		enum { PARTS = sizeof(cuts) / sizeof(cuts[0]) - 1 };
		struct plain *p = make_plain(seed, ROWS);
		uint64_t dead[(ROWS + 63) / 64] = { 0 },
					    part_dead[PARTS][(ROWS + 63) / 64] = { { 0 } };
		const uint64_t *dead_of[PARTS];
		struct segment *parts[PARTS];
		struct buf bytes[PARTS], whole, merged;
		uint64_t random = seed;

		for (size_t r = 0; r < ROWS && seed > 1; r++)
			if (next_random(&random, 8) < seed)
				dead[r / 64] |= UINT64_C(1) << (r % 64);
		for (size_t i = 0; i < PARTS; i++) {
			for (size_t r = cuts[i]; r < cuts[i + 1]; r++)
				if (has_bit(dead, r))
					part_dead[i][(r - cuts[i]) / 64] |= UINT64_C(1)
									    << ((r - cuts[i]) % 64);
			dead_of[i] = part_dead[i];
			build(p, cuts[i], cuts[i + 1], NULL, &bytes[i]);
			parts[i] = segment_open(buf_span(&bytes[i]), NULL);
			assert_non_null(parts[i]);
		}
		build(p, 0, ROWS, dead, &whole);
		buf_init(&merged, SEGMENT_BYTES_MAX);
		assert_int_equal(segment_merge((const struct segment *const *)parts,
					       seed == 1 ? NULL : dead_of, PARTS, &merged, NULL),
				 0);
		assert_true(span_equal(buf_span(&whole), buf_span(&merged)));
		for (size_t i = 0; i < PARTS; i++) {
			segment_close(parts[i]);
			buf_free(&bytes[i]);
		}
		buf_free(&whole);
		buf_free(&merged);
		mem_free(p);
	}
}

static void segments_that_overlap_are_not_merged(void **state)
{
	struct plain *p = make_plain(5, 20);
	struct buf bytes, out;
	struct segment *s;
	struct err err = ERR_INIT;

	(void)state;
	build(p, 0, 20, NULL, &bytes);
	s = segment_open(buf_span(&bytes), NULL);
	buf_init(&out, SEGMENT_BYTES_MAX);
	buf_add_str(&out, "kept");
	assert_int_equal(
		segment_merge((const struct segment *const[]){ s, s }, NULL, 2, &out, &err), -1);
	assert_int_equal(err.code, E_storage_error);
	assert_string_equal(buf_str(&out), "kept");
	segment_close(s);
	buf_free(&out);
	buf_free(&bytes);
	mem_free(p);
}

static void what_does_not_fit_is_said(void **state)
{
	struct segment_builder *b = segment_builder_new();
	struct plain *p = make_plain(5, 20);
	struct err err = ERR_INIT;
	struct buf out;

	(void)state;
	for (size_t r = 0; r < 20; r++)
		add_row(b, p, r);
	buf_init(&out, 1000);
	buf_add_str(&out, "kept");
	assert_int_equal(segment_builder_write(b, &out, &err), -1);
	assert_int_equal(err.code, E_too_large);
	assert_int_equal(out.len, 4);
	segment_builder_free(b);
	buf_free(&out);
	mem_free(p);
}

static void damaged_bytes_are_refused(void **state)
{
	struct plain *p = make_plain(4, 12);
	struct buf bytes;

	(void)state;
	build(p, 0, 12, NULL, &bytes);
	for (size_t i = 0; i < bytes.len; i++) {
		struct err err = ERR_INIT;

		bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << i % 8));
		assert_null(segment_open(buf_span(&bytes), &err));
		assert_int_equal(err.code, E_storage_error);
		assert_null(segment_open(span_of(bytes.ptr, i), NULL));
		bytes.ptr[i] = (char)(bytes.ptr[i] ^ (1 << i % 8));
	}
	buf_add_char(&bytes, 0);
	assert_null(segment_open(buf_span(&bytes), NULL));
	assert_null(segment_open(SPAN_NONE, NULL));
	buf_free(&bytes);
	mem_free(p);
}

static void seal_forged(struct buf *bytes)
{
	unsigned char *head = (unsigned char *)bytes->ptr;

	store64(head + HEAD_CHECKSUM, packed_checksum(head + HEAD_SECTIONS, bytes->len - HEAD_SECTIONS) +
					      packed_checksum(head, HEAD_CHECKSUM));
}

/* A forger knows the checksum: readers look at each number that they depend on. */
static void forged_postings_end_early(void **state)
{
	static const struct {
		size_t at; /* in the block: bits of a gap, bits of a weight, least weight */
		char value;
	} forgeries[] = { { 0, 25 }, { 0, 24 }, { 1, 17 }, { 2, 0 } };
	static const char *const words[] = { "one", "one", "one" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forgeries); i++) {
		struct segment_builder *b = segment_builder_new();
		struct postings postings;
		struct segment *s;
		struct buf bytes;
		unsigned char *head;

		buf_init(&bytes, SEGMENT_BYTES_MAX);
		for (size_t j = 0; j < ARRAY_LEN(words); j++) {
			segment_builder_row(b, (int64_t)j, NULL);
			add_text(b, span_str(words[j]), 4, NEXT);
		}
		assert_int_equal(segment_builder_write(b, &bytes, NULL), 0);
		segment_builder_free(b);
		head = (unsigned char *)bytes.ptr;
		bytes.ptr[load32(head + HEAD_SECTIONS + 4 * (SECTION_POSTINGS - 1)) +
			  forgeries[i].at] = forgeries[i].value;
		seal_forged(&bytes);
		s = segment_open(buf_span(&bytes), NULL);
		assert_non_null(s);
		postings_open(s, 0, &postings);
		assert_false(postings_next(&postings));
		segment_close(s);
		buf_free(&bytes);
	}
}

/* Gaps that lead round 32 bits to the same term, so often that what counts it would begin anew. */
static void forged_trigrams_lead_past_no_term_twice(void **state)
{
	static const unsigned char gap[] = { 0xff, 0xff, 0xff, 0xff, 0x0f };
	struct segment_builder *b = segment_builder_new();
	struct segment_counts counts = { 0 };
	struct segment_alike found[4];
	struct segment *s;
	struct buf bytes;
	char *end;

	(void)state;
	segment_builder_row(b, 1, NULL);
	add_text(b, SPAN_LIT("ones"), 4, NEXT);
	buf_init(&bytes, SEGMENT_BYTES_MAX);
	assert_int_equal(segment_builder_write(b, &bytes, NULL), 0);
	segment_builder_free(b);
	/* Of the last trigram, whose list is the last of the segment. */
	for (size_t i = 0; i < 2000; i++)
		buf_add(&bytes, gap, sizeof(gap));
	end = bytes.ptr + load32(bytes.ptr + HEAD_SECTIONS + 4 * SECTION_GRAM_ENDS) - 4;
	store32(end, load32(end) + 2000 * (uint32_t)sizeof(gap));
	store32(bytes.ptr + HEAD_SECTIONS + 4 * SECTION_GRAM_SLOTS, (uint32_t)bytes.len);
	seal_forged(&bytes);
	s = segment_open(buf_span(&bytes), NULL);
	assert_non_null(s);
	assert_int_equal(segment_alike(s, SPAN_LIT("onest"), 0.1f, true, &counts, found, ARRAY_LEN(found)), 1);
	assert_int_equal(segment_alike(s, SPAN_LIT("bones"), 0.1f, true, &counts, found, ARRAY_LEN(found)), 1);
	segment_counts_free(&counts);
	segment_close(s);
	buf_free(&bytes);
}

static void bytes_may_lie_anywhere(void **state)
{
	struct plain *p = make_plain(4, 200);
	struct buf bytes, moved;

	(void)state;
	build(p, 0, 200, NULL, &bytes);
	for (size_t shift = 1; shift < 8; shift++) {
		struct segment *s;

		buf_init(&moved, SEGMENT_BYTES_MAX);
		buf_add(&moved, "1234567", shift);
		buf_add_span(&moved, buf_span(&bytes));
		s = segment_open(span_of(moved.ptr + shift, bytes.len), NULL);
		assert_non_null(s);
		for (unsigned i = 0; i < TERMS; i++)
			check_term(p, s, i);
		segment_close(s);
		buf_free(&moved);
	}
	buf_free(&bytes);
	mem_free(p);
}

static struct segment *open_words(const char *const *words, size_t count, struct buf *bytes)
{
	struct segment_builder *b = segment_builder_new();
	struct segment *s;

	buf_init(bytes, SEGMENT_BYTES_MAX);
	for (size_t i = 0; i < count; i++) {
		segment_builder_row(b, (int64_t)i, NULL);
		add_text(b, span_str(words[i]), 4,
				     NEXT);
	}
	assert_int_equal(segment_builder_write(b, bytes, NULL), 0);
	segment_builder_free(b);
	s = segment_open(buf_span(bytes), NULL);
	assert_non_null(s);
	return s;
}

static void words_that_look_alike_are_found(void **state)
{
	static const char *const words[] = { "connection", "connector", "conection", "section",
					     "reflection", "münchen",   "2019",      "2018",
					     "长江",       "max_body",  "maxbody",   "a",
					     "aaaaaaaa",   "aaaaaaab",  "résumé" };
	static const struct {
		const char *word, *alike;
		bool folded;
	} cases[] = {
		{ "connection", "conection connector section reflection", false },
		{ "conections", "conection connection", false },
		{ "munchen", "münchen", false },
		{ "resume", "", false },
		{ "resume", "résumé", true },
		{ "résumé", "", false },
		{ "résumè", "résumé", true },
		{ "2017", "", false },
		{ "长", "", false },
		{ "max_bod", "max_body", false },
		{ "", "", false },
		{ "aaa", "aaaaaaaa aaaaaaab", false },
		{ "b", "", false },
	};
	struct segment_counts counts = { 0 };
	struct buf bytes, out;
	struct segment *s = open_words(words, ARRAY_LEN(words), &bytes);

	(void)state;
	buf_init(&out, 1000);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct segment_alike found[10];
		size_t count = segment_alike(s, span_str(cases[i].word), 0.5f, cases[i].folded,
					     &counts, found, 10);

		buf_clear(&out);
		for (size_t j = 0; j < count; j++) {
			char room[SEGMENT_TERM_MAX];
			size_t len = segment_term_text(s, found[j].term.id, room);

			buf_printf(&out, "%s%.*s", j > 0 ? " " : "", (int)len, room);
			assert_true(found[j].dice >= 0.5f && found[j].dice <= 1);
			assert_true(j == 0 || found[j].dice <= found[j - 1].dice);
		}
		assert_string_equal(buf_str(&out), cases[i].alike);
		if (count > 1) {
			struct segment_alike best;

			assert_int_equal(segment_alike(s, span_str(cases[i].word), 0.5f,
						       cases[i].folded, &counts, &best, 1),
					 1);
			assert_int_equal(best.term.id, found[0].term.id);
		}
	}
	segment_counts_free(&counts);
	segment_close(s);
	buf_free(&bytes);
	buf_free(&out);
}

static void weights_stay_within_their_limit(void **state)
{
	struct segment_builder *b = segment_builder_new();
	struct segment_term term;
	struct postings postings;
	struct segment *s;
	struct buf bytes;

	(void)state;
	buf_init(&bytes, SEGMENT_BYTES_MAX);
	segment_builder_row(b, 1, NULL);
	for (int i = 0; i < 10000; i++)
		add_text(b, SPAN_LIT("x"), 8, NEXT);
	assert_true(segment_builder_bytes(b) > 10000);
	assert_int_equal(segment_builder_write(b, &bytes, NULL), 0);
	s = segment_open(buf_span(&bytes), NULL);
	assert_true(segment_find(s, SPAN_LIT("x"), &term));
	postings_open(s, term.id, &postings);
	assert_true(postings_next(&postings));
	assert_in_range(postings.weights[0], SEGMENT_WEIGHT_MAX - 8, SEGMENT_WEIGHT_MAX);
	assert_false(postings_next(&postings));
	segment_close(s);
	segment_builder_free(b);
	buf_free(&bytes);
}

static void add_head(struct segment_builder *b, const char *head, bool remembers)
{
	if (remembers && segment_builder_again(b, span_str(head), 1))
		return;
	for (const char *c = head; *c; c++)
		add_text(b, span_of(c, 1), 1, NOWHERE);
}

static void what_is_remembered_of_a_head_is_what_it_adds(void **state)
{
	static const char *const heads[] = { "abcab", "abcab", "", "abcab", "xyzzy", "abcab", "abcab" };
	struct buf out[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct segment_builder *b = segment_builder_new();

		buf_init(&out[i], SEGMENT_BYTES_MAX);
		/* The second time with a builder that was written. */
		for (int round = 0; round < 2; round++) {
			buf_clear(&out[i]);
			for (size_t r = 0; r < ARRAY_LEN(heads); r++) {
				assert_int_equal(segment_builder_row(b, (int64_t)r, NULL), 0);
				add_text(b, SPAN_LIT("b"), 4,
						     NEXT);
				add_head(b, heads[r], i == 1);
				add_text(b, SPAN_LIT("q"), 4,
						     NEXT);
			}
			assert_int_equal(segment_builder_write(b, &out[i], NULL), 0);
		}
		segment_builder_free(b);
	}
	assert_true(span_equal(buf_span(&out[0]), buf_span(&out[1])));
	buf_free(&out[0]);
	buf_free(&out[1]);
}

static void write_words(struct segment_builder *b, unsigned count, struct buf *out)
{
	char word[16];

	buf_clear(out);
	assert_int_equal(segment_builder_row(b, 1, NULL), 0);
	for (unsigned i = 0; i < count; i++) {
		snprintf(word, sizeof(word), "w%u", i);
		add_text(b, span_str(word), 4, NEXT);
	}
	assert_int_equal(segment_builder_write(b, out, NULL), 0);
}

/* Else each of them would clear what one that was large had needed. */
static void few_terms_after_many_take_little_room(void **state)
{
	struct segment_builder *b = segment_builder_new();
	struct buf first, later;
	size_t many, few;

	(void)state;
	buf_init(&first, SEGMENT_BYTES_MAX);
	buf_init(&later, SEGMENT_BYTES_MAX);
	write_words(b, 20, &first);
	write_words(b, 40000, &later);
	many = segment_builder_bytes(b);
	write_words(b, 20, &later);
	few = segment_builder_bytes(b);
	assert_true(few + 40000 * sizeof(uint64_t) < many);
	assert_true(span_equal(buf_span(&first), buf_span(&later)));
	write_words(b, 20, &later);
	assert_int_equal(segment_builder_bytes(b), few);
	assert_true(span_equal(buf_span(&first), buf_span(&later)));
	segment_builder_free(b);
	buf_free(&first);
	buf_free(&later);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_segment_holds_what_a_plain_index_holds),
		cmocka_unit_test(merging_is_building_at_once),
		cmocka_unit_test(segments_that_overlap_are_not_merged),
		cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(damaged_bytes_are_refused),
		cmocka_unit_test(forged_postings_end_early),
		cmocka_unit_test(forged_trigrams_lead_past_no_term_twice),
		cmocka_unit_test(bytes_may_lie_anywhere),
		cmocka_unit_test(words_that_look_alike_are_found),
		cmocka_unit_test(weights_stay_within_their_limit),
		cmocka_unit_test(what_is_remembered_of_a_head_is_what_it_adds),
		cmocka_unit_test(few_terms_after_many_take_little_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
