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
enum config_kind {
	CONFIG_BOOL, CONFIG_INT, CONFIG_DURATION, CONFIG_BYTES,
	CONFIG_TEXT, CONFIG_LIST, CONFIG_CHOICE, CONFIG_SECRET,
};
enum config_reload { CONFIG_LIVE, CONFIG_START };

enum config_key {
#define S(kind, name, ...) CONFIG_KEY_##name,
#include "common/config/config.def"
#undef S
	CONFIG_KEY_COUNT
};

/* A row of config.def; its variable's name comes from config_environment_name. */
struct config_info {
	const char *name, *fallback, *flag, *choices, *help;
	enum config_kind kind;
	enum config_reload reload;
	int64_t min, max;
	size_t offset; /* in struct config */
};
extern const struct config_info config_table[CONFIG_KEY_COUNT];

enum { CONFIG_ENVIRONMENT_SIZE = 64 };
/* "SPASS_LISTEN" into out[CONFIG_ENVIRONMENT_SIZE]. */
void config_environment_name(const struct config_info *info, char *out);
/* NULL when no setting has that name. */
const struct config_info *config_find(struct span name);
/* "text", "list", ...: what the value of a row looks like. */
const char *config_kind_name(enum config_kind kind);

/* A backend the operator wrote under "backends:". */
struct config_backend {
	char *name;         /* [a-z0-9_-]{1,64} */
	/*
	 * A row of the provider table; "openai" with another server's base_url is
	 * "openai-compatible".  NULL: "openai" when there is a base_url, else the backend's own name.
	 */
	char *provider;
	char *base_url;     /* "http://127.0.0.1:8000/v1", "unix:/path:/v1"; NULL = the provider's */
	char *key_env;      /* name of the variable that holds the key, or NULL */
	char *key_file;     /* or NULL; "credential:NAME" = systemd's credentials directory */
	char *ca_file;      /* or NULL */
	char *proxy;        /* or NULL */
	bool disabled;
	bool forward_account; /* openai-organization and openai-project of the client go along */
	int64_t connect_timeout, first_byte_timeout, between_timeout, total_timeout; /* 0 = general */
	int line;
	bool unfit; /* in a config_draft: its faults have been told */
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
 * Highest first: flags, environment, the file's tree (taken; may be NULL), the defaults.  What
 * config_load does once it has read the file.
 */
struct config *config_new(struct yml *file, char *const *environment, const struct config_flag *flags,
			  size_t flag_count, struct err *err);
/*
 * path NULL: $SPASS_CONFIG, else $XDG_CONFIG_HOME/spass/spass.yaml, else /etc/spass/spass.yaml,
 * whichever exists, else no file.  environment: as environ, or NULL for none; a variable that is
 * empty counts as not set.  Fails with
 * E_invalid_config naming file, line and key (or variable, or flag); all faults are reported in
 * one message as far as it has room.  Free with config_free.
 */
struct config *config_load(const char *path, char *const *environment, const struct config_flag *flags,
			   size_t flag_count, struct err *err);
/*
 * For who looks for more faults: when some are told in err (faulty) there is nevertheless what was
 * right, with defaults in place of the rest; NULL only when the file cannot be read at all.
 */
struct config *config_draft(const char *path, char *const *environment,
			    const struct config_flag *flags, size_t flag_count, bool *faulty,
			    struct err *err);
void config_free(struct config *c);
/*
 * For a reload: what needs a restart is given the value that running has.  Adds the names of the
 * settings that would have changed to names, separated by ", ".
 */
void config_keep_started(struct config *next, const struct config *running, struct buf *names);
/*
 * The value of one setting as it would be written in the file; secrets as below.  A file or
 * directory that is not given is shown as the place where it then is.
 */
int config_show_value(const struct config *c, enum config_key key, struct buf *out);
/*
 * "listen = 127.0.0.1:3000 (default)" lines, an empty text as "", secrets as "(set)" or "(not set)".
 * only_changed: those alone that are not as they would be by themselves.
 */
int config_show(const struct config *c, bool only_changed, struct buf *out);
/* The same, and the sections of the file, as a JSON object {name: {"value","origin"}}.  The caller owns it. */
json_t *config_json(const struct config *c);
const char *config_origin_name(enum config_origin o);
enum { CONFIG_WHERE_MAX = 160 };
/* Where the value was given, for a fault of it: "spass.yaml:12", "SPASS_LISTEN", "command line".  Returns out or static text. */
const char *config_place(const struct config *c, enum config_key key, char out[CONFIG_WHERE_MAX]);
/*
 * A file in data_dir or its default, or with name "" the directory itself; the caller frees.
 * NULL with E_invalid_config when no data_dir is set and the user has no home.
 */
char *config_data_path(const struct config *c, const char *name, struct err *err);
/* The gateway's database, and the directory of its tenants' indices; likewise. */
char *config_database_path(const struct config *c, struct err *err);
char *config_indices_path(const struct config *c, struct err *err);
/*
 * The path of a file that holds a secret: "credential:NAME" is NAME in systemd's
 * $CREDENTIALS_DIRECTORY, anything else is itself.  The caller frees; NULL with
 * E_invalid_config when there is no such directory or NAME is not a plain file name.
 */
char *config_secret_path(const char *value, struct err *err);
/*
 * "32MiB", "512k", "1000": whole numbers.  KiB, MiB, GiB, TiB and k, M, G, T are powers of 1024,
 * kB, MB, GB, TB of 1000; case does not matter.  0 or -1.
 */
int config_bytes(struct span text, int64_t *bytes);

#endif
