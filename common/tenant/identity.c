/*
 * common/tenant/identity.c - from the Authorization header to a token.
 */
#include "common/tenant/identity.h"

#include <string.h>

#include "common/tenant/secret.h"

static int refuse(struct err *err, const char *why)
{
	return err_set(err, E_invalid_authorization, "headers.authorization", "%s", why);
}

static int read_bearer(struct span authorization, struct span *secret, struct err *err)
{
	static const struct span usual = SPAN_INIT("Bearer ");
	struct span rest = authorization, scheme;

	if (rest.len > usual.len && memcmp(rest.ptr, usual.ptr, usual.len) == 0) {
		*secret = span_from(rest, usual.len);
		if (secret_is_valid(*secret))
			return 0;
	}
	rest = span_trim(rest);
	if (!rest.len)
		return err_set(err, E_missing_authorization, "headers.authorization",
			       "the request has no Authorization header");
	scheme = span_cut(&rest, ' ');
	if (!span_is_nocase(scheme, "Bearer"))
		return refuse(err, "the scheme of Authorization is not Bearer");
	*secret = span_trim(rest);
	if (!secret->len)
		return refuse(err, "no token follows Bearer");
	if (!secret_is_valid(*secret))
		return refuse(err, "the bearer token is malformed");
	return 0;
}

int identity_find(const struct tenancy *t, const struct keyring *k, struct span authorization,
		  int64_t now_ms, const struct token **found, struct err *err)
{
	uint8_t digest[DIGEST_SIZE];
	const struct token *token;
	struct span secret = SPAN_NONE;

	if (read_bearer(authorization, &secret, err) < 0)
		return -1;
	token = tenancy_token_of(t, secret, digest);
	if (!token && k)
		token = keyring_find(k, digest);
	if (!token)
		return refuse(err, "the bearer token is not known");
	if (token->revoked_ms)
		return refuse(err, "the bearer token was revoked");
	if (token->expires_ms && token->expires_ms <= now_ms)
		return refuse(err, "the bearer token has expired");
	*found = token;
	return 0;
}

bool identity_is_user_id(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("._:@+-", c)))
			return false;
	}
	return s.len > 0 && s.len <= 128;
}
