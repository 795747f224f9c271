/* tests/fuzz/fuzz_reading_text.c - any bytes as text, Markdown, code or subtitles; the first byte chooses. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "a.txt", "a.md", "a.c", "a.py", "a.rb", "a.el", "a.srt", "a" };

	if (size == 0)
		return 0;
	fuzz_reading(names[data[0] % ARRAY_LEN(names)], NULL, data + 1, size - 1);
	return 0;
}
