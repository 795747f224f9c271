/*
 * common/tenant/keyring.h - the keys that are made at run time, as all workers know them.
 *
 * A keyring is immutable and counted; a change makes another, which shares all but the changed
 * part with the one before, so that it costs the same with ten keys and with 50,000.  Any thread.
 * A key whose secret was replaced is found under the old secret, too, until its time is over.
 */
#ifndef SPASS_TENANT_KEYRING_H
#define SPASS_TENANT_KEYRING_H

#include "common/store/tenant_key.h"
#include "common/tenant/tenancy.h"

struct keyring;

/* Without a key. */
struct keyring *keyring_new(void);
struct keyring *keyring_ref(struct keyring *k);
/* k may be NULL. */
void keyring_unref(struct keyring *k);
/*
 * Puts the row in while nobody else sees k.  One that is older than what is there changes
 * nothing.  E_storage_error when the row makes no sense.
 */
int keyring_load(struct keyring *k, const struct tenant_key *row, struct err *err);
/* Another, with the row as it is now. */
struct keyring *keyring_with(struct keyring *k, const struct tenant_key *row, struct err *err);
/* Whether k knows the row, as it is or as it has become since. */
bool keyring_has(const struct keyring *k, const struct tenant_key *row);
/* By the SHA-256 of what was sent; NULL.  Also one that has expired or was revoked. */
const struct token *keyring_find(const struct keyring *k, const uint8_t digest[DIGEST_SIZE]);

#endif
