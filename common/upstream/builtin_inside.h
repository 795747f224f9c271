/*
 * common/upstream/builtin_inside.h - the parts of spass-extract.  Private to builtin_*.c.
 *
 * builtin_ask.c reads the request, builtin_question.c what it asks, builtin_place.c tells where a
 * quotation stands, builtin_fill.c makes JSON by a schema, builtin_reply.c writes the answer in
 * OpenAI's forms, builtin_phrases.c has the words of its own, builtin_chat.c decides.
 */
#ifndef SPASS_UPSTREAM_BUILTIN_INSIDE_H
#define SPASS_UPSTREAM_BUILTIN_INSIDE_H

#include "common/base/jscan.h"
#include "common/text/sentence.h"
#include "common/upstream/extract.h"

enum { ASK_CHOICES_MAX = 16, ASK_STOPS_MAX = 4, ASK_PASSAGES_MAX = 4096 };

enum ask_language { LANG_EN, LANG_DE, LANG_ZH };
enum ask_format { FORMAT_TEXT, FORMAT_JSON, FORMAT_SCHEMA };

/* A text that may be quoted, and where it came from. */
struct passage {
	struct span text;
	struct span label; /* named by a tool's answer, or empty */
	size_t message;    /* 1-based */
	double prior;
};

struct ask {
	struct buf text; /* everything unescaped; reserved at once, so spans into it stay */
	struct passage *passages;
	size_t passage_count, passage_size;
	struct span question;
	bool summary;
	size_t quotes_max;
	enum ask_language language;
	bool has_results; /* a tool answered after the last question */
	size_t unreadable; /* images and other parts that are no text */
	size_t prompt_tokens;

	int64_t choices, tokens_max; /* tokens_max -1: no limit */
	bool include_usage;
	struct span stops[ASK_STOPS_MAX];
	size_t stop_count;
	enum ask_format format;
	struct jvalue schema;
	struct jvalue tools, tool_choice;
};

/* Fill an ask from a request; free it in any case. */
int builtin_ask_read(struct ask *ask, struct span body, struct err *err);
void builtin_ask_free(struct ask *ask);

/* What of a message is asked and what is given; either may be empty. */
void builtin_question_split(struct span message, struct span *question, struct span *material);
/* Whether it asks for a summary. */
bool builtin_question_sums(struct span question);
/* Whether the question has a word worth searching for. */
bool builtin_question_is_telling(struct span question);
enum ask_language builtin_question_language(struct span text);

/*
 * Appends the label of a source line of the passage; where it says where its text begins, as in
 * "a.md, from line 7", the place of the quote (into passage) instead: "a.md, line 9".
 */
void builtin_place_add(struct span label, struct span passage, const char *quote, struct buf *out);

struct phrases {
	const char *note;        /* under quotations */
	const char *note_short;  /* in JSON, brackets included */
	const char *nothing;     /* no sentence fits, the main ones follow */
	const char *nothing_at_all;
	const char *no_results;  /* the tool found nothing */
	const char *unreadable;  /* parts that are no text */
	const char *help;        /* nothing to quote from */
	const char *message;     /* "message" as a source */
	const char *refusal;     /* a forced tool with arguments that are no texts */
	const char *minimal;     /* values that were not found but made */
};
const struct phrases *builtin_phrases(enum ask_language language);

/* Quotations for the filler; label is ready to print. */
struct cited {
	struct span text;
	struct span label;
};

struct filler {
	struct jvalue root;    /* for "#/..." references */
	const struct ask *ask;
	struct span answer;    /* for the main text; ptr NULL: texts get the question (tool calls) */
	const struct cited *quotes;
	size_t quote_count;
	/* private */
	struct span main_name;
	size_t current, budget; /* budget: values that may still be written */
	size_t work;            /* and bytes that may still be looked at for them */
	bool answered, invented;
};
/* Appends a value by the JSON schema. */
int builtin_fill(struct filler *f, struct jvalue schema, struct buf *out);
/* Whether every required property is a string; false also when they are too many to look at. */
bool builtin_fill_is_textual(struct jvalue schema);

struct builtin_reply {
	const struct ask *ask;
	struct span content;         /* the text; or the arguments of a call */
	struct span call;            /* name of the called tool, else ptr NULL */
	bool forced;                 /* the call was demanded by name */
};
int builtin_reply_write(const struct builtin_reply *reply, bool stream, struct buf *out, struct err *err);

#endif
