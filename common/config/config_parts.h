/*
 * common/config/config_parts.h - what the files of this folder share; nobody else includes it.
 */
#ifndef SPASS_CONFIG_PARTS_H
#define SPASS_CONFIG_PARTS_H

#include "common/config/config.h"

/* Of the database, in data_dir, where the setting says nothing. */
#define CONFIG_DATABASE_NAME "spass.db"

/* Sections of the file that are lists and other modules read; ends with NULL. */
extern const char *const config_lists[];

/* All faults of one load, so that they are mended in one go. */
struct config_faults {
	struct buf text;           /* one fault a line */
	char param[ERR_PARAM_MAX]; /* key of the first */
	size_t count, left_out;
};

/* where: "spass.yaml:12", "SPASS_LISTEN", "--listen". */
void config_fault(struct config_faults *f, const char *where, const char *key, const char *format,
		  ...) __attribute__((format(printf, 4, 5)));

/* "spass.yaml:12" of the value, or "spass.yaml" where the line is not known. */
void config_where(const struct yml *file, const json_t *value, const json_t *parent,
		  char out[CONFIG_WHERE_MAX]);

/* Reads the value into c, replacing what is there.  The message says what is accepted. */
int config_set(struct config *c, const struct config_info *info, struct span text,
	       enum config_origin origin, struct err *err);
int config_set_json(struct config *c, const struct config_info *info, const json_t *value,
		    enum config_origin origin, struct err *err);
void config_clear_value(struct config *c, const struct config_info *info);

/* The field of a row. */
static inline void *config_field(const struct config *c, const struct config_info *info)
{
	return (char *)(uintptr_t)c + info->offset;
}

/* A duration within the row's limits, from text or from a number of seconds. */
int config_duration(const struct config_info *info, const json_t *value, int64_t *ms,
		    struct err *err);

/* The "backends:" section. */
void config_backends_read(struct config *c, json_t *section, struct config_faults *faults);
void config_backends_free(struct config *c);
int config_backends_show(const struct config *c, struct buf *out);
json_t *config_backends_json(const struct config *c);

/* What one row alone cannot tell: pairs of settings, addresses, files.  Unfit files are taken out. */
void config_check(struct config *c, struct config_faults *faults);

/* "10s", "1500ms", "5m". */
int config_add_duration(struct buf *out, int64_t ms);

#endif
