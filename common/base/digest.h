/*
 * common/base/digest.h - SHA-256, HMAC, hexadecimal, base64, comparison in constant time.
 *
 * Any thread.  Digests are libcrypto's.
 */
#ifndef SPASS_BASE_DIGEST_H
#define SPASS_BASE_DIGEST_H

#include "common/base/buf.h"

enum { DIGEST_SIZE = 32, DIGEST_HEX_SIZE = 65 };
void digest_sha256(struct span s, uint8_t out[DIGEST_SIZE]);
void digest_hmac_sha256(struct span key, struct span s, uint8_t out[DIGEST_SIZE]);
/* Lower case, NUL-terminated, into out[2 * len + 1]. */
void digest_hex(const uint8_t *bytes, size_t len, char *out);
/* True when equal; the time taken depends on len alone. */
bool digest_equal(const void *a, const void *b, size_t len);

/* RFC 4648 section 4, with padding.  0, or -1 when buf is full. */
int base64_encode(struct buf *out, struct span bytes);
/* Strict: alphabet, padding and zero spare bits are checked, no white space.  0 or -1. */
int base64_decode(struct buf *out, struct span text);
/* Whether base64_decode would succeed, without the memory; *len (may be NULL) gets the size. */
bool base64_is_valid(struct span text, size_t *len);

#endif
