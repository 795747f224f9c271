/*
 * tests/fuzz/fuzz_segment.c - any bytes as a segment of the index.
 *
 * As they are, and once more with the header and checksum they should have, so that the readers
 * meet what a forger could make.  Whatever opens is read whole: rows, terms, postings, places,
 * alike terms; it is searched, and merged with itself left out in part.
 */
#include "common/rag/lexical.h"
#include "common/rag/segment_inside.h"
#include "tests/fuzz/must.h"

#include "common/base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_terms(const struct segment *s)
{
	static struct postings postings;

	for (uint32_t id = 0; id < segment_terms(s) && id < 1000; id++) {
		char room[SEGMENT_TERM_MAX];
		size_t len = segment_term_text(s, id, room);
		struct segment_term found, term = segment_term(s, id);
		uint32_t next = 0;

		must(len <= SEGMENT_TERM_MAX && term.rows <= segment_rows(s));
		if (segment_find(s, span_of(room, len), &found))
			must(found.id < segment_terms(s));
		postings_open(s, id, &postings);
		while (postings_next(&postings))
			for (size_t i = 0; i < postings.count; i++) {
				must(postings.rows[i] >= next &&
				     postings.rows[i] < segment_rows(s));
				next = postings.rows[i] + 1;
			}
	}
}

static void read_rows(const struct segment *s)
{
	for (uint32_t row = 0; row < segment_rows(s) && row < 1000; row++) {
		struct places places;
		int64_t found = segment_row(s, segment_chunk(s, row));

		must(found >= -1 && found < segment_rows(s) &&
		     segment_length(s, row) <= SEGMENT_LENGTH_MAX);
		places_open(s, row, &places);
		while (places_next(&places))
			must(places.id < segment_terms(s));
	}
}

static void search(const struct segment *s, struct span question)
{
	const struct segment *const segments[] = { s };
	const uint32_t firsts[] = { 0 };
	struct lexical_view view = { .segments = segments, .first = firsts, .count = 1 };
	struct lexical_scratch *scratch = lexical_scratch_new();
	struct lexical_hit hits[20];
	size_t count = lexical_search(&view, question, scratch, hits, 20);

	for (size_t i = 0; i < count; i++) {
		struct lexical_match found[20];

		must(hits[i].row < segment_rows(s));
		lexical_matches(&view, hits[i].row, scratch, found, 20);
	}
	lexical_scratch_free(scratch);
}

static void merge(const struct segment *s)
{
	const struct segment *const segments[] = { s };
	uint64_t *dead = mem_calloc((size_t)segment_rows(s) / 64 + 1, sizeof(*dead));
	struct err err = ERR_INIT;
	struct buf out;

	buf_init(&out, SEGMENT_BYTES_MAX);
	memset(dead, 0x55, ((size_t)segment_rows(s) / 64 + 1) * sizeof(*dead));
	if (segment_merge(segments, (const uint64_t *const[]){ dead }, 1, &out, &err) == 0)
		must(out.len >= HEAD_SIZE);
	else
		must(err.code == E_storage_error || err.code == E_too_large);
	buf_free(&out);
	mem_free(dead);
}

static void try(struct span bytes)
{
	struct err err = ERR_INIT;
	struct segment *s = segment_open(bytes, &err);

	if (!s) {
		must(err.code == E_storage_error);
		return;
	}
	read_terms(s);
	read_rows(s);
	search(s, SPAN_LIT("the connection of words 2 getUserName"));
	search(s, span_of(bytes.ptr + bytes.len / 2, bytes.len / 2));
	merge(s);
	segment_close(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned char *forged;

	try(span_of((const char *)data, size));
	if (size < HEAD_SIZE)
		return 0;
	forged = mem_alloc(size);
	memcpy(forged, data, size);
	store64(forged, SEGMENT_MAGIC);
	store32(forged + HEAD_VERSION, SEGMENT_VERSION);
	store64(forged + HEAD_CHECKSUM,
		packed_checksum(forged + HEAD_SECTIONS, size - HEAD_SECTIONS) +
			packed_checksum(forged, HEAD_CHECKSUM));
	try(span_of((const char *)forged, size));
	mem_free(forged);
	return 0;
}
