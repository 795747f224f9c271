/* common/text/words.c - cutting text into words and estimated tokens. */
#include "common/text/words.h"

#include "common/base/eight.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/letters.h"

#include <string.h>

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

uint64_t words_hash(struct span text)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < text.len; i++)
		h = (h ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
	h = (h ^ (h >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	h = (h ^ (h >> 27)) * UINT64_C(0x94d049bb133111eb);
	return h ^ (h >> 31);
}

/* Chinese and Japanese particles; a pair with one of them seldom names a thing. */
static bool is_particle(uint32_t c)
{
	static const uint32_t particles[] = {
		0x7684, 0x4e86, 0x662f, 0x5728, 0x5417, 0x5462, 0x5427, 0x554a, 0x548c, 0x4e0e,
		0x53ca, 0x8fd9, 0x90a3, 0x4e5f, 0x90fd, 0x5c31, 0x4e48, 0x8bf7, 0x88ab, 0x306f,
		0x304c, 0x3092, 0x306b, 0x306e, 0x3067, 0x3068, 0x3082,
	};

	for (size_t i = 0; i < ARRAY_LEN(particles); i++)
		if (particles[i] == c)
			return true;
	return false;
}

static bool is_blank(uint32_t c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

struct cutter {
	void (*use)(void *data, const struct word *word);
	void *data;
	/* the present run of word characters, lower case, with where its parts begin */
	char bytes[WORD_MAX + WORD_SLACK];
	size_t len;
	const char *begin; /* in the text */
	struct {
		const char *begin;
		size_t at; /* in bytes */
	} starts[WORD_MAX];
	size_t parts;
	uint32_t before;       /* last letter of the run as it was written; 0 = none */
	bool is_full;          /* the rest of the run is left out */
	/* the last dense characters of a run, so many as make a gram */
	struct {
		const char *begin;
		size_t len;
		uint32_t c;
	} gram[3];
	bool is_joined;        /* one of them is written in parts */
	size_t dense_count;    /* of the run */
	size_t gram_size;      /* 2 or 3 */
};

/* text stands from begin to end. */
static void emit(struct cutter *cut, struct span text, const char *begin, const char *end, enum word_kind kind)
{
	struct word word = { .text = text, .source = span_of(begin, (size_t)(end - begin)), .kind = kind };

	cut->use(cut->data, &word);
}

/* Back over what parted a word at the end of a line. */
static const char *before_break(const char *at)
{
	static const struct span hyphen = SPAN_INIT("\u2010");

	while (is_blank((unsigned char)at[-1]))
		at--;
	if (at[-1] == '-')
		return at - 1;
	return memcmp(at - hyphen.len, hyphen.ptr, hyphen.len) == 0 ? at - hyphen.len : at;
}

static void emit_parts(struct cutter *cut, const char *end)
{
	for (size_t i = 0; i < cut->parts; i++) {
		bool is_last = i + 1 == cut->parts;
		size_t from = cut->starts[i].at, to = is_last ? cut->len : cut->starts[i + 1].at;
		const char *part_end = is_last ? end : cut->starts[i + 1].begin;

		if (!is_last && is_blank((unsigned char)part_end[-1]))
			part_end = before_break(part_end);
		for (; to > from && cut->bytes[to - 1] == '_'; to--)
			part_end--;
		emit(cut, span_of(cut->bytes + from, to - from), cut->starts[i].begin, part_end, WORD_PART);
	}
}

static void end_run(struct cutter *cut, const char *end)
{
	if (cut->len == 0)
		return;
	/* "__init__" and "_x" are found as "init" and "x" too. */
	if (cut->parts > 0 || cut->bytes[0] != '_')
		emit(cut, span_of(cut->bytes, cut->len), cut->begin, end, WORD_WHOLE);
	if (cut->parts > 1 || cut->bytes[0] == '_')
		emit_parts(cut, end);
	cut->len = cut->parts = 0;
	cut->before = 0;
	cut->is_full = false;
}

/* The last count characters of the dense run. */
static void emit_gram(struct cutter *cut, size_t count)
{
	size_t first = cut->dense_count - count;
	struct word word = { .source = span_of(cut->gram[first % 3].begin, 0), .kind = WORD_GRAM };
	char bytes[3 * UTF8_MAX];
	size_t len = 0;

	for (size_t i = first; i < cut->dense_count; i++) {
		word.source.len += cut->gram[i % 3].len;
		word.is_particle = word.is_particle || is_particle(cut->gram[i % 3].c);
		if (cut->is_joined)
			len += utf8_encode(bytes + len, cut->gram[i % 3].c);
	}
	word.text = cut->is_joined ? span_of(bytes, len) : word.source;
	cut->use(cut->data, &word);
}

static void end_dense(struct cutter *cut)
{
	if (cut->dense_count > 0 && cut->dense_count < cut->gram_size)
		emit_gram(cut, cut->dense_count);
	cut->dense_count = 0;
	cut->is_joined = false;
}

/* A part begins after "_", at a capital after a small letter, and where digits meet letters. */
static bool begins_part(uint32_t before, uint32_t c)
{
	if (c == '_')
		return false;
	if (before == 0 || before == '_')
		return true;
	return is_digit(before) != is_digit(c) || (letter_is_capital(c) && !letter_is_capital(before));
}

/* at: in the text; offset: in the run. */
static void begin_part(struct cutter *cut, const char *at, size_t offset)
{
	cut->starts[cut->parts].begin = at;
	cut->starts[cut->parts++].at = offset;
}

/* No letter of the run is left out in the middle. */
static void add_bytes(struct cutter *cut, const char *bytes, size_t len)
{
	cut->is_full = cut->is_full || cut->len + len > WORD_MAX;
	if (cut->is_full)
		return;
	memcpy(cut->bytes + cut->len, bytes, len);
	cut->len += len;
}

/* at: where it stands in the text. */
static void add_to_run(struct cutter *cut, uint32_t c, const char *at)
{
	char bytes[LETTER_MAX];
	size_t len = letter_spell(c, bytes);

	if (cut->len == 0)
		cut->begin = at;
	if (!cut->is_full && cut->len + len <= WORD_MAX && begins_part(cut->before, c))
		begin_part(cut, at, cut->len);
	add_bytes(cut, bytes, len);
	cut->before = c;
}

/* With the letter before it a mark is one character, where there is such a one. */
static void add_mark(struct cutter *cut, uint32_t mark, const char *at)
{
	char bytes[LETTER_MAX];
	size_t last = cut->len, len;
	uint32_t joined;

	if (cut->is_full)
		return;
	do
		last--;
	while (last > 0 && ((unsigned char)cut->bytes[last] & 0xc0) == 0x80);
	joined = letter_join(utf8_next(span_of(cut->bytes + last, cut->len - last), &len), mark);
	if (!joined) {
		add_to_run(cut, mark, at);
		return;
	}
	cut->len = last;
	add_bytes(cut, bytes, utf8_encode(bytes, joined));
	/* It has no room: then no part begins with it. */
	if (cut->len == last && cut->parts > 0 && cut->starts[cut->parts - 1].at == last)
		cut->parts--;
}

/* Letters without capitals: but for those written in parts they stand in the text as in grams. */
static void add_dense(struct cutter *cut, uint32_t c, struct span source)
{
	size_t size = letter_gram(c);
	size_t at;

	if (size != cut->gram_size)
		end_dense(cut);
	cut->gram_size = size;
	at = cut->dense_count++ % 3;
	cut->gram[at].begin = source.ptr;
	cut->gram[at].len = source.len;
	cut->gram[at].c = c;
	cut->is_joined = cut->is_joined || source.len > UTF8_MAX;
	if (cut->dense_count >= size)
		emit_gram(cut, size);
}

/* The word characters of ASCII in lower case; 0 for all other bytes. */
static const char plain[256] = {
	['_'] = '_', ['0'] = '0', ['1'] = '1', ['2'] = '2', ['3'] = '3', ['4'] = '4', ['5'] = '5',
	['6'] = '6', ['7'] = '7', ['8'] = '8', ['9'] = '9',
	['a'] = 'a', ['b'] = 'b', ['c'] = 'c', ['d'] = 'd', ['e'] = 'e', ['f'] = 'f', ['g'] = 'g',
	['h'] = 'h', ['i'] = 'i', ['j'] = 'j', ['k'] = 'k', ['l'] = 'l', ['m'] = 'm', ['n'] = 'n',
	['o'] = 'o', ['p'] = 'p', ['q'] = 'q', ['r'] = 'r', ['s'] = 's', ['t'] = 't', ['u'] = 'u',
	['v'] = 'v', ['w'] = 'w', ['x'] = 'x', ['y'] = 'y', ['z'] = 'z',
	['A'] = 'a', ['B'] = 'b', ['C'] = 'c', ['D'] = 'd', ['E'] = 'e', ['F'] = 'f', ['G'] = 'g',
	['H'] = 'h', ['I'] = 'i', ['J'] = 'j', ['K'] = 'k', ['L'] = 'l', ['M'] = 'm', ['N'] = 'n',
	['O'] = 'o', ['P'] = 'p', ['Q'] = 'q', ['R'] = 'r', ['S'] = 's', ['T'] = 't', ['U'] = 'u',
	['V'] = 'v', ['W'] = 'w', ['X'] = 'x', ['Y'] = 'y', ['Z'] = 'z',
};

/* What add_to_run does with each, faster.  Returns where it ends. */
static const char *add_plain_run(struct cutter *cut, const char *at, const char *end)
{
	for (; at < end; at++) {
		char c = *at, low = plain[(unsigned char)c];

		if (!low)
			break;
		if (cut->len == 0)
			cut->begin = at;
		if (cut->is_full || cut->len == WORD_MAX) {
			cut->is_full = true;
			continue;
		}
		if (begins_part(cut->before, (unsigned char)c))
			begin_part(cut, at, cut->len);
		cut->bytes[cut->len++] = low;
		cut->before = (unsigned char)c;
	}
	return at;
}

/*
 * How many bytes from a hyphen on belong to the end of a line behind which the word goes on in
 * small letters; 0 = none.
 */
static size_t line_break(const char *at, const char *end)
{
	size_t len, letter;
	struct span rest;
	uint32_t c = utf8_next(span_of(at, (size_t)(end - at)), &len);

	if (c != '-' && c != 0x2010)
		return 0;
	rest = span_of(at + len, (size_t)(end - at) - len);
	while (rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\r'))
		rest = span_from(rest, 1);
	if (rest.len == 0 || rest.ptr[0] != '\n')
		return 0;
	for (rest = span_from(rest, 1); rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t');)
		rest = span_from(rest, 1);
	if (rest.len == 0)
		return 0;
	c = utf8_next(rest, &letter);
	if (is_digit(c) || c == '_' || !letter_is_of_word(c) || letter_is_dense(c) ||
	    letter_is_capital(c))
		return 0;
	return (size_t)(rest.ptr - at);
}

/* A run that is words of letters, at a hyphen. */
static bool may_go_on(const struct cutter *cut)
{
	return cut->len > 0 && cut->before != '_' && !is_digit(cut->before);
}

/*
 * A run of nothing but letters of ASCII that is one part, up to what is neither letter nor digit
 * nor of another script.  Returns where it ends; at, when it is another one.
 */
static const char *pass_plain_word(struct cutter *cut, const char *at, const char *end)
{
	uint64_t before = 0; /* 0x80 when the letter before is a small one */
	size_t len = 0;

	while ((size_t)(end - at) >= len + 8 && len + 8 <= WORD_MAX) {
		uint64_t eight = eight_load(at + len), letters = eight_letters(eight);
		uint64_t capitals = letters & ~(eight << 2); /* without the bit 0x20 */
		uint64_t small = letters ^ capitals, humps = capitals & (small << 8 | before);
		uint64_t others = letters ^ EIGHT_HIGH;

		eight_store(cut->bytes + len, eight | capitals >> 2);
		if (others) {
			size_t more = eight_first(others);
			unsigned char c = (unsigned char)at[len + more];

			if (humps & ((UINT64_C(1) << 8 * more) - 1) || c >= 0x80 || plain[c])
				return at;
			if (c == '-' && line_break(at + len + more, end) > 0)
				return at;
			len += more;
			emit(cut, span_of(cut->bytes, len), at, at + len, WORD_WHOLE);
			return at + len + 1; /* what stands there is no word's */
		}
		if (humps)
			return at;
		before = small >> 56;
		len += 8;
	}
	return at;
}

/*
 * A whole run of ASCII's word characters, eight at a time; most text is this.  Returns where it
 * ends, or at when it is another one: too long, or not over where the last of them stands.
 */
static const char *pass_run(struct cutter *cut, const char *at, const char *end)
{
	uint64_t word_before = 0, digit_before = 0, capital_before = 0; /* 0x80: the byte before */
	uint64_t others = 0;
	size_t len;

	for (len = 0; !others && len < WORD_MAX; len += 8) {
		uint64_t eight = eight_load_some(at + len, (size_t)(end - at) - len);
		uint64_t letters = eight_letters(eight);
		uint64_t capitals = letters & ~(eight << 2); /* without the bit 0x20 */
		uint64_t digits = eight_between(eight & ~EIGHT_HIGH, '0', '9') & ~eight;
		uint64_t word = letters | digits; /* as begins_part has it: */
		uint64_t begins = word & (~(word << 8 | word_before) |
					  (digits ^ (digits << 8 | digit_before)) |
					  (capitals & ~(capitals << 8 | capital_before)));

		others = ~(word | eight_equal(eight, '_')) & EIGHT_HIGH;
		eight_store(cut->bytes + len, eight | capitals >> 2);
		for (begins &= eight_below(others); begins; begins &= begins - 1)
			begin_part(cut, at + len + eight_first(begins), len + eight_first(begins));
		word_before = word >> 56;
		digit_before = digits >> 56;
		capital_before = capitals >> 56;
	}
	len = others ? len - 8 + eight_first(others) : 0;
	if (!others || (at + len < end && ((unsigned char)at[len] >= 0x80 ||
					   (at[len] == '-' && line_break(at + len, end) > 0)))) {
		cut->parts = 0;
		return at;
	}
	cut->begin = at;
	cut->len = len;
	end_run(cut, at + len);
	return at + len;
}

/* Word characters of ASCII; returns where what follows them is to be looked at. */
static const char *pass_plain(struct cutter *cut, const char *at, const char *end)
{
	const char *after = at;

	if (cut->len > 0)
		return add_plain_run(cut, at, end);
	if (plain[(unsigned char)*at] >= 'a')
		after = pass_plain_word(cut, at, end);
	if (after == at)
		after = pass_run(cut, at, end);
	return after > at ? after : add_plain_run(cut, at, end);
}

/* A character that is neither of ASCII's letters nor dense; returns how many bytes it takes. */
static size_t pass_other(struct cutter *cut, uint32_t c, const char *at, size_t len, const char *end)
{
	size_t more;

	if (c >= 0x80 && letter_is_of_word(c)) {
		if (cut->len > 0 && letter_is_mark(c))
			add_mark(cut, c, at);
		else
			add_to_run(cut, c, at);
		return len;
	}
	if ((c == '-' || c == 0x2010) && may_go_on(cut) && (more = line_break(at, end)) > 0) {
		cut->before = 0; /* a part begins behind it */
		return more;
	}
	end_run(cut, at);
	return len;
}

void words_each(struct span text, void (*use)(void *data, const struct word *word), void *data)
{
	struct cutter cut = { .use = use, .data = data };
	const char *at = text.ptr, *end = text.len > 0 ? text.ptr + text.len : at;

	while (at < end) {
		size_t len = 1;
		uint32_t c = (unsigned char)*at;

		if (plain[c]) {
			if (cut.dense_count > 0)
				end_dense(&cut);
			at = pass_plain(&cut, at, end);
			continue;
		}
		if (c < 0x80 && cut.len + cut.dense_count == 0) { /* between words */
			at++;
			continue;
		}
		if (c >= 0x80)
			c = letter_next(span_of(at, (size_t)(end - at)), &len);
		if (letter_is_dense(c)) {
			end_run(&cut, at);
			add_dense(&cut, c, span_of(at, len));
		} else {
			if (cut.dense_count > 0)
				end_dense(&cut);
			len = pass_other(&cut, c, at, len, end);
		}
		at += len;
	}
	end_run(&cut, end);
	end_dense(&cut);
}

size_t words_token(struct span text)
{
	size_t blanks = 0, end, len;
	uint32_t c;

	while (blanks < text.len && is_blank((unsigned char)text.ptr[blanks]))
		blanks++;
	if (blanks == text.len)
		return blanks;
	c = utf8_next(span_from(text, blanks), &len);
	end = blanks + len;
	if (!letter_is_of_word(c) || letter_is_dense(c))
		return end;
	while (end < text.len) {
		bool digit = is_digit(c);
		uint32_t next = utf8_next(span_from(text, end), &len);

		if (!letter_is_of_word(next) || letter_is_dense(next) || digit != is_digit(next) ||
		    end + len - blanks > (digit ? 3 : 6))
			break;
		end += len;
	}
	return end;
}

size_t words_count_tokens(struct span text)
{
	size_t count = 0;

	while (text.len > 0) {
		text = span_from(text, words_token(text));
		count++;
	}
	return count;
}
