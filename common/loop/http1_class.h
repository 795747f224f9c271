/*
 * common/loop/http1_class.h - classes of bytes, private to the codec.
 */
#ifndef SPASS_LOOP_HTTP1_CLASS_H
#define SPASS_LOOP_HTTP1_CLASS_H

#include <stddef.h>

enum {
	HTTP1_TCHAR = 1,      /* of a token: methods, field names */
	HTTP1_VALUE = 2,      /* of a field value: visible, space, tab, obs-text */
	HTTP1_TARGET = 4,     /* of a request target: visible ASCII but '#' */
	HTTP1_DIGIT = 8,
	HTTP1_HEX = 16,
	HTTP1_HOST_CHAR = 32, /* of a registered name or an IPv4 address, without the comma */
};
extern const unsigned char http1_class[256];

/* First byte that no field value may have, from at on; stop when there is none. */
size_t http1_value_end(const char *ptr, size_t at, size_t stop);
/* First byte that no field name may have, likewise. */
size_t http1_name_end(const char *ptr, size_t at, size_t stop);

static inline int http1_is(unsigned char class, char c)
{
	return http1_class[(unsigned char)c] & class;
}

#endif
