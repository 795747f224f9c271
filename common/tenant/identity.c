/*
 * common/tenant/identity.c - the table of tokens, and the file of the first one.
 *
 * Tokens are known by their digests.  The text of the first is kept for commands of the same
 * process, and saves its bearer the digest.
 */
#include "common/tenant/identity.h"

#include "common/base/digest.h"
#include "common/base/file.h"
#include "common/base/ident.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_BYTES = 32, FILE_MAX = 4096, ATTEMPTS = 3 };

struct tokens {
	struct token *rows;
	size_t count;
	char *secret; /* of the first row */
	size_t secret_len;
};

/* Token files */

/* What may stand in a header after the scheme: visible ASCII. */
static bool is_token(struct span s)
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
	else if (!is_token(text))
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

static int make_parent(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	int result;

	if (!slash || slash == path)
		return 0;
	char *directory = mem_strndup(path, (size_t)(slash - path));

	result = file_make_dirs(directory, err);
	mem_free(directory);
	return result;
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

	if (make_parent(path, err) < 0)
		return -1;
	ident_random(random, sizeof random);
	digest_hex(random, sizeof random, line);
	line[2 * SECRET_BYTES] = '\n';
	line[2 * SECRET_BYTES + 1] = '\0';
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

static bool is_missing(const char *path)
{
	struct stat st;

	return lstat(path, &st) < 0 && errno == ENOENT;
}

/* Reads the file, making it when it is not there.  Another may remove it in between. */
static char *read_or_make(const char *path, bool *made, struct err *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		if (is_missing(path)) {
			int result = make_file(path, err);

			if (result < 0)
				return NULL;
			*made = result > 0;
		}
		if (!is_missing(path))
			break;
	}
	return token_read(path, err);
}

/* The table */

static void add_row(struct tokens *t, const char *secret)
{
	struct token *row;

	t->rows = mem_realloc(t->rows, (t->count + 1) * sizeof *t->rows);
	row = &t->rows[t->count++];
	*row = (struct token){
		.id = "operator", .tenant = "default", .role = ROLE_operator, .scopes = SCOPE_all
	};
	digest_sha256(span_str(secret), row->digest);
}

char *token_path(const struct config *c, struct err *err)
{
	return *c->token_file ? config_secret_path(c->token_file, err) :
				config_data_path(c, "token", err);
}

static char *secret_of(const struct config *c, bool *made, char **path, struct err *err)
{
	if (*c->token) {
		if (is_token(span_str(c->token)))
			return mem_strdup(c->token);
		err_set(err, E_invalid_config, "token",
			"the token (%s) must be 1 to %d visible characters without blanks",
			config_origin_name(c->origins[CONFIG_KEY_token]), TOKEN_MAX);
		return NULL;
	}
	*path = token_path(c, err);
	return *path ? read_or_make(*path, made, err) : NULL;
}

struct tokens *tokens_load(const struct config *c, bool *made, char **path, struct err *err)
{
	bool was_made = false;
	char *where = NULL, *secret = secret_of(c, &was_made, &where, err);
	struct tokens *t = NULL;

	if (!secret)
		goto out;
	t = mem_new(struct tokens);
	t->secret = secret;
	t->secret_len = strlen(secret);
	add_row(t, secret);
	if (made)
		*made = was_made;
	if (path) {
		*path = where;
		where = NULL;
	}
out:
	mem_free(where);
	return t;
}

void tokens_free(struct tokens *t)
{
	if (!t)
		return;
	mem_free_secret(t->secret, t->secret_len);
	mem_free(t->rows);
	mem_free(t);
}

const char *tokens_secret(const struct tokens *t)
{
	return t->secret;
}

/* Who asks */

static int refuse(struct err *err, const char *why)
{
	return err_set(err, E_invalid_authorization, "headers.authorization", "%s", why);
}

/* The row of secret, or NULL.  The time tells its length at most. */
static const struct token *find_row(const struct tokens *t, struct span secret)
{
	uint8_t digest[DIGEST_SIZE];
	const struct token *match = NULL;

	if (secret.len == t->secret_len && digest_equal(secret.ptr, t->secret, secret.len))
		return &t->rows[0];
	digest_sha256(secret, digest);
	/* Every row is compared, so that the time does not tell which one matched. */
	for (size_t i = 0; i < t->count; i++)
		if (digest_equal(digest, t->rows[i].digest, sizeof digest))
			match = &t->rows[i];
	return match;
}

int tokens_find(const struct tokens *t, struct span authorization, const struct token **found,
		struct err *err)
{
	struct span rest = span_trim(authorization), scheme;
	const struct token *match;

	if (!rest.len)
		return err_set(err, E_missing_authorization, "headers.authorization",
			       "the request has no Authorization header");
	scheme = span_cut(&rest, ' ');
	if (!span_is_nocase(scheme, "Bearer"))
		return refuse(err, "the scheme of Authorization is not Bearer");
	rest = span_trim(rest);
	if (!rest.len)
		return refuse(err, "no token follows Bearer");
	if (!is_token(rest))
		return refuse(err, "the bearer token is malformed");
	match = find_row(t, rest);
	if (!match)
		return refuse(err, "the bearer token is not known");
	*found = match;
	return 0;
}

bool identity_is_user_id(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		char c = s.ptr[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    (!c || !strchr("._:@+-", c)))
			return false;
	}
	return s.len > 0 && s.len <= 128;
}
