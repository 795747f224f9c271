/* common/base/err.c - the catalogue made from errors.def, and filling a struct err. */
#include "common/base/err.h"

#include "common/base/mem.h"
#include "common/base/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct err_info catalogue[] = {
	[E_none] = { .code = "none", .status = 200, .type = ERR_internal_error, .exit = 0,
		     .title = "No error", .description = "Nothing went wrong.",
		     .remedy = "Nothing.", .param = "" },
#define E(code, status, type, exit, title, description, remedy, param) \
	[E_##code] = { #code, status, ERR_##type, exit, title, description, remedy, param },
#include "common/base/errors.def"
#undef E
};
static_assert(ARRAY_LEN(catalogue) == ERR_CODE_COUNT, "one row a code");

/* A row without its texts, or with a status that is none, does not compile. */
#define E(code, status, type, exit, title, description, remedy, param) \
	static_assert(sizeof(title) > 1 && sizeof(description) > 1 && sizeof(remedy) > 1 && \
		      sizeof(param) >= 1 && (status) >= 400 && (status) <= 599 && (exit) > 0 && \
		      (exit) <= 130, "errors.def: " #code " is not complete");
#include "common/base/errors.def"
#undef E

static const char *const type_names[] = {
	[ERR_invalid_request_error] = "invalid_request_error",
	[ERR_authentication_error] = "authentication_error",
	[ERR_permission_denied] = "permission_denied",
	[ERR_not_found] = "not_found",
	[ERR_rate_limit_exceeded] = "rate_limit_exceeded",
	[ERR_upstream_error] = "upstream_error",
	[ERR_internal_error] = "internal_error",
};

/* Copies text into out[size], cut before a character that does not fit. */
static void copy_cut(char *out, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len > size - 1)
		len = utf8_whole(span_of(text, size - 1));
	memcpy(out, text, len);
	out[len] = '\0';
}

__attribute__((format(printf, 4, 0))) static void set(struct err *err, enum err_code code, const char *param,
						     const char *format, va_list args)
{
	/* Formatted aside, as an argument may be err's own message. */
	char message[ERR_MESSAGE_MAX + 4], name[ERR_PARAM_MAX];

	copy_cut(name, sizeof(name), param ? param : "");
	if (vsnprintf(message, sizeof(message), format, args) < 0)
		message[0] = '\0';
	*err = (struct err){ .code = code };
	memcpy(err->param, name, sizeof(name));
	copy_cut(err->message, sizeof(err->message), message);
}

int err_set(struct err *err, enum err_code code, const char *param, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (err)
		set(err, code, param, format, args);
	va_end(args);
	return -1;
}

int err_used_up(struct err *err)
{
	return err_set(err, E_internal_error, "", "the request's memory is used up");
}

int err_prefix(struct err *err, const char *format, ...)
{
	char text[2 * ERR_MESSAGE_MAX + 4];
	va_list args;
	int len;

	if (!err)
		return -1;
	va_start(args, format);
	len = vsnprintf(text, ERR_MESSAGE_MAX, format, args);
	va_end(args);
	if (len < 0)
		return -1;
	if (len >= ERR_MESSAGE_MAX)
		len = (int)utf8_whole(span_of(text, ERR_MESSAGE_MAX - 1));
	snprintf(text + len, sizeof(text) - (size_t)len, ": %s", err->message);
	copy_cut(err->message, sizeof(err->message), text);
	return -1;
}

void err_gather(struct err *all, const struct err *more)
{
	static const char rest[] = "\nand more";
	size_t len = strlen(all->message), added = strlen(more->message);

	if (more->code == E_none || span_ends(span_str(all->message), rest))
		return;
	if (all->code == E_none)
		*all = *more;
	else if (len + 1 + added + sizeof rest <= sizeof all->message)
		snprintf(all->message + len, sizeof all->message - len, "\n%s", more->message);
	else if (len + sizeof rest <= sizeof all->message)
		snprintf(all->message + len, sizeof all->message - len, "%s", rest);
}

int err_add(struct err *all, enum err_code code, const char *param, const char *format, ...)
{
	struct err one;
	va_list args;

	va_start(args, format);
	set(&one, code, param, format, args);
	va_end(args);
	err_gather(all, &one);
	return -1;
}

const struct err_info *err_info(enum err_code code)
{
	assert((unsigned)code < ERR_CODE_COUNT);
	return &catalogue[code];
}

enum err_code err_find(const char *code)
{
	for (size_t i = E_none + 1; i < ERR_CODE_COUNT; i++)
		if (strcmp(catalogue[i].code, code) == 0)
			return (enum err_code)i;
	return E_none;
}

const char *err_type_name(enum err_type type)
{
	assert((size_t)type < ARRAY_LEN(type_names));
	return type_names[type];
}

const char *err_errno(int number)
{
	const char *text = strerrordesc_np(number);

	return text ? text : "Unknown system error";
}
