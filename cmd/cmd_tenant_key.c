/* cmd/cmd_tenant_key.c - spass tenant key create, list, rotate, revoke. */
#include "cmd/cmd.h"
#include "cmd/grid.h"
#include "cmd/tenant.h"

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"
#include "common/model/money.h"
#include "tui/models.h"
#include "tui/sessions.h"

#include <string.h>
#include <unistd.h>

static const char keys_path[] = "/v1/tenant/keys";

struct key_options {
	struct cmd_globals globals;
	const char *label, *role;
	struct opt_texts scopes, denied, models, budgets;
	int64_t max_tokens, requests_per_minute, tokens_per_minute, expires_ms, grace_ms;
};

/* Told once: what leads away from a terminal should be the secret and nothing else. */
static void print_secret(const struct key_options *o, json_t *key)
{
	struct buf out;

	if (o->globals.json) {
		cmd_print_document_take(json_incref(key));
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	buf_printf(&out, "%s\n", models_text(key, "secret"));
	cmd_print(&out);
	buf_free(&out);
	cmd_notice(&o->globals, "this is the secret of %s (%s of %s); it is not shown again",
		   models_text(key, "id"), models_text(key, "role"), models_text(key, "tenant_id"));
}

static json_t *texts_json(const struct opt_texts *texts)
{
	json_t *all = json_array();

	for (size_t i = 0; i < texts->count; i++)
		json_array_append_new(all, json_string(texts->items[i]));
	return all;
}

/* "20EUR/month"; which currencies and periods there are the gateway knows.  NULL with err. */
static json_t *budget_json(const char *text, struct err *err)
{
	size_t number = strspn(text, "0123456789."), currency = strcspn(text + number, "/");
	const char *per = text + number + currency;
	int64_t micros;

	if (money_read(span_of(text, number), &micros) < 0 || currency == 0 || !*per || !per[1]) {
		err_set(err, E_usage, "", "--budget wants an amount such as 20EUR/month, not \"%.64s\"", text);
		return NULL;
	}
	return json_pack("{s:f, s:s%, s:s}", "amount", (double)micros / MONEY_UNIT, "currency", text + number,
			 currency, "per", per + 1);
}

static json_t *budgets_json(const struct opt_texts *texts, struct err *err)
{
	json_t *all = json_array();

	for (size_t i = 0; i < texts->count; i++) {
		json_t *one = budget_json(texts->items[i], err);

		if (!one) {
			json_decref(all);
			return NULL;
		}
		json_array_append_new(all, one);
	}
	return all;
}

static void add_count(json_t *constraints, const char *name, int64_t count)
{
	if (count)
		json_object_set_new(constraints, name, json_integer(count));
}

/* NULL with err. */
static json_t *constraints_json(const struct key_options *o, struct err *err)
{
	json_t *constraints = json_object(), *budgets = budgets_json(&o->budgets, err);

	if (!budgets) {
		json_decref(constraints);
		return NULL;
	}
	if (o->models.count)
		json_object_set_new(constraints, "models", texts_json(&o->models));
	if (o->budgets.count)
		json_object_set(constraints, "budgets", budgets);
	add_count(constraints, "max_tokens", o->max_tokens);
	add_count(constraints, "requests_per_minute", o->requests_per_minute);
	add_count(constraints, "tokens_per_minute", o->tokens_per_minute);
	json_decref(budgets);
	return constraints;
}

static int check_texts(const char *option, const char *const *texts, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!utf8_is_valid(span_str(texts[i])))
			return err_set(err, E_usage, "", "--%s is no UTF-8", option);
	return 0;
}

