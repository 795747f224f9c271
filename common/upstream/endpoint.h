/*
 * common/upstream/endpoint.h - where a backend is, read from its base URL.
 *
 *	http://127.0.0.1:8000/v1    https://api.example.com/v1    http://[::1]:8080
 *	unix:/run/vllm.sock:/v1     a Unix socket, and the path prefix after the second colon
 *
 * Credentials, a query or a fragment in the URL are refused.  Pure; any thread.
 */
#ifndef SPASS_UPSTREAM_ENDPOINT_H
#define SPASS_UPSTREAM_ENDPOINT_H

#include "common/base/err.h"

struct endpoint {
	bool tls;
	char *host; /* IPv6 without brackets; "localhost" for a Unix socket */
	int port;
	char *unix_path; /* or NULL */
	char *prefix;    /* "/v1"; "" = none; never ends in a slash */
};

/* Fails with E_invalid_config; the message never repeats the URL.  Free with endpoint_clear. */
int endpoint_parse(const char *url, struct endpoint *out, struct err *err);
void endpoint_clear(struct endpoint *e);
bool endpoint_is_loopback(const struct endpoint *e);
/* Whether e is the host of provider_url, or a subdomain of it, by the same scheme. */
bool endpoint_belongs_to(const struct endpoint *e, const char *provider_url);

#endif
