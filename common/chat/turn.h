/*
 * common/chat/turn.h - one model call, from a checked body to the last byte.
 *
 * Every surface ends here: the walk along the model's targets, the relay of the answer, what was
 * used.  Knows no HTTP request: what leaves goes through a sink.  Owner thread; on a fiber.
 *
 * Streams: frames without content (a role) are held until the first content frame has come; up
 * to then any failure moves on to the next target unseen.  That frame is the commit point: after
 * it a failure is told by sink->fail.  A stream that waits long begins with comments; the walk
 * goes on behind them.  [DONE] leaves only when the backend ended cleanly and a choice finished.
 */
#ifndef SPASS_CHAT_TURN_H
#define SPASS_CHAT_TURN_H

#include "common/base/arena.h"
#include "common/chat/bill.h"
#include "common/chat/core.h"
#include "common/chat/request.h"
#include "common/upstream/dialect.h"
#include "common/upstream/failover.h"

/* Where an answer goes.  All but fail follow server/http/exchange.h's reply_* of like name. */
struct turn_sink {
	void *context;
	void (*header)(void *context, const char *name, struct span value);
	void (*lines)(void *context, struct span lines);
	void (*send)(void *context, int status, const char *type, struct span body);
	int (*begin)(void *context, int status, const char *type);
	int (*write)(void *context, const struct span *parts, size_t count, struct err *err);
	void (*flush)(void *context);
	/*
	 * write and flush in one, without a fiber; false when that would have to wait, or cannot be
	 * done, and nothing has been.  NULL: never.
	 */
	bool (*pass)(void *context, const struct span *parts, size_t count);
	void (*end)(void *context);
	/* Inside a stream: the error as an event, then broken off. */
	void (*fail)(void *context, const struct err *err);
	/* Inside an answer of another type: broken off, so that the client notices. */
	void (*abort)(void *context, const struct err *err);
};

/* What the tokens of an answer are, where its backend does not tell their number. */
enum answer_kind {
	ANSWER_TEXT,
	ANSWER_MEDIA,   /* pictures, sounds: bytes say nothing of them */
	ANSWER_VECTORS, /* none; of ranks, too */
};

/* How large a call is, before it is made. */
struct turn_size {
	const struct model *alias;
	int64_t prompt_bytes; /* no fewer than tokens */
	int64_t answer_max;   /* tokens that each answer may have; -1: not said */
	int64_t choices;      /* answers, 1 and more */
	int64_t audio_ms, characters; /* of sound, to be spoken; at most */
	enum answer_kind kind;
};

struct turn {
	/* given */
	struct core_worker *worker;
	struct snapshot *snapshot;
	struct arena *arena;
	const struct turn_sink *sink;
	struct span forward;      /* header lines of the client that go along, or empty */
	struct span forward_account; /* those that say whose account is used; to backends with forward_account */
	const struct target *targets; /* to be asked instead of the model's chain, or NULL; then the chain */
	size_t target_count;
	int64_t deadline_ms;      /* of the loop; 0: the settings say how long it may take */
	int64_t limit;            /* of max_tokens, 0 = none: more is refused, and none is this much */
	const char *request_id;
	int64_t cost_factor;      /* of what the caller is told that it costs; MONEY_UNIT = 1 */
	bool tells_cost;          /* at the end of a stream, by an event spass.cost */
	/* Asked before the first target is, when set: 0, or -1 with err to refuse the call. */
	int (*admit)(void *context, const struct turn_size *size, struct err *err);
	void *admit_context;
	/* told: for the record, the metrics and the reply's headers */
	/*
	 * The one that answered, or NULL.  When the client left while a backend had the whole call, that one:
	 * it may have worked, and what it used is not known.
	 */
	const struct target *target;
	struct token_usage usage;
	struct jvalue choices;    /* of a whole answer, while the sink is sent it */
	struct turn_size size;
	int64_t content_events;   /* of a stream, that were delivered */
	const struct cost *sum;   /* of a turn of several calls: what they cost together; else NULL */
	struct bill bill;         /* once there is a target, and at the turn's end */
	int attempts;
	bool streamed, finished;
	bool is_raw;              /* what has begun to leave is no stream of events */
	int64_t waited_us;        /* spent waiting for backends */
	int64_t first_event_us;   /* monotonic; 0 = none */
	/* private */
	struct failover walk;
	struct outgoing outgoing;
	int64_t quiet_since_ms;
	bool begun, committed;
	bool asked;               /* the request of an attempt that has not failed was sent, whole */
	bool draws;               /* the answer's pictures are counted */
	const char *model;
};

/* The given members come next; request_id "", cost_factor 1 and tells_cost false need not. */
void turn_init(struct turn *t);

/*
 * Answers r through the sink.  0 when an answer left whole (t->finished) or the stream's failure
 * was told inside it; -1 with err when nothing has begun and the caller has to answer err, or
 * with E_cancelled when the client has gone.
 */
int turn_chat(struct turn *t, const struct chat_request *r, struct err *err);
int turn_embed(struct turn *t, const struct embed_request *r, struct err *err);

/*
 * What the model makes of a limit that is too low for it, at that target; never above the turn's
 * own limit.  0: takes any.
 */
int64_t turn_floor(const struct turn *t, const struct model *alias, const struct target *target);

/* The alias whose link the target is, when it is another than the one asked for; else NULL. */
static inline const char *turn_link(const struct turn_size *size, const struct target *target)
{
	const struct model *link = target->link_model;

	return link && link != size->alias ? link->alias : NULL;
}

/* The loop's time: see loop_now_us. */
static inline int64_t turn_now_us(const struct turn *t)
{
	return loop_now_us(t->worker->loop);
}

static inline int64_t turn_now_ms(const struct turn *t)
{
	return loop_now_ms(t->worker->loop);
}

#endif
