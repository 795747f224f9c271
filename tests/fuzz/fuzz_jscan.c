/*
 * tests/fuzz/fuzz_jscan.c - any bytes as JSON, against jansson's opinion.
 *
 * The two agree on what is JSON but for documented differences; the walker sees the tree that
 * jansson builds, with a map as without one; what is unescaped and written again reads back; a
 * splice leaves valid JSON with the members gone, changed and added that were asked for; a text fits
 * its own form, and what else fits it is valid.
 */
#include "common/base/jform.h"
#include "common/base/jscan.h"

#include "common/base/mem.h"
#include "tests/fuzz/must.h"

#include <jansson.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Where jansson knows more limits than the grammar has. */
static bool jansson_may_refuse(struct span text, const json_error_t *error)
{
	enum json_error_code code = json_error_code(error);

	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	       span_find(text, SPAN_LIT("\\u")) >= 0;
}

static void check_string(struct jvalue v, const char *want, size_t len)
{
	struct buf plain, written, again;

	buf_init(&plain, v.text.len + 1);
	must(jvalue_unescape(v, &plain) == 0);
	must(plain.len == len && (len == 0 || memcmp(plain.ptr, want, len) == 0));
	must(jvalue_is(v, buf_str(&plain)) == !memchr(buf_str(&plain), '\0', plain.len));
	if (jvalue_plain(v).ptr)
		must(span_equal(jvalue_plain(v), buf_span(&plain)));

	buf_init(&written, 6 * len + 3);
	buf_init(&again, len + 1);
	struct jvalue w;
	must(jtext_string(&written, buf_span(&plain)) == 0);
	must(jscan_check(buf_span(&written), NULL, &w, NULL) == 0);
	must(jvalue_unescape(w, &again) == 0);
	must(span_equal(buf_span(&again), buf_span(&plain)));
	buf_free(&again);
	buf_free(&written);
	buf_free(&plain);
}

static void check_tree(struct jvalue v, const json_t *tree);

static void check_object(struct jvalue v, const json_t *tree)
{
	json_t *object = json_incref((json_t *)(uintptr_t)tree), *item;
	const char *key;
	size_t distinct = 0, seen = jwalk_count(v);

	json_object_foreach(object, key, item) {
		check_tree(jwalk_get(v, key), item);
		distinct++;
	}
	must(seen >= distinct && (seen > 0) == (distinct > 0));
	json_decref(object);
}

static void check_number(struct jvalue v, const json_t *tree)
{
	int64_t whole = 0;
	double real = 0, want = json_number_value(tree);

	must(jvalue_double(v, &real) == 0);
	must(memcmp(&real, &want, sizeof(real)) == 0 || (real == 0 && want == 0));
	if (json_is_integer(tree)) {
		must(jvalue_int(v, INT64_MIN, INT64_MAX, &whole) == 0);
		must(whole == json_integer_value(tree));
	} else if (jvalue_int(v, INT64_MIN, INT64_MAX, &whole) == 0) {
		must((double)whole == want);
	}
}

static void check_tree(struct jvalue v, const json_t *tree)
{
	static const enum jtype types[] = {
		[JSON_OBJECT] = J_OBJECT, [JSON_ARRAY] = J_ARRAY,  [JSON_STRING] = J_STRING, [JSON_INTEGER] = J_NUMBER,
		[JSON_REAL] = J_NUMBER,	  [JSON_TRUE] = J_TRUE, [JSON_FALSE] = J_FALSE,   [JSON_NULL] = J_NULL,
	};

	must(v.type == types[json_typeof(tree)]);
	if (json_is_object(tree)) {
		check_object(v, tree);
	} else if (json_is_array(tree)) {
		must(jwalk_count(v) == json_array_size(tree));
		for (struct jwalk w = jwalk_start(v); jwalk_next(&w);)
			check_tree(w.value, json_array_get(tree, w.index));
	} else if (json_is_string(tree)) {
		check_string(v, json_string_value(tree), json_string_length(tree));
	} else if (json_is_number(tree)) {
		check_number(v, tree);
	}
}

/* The same values with a map as without one. */
static void check_walk(struct jvalue plain, struct jvalue mapped)
{
	struct jwalk a = jwalk_start(plain), b = jwalk_start(mapped);

	while (jwalk_next(&a)) {
		must(jwalk_next(&b) && a.value.type == b.value.type);
		must(a.value.text.ptr == b.value.text.ptr && a.value.text.len == b.value.text.len);
		check_walk(a.value, b.value);
	}
	must(!jwalk_next(&b));
}

static void check_map(struct span text, struct jvalue v)
{
	static struct jmap map;
	size_t contested;

	map.known = span_of(NULL, 0);
	must(jscan_members_once(text, NULL, NULL, 0, &contested, &map, NULL) == 0);
	for (size_t i = 0; i < map.count; i++) {
		must(map.rows[i].end <= text.len && map.rows[i].end - map.rows[i].begin >= JMAP_LONG);
		must(i == 0 || map.rows[i].begin > map.rows[i - 1].begin);
	}
	check_walk(v, jmap_on(&map, v));
}

static bool is_plain(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.ptr[i] < 'a' || name.ptr[i] > 'z')
			return false;
	return name.len > 0;
}

