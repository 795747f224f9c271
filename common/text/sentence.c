/* common/text/sentence.c - finding where sentences end. */
#include "common/text/sentence.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/words.h"

#include <string.h>

/* A line shorter than this stands for itself; wrapped prose fills its lines. */
enum { SHORT_LINE = 40, ABBREVIATION_MAX = 6 };

/* Up to and without the line's end. */
static struct span line_of(struct span s)
{
	return span_cut(&s, '\n');
}

/* Bytes of a list mark or quotation mark at the start of a line, its blank included; else 0. */
static size_t mark_length(struct span line)
{
	size_t at = 0;

	if (span_starts(line, "- ") || span_starts(line, "* ") || span_starts(line, "+ ") ||
	    span_starts(line, "> "))
		return 2;
	if (span_starts(line, "•")) /* bullet */
		return 3;
	while (at < line.len && at < 3 && line.ptr[at] >= '0' && line.ptr[at] <= '9')
		at++;
	if (at > 0 && at + 1 < line.len && (line.ptr[at] == '.' || line.ptr[at] == ')') &&
	    line.ptr[at + 1] == ' ')
		return at + 2;
	return 0;
}

static bool is_heading(struct span line)
{
	size_t marks = 0;

	while (marks < line.len && line.ptr[marks] == '#')
		marks++;
	return marks >= 1 && marks <= 6 && marks < line.len && line.ptr[marks] == ' ';
}

/* Fences and rules carry no words. */
static bool is_ornament(struct span line)
{
	if (sentence_fence(line).len)
		return true;
	for (size_t i = 0; i < line.len; i++)
		if (!strchr("-=*_#~|+: \t\r", line.ptr[i]))
			return false;
	return true;
}

static const char *const source_words[] = {
	"source", "file", "document", "title", "url", "path", "quelle", "datei", "dokument", "titel",
	"来源", "文件", /* laiyuan, wenjian */
};

/* "Source: x", "[File: x]", <document source="x">: the x, else ptr NULL. */
static struct span source_of(struct span line)
{
	struct span head, rest = line, none = SPAN_NONE;
	ptrdiff_t at;

	if (line.len > 300)
		return none;
	if (span_starts(line, "<doc") || span_starts(line, "<source") || span_starts(line, "<file")) {
		at = span_find(line, SPAN_LIT("=\""));
		if (at < 0)
			return none;
		rest = span_from(line, (size_t)at + 2);
		return span_cut(&rest, '"');
	}
	if (rest.len > 0 && rest.ptr[0] == '[') {
		rest = span_from(rest, 1);
		if (rest.len > 0 && rest.ptr[rest.len - 1] == ']')
			rest.len--;
	}
	at = span_find(rest, SPAN_LIT("："));
	if (at >= 0) {
		head = span_of(rest.ptr, (size_t)at);
		rest = span_from(rest, (size_t)at + 3);
	} else {
		head = span_cut(&rest, ':');
		if (!rest.ptr)
			return none;
	}
	for (size_t i = 0; i < ARRAY_LEN(source_words); i++)
		if (span_is_nocase(span_trim(head), source_words[i]) && span_strip(rest).len > 0)
			return span_strip(rest);
	return none;
}

/* Whether a line begins something of its own. */
static bool begins_anew(struct span line)
{
	line = span_strip(line);
	return line.len == 0 || mark_length(line) > 0 || is_heading(line) || line.ptr[0] == '|' ||
	       is_ornament(line) || source_of(line).ptr;
}

static const char *const abbreviations[] = {
	"mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "fig", "inc", "ltd", "co", "approx",
	"dept", "est", "jan", "feb", "aug", "sept", "oct", "nov", "dec", "art", "abs", "nr", "bzw",
	"ca", "usw", "evtl", "ggf", "inkl", "exkl", "max", "min", "str", "tel", "vgl", "zzgl", "bspw",
	"sog", "hr", "fr", "al", "cf", "eq", "vol", "pp", "ed",
};

