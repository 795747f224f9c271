/*
 * common/base/sse.h - Server-Sent Events (HTML living standard, "Interpreting an event stream").
 *
 * The reader is fed the bytes of a body in pieces of any size and hands out whole events, each
 * with the raw bytes it came from, so that a relay can pass them on untouched.  CR, LF and CRLF
 * end lines, also split over pieces; a BOM at the start is skipped; an event without its blank
 * line at the end of the body is not an event.  Owner thread.
 */
#ifndef SPASS_BASE_SSE_H
#define SPASS_BASE_SSE_H

#include "common/base/buf.h"
#include "common/base/err.h"

struct sse_event {
	/*
	 * All bytes of the event, blank line included, comments before it too; the raws of a body are
	 * the body, but for its BOM.  A blank line's CR ends the event at once; should its LF come with
	 * the next piece, then it is the first byte of the next raw.
	 */
	struct span raw;
	struct span data; /* data lines joined by LF, no copy when there is one line; ptr NULL = none */
	struct span type; /* "event" field, or empty */
	struct span id;   /* "id" field, or empty */
};

struct sse_reader {
	struct buf held;   /* the beginning of an event that has not ended yet */
	struct buf joined; /* data of several lines */
	struct span input;
	size_t event_max;
	unsigned bom;      /* bytes of a byte order mark that the body began with, so far */
	size_t lead;       /* 1 when the event begins with the LF of the one before it */
	bool started, in_held, at_line_start, after_cr, failed;
};

/* event_max: bytes of the largest event, comments included; the LF of a last CRLF is free. */
void sse_reader_init(struct sse_reader *r, size_t event_max);
void sse_reader_free(struct sse_reader *r);
/*
 * Give the next piece of the body.  The bytes must stay valid and unchanged until
 * sse_reader_next has returned 0 or -1.
 */
void sse_reader_feed(struct sse_reader *r, struct span piece);
/*
 * Returns 1 with an event (borrowed until the next call), 0 when more bytes are needed, -1 when
 * an event passes event_max (E_upstream_error), and then for good.  A block of comments alone,
 * or a blank line alone, is an event with data.ptr == NULL.  Bytes are looked at once, however
 * they drip in.
 */
int sse_reader_next(struct sse_reader *r, struct sse_event *event, struct err *err);
/* Whether the next byte begins an event, with nothing left of the one before it. */
bool sse_reader_is_between(const struct sse_reader *r);
/* Bytes of an unfinished event are waiting: at the end of a body this means a cut. */
bool sse_reader_is_mid_event(const struct sse_reader *r);

/* "data: <data>\n\n"; each line break in data begins another data line. */
int sse_write_data(struct buf *out, struct span data);

#endif
