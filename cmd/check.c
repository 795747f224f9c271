/* cmd/check.c - reads what the gateway would read, and tells what came of it. */
#include "cmd/check.h"

#include "cmd/grid.h"
#include "common/base/clock.h"
#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"
#include "common/base/near.h"
#include "common/chat/absent_models.h"
#include "common/model/exchange.h"
#include "common/tenant/secret.h"
#include "common/tenant/tenancy.h"
#include "common/upstream/info.h"
#include "common/upstream/routing.h"
#include "server/server.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Where the token would come from; NULL on failure.  The caller frees. */
static char *token_source(const struct config *c, struct err *err)
{
	char *path, *secret, *source = NULL;

	if (!c->auth)
		return mem_strdup("none needed (auth: false)");
	if (*c->token)
		return mem_printf("given by the %s",
				  config_origin_name(c->origins[CONFIG_KEY_token]));
	path = token_path(c, err);
	if (!path)
		return NULL;
	if (file_is_absent(path))
		source = mem_printf("%s (made by the first start)", path);
	else if ((secret = token_read(path, err)) != NULL) {
		mem_free_secret(secret, strlen(secret));
		source = mem_strdup(path);
	}
	mem_free(path);
	return source;
}

/*
 * Whether a start could make the database with the directories above it, or write the one that is
 * there: asked of what there is of the path.
 */
static int check_database(const struct config *c, const char *database, struct err *err)
{
	const enum config_key key = *c->database ? CONFIG_KEY_database : CONFIG_KEY_data_dir;
	char where[CONFIG_WHERE_MAX], *path = mem_printf("%s%s", *database == '/' ? "" : "./", database), *slash;
	int fault;

	while (access(path, F_OK) < 0 && errno == ENOENT && (slash = strrchr(path, '/')) && path[1])
		slash[slash == path] = '\0'; /* of "/name" the root stays */
	fault = access(path, W_OK) < 0 ? errno : file_is_directory(database) ? EISDIR : 0;
	if (fault)
		err_set(err, E_invalid_config, config_table[key].name, "%s: %s: %s cannot be written: %s",
			config_place(c, key, where), config_table[key].name, path, err_errno(fault));
	mem_free(path);
	return fault ? -1 : 0;
}

static json_t *backends_json(const struct routing *r)
{
	json_t *all = json_array();

	for (size_t i = 0; i < routing_backend_count(r); i++) {
		const struct backend *b = routing_backend(r, i);
		json_t *one =
			json_pack("{s:s,s:s,s:s}", "name", b->name, "provider", b->provider->name, "base_url",
				  b->base_url);

		if (b->disabled_why)
			json_object_set_new(one, "disabled", json_string(b->disabled_why));
		json_array_append_new(all, one);
	}
	return all;
}

static json_t *listen_json(const struct config *c)
{
	json_t *all = json_array();

	for (size_t i = 0; i < c->listen.count; i++)
		json_array_append_new(all, cmd_json_text(c->listen.items[i]));
	return all;
}

static size_t count_listed(const struct routing *r)
{
	const struct catalog *models = routing_catalog(r);
	size_t count = 0;

	for (size_t i = 0; i < catalog_count(models); i++)
		count += info_is_listed(r, catalog_at(models, i));
	return count;
}

/* Of a backend that is off for its key: the reason does not name the file, as clients are told it too. */
static const char *lacking_file(const struct config *c, const struct backend *b)
{
	for (size_t i = 0; b->lacks_key && i < c->backend_count; i++)
		if (c->backends[i].key_file && strcmp(c->backends[i].name, b->name) == 0)
			return c->backends[i].key_file;
	return NULL;
}

static void print_backends(const struct config *c, const struct routing *r, struct grid *grid)
{
	for (size_t i = 0; i < routing_backend_count(r); i++) {
		const struct backend *b = routing_backend(r, i);
		const char *file = lacking_file(c, b);

		grid_addf(grid, GRID_PLAIN, "backend %s", b->name);
		grid_addf(grid, b->disabled_why ? GRID_DIM : GRID_PLAIN, "%s%s%s%s%s%s%s%s", b->provider->title,
			  *b->base_url ? " at " : "", b->base_url, b->disabled_why ? ", off: " : "",
			  b->disabled_why ? b->disabled_why : "", file ? " (" : "", file ? file : "", file ? ")" : "");
	}
}

static void print_text(const struct cmd_globals *g, const struct config *c, const struct routing *r,
		       const struct tenancy *t, const char *token, const char *database)
{
	struct grid grid;

	grid_init(&grid, 2, cmd_color(g, stdout));
	grid_add(&grid, "configuration", GRID_PLAIN);
	grid_add(&grid, c->path ? c->path : "no file", GRID_PLAIN);
	for (size_t i = 0; i < c->listen.count; i++) {
		grid_add(&grid, "listen", GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%s%s", c->listen.items[i],
			  *c->tls_certificate && strncmp(c->listen.items[i], "unix:", 5) != 0
				  ? " (TLS)"
				  : "");
	}
	grid_add(&grid, "token", GRID_PLAIN);
	grid_add(&grid, token, GRID_PLAIN);
	if (tenancy_path(t)) {
		grid_add(&grid, "tenants", GRID_PLAIN);
		grid_addf(&grid, GRID_PLAIN, "%zu, with %zu tokens, of %s", tenancy_count(t),
			  tenancy_token_count(t), tenancy_path(t));
	}
	grid_add(&grid, "database", GRID_PLAIN);
	grid_add(&grid, database, GRID_PLAIN);
	grid_add(&grid, "models", GRID_PLAIN);
	grid_addf(&grid, GRID_PLAIN, "%zu in the catalogue, %zu with a backend",
		  catalog_count(routing_catalog(r)), count_listed(r));
	print_backends(c, r, &grid);
	grid_show(&grid);
}

