/* tests/fuzz/fuzz_reading_zip.c - any bytes as a document that is zipped, or packed as a whole; the first byte chooses. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.docx", "a.odt", "a.pptx", "a.xlsx", "a.epub", "a",
					     "a.md.gz", "a.txt.bz2", "a.csv.xz", "a.html.zst" };

	if (size == 0)
		return 0;
	fuzz_reading(names[data[0] % ARRAY_LEN(names)], NULL, data + 1, size - 1);
	return 0;
}
