/*
 * common/base/digits.c - see digits.h.
 */
#include "common/base/digits.h"

#include <string.h>

static int count(uint64_t value)
{
	int n = 1;

	for (; value >= 10000; value /= 10000)
		n += 4;
	return n + (value >= 10) + (value >= 100) + (value >= 1000);
}

char *digits_put(char *at, uint64_t value)
{
	static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233"
				    "34353637383940414243444546474849505152535455565758596061626364656667"
				    "6869707172737475767778798081828384858687888990919293949596979899";
	char *end = at + count(value);

	for (at = end; value >= 100; value /= 100)
		memcpy(at -= 2, pairs + 2 * (value % 100), 2);
	if (value >= 10)
		memcpy(at - 2, pairs + 2 * value, 2);
	else
		at[-1] = (char)('0' + value);
	return end;
}
