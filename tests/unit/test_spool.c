/*
 * Spools: what is put in comes out, from memory and from the disk, once and again, in bounded room.
 */
#include "tests/support/upcall_stage.h"

#include "common/base/file.h"
#include "common/loop/spool.h"
#include "tests/support/tree.h"

#include <stdlib.h>
#include <unistd.h>

enum { LARGE = 1024 * 1024 + 17 };

static struct {
	char directory[64];
	struct job_pool *jobs;
	struct spool_room *room;
	char *pattern;
} at;

static int make_room(void **state)
{
	(void)state;
	snprintf(at.directory, sizeof at.directory, "/tmp/spass-spool.XXXXXX");
	if (!mkdtemp(at.directory))
		return -1;
	at.jobs = job_pool_new(1, 16);
	at.room = spool_room_new(at.directory);
	at.pattern = mem_alloc(LARGE);
	for (size_t i = 0; i < LARGE; i++)
		at.pattern[i] = (char)('A' + i % 31);
	return 0;
}

static int leave_room(void **state)
{
	(void)state;
	spool_room_free(at.room);
	job_pool_free(at.jobs);
	mem_free(at.pattern);
	tree_remove(at.directory);
	return 0;
}

static struct spool *spool_of(size_t size, size_t step)
{
	struct spool *s = spool_new(at.room, UINT64_MAX, at.jobs);

	for (size_t i = 0; i < size; i += step)
		assert_int_equal(spool_add(s, span_of(at.pattern + i, size - i < step ? size - i : step), NULL), 0);
	return s;
}

static void assert_holds(struct spool *s, size_t from, size_t size)
{
	struct span piece;

	for (size_t i = from; i < size; i += piece.len) {
		assert_int_equal(spool_read(s, i, &piece, NULL), 0);
		assert_true(piece.len > 0 && piece.len <= size - i);
		assert_memory_equal(piece.ptr, at.pattern + i, piece.len);
	}
}

static void read_and_write(struct stage *s)
{
	static const size_t sizes[] = { 1, SPOOL_MEMORY - 1, SPOOL_MEMORY, SPOOL_MEMORY + 1, LARGE },
			    steps[] = { 100, SPOOL_PIECE_MAX, SPOOL_MEMORY + 5 };

	(void)s;
	for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(steps); i++) {
		size_t size = sizes[i / ARRAY_LEN(steps)];
		struct spool *spool = spool_of(size, steps[i % ARRAY_LEN(steps)]);

		assert_holds(spool, 0, size);
		assert_holds(spool, size / 3, size);
		assert_holds(spool, 0, size);
		spool_free(spool);
	}
}

static void what_is_put_in_comes_out_as_often_as_it_is_read(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, NULL, 0, read_and_write);
	finish(&s);
}

static void fill_the_room(struct stage *s)
{
	struct spool *first = spool_new(at.room, 2 * (size_t)LARGE, at.jobs);
	struct spool *second = spool_new(at.room, 2 * (size_t)LARGE, at.jobs);

	assert_int_equal(spool_add(first, span_of(at.pattern, LARGE), &s->err), 0);
	assert_int_equal(spool_add(second, span_of(at.pattern, LARGE), &s->err), 0);
	assert_int_equal(spool_add(second, SPAN_LIT("x"), &s->err), -1);
	assert_int_equal(s->err.code, E_overloaded);
	assert_int_equal(s->err.retry_after_s, 1);
	spool_free(second);
	assert_int_equal(spool_add(first, span_of(at.pattern, LARGE), &s->err), 0);
	spool_free(first);
}

static void all_spools_together_have_so_much_room(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, NULL, 0, fill_the_room);
	finish(&s);
}

static void lose_the_directory(struct stage *s)
{
	struct spool *spool = spool_new(at.room, UINT64_MAX, at.jobs);

	tree_remove(at.directory);
	assert_int_equal(spool_add(spool, span_of(at.pattern, 1000), &s->err), 0);
	assert_int_equal(spool_add(spool, span_of(at.pattern, LARGE), &s->err), -1);
	assert_int_equal(s->err.code, E_storage_error);
	spool_free(spool);
}

