/* cmd/cmd_status.c - spass status: how a running gateway is, and its backends. */
#include "cmd/cmd.h"
#include "cmd/gateway.h"
#include "cmd/grid.h"

#include "common/base/mem.h"
#include "tui/models.h"

#include <string.h>

enum { EXIT_UNAVAILABLE = 6 };

static bool is_ready_answer(const json_t *root)
{
	return json_is_string(json_object_get(root, "status")) &&
	       json_is_object(json_object_get(root, "backends"));
}

static enum grid_style style_of(const char *status)
{
	static const struct {
		const char *status;
		enum grid_style style;
	} styles[] = {
		{ "ready", GRID_GOOD },      { "available", GRID_GOOD },  { "ok", GRID_GOOD },
		{ "unavailable", GRID_BAD }, { "unreachable", GRID_BAD }, { "disabled", GRID_DIM },
		{ "planned", GRID_DIM },
	};

	for (size_t i = 0; i < ARRAY_LEN(styles); i++)
		if (!strcmp(styles[i].status, status))
			return styles[i].style;
	return GRID_PLAIN;
}

static void add_latency(struct grid *grid, const json_t *backend)
{
	const json_t *latency = json_object_get(backend, "latency_ms");

	if (json_is_integer(latency))
		grid_addf(grid, GRID_PLAIN, "%lld ms", (long long)json_integer_value(latency));
	else
		grid_add(grid, NULL, GRID_PLAIN);
}

/* Why it is away; or which of its models rest, as a backend may answer and one of them fail. */
static void add_reason(struct grid *grid, json_t *backend)
{
	json_t *resting = json_object_get(backend, "resting"), *model;
	struct buf text;
	size_t i;

	buf_init(&text, CMD_OUTPUT_MAX);
	json_array_foreach(resting, i, model)
		buf_printf(&text, "%s%s", i ? ", " : "resting: ", json_string_value(model));
	grid_add(grid, text.len ? buf_str(&text) : models_text(backend, "reason"), GRID_PLAIN);
	buf_free(&text);
}

static void add_pair(struct grid *grid, const char *name, const char *value, enum grid_style style)
{
	grid_add(grid, name, GRID_PLAIN);
	grid_add(grid, value, style);
}

static void print_head(const struct cmd_globals *g, const struct gateway *gateway,
		       const json_t *ready, const json_t *info, struct buf *out)
{
	const json_t *self = json_object_get(info, "gateway");
	char name[GATEWAY_NAME_SIZE];
	struct grid grid;

	gateway_name(gateway, name);
	grid_init(&grid, 2, cmd_color(g, stdout));
	add_pair(&grid, "gateway", name, GRID_PLAIN);
	add_pair(&grid, "status", models_text(ready, "status"), style_of(models_text(ready, "status")));
	if (info) {
		add_pair(&grid, "version", models_text(self, "version"), GRID_PLAIN);
		add_pair(&grid, "default model", models_text(info, "default_model"), GRID_PLAIN);
		grid_add(&grid, "models", GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%zu",
			  json_array_size(json_object_get(info, "models")));
	}
	grid_print(&grid, out);
	grid_free(&grid);
}

/*
 * With a token why a backend is away, else what /readyz tells everybody.  What is disabled, and
 * local servers that were looked for and never seen, are left out of both.
 */
static void print_backends(const struct cmd_globals *g, const json_t *ready, const json_t *info,
			   struct buf *out)
{
	json_t *backends = json_object_get(info, "backends"),
	       *open = json_object_get(ready, "backends"), *b;
	struct grid grid;
	const char *name;
	size_t i;

