/*
 * common/model/exchange.h - which exchange rate counts, and keeping the fetched one fresh.
 *
 * The first of these that is set: exchange_rate, exchange_rate_file, exchange_rate_url (its list as
 * it was fetched last, in the data directory), else the rate that is built in.
 */
#ifndef SPASS_MODEL_EXCHANGE_H
#define SPASS_MODEL_EXCHANGE_H

#include "common/config/config.h"
#include "common/model/rate.h"

/*
 * Any thread; reads a small file.  Fails with E_invalid_config naming the setting; a fetched list
 * that is missing or broken is no failure, as it can be fetched again.
 */
int exchange_read(const struct config *c, struct rate *rate, struct err *err);
/*
 * Why the operator should look at the rate, which is used all the same: it is more than a week old,
 * or of a day to come.  "" when he need not.
 */
enum { EXCHANGE_WARNING_MAX = 200 };
const char *exchange_warning(const struct rate *rate, int64_t now_ms, char out[EXCHANGE_WARNING_MAX]);
/* Whether there is a list to fetch, and the one kept is missing or a day old.  Any thread. */
bool exchange_is_due(const struct config *c, int64_t now_ms);
/*
 * Fetches the list and keeps it.  Blocks for at most EXCHANGE_FETCH_MS, and ends soon once
 * *is_ending is set: for a job.  Fails with E_upstream_error, E_invalid_config, E_storage_error,
 * leaving what was kept as it was.
 */
enum { EXCHANGE_FETCH_MS = 30000 };
int exchange_fetch(const struct config *c, const _Atomic bool *is_ending, struct err *err);

#endif
