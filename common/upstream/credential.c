/* common/upstream/credential.c - see credential.h. */
#include "common/upstream/credential.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/base/buf.h"
#include "common/base/file.h"
#include "common/base/mem.h"

#define LINE_START "Authorization: Bearer "
#define SYSTEMD_PREFIX "credential:"

const char *environment_find(char *const *environment, const char *name)
{
	size_t len = strlen(name);

	for (; environment && *environment; environment++)
		if (strncmp(*environment, name, len) == 0 && (*environment)[len] == '=')
			return *environment + len + 1;
	return NULL;
}

void credential_free(char *line)
{
	if (line)
		mem_free_secret(line, strlen(line));
}

const char *credential_key(const char *line, size_t *len)
{
	size_t all = strlen(line), start = strlen(LINE_START);

	*len = all > start + 2 ? all - start - 2 : 0;
	return *len ? line + start : "";
}

/* what: how the reasons call the source. */
static char *line_from(struct span key, const char *what, char *why)
{
	key = span_strip(key);
	if (key.len == 0 || key.len > CREDENTIAL_MAX) {
		snprintf(why, CREDENTIAL_WHY_MAX, key.len ? "%s is too long" : "%s is empty", what);
		return NULL;
	}
	for (size_t i = 0; i < key.len; i++) {
		if (key.ptr[i] > 0x20 && key.ptr[i] < 0x7f)
			continue;
		snprintf(why, CREDENTIAL_WHY_MAX, "%s holds a character that no key has", what);
		return NULL;
	}
	return mem_printf(LINE_START "%.*s\r\n", SPAN_ARGS(key));
}

/* The path that a key_file means; the caller frees.  NULL with why. */
static char *file_path(const char *file, char *const *environment, char *why)
{
	size_t len = strlen(SYSTEMD_PREFIX);

	if (strncmp(file, SYSTEMD_PREFIX, len) != 0)
		return mem_strdup(file);
	const char *name = file + len,
		   *directory = environment_find(environment, "CREDENTIALS_DIRECTORY");
	if (!*name || strchr(name, '/') || name[0] == '.') {
		snprintf(why, CREDENTIAL_WHY_MAX, "\"%.64s\" does not name a credential", file);
		return NULL;
	}
	if (!directory || !*directory) {
		snprintf(why, CREDENTIAL_WHY_MAX,
			 "CREDENTIALS_DIRECTORY is not set, so there is no credential %.64s", name);
		return NULL;
	}
	return mem_printf("%s/%s", directory, name);
}

/* The reasons do not tell the path: they are shown to whoever may read GET /v1/info. */
static char *line_from_file(const char *file, char *const *environment, char *why)
{
	char *path = file_path(file, environment, why), *line = NULL;
	struct err err = ERR_INIT;
	struct buf text;

	if (!path)
		return NULL;
	buf_init(&text, 2 * (size_t)CREDENTIAL_MAX);
	buf_reserve(&text, 2 * (size_t)CREDENTIAL_MAX); /* so that no copy is left behind by growing */
	if (access(path, R_OK) < 0)
		snprintf(why, CREDENTIAL_WHY_MAX, "the key file cannot be read: %s", err_errno(errno));
	else if (file_read(path, &text, &err) < 0)
		snprintf(why, CREDENTIAL_WHY_MAX, "the key file cannot be read");
	else
		line = line_from(buf_span(&text), "the key file", why);
	size_t len = text.len;
	mem_free_secret(buf_take(&text), len);
	mem_free(path);
	return line;
}

char *credential_line(const char *variable, const char *file, char *const *environment, char *why)
{
	why[0] = '\0';
	if (file)
		return line_from_file(file, environment, why);
	const char *value = environment_find(environment, variable);
	if (!value || !*value) {
		snprintf(why, CREDENTIAL_WHY_MAX, "%.128s is not set", variable);
		return NULL;
	}
	return line_from(span_str(value), variable, why);
}