	grid_init(&grid, 4, cmd_color(g, stdout));
	grid_head(&grid, "BACKEND|STATUS|LATENCY|REASON");
	json_array_foreach(backends, i, b)
	{
		if (!g->verbose && !json_object_get(open, models_text(b, "name")))
			continue;
		grid_add(&grid, models_text(b, "name"), GRID_PLAIN);
		grid_add(&grid, models_text(b, "status"), style_of(models_text(b, "status")));
		add_latency(&grid, b);
		add_reason(&grid, b);
	}
	if (!info)
		json_object_foreach(open, name, b)
		{
			grid_add(&grid, name, GRID_PLAIN);
			grid_add(&grid, models_text(b, "status"), style_of(models_text(b, "status")));
			add_latency(&grid, b);
			grid_add(&grid, NULL, GRID_PLAIN);
		}
	buf_add_char(out, '\n');
	grid_print(&grid, out);
	grid_free(&grid);
}

static void print(const struct cmd_globals *g, const struct gateway *gateway, json_t *ready,
		  json_t *info)
{
	char name[GATEWAY_NAME_SIZE];
	struct buf out;

	if (g->json) {
		gateway_name(gateway, name);
		cmd_print_json_take(json_pack("{s:i,s:s,s:O,s:O*}", "schema_version", 1, "gateway",
					      name, "ready", ready, "info", info));
		return;
	}
	buf_init(&out, CMD_OUTPUT_MAX);
	print_head(g, gateway, ready, info, &out);
	print_backends(g, ready, info, &out);
	cmd_print(&out);
	buf_free(&out);
}

/* Draining and unavailable are not: what waits for a gateway waits on. */
static bool is_usable(const char *status)
{
	return !strcmp(status, "ready") || !strcmp(status, "degraded");
}

/* The built-in model is no stand-in for what the operator has configured, but it answers. */
static void explain(const struct cmd_globals *g, const json_t *info)
{
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(info, "models"), i, m)
		if (json_is_true(json_object_get(m, "available")) && !strcmp(models_text(m, "kind"), "chat")) {
			cmd_notice(g, "spass: no configured chat backend can be reached; "
				      "the built-in %s still answers", models_text(m, "alias"));
			return;
		}
	cmd_notice(g, "spass: no configured chat backend can be reached");
}

static int run(const void *options, int argc, char **argv, struct err *err)
{
	const struct cmd_globals *g = options;
	struct gateway *gateway = gateway_find(g, false, err);
	struct wire *wire = NULL;
	struct wire_target target;
	json_t *ready = NULL, *info = NULL;
	struct err no_info = ERR_INIT;
	int result = -1;

	(void)argc, (void)argv;
	if (!gateway)
		return -1;
	target = gateway_target(gateway, g);
	wire = wire_new(&target);
	/* It answers 503 when it is not ready: that is an answer, not an error. */
	ready = wire_get(wire, "/readyz", is_ready_answer, err);
	if (!ready)
		goto out;
	info = wire_get(wire, "/v1/info", models_is_info, &no_info);
	if (!info && no_info.code == E_cancelled) {
		*err = no_info;
		goto out;
	}
	if (!info) {
		gateway_explain(gateway, &no_info);
		cmd_notice(g, "spass: no details: %s: %s", err_info(no_info.code)->code,
			   no_info.message);
	}
	print(g, gateway, ready, info);
	result = is_usable(models_text(ready, "status")) ? 0 : EXIT_UNAVAILABLE;
	if (!strcmp(models_text(ready, "status"), "unavailable"))
		explain(g, info);
out:
	json_decref(ready);
	json_decref(info);
	wire_free(wire);
	gateway_close(gateway);
	return result;
}

static const struct cmd_example examples[] = {
	{ "spass status", "The gateway of this user." },
	{ "spass status --server https://llm.example.org --token-file ~/.llm-token",
	  "Another one." },
	{ "spass status --json | jq -r .ready.status", "For scripts." },
	{ NULL, NULL },
};

const struct cmd cmd_status = {
	.name = "status",
	.summary = "Show how a running gateway and its backends are",
	.flags = CMD_CLIENT | CMD_JSON | CMD_COLOR | CMD_VERBOSE,
	.text = "Exits with 0 when the gateway is ready or degraded, with 6 when none is running, "
		"it is draining, or chat backends are configured and none can be reached, though the "
		"built-in model still answers.  -v lists also the backends that are disabled or "
		"were never seen.",
	.examples = examples,
	.run = run,
};
