/*
 * common/base/sfield.h - structured field values for HTTP (RFC 8941): dictionaries.
 *
 * Parameters are checked and skipped.  Any thread.
 */
#ifndef SPASS_BASE_SFIELD_H
#define SPASS_BASE_SFIELD_H

#include "common/base/err.h"

enum sfield_type { SFIELD_INTEGER, SFIELD_DECIMAL, SFIELD_STRING, SFIELD_TOKEN, SFIELD_BYTES, SFIELD_BOOLEAN };

struct sfield_member {
	struct span key;   /* into the text */
	enum sfield_type type;
	struct span value; /* token, number or string content (still escaped); empty for booleans */
	bool boolean;
};

/*
 * Reads the dictionary in text into members[max]; a repeated key replaces the earlier one.
 * Returns how many, or -1 (E_invalid_field) when it is malformed or has more than max members.
 * Inner lists are refused.
 */
int sfield_dictionary(struct span text, struct sfield_member *members, size_t max, struct err *err);

#endif
