/*
 * common/model/cost.c - see cost.h.
 */
#include "common/model/cost.h"

/* Prices are for a million tokens, so a sum of tokens times prices is in units of this. */
#define PER_MILLION INT64_C(1000000)

const char *cost_source_name(enum cost_source s)
{
	static const char names[][COST_SOURCE_SIZE] = {
		[COST_UNKNOWN] = "unknown",
		[COST_ZERO] = "zero",
		[COST_TABLE] = "table",
		[COST_UPSTREAM] = "upstream",
	};

	return names[s];
}

/* A sum that becomes unknown with its first unknown part. */
struct sum {
	money_wide value; /* micro-USD times PER_MILLION */
	bool is_unknown;
};

/* count things at price; times: 1 for a million of them, PER_MILLION for each. */
static void add(struct sum *s, int64_t count, int64_t price, int64_t times)
{
	if (price == 0 || count == 0)
		return;
	if (price < 0 || count < 0) {
		s->is_unknown = true;
		return;
	}
	s->value += (money_wide)count * (money_wide)price * (money_wide)times;
}

/* The special part (cached, reasoning) of a count has its own price, when it has one. */
static void add_tokens(struct sum *s, int64_t all, int64_t special, int64_t price, int64_t special_price)
{
	if (special <= 0 || special_price < 0) {
		add(s, all, price, 1);
		return;
	}
	if (special > all) /* a backend that contradicts itself */
		special = all;
	add(s, all < 0 ? -1 : all - special, price, 1);
	add(s, special, special_price, 1);
}

static int64_t total(const struct sum *s)
{
	money_wide rounded = (s->value + PER_MILLION / 2) / PER_MILLION;

	if (s->is_unknown)
		return MONEY_UNKNOWN;
	return rounded > INT64_MAX ? INT64_MAX : (int64_t)rounded;
}

/* Milliseconds at a price for a minute. */
static void add_sound(struct sum *s, int64_t ms, int64_t price)
{
	enum { MINUTE_MS = 60000 };

	if (ms < 0)
		s->is_unknown = true;
	else
		s->value += (money_wide)ms * (money_wide)price * PER_MILLION / MINUTE_MS;
}

static bool is_by_tokens(const struct price *p)
{
	return p->input >= 0 || p->output >= 0 || (p->minute < 0 && p->characters < 0);
}

static int64_t by_table(const struct token_usage *u, const struct price *p)
{
	struct sum s = { .is_unknown = p->prompt_max > 0 && u->prompt > p->prompt_max };

	if (is_by_tokens(p)) {
		add_tokens(&s, u->prompt, u->cached, p->input, p->cached);
		add_tokens(&s, u->completion, u->reasoning, p->output, p->reasoning);
	}
	if (p->minute > 0)
		add_sound(&s, u->audio_ms, p->minute);
	if (p->characters > 0)
		add(&s, u->characters, p->characters, 1);
	if (p->image > 0)
		add(&s, u->images < 0 ? 0 : u->images, p->image, PER_MILLION);
	if (p->request > 0)
		add(&s, 1, p->request, PER_MILLION);
	return total(&s);
}

struct cost cost_of(const struct token_usage *usage, bool local, const struct price *price)
{
	struct cost c = { COST_UNKNOWN, MONEY_UNKNOWN };

	if (usage->cost_usd >= 0)
		return (struct cost){ COST_UPSTREAM, usage->cost_usd };
	if (local)
		return (struct cost){ COST_ZERO, 0 };
	if (price)
		c.usd = by_table(usage, price);
	if (c.usd >= 0)
		c.source = COST_TABLE;
	return c;
}

int64_t cost_bound(const struct token_usage *most, bool local, const struct price *price)
{
	const struct token_usage all = { most->prompt, most->completion, 0, 0, 1, -1, most->audio_ms,
					 most->characters };
	const struct price dearest = price ? (struct price){
		.input = price->input > price->cached ? price->input : price->cached,
		.cached = MONEY_UNKNOWN,
		.output = price->output > price->reasoning ? price->output : price->reasoning,
		.reasoning = MONEY_UNKNOWN,
		.image = price->image,
		.request = price->request,
		.prompt_max = price->prompt_max,
		.minute = price->minute,
		.characters = price->characters,
	} : PRICE_NONE;

	if (local)
		return 0;
	return price ? by_table(&all, &dearest) : MONEY_UNKNOWN;
}

void cost_add(struct cost *sum, const struct cost *more)
{
	static const int certainty[] = {
		[COST_UNKNOWN] = 0, [COST_TABLE] = 1, [COST_UPSTREAM] = 2, [COST_ZERO] = 3
	};

	if (certainty[more->source] < certainty[sum->source])
		sum->source = more->source;
	if (sum->usd < 0 || more->usd < 0)
		sum->usd = MONEY_UNKNOWN;
	else
		sum->usd = more->usd > INT64_MAX - sum->usd ? INT64_MAX : sum->usd + more->usd;
}
