/* common/config/config_check.c - what one row alone cannot tell. */
#include "common/config/config_parts.h"

#include "common/base/mem.h"

#include <errno.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

/* NULL when it is HOST:PORT, [V6]:PORT, :PORT or unix:/PATH, else what is wrong with it. */
static const char *address_fault(struct span address)
{
	static const char form[] = "is not HOST:PORT, :PORT or unix:PATH";
	struct span port;
	int64_t number;
	size_t colon;

	if (span_starts(address, "http://") || span_starts(address, "https://"))
		return "is a URL; write HOST:PORT";
	if (span_starts(address, "unix:")) {
		struct span path = span_from(address, 5);

		if (path.len >= sizeof(((struct sockaddr_un *)0)->sun_path))
			return "has a path too long for a Unix socket (107 bytes)";
		return path.len && path.ptr[0] == '/' ? NULL : "needs an absolute path after unix:";
	}
	for (colon = address.len; colon > 0 && address.ptr[colon - 1] != ':'; colon--)
		;
	if (colon == 0)
		return span_to_int(address, 0, 65535, &number) == 0
			       ? "is a port alone; write :PORT for every address of this host, or HOST:PORT"
			       : form;
	port = span_from(address, colon);
	if (span_to_int(port, 0, 65535, &number) < 0)
		return "has no port from 0 to 65535";
	struct span host = span_of(address.ptr, colon - 1);
	bool bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';

	for (size_t i = 0; i < host.len; i++)
		if (strchr(" \t/@?#", host.ptr[i]) || (host.ptr[i] == ':' && !bracketed))
			return host.ptr[i] == ':' ? "has an IPv6 address without brackets" : form;
	return NULL;
}

const char *config_place(const struct config *c, enum config_key key, char out[CONFIG_WHERE_MAX])
{
	const struct config_info *info = &config_table[key];

	switch (c->origins[key]) {
	case CONFIG_FILE: {
		const json_t *root = yml_root(c->file);

		config_where(c->file, json_object_get(root, info->name), root, out);
		return out;
	}
	case CONFIG_ENVIRONMENT:
		config_environment_name(info, out);
		return out;
	case CONFIG_FLAG:
		return "command line";
	case CONFIG_DEFAULT:
		break;
	}
	return "default";
}

/* What nobody can read is then as if not given, so that it is told once. */
static void check_readable(struct config *c, enum config_key key,
			   struct config_faults *faults)
{
	const struct config_info *info = &config_table[key];
	const char *path = *(char *const *)config_field(c, info);
	char where[CONFIG_WHERE_MAX];

	if (!*path || access(path, R_OK) == 0)
		return;
	config_fault(faults, config_place(c, key, where), info->name, "cannot read %s: %s", path,
		     err_errno(errno));
	config_set(c, info, span_str(""), CONFIG_DEFAULT, NULL);
}

/*
 * As browsers send it, and it is compared: "https://example.com", "http://localhost:5173",
 * "null", with no path and in small letters; or "*".
 */
static bool is_origin(const char *text)
{
	const char *host = strstr(text, "://");

	if (!host)
		return strcmp(text, "*") == 0 || strcmp(text, "null") == 0;
	host += strlen("://");
	return host[0] && !strpbrk(host, "/?#@* ") &&
	       !strpbrk(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

/* "org=pandoc -t markdown $1" */
static bool is_loader(const char *text)
{
	const char *equals = strchr(text, '=');

	return equals && equals > text && equals[1] && !memchr(text, '.', (size_t)(equals - text));
}

void config_check(struct config *c, struct config_faults *faults)
{
	char where[CONFIG_WHERE_MAX];
	bool told = faults->count > 0; /* perhaps the other one of a pair */

	for (size_t i = 0; i < c->rag_loaders.count; i++)
		if (!is_loader(c->rag_loaders.items[i]))
			config_fault(faults, config_place(c, CONFIG_KEY_rag_loaders, where), "rag_loaders",
				     "\"%.80s\" is not EXTENSION=COMMAND, as in org=pandoc -t markdown $1",
				     c->rag_loaders.items[i]);

	for (size_t i = 0; i < c->cors_origins.count; i++)
		if (!is_origin(c->cors_origins.items[i]))
			config_fault(faults, config_place(c, CONFIG_KEY_cors_origins, where), "cors_origins",
				     "\"%.80s\" is not an origin, as in https://example.com:8443, or *",
				     c->cors_origins.items[i]);

	for (size_t i = 0; i < c->listen.count; i++) {
		const char *fault = address_fault(span_str(c->listen.items[i]));

		if (fault)
			config_fault(faults, config_place(c, CONFIG_KEY_listen, where), "listen",
				     "\"%s\" %s", c->listen.items[i], fault);
	}
	if (!told && *c->tls_certificate && !*c->tls_key)
		config_fault(faults, config_place(c, CONFIG_KEY_tls_certificate, where),
			     "tls_certificate", "needs tls_key too");
	if (!told && *c->tls_key && !*c->tls_certificate)
		config_fault(faults, config_place(c, CONFIG_KEY_tls_key, where), "tls_key",
			     "needs tls_certificate too");
	check_readable(c, CONFIG_KEY_tls_certificate, faults);
	check_readable(c, CONFIG_KEY_tls_key, faults);
	check_readable(c, CONFIG_KEY_tokens_file, faults);
	check_readable(c, CONFIG_KEY_catalog_file, faults);
	check_readable(c, CONFIG_KEY_prices_file, faults);
	check_readable(c, CONFIG_KEY_exchange_rate_file, faults);
}
