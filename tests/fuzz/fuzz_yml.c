/*
 * tests/fuzz/fuzz_yml.c - any bytes as a YAML file.
 *
 * Beyond not crashing: a failure says so in the documented form; a success gives a tree within
 * its bounds whose members have lines that exist; and the tree printed as JSON, which is YAML
 * too, reads back as the same tree.
 */
#include "common/base/mem.h"
#include "common/base/yml.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_tree(const struct yml *y, json_t *value, int depth, int lines)
{
	const char *key;
	json_t *item;
	size_t i;

	must(depth <= YML_DEPTH_MAX);
	must(yml_line(y, value) <= lines);
	json_object_foreach(value, key, item) {
		int line = yml_member_line(y, value, key);

		must(key[0] && line >= 1 && line <= lines);
		check_tree(y, item, depth + (json_is_object(item) || json_is_array(item)), lines);
	}
	json_array_foreach(value, i, item)
		check_tree(y, item, depth + (json_is_object(item) || json_is_array(item)), lines);
}

/*
 * libyaml refuses some characters unless escaped, takes others (U+0085) for line breaks, and refuses
 * quoted keys above 1,024 bytes.
 */
static bool is_plain(const char *text)
{
	for (const char *at = text; *at; at++)
		if (*at < 0x20 || *at > 0x7e)
			return false;
	return strlen(text) < 1000;
}

static void check_round_trip(const struct yml *y)
{
	char *text = json_dumps(yml_root(y), JSON_ENCODE_ANY);
	struct err err = ERR_INIT;
	struct yml *again;

	must(text);
	again = yml_parse(span_str(text), "again", &err);
	must(again || !is_plain(text));
	if (again && is_plain(text))
		must(json_equal(yml_root(again), yml_root(y)));
	yml_free(again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of((const char *)data, size);
	struct err err = ERR_INIT;
	struct yml *y = yml_parse(text, "fuzz", &err);
	int lines = 1;

	if (!y) {
		must(err.code == E_invalid_config);
		must(strncmp(err.message, "fuzz:", 5) == 0);
		return 0;
	}
	must(err.code == E_none);
	/* YAML's line breaks are more than LF, but none is shorter than a byte. */
	for (size_t i = 0; i < size; i++)
		lines += data[i] == '\n' || data[i] == '\r' || data[i] >= 0x80;
	check_tree(y, yml_root(y), json_is_object(yml_root(y)) || json_is_array(yml_root(y)), lines);
	check_round_trip(y);
	yml_free(y);
	return 0;
}
