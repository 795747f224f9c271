/*
 * common/observe/record.c - a record as a line of audit.jsonl.
 *
 * The store's writer prints every request that passes, so a line is put together by hand where
 * its longest has room, without a look at each piece; what is as in other lines is copied as a whole.
 */
#include "common/observe/record.h"

#include <assert.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/digits.h"
#include "common/base/jbytes.h"

enum {
	TEXTS = 14,
	/* Quotes of a text, digits of a number, and with all keys but one more than enough. */
	FIXED_MAX = 2 * TEXTS + 18 * 20 + 3 * 4 + CLOCK_ISO_SIZE + 600,
};
static_assert(TEXTS * 6 * RECORD_TEXT_MAX + FIXED_MAX <= RECORD_LINE_MAX, "a line fits");

static char *put(char *at, const char *bytes, size_t len)
{
	memcpy(at, bytes, len);
	return at + len;
}

/* A literal, of which the compiler knows the length. */
#define PUT(at, text) put(at, text, sizeof(text) - 1)

/* Whether text can stand in JSON as it is; what is shorter than a step is not looked at. */
static bool is_plain(const char *text, size_t len)
{
	uint64_t hit = 0;

	if (len < JBYTES_STEP)
		return false;
	for (size_t i = 0; i + JBYTES_STEP < len; i += JBYTES_STEP)
		hit |= jbytes_special(text + i);
	return !(hit | jbytes_special(text + len - JBYTES_STEP));
}

/* There is room for six bytes for each of text. */
static char *put_escaped(char *at, const char *text, size_t len)
{
	struct buf out = { .ptr = at, .capacity = 6 * len + 1, .max = 6 * len };

	jtext_escape(&out, span_of(text, len));
	return at + out.len;
}

static char *put_text(char *at, struct span key, const char *text)
{
	size_t len;

	if (!text || !*text)
		return at;
	at = put(at, key.ptr, key.len);
	len = strnlen(text, RECORD_TEXT_MAX);
	*at++ = '"';
	at = is_plain(text, len) ? put(at, text, len) : put_escaped(at, text, len);
	*at++ = '"';
	return at;
}

static char *put_int(char *at, struct span key, int value)
{
	at = put(at, key.ptr, key.len);
	if (value >= 0)
		return digits_put(at, (uint64_t)value);
	*at++ = '-';
	return digits_put(at, 0 - (uint64_t)value);
}

/* Below 0: not known. */
static char *put_count(char *at, struct span key, int64_t value)
{
	return value < 0 ? at : digits_put(put(at, key.ptr, key.len), (uint64_t)value);
}

static char *put_bool(char *at, struct span key, bool value)
{
	at = put(at, key.ptr, key.len);
	return value ? PUT(at, "true") : PUT(at, "false");
}

/* Microseconds as milliseconds with three places; below 0: not known. */
static char *put_ms(char *at, struct span key, int64_t us)
{
	unsigned places = (unsigned)((uint64_t)us % 1000);

	if (us < 0)
		return at;
	at = digits_put(put(at, key.ptr, key.len), (uint64_t)us / 1000);
	*at++ = '.';
	*at++ = (char)('0' + places / 100);
	*at++ = (char)('0' + places / 10 % 10);
	*at++ = (char)('0' + places % 10);
	return at;
}

/* Millionths with two to six places; below 0: not known. */
static char *put_amount(char *at, struct span key, int64_t micro)
{
	uint64_t rest = (uint64_t)micro % 1000000, place = 100000;

	if (micro < 0)
		return at;
	at = digits_put(put(at, key.ptr, key.len), (uint64_t)micro / 1000000);
	*at++ = '.';
	for (int digits = 0; digits < 2 || rest; digits++, place /= 10) {
		*at++ = (char)('0' + rest / place);
		rest %= place;
	}
	return at;
}

static char *put_size(char *at, struct span key, uint64_t bytes)
{
	return digits_put(put(at, key.ptr, key.len), bytes > INT64_MAX ? INT64_MAX : bytes);
}

