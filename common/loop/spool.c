/*
 * common/loop/spool.c - see spool.h.
 */
#include "common/loop/spool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/mem.h"

struct spool_room {
	char *directory;
	_Atomic uint64_t used;
};

struct spool {
	struct spool_room *room;
	uint64_t room_max;
	struct job_pool *jobs;
	struct buf memory;   /* all of it, until there is a file */
	int fd;              /* -1: none yet */
	uint64_t size, kept; /* kept: of the room */
	char *page;          /* what was read last: SPOOL_PIECE_MAX bytes, from page_at on */
	uint64_t page_at;
	size_t page_len;
};

/* What a job does: one write, or one read. */
struct transfer {
	struct spool *spool;
	struct span out;
	uint64_t offset;
	int result;
	struct err err;
};

struct spool_room *spool_room_new(const char *directory)
{
	struct spool_room *r = mem_new(struct spool_room);

	r->directory = mem_strdup(directory);
	return r;
}

void spool_room_free(struct spool_room *r)
{
	if (!r)
		return;
	assert(atomic_load(&r->used) == 0);
	mem_free(r->directory);
	mem_free(r);
}

struct spool *spool_new(struct spool_room *room, uint64_t room_max, struct job_pool *jobs)
{
	struct spool *s = mem_new(struct spool);

	s->room = room;
	s->room_max = room_max;
	s->jobs = jobs;
	s->fd = -1;
	buf_init(&s->memory, SPOOL_MEMORY);
	return s;
}

void spool_free(struct spool *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	atomic_fetch_sub_explicit(&s->room->used, s->kept, memory_order_relaxed);
	buf_free(&s->memory);
	mem_free(s->page);
	mem_free(s);
}

static int fail(const struct spool *s, const char *what, struct err *err)
{
	return err_set(err, E_storage_error, "", "%s an upload's file in %s: %s", what, s->room->directory,
		       err_errno(errno));
}

