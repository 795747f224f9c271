/*
 * server/api/texts.h - what /v1/memory and /v1/system-prompts share: texts of one owner, which stand
 * in front of requests.  Internal to server/api.
 */
#ifndef SPASS_SERVER_TEXTS_H
#define SPASS_SERVER_TEXTS_H

#include <jansson.h>

#include "common/base/mem.h"
#include "common/store/system_prompt.h"
#include "server/api/call.h"

/* A text has at most 16 KiB, each byte of which may be escaped as six. */
enum { TEXTS_BODY_MAX = 100 * KIB };

/* What a handler hands to the database's thread. */
struct text_change {
	struct call *call;
	struct owner owner;
	const char *name; /* of a memory */
	enum prompt_layer layer;
	bool is_of_many;  /* a layer above the user's: others' requests change, too */
	struct span content;
	bool append, flag;
	const bool *enabled;
	json_t *items;    /* the answer */
};
typedef int text_work(struct db *db, void *change, struct err *err);

/* Of the caller's own texts. */
struct text_change text_change_of(struct call *c);
/* A route's answer, made on the database's thread: {"items":[...]}. */
void texts_list(struct exchange *x, struct call *c, text_work *work);
/* The one item that work adds. */
void texts_get(struct exchange *x, struct text_change *k, text_work *work);
/* The same once the body has been read into *k and work has changed what there is. */
void texts_put(struct exchange *x, struct text_change *k,
	       int (*read)(json_t *body, struct text_change *k, struct err *err), text_work *work);
/* 204. */
void texts_delete(struct exchange *x, struct text_change *k, text_work *work);

/* Text of a member: a string that is not longer than max; ptr NULL when absent. */
int texts_read(json_t *body, const char *key, const char *param, size_t max, struct span *text, struct err *err);
/* -1 with E_invalid_field when the body has a member that is neither of the two. */
int texts_refuse_others(json_t *body, const char *const keys[2], struct err *err);

#endif