/* The member's name for the functions above, which leave out one that has no value. */
#define KEY(name) SPAN_LIT(",\"" name "\":")

static char *put_who(char *at, const struct record *r)
{
	at = put_int(at, KEY("depth"), r->depth);
	at = put_text(at, KEY("tenant_id"), r->tenant_id);
	at = put_text(at, KEY("token_id"), r->token_id);
	at = put_text(at, KEY("user_id"), r->user_id);
	at = put_text(at, KEY("scope_id"), r->scope_id);
	at = put_text(at, KEY("surface"), r->surface);
	at = put_text(at, KEY("method"), r->method);
	at = put_text(at, KEY("path"), r->route);
	at = put_int(at, KEY("status"), r->status);
	at = put_text(at, KEY("error_code"), r->error == E_none ? NULL : err_info(r->error)->code);
	at = put_text(at, KEY("model"), r->model);
	at = put_text(at, KEY("resolved_model"), r->resolved_model);
	return put_text(at, KEY("resolved_backend"), r->resolved_backend);
}

static char *put_how(char *at, const struct record *r)
{
	at = put_text(at, KEY("cost_source"), r->cost_source);
	at = put_int(at, KEY("attempts"), r->attempts);
	at = put_bool(at, KEY("streamed"), r->streamed);
	return put_bool(at, KEY("finished"), r->finished);
}

void record_frame_print(struct record_frame *f, const struct record *r, char *out)
{
	char *who = put_who(out, r), *how = put_how(who, r);

	f->who = span_of(out, (size_t)(who - out));
	f->how = span_of(who, (size_t)(how - who));
	f->second = INT64_MIN;
}

/* Most lines are of the same second as the one before. */
static char *put_stamp(char *at, struct record_frame *f, int64_t ms)
{
	static_assert(sizeof f->stamp >= CLOCK_ISO_SIZE - 5, "all but the milliseconds fits");
	const size_t len = CLOCK_ISO_SIZE - 5;
	unsigned places = (unsigned)(ms % 1000);

	if (ms < 0 || ms / 1000 != f->second) {
		clock_iso(ms, at);
		memcpy(f->stamp, at, len);
		f->second = ms < 0 ? INT64_MIN : ms / 1000;
		return at + CLOCK_ISO_SIZE - 1;
	}
	memcpy(at, f->stamp, len);
	at += len;
	*at++ = (char)('0' + places / 100);
	*at++ = (char)('0' + places / 10 % 10);
	*at++ = (char)('0' + places % 10);
	*at++ = 'Z';
	return at;
}

char *record_put(char *at, struct record_frame *f, const struct record *r)
{
	at = put_stamp(PUT(at, "{\"ts\":\""), f, r->ts_ms);
	*at++ = '"';
	at = put_text(at, KEY("request_id"), r->request_id);
	at = put_text(at, KEY("parent_request_id"), r->parent_request_id);
	at = put(at, f->who.ptr, f->who.len);
	at = put_count(at, KEY("prompt_tokens"), r->prompt_tokens);
	at = put_count(at, KEY("completion_tokens"), r->completion_tokens);
	at = put_count(at, KEY("cached_tokens"), r->cached_tokens);
	at = put_count(at, KEY("reasoning_tokens"), r->reasoning_tokens);
	at = put_amount(at, KEY("cost_usd"), r->cost_usd);
	at = put_amount(at, KEY("cost_eur"), r->cost_eur);
	at = put_amount(at, KEY("cost_billed_usd"), r->cost_billed_usd);
	at = put_amount(at, KEY("cost_billed_eur"), r->cost_billed_eur);
	at = put(at, f->how.ptr, f->how.len);
	at = put_ms(at, KEY("latency_ms"), r->latency_us);
	at = put_ms(at, KEY("first_byte_ms"), r->first_byte_us);
	at = put_ms(at, KEY("upstream_ms"), r->upstream_us);
	at = put_size(at, KEY("bytes_in"), r->bytes_in);
	at = put_size(at, KEY("bytes_out"), r->bytes_out);
	return PUT(at, "}\n");
}