/* The first container of the top level, once read and once known. */
static void check_known(struct span text, struct jvalue v)
{
	static struct jmap map;
	struct jwalk w = jwalk_start(v);
	size_t contested, once;

	while (jwalk_next(&w)) {
		struct jvalue read, known;

		if (v.type != J_OBJECT || w.value.type < J_ARRAY || !is_plain(w.key))
			continue;
		must(jscan_members_once(text, &w.key, &read, 1, &once, NULL, NULL) == 0);
		map.known = w.value.text;
		must(jscan_members_once(text, &w.key, &known, 1, &contested, &map, NULL) == 0);
		must(map.known_at && contested == once && known.is_single == read.is_single);
		must(known.text.ptr == read.text.ptr && known.text.len == read.text.len);
		check_walk(read, jmap_on(&map, known));
		check_walk(v, jmap_on(&map, v)); /* past it by its row */
		return;
	}
}

/* Two bits of something that depends on every byte, for each of 32 members. */
static uint64_t choices_of(struct span text)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++)
		hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	return hash ^ hash >> 29;
}

static void check_result(struct jvalue before, struct jvalue after, uint64_t choices, unsigned added)
{
	size_t kept = 0, left = jwalk_count(after);

	for (struct jwalk w = jwalk_start(before); jwalk_next(&w) && w.index < 14;) {
		if ((choices >> 2 * w.index & 3) != 1)
			continue;
		for (struct jwalk a = jwalk_start(after); jwalk_next(&a);)
			must(!span_equal(a.key, w.key));
	}
	for (struct jwalk a = jwalk_start(after); jwalk_next(&a); kept++)
		if (kept < added)
			must(span_is(a.key, "added"));
	must(left >= added && left <= jwalk_count(before) + added);
}

static void check_splice(struct span text, struct jvalue object)
{
	uint64_t choices = choices_of(text);
	unsigned added = choices >> 60 & 3;
	struct span parts[2 * JSPLICE_MAX + 1];
	struct jsplice s;
	struct buf out;
	struct jvalue after;
	size_t len;

	jsplice_init(&s, text);
	for (struct jwalk w = jwalk_start(object); jwalk_next(&w) && w.index < 14;) {
		/* A member that goes with an earlier one of its name cannot go again. */
		if ((choices >> 2 * w.index & 3) == 1)
			jsplice_remove_member(&s, object, w.value.text);
		else if ((choices >> 2 * w.index & 3) == 2)
			jsplice_replace(&s, w.value.text, SPAN_LIT("[7]"));
	}
	/* A member replaced first cannot be removed as another's namesake; nothing to check then. */
	bool full = s.count + 2 * added > JSPLICE_MAX;
	for (unsigned i = 0; i < added && !full; i++)
		must(jsplice_add_member(&s, object, SPAN_LIT("\"added\":{}")) == 0);
	size_t count = jsplice_parts(&s, parts, ARRAY_LEN(parts), &len);
	must(count <= 2 * s.count + 1);
	buf_init(&out, text.len + 1000);
	for (size_t i = 0; i < count; i++)
		must(parts[i].len > 0 && buf_add_span(&out, parts[i]) == 0);
	must(out.len == len);
	static const struct jscan_limits roomy = { .depth = 200, .members = 20000, .elements = 2000000 };
	must(jscan_check(buf_span(&out), &roomy, &after, NULL) == 0);
	bool has_twice = false;
	for (struct jwalk a = jwalk_start(object); jwalk_next(&a);)
		for (struct jwalk b = jwalk_start(object); jwalk_next(&b) && b.index < a.index;)
			has_twice |= span_equal(a.key, b.key);
	bool has_escapes = span_find(text, SPAN_LIT("\\")) >= 0;
	if (!full && !has_twice && !has_escapes && jwalk_get(object, "added").type == J_NONE)
		check_result(object, after, choices, added);
	buf_free(&out);
}

static void check_form(struct span text, struct jvalue container)
{
	struct jform form = { .is_set = false };
	struct jvalue values[JFORM_VALUES], found[JFORM_VALUES];
	const uint64_t choices = choices_of(text);
	size_t count = 0;

	for (struct jwalk w = jwalk_start(container); count < JFORM_VALUES && jwalk_next(&w);)
		values[count++] = w.value;
	jform_learn(&form, text, values, count);
	must(jform_fits(&form, text, found) == form.is_set);
	for (size_t i = 0; form.is_set && i < count; i++) {
		must(found[i].type == values[i].type && found[i].text.ptr == values[i].text.ptr);
		must(found[i].text.len == values[i].text.len);
	}
	char *changed = mem_strndup(text.ptr, text.len);
	changed[choices % text.len] = "\"\\{}[],: 0129.-e\xc3\xa9u"[choices >> 32 & 15];
	if (jform_fits(&form, span_of(changed, text.len), found))
		must(jscan_check(span_of(changed, text.len), NULL, NULL, NULL) == 0);
	mem_free(changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct err err = ERR_INIT;
	struct jvalue v;
	json_error_t error;
	bool ours = jscan_check(text, NULL, &v, &err) == 0;
	json_t *tree = json_loadb(text.ptr, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);

	if (!ours) {
		must(err.code == E_invalid_json && strncmp(err.message, "at byte ", 8) == 0);
		must(v.type == J_NONE);
		/* To jansson a NUL outside a string is the end of the text. */
		must(!tree || strstr(err.message, "more than ") || memchr(text.ptr, '\0', size));
		json_decref(tree);
		return 0;
	}
	must(err.code == E_none);
	must(tree || jansson_may_refuse(text, &error));
	if (tree)
		check_tree(v, tree);
	json_decref(tree);
	check_map(text, v);
	check_known(text, v);
	if (v.type == J_OBJECT)
		check_splice(text, v);
	if (v.type == J_OBJECT || v.type == J_ARRAY)
		check_form(text, v);
	return 0;
}
