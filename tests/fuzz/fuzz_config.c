/* tests/fuzz/fuzz_config.c - whatever stands in spass.yaml: read, shown and freed without harm. */
#include "common/config/config.h"

#include "common/base/mem.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct yml *file = yml_parse(span_of((const char *)data, size), "fuzz.yaml", &err);
	struct config *c = file ? config_new(file, NULL, NULL, 0, &err) : NULL;
	struct buf out;
	json_t *all;
	char *text;

	if (!c)
		return err.code == E_none ? (abort(), 0) : 0;
	buf_init(&out, 64 * MIB);
	if (config_show(c, false, &out) < 0)
		abort();
	buf_free(&out);
	all = config_json(c);
	text = json_dumps(all, 0);
	if (!text)
		abort();
	free(text);
	json_decref(all);
	config_free(c);
	return 0;
}
