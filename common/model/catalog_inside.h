/*
 * common/model/catalog_inside.h - what catalog.c, catalog_read.c and catalog_fields.c share; nobody else
 * includes it.
 */
#ifndef SPASS_MODEL_CATALOG_INSIDE_H
#define SPASS_MODEL_CATALOG_INSIDE_H

#include "common/model/catalog.h"

struct catalog {
	struct model **models; /* pointers, so that a model stays where it is */
	size_t count, capacity;
};

bool catalog_alias_is_valid(const char *alias);
/* A chat model of text, without a chain. */
struct model *model_new(const char *alias);
/* Each may be NULL. */
void model_list_free(char **list);
void model_chain_free(struct model_link *chain, size_t count);
/* Takes m; index is at most the count. */
void catalog_insert(struct catalog *c, size_t index, struct model *m);
void catalog_remove(struct catalog *c, size_t index);
/* Where a new row goes: before the built-in ones. */
size_t catalog_end(const struct catalog *c);
/* -1 when there is none. */
ptrdiff_t catalog_index(const struct catalog *c, struct span alias);

/* catalog_read.c: the rows under "models:" of a file; absent is empty.  0 or -1, err having all faults. */
int catalog_read_rows(struct catalog *c, const struct yml *y, bool embedded, struct err *err);
/* The same for a file that holds nothing else. */
int catalog_read_file(struct catalog *c, const char *path, struct err *err);

/* catalog_fields.c.  What is being read, for messages; row and alias may be NULL. */
struct catalog_source {
	const struct yml *yml;
	const json_t *row;
	const char *alias;
};
/* The line of a value, else of the row it is in: single-valued nodes such as true have none. */
int catalog_line(const struct catalog_source *s, const json_t *value);
/* "models.yaml:12: house: context_window: ...", added to what err says; returns -1. */
int catalog_refuse(const struct catalog_source *s, const json_t *value, const char *key, struct err *err,
		   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Lays the row's members over m. */
int catalog_row_apply(const struct catalog_source *s, json_t *row, struct model *m, struct err *err);

#endif