/* The "." at offset dot of s belongs to a word before it: "z.B.", "Dr.", "J." */
static bool is_abbreviation(struct span s, size_t dot)
{
	size_t from = dot, first;
	struct span word;
	uint32_t c;

	while (from > 0 && !char_is_white(s.ptr[from - 1]) && s.ptr[from - 1] != '(' && dot - from < 12)
		from--;
	word = span_of(s.ptr + from, dot - from);
	if (word.len == 0)
		return false;
	/* A single letter, or letters with dots between them; not so where a letter is a word. */
	c = utf8_next(word, &first);
	if (word.len == first && !(c >= '0' && c <= '9') && c < 0x2e80)
		return true;
	if (word.len > first + 1 && word.len <= 3 * first + 4 && word.ptr[first] == '.')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(abbreviations) && word.len <= ABBREVIATION_MAX; i++)
		if (span_is_nocase(word, abbreviations[i]))
			return true;
	return false;
}

/* Closing quotation marks and brackets stay with the sentence they close. */
static size_t closing_length(struct span s)
{
	static const char *const closers[] = {
		"\"", "'", ")", "]", "*", "”", "“", "’", "»",
		"」", "』", "）",
	};
	size_t at = 0;

	for (size_t i = 0; i < ARRAY_LEN(closers); i++)
		if (span_starts(span_from(s, at), closers[i])) {
			at += strlen(closers[i]);
			i = (size_t)-1;
		}
	return at;
}

static bool is_dense_stop(struct span s)
{
	return span_starts(s, "。") || span_starts(s, "！") ||
	       span_starts(s, "？");
}

static bool is_small_letter(struct span s)
{
	return s.len > 0 && s.ptr[0] >= 'a' && s.ptr[0] <= 'z';
}

/*
 * Offset behind the sentence's end when one stands at offset at, else 0.
 * "3. Oktober" and "v1. 2": a number before the dot and a short word do not end it in lists of
 * dates, so a digit only ends it when a capital follows that does not look like a month.
 */
static size_t end_at(struct span s, size_t at)
{
	struct span here = span_from(s, at), after;
	char c = here.ptr[0];
	size_t end;

	if (is_dense_stop(here)) {
		end = at + 3;
		return end + closing_length(span_from(s, end));
	}
	if (c != '.' && c != '!' && c != '?')
		return 0;
	end = at + 1;
	while (end < s.len && (s.ptr[end] == '.' || s.ptr[end] == '!' || s.ptr[end] == '?'))
		end++;
	end += closing_length(span_from(s, end));
	if (end < s.len && !char_is_white(s.ptr[end]))
		return 0;
	after = span_from(s, end);
	while (after.len > 0 && char_is_white(after.ptr[0]))
		after = span_from(after, 1);
	if (c == '.' && is_small_letter(after))
		return 0;
	if (c == '.' && end == at + 1) {
		if (is_abbreviation(s, at))
			return 0;
		if (at > 0 && s.ptr[at - 1] >= '0' && s.ptr[at - 1] <= '9' && after.len > 0 &&
		    (at < 3 || s.ptr[at - 2] == ' ' || s.ptr[at - 3] == ' '))
			return 0;
	}
	return end;
}

/* Thai and Lao have no mark for the end of a sentence, and blanks elsewhere: their lines end one. */
static bool has_no_stops(struct span line)
{
	return span_starts(line, "\xe0\xb8") || span_starts(line, "\xe0\xb9") ||
	       span_starts(line, "\xe0\xba") || span_starts(line, "\xe0\xbb");
}

/*
 * Where a newline at offset at ends the sentence that began at the start of s, which `before` bytes
 * of its line precede.
 */
static bool ends_line(struct span s, size_t at, size_t before)
{
	size_t from = at;

	while (from > 0 && s.ptr[from - 1] != '\n')
		from--;
	return at - from + (from == 0 ? before : 0) < SHORT_LINE || s.ptr[from] == '|' ||
	       has_no_stops(span_from(s, at + 1)) || begins_anew(line_of(span_from(s, at + 1)));
}

/* A place to cut what is too long: after its last blank, else between characters. */
static size_t cut_length(struct span s)
{
	size_t len = SENTENCE_MAX;

	while (len > SENTENCE_MAX / 2 && !char_is_white(s.ptr[len - 1]))
		len--;
	return len > SENTENCE_MAX / 2 ? len : utf8_whole(span_of(s.ptr, SENTENCE_MAX));
}

