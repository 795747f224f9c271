/* common/base/ident.c - randomness in a pool a thread, and ids. */
#include "common/base/ident.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* A system call every hundred ids or so. */
enum { POOL_SIZE = 2048 };

struct pool {
	uint8_t bytes[POOL_SIZE];
	size_t left;
};

static _Thread_local struct pool pool;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void kernel_random(uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t got = getrandom(out, len, 0);

		if (got < 0 && errno != EINTR)
			abort(); /* ids that can be guessed are worse than none */
		if (got > 0) {
			out += got;
			len -= (size_t)got;
		}
	}
}

/* A child made by fork must not hand out its parent's bytes again. */
static void forget_pool(void)
{
	pool.left = 0;
}

static void watch_forks(void)
{
	pthread_atfork(NULL, NULL, forget_pool);
}

void ident_random(void *out, size_t len)
{
	uint8_t *from;

	if (len == 0)
		return;
	if (len > POOL_SIZE) {
		kernel_random(out, len);
		return;
	}
	if (len > pool.left) {
		pthread_once(&once, watch_forks);
		kernel_random(pool.bytes, POOL_SIZE);
		pool.left = POOL_SIZE;
	}
	from = pool.bytes + (POOL_SIZE - pool.left);
	memcpy(out, from, len);
	explicit_bzero(from, len);
	pool.left -= len;
}

/* Eight hexadecimal digits of random bits; which digit tells which of them is nothing to anybody. */
static void random_digits(uint32_t bits, char out[8])
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t x = bits;

	x = (x | x << 16) & UINT64_C(0x0000ffff0000ffff);
	x = (x | x << 8) & UINT64_C(0x00ff00ff00ff00ff);
	x = (x | x << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	x += ones * '0' + ((x + ones * 6) >> 4 & ones) * ('a' - '9' - 1);
	memcpy(out, &x, sizeof x);
}

void ident_uuid(char *out)
{
	static const char form[] = "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx", variants[] = "89ab";
	uint32_t bits[5]; /* the last for the variant */
	char digits[32];

	ident_random(bits, sizeof(bits));
	for (size_t i = 0; i < 4; i++)
		random_digits(bits[i], digits + 8 * i);
	memcpy(out, form, sizeof(form));
	memcpy(out, digits, 8);
	memcpy(out + 9, digits + 8, 4);
	memcpy(out + 15, digits + 13, 3);
	out[19] = variants[bits[4] & 3];
	memcpy(out + 20, digits + 17, 3);
	memcpy(out + 24, digits + 20, 12);
}

/* Six random bits, those above 61 thrown away, so that every character is equally likely. */
static char random_letter(void)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	uint8_t byte;

	do {
		ident_random(&byte, 1);
		byte &= 63;
	} while (byte >= sizeof(letters) - 1);
	return letters[byte];
}

void ident_token(char *out, size_t size, const char *prefix, size_t count)
{
	size_t at = 0;

	if (size == 0)
		return;
	while (*prefix && at + 1 < size)
		out[at++] = *prefix++;
	while (count-- > 0 && at + 1 < size)
		out[at++] = random_letter();
	out[at] = '\0';
}

/* Crockford's base32 (https://www.crockford.com/base32.html), five bits of value a letter. */
static void write_sorted(char out[IDENT_SORTED_LEN], uint64_t ms)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";
	enum { TIME_LETTERS = 10 };
	uint8_t random[IDENT_SORTED_LEN - TIME_LETTERS];

	for (int i = TIME_LETTERS; i-- > 0; ms >>= 5)
		out[i] = letters[ms & 31];
	ident_random(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		out[TIME_LETTERS + i] = letters[random[i] & 31];
}

void ident_sorted(char *out, size_t size, const char *prefix, int64_t ms)
{
	char letters[IDENT_SORTED_LEN];
	size_t at = 0, len;

	if (size == 0)
		return;
	write_sorted(letters, (uint64_t)ms);
	while (*prefix && at + 1 < size)
		out[at++] = *prefix++;
	len = size - 1 - at < sizeof letters ? size - 1 - at : sizeof letters;
	memcpy(out + at, letters, len);
	out[at + len] = '\0';
}
