/*
 * common/chat/absent_models.h - models that the settings or the tokens file name and that are not there.
 *
 * A budget of a misspelt model caps nothing, a blacklist with one lets it pass, an allowlist with
 * one keeps it out, a default_model gives way: none of it shows before the bill does.  It is no
 * fault, as models come and go with the servers that have them.  Any thread.
 */
#ifndef SPASS_CHAT_ABSENT_MODELS_H
#define SPASS_CHAT_ABSENT_MODELS_H

#include "common/base/buf.h"
#include "common/tenant/tenancy.h"
#include "common/upstream/routing.h"

/*
 * Adds a line for each: "tenant acme: budgets: there is no model \"huose\" now; did you mean
 * house?", "spass.yaml:7: default_model: there is ...".  misspelt: only those that are near to one
 * there is, for the time before the first look at the servers.
 */
void absent_models(const struct config *c, const struct tenancy *t, const struct routing *r, bool misspelt,
		   struct buf *out);

#endif
