/* common/base/ident.c - randomness in a pool a thread, and ids. */
#include "common/base/ident.h"

#include "common/base/digest.h"

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

void ident_uuid(char *out)
{
	static const struct {
		size_t from, len;
	} groups[] = { { 0, 4 }, { 4, 2 }, { 6, 2 }, { 8, 2 }, { 10, 6 } };
	uint8_t bytes[16];

	ident_random(bytes, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40);
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (i > 0)
			*out++ = '-';
		digest_hex(bytes + groups[i].from, groups[i].len, out);
		out += 2 * groups[i].len;
	}
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
static char base32_letter(uint64_t bits)
{
	static const char letters[] = "0123456789abcdefghjkmnpqrstvwxyz";

	return letters[bits & 31];
}

void ident_sorted(char *out, size_t size, const char *prefix, int64_t ms)
{
	enum { TIME_LETTERS = 10 };
	uint8_t random[IDENT_SORTED_LEN - TIME_LETTERS];
	size_t at = 0;

	if (size == 0)
		return;
	ident_random(random, sizeof random);
	while (*prefix && at + 1 < size)
		out[at++] = *prefix++;
	for (int i = 0; i < IDENT_SORTED_LEN && at + 1 < size; i++)
		out[at++] = i < TIME_LETTERS ?
				    base32_letter((uint64_t)ms >> (5 * (TIME_LETTERS - 1 - i))) :
				    base32_letter(random[i - TIME_LETTERS]);
	out[at] = '\0';
}
