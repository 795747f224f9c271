/* tests/fuzz/fuzz_reading_mail.c - any bytes as a message. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz_reading("a.eml", NULL, data, size);
	return 0;
}
