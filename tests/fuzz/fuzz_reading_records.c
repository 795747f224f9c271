/* tests/fuzz/fuzz_reading_records.c - any bytes as CSV, JSON, JSON lines or a notebook; the first byte chooses. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.csv", "a.tsv", "a.json", "a.jsonl", "a.ipynb" };

	if (size == 0)
		return 0;
	fuzz_reading(names[data[0] % ARRAY_LEN(names)], NULL, data + 1, size - 1);
	return 0;
}
