/*
 * common/chat/roomy.c - see roomy.h.
 */
#include "common/chat/roomy.h"

#include <string.h>

#include "common/base/bytes.h"
#include "common/base/span.h"
#include "common/store/conversation.h"

static size_t row_of(struct span tenant, struct span user)
{
	return bytes_hash(bytes_hash(1, tenant.ptr, tenant.len), user.ptr, user.len) % ROOMY_OWNERS;
}

bool roomy_knows(const struct roomy *r, const struct conversation_owner *owner, int64_t now_ms)
{
	const struct span tenant = span_str(owner->tenant_id), user = span_str(owner->user_id);
	const struct roomy_owner *row = &r->rows[row_of(tenant, user)];

	return now_ms < row->until_ms && span_equal(span_of(row->tenant, row->tenant_len), tenant) &&
	       span_equal(span_of(row->user, row->user_len), user);
}

void roomy_note(struct roomy *r, const struct conversation_owner *owner, int64_t until_ms)
{
	const struct span tenant = span_str(owner->tenant_id), user = span_str(owner->user_id);
	struct roomy_owner *row = &r->rows[row_of(tenant, user)];

	if (tenant.len > ROOMY_NAME_MAX || user.len > ROOMY_NAME_MAX)
		return;
	row->until_ms = until_ms;
	row->tenant_len = (uint8_t)tenant.len;
	row->user_len = (uint8_t)user.len;
	if (tenant.len)
		memcpy(row->tenant, tenant.ptr, tenant.len);
	if (user.len)
		memcpy(row->user, user.ptr, user.len);
}