/* JSON has no other text: what is none would be left out, and a key without its --deny may do more. */
static int check_new(const struct key_options *o, struct err *err)
{
	const struct {
		const char *option;
		const struct opt_texts *texts;
	} all[] = {
		{ "scope", &o->scopes },
		{ "deny", &o->denied },
		{ "model", &o->models },
		{ "budget", &o->budgets },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (check_texts(all[i].option, all[i].texts->items, all[i].texts->count, err) < 0)
			return -1;
	return check_texts("label", &o->label, o->label != NULL, err);
}

/* NULL with err. */
static json_t *new_key(const struct key_options *o, struct err *err)
{
	json_t *body, *constraints = check_new(o, err) == 0 ? constraints_json(o, err) : NULL;
	char until[CLOCK_ISO_SIZE];

	if (!constraints)
		return NULL;
	body = json_object();
	if (o->label)
		json_object_set_new(body, "label", json_string(o->label));
	if (o->role)
		json_object_set_new(body, "role", json_string(o->role));
	json_object_set_new(body, "extra_scopes", texts_json(&o->scopes));
	json_object_set_new(body, "deny_scopes", texts_json(&o->denied));
	json_object_set_new(body, "constraints", constraints);
	if (o->expires_ms) {
		clock_iso(clock_wall_ms() + o->expires_ms, until);
		json_object_set_new(body, "expires_at", json_string(until));
	}
	return body;
}

static bool is_offered(const json_t *info, const char *name)
{
	json_t *model;
	size_t i;

	json_array_foreach(json_object_get(info, "models"), i, model)
		if (strcmp(models_text(model, "alias"), name) == 0)
			return true;
	return false;
}

/* A key may be made before its model is there; a name that was mistyped is told. */
static void warn_of_models(const struct key_options *o)
{
	const struct tenant_request ask = { .path = "/v1/info" };
	struct err err = ERR_INIT;
	json_t *info = o->models.count ? tenant_ask(&o->globals, &ask, &err) : NULL;

	for (size_t i = 0; info && i < o->models.count; i++)
		if (!is_offered(info, o->models.items[i]))
			cmd_notice(&o->globals, "there is no model \"%s\" now; `spass model list --all` lists them",
				   o->models.items[i]);
	json_decref(info);
}

static int run_create(const struct key_options *o, const char *id, struct err *err)
{
	struct tenant_request ask = { .method = "POST", .path = keys_path };
	json_t *key;

	(void)id;
	ask.body = new_key(o, err);
	if (!ask.body)
		return -1;
	key = tenant_ask(&o->globals, &ask, err);
	json_decref(ask.body);
	if (!key)
		return -1;
	print_secret(o, key);
	json_decref(key);
	warn_of_models(o);
	return 0;
}

/* "any", or their names. */
static void add_models(struct grid *grid, const json_t *key)
{
	const json_t *models = json_object_get(json_object_get(key, "constraints"), "models");
	struct buf names;
	json_t *one;
	size_t i;

	buf_init(&names, CMD_OUTPUT_MAX);
	json_array_foreach(models, i, one)
		buf_printf(&names, "%s%s", i > 0 ? ", " : "", json_string_value(one));
	grid_add(grid, models ? buf_str(&names) : "any", GRID_PLAIN);
	buf_free(&names);
}

/* A day says too little of a key that is made for an hour. */
static void add_expiry(struct grid *grid, const char *expires_at)
{
	char until[SESSIONS_TIME_SIZE] = "";
	int64_t at_ms;

	if (clock_parse(expires_at, strlen(expires_at), &at_ms) == 0)
		sessions_until(at_ms, clock_wall_ms(), until);
	grid_add(grid, until, GRID_PLAIN);
}

/* A narrow terminal has no room for what is asked for least. */
static void print_keys(const struct cmd_globals *g, const json_t *items)
{
	enum { WIDE_COLUMNS = 120 };
	size_t columns = grid_columns(), i;
	bool is_wide = columns == 0 || columns >= WIDE_COLUMNS;
	struct grid grid;
	json_t *one;

	grid_init(&grid, is_wide ? 8 : 6, cmd_color(g, stdout));
	grid_head(&grid, is_wide ? "KEY|SECRET|ROLE|STATUS|MADE|EXPIRES|MODELS|LABEL"
				 : "KEY|ROLE|STATUS|EXPIRES|MODELS|LABEL");
	json_array_foreach(items, i, one)
	{
		const char *status = models_text(one, "status");

		grid_add(&grid, models_text(one, "id"), GRID_PLAIN);
		if (is_wide)
			grid_addf(&grid, GRID_DIM, "%s...", models_text(one, "prefix"));
		grid_add(&grid, models_text(one, "role"), GRID_PLAIN);
		grid_add(&grid, status, strcmp(status, "active") == 0 ? GRID_GOOD : GRID_DIM);
		if (is_wide)
			grid_addf(&grid, GRID_PLAIN, "%.10s", models_text(one, "created_at"));
		add_expiry(&grid, models_text(one, "expires_at"));
		add_models(&grid, one);
		grid_add(&grid, models_text(one, "label"), GRID_PLAIN);
	}
	grid_fit(&grid, grid.columns - 1, columns);
	grid_fit(&grid, grid.columns - 2, columns);
	grid_show(&grid);
}

static int run_list(const struct key_options *o, const char *id, struct err *err)
{
	json_t *items = tenant_ask_all(&o->globals, keys_path, err);

	(void)id;
	if (!items)
		return -1;
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i, s:O}", "schema_version", 1, "keys", items));
	else
		print_keys(&o->globals, items);
	if (!o->globals.json && !json_array_size(items) && isatty(STDERR_FILENO))
		cmd_notice(&o->globals, "no key is made yet; `spass tenant key create` makes one");
	json_decref(items);
	return 0;
}

static int run_rotate(const struct key_options *o, const char *id, struct err *err)
{
	char *path = mem_printf("%s/%s/rotate", keys_path, id);
	struct tenant_request ask = { .method = "POST", .path = path };
	json_t *key;

	ask.body = json_pack("{s:I}", "grace_seconds", (json_int_t)(o->grace_ms / 1000));
	key = tenant_ask(&o->globals, &ask, err);
	json_decref(ask.body);
	mem_free(path);
	if (!key)
		return -1;
	print_secret(o, key);
	json_decref(key);
	return 0;
}