static size_t sentence_length(struct span s, size_t before)
{
	for (size_t at = 0; at < s.len; at++) {
		size_t end;

		if (at == SENTENCE_MAX)
			return cut_length(s);
		if (s.ptr[at] == '\n') {
			if (ends_line(s, at, before))
				return at;
			continue;
		}
		end = end_at(s, at);
		if (end > 0)
			return end < SENTENCE_MAX ? end : cut_length(span_of(s.ptr, s.len));
	}
	return s.len;
}

void sentences_start(struct sentences *s, struct span text)
{
	*s = (struct sentences){ .rest = text, .start = text.ptr, .after_break = true };
}

/* A fence is closed by as many of its marks, or more. */
static void note_fence(struct sentences *s, struct span fence)
{
	if (!s->fence.len)
		s->fence = fence;
	else if (fence.len >= s->fence.len && fence.ptr[0] == s->fence.ptr[0])
		s->fence = SPAN_NONE;
}

/* Takes lines that are no sentences; false when a sentence begins here. */
static bool skip_line(struct sentences *s)
{
	struct span line = span_strip(line_of(s->rest)), source;
	bool taken = true;

	if (line.len == 0 || is_ornament(line)) {
		note_fence(s, sentence_fence(line));
		s->after_break = true;
	} else if (!s->fence.len && is_heading(line)) {
		while (line.len > 0 && (line.ptr[0] == '#' || line.ptr[0] == ' '))
			line = span_from(line, 1);
		s->heading = line;
		s->after_break = true;
	} else {
		source = source_of(line);
		taken = source.ptr != NULL;
		if (taken) {
			s->label = source;
			s->heading = s->fence = SPAN_NONE;
			s->after_break = true;
		}
	}
	if (taken)
		span_cut(&s->rest, '\n');
	return taken;
}

/* Of the line that the rest begins in; no more than matter. */
static size_t bytes_before(const struct sentences *s)
{
	const char *at = s->rest.ptr;

	while (at > s->start && at[-1] != '\n' && s->rest.ptr - at < SHORT_LINE)
		at--;
	return (size_t)(s->rest.ptr - at);
}

bool sentences_next(struct sentences *s, struct sentence *out)
{
	bool at_line = true;

	while (s->rest.len > 0) {
		size_t len;

		/* Blanks between two sentences of a line are not the start of a line. */
		at_line = s->after_break || s->rest.ptr[0] == '\n';
		if (s->rest.ptr[0] == '\n')
			s->rest = span_from(s->rest, 1);
		if (at_line && skip_line(s))
			continue;
		while (s->rest.len > 0 && s->rest.ptr[0] != '\n' && char_is_white(s->rest.ptr[0]))
			s->rest = span_from(s->rest, 1);
		if (s->rest.len == 0 || s->rest.ptr[0] == '\n')
			continue;
		if (at_line)
			s->rest = span_from(s->rest, mark_length(s->rest));
		len = sentence_length(s->rest, bytes_before(s));
		*out = (struct sentence){ .text = span_strip(span_of(s->rest.ptr, len)),
					  .heading = s->heading, .label = s->label,
					  .begins_paragraph = s->after_break };
		s->rest = span_from(s->rest, len);
		if (out->text.len == 0)
			continue;
		s->after_break = false;
		return true;
	}
	return false;
}

bool sentence_is_heading(struct span line)
{
	return is_heading(span_strip(line));
}

struct span sentence_fence(struct span line)
{
	size_t marks = 0;

	line = span_strip(line);
	if (line.len == 0 || (line.ptr[0] != '`' && line.ptr[0] != '~'))
		return SPAN_NONE;
	while (marks < line.len && line.ptr[marks] == line.ptr[0])
		marks++;
	return marks >= 3 ? span_of(line.ptr, marks) : SPAN_NONE;
}

bool sentence_names_source(struct span line)
{
	return source_of(span_strip(line)).ptr != NULL;
}
