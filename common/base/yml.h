/*
 * common/base/yml.h - YAML files as jansson values that remember their lines.
 *
 * A safe subset of YAML 1.1 through libyaml: mappings with string keys, sequences, scalars;
 * anchors and aliases are refused (no expansion bombs), a repeated key is an error, depth and
 * size are bounded.  Plain scalars become null, booleans (true/false/yes/no/on/off), integers or
 * reals by the JSON-like rules; quoted ones are strings.  Tags, NUL characters and a second
 * document are refused too.  Any thread.
 */
#ifndef SPASS_BASE_YML_H
#define SPASS_BASE_YML_H

#include "common/base/err.h"

#include <jansson.h>

enum { YML_SIZE_MAX = 4 * 1024 * 1024, YML_DEPTH_MAX = 64, YML_NODES_MAX = 200000 };

struct yml; /* a document: the value tree and the line of each node */

/* name: for messages ("spass.yaml").  Fails with E_invalid_config: "spass.yaml:12: ...". */
struct yml *yml_parse(struct span text, const char *name, struct err *err);
/* At most 4 MiB. */
struct yml *yml_read(const char *path, struct err *err);
/* The same of a file of records, which may be as large as its reader says. */
struct yml *yml_read_large(const char *path, size_t size_max, size_t nodes_max, struct err *err);
void yml_free(struct yml *y);
/* Borrowed; an empty document is an empty object. */
json_t *yml_root(const struct yml *y);
const char *yml_name(const struct yml *y);
/*
 * 1-based line of a value of this tree, 0 when unknown: true, false and null are shared objects
 * and have none; ask for their member.
 */
int yml_line(const struct yml *y, const json_t *value);
/* 1-based line of a member's key, whatever its value; 0 when there is no such member. */
int yml_member_line(const struct yml *y, json_t *object, const char *key);

#endif
