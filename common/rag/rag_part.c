/*
 * common/rag/rag_part.c - a document's text and pieces as runs of bytes.
 *
 * A part has whole pieces and the text up to where the next part's begins, about PART_SIZE of it,
 * so that a hit costs one small part however large its document is.
 */
#include "common/rag/rag_inside.h"

#include <endian.h>
#include <lz4.h>
#include <string.h>

#include "common/base/mem.h"
#include "common/rag/cut.h"

enum {
	PART_SIZE = 16 * 1024,
	PARTS_BYTES_MAX = 1000 * 1000 * 1000,
	CODING_PLAIN = 0,
	CODING_LZ4 = 1, /* a tenth of zlib's time, a third more bytes */
};

/* A piece, packed: numbers, each little-endian, and its hash.  The headings follow the pieces. */
enum {
	PIECE_START,
	PIECE_END,
	PIECE_CHARS_START,
	PIECE_CHARS_END,
	PIECE_LINE,
	PIECE_PAGE,
	PIECE_HEADING, /* where it begins, after the pieces */
	PIECE_HEADING_LEN,
	PIECE_NUMBERS,
	PIECE_HASH = 4 * PIECE_NUMBERS,
	PIECE_SIZE = PIECE_HASH + 16,
};

static void add32(struct buf *out, uint64_t value)
{
	uint32_t bytes = htole32((uint32_t)value);

	buf_add(out, &bytes, sizeof(bytes));
}

static uint32_t get32(const char *at, int number)
{
	uint32_t value;

	memcpy(&value, at + 4 * (size_t)number, sizeof(value));
	return le32toh(value);
}

/* Headings that follow each other are mostly the same: once. */
static void pack_pieces(const struct piece *pieces, size_t count, struct buf *out)
{
	size_t at = 0, end = 0;

	for (size_t i = 0; i < count; i++) {
		const struct piece *p = &pieces[i];
		uint64_t hash[2] = { htole64(p->hash[0]), htole64(p->hash[1]) };

		if (i == 0 || !span_equal(p->heading, p[-1].heading)) {
			at = end;
			end += p->heading.len;
		}
		add32(out, p->start);
		add32(out, p->end);
		add32(out, p->chars_start);
		add32(out, p->chars_end);
		add32(out, p->line);
		add32(out, p->page);
		add32(out, at);
		add32(out, p->heading.len);
		buf_add(out, hash, sizeof(hash));
	}
	for (size_t i = 0; i < count; i++)
		if (i == 0 || !span_equal(pieces[i].heading, pieces[i - 1].heading))
			buf_add_span(out, pieces[i].heading);
}

/* Plain when that is not longer. */
static int pack_text(struct span text, struct buf *out)
{
	int size = text.len < LZ4_MAX_INPUT_SIZE ? (int)text.len : 0, packed = 0;

	if (size > 1 && buf_reserve(out, text.len) == 0)
		packed = LZ4_compress_default(text.ptr, out->ptr + out->len, size, size - 1);
	if (packed > 0) {
		out->len += (size_t)packed;
		out->ptr[out->len] = '\0';
		return CODING_LZ4;
	}
	buf_add_span(out, text);
	return CODING_PLAIN;
}

/* Where the part that begins with piece `first` ends. */
static size_t end_of_part(const struct cutting *c, size_t first)
{
	size_t i = first + 1;

	while (i < c->count && c->pieces[i].start - c->pieces[first].start < PART_SIZE)
		i++;
	return i;
}

int rag_parts_pack(struct span text, const struct cutting *c, struct rag_parts *out,
		   struct err *err)
{
	size_t room = 0;

	buf_init(&out->bytes, PARTS_BYTES_MAX);
	if (text.len > UINT32_MAX)
		return err_set(err, E_document_too_large, "", "its text passes 4 GB");
	for (size_t first = 0, next; first < c->count; first = next) {
		struct rag_part *p;

		if (out->count == room) {
			room = room > 0 ? 2 * room : 4;
			out->list = mem_realloc(out->list, room * sizeof(*out->list));
		}
		next = end_of_part(c, first);
		p = &out->list[out->count++];
		p->first = (int64_t)first;
		p->chunks = (int64_t)(next - first);
		p->start = c->pieces[first].start;
		p->size = (next < c->count ? c->pieces[next].start : text.len) - p->start;
		p->pieces_at = out->bytes.len;
		pack_pieces(c->pieces + first, next - first, &out->bytes);
		p->pieces_len = out->bytes.len - p->pieces_at;
		p->text_at = out->bytes.len;
		p->coding = pack_text(span_of(text.ptr + p->start, p->size), &out->bytes);
		p->text_len = out->bytes.len - p->text_at;
	}
	if (buf_failed(&out->bytes))
		return err_set(err, E_document_too_large, "", "packed, its text passes 1 GB");
	return 0;
}

