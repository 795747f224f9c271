/*
 * common/chat/bill.c - see bill.h.
 */
#include "common/chat/bill.h"

#include "common/base/jscan.h"

static int64_t scale(int64_t amount, int64_t factor)
{
	return amount < 0 ? MONEY_UNKNOWN : money_scale(amount, factor, MONEY_UNIT);
}

void bill_make(struct bill *b, const struct cost *cost, const struct rate *rate, int64_t factor)
{
	*b = (struct bill){ .source = cost->source, .usd = cost->usd, .rate = *rate };
	b->eur = scale(b->usd, rate->eur);
	b->billed_usd = scale(b->usd, factor);
	b->billed_eur = scale(b->eur, factor);
}

void bill_headers(const struct bill *b,
		  void (*put)(void *context, const char *name, struct span value), void *context)
{
	char text[MONEY_TEXT_MAX], source[RATE_SOURCE_MAX];

	put(context, "SPASS-Cost-Available", b->usd < 0 ? SPAN_LIT("false") : SPAN_LIT("true"));
	put(context, "SPASS-Cost-Source", span_str(cost_source_name(b->source)));
	if (b->usd >= 0) {
		put(context, "SPASS-Cost-Eur", span_str(money_text(b->billed_eur, text)));
		put(context, "SPASS-Cost-Usd", span_str(money_text(b->billed_usd, text)));
	}
	put(context, "SPASS-Cost-Exchange-Rate", span_str(money_text(b->rate.eur, text)));
	put(context, "SPASS-Cost-Exchange-Rate-Source", span_str(rate_source(&b->rate, source)));
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