/* File systems that know no files without a name get one, for a moment. */
static int open_named(const char *directory)
{
	char *path = mem_printf("%s/.upload.XXXXXX", directory);
	int fd = mkostemp(path, O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	mem_free(path);
	return fd;
}

static int open_file(struct spool *s, struct err *err)
{
	s->fd = open(s->room->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (s->fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL))
		s->fd = open_named(s->room->directory);
	return s->fd < 0 ? fail(s, "cannot make", err) : 0;
}

static int write_at(const struct spool *s, struct span out, uint64_t offset, struct err *err)
{
	while (out.len > 0) {
		ssize_t put = pwrite(s->fd, out.ptr, out.len, (off_t)offset);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return fail(s, "cannot write", err);
		out = span_from(out, (size_t)put);
		offset += (uint64_t)put;
	}
	return 0;
}

/* On a job: what is in memory goes first. */
static void write_out(void *arg)
{
	struct transfer *t = arg;
	struct spool *s = t->spool;

	t->result = -1;
	if (s->fd < 0 &&
	    (open_file(s, &t->err) < 0 || write_at(s, buf_span(&s->memory), 0, &t->err) < 0))
		return;
	t->result = write_at(s, t->out, t->offset, &t->err);
}

static int run(struct spool *s, void (*work)(void *arg), struct transfer *t, struct err *err)
{
	if (job_run(s->jobs, work, t, err) < 0)
		return -1;
	if (t->result < 0 && err)
		*err = t->err;
	return t->result;
}

static int keep(struct spool *s, uint64_t bytes, struct err *err)
{
	uint64_t before = atomic_fetch_add_explicit(&s->room->used, bytes, memory_order_relaxed);

	s->kept += bytes;
	if (before + bytes <= s->room_max)
		return 0;
	err_set(err, E_overloaded, "body", "uploads under way fill the %llu bytes that they may have on disk",
		(unsigned long long)s->room_max);
	if (err)
		err->retry_after_s = 1;
	return -1;
}

int spool_add(struct spool *s, struct span bytes, struct err *err)
{
	struct transfer t = { .spool = s, .out = bytes, .offset = s->size };

	if (s->fd < 0 && bytes.len <= SPOOL_MEMORY - s->memory.len) {
		buf_add_span(&s->memory, bytes);
		s->size += bytes.len;
		return 0;
	}
	if (keep(s, bytes.len + s->memory.len, err) < 0 || run(s, write_out, &t, err) < 0)
		return -1;
	buf_free(&s->memory);
	s->size += bytes.len;
	return 0;
}

static void read_in(void *arg)
{
	struct transfer *t = arg;
	struct spool *s = t->spool;
	ssize_t got;

	do
		got = pread(s->fd, s->page, SPOOL_PIECE_MAX, (off_t)t->offset);
	while (got < 0 && errno == EINTR);
	t->result = -1;
	if (got < 0)
		fail(s, "cannot read", &t->err);
	else if (got == 0)
		err_set(&t->err, E_storage_error, "", "an upload's file has become shorter");
	else
		t->result = 0;
	s->page_at = t->offset;
	s->page_len = got > 0 ? (size_t)got : 0;
}

static bool is_in_page(const struct spool *s, uint64_t offset)
{
	return offset >= s->page_at && offset - s->page_at < s->page_len;
}

int spool_read(struct spool *s, uint64_t offset, struct span *piece, struct err *err)
{
	struct transfer t = { .spool = s, .offset = offset };

	assert(offset < s->size);
	if (s->fd < 0) {
		*piece = span_from(buf_span(&s->memory), (size_t)offset);
		return 0;
	}
	if (!s->page)
		s->page = mem_alloc(SPOOL_PIECE_MAX);
	if (!is_in_page(s, offset) && run(s, read_in, &t, err) < 0)
		return -1;
	*piece = span_from(span_of(s->page, s->page_len), (size_t)(offset - s->page_at));
	return 0;
}

int spool_copy(struct spool *s, uint64_t offset, char *out, size_t len, struct err *err)
{
	struct span piece;

	for (size_t done = 0; done < len; done += piece.len) {
		if (spool_read(s, offset + done, &piece, err) < 0)
			return -1;
		if (piece.len > len - done)
			piece.len = len - done;
		memcpy(out + done, piece.ptr, piece.len);
	}
	return 0;
}

/* ---- as the body of a call ---- */

static int body_piece(void *context, uint64_t offset, struct span *piece, struct err *err)
{
	struct spool_body *b = context;

	for (size_t i = 0; i < b->count; i++) {
		const struct span text = b->parts[i].text;
		const uint64_t len = b->parts[i].len;

		if (offset >= len) {
			offset -= len;
			continue;
		}
		if (text.ptr) {
			*piece = span_from(text, (size_t)offset);
			return 0;
		}
		if (spool_read(b->spool, b->parts[i].from + offset, piece, err) < 0)
			return -1;
		if (piece->len > len - offset)
			piece->len = (size_t)(len - offset);
		return 0;
	}
	return err_set(err, E_internal_error, "", "a body was read past its end");
}

void spool_body_init(struct spool_body *b, struct spool *s)
{
	*b = (struct spool_body){ .supply = { 0, body_piece, b }, .spool = s };
}

void spool_body_add_text(struct spool_body *b, struct span text)
{
	if (text.len == 0)
		return;
	assert(b->count < SPOOL_BODY_PARTS);
	b->parts[b->count].text = text;
	b->parts[b->count++].len = text.len;
	b->supply.length += text.len;
}

void spool_body_add(struct spool_body *b, uint64_t from, uint64_t to)
{
	if (from >= to)
		return;
	assert(b->count < SPOOL_BODY_PARTS && to <= b->spool->size);
	b->parts[b->count].from = from;
	b->parts[b->count++].len = to - from;
	b->supply.length += to - from;
}
