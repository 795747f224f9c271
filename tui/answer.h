/*
 * tui/answer.h - one answer of a model, as it comes.
 *
 * A streamed answer is complete only when its [DONE] has come: an end without it, like a lost
 * connection, is E_stream_cut, and an error event is that error.  UI thread.
 */
#ifndef SPASS_TUI_ANSWER_H
#define SPASS_TUI_ANSWER_H

#include "tui/wire.h"

struct answer;

/* Each may be NULL.  Texts are borrowed; they may come in any pieces. */
struct answer_sink {
	void (*text)(void *context, struct span s);
	void (*thought)(void *context, struct span s);
	/* A call that the model asks for, once it is whole. */
	void (*tool)(void *context, const char *name, const char *arguments);
	void *context;
};

/* What is known of it; "" and -1: not told. */
struct answer_facts {
	char model[129], backend[129], request_id[129], finish[33], applied[257];
	char conversation[65]; /* the id of the one that it is kept in */
	int64_t prompt_tokens, completion_tokens;
	/* What it costs: millionths, MONEY_UNKNOWN when it is not told; and how that is known. */
	int64_t cost_eur, cost_usd;
	char cost_source[33];
};

/* body: a chat completion request, borrowed; streams: whether it asks for a stream. */
struct answer *answer_start(struct wire *w, struct span body, bool streams,
			    const struct answer_sink *sink);
/* The same of POST path, which must outlive it. */
struct answer *answer_start_at(struct wire *w, const char *path, struct span body, bool streams,
			       const struct answer_sink *sink);
/* Cancels it when it is not done: nothing of it is called again. */
void answer_free(struct answer *a);
/* Whether it has ended, well or not; wire_wait makes it go on. */
bool answer_is_done(const struct answer *a);
/* Whether the gateway has begun to answer it: from then on what comes is kept. */
bool answer_has_begun(const struct answer *a);
/* E_none when it ended well, or has not ended. */
const struct err *answer_error(const struct answer *a);
/* All text so far.  Borrowed until wire_wait. */
struct span answer_text(const struct answer *a);
const struct answer_facts *answer_facts(const struct answer *a);
/* "0.0012 EUR, 0.0015 USD", what is known of them; nothing when neither is. */
void answer_add_cost(int64_t eur, int64_t usd, struct buf *out);
/* usage as the gateway gave it; borrowed; NULL: none. */
const json_t *answer_usage(const struct answer *a);

#endif
