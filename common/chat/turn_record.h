/*
 * common/chat/turn_record.h - what is kept and counted of a turn that is over.
 *
 * Owner thread.
 */
#ifndef SPASS_CHAT_TURN_RECORD_H
#define SPASS_CHAT_TURN_RECORD_H

#include "common/chat/spend.h"

/* The record's members that the turn knows; source is room for one of them, as long as r is used.
 */
void turn_record(struct record *r, const struct turn *t, const struct spend *s,
		 char source[RATE_SOURCE_MAX]);
/* Tokens, money and the time to the first event; nothing for one that asked no backend. */
void turn_count(struct metrics_shard *shard, const struct turn *t, const char *tenant_id,
		int64_t started_us);

#endif
