/* tests/fuzz/fuzz_reading_manual.c - any bytes as a manual page. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reading("a.1", NULL, data, size);
	return 0;
}
