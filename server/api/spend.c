/*
 * server/api/spend.c - see spend.h.
 */
#include "server/api/spend.h"

#include "common/base/clock.h"
#include "common/store/usage_spent.h"
#include "server/api/limits.h"

/* ANSWER_MAX: of a call that names no limit.  A token of prose is about four bytes. */
enum { ANSWER_MAX = 32768, TOKEN_BYTES = 4 };

static int64_t at_most(int64_t value, int64_t max)
{
	return max > 0 && value > max ? max : value;
}

static struct amount amount_of(const struct call *c, int64_t usd)
{
	struct amount a = { -1, -1 };

	if (usd < 0)
		return a;
	a.usd = money_scale(usd, c->turn.cost_factor, MONEY_UNIT);
	a.eur = money_scale(money_scale(usd, c->snapshot->rate.eur, MONEY_UNIT), c->turn.cost_factor,
			    MONEY_UNIT);
	return a;
}

/* What so many tokens cost at most at a target; MONEY_UNKNOWN without a price. */
static int64_t most_at(const struct target *t, int64_t prompt, int64_t answer)
{
	struct price price;
	int64_t usd;

	if (target_is_free(t))
		return 0;
	if (!t->price)
		return MONEY_UNKNOWN;
	/* Longer prompts have a price that is not in the list: all makers double it. */
	price = *t->price;
	price.prompt_max = 0;
	usd = cost_bound(prompt, answer, false, &price);
	return usd > 0 && t->price->prompt_max > 0 && prompt > t->price->prompt_max ? 2 * usd : usd;
}

/* The dearest target's, as any of them may answer. */
static struct amount most_of(const struct call *c, const struct turn_size *size)
{
	const struct turn *t = &c->turn;
	const int64_t window = size->alias->context_window;
	const int64_t prompt = at_most(size->prompt_bytes, window);
	const int64_t answer = size->answer_max >= 0 ? size->answer_max : at_most(ANSWER_MAX, window);
	size_t count = t->target_count;
	const struct target *targets =
		t->targets ? t->targets : routing_chain(c->snapshot->routing, size->alias, &count);
	int64_t most = 0;

	for (size_t i = 0; i < count; i++) {
		int64_t usd = most_at(&targets[i], prompt, answer);

		if (usd < 0)
			return amount_of(c, MONEY_UNKNOWN);
		most = usd > most ? usd : most;
	}
	return amount_of(c, most);
}

/* What was spent before this process knew of it. */
static int fill(const struct call *c, const struct budget_gap *gap, struct err *err)
{
	struct core *core = c->worker->core;
	const bool is_token = gap->of == BUDGET_OF_TOKEN;
	const char *tenant = is_token ? gap->tenant : gap->owner;
	struct usage_spent spent = {
		.tenant_id = *tenant ? tenant : NULL,
		.token_id = is_token ? gap->owner : NULL,
		.model = gap->model,
		.from = gap->from,
		.to = gap->to,
	};

	if (store_read(core->store, core->jobs, usage_spent_read, &spent, err) < 0)
		return -1;
	budget_fill(core->budgets, gap, (struct amount){ spent.usd, spent.eur });
	return 0;
}

static int reserve(struct call *c, const struct turn_size *size, struct err *err)
{
	struct spending s = { c->identity.token, c->identity.tenant, size->alias->alias, { 0, 0 } };
	struct budget_gap gap;
	int result;

	if (!budget_applies(&s))
		return 0;
	s.most = most_of(c, size);
	while ((result = budget_reserve(c->worker->core->budgets, &s, clock_wall_ms(), &c->reservation, &gap,
					err)) == 1)
		if (fill(c, &gap, err) < 0)
			return -1;
	return result;
}

static int admit(void *context, const struct turn_size *size, struct err *err)
{
	struct exchange *x = context;
	struct call *c = x->state;
	int64_t tokens = size->prompt_bytes / TOKEN_BYTES + 1 + (size->answer_max > 0 ? size->answer_max : 0);

	if (limits_take_tokens(x, c, tokens, err) < 0)
		return -1;
	return reserve(c, size, err);
}

void spend_prepare(struct exchange *x, struct call *c)
{
	c->turn.admit = admit;
	c->turn.admit_context = x;
}

struct used {
	int64_t prompt, answer;
};

/* As the backend counted; what it did not tell by what was sent and delivered. */
static struct used used_by(const struct exchange *x, const struct turn *t)
{
	struct used u = { t->usage.prompt, t->usage.completion };

	if (!t->target)
		return (struct used){ 0, 0 };
	if (u.prompt < 0)
		u.prompt = t->size.prompt_bytes / TOKEN_BYTES + 1;
	if (u.answer < 0)
		u.answer = t->streamed ? t->content_events : (int64_t)(x->bytes_out / TOKEN_BYTES);
	return u;
}

static struct amount cost_by(const struct call *c, struct used used)
{
	const struct turn *t = &c->turn;
	struct amount cost = { t->bill.billed_usd, t->bill.billed_eur };

	if (!t->target)
		return (struct amount){ 0, 0 };
	/* A bill without a rate was never made: the call was cut. */
	if (cost.usd < 0 || t->bill.rate.eur == 0)
		cost = amount_of(c, most_at(t->target, used.prompt, used.answer));
	return cost.usd < 0 ? (struct amount){ 0, 0 } : cost;
}

void spend_settle(const struct exchange *x, struct call *c)
{
	struct used used;

	if (c->tokens_taken == 0 && c->reservation.count == 0)
		return;
	used = used_by(x, &c->turn);
	limits_settle_tokens(c, used.prompt + used.answer);
	if (c->reservation.count)
		budget_settle(c->worker->core->budgets, &c->reservation, cost_by(c, used));
}
