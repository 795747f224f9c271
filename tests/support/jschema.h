/*
 * tests/support/jschema.h - whether a JSON value is what a schema of an OpenAPI 3.1 document says.
 *
 * Knows the keywords of JSON Schema that the gateway's document uses and refuses all others, so that
 * no promise of the document stays unheld because nobody here understands it.  It is stricter than
 * JSON Schema in one point, as it judges the one who answers: an object whose members are named has
 * no others, unless its schema says additionalProperties.
 *
 * Uses nothing of the program under test.
 */
#ifndef TESTS_SUPPORT_JSCHEMA_H
#define TESTS_SUPPORT_JSCHEMA_H

#include <jansson.h>

struct jschema_fault {
	char path[256]; /* of the value, or of the schema: "data[0].id" */
	char text[512];
};

/* Whether the schema has known keywords only, all through, with arguments as they must be, and names
 * only what the document has: 0, or -1 with the fault. */
int jschema_understand(const json_t *document, const json_t *schema, struct jschema_fault *fault);

/* Whether the value fits the schema, whose references are into document: 0, or -1 with the first fault. */
int jschema_check(const json_t *document, const json_t *schema, const json_t *value, struct jschema_fault *fault);

#endif
