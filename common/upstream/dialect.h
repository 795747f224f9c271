/*
 * common/upstream/dialect.h - how a backend is spoken to.
 *
 * A dialect is a vtable: it turns a checked request into the parts that go out, and says what a
 * frame of a stream or a whole answer means.  The parts borrow the client's bytes: what no rule
 * changes leaves as it came.  Pure; any thread.
 */
#ifndef SPASS_UPSTREAM_DIALECT_H
#define SPASS_UPSTREAM_DIALECT_H

#include "common/base/arena.h"
#include "common/base/jform.h"
#include "common/base/jscan.h"
#include "common/loop/upcall.h"
#include "common/model/cost.h"
#include "common/upstream/provider.h"

struct target;

/* A dialect makes at most so many edits; they fit with room to spare. */
enum { OUTGOING_EDITS_MAX = 10, OUTGOING_PARTS_MAX = 2 * OUTGOING_EDITS_MAX + 1 };

/* A request as it leaves; what it points to lives in the arena of who made it, or longer. */
struct outgoing {
	const char *path;          /* below the backend's prefix: "/chat/completions" */
	struct span type_line;     /* "Content-Type: ...\r\n"; ptr NULL: of application/json */
	const struct span *parts;
	size_t part_count, length; /* length: bytes of all parts */
	const struct upcall_supply *supply; /* NULL, or the body in their place */
	struct span applied;       /* "max_tokens_floored=200, ..." or empty: what was changed */
};

/* What a chat request asks of the dialect; filled by the turn from its checked request. */
struct chat_wish {
	struct span body;
	struct jvalue root, model, messages, stream_options, include_usage, max_tokens, max_completion_tokens;
	struct span front; /* messages to go before those of the body, "{...},{...}"; or empty */
	bool streams;
	int64_t floor; /* of max_tokens, 0 = none */
	int64_t limit; /* to be said where the client named none, 0 = none */
};

struct embed_wish {
	struct span body;
	struct jvalue root, model, encoding_format;
};

/* Both are JSON: a text, and a list of `count` texts. */
struct rerank_wish {
	struct span query, documents;
	size_t count;
};

enum frame_kind {
	FRAME_NOTHING, /* a comment */
	FRAME_PRELUDE, /* a role, a filter result: nothing a reader would miss */
	FRAME_CONTENT,
	FRAME_USAGE,   /* usage and no choices */
	FRAME_DONE,    /* the end mark */
	FRAME_ERROR,   /* the backend reports an error inside the stream */
	FRAME_BROKEN,  /* not a frame of this dialect */
};

struct frame {
	enum frame_kind kind;
	bool finishes;            /* a choice has its finish_reason */
	uint64_t seen, finished;  /* choices in it, by index (those below 64), and those that finish */
	struct jvalue usage;      /* the member, J_NULL too; J_NONE = absent */
	struct jvalue root, choices;
};

struct answer {
	struct jform *form;       /* given: of what the same model answered before, or NULL */
	struct token_usage usage;
	bool is_error;            /* a 200 whose body is an error */
	struct jvalue items;      /* the list of choices, embeddings or ranks; valid as long as the body */
};

struct dialect {
	const char *name;
	/* arena: for what is inserted; lives as long as the parts.  0 or -1 (E_internal_error). */
	int (*chat)(const struct chat_wish *w, const struct target *t, struct arena *arena,
		    struct outgoing *out, struct err *err);
	int (*embed)(const struct embed_wish *w, const struct target *t, struct arena *arena,
		     struct outgoing *out, struct err *err);
	int (*rerank)(const struct rerank_wish *w, const struct target *t, struct arena *arena,
		      struct outgoing *out, struct err *err);
	/* data: of one event. */
	void (*frame)(struct span data, struct frame *f);
	/*
	 * The values of a FRAME_CONTENT, in their order, of which its meaning does not depend as long
	 * as they are neither empty nor of another type; returns how many, at most max.
	 */
	size_t (*gaps)(const struct frame *f, struct span *gaps, size_t max);
	/* The whole body of a 200.  0, or -1 when it is no answer of this kind (E_upstream_error). */
	int (*chat_answer)(struct span body, struct answer *a, struct err *err);
	/* Such a body as the events of a stream, appended to out.  0 or -1 (E_upstream_error). */
	int (*chat_events)(struct span body, struct buf *out, struct err *err);
	int (*embed_answer)(struct span body, struct answer *a, struct err *err);
	int (*rerank_answer)(struct span body, struct answer *a, struct err *err);
	/* Pictures in the choices of an answer or a frame. */
	int64_t (*images)(struct jvalue choices);
	/* Reads a usage object; leaves what it does not tell. */
	void (*usage)(struct jvalue usage, struct token_usage *out);
};

/* Adds "name=value", which x-spass-applied says, to out->applied. */
void outgoing_applied(struct outgoing *out, struct arena *arena, const char *what);

/* A JSON string of text in the arena; ptr NULL beyond its limit. */
struct span dialect_quoted(struct arena *arena, const char *text);

/* Indexed by enum dialect_kind. */
const struct dialect *dialect_of(enum dialect_kind kind);

#endif
