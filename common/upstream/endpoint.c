/* common/upstream/endpoint.c - see endpoint.h. */
#include "common/upstream/endpoint.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#include "common/base/mem.h"

enum { HOST_MAX = 253, PREFIX_MAX = 512 };

void endpoint_clear(struct endpoint *e)
{
	mem_free(e->host);
	mem_free(e->unix_path);
	mem_free(e->prefix);
	*e = (struct endpoint){ 0 };
}

static int refuse(struct err *err, const char *what)
{
	return err_set(err, E_invalid_config, "base_url", "base_url: %s", what);
}

static bool all_visible(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= 0x20 || s.ptr[i] >= 0x7f)
			return false;
	return true;
}

static int read_prefix(struct span s, struct endpoint *out, struct err *err)
{
	while (s.len > 0 && s.ptr[s.len - 1] == '/')
		s.len--;
	if (s.len > PREFIX_MAX || (s.len > 0 && s.ptr[0] != '/'))
		return refuse(err, "the path must start with / and be short");
	out->prefix = s.len ? mem_strndup(s.ptr, s.len) : mem_strdup("");
	return 0;
}

static int read_unix(struct span s, struct endpoint *out, struct err *err)
{
	ptrdiff_t colon = span_find(s, SPAN_LIT(":/"));
	struct span path = colon < 0 ? s : span_of(s.ptr, (size_t)colon);
	struct span prefix = colon < 0 ? SPAN_NONE : span_from(s, (size_t)colon + 1);

	if (path.len < 2 || path.ptr[0] != '/')
		return refuse(err, "unix: needs the absolute path of a socket");
	if (path.len >= sizeof((struct sockaddr_un *)NULL)->sun_path)
		return refuse(err, "the path of the socket is too long");
	out->unix_path = mem_strndup(path.ptr, path.len);
	out->host = mem_strdup("localhost");
	out->port = 80;
	return read_prefix(prefix, out, err);
}

static int read_name(struct span s, struct endpoint *out, struct err *err)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";

	if (s.len == 0 || s.len > HOST_MAX)
		return refuse(err, "has no host");
	for (size_t i = 0; i < s.len; i++)
		if (!memchr(allowed, s.ptr[i], sizeof allowed - 1))
			return refuse(err, "the host is neither a name nor an address");
	out->host = mem_strndup(s.ptr, s.len);
	return 0;
}

/* "[::1]"; returns the bytes used or 0. */
static size_t read_ipv6(struct span s, struct endpoint *out)
{
	const char *end = memchr(s.ptr, ']', s.len);
	struct in6_addr address;

	if (!end)
		return 0;
	char *host = mem_strndup(s.ptr + 1, (size_t)(end - s.ptr) - 1);
	if (inet_pton(AF_INET6, host, &address) != 1) {
		mem_free(host);
		return 0;
	}
	out->host = host;
	return (size_t)(end - s.ptr) + 1;
}

static int read_authority(struct span s, struct endpoint *out, struct err *err)
{
	struct span port;
	int64_t number = out->tls ? 443 : 80;

	if (s.len > 0 && memchr(s.ptr, '@', s.len))
		return refuse(err, "must not hold credentials; use key_env or key_file");
	if (s.len > 0 && s.ptr[0] == '[') {
		size_t used = read_ipv6(s, out);

		if (used == 0)
			return refuse(err, "is not an IPv6 address in brackets");
		port = span_from(s, used);
		if (port.len > 0 && port.ptr[0] != ':')
			return refuse(err, "only a port may follow the address");
	} else {
		const char *colon = s.len ? memchr(s.ptr, ':', s.len) : NULL;
		size_t len = colon ? (size_t)(colon - s.ptr) : s.len;

		if (read_name(span_of(s.ptr, len), out, err) < 0)
			return -1;
		port = span_from(s, len);
	}
	if (port.len > 0 && span_to_int(span_from(port, 1), 1, 65535, &number) < 0)
		return refuse(err, "the port must be a number from 1 to 65535");
	out->port = (int)number;
	return 0;
}

static int parse(const char *url, struct endpoint *out, struct err *err)
{
	struct span s = span_str(url);

	if (!all_visible(s))
		return refuse(err, "must be printable ASCII without spaces");
	if (strpbrk(url, "?#"))
		return refuse(err, "must not hold a query or a fragment");
	if (span_starts(s, "unix:"))
		return read_unix(span_from(s, 5), out, err);
	out->tls = strncasecmp(url, "https://", 8) == 0;
	if (!out->tls && strncasecmp(url, "http://", 7) != 0)
		return refuse(err, "must start with http://, https:// or unix:");
	s = span_from(s, out->tls ? 8 : 7);
	const char *slash = s.len ? memchr(s.ptr, '/', s.len) : NULL;
	size_t len = slash ? (size_t)(slash - s.ptr) : s.len;
	if (read_authority(span_of(s.ptr, len), out, err) < 0)
		return -1;
	return read_prefix(span_from(s, len), out, err);
}

int endpoint_parse(const char *url, struct endpoint *out, struct err *err)
{
	*out = (struct endpoint){ 0 };
	if (parse(url, out, err) == 0)
		return 0;
	endpoint_clear(out);
	return -1;
}

bool endpoint_is_loopback(const struct endpoint *e)
{
	struct in_addr address;

	if (e->unix_path || strcasecmp(e->host, "localhost") == 0 || strcmp(e->host, "::1") == 0)
		return true;
	return inet_pton(AF_INET, e->host, &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

bool endpoint_belongs_to(const struct endpoint *e, const char *provider_url)
{
	struct endpoint own;
	struct err err = ERR_INIT;

	if (!provider_url || e->unix_path || !e->host || endpoint_parse(provider_url, &own, &err) < 0)
		return false;
	size_t len = strlen(e->host), own_len = own.host ? strlen(own.host) : 0;
	bool same = own.host && e->tls == own.tls && len >= own_len &&
		    strcasecmp(e->host + (len - own_len), own.host) == 0 &&
		    (len == own_len || e->host[len - own_len - 1] == '.');

	endpoint_clear(&own);
	return same;
}
