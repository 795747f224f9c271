/*
 * common/upstream/credential.h - the key of a backend, from where the operator keeps it.
 *
 * From a variable of the environment, from a file, or ("credential:NAME") from the directory in
 * which systemd hands credentials to a service.  Keys are never logged and wiped when freed.
 */
#ifndef SPASS_UPSTREAM_CREDENTIAL_H
#define SPASS_UPSTREAM_CREDENTIAL_H

#include <stddef.h>

enum { CREDENTIAL_MAX = 4096, CREDENTIAL_WHY_MAX = 256 };

/* NULL when it is not set.  environment: as environ, or NULL. */
const char *environment_find(char *const *environment, const char *name);
/*
 * "Authorization: Bearer KEY\r\n" from file, or else from the variable.  White space around the
 * key is dropped.  NULL with a reason in why[CREDENTIAL_WHY_MAX] when there is no key, or it
 * holds what a header cannot carry.  Free with credential_free.
 */
char *credential_line(const char *variable, const char *file, char *const *environment, char *why);
void credential_free(char *line);
/* The key within a line made above; "" for "".  Borrowed; ends before the line's "\r\n". */
const char *credential_key(const char *line, size_t *len);

#endif
