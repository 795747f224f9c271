/* cmd/target.c - addresses of gateways, as users write them. */
#include "cmd/target.h"

#include "common/base/mem.h"
#include "common/base/span.h"

#include <string.h>
#include <strings.h>

static bool starts_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static int bad_target(const char *text, const char *why, struct err *err)
{
	return err_set(err, E_usage, "server", "\"%.200s\" %s", text, why);
}

/* Other clients want the address with the API's path; that one is pasted here too. */
static struct span without_api(struct span place)
{
	static const char *const endings[] = { "/", "/v1/chat/completions", "/v1/models", "/v1/info",
					       "/v1", "/" };

	for (size_t i = 0; i < ARRAY_LEN(endings); i++)
		while (span_ends(place, endings[i]))
			place.len -= strlen(endings[i]);
	return place;
}

int target_parse(const char *text, struct target *out, struct err *err)
{
	const char *mark = strstr(text, "://");
	struct span place;

	*out = (struct target){ .url = NULL };
	if (starts_with(text, "unix:")) {
		if (text[5] != '/')
			return bad_target(text, "needs an absolute path after unix:", err);
		out->unix_path = mem_strdup(text + 5);
		out->url = mem_strdup("http://localhost");
		return 0;
	}
	if (mark && !starts_with(text, "http://") && !starts_with(text, "https://"))
		return bad_target(text, "is not http://, https:// or unix:", err);
	place = without_api(span_str(mark ? mark + 3 : text));
	if (!place.len || strpbrk(text, " \t\r\n?#"))
		return bad_target(text, "is not an address of a gateway", err);
	/* A key or a password in an address ends up in histories and logs. */
	if (strchr(text, '@'))
		return bad_target("...@...",
				  "must not contain credentials; use --token-file or SPASS_TOKEN",
				  err);
	out->url = mem_printf("%.*s%.*s", mark ? (int)(mark + 3 - text) : 7, mark ? text : "http://",
			      SPAN_ARGS(place));
	return 0;
}

void target_clear(struct target *t)
{
	mem_free(t->url);
	mem_free(t->unix_path);
	*t = (struct target){ .url = NULL };
}

bool target_is_local(const struct target *t)
{
	static const char *const hosts[] = { "localhost", "127.", "[::1]" };
	const char *host = strstr(t->url, "://");

	if (t->unix_path || !host)
		return t->unix_path != NULL;
	host += 3;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t len = strlen(hosts[i]);

		if (strncasecmp(host, hosts[i], len) != 0)
			continue;
		/* 127.0.0.1.example.org is not: digits and dots only up to the port or path. */
		if (hosts[i][len - 1] == '.')
			len += strspn(host + len, "0123456789.");
		if (!host[len] || host[len] == ':' || host[len] == '/')
			return true;
	}
	return false;
}
