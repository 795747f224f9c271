/*
 * common/store/pseudonym.h - names that stand for users where they shall not be known.
 *
 * The same user of a tenant has the same name for as long as the key stays; without the key nobody
 * tells who it is, and users of two tenants cannot be matched.  Owner thread.
 */
#ifndef SPASS_STORE_PSEUDONYM_H
#define SPASS_STORE_PSEUDONYM_H

#include "common/base/err.h"

enum { PSEUDONYM_SIZE = 17 };

struct pseudonyms;

/* Reads the key, or makes it: 0600.  E_storage_error. */
struct pseudonyms *pseudonyms_open(const char *key_path, struct err *err);
void pseudonyms_free(struct pseudonyms *p);
/* 16 hexadecimal digits. */
void pseudonym_make(const struct pseudonyms *p, const char *tenant_id, const char *user_id,
		    char out[PSEUDONYM_SIZE]);

#endif
