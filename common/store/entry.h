/*
 * common/store/entry.h - a record on its way to the writer.
 *
 * What many records have in common is kept once by the thread that makes them (recorder.h); an entry
 * names it and holds the rest.  Many of them wait for each commit, so they are small: of most the first
 * three lines of the processor's cache are all that is touched.  Internal to common/store.
 */
#ifndef SPASS_STORE_ENTRY_H
#define SPASS_STORE_ENTRY_H

#include <stdatomic.h>

#include "common/observe/record.h"

enum parcel_kind { PARCEL_RECORD, PARCEL_COMMON, PARCEL_WORK, PARCEL_MARK };

/* What goes through the queue. */
struct parcel {
	struct parcel *next;
	enum parcel_kind kind;
};

/*
 * Does not change after it was made, but for the writer's members.  Its maker gives it away, by its
 * parcel, behind the last entry that names it.
 */
struct common {
	struct parcel parcel;
	struct kind *kind;  /* the writer's, as the next: see kinds.h */
	uint64_t kinds_age;
	uint32_t hash;
	size_t len;         /* of texts */
	struct record like; /* what is common; its texts are here: */
	char texts[];
};

struct entry {
	struct parcel parcel;
	uint32_t index; /* 1-based, in the pool */
	_Atomic uint32_t next_free;
	struct common *common;
	uint8_t request_len, parent_len; /* of the ids, which have their NULs */
	bool has_rest;
	int64_t ts_ms;
	int64_t prompt_tokens, completion_tokens, cached_tokens, reasoning_tokens;
	int64_t cost_usd, cost_eur, cost_billed_usd, cost_billed_eur;
	int64_t latency_us, first_byte_us, upstream_us;
	uint64_t bytes_in, bytes_out;
	char ids[2 * (RECORD_TEXT_MAX + 1)];
	int64_t audio_ms, characters, estimated_usd, estimated_eur; /* has_rest */
};

/* Of a record's common part. */
uint32_t common_hash(const struct record *r);
/* A copy of the record's common part; mem_free. */
struct common *common_make(const struct record *r, uint32_t hash);
/* Whether it is that of r. */
bool common_is_of(const struct common *c, const struct record *r);
/* The same for one who knows that it is that of before; may say false though it is. */
bool common_is_still_of(const struct common *c, const struct record *before, const struct record *r);

void entry_fill(struct entry *e, const struct record *r, struct common *common);
/* The record, which borrows the texts. */
void entry_read(const struct entry *e, struct record *r);
static inline struct span entry_request_id(const struct entry *e)
{
	return span_of(e->ids, e->request_len);
}
static inline struct span entry_parent_id(const struct entry *e)
{
	return span_of(e->ids + e->request_len + 1, e->parent_len);
}

#endif
