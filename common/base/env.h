/*
 * common/base/env.h - the environment, read.
 *
 * It is changed at most before threads begin, so any of them may read it.
 */
#ifndef SPASS_BASE_ENV_H
#define SPASS_BASE_ENV_H

#include <stdlib.h>

/* NULL when there is no such variable.  Borrowed. */
static inline const char *env_get(const char *name)
{
	return getenv(name); /* NOLINT(concurrency-mt-unsafe): see above */
}

#endif
