/*
 * common/chat/open_calls.h - the calls of a conversation's last answer that wait for a result.
 *
 * A buffer of their ids, as they stand in JSON, a line each.
 */
#ifndef SPASS_CHAT_OPEN_CALLS_H
#define SPASS_CHAT_OPEN_CALLS_H

#include "common/chat/conversation_request.h"

/* One message of the history after the other. */
void open_calls_follow(struct buf *calls, const struct message_row *m);
/*
 * The first results of news are results: each must answer a call, else E_invalid_field.  Calls that get
 * none are answered, behind them, that they got none.
 */
int open_calls_answer(struct buf *calls, struct new_messages *news, size_t results, struct err *err);

#endif
