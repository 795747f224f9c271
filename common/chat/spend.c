/*
 * common/chat/spend.c - see spend.h.
 */
#include "common/chat/spend.h"

#include "common/base/clock.h"
#include "common/store/usage_spent.h"
#include "common/tenant/bucket.h"
#include "common/upstream/builtin.h"

/* ANSWER_MAX: of a call that names no limit.  A token of prose is about four bytes. */
enum { ANSWER_MAX = 32768, TOKEN_BYTES = 4 };

static int64_t at_most(int64_t value, int64_t max)
{
	return max > 0 && value > max ? max : value;
}

static struct amount amount_of(const struct spend *s, int64_t usd)
{
	struct amount a = { -1, -1 };

	if (usd < 0)
		return a;
	a.usd = money_scale(usd, s->turn->cost_factor, MONEY_UNIT);
	a.eur = money_scale(money_scale(usd, s->snapshot->rate.eur, MONEY_UNIT), s->turn->cost_factor,
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
		p->image <= 0 && p->request <= 0 && p->minute <= 0 && p->characters <= 0 &&
		p->prompt_max == 0);
}

/* What so many tokens and pictures cost at most at a target; MONEY_UNKNOWN without a price. */
static int64_t most_at(const struct target *t, const struct turn_size *size, int64_t prompt, int64_t answer,
		       int64_t pictures)
{
	const struct token_usage most = { .prompt = prompt, .completion = answer, .audio_ms = size->audio_ms,
					  .characters = size->characters };
	struct price price;
	int64_t usd;

	if (target_is_free(t))
		return 0;
	if (!t->price)
		return MONEY_UNKNOWN;
	/* Longer prompts have a price that is not in the list: all makers double it. */
	price = *t->price;
	price.prompt_max = 0;
	usd = cost_bound(&most, false, &price);
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

/* The dearest target's, as any of them may answer. */
static void bound(const struct spend *s, const struct turn_size *size, struct spending *wish)
{
	const int64_t prompt = at_most(size->prompt_bytes, size->alias->context_window);
	const struct target *targets = s->turn->targets;
	int64_t most = 0;

	wish->is_free = true;
	for (size_t i = 0; i < s->turn->target_count && most >= 0; i++) {
		int64_t usd = most_at(&targets[i], size, prompt, answer_at(s->turn, size, &targets[i]),
				      size->choices);

		wish->is_free &= is_free(&targets[i]);
		most = usd < 0 || usd > most ? usd : most;
	}
	wish->most = amount_of(s, most);
}

static bool has_budgets(const struct spending *wish)
{
	return (wish->token && wish->token->constraints->budget_count) || (wish->tenant && wish->tenant->budget_count);
}

/* Whether no budget rules the model out because what it costs is not known. */
static bool has_price(const struct offer *o, const struct model *m)
{
	const struct spending wish = { .token = o->token, .tenant = o->tenant, .model = m->alias };
	const struct target *targets;
	size_t count;

	if (!has_budgets(&wish) || !budget_wants_price(&wish))
		return true;
	targets = routing_chain(o->routing, m, &count);
	for (size_t i = 0; i < count; i++)
		if (!is_free(&targets[i]) && !targets[i].price)
			return false;
	return true;
}

const struct model *spend_default_model(const struct offer *o)
{
	const struct model *preferred = routing_default(o->routing), *m;
	const struct catalog *c = routing_catalog(o->routing);

	if (!offer_admits(o, preferred))
		return NULL;
	if (has_price(o, preferred))
		return preferred;
	for (size_t i = 0; i < catalog_count(c); i++) {
		m = catalog_at(c, i);
		if (m->kind == MODEL_CHAT && routing_is_available(o->routing, m) && offer_admits(o, m) && has_price(o, m))
			return m;
	}
	m = routing_find(o->routing, SPAN_LIT(BUILTIN_CHAT_MODEL));
	return m && offer_admits(o, m) && has_price(o, m) ? m : preferred;
}

/* What was spent before this process knew of it. */
static int fill(struct core *core, const struct budget_gap *gap, struct err *err)
{
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

static int reserve(struct spend *s, const struct spending *wish, struct err *err)
{
	struct budget_gap gap;
	int result;

	if (!budget_applies(wish))
		return 0;
	if (!s->reservation)
		s->reservation = arena_zalloc(s->turn->arena, sizeof *s->reservation);
	if (!s->reservation)
		return err_used_up(err);
	while ((result = budget_reserve(s->worker->core->budgets, wish, clock_wall_ms(), s->reservation, &gap,
					err)) == 1)
		if (fill(s->worker->core, &gap, err) < 0)
			return -1;
	return result;
}

int spend_look(struct core *core, enum budget_of of, const struct spending *s, const struct budget *row,
	       struct budget_state *state, struct err *err)
{
	struct budget_gap gap;
	int result;

	while ((result = budget_look(core->budgets, of, s, row, clock_wall_ms(), state, &gap, err)) == 1)
		if (fill(core, &gap, err) < 0)
			return -1;
	return result;
}

/* 0, or -1 when no link of that alias may be used; err says why where it is not for lack of one. */
typedef int link_check(struct spend *s, const char *link, const struct spending *wish, struct err *err);

static int check_link(struct spend *s, const char *link, const struct spending *wish, struct err *err)
{
	(void)wish, (void)err;
	return tenancy_admits_model(s->identity->tenant, s->identity->token, span_str(link)) ? 0 : -1;
}

static int reserve_link(struct spend *s, const char *link, const struct spending *wish, struct err *err)
{
	struct spending own = *wish;

	own.model = link;
	own.is_link = true;
	return reserve(s, &own, err);
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
static int narrow(struct spend *s, const struct turn_size *size, link_check *check,
		  const struct spending *wish, struct err *err)
{
	const struct target *targets = s->turn->targets;
	size_t count = s->turn->target_count, kept = 0;
	struct target *left = arena_alloc(s->turn->arena, count * sizeof *left + 1);
	bool *is_left = arena_alloc(s->turn->arena, count + 1);

	if (!left || !is_left)
		return err_used_up(err);
	for (size_t i = 0; i < count; i++) {
		const char *link = turn_link(size, &targets[i]);

		if (!is_asked(targets, i, is_left, &is_left[i]))
			is_left[i] = !link || check(s, link, wish, err) == 0;
		if (is_left[i])
			left[kept++] = targets[i];
	}
	if (kept == 0) {
		const struct offer offer = { s->snapshot->routing, s->identity->tenant, s->identity->token };

		return err && err->code != E_none ? -1 : offer_lacks(&offer, span_str(size->alias->alias), err);
	}
	err_clear(err); /* of those that were left out */
	s->turn->targets = left;
	s->turn->target_count = kept;
	return 0;
}

static int take_tokens(struct spend *s, const struct turn_size *size, struct err *err)
{
	int64_t tokens = size->prompt_bytes / TOKEN_BYTES + 1, extra = 0, sum;
	struct limit_ask tightest;
	bool is_admitted;

	if (size->answer_max < 0)
		extra = times(at_most(ANSWER_MAX, size->alias->context_window), size->choices);
	else if (__builtin_add_overflow(tokens, times(size->answer_max, size->choices), &sum))
		tokens = INT64_MAX;
	else
		tokens = sum;
	is_admitted = bucket_take_tokens(s->worker->core->token_limits, s->identity->token, tokens, extra,
					 loop_now_us(s->worker->loop), &s->tokens_taken, &tightest);
	if (tightest.limit.burst > 0 && s->tell)
		s->tell(s->context, &tightest);
	if (is_admitted)
		return 0;
	metrics_add(s->worker->shard, M_spass_rate_limited_total, 1, LABELS(span_str(s->identity->tenant_id)));
	return bucket_refuse(&tightest, "headers.authorization", "this token has used too many tokens", err);
}

static int admit(void *context, const struct turn_size *size, struct err *err)
{
	struct spend *s = context;
	struct spending wish = {
		.token = s->identity->token,
		.tenant = s->identity->tenant,
		.model = size->alias->alias,
	};

	if (size->alias->composite && narrow(s, size, check_link, &wish, err) < 0)
		return -1;
	if (take_tokens(s, size, err) < 0)
		return -1;
	if (!has_budgets(&wish))
		return 0;
	bound(s, size, &wish);
	if (reserve(s, &wish, err) < 0)
		return -1;
	return size->alias->composite ? narrow(s, size, reserve_link, &wish, err) : 0;
}

void spend_begin(struct spend *s)
{
	const struct token *token = s->identity->token;

	s->reservation = NULL;
	s->estimated = (struct amount){ 0, 0 };
	s->tokens_taken = 0;
	s->turn->limit = token ? token->constraints->max_tokens : 0;
	s->turn->admit = admit;
	s->turn->admit_context = s;
}

struct used {
	int64_t prompt, answer;
};

/* As the backend counted; what it did not tell by what was sent and delivered. */
static struct used used_by(const struct turn *t, uint64_t delivered)
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
		u.answer = t->streamed ? t->content_events : (int64_t)(delivered / TOKEN_BYTES);
	return u;
}

/* Of pictures and sounds that have a price each; MONEY_UNKNOWN of those that have none. */
static int64_t cost_of_media(const struct turn *t, struct used used)
{
	const struct token_usage u = { used.prompt, 0, -1, -1, t->usage.images, -1, t->usage.audio_ms,
				       t->usage.characters };
	const struct price *p = t->target->price;
	int64_t pictures = t->usage.images > 1 ? t->usage.images : 1;

	if (target_is_free(t->target))
		return 0;
	if (p && p->image > 0 && u.images > 0)
		return cost_of(&u, false, p).usd;
	return p && (p->image > 0 || p->request > 0) ? most_at(t->target, &t->size, used.prompt, 0, pictures)
						      : MONEY_UNKNOWN;
}

/* Of a call that was cut there may be no bill. */
static bool is_billed(const struct turn *t)
{
	return t->bill.is_made && t->bill.billed_usd >= 0;
}

static struct amount cost_by(const struct spend *s, struct used used)
{
	const struct turn *t = s->turn;
	struct amount cost = { t->bill.billed_usd, t->bill.billed_eur };

	if (!t->target)
		return (struct amount){ 0, 0 };
	if (is_billed(t))
		return cost;
	cost = amount_of(s, t->size.kind == ANSWER_MEDIA ? cost_of_media(t, used)
							  : most_at(t->target, &t->size, used.prompt, used.answer, 1));
	return cost.usd < 0 ? s->reservation->amount : cost;
}

void spend_end(struct spend *s, uint64_t delivered)
{
	const bool has_reserved = s->reservation && s->reservation->count > 0;
	const struct target *target;
	struct amount cost;
	struct used used;

	if (s->tokens_taken == 0 && !has_reserved)
		return;
	target = s->turn->target;
	used = used_by(s->turn, delivered);
	bucket_settle_tokens(s->worker->core->token_limits, s->identity->token, s->tokens_taken,
			     used.prompt + used.answer, loop_now_us(s->worker->loop));
	s->tokens_taken = 0;
	if (!has_reserved)
		return;
	cost = cost_by(s, used);
	/* The ledger says of such a call that its cost is unknown: a budget has to find it elsewhere. */
	if (target && !is_billed(s->turn))
		s->estimated = cost;
	budget_settle(s->worker->core->budgets, s->reservation, cost,
		      target ? turn_link(&s->turn->size, target) : NULL);
}
