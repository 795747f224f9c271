/*
 * common/base/digits.h - numbers in decimal, where every instruction counts.
 */
#ifndef SPASS_BASE_DIGITS_H
#define SPASS_BASE_DIGITS_H

#include <stdint.h>

enum { DIGITS_MAX = 20 };

/* At most DIGITS_MAX bytes at at, without a NUL; returns their end. */
char *digits_put(char *at, uint64_t value);

#endif
