/*
 * common/store/pseudonym.c - HMAC-SHA256 of tenant and user, shortened.
 */
#include "common/store/pseudonym.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/ident.h"
#include "common/base/mem.h"

enum { KEY_LEN = 43, KEY_MAX = 4096, NAMES_MAX = 4096 }; /* 43 of 62 characters: 256 bits */

struct pseudonyms {
	char *key;
};

/* Another process may be faster: then its key is the one. */
static int make_key(const char *path, struct err *err)
{
	char *temporary = file_beside(path), key[KEY_LEN + 1];
	int result;

	ident_token(key, sizeof key, "", KEY_LEN);
	result = file_write(temporary, span_str(key), err);
	if (result == 0 && file_settle(temporary, path, false, err) < 0) {
		unlink(temporary);
		result = file_exists(path) ? 0 : -1;
	}
	mem_free(temporary);
	memset(key, 0, sizeof key);
	return result;
}

struct pseudonyms *pseudonyms_open(const char *key_path, struct err *err)
{
	struct pseudonyms *p;
	struct buf text;
	struct span key;

	if (!file_exists(key_path) && make_key(key_path, err) < 0)
		return NULL;
	buf_init(&text, KEY_MAX);
	if (file_read(key_path, &text, err) < 0) {
		buf_free(&text);
		return NULL;
	}
	/* Whoever restores it by an editor leaves a newline. */
	for (key = span_trim(buf_span(&text)); key.len && key.ptr[key.len - 1] == '\n';)
		key = span_trim(span_of(key.ptr, key.len - 1));
	if (key.len < KEY_LEN / 2) {
		err_set(err, E_storage_error, "",
			"%s holds no key; restore it, or remove it for new pseudonyms", key_path);
		buf_free(&text);
		return NULL;
	}
	p = mem_new(struct pseudonyms);
	p->key = mem_strndup(key.ptr, key.len);
	buf_free(&text);
	return p;
}

void pseudonyms_free(struct pseudonyms *p)
{
	if (!p)
		return;
	mem_free_secret(p->key, strlen(p->key));
	mem_free(p);
}

void pseudonym_make(const struct pseudonyms *p, const char *tenant_id, const char *user_id,
		    char out[PSEUDONYM_SIZE])
{
	uint8_t digest[DIGEST_SIZE];
	struct buf names;

	/* A NUL is in neither, so no two pairs are the same bytes. */
	buf_init(&names, NAMES_MAX);
	buf_add(&names, tenant_id, strlen(tenant_id) + 1);
	buf_add_str(&names, user_id);
	digest_hmac_sha256(span_str(p->key), buf_span(&names), digest);
	digest_hex(digest, (PSEUDONYM_SIZE - 1) / 2, out);
	buf_free(&names);
}
