/*
 * common/tenant/secret.h - the gateway's own token: from the configuration, or a file of its own.
 */
#ifndef SPASS_TENANT_SECRET_H
#define SPASS_TENANT_SECRET_H

#include "common/config/config.h"

enum { TOKEN_MAX = 512 };
/* What may stand in a header after the scheme: 1..TOKEN_MAX visible characters of ASCII. */
bool secret_is_valid(struct span s);
/*
 * The token of c->token (SPASS_TOKEN, alias RUST_API_BEARER), else of the token file, which is
 * made (32 random bytes in hex, 0600) when it does not exist.  *made, *path: for the first
 * start's message (path: caller frees); both may be NULL.  The caller frees with mem_free_secret.
 */
char *secret_load(const struct config *c, bool *made, char **path, struct err *err);
/*
 * The token in a file, without the white space around it.  Warns when others may read the file.
 * The caller frees with mem_free_secret; NULL with E_storage_error or E_invalid_config.
 */
char *token_read(const char *path, struct err *err);
/* The file that counts when c->token is empty; the caller frees.  NULL with E_invalid_config. */
char *token_path(const struct config *c, struct err *err);

#endif
