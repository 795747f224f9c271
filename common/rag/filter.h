/*
 * common/rag/filter.h - which documents a search may find, as JSON and as a condition of SQL.
 *
 *	{"year": {"$gte": 2020, "$lt": 2024}, "lang": "de",
 *	 "$or": [{"team": {"$in": ["a", "b"]}}, {"$not": {"draft": true}}]}
 *
 * The members of an object all hold.  A value alone means $eq; further: $ne $in $nin $gt $gte $lt
 * $lte $prefix $exists.  Strings compare by their bytes (so do dates as ISO 8601 has them), numbers
 * as numbers; a value of another type is not equal.  $ne, $nin and "$exists": false also hold where
 * the key is missing.  Besides the keys of the metadata: $document (its name), $title, $source,
 * $type.  Any thread.
 */
#ifndef SPASS_RAG_FILTER_H
#define SPASS_RAG_FILTER_H

#include "common/base/buf.h"
#include "common/store/db.h"

enum {
	FILTER_BYTES_MAX = 16 * 1024,
	FILTER_DEPTH_MAX = 8,
	FILTER_VALUES_MAX = 256, /* in all */
};

struct filter;

/*
 * Fails with E_invalid_field or E_invalid_json; the error's param is the place, from `name` on
 * ("filter.year.$gte").
 */
struct filter *filter_read(struct span json, const char *name, struct err *err);
void filter_free(struct filter *f);
/*
 * A condition on rag_document AS d: of the index that is parameter ?1, and what the filter says; its
 * own parameters are from ?first on.  Written so that SQLite begins where little is to be looked
 * at.  Borrowed until filter_free.
 */
const char *filter_condition(struct filter *f, int first);
/* Binds them to a statement that has the condition. */
void filter_bind(const struct filter *f, struct db_statement *st);

#endif
