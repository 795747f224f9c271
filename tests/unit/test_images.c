/*
 * tests/unit/test_images.c - stored pictures in the database.
 */
#include "common/store/images.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/base/mem.h"
#include "tests/support/store_stage.h"

enum { PLENTY = 1 << 30 };

static struct image_row picture(const char *id, const char *sha256, int64_t bytes, int64_t at)
{
	return (struct image_row){
		.id = span_str(id), .mime = SPAN_LIT("image/png"), .sha256 = span_str(sha256), .bytes = bytes,
		.created_at = at,
	};
}

static int64_t begin(struct fixture *f, const char *tenant, const struct image_row *i)
{
	int64_t blob;

	assert_int_equal(images_begin_blob(f->db, tenant, i, PLENTY, &blob, &f->err), 0);
	assert_true(blob > 0);
	assert_int_equal(images_add_part(f->db, blob, 0, SPAN_LIT("bytes"), &f->err), 0);
	return blob;
}

static void add(struct fixture *f, const char *tenant, struct image_row i, int64_t blob, bool expect_lost)
{
	bool lost;

	i.blob = blob;
	assert_int_equal(images_add(f->db, tenant, &i, PLENTY, &lost, &f->err), 0);
	assert_int_equal(lost, expect_lost);
}

static int64_t number(struct fixture *f, const char *sql)
{
	int64_t value = -1;

	assert_int_equal(db_number(f->db, sql, &value, &f->err), 0);
	return value;
}