static int run_revoke(const struct key_options *o, const char *id, struct err *err)
{
	char *path = mem_printf("%s/%s", keys_path, id);
	struct tenant_request ask = { .method = "DELETE", .path = path };
	json_t *answer = tenant_ask(&o->globals, &ask, err);

	mem_free(path);
	if (!answer)
		return -1;
	json_decref(answer);
	if (o->globals.json)
		cmd_print_json_take(json_pack("{s:i, s:s, s:b}", "schema_version", 1, "id", id, "revoked",
					      1));
	cmd_notice(&o->globals, "%s was revoked", id);
	return 0;
}

static const struct action {
	const char *name;
	bool needs_id;
	int (*run)(const struct key_options *o, const char *id, struct err *err);
} actions[] = {
	{ "create", false, run_create },
	{ "list", false, run_list },
	{ "rotate", true, run_rotate },
	{ "revoke", true, run_revoke },
};

/* An id is part of a path. */
static bool is_id(const char *text)
{
	return *text && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")
				== strlen(text);
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const char *id = argc > 1 ? argv[1] : NULL;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		const struct action *a = &actions[i];

		if (strcmp(a->name, argv[0]) != 0)
			continue;
		if (a->needs_id && !id)
			return err_set(err, E_usage, "", "%s needs the id of a key", a->name);
		if (!a->needs_id && id)
			return err_set(err, E_usage, "", "%s takes no id", a->name);
		if (id && !is_id(id))
			return err_set(err, E_usage, "", "\"%.64s\" is not the id of a key", id);
		return a->run(options, id, err);
	}
	return err_set(err, E_usage, "", "there is no \"tenant key %.64s\"; it is create, list, rotate or "
		       "revoke", argv[0]);
}

#define OWN(kind_, field, ...) \
	{ .kind = (kind_), .offset = offsetof(struct key_options, field), __VA_ARGS__ }
static const struct opt own[] = {
	OWN(OPT_TEXT, label, .name = "label", .argument = "TEXT", .help = "create: what the key is for"),
	OWN(OPT_CHOICE, role, .name = "role", .argument = "ROLE",
	    .choices = "readonly|tenant_user|tenant_admin", .help = "create: tenant_user if not given"),
	OWN(OPT_TEXTS, scopes, .name = "scope", .argument = "SCOPE",
	    .help = "create: a scope more than the role's; may be repeated"),
	OWN(OPT_TEXTS, denied, .name = "deny", .argument = "SCOPE",
	    .help = "create: a scope less than the role's; may be repeated"),
	OWN(OPT_TEXTS, models, .name = "model", .argument = "MODEL", .complete = OPT_MODEL,
	    .help = "create: a model that it may use; may be repeated"),
	OWN(OPT_INT, max_tokens, .name = "max-tokens", .argument = "NUMBER", .min = 1,
	    .max = INT32_MAX, .help = "create: most tokens that a request may ask for"),
	OWN(OPT_TEXTS, budgets, .name = "budget", .argument = "BUDGET",
	    .help = "create: what it may spend, such as 20EUR/month; may be repeated"),
	OWN(OPT_INT, requests_per_minute, .name = "requests-per-minute", .argument = "NUMBER", .min = 1,
	    .max = INT32_MAX, .help = "create: most requests in a minute"),
	OWN(OPT_INT, tokens_per_minute, .name = "tokens-per-minute", .argument = "NUMBER", .min = 1,
	    .max = INT32_MAX, .help = "create: most tokens in a minute"),
	OWN(OPT_DURATION, expires_ms, .name = "expires", .argument = "DURATION", .min = 1,
	    .help = "create: it is valid this long"),
	OWN(OPT_DURATION, grace_ms, .name = "grace", .argument = "DURATION",
	    .help = "rotate: the old secret stays valid this long"),
	{ .kind = OPT_END },
};

static const struct cmd_example examples[] = {
	{ "spass tenant key create --label shop --model spass-extract --budget 20EUR/month", "A key for one use." },
	{ "KEY=$(spass tenant key create -q)", "Its secret alone, for a script." },
	{ "spass tenant key rotate key_0123456789abcdefghij --grace 1h", "Another secret." },
	{ NULL, NULL },
};

const struct cmd cmd_tenant_key = {
	.group = "tenant",
	.name = "key",
	.summary = "Make, list, rotate and revoke keys of a tenant",
	.operands = "create|list|rotate|revoke [KEY]",
	.operands_min = 1,
	.operands_max = 2,
	.choices = "create|list|rotate|revoke",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.options = own,
	.options_size = sizeof(struct key_options),
	.text = "A secret is shown once, on stdout; the gateway keeps its SHA-256. A key never "
		"does more than the token that made it.",
	.examples = examples,
	.run = run,
};
