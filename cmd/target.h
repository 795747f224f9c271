/*
 * cmd/target.h - the address of a gateway, from what --server and SPASS_SERVER say.
 */
#ifndef SPASS_CMD_TARGET_H
#define SPASS_CMD_TARGET_H

#include "common/base/err.h"

/* Where a gateway is: url without a slash at its end, over unix_path when that is not NULL. */
struct target {
	char *url;
	char *unix_path;
};

/*
 * "http://HOST:PORT", "https://...", "HOST:PORT", "unix:/PATH"; the API's own path at the end
 * ("/v1", "/v1/chat/completions") is dropped.  Free with target_clear.
 */
int target_parse(const char *text, struct target *out, struct err *err);
void target_clear(struct target *t);
/* Whether it is this machine: a Unix socket or a loopback address. */
bool target_is_local(const struct target *t);

#endif
