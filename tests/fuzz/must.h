/* tests/fuzz/must.h - an invariant of a harness: says which one broke, then aborts. */
#ifndef SPASS_FUZZ_MUST_H
#define SPASS_FUZZ_MUST_H

#include <stdio.h>
#include <stdlib.h>

#define must(holds) ((holds) ? (void)0 : must_fail(#holds, __FILE__, __LINE__))

static inline void must_fail(const char *what, const char *file, int line)
{
	fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, what);
	abort();
}

#endif
