/*
 * common/tenant/secret.c - see secret.h.
 */
#include "common/tenant/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/ident.h"
#include "common/base/log.h"
#include "common/base/mem.h"

enum { SECRET_BYTES = 32, FILE_MAX = 4096, ATTEMPTS = 3 };

bool secret_is_valid(struct span s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] <= ' ' || s.ptr[i] > '~')
			return false;
	return s.len > 0 && s.len <= TOKEN_MAX;
}

static struct span trim_lines(struct span s)
{
	while (s.len && strchr(" \t\r\n", s.ptr[s.len - 1]))
		s.len--;
	while (s.len && strchr(" \t\r\n", *s.ptr))
		s = span_from(s, 1);
	return s;
}

static void warn_of_readers(const char *path)
{
	struct stat st;

	/* systemd gives credentials to the unit's user by its own means, as 0400 or 0440. */
	if (stat(path, &st) == 0 && (st.st_mode & 037))
		log_warn("token", "others may use %s: chmod 600", path);
}

char *token_read(const char *path, struct err *err)
{
	struct buf content;
	char *secret = NULL;

	buf_init(&content, FILE_MAX);
	if (file_read(path, &content, err) < 0)
		goto out;
	struct span text = trim_lines(buf_span(&content));

	if (!text.len)
		err_set(err, E_invalid_config, "token_file",
			"%s is empty: put a token in it, or remove it to have one made", path);
	else if (!secret_is_valid(text))
		err_set(err, E_invalid_config, "token_file",
			"%s does not hold a token: one line of 1 to %d visible characters", path,
			TOKEN_MAX);
	else
		secret = mem_strndup(text.ptr, text.len);
	if (secret)
		warn_of_readers(path);
out:
	if (content.ptr)
		explicit_bzero(content.ptr, content.len);
	buf_free(&content);
	return secret;
}

static int write_new(const char *path, struct span content, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good;

	if (fd < 0)
		return err_set(err, E_storage_error, "", "cannot make %s: %s", path,
			       err_errno(errno));
	good = write(fd, content.ptr, content.len) == (ssize_t)content.len && fsync(fd) == 0;
	if (!good)
		err_set(err, E_storage_error, "", "cannot write %s: %s", path, err_errno(errno));
	close(fd);
	if (!good)
		unlink(path);
	return good ? 0 : -1;
}

/*
 * Two first starts at once must end with one token.  The file gets its name by link(2), which
 * fails when another was faster, so nobody ever reads a file half written.  1: made; 0: there is
 * one already; -1.
 */
static int make_file(const char *path, struct err *err)
{
	uint8_t random[SECRET_BYTES];
	char line[2 * SECRET_BYTES + 2], id[17], *temporary;
	int result = -1;

	if (file_make_parents(path, err) < 0)
		return -1;
	ident_random(random, sizeof random);
	digest_hex(random, sizeof random, line);
	line[sizeof line - 2] = '\n';
	line[sizeof line - 1] = '\0';
	ident_token(id, sizeof id, "", 12);
	temporary = mem_printf("%s.%s", path, id);
	if (write_new(temporary, span_str(line), err) < 0)
		goto out;
	if (link(temporary, path) == 0)
		result = 1;
	else if (errno == EEXIST)
		result = 0;
	else
		err_set(err, E_storage_error, "", "cannot make %s: %s", path, err_errno(errno));
	unlink(temporary);
out:
	explicit_bzero(random, sizeof random);
	explicit_bzero(line, sizeof line);
	mem_free(temporary);
	return result;
}

/* Reads the file, making it when it is not there.  Another may remove it in between. */
static char *read_or_make(const char *path, bool *made, struct err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		if (file_is_absent(path)) {
			int result = make_file(path, err);

			if (result < 0)
				return NULL;
			*made = result > 0;
		}
		if (!file_is_absent(path))
			break;
	}
	return token_read(path, err);
}

char *token_path(const struct config *c, struct err *err)
{
	return *c->token_file ? config_secret_path(c->token_file, err) :
				config_data_path(c, "token", err);
}

static char *secret_of(const struct config *c, bool *made, char **path, struct err *err)
{
	if (*c->token) {
		if (secret_is_valid(span_str(c->token)))
			return mem_strdup(c->token);
		err_set(err, E_invalid_config, "token",
			"the token (%s) must be 1 to %d visible characters without blanks",
			config_origin_name(c->origins[CONFIG_KEY_token]), TOKEN_MAX);
		return NULL;
	}
	*path = token_path(c, err);
	return *path ? read_or_make(*path, made, err) : NULL;
}

char *secret_load(const struct config *c, bool *made, char **path, struct err *err)
{
	bool was_made = false;
	char *where = NULL, *secret = secret_of(c, &was_made, &where, err);

	if (secret && made)
		*made = was_made;
	if (secret && path) {
		*path = where;
		where = NULL;
	}
	mem_free(where);
	return secret;
}