void rag_parts_free(struct rag_parts *p)
{
	mem_free(p->list);
	buf_free(&p->bytes);
	memset(p, 0, sizeof(*p));
}

int rag_piece_unpack(struct span pieces, int64_t chunks, int64_t at, struct rag_chunk *out,
		     uint64_t hash[2])
{
	const char *piece;
	size_t heading, heading_len, headings;

	if (at < 0 || at >= chunks || (uint64_t)chunks > pieces.len / PIECE_SIZE)
		return -1;
	headings = (size_t)chunks * PIECE_SIZE;
	piece = pieces.ptr + (size_t)at * PIECE_SIZE;
	out->start = get32(piece, PIECE_START);
	out->end = get32(piece, PIECE_END);
	out->chars_start = get32(piece, PIECE_CHARS_START);
	out->chars_end = get32(piece, PIECE_CHARS_END);
	out->line = get32(piece, PIECE_LINE);
	out->page = get32(piece, PIECE_PAGE);
	heading = get32(piece, PIECE_HEADING);
	heading_len = get32(piece, PIECE_HEADING_LEN);
	if (out->end < out->start || heading > pieces.len - headings ||
	    heading_len > pieces.len - headings - heading)
		return -1;
	out->heading = span_of(pieces.ptr + headings + heading, heading_len);
	if (hash) {
		memcpy(hash, piece + (size_t)PIECE_HASH, 16);
		hash[0] = le64toh(hash[0]);
		hash[1] = le64toh(hash[1]);
	}
	return 0;
}

int rag_part_inflate(struct span stored, int coding, char *out, size_t size)
{
	if (coding == CODING_PLAIN) {
		if (stored.len != size)
			return -1;
		if (size > 0)
			memcpy(out, stored.ptr, size);
		return 0;
	}
	if (coding != CODING_LZ4 || stored.len > INT32_MAX || size > INT32_MAX ||
	    LZ4_decompress_safe(stored.ptr, out, (int)stored.len, (int)size) != (int)size)
		return -1;
	return 0;
}

/* ---- marks: kind and level in a byte, then varints: from the start before, length ---- */

static void add_varint(struct buf *out, uint64_t value)
{
	for (; value >= 0x80; value >>= 7)
		buf_add_char(out, (char)(0x80 | (value & 0x7f)));
	buf_add_char(out, (char)value);
}

static int get_varint(struct span *rest, uint64_t *value)
{
	*value = 0;
	for (unsigned shift = 0; rest->len > 0 && shift < 64; shift += 7) {
		unsigned char byte = (unsigned char)*rest->ptr;

		*rest = span_from(*rest, 1);
		*value |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return 0;
	}
	return -1;
}

int rag_marks_pack(const struct reading *r, struct buf *out, struct err *err)
{
	size_t before = 0;

	for (size_t i = 0; i < r->mark_count; i++) {
		const struct mark *m = &r->marks[i];

		buf_add_char(out, (char)m->kind);
		add_varint(out, (uint64_t)m->level);
		add_varint(out, m->start - before);
		add_varint(out, m->end - m->start);
		before = m->start;
	}
	if (buf_failed(out))
		return err_set(err, E_document_too_large, "", "it has too many parts");
	return 0;
}

int rag_mark_next(struct span *rest, size_t before, size_t text_len, struct mark *out)
{
	uint64_t level, start, len;

	if (rest->len == 0)
		return 0;
	out->kind = (enum mark_kind)(unsigned char)*rest->ptr;
	*rest = span_from(*rest, 1);
	if (out->kind > MARK_RECORD || get_varint(rest, &level) < 0 ||
	    get_varint(rest, &start) < 0 || get_varint(rest, &len) < 0 || level > INT32_MAX ||
	    start > text_len - before || len > text_len - before - start)
		return -1;
	out->level = (int)level;
	out->start = before + (size_t)start;
	out->end = out->start + (size_t)len;
	return 1;
}

int rag_marks_unpack(struct span rest, struct reading *r)
{
	struct mark m = { .start = 0 };
	int more;

	r->mark_count = 0;
	while ((more = rag_mark_next(&rest, m.start, r->text.len, &m)) == 1) {
		if (r->mark_count == r->mark_room) {
			r->mark_room = r->mark_room > 0 ? 2 * r->mark_room : 16;
			r->marks = mem_realloc(r->marks, r->mark_room * sizeof(*r->marks));
		}
		r->marks[r->mark_count++] = m;
	}
	return more;
}
