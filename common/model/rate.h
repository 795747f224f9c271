/*
 * common/model/rate.h - euros for a US dollar, dated.  Any thread.
 */
#ifndef SPASS_MODEL_RATE_H
#define SPASS_MODEL_RATE_H

#include "common/base/err.h"
#include "common/model/money.h"

struct rate {
	int64_t eur; /* micro-EUR for one USD, > 0 */
	char date[11];       /* "2026-05-03" */
	bool is_ecb;         /* the European Central Bank's reference rate, else a given one */
};

/* The rate that is built in. */
extern const struct rate rate_default;

/* "0.8546 2026-05-03": euros for a dollar, and of which day.  Fails with E_invalid_config. */
int rate_read(struct span text, struct rate *rate, struct err *err);
/*
 * The ECB's daily reference rates
 * (https://www.ecb.europa.eu/stats/eurofxref/eurofxref-daily.xml): dollars for a euro, turned
 * round and rounded half up.  At most RATE_DOCUMENT_MAX bytes.  Fails with E_invalid_config.
 */
enum { RATE_DOCUMENT_MAX = 256 * 1024 };
int rate_read_ecb(struct span document, struct rate *rate, struct err *err);
/* "ecb-2026-05-03", "static-2026-05-03". */
enum { RATE_SOURCE_MAX = 20 };
const char *rate_source(const struct rate *rate, char out[RATE_SOURCE_MAX]);
/* Days between its date and now; below 0 for one to come. */
int64_t rate_age_days(const struct rate *rate, int64_t now_ms);

#endif
