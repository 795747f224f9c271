/*
 * tests/unit/test_augment.c - what stands in front of requests, kept and forgotten.
 */
#include "common/chat/augment.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/mem.h"
#include "tests/support/tree.h"

struct fixture {
	char dir[64], database[128];
	struct store *store;
	struct augment *augment;
};

static int set_up(void **state)
{
	struct fixture *f = mem_new(struct fixture);
	struct err err = ERR_INIT;

	snprintf(f->dir, sizeof f->dir, "/tmp/spass-augment-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->database, sizeof f->database, "%s/spass.db", f->dir);
	struct store_options options = { .database = f->database };
	f->store = store_open(&options, &err);
	assert_non_null(f->store);
	f->augment = augment_new();
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	augment_free(f->augment);
	store_close(f->store);
	tree_remove(f->dir);
	mem_free(f);
	return 0;
}

struct put {
	struct owner owner;
	const char *name, *content;
	enum prompt_layer layer;
};

static int put_memory(struct db *db, void *arg, struct err *err)
{
	struct put *p = arg;

	return memory_put(db, &p->owner, span_str(p->name), span_str(p->content), false, 1, err);
}

static int put_prompt(struct db *db, void *arg, struct err *err)
{
	struct put *p = arg;

	return system_prompt_put(db, &p->owner, p->layer, span_str(p->content), NULL, "me", 1, err);
}

static void write_it(struct fixture *f, int (*work)(struct db *, void *, struct err *), struct put p)
{
	struct err err = ERR_INIT;

	if (store_write(f->store, work, &p, &err) < 0)
		fail_msg("%s", err.message);
}

static struct augmentation *get(struct fixture *f, const struct owner *o)
{
	struct err err = ERR_INIT;
	struct augmentation *t = augment_get(f->augment, f->store, NULL, o, &err);

	assert_non_null(t);
	return t;
}

static const struct owner ann = { "t", "", "ann" }, bob = { "t", "", "bob" }, nobody = { "t", "", NULL };

static void layers_are_joined_and_memories_named(void **state)
{
	struct fixture *f = *state;
	struct augmentation *t;

	write_it(f, put_prompt, (struct put){ ann, NULL, "Be kind.", LAYER_tenant });
	write_it(f, put_prompt, (struct put){ ann, NULL, "Call me Ann.", LAYER_user });
	write_it(f, put_memory, (struct put){ ann, "b", "likes tea", 0 });
	write_it(f, put_memory, (struct put){ ann, "a", "codes C", 0 });
	t = get(f, &ann);
	assert_string_equal(t->prompt, "Be kind.\n\nCall me Ann.");
	assert_non_null(strstr(t->memory, "\na:\ncodes C\n\nb:\nlikes tea\n"));
	assert_int_equal(t->memory_bytes, 16);
	augmentation_unref(t);
	t = get(f, &bob);
	assert_string_equal(t->prompt, "Be kind.");
	assert_string_equal(t->memory, "");
	augmentation_unref(t);
}

static void each_scope_has_its_own(void **state)
{
	static const struct owner at_work = { "t", "work", "ann" }, elsewhere = { "u", "", "ann" };
	struct fixture *f = *state;
	static const struct {
		const struct owner *owner;
		const char *content;
	} all[] = { { &ann, "likes tea" }, { &at_work, "likes coffee" }, { &elsewhere, "likes water" } };

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		write_it(f, put_memory, (struct put){ *all[i].owner, "drinks", all[i].content, 0 });
	/* Read, and then kept. */
	for (int round = 0; round < 2; round++)
		for (size_t i = 0; i < ARRAY_LEN(all); i++) {
			struct augmentation *t = get(f, all[i].owner);

			assert_non_null(strstr(t->memory, all[i].content));
			assert_int_equal(t->memory_bytes, strlen(all[i].content));
			augmentation_unref(t);
		}
}

static void only_whole_memories_go_along(void **state)
{
	struct fixture *f = *state;
	char *large = mem_alloc(AUGMENT_MEMORY_MAX - 2);
	struct augmentation *t;

	memset(large, 'x', AUGMENT_MEMORY_MAX - 3);
	large[AUGMENT_MEMORY_MAX - 3] = '\0';
	write_it(f, put_memory, (struct put){ ann, "a", large, 0 });
	write_it(f, put_memory, (struct put){ ann, "b", "four", 0 });
	write_it(f, put_memory, (struct put){ ann, "c", "yes", 0 });
	t = get(f, &ann);
	assert_int_equal(t->memory_bytes, AUGMENT_MEMORY_MAX);
	assert_null(strstr(t->memory, "four"));
	assert_non_null(strstr(t->memory, "yes"));
	augmentation_unref(t);
	mem_free(large);
}

static void what_is_kept_stays_until_it_is_forgotten(void **state)
{
	struct fixture *f = *state;
	struct augmentation *before = get(f, &ann), *t;

	write_it(f, put_memory, (struct put){ ann, "a", "new", 0 });
	t = get(f, &ann);
	assert_ptr_equal(t, before);
	augmentation_unref(t);
	augment_forget(f->augment, &bob);
	t = get(f, &ann);
	assert_ptr_equal(t, before);
	augmentation_unref(t);
	augment_forget(f->augment, &ann);
	t = get(f, &ann);
	assert_int_equal(t->memory_bytes, 3);
	augmentation_unref(t);
	assert_string_equal(before->memory, ""); /* who holds it may go on reading */
	augmentation_unref(before);
}

static void a_tenants_text_is_forgotten_for_all(void **state)
{
	struct fixture *f = *state;
	struct augmentation *t = get(f, &ann);

	augmentation_unref(t);
	write_it(f, put_prompt, (struct put){ ann, NULL, "Hello", LAYER_tenant });
	augment_forget(f->augment, &nobody);
	t = get(f, &ann);
	assert_string_equal(t->prompt, "Hello");
	augmentation_unref(t);
}

static void another_tenants_texts_are_kept_meanwhile(void **state)
{
	static const struct owner elsewhere = { "t2", "", "ann" };
	struct fixture *f = *state;
	struct augmentation *before = get(f, &elsewhere), *t;

	augmentation_unref(get(f, &ann));
	augment_forget(f->augment, &nobody);
	t = get(f, &elsewhere);
	assert_ptr_equal(t, before);
	augmentation_unref(t);
	augmentation_unref(before);
}

static void the_number_of_owners_kept_is_bounded(void **state)
{
	struct fixture *f = *state;
	char id[16];

	for (int i = 0; i < 3000; i++) {
		snprintf(id, sizeof id, "u%d", i);
		augmentation_unref(get(f, &(struct owner){ "t", "", id }));
	}
	augmentation_unref(get(f, &ann));
}

/* One thread writes 1, 2, ... and forgets; others must never see less than was acknowledged. */
struct race {
	struct fixture *fixture;
	_Atomic int written;
	_Atomic bool is_over, saw_old;
};

static void *look(void *data)
{
	struct race *r = data;

	while (!r->is_over) {
		int least = r->written;
		struct augmentation *t = get(r->fixture, &ann);
		int seen = *t->prompt ? atoi(t->prompt) : 0;

		augmentation_unref(t);
		if (seen < least)
			r->saw_old = true;
	}
	return NULL;
}

static void nothing_old_is_kept_by_a_reader_that_was_slow(void **state)
{
	struct race r = { .fixture = *state };
	pthread_t threads[3];
	char text[16];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look, &r), 0);
	for (int i = 1; i <= 300; i++) {
		snprintf(text, sizeof text, "%d", i);
		write_it(r.fixture, put_prompt, (struct put){ ann, NULL, text, LAYER_user });
		augment_forget(r.fixture->augment, &ann);
		r.written = i;
	}
	r.is_over = true;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	assert_false(r.saw_old);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(layers_are_joined_and_memories_named, set_up, tear_down),
		cmocka_unit_test_setup_teardown(each_scope_has_its_own, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_whole_memories_go_along, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_kept_stays_until_it_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_tenants_text_is_forgotten_for_all, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_tenants_texts_are_kept_meanwhile, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_number_of_owners_kept_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_old_is_kept_by_a_reader_that_was_slow, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
