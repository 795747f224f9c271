/*
 * common/tenant/reading.h - members of objects read by tables, and faults that say where.
 *
 * For tokens.yaml ("tokens.yaml:12: tenants[0].tokens[1].role: ...") and for bodies of requests
 * (param "body.role"), which hold the same things.  Any thread.
 */
#ifndef SPASS_TENANT_READING_H
#define SPASS_TENANT_READING_H

#include <jansson.h>

#include "common/base/yml.h"
#include "common/config/config.h"
#include "common/tenant/tenancy.h"

struct reading {
	struct yml *file;         /* NULL: a body */
	int line;                 /* of what is read, 0 unknown */
	char path[ERR_PARAM_MAX]; /* of the object that is read */
	bool is_stored;           /* the gateway's own words, which say more */
	struct err *err;
};

/* One member of an object; fields are offsets into what is filled. */
struct member {
	const char *name;
	int (*read)(struct reading *r, const struct member *m, json_t *value, void *field);
	size_t offset;
	int64_t min, max; /* of numbers; of texts: bytes */
	bool is_required;
};

/* A fault at r->path.  Returns -1. */
int reading_fault(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Steps into a member or an item, and back with the length that came before. */
size_t reading_enter(struct reading *r, const char *key);
size_t reading_enter_at(struct reading *r, size_t index);
void reading_leave(struct reading *r, size_t before);
/* All members of value, which must be an object, into the struct at into; unknown ones are faults. */
int reading_object(struct reading *r, json_t *value, const struct member *members, size_t count,
		   void *into);

/* Readers; null is never accepted. */
int read_text(struct reading *r, const struct member *m, json_t *value, void *field); /* const char *, borrowed */
int read_own_text(struct reading *r, const struct member *m, json_t *value, void *field); /* char * */
int read_bool(struct reading *r, const struct member *m, json_t *value, void *field);
int read_int(struct reading *r, const struct member *m, json_t *value, void *field);  /* int64_t */
int read_real(struct reading *r, const struct member *m, json_t *value, void *field); /* double */
int read_time(struct reading *r, const struct member *m, json_t *value, void *field); /* int64_t, ms */
int read_role(struct reading *r, const struct member *m, json_t *value, void *field);
int read_scopes(struct reading *r, const struct member *m, json_t *value, void *field); /* uint64_t */
int read_names(struct reading *r, const struct member *m, json_t *value, void *field); /* config_list */
int read_constraints(struct reading *r, const struct member *m, json_t *value, void *field); /* struct constraints * */
int read_budgets(struct reading *r, const struct member *m, json_t *value, void *field); /* struct budget_list */

struct budget_list {
	struct budget *rows;
	size_t count;
};

/* constraints.c */
extern const struct constraints no_constraints;
void name_list_free(struct config_list *list);
void budgets_free(struct budget *rows, size_t count);
/* NULL and no_constraints: nothing. */
void constraints_free(const struct constraints *c);

#endif
