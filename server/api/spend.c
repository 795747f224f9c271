/*
 * server/api/spend.c - see spend.h.
 */
#include "server/api/spend.h"

#include "common/base/clock.h"
#include "common/chat/request.h"
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

static int64_t times(int64_t a, int64_t b)
{
	int64_t product;

	return __builtin_mul_overflow(a, b, &product) ? INT64_MAX : product;
}

/* Free of charge, not only of what is used of it. */
static bool is_free(const struct target *t)
{
	const struct price *p = t->price;

	return target_is_free(t) ||
	       (p && p->input == 0 && p->output == 0 && p->cached <= 0 && p->reasoning <= 0 &&
		p->image <= 0 && p->request <= 0 && p->prompt_max == 0);
}

/* What so many tokens and pictures cost at most at a target; MONEY_UNKNOWN without a price. */
static int64_t most_at(const struct target *t, int64_t prompt, int64_t answer, int64_t pictures)
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
	if (usd > 0 && price.image > 0 && pictures > 1 &&
	    __builtin_add_overflow(usd, times(price.image, pictures - 1), &usd))
		usd = INT64_MAX;
	return usd > 0 && t->price->prompt_max > 0 && prompt > t->price->prompt_max ? times(2, usd) : usd;
}

/* Tokens that all answers together may have. */
static int64_t answer_at(const struct turn *t, const struct turn_size *size, const struct target *target)
{
	int64_t one = size->answer_max, floor = turn_floor(t, size->alias, target);

	if (one < 0)
		one = at_most(ANSWER_MAX, size->alias->context_window);
	else if (one < floor && size->kind != ANSWER_VECTORS)
		one = floor;
	return times(one, size->choices);
}

static const struct target *targets_of(const struct call *c, const struct turn_size *size, size_t *count)
{
	const struct turn *t = &c->turn;

	*count = t->target_count;
	return t->targets ? t->targets : routing_chain(c->snapshot->routing, size->alias, count);
}

/* The dearest target's, as any of them may answer. */
static void bound(const struct call *c, const struct turn_size *size, struct spending *s)
{
	const int64_t prompt = at_most(size->prompt_bytes, size->alias->context_window);
	size_t count;
	const struct target *targets = targets_of(c, size, &count);
	int64_t most = 0;

	s->is_free = true;
	for (size_t i = 0; i < count && most >= 0; i++) {
		int64_t usd = most_at(&targets[i], prompt, answer_at(&c->turn, size, &targets[i]),
				      size->choices);

		s->is_free &= is_free(&targets[i]);
		most = usd < 0 || usd > most ? usd : most;
	}
	s->most = amount_of(c, most);
}

