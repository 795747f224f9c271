/*
 * common/loop/spool.h - bytes of any number that are kept until they have been sent on.
 *
 * Up to SPOOL_MEMORY they lie in memory, beyond it in a file without a name, which goes with the
 * process at the latest.  The file is written and read on jobs; what is in memory of it is never
 * more than SPOOL_PIECE_MAX for each direction.  All spools of a process share a room on the disk.
 * A spool is for one fiber at a time; "waits" suspends it.
 */
#ifndef SPASS_LOOP_SPOOL_H
#define SPASS_LOOP_SPOOL_H

#include "common/loop/job.h"
#include "common/loop/upcall.h"

enum { SPOOL_MEMORY = 256 * 1024, SPOOL_PIECE_MAX = 64 * 1024 };

struct spool_room;
struct spool;

/* directory: where the files are.  Both of the room: startup only; spool_room_free after all spools. */
struct spool_room *spool_room_new(const char *directory);
void spool_room_free(struct spool_room *r);

/* room_max: what all spools may have on the disk together when this one grows. */
struct spool *spool_new(struct spool_room *room, uint64_t room_max, struct job_pool *jobs);
void spool_free(struct spool *s);
/*
 * Appends.  Waits when there is a file.  0, or -1 with E_overloaded (the room is full) or
 * E_storage_error, after which the spool may only be freed.
 */
int spool_add(struct spool *s, struct span bytes, struct err *err);
/*
 * The bytes from offset on, which is below what was added, as many as are at hand: at least one, at most to the
 * end.  Borrowed until the next call.  Waits when they lie in the file.  0 or -1 (E_storage_error,
 * E_overloaded).
 */
int spool_read(struct spool *s, uint64_t offset, struct span *piece, struct err *err);

/* len bytes from offset on, all below the size, to out. */
int spool_copy(struct spool *s, uint64_t offset, char *out, size_t len, struct err *err);

/*
 * A body made of texts and parts of a spool, for upcall_request.supply; it may be read any number
 * of times.  Texts and spool are borrowed.
 */
enum { SPOOL_BODY_PARTS = 8 };
struct spool_body {
	struct upcall_supply supply;
	struct spool *spool;
	struct {
		struct span text;      /* ptr NULL: of the spool */
		uint64_t from, len;
	} parts[SPOOL_BODY_PARTS];
	size_t count;
};
void spool_body_init(struct spool_body *b, struct spool *s);
/* Empty ones are left out; there is room for SPOOL_BODY_PARTS that are not. */
void spool_body_add_text(struct spool_body *b, struct span text);
void spool_body_add(struct spool_body *b, uint64_t from, uint64_t to);

#endif
