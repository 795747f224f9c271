/* common/rag/cut_line.c - where sentences end, and which lines of code open something. */
#include "common/rag/cut_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

/* After these a text may be cut even without a blank. */
static const struct {
	uint32_t character;
	int cost;
} marks[] = {
	{ 0x0964, COST_SENTENCE }, { 0x0965, COST_SENTENCE }, /* danda */
	{ 0x0f0d, COST_SENTENCE },                            /* Tibetan */
	{ 0x104a, COST_CLAUSE },   { 0x104b, COST_SENTENCE }, /* Myanmar */
	{ 0x1362, COST_SENTENCE }, { 0x1363, COST_CLAUSE },   /* Ethiopic */
	{ 0x17d4, COST_SENTENCE }, { 0x17d5, COST_SENTENCE }, /* Khmer */
	{ 0x3000, COST_CLAUSE },   { 0x3001, COST_CLAUSE },   { 0x3002, COST_SENTENCE },
	{ 0xff01, COST_SENTENCE }, { 0xff0c, COST_CLAUSE },   { 0xff0e, COST_SENTENCE },
	{ 0xff1a, COST_CLAUSE },   { 0xff1b, COST_CLAUSE },   { 0xff1f, COST_SENTENCE },
	{ 0xff61, COST_SENTENCE }, { 0xff64, COST_CLAUSE },
};

/* These and a blank. */
static const int16_t ascii_ends[128] = {
	['.'] = COST_SENTENCE, ['!'] = COST_SENTENCE, ['?'] = COST_SENTENCE,
	[','] = COST_CLAUSE,   [';'] = COST_CLAUSE,   [':'] = COST_CLAUSE,
};
static const struct {
	uint32_t character;
	int cost;
} ends[] = {
	{ 0x2026, COST_SENTENCE }, { 0x061f, COST_SENTENCE }, { 0x06d4, COST_SENTENCE },
	{ 0x0589, COST_SENTENCE }, { 0x060c, COST_CLAUSE },   { 0x061b, COST_CLAUSE },
	{ 0x2013, COST_CLAUSE },   { 0x2014, COST_CLAUSE },
};

static const bool ascii_closers[128] = { ['"'] = true, ['\''] = true, [')'] = true, [']'] = true,
					 ['*'] = true, ['_'] = true,  ['`'] = true };
static const uint32_t closers[] = { 0xbb,   0x2019, 0x201d, 0x3009, 0x300b, 0x300d,
				    0x300f, 0x3011, 0x3015, 0xff09, 0xff3d, 0xff63 };

/* Marks that stand on or beside the character before them. */
static const struct {
	uint32_t first, last;
} joined[] = {
	{ 0x0300, 0x036f },   { 0x0483, 0x0489 }, { 0x0591, 0x05bd },   { 0x0610, 0x061a },
	{ 0x064b, 0x065f },   { 0x0670, 0x0670 }, { 0x0900, 0x0903 },   { 0x093a, 0x094f },
	{ 0x0981, 0x0983 },   { 0x09bc, 0x09cd }, { 0x0a3c, 0x0a4d },   { 0x0abc, 0x0acd },
	{ 0x0b3c, 0x0b4d },   { 0x0bbe, 0x0bcd }, { 0x0c3e, 0x0c4d },   { 0x0cbc, 0x0ccd },
	{ 0x0d3b, 0x0d4d },   { 0x0e31, 0x0e31 }, { 0x0e34, 0x0e3a },   { 0x0e47, 0x0e4e },
	{ 0x0eb1, 0x0eb1 },   { 0x0eb4, 0x0ebc }, { 0x0ec8, 0x0ece },   { 0x0f71, 0x0f84 },
	{ 0x102b, 0x103e },   { 0x17b6, 0x17d3 }, { 0x1ab0, 0x1aff },   { 0x1dc0, 0x1dff },
	{ 0x200d, 0x200d },   { 0x20d0, 0x20ff }, { 0x302a, 0x302f },   { 0x3099, 0x309a },
	{ 0xfe00, 0xfe0f },   { 0xfe20, 0xfe2f }, { 0x1f3fb, 0x1f3ff }, { 0xe0020, 0xe007f },
	{ 0xe0100, 0xe01ef },
};

/* With a full stop they end no sentence; forms with a dot inside are known by that. */
static const char *const short_forms[] = { "mr",   "mrs",  "ms",     "dr", "prof", "fig",
					   "figs", "eq",   "al",     "st", "vs",   "cf",
					   "inc",  "ltd",  "corp",   "co", "vol",  "sec",
					   "ref",  "resp", "approx", "ca", "bzw",  "usw" };

