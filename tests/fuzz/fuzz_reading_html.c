/* tests/fuzz/fuzz_reading_html.c - any bytes as a web page. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reading("a.html", NULL, data, size);
	return 0;
}
