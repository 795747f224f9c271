/*
 * common/chat/bill.c - see bill.h.
 */
#include "common/chat/bill.h"

#include <assert.h>
#include <string.h>

#include "common/base/jscan.h"

static int64_t scale(int64_t amount, int64_t factor)
{
	return amount < 0 ? MONEY_UNKNOWN : money_scale(amount, factor, MONEY_UNIT);
}

void bill_make(struct bill *b, const struct cost *cost, const struct rate *rate, int64_t factor)
{
	*b = (struct bill){ .is_made = true, .source = cost->source, .usd = cost->usd, .rate = *rate };
	b->eur = scale(b->usd, rate->eur);
	b->billed_usd = scale(b->usd, factor);
	b->billed_eur = scale(b->eur, factor);
}

static char *put_bytes(char *at, struct span s)
{
	if (s.len)
		memcpy(at, s.ptr, s.len);
	return at + s.len;
}

static char *put_amount(char *at, struct span name, int64_t micro)
{
	char text[MONEY_TEXT_MAX];

	at = put_bytes(put_bytes(at, name), span_str(money_text(micro, text)));
	return put_bytes(at, SPAN_LIT("\r\n"));
}

static void add_up(int64_t *sum, int64_t more)
{
	if (*sum < 0 || more < 0)
		*sum = MONEY_UNKNOWN;
	else if (__builtin_add_overflow(*sum, more, sum))
		*sum = INT64_MAX;
}

void bill_add(struct bill *sum, const struct bill *more)
{
	struct cost cost = { sum->source, sum->usd };

	cost_add(&cost, &(struct cost){ more->source, more->usd });
	sum->source = cost.source;
	sum->usd = cost.usd;
	add_up(&sum->eur, more->eur);
	add_up(&sum->billed_usd, more->billed_usd);
	add_up(&sum->billed_eur, more->billed_eur);
}

struct span bill_rate_lines(const struct rate *rate, char out[BILL_RATE_LINES_MAX])
{
	static_assert(sizeof "SPASS-Cost-Exchange-Rate: \r\nSPASS-Cost-Exchange-Rate-Source: \r\n" + MONEY_TEXT_MAX +
			      RATE_SOURCE_MAX <= BILL_RATE_LINES_MAX, "the lines fit");
	char source[RATE_SOURCE_MAX];
	char *at = put_amount(out, SPAN_LIT("SPASS-Cost-Exchange-Rate: "), rate->eur);

	at = put_bytes(at, SPAN_LIT("SPASS-Cost-Exchange-Rate-Source: "));
	at = put_bytes(at, span_str(rate_source(rate, source)));
	at = put_bytes(at, SPAN_LIT("\r\n"));
	return span_of(out, (size_t)(at - out));
}

struct span bill_lines(const struct bill *b, struct span rate_lines, char out[BILL_LINES_MAX])
{
	static_assert(sizeof "SPASS-Cost-Available: false\r\nSPASS-Cost-Source: \r\n" + COST_SOURCE_SIZE +
			      sizeof "SPASS-Cost-Eur: \r\nSPASS-Cost-Usd: \r\n" + 2 * (size_t)MONEY_TEXT_MAX <=
			      BILL_LINES_MAX - BILL_RATE_LINES_MAX, "the lines fit");
	bool is_known = b->usd >= 0;
	char *at = put_bytes(out, is_known ? SPAN_LIT("SPASS-Cost-Available: true\r\nSPASS-Cost-Source: ")
				     : SPAN_LIT("SPASS-Cost-Available: false\r\nSPASS-Cost-Source: "));

	at = put_bytes(at, span_str(cost_source_name(b->source)));
	at = put_bytes(at, SPAN_LIT("\r\n"));
	if (is_known) {
		at = put_amount(at, SPAN_LIT("SPASS-Cost-Eur: "), b->billed_eur);
		at = put_amount(at, SPAN_LIT("SPASS-Cost-Usd: "), b->billed_usd);
	}
	at = put_bytes(at, rate_lines);
	return span_of(out, (size_t)(at - out));
}

static void add_text(struct buf *out, const char *name, const char *text)
{
	buf_add_str(out, name);
	buf_add_char(out, '"');
	jtext_escape(out, span_str(text));
	buf_add_char(out, '"');
}

/* Whether the value is known and still to be added. */
static bool add_name(struct buf *out, const char *name, int64_t value)
{
	buf_add_str(out, name);
	if (value < 0)
		buf_add_str(out, "null");
	return value >= 0;
}

static void add_amount(struct buf *out, const char *name, int64_t micro)
{
	if (add_name(out, name, micro))
		money_print(micro, out);
}

static void add_count(struct buf *out, const char *name, int64_t count)
{
	if (add_name(out, name, count))
		buf_add_int(out, count);
}

int bill_event(const struct bill *b, const struct bill_facts *facts, struct buf *out)
{
	const struct token_usage *u = facts->usage;
	bool is_whole = u->prompt >= 0 && u->completion >= 0;
	char source[RATE_SOURCE_MAX];

	add_text(out, "event: spass.cost\ndata: {\"request_id\":", facts->request_id);
	add_text(out, ",\"resolved_model\":", facts->model);
	add_text(out, ",\"resolved_backend\":", facts->backend);
	add_amount(out, ",\"eur\":", b->billed_eur);
	add_amount(out, ",\"usd\":", b->billed_usd);
	add_text(out, ",\"source\":", cost_source_name(b->source));
	buf_add_str(out, b->usd < 0 ? ",\"available\":false" : ",\"available\":true");
	add_amount(out, ",\"exchange_rate\":", b->rate.eur);
	add_text(out, ",\"exchange_rate_source\":", rate_source(&b->rate, source));
	add_count(out, ",\"usage\":{\"prompt_tokens\":", u->prompt);
	add_count(out, ",\"completion_tokens\":", u->completion);
	add_count(out, ",\"total_tokens\":", is_whole ? u->prompt + u->completion : -1);
	add_count(out, "},\"sub_calls\":", facts->sub_calls);
	buf_add_str(out, "}\n\n");
	return buf_failed(out) ? -1 : 0;
}
