/*
 * common/chat/news.h - keys, settings, memories and system prompts that another process has
 * changed in the database.
 *
 * What this process changes itself is published by whoever changes it.  What others on the same
 * database do, a command that works on it directly or a second gateway, is looked for by its
 * number, off the requests' path.
 */
#ifndef SPASS_CHAT_NEWS_H
#define SPASS_CHAT_NEWS_H

#include "common/chat/core.h"

enum { NEWS_LOOK_MS = 500 };

/*
 * Publishes what was changed since the last time, or since core_new.  On a fiber the loop runs
 * meanwhile.  One at a time.  0, or -1 with E_storage_error or E_overloaded: what was not published
 * will be by the next.
 */
int news_take(struct core *c, struct err *err);

#endif