static void two_uploads_of_the_same_bytes_end_with_one_blob(void **state)
{
	struct fixture *f = *state;
	const struct image_row a = picture("img_a", "00", 5, 10), b = picture("img_b", "00", 5, 11);
	int64_t first = begin(f, "acme", &a), second = begin(f, "acme", &b), found;
	struct span content;

	assert_int_equal(images_find_blob(f->db, "acme", a.sha256, &found, &f->err), 0);
	assert_int_equal(found, 0);
	add(f, "acme", b, second, false);
	add(f, "acme", a, first, false);
	assert_int_equal(images_find_blob(f->db, "acme", a.sha256, &found, &f->err), 0);
	assert_int_equal(found, second);
	assert_int_equal(number(f, "SELECT count(*) FROM image_blob"), 1);
	assert_int_equal(number(f, "SELECT count(*) FROM image_part"), 1);
	/* One goes, the other keeps its bytes. */
	assert_int_equal(images_delete(f->db, "acme", SPAN_LIT("img_b"), &f->err), 0);
	assert_int_equal(images_part(f->db, second, 0, &content, &f->err), 0);
	assert_true(span_is(content, "bytes"));
	assert_int_equal(images_delete(f->db, "acme", SPAN_LIT("img_a"), &f->err), 0);
	assert_int_equal(images_part(f->db, second, 0, &content, &f->err), -1);
	assert_int_equal(f->err.code, E_image_not_found);
	assert_int_equal(number(f, "SELECT count(*) FROM image_blob"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM image_part"), 0);
	assert_int_equal(number(f, "SELECT images + bytes FROM image_total"), 0);
}

static void an_image_of_bytes_that_are_gone_is_not_added(void **state)
{
	struct fixture *f = *state;
	const struct image_row a = picture("img_a", "00", 5, 10);
	int64_t blob;

	add(f, "acme", a, 0, true);
	blob = begin(f, "acme", &a);
	assert_int_equal(images_drop_blob(f->db, blob, &f->err), 0);
	add(f, "acme", a, blob, true);
	assert_int_equal(number(f, "SELECT count(*) FROM image"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM image_total"), 0);
}

static void what_a_dead_upload_left_goes_with_a_later_one(void **state)
{
	struct fixture *f = *state;
	const struct image_row dead = picture("", "00", 5, 1000),
			       young = picture("", "01", 5, 1001 + IMAGES_UNFINISHED_MS / 2),
			       kept = picture("img_k", "02", 5, 1),
			       late = picture("", "03", 5, 1001 + IMAGES_UNFINISHED_MS);

	add(f, "acme", kept, begin(f, "acme", &kept), false);
	begin(f, "acme", &dead);
	begin(f, "acme", &young);
	begin(f, "acme", &late);
	assert_int_equal(number(f, "SELECT count(*) FROM image_blob WHERE sha256 = '00'"), 0);
	assert_int_equal(number(f, "SELECT count(*) FROM image_blob"), 3);
	assert_int_equal(number(f, "SELECT count(*) FROM image_part"), 3);
}

static void other_tenants_have_none_of_it(void **state)
{
	struct fixture *f = *state;
	const struct image_row a = picture("img_a", "00", 5000, 10);
	int64_t found, images, bytes;

	add(f, "acme", a, begin(f, "acme", &a), false);
	assert_int_equal(images_find_blob(f->db, "other", a.sha256, &found, &f->err), 0);
	assert_int_equal(found, 0);
	assert_int_equal(images_delete(f->db, "other", a.id, &f->err), -1);
	assert_int_equal(f->err.code, E_image_not_found);
	assert_int_equal(images_count(f->db, "other", &images, &bytes, &f->err), 0);
	assert_int_equal(images + bytes, 0);
	assert_int_equal(images_count(f->db, "acme", &images, &bytes, &f->err), 0);
	assert_int_equal(images, 1);
	assert_int_equal(bytes, 5000);
}

static void a_full_store_takes_no_more_and_small_ones_weigh_a_page(void **state)
{
	struct fixture *f = *state;
	struct image_row a = picture("img_a", "00", 5, 10), b = picture("img_b", "00", 5, 11);
	bool lost;

	a.blob = begin(f, "acme", &a);
	assert_int_equal(images_add(f->db, "acme", &a, IMAGES_LEAST - 1, &lost, &f->err), -1);
	assert_int_equal(f->err.code, E_image_store_full);
	assert_int_equal(images_add(f->db, "acme", &a, IMAGES_LEAST, &lost, &f->err), 0);
	/* The same bytes weigh again: ids are bounded, too. */
	assert_int_equal(images_add(f->db, "acme", &b, 2 * IMAGES_LEAST - 1, &lost, &f->err), -1);
	assert_int_equal(images_add(f->db, "acme", &b, 2 * IMAGES_LEAST, &lost, &f->err), 0);
	assert_int_equal(number(f, "SELECT bytes FROM image_total"), 2 * IMAGES_LEAST);
}

static void of_what_there_is_no_room_for_nothing_is_written(void **state)
{
	struct fixture *f = *state;
	const struct image_row a = picture("img_a", "00", 5000, 10), b = picture("img_b", "01", 5000, 11);
	int64_t blob = 7;

	add(f, "acme", a, begin(f, "acme", &a), false);
	assert_int_equal(images_begin_blob(f->db, "acme", &b, 9999, &blob, &f->err), -1);
	assert_int_equal(f->err.code, E_image_store_full);
	assert_int_equal(blob, 0);
	assert_int_equal(number(f, "SELECT count(*) FROM image_blob"), 1);
	assert_int_equal(images_begin_blob(f->db, "acme", &b, 10000, &blob, &f->err), 0);
}

static void an_id_has_its_prefix_and_26_characters(void **state)
{
	char id[IMAGES_ID_SIZE];

	(void)state;
	ident_sorted(id, sizeof id, "img_", 1795000000000);
	assert_true(images_is_id(span_str(id)));
	assert_false(images_is_id(span_of(id, strlen(id) - 1)));
	assert_false(images_is_id(SPAN_LIT("img_0000000000000000000000000-")));
	assert_false(images_is_id(SPAN_LIT("imgx00000000000000000000000000")));
	assert_false(images_is_id(SPAN_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(two_uploads_of_the_same_bytes_end_with_one_blob, fixture_make_db, fixture_remove),
		cmocka_unit_test_setup_teardown(an_image_of_bytes_that_are_gone_is_not_added, fixture_make_db, fixture_remove),
		cmocka_unit_test_setup_teardown(what_a_dead_upload_left_goes_with_a_later_one, fixture_make_db, fixture_remove),
		cmocka_unit_test_setup_teardown(other_tenants_have_none_of_it, fixture_make_db, fixture_remove),
		cmocka_unit_test_setup_teardown(of_what_there_is_no_room_for_nothing_is_written, fixture_make_db, fixture_remove),
		cmocka_unit_test_setup_teardown(a_full_store_takes_no_more_and_small_ones_weigh_a_page, fixture_make_db, fixture_remove),
		cmocka_unit_test(an_id_has_its_prefix_and_26_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
