/*
 * common/chat/offer.h - which models there are for whom: one that is not admitted is as if it were not there.
 *
 * Any thread.
 */
#ifndef SPASS_CHAT_OFFER_H
#define SPASS_CHAT_OFFER_H

#include "common/tenant/tenancy.h"
#include "common/upstream/routing.h"

struct offer {
	const struct routing *routing;
	const struct tenant *tenant; /* may be NULL */
	const struct token *token;   /* the same */
};
/* Whether the token may use it; a composite alias is of use only with a member that it may use. */
bool offer_admits(const struct offer *o, const struct model *m);
/* The model of that name; NULL with E_model_not_in_allowlist. */
const struct model *offer_find(const struct offer *o, struct span name, struct err *err);
/* That error, which names the nearest model of those that are admitted. */
int offer_lacks(const struct offer *o, struct span name, struct err *err);
/*
 * That none of the model's backends can be used, with what each lacks; waiting does not help, unless a
 * server is looked for.
 */
int offer_no_backend(const struct routing *routing, const struct model *m, enum err_code code, const char *param,
		     struct err *err);

#endif
