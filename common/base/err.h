/*
 * common/base/err.h - what went wrong, as a value on the caller's stack.
 *
 * Work that can fail returns 0 or -1 (or NULL) and takes a struct err * as its last parameter,
 * which it fills on failure and leaves alone on success.  Nothing in it needs freeing.  The one
 * who knows *what* writes the message; callers may prefix *where*; only the edge (a reply, a
 * command) prints.  errors.def is the only list of codes: envelope, GET /errors, documentation
 * anchors, exit codes and metric labels come from it.  Any thread.
 */
#ifndef SPASS_BASE_ERR_H
#define SPASS_BASE_ERR_H

#include "common/base/span.h"

enum err_type {
	ERR_invalid_request_error,
	ERR_authentication_error,
	ERR_permission_denied,
	ERR_not_found,
	ERR_rate_limit_exceeded,
	ERR_upstream_error,
	ERR_internal_error,
};

enum err_code {
	E_none,
#define E(code, ...) E_##code,
#include "common/base/errors.def"
#undef E
	ERR_CODE_COUNT
};

/* One row of the catalogue. */
struct err_info {
	const char *code;        /* "invalid_json" */
	int status;              /* HTTP */
	enum err_type type;
	int exit;                /* of a command that ends with it */
	const char *title;       /* one line, no full stop */
	const char *description; /* what it means */
	const char *remedy;      /* what to do next */
	const char *param;       /* a typical field, or "" */
};

enum { ERR_MESSAGE_MAX = 1024, ERR_PARAM_MAX = 128 };

struct err {
	enum err_code code;
	int retry_after_s;          /* > 0: worth trying again after so many seconds; else 0 */
	bool no_retry;              /* the client's library should not repeat the call */
	char param[ERR_PARAM_MAX];  /* dotted path such as "messages[0].content", or "" */
	char message[ERR_MESSAGE_MAX];
};

#define ERR_INIT { .code = E_none }

/*
 * Always returns -1, so that a function can `return err_set(...)`.  err may be NULL.
 * Cold, as the next two: the compiler takes the way to it for the rare one, and puts it aside.
 */
int err_set(struct err *err, enum err_code code, const char *param, const char *format, ...)
	__attribute__((cold, format(printf, 4, 5)));
/* E_internal_error: an arena gives no more.  Returns -1. */
int err_used_up(struct err *err) __attribute__((cold));
/* Puts "where: " before the message.  Returns -1. */
int err_prefix(struct err *err, const char *format, ...)
	__attribute__((cold, format(printf, 2, 3)));
/* As ERR_INIT, without a write to the room that no text is in: where requests pass.  err may be NULL. */
static inline void err_clear(struct err *err)
{
	if (!err)
		return;
	err->code = E_none;
	err->retry_after_s = 0;
	err->no_retry = false;
	err->param[0] = err->message[0] = '\0';
}
/*
 * Adds what more says, if it says anything, on a line of its own; code and param stay those of the
 * first.  What has no room is left out, and "and more" says so.
 */
void err_gather(struct err *all, const struct err *more);
/* Adds so what err_set would say.  Returns -1. */
int err_add(struct err *all, enum err_code code, const char *param, const char *format, ...)
	__attribute__((cold, format(printf, 4, 5)));
/* The catalogue row; E_none has one too (status 200, exit 0). */
const struct err_info *err_info(enum err_code code);
/* E_none when no row has that code. */
enum err_code err_find(const char *code);
/* "invalid_request_error", ... */
const char *err_type_name(enum err_type type);
/* What an errno means, for messages; never NULL, static. */
const char *err_errno(int number);

#endif
