/*
 * server/api/v1_usage.c - GET /v1/usage: what was used and what it cost, from the sums by day.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/model/money.h"
#include "common/store/tenant_key.h"
#include "common/store/usage_day.h"
#include "server/api/call.h"

enum { DAYS_SHOWN = 30, DATE_SIZE = 11, ANSWER_MAX = 16 * 1024 * 1024 };

struct report {
	struct usage_query query;
	struct db *db; /* while it is read; and where a fault of it goes */
	struct err *err;
	bool shows_raw; /* before the tenants' factors */
	struct buf out;
	struct usage_sum total;
	size_t count;
};

/* "2026-05-03" as a day since 1970. */
static int read_day(struct span text, int64_t *day)
{
	struct tm at = { 0 }, check;
	int64_t year, month, mday;
	time_t seconds;

	if (text.len != DATE_SIZE - 1 || text.ptr[4] != '-' || text.ptr[7] != '-' ||
	    span_to_int(span_of(text.ptr, 4), 1970, 9999, &year) < 0 ||
	    span_to_int(span_of(text.ptr + 5, 2), 1, 12, &month) < 0 ||
	    span_to_int(span_of(text.ptr + 8, 2), 1, 31, &mday) < 0)
		return -1;
	at.tm_year = (int)year - 1900;
	at.tm_mon = (int)month - 1;
	at.tm_mday = (int)mday;
	check = at;
	seconds = timegm(&check);
	if (check.tm_mday != at.tm_mday)
		return -1;
	*day = seconds / (USAGE_DAY_MS / 1000);
	return 0;
}

static void print_day(int64_t day, char out[DATE_SIZE])
{
	char iso[CLOCK_ISO_SIZE];

	clock_iso(day * USAGE_DAY_MS, iso);
	memcpy(out, iso, DATE_SIZE - 1);
	out[DATE_SIZE - 1] = '\0';
}

static int query_day(struct exchange *x, const char *name, int64_t *day, struct err *err)
{
	char param[32];
	struct span text;

	if (call_query(x, name, &text, err) < 0)
		return -1;
	if (!text.ptr || read_day(text, day) == 0)
		return 0;
	snprintf(param, sizeof param, "query.%s", name);
	return err_set(err, E_invalid_field, param, "%s must be a day, as in 2026-05-03", name);
}

static int read_query(struct exchange *x, struct usage_query *q, struct err *err)
{
	struct span by;

	q->to = clock_wall_ms() / USAGE_DAY_MS;
	q->from = INT64_MIN;
	if (call_query(x, "by", &by, err) < 0 || query_day(x, "from", &q->from, err) < 0 ||
	    query_day(x, "to", &q->to, err) < 0)
		return -1;
	if (q->from == INT64_MIN)
		q->from = q->to - (DAYS_SHOWN - 1);
	if (q->from > q->to)
		return err_set(err, E_invalid_field, "query.from", "from lies behind to");
	if (by.ptr && usage_by_find(by, &q->by) < 0)
		return err_set(err, E_invalid_field, "query.by",
			       "by must be model, user, token, day or tenant");
	return 0;
}

static bool names_tenant(struct exchange *x)
{
	return exchange_header(x, "spass-tenant-id").ptr || exchange_header(x, "x-tenant-id").ptr;
}

/* Users see their own; an administrator the tenant, an operator all of them, unless they choose. */
static void limit_view(struct exchange *x, const struct call *c, struct report *r)
{
	const struct identity *who = &c->identity;
	bool names_user = exchange_header(x, "spass-user-id").ptr;

	r->query.tenant_id = who->tenant_id;
	r->query.user_id = who->user_id;
	if (who->role >= ROLE_tenant_admin && !names_user)
		r->query.user_id = NULL;
	if (who->role >= ROLE_operator && !names_tenant(x) && !names_user)
		r->query.tenant_id = NULL;
	r->shows_raw = who->role >= ROLE_operator;
}

/* Nothing is known of rows without one known cost: 0.00 would say that they were free. */
static void add_amount(struct buf *out, const char *name, int64_t micro, bool is_known)
{
	buf_add_str(out, name);
	if (is_known)
		money_print(micro, out);
	else
		buf_add_str(out, "null");
}