static void a_directory_that_is_gone_is_told(void **state)
{
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, NULL, 0, lose_the_directory);
	finish(&s);
}

/* "head", a middle part of the spool, "mid", the rest: what the peer counts, and what it is. */
static void post_body(struct stage *s)
{
	struct spool *spool = spool_of(LARGE, SPOOL_PIECE_MAX);
	struct spool_body body;
	struct upcall_request req = {
		.origin = &s->origin, .method = HTTP1_POST, .path = SPAN_LIT("/"), .supply = &body.supply,
	};
	struct upcall *u;
	struct span piece;

	spool_body_init(&body, spool);
	spool_body_add(&body, 0, 0);
	spool_body_add_text(&body, SPAN_LIT("head"));
	spool_body_add(&body, 10, 70000);
	spool_body_add_text(&body, SPAN_LIT("mid"));
	spool_body_add(&body, 70001, LARGE);
	assert_int_equal(body.supply.length, 4 + 69990 + 3 + LARGE - 70001);
	assert_int_equal(body.supply.piece(&body, 2, &piece, NULL), 0);
	assert_true(span_is(piece, "ad"));
	assert_int_equal(body.supply.piece(&body, 4, &piece, NULL), 0);
	assert_memory_equal(piece.ptr, at.pattern + 10, piece.len);
	assert_int_equal(body.supply.piece(&body, 4 + 69990, &piece, NULL), 0);
	assert_true(span_is(piece, "mid"));
	for (int i = 0; i < 2; i++) {
		u = upcall_open(s->pool, &req, &s->err);
		assert_non_null(u);
		read_answer(s, u);
		upcall_close(u);
	}
	spool_free(spool);
}

/* The second call finds its connection dead, and sends everything once more on another. */
static void a_body_of_parts_is_sent_whole_and_again_on_a_fresh_connection(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { READ, SEND(OK_FIVE), HEAD, RESET },
							  { READ, SEND(OK_FIVE) } };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 2, post_body);
	assert_ok(&s, "hellohello");
	assert_non_null(strstr(s.peer.last_head, "Content-Length: 1048589\r\n"));
	assert_true(atomic_load(&s.peer.body_bytes) >= 2 * 1048589);
	finish(&s);
}

static int refuse_piece(void *context, uint64_t offset, struct span *piece, struct err *err)
{
	(void)context, (void)piece;
	return offset ? err_set(err, E_storage_error, "", "no more") : -1;
}

static int one_piece(void *context, uint64_t offset, struct span *piece, struct err *err)
{
	if (offset > 0)
		return refuse_piece(context, offset, piece, err);
	*piece = SPAN_LIT("first");
	return 0;
}

static void post_what_fails(struct stage *s)
{
	static const struct upcall_supply supply = { 100, one_piece, NULL };
	struct upcall_request req = { .origin = &s->origin, .method = HTTP1_POST, .path = SPAN_LIT("/"),
				      .supply = &supply };

	assert_null(upcall_open(s->pool, &req, &s->err));
}

static void a_body_that_cannot_be_had_fails_the_call(void **state)
{
	static const struct step scripts[][STEPS_MAX] = { { HEAD, GONE } };
	struct stage s;

	(void)state;
	stage_init(&s);
	perform(&s, scripts, 1, post_what_fails);
	assert_int_equal(s.err.code, E_storage_error);
	finish(&s);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_room, leave_room)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(what_is_put_in_comes_out_as_often_as_it_is_read),
		TEST(all_spools_together_have_so_much_room),
		TEST(a_directory_that_is_gone_is_told),
		TEST(a_body_of_parts_is_sent_whole_and_again_on_a_fresh_connection),
		TEST(a_body_that_cannot_be_had_fails_the_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
