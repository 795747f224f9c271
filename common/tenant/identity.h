/*
 * common/tenant/identity.h - who asks.
 *
 * Tokens are found by their SHA-256 and compared in constant time.  Today there is one token of
 * role operator, tenant "default"; tokens.yaml will add rows to the same table.
 */
#ifndef SPASS_TENANT_IDENTITY_H
#define SPASS_TENANT_IDENTITY_H

#include "common/base/err.h"
#include "common/config/config.h"
#include "common/tenant/scope.h"

struct token {
	char id[65];
	char tenant[65];
	enum role role;
	uint64_t scopes;
	uint8_t digest[32];
};

struct identity {
	const struct token *token; /* NULL on public routes and with auth: false */
	const char *tenant_id;     /* "default" */
	const char *token_id;
	char user_id[129];         /* SPASS-User-Id or the token's id */
	char scope_id[129];
	enum role role;
	uint64_t scopes;
};

struct tokens;

/*
 * The token of c->token (SPASS_TOKEN, alias RUST_API_BEARER), else of the token file, which is
 * made (32 random bytes in hex, 0600) when it does not exist.  *made, *path: for the first
 * start's message (path: caller frees); both may be NULL.
 */
struct tokens *tokens_load(const struct config *c, bool *made, char **path, struct err *err);
void tokens_free(struct tokens *t);
/*
 * The token in a file, without the white space around it: 1..TOKEN_MAX printable characters
 * without blanks.  Warns when others may read the file.  The caller frees with mem_free_secret;
 * NULL with E_storage_error or E_invalid_config.
 */
enum { TOKEN_MAX = 512 };
char *token_read(const char *path, struct err *err);
/* The file that counts when c->token is empty; the caller frees.  NULL with E_invalid_config. */
char *token_path(const struct config *c, struct err *err);
/* The single token's text, for a command of the same user; borrowed.  Never logged. */
const char *tokens_secret(const struct tokens *t);
/*
 * authorization: the header's value (ptr NULL = absent).  0 and *found, or -1 with
 * E_missing_authorization or E_invalid_authorization.
 */
int tokens_find(const struct tokens *t, struct span authorization, const struct token **found, struct err *err);
/* [A-Za-z0-9._:@+-]{1,128}. */
bool identity_is_user_id(struct span s);

#endif