static bool has_budgets(const struct spending *s)
{
	return (s->token && s->token->constraints->budget_count) || (s->tenant && s->tenant->budget_count);
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

static int reserve(struct call *c, const struct spending *s, struct err *err)
{
	struct budget_gap gap;
	int result;

	if (!budget_applies(s))
		return 0;
	while ((result = budget_reserve(c->worker->core->budgets, s, clock_wall_ms(), &c->reservation, &gap,
					err)) == 1)
		if (fill(c, &gap, err) < 0)
			return -1;
	return result;
}

/* 0, or -1 when no link of that alias may be used; err says why where it is not for lack of one. */
typedef int link_check(struct call *c, const char *link, const struct spending *s, struct err *err);

static int check_link(struct call *c, const char *link, const struct spending *s, struct err *err)
{
	(void)s, (void)err;
	return call_admits_model(c, span_str(link)) ? 0 : -1;
}

static int reserve_link(struct call *c, const char *link, const struct spending *s, struct err *err)
{
	struct spending own = *s;

	own.model = link;
	own.is_link = true;
	return reserve(c, &own, err);
}

/* Whether an earlier target was of the same link: what was found of it holds for this one. */
static bool is_asked(const struct target *targets, size_t at, const bool *is_left, bool *found)
{
	for (size_t i = 0; i < at; i++)
		if (targets[i].link_model == targets[at].link_model) {
			*found = is_left[i];
			return true;
		}
	return false;
}

/*
 * A composite alias is no way round what holds for its members: targets of those that do not pass
 * the check are left out.
 */
static int narrow(struct call *c, const struct turn_size *size, link_check *check,
		  const struct spending *s, struct err *err)
{
	size_t count, kept = 0;
	const struct target *targets = targets_of(c, size, &count);
	struct target *left = arena_alloc(c->turn.arena, count * sizeof *left + 1);
	bool *is_left = arena_alloc(c->turn.arena, count + 1);

	if (!left || !is_left)
		return call_used_up(err);
	for (size_t i = 0; i < count; i++) {
		const char *link = turn_link(size, &targets[i]);

		if (!is_asked(targets, i, is_left, &is_left[i]))
			is_left[i] = !link || check(c, link, s, err) == 0;
		if (is_left[i])
			left[kept++] = targets[i];
	}
	if (kept == 0 && count > 0)
		return err && err->code != E_none ? -1 : offer_lacks(span_str(size->alias->alias), err);
	c->turn.targets = left;
	c->turn.target_count = kept;
	return 0;
}

static int take_tokens(struct exchange *x, struct call *c, const struct turn_size *size, struct err *err)
{
	int64_t tokens = size->prompt_bytes / TOKEN_BYTES + 1, extra = 0, sum;

	if (size->answer_max < 0)
		extra = times(at_most(ANSWER_MAX, size->alias->context_window), size->choices);
	else if (__builtin_add_overflow(tokens, times(size->answer_max, size->choices), &sum))
		tokens = INT64_MAX;
	else
		tokens = sum;
	return limits_take_tokens(x, c, tokens, extra, err);
}

static int admit(void *context, const struct turn_size *size, struct err *err)
{
	struct exchange *x = context;
	struct call *c = x->state;
	struct spending s = {
		.token = c->identity.token,
		.tenant = c->identity.tenant,
		.model = size->alias->alias,
	};

	if (size->alias->composite && narrow(c, size, check_link, &s, err) < 0)
		return -1;
	if (take_tokens(x, c, size, err) < 0)
		return -1;
	if (!has_budgets(&s))
		return 0;
	bound(c, size, &s);
	if (reserve(c, &s, err) < 0)
		return -1;
	return size->alias->composite ? narrow(c, size, reserve_link, &s, err) : 0;
}

void spend_prepare(struct exchange *x, struct call *c)
{
	const struct token *token = c->identity.token;

	c->turn.limit = token ? token->constraints->max_tokens : 0;
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
	if (u.answer >= 0)
		return u;
	if (t->size.kind != ANSWER_TEXT)
		u.answer = 0;
	else
		u.answer = t->streamed ? t->content_events : (int64_t)(x->bytes_out / TOKEN_BYTES);
	return u;
}

/* Of pictures and sounds that have a price each; MONEY_UNKNOWN of those that have none. */
static int64_t cost_of_media(const struct turn *t, struct used used)
{
	const struct token_usage u = { used.prompt, 0, -1, -1, t->usage.images, -1 };
	const struct price *p = t->target->price;
	int64_t pictures = t->usage.images > 1 ? t->usage.images : 1;

	if (target_is_free(t->target))
		return 0;
	if (p && p->image > 0 && u.images > 0)
		return cost_of(&u, false, p).usd;
	return p && (p->image > 0 || p->request > 0) ? most_at(t->target, used.prompt, 0, pictures)
						      : MONEY_UNKNOWN;
}

static struct amount cost_by(const struct call *c, struct used used)
{
	const struct turn *t = &c->turn;
	struct amount cost = { t->bill.billed_usd, t->bill.billed_eur };

	if (!t->target)
		return (struct amount){ 0, 0 };
	/* A bill without a rate was never made: the call was cut. */
	if (cost.usd >= 0 && t->bill.rate.eur != 0)
		return cost;
	cost = amount_of(c, t->size.kind == ANSWER_MEDIA ? cost_of_media(t, used)
							  : most_at(t->target, used.prompt, used.answer, 1));
	return cost.usd < 0 ? c->reservation.amount : cost;
}

void spend_settle(const struct exchange *x, struct call *c)
{
	const struct target *target = c->turn.target;
	struct used used;

	if (c->tokens_taken == 0 && c->reservation.count == 0)
		return;
	used = used_by(x, &c->turn);
	limits_settle_tokens(c, used.prompt + used.answer);
	if (c->reservation.count)
		budget_settle(c->worker->core->budgets, &c->reservation, cost_by(c, used),
			      target ? turn_link(&c->turn.size, target) : NULL);
}
