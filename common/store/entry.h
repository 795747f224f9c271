/*
 * common/store/entry.h - a record on its way to the writer, with its texts.
 *
 * Most records are of the same kind as the one before: what many have in common is compared at
 * once, and written once.  Internal to common/store.
 */
#ifndef SPASS_STORE_ENTRY_H
#define SPASS_STORE_ENTRY_H

#include <stdatomic.h>

#include "common/observe/record.h"

enum parcel_kind { PARCEL_RECORD, PARCEL_WORK, PARCEL_MARK };

/* What goes through the queue. */
struct parcel {
	struct parcel *next;
	enum parcel_kind kind;
};

enum {
	ENTRY_COMMON_MAX = 5 * (RECORD_TEXT_MAX + 1) + 3 * (RECORD_NAME_MAX + 1) + RECORD_RATE_SOURCE_MAX + 1,
	ENTRY_TEXTS_MAX = ENTRY_COMMON_MAX + 2 * (RECORD_TEXT_MAX + 1),
};

struct entry {
	struct parcel parcel;
	uint32_t index; /* 1-based, in the pool */
	_Atomic uint32_t next_free;
	struct kind *kind;    /* the writer's */
	struct record record; /* its texts are here, unless they are static: */
	size_t common_len;    /* of those that many records have in common, which come first */
	char texts[ENTRY_TEXTS_MAX];
};

/* Copies r and its texts. */
void entry_fill(struct entry *e, const struct record *r);
/* Whether all that records of a kind have in common is the same in both. */
bool entry_is_like(const struct entry *e, const struct record *r, const char *texts, size_t len);
/* Points the common texts of r into texts, which hold a copy of e's. */
void entry_point(struct record *r, const char *texts);
uint32_t entry_hash(const struct entry *e);

#endif
