/*
 * common/upstream/source.h - where the bytes of an answer come from: a backend, or the built-in
 * models.
 *
 * One shape for both, so that failover, streaming and accounting are written once.  Owner
 * thread; on a fiber.
 */
#ifndef SPASS_UPSTREAM_SOURCE_H
#define SPASS_UPSTREAM_SOURCE_H

#include "common/loop/job.h"
#include "common/upstream/dialect.h"
#include "common/upstream/routing.h"
#include "common/upstream/unpack.h"

enum source_kind { SOURCE_CHAT, SOURCE_CHAT_STREAM, SOURCE_EMBED, SOURCE_RERANK, SOURCE_AUDIO };

struct source {
	const struct target *target;
	struct upcall *call; /* a backend's */
	struct upcall_limits limits;
	struct buf built;    /* the built-in models' answer */
	size_t at;
	struct unpack *unpack; /* of an answer that came coded, else NULL */
	size_t unpack_max, unpacked; /* unpacked: bytes since others had their turn */
	enum source_kind kind;
};

struct source_request {
	struct uplink_pool *uplinks;
	struct job_pool *jobs;
	const struct target *target;
	const struct outgoing *outgoing;
	enum source_kind kind;
	struct span forward;  /* header lines of the client that go along */
	int64_t deadline_ms;  /* monotonic; 0 = none */
	size_t unpack_max;    /* bytes that a coded answer may come to */
};

/* 0, or -1 with err as of upcall_open or of the built-in models.  Then source_close, always. */
int source_open(struct source *s, const struct source_request *req, struct err *err);
enum upcall_result source_wait_head(struct source *s, int64_t wait_ms, struct err *err);
const struct http1_head *source_head(const struct source *s);
/*
 * gzip and deflate are taken off on the way; what the head says of them no longer holds.  The
 * coding that is still on, once the head has come; ptr NULL: none.
 */
struct span source_coding(const struct source *s);
enum upcall_result source_read(struct source *s, struct span *piece, int64_t wait_ms, struct err *err);
/* upcall_offer, for what comes as it is from a backend; others are offered nothing. */
void source_offer(struct source *s, upcall_taker *take, void *context);
/* Whether source_read would return at once, as far as that can be told. */
bool source_has_piece(const struct source *s);
/* The rest of the body in one piece, which may lie in room: see upcall_read_whole. */
int source_read_whole(struct source *s, struct buf *room, struct span *whole, struct err *err);
/*
 * Of a SOURCE_CHAT_STREAM whose backend answered in one piece, whole, which has been read: from
 * here on source_read gives its events.  0, or -1 with E_upstream_error.
 */
int source_tell_as_stream(struct source *s, struct span whole, struct err *err);
void source_close(struct source *s);

#endif
