/*
 * common/upstream/builtin_question.c - what of a message asks, what it asks for, and in which language.
 */
#include "common/upstream/builtin_inside.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/text/sentence.h"
#include "common/text/words.h"

#include <string.h>

enum {
	EDGE = 3,            /* sentences at either end that may be the question */
	KEYWORDS_MAX = 300,  /* bytes: a message without a question that is taken for one */
	QUESTION_SCORE = 2,
};

/* Lower case; a sentence at the edge that begins so, or holds it in a dense script, asks. */
static const char *const asking[] = {
	"what", "who", "whom", "whose", "when", "where", "why", "which", "how", "is", "are", "does",
	"do", "did", "can", "could", "will", "would", "should", "explain", "list", "summarise",
	"summarize", "summary", "tell", "find", "give", "describe", "please", "answer", "question",
	"tl;dr", "show", "extract", "name", "quote", "translate", "using", "based",
	"was", "wer", "wem", "wen", "wann", "wo", "warum", "wieso", "weshalb", "wie", "welche",
	"welcher", "welches", "welchen", "wieviel", "worum", "ist", "sind", "kann", "nenne", "nenn",
	"fasse", "fass", "erkläre", "finde", "gib", "bitte", "beschreibe", "zeige", "frage",
	"zusammenfassung", "zitiere", "beantworte",
};

static const char *const asking_dense[] = {
	"什么", "谁", "怎么", "多少",
	"哪", "为何", "如何", "请",
	"总结", "概括", "吗", "问题",
};

static const char *const summing[] = {
	"summar", "tl;dr", "tldr", "overview", "key points", "main points", "gist", "zusammenfass",
	"fasse", "fass ", "überblick", "kernaussage", "hauptaussage", "résum",
	"resum", "总结", "概括", "摘要",
	"概述",
};

/* The start of s in lower-case ASCII. */
static struct span lowered(struct span s, char *out, size_t size)
{
	size_t len = s.len < size ? s.len : size;

	for (size_t i = 0; i < len; i++)
		out[i] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]);
	return span_of(out, len);
}

bool builtin_question_sums(struct span question)
{
	char bytes[1024];
	struct span small = lowered(question, bytes, sizeof(bytes));

	for (size_t i = 0; i < ARRAY_LEN(summing); i++)
		if (span_find(small, span_str(summing[i])) >= 0)
			return true;
	return false;
}

static int question_score(struct span s)
{
	char bytes[64];
	struct span small = lowered(s, bytes, sizeof(bytes));
	int score = 0;

	if (span_ends(s, "?") || span_ends(s, "？"))
		score += 3;
	for (size_t i = 0; i < ARRAY_LEN(asking); i++) {
		size_t len = strlen(asking[i]);

		if (span_starts(small, asking[i]) &&
		    (small.len == len || strchr(" ,:;'.!?", small.ptr[len]))) {
			score += 2;
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(asking_dense) && s.len < 200; i++)
		if (span_find(s, span_str(asking_dense[i])) >= 0) {
			score += 2;
			break;
		}
	if (s.len < 200 && builtin_question_sums(s))
		score += 2;
	return score;
}

struct edges {
	struct span first[EDGE], last[EDGE]; /* last is a ring */
	size_t count;
};

static struct edges find_edges(struct span message)
{
	struct edges e = { .count = 0 };
	struct sentences reader;
	struct sentence s;

	sentences_start(&reader, message);
	while (sentences_next(&reader, &s)) {
		if (e.count < EDGE)
			e.first[e.count] = s.text;
		e.last[e.count++ % EDGE] = s.text;
	}
	return e;
}

static const char *end_of(struct span s)
{
	return s.ptr + s.len;
}

void builtin_question_split(struct span message, struct span *question, struct span *material)
{
	struct edges e = find_edges(message);
	size_t lead = 0, tail = 0;
	int lead_best = 0, tail_best = 0, score;
	const char *from = message.ptr, *to;

	*question = *material = SPAN_NONE;
	if (message.len == 0)
		return; /* perhaps no text at all: not even an offset of 0 may be added to that */
	to = message.ptr + message.len;
	while (lead < EDGE && lead < e.count &&
	       (score = question_score(e.first[lead])) >= QUESTION_SCORE) {
		lead_best = score > lead_best ? score : lead_best;
		lead++;
	}
	while (tail < EDGE && lead + tail < e.count &&
	       (score = question_score(e.last[(e.count - 1 - tail) % EDGE])) >= QUESTION_SCORE) {
		tail_best = score > tail_best ? score : tail_best;
		tail++;
	}
	if (lead + tail == 0) {
		*(message.len <= KEYWORDS_MAX ? question : material) = message;
		return;
	}
	if (lead > 0)
		from = end_of(e.first[lead - 1]);
	if (tail > 0)
		to = e.last[(e.count - tail) % EDGE].ptr;
	if (tail_best >= lead_best && tail > 0)
		*question = span_of(to, (size_t)(message.ptr + message.len - to));
	else
		*question = span_of(message.ptr, (size_t)(from - message.ptr));
	if (lead + tail < e.count)
		*material = span_of(from, (size_t)(to - from));
}

struct tally {
	size_t german, english, telling;
	size_t han, other_dense; /* grams of Chinese characters; of kana, Hangul, Thai and such */
};

static bool is_han(struct span gram)
{
	size_t len;
	uint32_t c = utf8_next(gram, &len);

	return (c >= 0x3400 && c <= 0x9fff) || (c >= 0x20000 && c <= 0x3ffff);
}

static void tally_word(void *data, const struct word *word)
{
	static const char *const german[] = {
		"der", "die", "das", "und", "ist", "sind", "wie", "wer", "wann", "wo", "warum", "nicht",
		"ein", "eine", "den", "dem", "mit", "von", "bitte", "fasse", "welche", "zusammen",
		"kann", "ich", "du", "hallo", "gibt", "für", "bist",
	};
	static const char *const english[] = {
		"the", "is", "are", "what", "who", "how", "of", "to", "and", "in", "you", "a", "please",
		"this", "does", "when", "where", "why", "hello", "can", "for",
	};
	struct tally *t = data;

	t->telling += !words_is_stop(word) && word->kind != WORD_PART;
	t->han += word->kind == WORD_GRAM && is_han(word->text);
	t->other_dense += word->kind == WORD_GRAM && !is_han(word->text);
	for (size_t i = 0; i < ARRAY_LEN(german); i++)
		t->german += span_is(word->text, german[i]);
	for (size_t i = 0; i < ARRAY_LEN(english); i++)
		t->english += span_is(word->text, english[i]);
}

static struct tally tally(struct span text)
{
	struct tally t = { 0 };

	if (text.len > 4096)
		text.len = utf8_whole(span_of(text.ptr, 4096));
	words_each(text, tally_word, &t);
	return t;
}

enum ask_language builtin_question_language(struct span text)
{
	struct tally t = tally(text);

	/* Japanese has kana between the characters. */
	if (t.han > 8 * t.other_dense && 9 * t.han > text.len / 3)
		return LANG_ZH;
	return t.german > t.english ? LANG_DE : LANG_EN;
}

bool builtin_question_is_telling(struct span question)
{
	return tally(question).telling > 0;
}