static void add_count(struct buf *out, const char *name, int64_t count)
{
	buf_add_str(out, name);
	buf_add_int(out, count);
}

/* The members of a sum; amounts are exact decimals, which jansson's numbers would not be. */
static void add_sum(struct report *r, const struct usage_sum *s)
{
	struct buf *out = &r->out;
	const bool is_known = !s->requests || s->unknown < s->requests;

	add_count(out, "\"requests\":", s->requests);
	add_count(out, ",\"prompt_tokens\":", s->prompt_tokens);
	add_count(out, ",\"completion_tokens\":", s->completion_tokens);
	add_amount(out, ",\"eur\":", s->cost_billed_eur, is_known);
	add_amount(out, ",\"usd\":", s->cost_billed_usd, is_known);
	if (r->shows_raw) {
		add_amount(out, ",\"raw_eur\":", s->cost_eur, is_known);
		add_amount(out, ",\"raw_usd\":", s->cost_usd, is_known);
	}
	add_count(out, ",\"unknown\":", s->unknown);
	add_amount(out, ",\"estimated_eur\":", s->estimated_eur, true);
	add_amount(out, ",\"estimated_usd\":", s->estimated_usd, true);
	buf_add_char(out, '}');
}

/* A key's id says nothing to who reads a bill; what it was made for does. */
static int add_label(struct report *r, struct span token)
{
	char id[TENANT_KEY_ID_SIZE], label[TENANT_KEY_LABEL_SIZE];
	int found;

	snprintf(id, sizeof id, "%.*s", SPAN_ARGS(token));
	found = tenant_key_label(r->db, id, label, r->err);
	if (found < 0)
		return -1;
	if (found && *label) {
		buf_add_str(&r->out, "\"label\":\"");
		jtext_escape(&r->out, span_str(label));
		buf_add_str(&r->out, "\",");
	}
	return 0;
}

static int add_item(void *context, struct span key, int64_t day, const struct usage_sum *sum)
{
	struct report *r = context;
	char date[DATE_SIZE];

	if (r->query.by == USAGE_BY_DAY) {
		print_day(day, date);
		key = span_str(date);
	}
	buf_add_str(&r->out, r->count++ ? ",{\"" : "{\"");
	buf_add_str(&r->out, usage_by_name(r->query.by));
	buf_add_str(&r->out, "\":\"");
	jtext_escape(&r->out, key);
	buf_add_str(&r->out, "\",");
	if (r->query.by == USAGE_BY_TOKEN && add_label(r, key) < 0)
		return -1;
	add_sum(r, sum);
	usage_sum_add(&r->total, sum);
	return 0;
}

static int read_sums(struct db *db, void *arg, struct err *err)
{
	struct report *r = arg;

	r->db = db;
	r->err = err;
	return usage_day_query(db, &r->query, add_item, r, err);
}

static void begin_report(struct report *r)
{
	char from[DATE_SIZE], to[DATE_SIZE];

	print_day(r->query.from, from);
	print_day(r->query.to, to);
	buf_init(&r->out, ANSWER_MAX);
	buf_printf(&r->out, "{\"by\":\"%s\",\"from\":\"%s\",\"to\":\"%s\",\"items\":[",
		   usage_by_name(r->query.by), from, to);
}

void v1_usage(struct exchange *x, struct call *c)
{
	struct report *r = arena_zalloc(&x->arena, sizeof *r);
	struct err err = ERR_INIT;

	if (!r) /* the layer below answers */
		return;
	if (read_query(x, &r->query, &err) < 0) {
		reply_error(x, &err);
		return;
	}
	limit_view(x, c, r);
	begin_report(r);
	if (store_read(c->worker->core->store, c->worker->core->jobs, read_sums, r, &err) == 0) {
		buf_add_str(&r->out, "],\"total\":{");
		add_sum(r, &r->total);
		if (buf_add_char(&r->out, '}') < 0)
			err_set(&err, E_too_large, "", "so many do not fit into one answer; ask for fewer days");
	}
	if (err.code == E_none)
		reply_send(x, 200, "application/json", buf_span(&r->out));
	else
		reply_error(x, &err);
	buf_free(&r->out);
}
