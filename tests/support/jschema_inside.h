/* tests/support/jschema_inside.h - what jschema.c and jschema_plain.c share; nobody else includes it. */
#ifndef TESTS_SUPPORT_JSCHEMA_INSIDE_H
#define TESTS_SUPPORT_JSCHEMA_INSIDE_H

#include "tests/support/jschema.h"

#include <stdbool.h>
#include <stddef.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

struct judge {
	const json_t *document;
	struct jschema_fault *fault;
	char path[sizeof((struct jschema_fault *)0)->path];
	size_t len; /* of path */
};

/* What of an argument are schemas. */
enum inside { NOTHING, SCHEMA, SCHEMA_LIST, SCHEMA_MAP };

/* What a keyword's argument must be, and what it asks of a value; a NULL check asks nothing. */
struct keyword {
	const char *name;
	bool (*argument)(const json_t *arg);
	int (*check)(struct judge *j, const json_t *schema, const json_t *arg, const json_t *value);
	enum inside inside;
};

/* Those that ask something of the value itself, not of what is in it. */
extern const struct keyword jschema_plain[];
extern const size_t jschema_plain_count;

/* Says what is wrong where the judge is; returns -1. */
int jschema_fail(struct judge *j, const char *format, ...) __attribute__((format(printf, 2, 3)));

static inline bool is_string(const json_t *v) { return json_is_string(v); }
static inline bool is_array(const json_t *v) { return json_is_array(v); }
static inline bool is_object(const json_t *v) { return json_is_object(v); }

#endif
