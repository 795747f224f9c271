/*
 * tui/models.h - the models that a gateway offers for conversations.
 *
 * From GET /v1/info; of a server without that route, from GET /v1/models.  UI thread.
 */
#ifndef SPASS_TUI_MODELS_H
#define SPASS_TUI_MODELS_H

#include "tui/wire.h"

struct model_row {
	char *name;
	char *backend;        /* the first of its chain that can be reached, else the first; or "" */
	size_t behind;        /* how many of the chain come after that one */
	int64_t context;      /* tokens; 0 = not known */
	bool is_available;    /* could answer now, as far as the gateway knows */
};

struct models {
	struct model_row *rows;
	size_t count;
	char *preferred;  /* what answers when none is named; NULL: there is no model */
	bool is_complete; /* from a gateway that tells all; else there may be more */
};

/* A text within the documents of a gateway, "" when there is none.  Borrowed. */
const char *models_text(const json_t *object, const char *key);
/* Whether it is a GET /v1/info of a spass gateway: for wire_get. */
bool models_is_info(const json_t *root);
/* Whether that gateway refuses who names no user. */
bool models_needs_user(const json_t *info);
/*
 * 0, or -1 with err and an empty list.  Free with models_clear.  Where the gateway refuses who names no
 * user, w names one from now on.
 */
int models_read(struct wire *w, struct models *out, struct err *err);
void models_clear(struct models *m);
/* NULL when it is not in the list. */
const struct model_row *models_find(const struct models *m, const char *name);
/* Whether a request for it is worth a try. */
bool models_may_have(const struct models *m, const char *name);
/* The one that is meant by a wrong name, or NULL. */
const char *models_near(const struct models *m, const char *name);
/* Whether it is the built-in answerer, which is no language model. */
bool models_is_builtin(const char *name);

#endif
