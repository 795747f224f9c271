/* common/base/near.c - the nearest of some words, by optimal string alignment. */
#include "common/base/near.h"

#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 63 };

static char lower(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if (c == '-')
		return '_';
	return c;
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters differ as people mistype them: case and "-" against "_" cost nothing. */
static size_t distance(struct span a, struct span b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *now = rows[2];

	for (size_t j = 0; j <= b.len; j++)
		last[j] = before[j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		now[0] = i;
		for (size_t j = 1; j <= b.len; j++) {
			char x = lower(a.ptr[i - 1]), y = lower(b.ptr[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == lower(b.ptr[j - 2]) && lower(a.ptr[i - 2]) == y)
				now[j] = least(now[j], before[j - 2] + 1);
		}
		size_t *spare = before;

		before = last;
		last = now;
		now = spare;
	}
	return last[b.len];
}

void near_init(struct near *n, struct span word)
{
	*n = (struct near){ .word = word, .distance = SIZE_MAX };
}

void near_offer(struct near *n, const char *candidate)
{
	struct span other = span_str(candidate);

	if (!n->word.len || n->word.len > WORD_MAX || !other.len || other.len > WORD_MAX ||
	    span_equal(n->word, other))
		return;
	size_t longer = n->word.len > other.len ? n->word.len : other.len;
	/* One fault in a short word, about one in three letters of a long one. */
	size_t bearable = longer < 4 ? 1 : longer / 3, d;

	/* So many letters are missing at least. */
	if (2 * longer - n->word.len - other.len > bearable)
		return;
	d = distance(n->word, other);
	if (d <= bearable && d < longer && d < n->distance) {
		n->best = candidate;
		n->distance = d;
	}
}

const char *near_best(const struct near *n)
{
	return n->best;
}

int near_suggest(const struct near *n, struct err *err)
{
	size_t len = strlen(err->message);

	if (n->best)
		snprintf(err->message + len, sizeof err->message - len, "; did you mean %s?", n->best);
	return -1;
}