struct checked {
	struct config *config;
	struct routing *routing;
	struct tenancy *tenancy;
	struct rate rate;
	char *token, *database;
};

/* Goes on after a fault: what does not depend on it is looked at too. */
static void read_all(struct checked *k, const struct cmd_globals *g, struct err *all)
{
	struct err one = ERR_INIT;
	bool faulty;

	k->config = cmd_config_draft(g, &faulty, all);
	if (!k->config)
		return;
	if (*k->config->tls_certificate && *k->config->tls_key &&
	    server_check_tls(k->config, &one) < 0)
		err_gather(all, &one);
	err_clear(&one);
	(void)exchange_read(k->config, &k->rate, &one);
	err_gather(all, &one);
	err_clear(&one);
	k->routing = routing_new(k->config, environ, NULL, &one);
	err_gather(all, &one);
	err_clear(&one);
	k->tenancy = tenancy_new(k->config, environ, &one);
	err_gather(all, &one);
	err_clear(&one);
	k->token = token_source(k->config, &one);
	err_gather(all, &one);
	err_clear(&one);
	k->database = config_database_path(k->config, &one);
	if (k->database)
		(void)check_database(k->config, k->database, &one);
	err_gather(all, &one);
}

/* No faults: models may come with a server that has them, the rate is used as it is. */
static void warn(const struct checked *k)
{
	char rate[EXCHANGE_WARNING_MAX];
	struct span rest;
	struct buf lines;

	if (routing_has_prices(k->routing) && *exchange_warning(&k->rate, clock_wall_ms(), rate))
		log_warn("exchange", "%s", rate);
	buf_init(&lines, CMD_OUTPUT_MAX);
	absent_models(k->config, k->tenancy, k->routing, false, &lines);
	for (rest = buf_span(&lines); rest.len > 0;) {
		struct span line = span_cut(&rest, '\n');

		log_warn("tenant", "%.*s", SPAN_ARGS(line));
	}
	buf_free(&lines);
}

static void print_json(const struct checked *k)
{
	const struct config *c = k->config;
	const struct routing *r = k->routing;
	const struct tenancy *t = k->tenancy;

	cmd_print_json_take(json_pack(
		"{s:i,s:o*,s:o,s:o,s:o*,s:i,s:i,s:o,s:i,s:i,s:o}", "schema_version", 1, "file",
		cmd_json_text(c->path), "listen", listen_json(c), "token", cmd_json_text(k->token), "tokens_file",
		cmd_json_text(tenancy_path(t)), "tenants", (int)tenancy_count(t), "tokens",
		(int)tenancy_token_count(t), "database", cmd_json_text(k->database), "models",
		(int)catalog_count(routing_catalog(r)), "models_with_backend", (int)count_listed(r), "backends",
		backends_json(r)));
}

/* Whether a setting, a setting of tenants or a command reads SPASS_NAME. */
static bool is_read(struct span name)
{
	static const char *const of_commands[] = { "server", "user", "model", "config", "ca_file", "editor" };

	for (size_t i = 0; i < ARRAY_LEN(of_commands); i++)
		if (span_is(name, of_commands[i]))
			return true;
	return config_find(name) || setting_find(name);
}

static void check_variable(struct span name)
{
	char lower[CONFIG_ENVIRONMENT_SIZE], meant[CONFIG_ENVIRONMENT_SIZE];
	struct near near;

	if (name.len >= sizeof lower)
		return;
	for (size_t i = 0; i < name.len; i++)
		lower[i] = (char)tolower((unsigned char)name.ptr[i]);
	if (is_read(span_of(lower, name.len)))
		return;
	near_init(&near, span_of(lower, name.len));
	for (size_t i = 0; i < CONFIG_KEY_COUNT; i++)
		near_offer(&near, config_table[i].name);
	if (!near_best(&near))
		return;
	config_environment_name(config_find(span_str(near_best(&near))), meant);
	log_warn("config", "the variable SPASS_%.*s is read by nothing; did you mean %s?", SPAN_ARGS(name), meant);
}

void check_variables(char *const *environment)
{
	static const struct span prefix = SPAN_INIT("SPASS_");

	for (; environment && *environment; environment++) {
		struct span rest = span_str(*environment), name = span_cut(&rest, '=');

		if (span_starts(name, prefix.ptr))
			check_variable(span_from(name, prefix.len));
	}
}

int check_config(const struct cmd_globals *g, struct err *err)
{
	struct checked k = { .config = NULL };
	struct err all = ERR_INIT;

	check_variables(environ);
	read_all(&k, g, &all);
	if (all.code == E_none)
		warn(&k);
	if (all.code != E_none)
		*err = all;
	else if (g->json)
		print_json(&k);
	else
		print_text(g, k.config, k.routing, k.tenancy, k.token, k.database);
	mem_free(k.token);
	mem_free(k.database);
	tenancy_free(k.tenancy);
	routing_free(k.routing);
	config_free(k.config);
	return all.code == E_none ? 0 : -1;
}
