/*
 * common/config/config.h - the settings, from four places.
 *
 * Highest wins: flags, environment, file, built-in default.  Each value remembers where it came
 * from.  A config is immutable once read; a reload reads another and the server swaps them.
 */
#ifndef SPASS_CONFIG_CONFIG_H
#define SPASS_CONFIG_CONFIG_H

#include "common/base/buf.h"
#include "common/base/yml.h"

struct config_list {
	char **items;
	size_t count;
};

typedef bool config_BOOL;
typedef int64_t config_INT;
typedef int64_t config_DURATION;
typedef int64_t config_BYTES;
typedef char *config_TEXT;
typedef char *config_SECRET;
typedef char *config_CHOICE;
typedef struct config_list config_LIST;

enum config_origin { CONFIG_DEFAULT, CONFIG_FILE, CONFIG_ENVIRONMENT, CONFIG_FLAG };
enum config_kind { CONFIG_BOOL, CONFIG_INT, CONFIG_DURATION, CONFIG_BYTES, CONFIG_TEXT, CONFIG_LIST, CONFIG_CHOICE, CONFIG_SECRET };
enum config_reload { CONFIG_LIVE, CONFIG_START };

enum config_key {
#define S(kind, name, ...) CONFIG_KEY_##name,
#include "common/config/config.def"
#undef S
	CONFIG_KEY_COUNT
};

/* A row of config.def. */
struct config_info {
	const char *name, *environment, *fallback, *flag, *choices, *help;
	enum config_kind kind;
	enum config_reload reload;
	int64_t min, max;
	size_t offset; /* in struct config */
};
extern const struct config_info config_table[CONFIG_KEY_COUNT];

/* A backend the operator wrote under "backends:". */
struct config_backend {
	char *name;         /* [a-z0-9_-]{1,64} */
	char *provider;     /* a row of the provider table; "openai" = any OpenAI-compatible server */
	char *base_url;     /* "http://127.0.0.1:8000/v1", "unix:/path:/v1"; NULL = the provider's */
	char *key_env;      /* name of the variable that holds the key, or NULL */
	char *key_file;     /* or NULL; "credential:NAME" = systemd's credentials directory */
	char *ca_file;      /* or NULL */
	char *proxy;        /* or NULL */
	bool disabled;
	int64_t connect_timeout, first_byte_timeout, between_timeout, total_timeout; /* 0 = general */
	int line;
};

struct config {
#define S(kind, name, ...) config_##kind name;
#include "common/config/config.def"
#undef S
	enum config_origin origins[CONFIG_KEY_COUNT];
	char *path;            /* the file read, or NULL */
	struct yml *file;      /* or NULL; also holds "models:", read by model/catalog */
	struct config_backend *backends;
	size_t backend_count;
};

struct config_flag {
	const char *name;  /* of a setting */
	const char *value; /* as written in the file; lists separated by commas */
};

/*
 * path NULL: $SPASS_CONFIG, else $XDG_CONFIG_HOME/spass/spass.yaml, else /etc/spass/spass.yaml,
 * whichever exists, else no file.  environment: as environ, or NULL for none.  Fails with
 * E_invalid_config naming file, line and key (or variable, or flag); all faults are reported in
 * one message as far as it has room.  Free with config_free.
 */
struct config *config_load(const char *path, char *const *environment, const struct config_flag *flags,
			   size_t flag_count, struct err *err);
void config_free(struct config *c);
/* "listen = 127.0.0.1:3000 (default)" lines, secrets as "(set)" or "(not set)". */
int config_show(const struct config *c, struct buf *out);
/* The same as a JSON object {name: {"value","origin"}}.  The caller owns it. */
json_t *config_json(const struct config *c);
const char *config_origin_name(enum config_origin o);
/* data_dir, or its default; the caller frees. */
char *config_data_path(const struct config *c, const char *name);

#endif