uint32_t cut_before(struct span text, size_t end, size_t *start)
{
	size_t len, at = end;

	if (at > 0 && (unsigned char)text.ptr[at - 1] < 0x80) {
		*start = at - 1;
		return (unsigned char)text.ptr[at - 1];
	}
	while (at > 0 && end - at < UTF8_MAX && ((unsigned char)text.ptr[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && ((unsigned char)text.ptr[at - 1] >= 0xc0 || at == end))
		at--;
	*start = at;
	return utf8_next(span_of(text.ptr + at, end - at), &len);
}

bool cut_is_joined(uint32_t before, uint32_t c)
{
	if (before == 0x200d)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(joined) && c >= joined[i].first; i++)
		if (c <= joined[i].last)
			return true;
	return false;
}

int cut_after_mark(uint32_t c)
{
	for (size_t i = 0; i < ARRAY_LEN(marks); i++)
		if (marks[i].character == c)
			return marks[i].cost;
	return 0;
}

bool cut_is_closer(uint32_t c)
{
	if (c < 0x80)
		return ascii_closers[c];
	for (size_t i = 0; i < ARRAY_LEN(closers); i++)
		if (closers[i] == c)
			return true;
	return false;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The word before the full stop at dot: "Dr", "e.g", "J", or "3" that begins a line. */
static bool is_short_form(struct span text, size_t dot)
{
	struct span word;
	size_t start = dot;
	bool has_dot = false, is_number = dot > 0;

	while (start > 0 && dot - start <= 8 && !char_is_white(text.ptr[start - 1]) &&
	       text.ptr[start - 1] != '(') {
		start--;
		has_dot |= text.ptr[start] == '.';
		is_number &= is_digit(text.ptr[start]);
	}
	word = span_of(text.ptr + start, dot - start);
	if (word.len == 0 || word.len > 6)
		return false;
	if (is_number)
		return word.len <= 3 && (start == 0 || text.ptr[start - 1] == '\n');
	if (word.len == 1 || has_dot)
		return is_letter(word.ptr[0]);
	for (size_t i = 0; i < ARRAY_LEN(short_forms); i++)
		if (span_equal_nocase(word, span_str(short_forms[i])))
			return true;
	return false;
}

static int cost_of_end(struct span text, size_t end)
{
	size_t start;
	uint32_t c = cut_before(text, end, &start);

	for (int i = 0; i < 4 && cut_is_closer(c) && start > 0; i++) {
		end = start;
		c = cut_before(text, end, &start);
	}
	if (c == '.' && is_short_form(text, start))
		return COST_WORD;
	if (c < 0x80)
		return ascii_ends[c] > 0 ? ascii_ends[c] : COST_WORD;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		if (ends[i].character == c)
			return ends[i].cost;
	if (cut_after_mark(c) > 0)
		return cut_after_mark(c);
	return c >= 0x0e00 && c <= 0x0e7f ? COST_CLAUSE : COST_WORD; /* Thai */
}

/* Latin, Greek, Cyrillic, Armenian. */
static bool is_small(struct span text)
{
	size_t len;
	uint32_t c = utf8_next(text, &len);

	return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff) || (c >= 0x3ac && c <= 0x3ce) ||
	       (c >= 0x430 && c <= 0x45f) || (c >= 0x561 && c <= 0x586);
}

static bool is_ascii_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int cut_cost_of_blank(struct span text, size_t end, size_t next, unsigned newlines)
{
	bool ends_word;
	int cost, more;

	/* Most blanks are between the words of a line. */
	ends_word = end > 0 && is_ascii_word(text.ptr[end - 1]);
	if (newlines == 0 && ends_word)
		return COST_WORD;
	more = end > 0 && text.ptr[end - 1] == ':' ? COST_AFTER_COLON : 0;
	if (newlines >= 2)
		return COST_PARAGRAPH + more;
	cost = end > 0 && !ends_word ? cost_of_end(text, end) : COST_WORD;
	if (newlines == 0 || cost < COST_CLAUSE)
		return cost;
	if (is_small(span_from(text, next))) /* then only the margin ended the line */
		return cost;
	return COST_LINE + more;
}

bool cut_is_closing(struct span line)
{
	static const char *const words[] = { "end", "fi", "done", "esac" };

	if (line.len > 0 && strchr("{})]", line.ptr[0]))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		size_t len = strlen(words[i]);

		if (span_starts(line, words[i]) && (line.len == len || !is_letter(line.ptr[len])))
			return true;
	}
	return false;
}

/* "out:", "public:" name nothing. */
static bool is_label(struct span line)
{
	size_t at = 0;

	while (at < line.len && (is_letter(line.ptr[at]) || line.ptr[at] == '_'))
		at++;
	return at + 1 == line.len && line.ptr[at] == ':';
}

bool cut_is_opener(struct span line)
{
	if (line.len == 0 || cut_is_closing(line) || is_label(line))
		return false;
	return is_letter(line.ptr[0]) || line.ptr[0] == '_' || line.ptr[0] == '"' ||
	       (unsigned char)line.ptr[0] >= 0x80;
}
