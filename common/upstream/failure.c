/*
 * common/upstream/failure.c - error classes of backends.
 */
#include "common/upstream/failure.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

enum { RAW_TEXT_MAX = 1024, HOST_MIN = 4 };
#define HOST_MARK "[host]"

static const struct failure_rule rules[FAILURE_CLASSES] = {
	[FAILURE_CONNECT] = { "connect", NEXT_RETRY, BLAME_TARGET, E_upstream_unavailable },
	[FAILURE_TIMEOUT] = { "timeout", NEXT_TARGET, BLAME_TARGET, E_upstream_timeout },
	[FAILURE_CUT] = { "cut", NEXT_RETRY, BLAME_TARGET, E_upstream_error },
	[FAILURE_SERVER] = { "server_error", NEXT_RETRY, BLAME_TARGET, E_upstream_error },
	[FAILURE_BUSY] = { "busy", NEXT_RETRY, BLAME_NOBODY, E_model_quota_exhausted },
	[FAILURE_QUOTA] = { "quota", NEXT_TARGET, BLAME_NOBODY, E_model_quota_exhausted },
	[FAILURE_KEY] = { "refused_key", NEXT_TARGET, BLAME_TARGET, E_upstream_auth },
	[FAILURE_MISSING] = { "missing_model", NEXT_TARGET, BLAME_NOBODY, E_upstream_error },
	[FAILURE_CONTEXT] = { "context_length", NEXT_LARGER, BLAME_NOBODY, E_context_length_exceeded },
	[FAILURE_POLICY] = { "content_policy", NEXT_NONE, BLAME_NOBODY, E_content_policy_violation },
	[FAILURE_REQUEST] = { "rejected", NEXT_NONE, BLAME_NOBODY, E_upstream_rejected },
	[FAILURE_NO_IMAGE] = { "no_image", NEXT_TARGET, BLAME_NOBODY, E_upstream_error },
	[FAILURE_CANCELLED] = { "cancelled", NEXT_NONE, BLAME_NOBODY, E_cancelled },
};

const struct failure_rule *failure_rule(enum failure_class c)
{
	return &rules[c];
}

void failure_set(struct failure *f, enum failure_class class, const char *format, ...)
{
	va_list args;

	f->class = class;
	f->status = 0;
	f->retry_after_ms = -1;
	va_start(args, format);
	vsnprintf(f->text, sizeof f->text, format, args);
	va_end(args);
}

void failure_from_err(struct failure *f, const struct target *t, const struct err *err)
{
	static const struct {
		enum err_code code;
		enum failure_class class;
	} classes[] = {
		{ E_upstream_unavailable, FAILURE_CONNECT },
		{ E_upstream_timeout, FAILURE_TIMEOUT },
		{ E_cancelled, FAILURE_CANCELLED },
		{ E_invalid_field, FAILURE_REQUEST },
		{ E_overloaded, FAILURE_BUSY },
	};
	enum failure_class class = FAILURE_CUT;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].code == err->code)
			class = classes[i].class;
	failure_set(f, class, "%s", "");
	failure_sanitise(t, span_str(err->message), f->text, sizeof f->text);
	/* An upcall's words begin with where it went, which is known by the backend's name. */
	if (span_starts(span_str(f->text), HOST_MARK ": "))
		memmove(f->text, f->text + sizeof HOST_MARK + 1, strlen(f->text + sizeof HOST_MARK + 1) + 1);
}

/* Bytes that may belong to a key. */
static bool is_key_byte(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

/* Length of something at the start of s that must not be shown, else 0. */
static size_t secret_length(struct span s, struct span key)
{
	static const char *const prefixes[] = { "sk-", "sk_", "gsk_", "xai-", "AIza", "Bearer " };

	if (key.len >= 8 && s.len >= key.len && memcmp(s.ptr, key.ptr, key.len) == 0)
		return key.len;
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t len = strlen(prefixes[i]), start = len;

		if (!span_starts(s, prefixes[i]))
			continue;
		while (len < s.len && (is_key_byte(s.ptr[len]) || s.ptr[len] == '*' || s.ptr[len] == '.'))
			len++;
		if (len - start >= 4)
			return len;
	}
	return 0;
}

static size_t url_length(struct span s)
{
	size_t len;

	if (!span_starts(s, "http://") && !span_starts(s, "https://"))
		return 0;
	for (len = 7; len < s.len && !strchr(" \t\r\n\"'<>)]}", s.ptr[len]) && s.ptr[len]; len++)
		;
	return len;
}

/* "host", "host:port" or "unix:/path" of the backend at the start of s; before: the byte ahead. */
static size_t host_length(struct span s, const struct target *t, char before)
{
	const struct origin *origin = t ? &t->backend->origin : NULL;
	size_t len;

	if (!origin || is_key_byte(before) || before == '.')
		return 0;
	if (origin->unix_path && span_starts(s, "unix:") &&
	    span_starts(span_from(s, 5), origin->unix_path))
		return 5 + strlen(origin->unix_path);
	if (!origin->host || strlen(origin->host) < HOST_MIN || !span_starts(s, origin->host))
		return 0;
	len = strlen(origin->host);
	if (len < s.len && (is_key_byte(s.ptr[len]) ||
			    (s.ptr[len] == '.' && len + 1 < s.len && is_key_byte(s.ptr[len + 1]))))
		return 0; /* part of a longer name */
	if (len + 1 < s.len && s.ptr[len] == ':' && isdigit((unsigned char)s.ptr[len + 1]))
		for (len++; len < s.len && isdigit((unsigned char)s.ptr[len]); len++)
			;
	return len;
}

void failure_sanitise(const struct target *t, struct span text, char *out, size_t size)
{
	struct span key = t ? span_str(t->backend->auth_line) : SPAN_NONE;
	size_t used = 0;

	if (span_starts(key, "Authorization: Bearer "))
		key = span_trim(span_from(key, sizeof "Authorization: Bearer " - 1));
	if (span_ends(key, "\r\n"))
		key.len -= 2;
	while (text.len && used + 1 < size) {
		size_t skip = secret_length(text, key);
		const char *shown = "[key]";

		if (!skip) {
			skip = url_length(text);
			shown = "[url]";
		}
		if (!skip) {
			skip = host_length(text, t, used ? out[used - 1] : ' ');
			shown = HOST_MARK;
		}
		if (skip) {
			used += (size_t)snprintf(out + used, size - used, "%s", shown);
			if (used >= size)
				used = size - 1;
			text = span_from(text, skip);
			continue;
		}
		out[used++] = (unsigned char)text.ptr[0] < 0x20 ? ' ' : text.ptr[0];
		text = span_from(text, 1);
	}
	if (text.len)
		used = utf8_whole(span_of(out, used)); /* not in the middle of a character */
	out[used] = '\0';
}

/* What the body says of itself; every member may be absent. */
struct said {
	struct buf message;
	char code[64], type[64], param[64];
};

static void copy_plain(struct jvalue v, char *out, size_t size)
{
	struct span s = jvalue_plain(v);

	if (!s.ptr && v.type == J_NUMBER)
		s = v.text;
	snprintf(out, size, "%.*s", s.len > 60 ? 60 : (int)s.len, s.ptr ? s.ptr : "");
}

/* The text of something that is no JSON; of a page of HTML without its tags. */
static void add_words(struct buf *out, struct span body)
{
	bool page = span_starts(span_trim(body), "<"), in_tag = false;

	for (size_t i = 0; i < body.len && out->len < RAW_TEXT_MAX; i++) {
		char c = strchr("\t\r\n", body.ptr[i]) ? ' ' : body.ptr[i];

		if (page && c == '<')
			in_tag = true;
		if (in_tag) {
			in_tag = c != '>';
			c = ' ';
		}
		if (c != ' ' || (out->len && out->ptr[out->len - 1] != ' '))
			buf_add_char(out, c);
	}
	if (out->len && out->ptr[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
}

/*
 * {"error":{"message","type","code","param"}} (OpenAI, llama.cpp with a number as code),
 * {"error":"text"} (Ollama), {"object":"error","message"} (old vLLM), {"detail":...}; else raw.
 */
static void read_said(struct said *said, struct span body)
{
	static const char *const top[] = { "error", "message", "detail", "code", "type", "param" };
	struct jvalue v[ARRAY_LEN(top)], e[ARRAY_LEN(top)];
	struct err ignored;

	if (jscan_members(body, NULL, top, v, ARRAY_LEN(top), &ignored) < 0) {
		add_words(&said->message, body);
		return;
	}
	memcpy(e, v, sizeof e);
	if (v[0].type == J_OBJECT)
		jwalk_members(v[0], top, e, ARRAY_LEN(top));
	copy_plain(e[3], said->code, sizeof said->code);
	copy_plain(e[4], said->type, sizeof said->type);
	copy_plain(e[5], said->param, sizeof said->param);
	if (v[0].type == J_STRING)
		jvalue_unescape(v[0], &said->message);
	else if (e[1].type == J_STRING)
		jvalue_unescape(e[1], &said->message);
	else if (e[2].type == J_STRING)
		jvalue_unescape(e[2], &said->message);
	else
		add_words(&said->message, body);
}

static bool mentions(const struct said *said, const char *what)
{
	return span_find(buf_span(&said->message), span_str(what)) >= 0;
}

static bool is_context(const struct said *said)
{
	return strcmp(said->code, "context_length_exceeded") == 0 ||
	       strcmp(said->type, "exceed_context_size_error") == 0 ||
	       mentions(said, "maximum context length") || mentions(said, "context window");
}

static bool is_policy(const struct said *said)
{
	return strcmp(said->code, "content_filter") == 0 ||
	       strcmp(said->code, "content_policy_violation") == 0 ||
	       strcmp(said->type, "content_filter") == 0;
}

static bool is_quota(const struct said *said)
{
	return strcmp(said->code, "insufficient_quota") == 0 ||
	       strcmp(said->type, "insufficient_quota") == 0;
}

static enum failure_class classify(int status, const struct said *said)
{
	if (status == 402 || (status == 429 && is_quota(said)))
		return FAILURE_QUOTA;
	if (status == 401 || status == 403)
		return FAILURE_KEY;
	if (status == 404)
		return FAILURE_MISSING;
	if (status == 408 || status == 425 || status == 429 || status == 529)
		return FAILURE_BUSY;
	if (status == 503 && (mentions(said, "Loading model") || strcmp(said->type, "unavailable_error") == 0))
		return FAILURE_BUSY;
	if (status >= 500 || status < 400)
		return FAILURE_SERVER;
	if (is_context(said))
		return FAILURE_CONTEXT;
	if (is_policy(said))
		return FAILURE_POLICY;
	return FAILURE_REQUEST;
}

/* Seconds (RFC 9110 10.2.3) or OpenAI's retry-after-ms; a date is rare and read as "not told". */
static int64_t read_retry_after(const struct http1_head *head)
{
	struct span ms = http1_field(head, "retry-after-ms"), seconds = head->known[HTTP1_RETRY_AFTER];
	int64_t value;

	if (ms.ptr && span_to_int(ms, 0, 86400000, &value) == 0)
		return value;
	if (seconds.ptr && span_to_int(seconds, 0, 86400, &value) == 0)
		return value * 1000;
	return -1;
}

/* "WHERE NAME: message"; a number as code (llama.cpp, vLLM) only repeats the status. */
static void write_text(struct failure *f, const struct target *t, const char *where,
		       const struct said *said)
{
	const char *name = said->code[0] && !isdigit((unsigned char)said->code[0]) ? said->code
										     : said->type;
	int used;

	if (f->class == FAILURE_KEY) { /* such texts like to repeat the key */
		snprintf(f->text, sizeof f->text, "%s: the backend refused the gateway's credentials",
			 where);
		return;
	}
	used = snprintf(f->text, sizeof f->text, "%s%s%s: ", where, name[0] ? " " : "", name);
	if (used > 0 && (size_t)used < sizeof f->text)
		failure_sanitise(t, buf_span(&said->message), f->text + used,
				 sizeof f->text - (size_t)used);
}

void failure_from_answer(struct failure *f, const struct target *t, const struct http1_head *head,
			 struct span body)
{
	struct said said = { 0 };
	char where[16];

	buf_init(&said.message, 64 * KIB);
	read_said(&said, body);
	f->status = head->status;
	f->class = classify(head->status, &said);
	f->retry_after_ms = read_retry_after(head);
	snprintf(where, sizeof where, "HTTP %d", head->status);
	if (head->status < 400) {
		buf_clear(&said.message);
		buf_add_str(&said.message, head->status < 300
						   ? "an answer without content"
						   : "the backend redirects elsewhere; its base_url is wrong");
	}
	write_text(f, t, where, &said);
	buf_free(&said.message);
}

/* The status that an error object would have had, had it been an answer of its own. */
static int implied_status(const struct said *said)
{
	static const struct {
		const char *name;
		int status;
	} names[] = {
		{ "context_length_exceeded", 400 },   { "exceed_context_size_error", 400 },
		{ "content_filter", 400 },	      { "content_policy_violation", 400 },
		{ "insufficient_quota", 429 },	      { "rate_limit_exceeded", 429 },
		{ "rate_limit_error", 429 },	      { "overloaded_error", 529 },
		{ "unavailable_error", 503 },	      { "invalid_api_key", 401 },
		{ "authentication_error", 401 },      { "permission_error", 403 },
		{ "model_not_found", 404 },	      { "not_found_error", 404 },
		{ "invalid_request_error", 400 },
	};
	int64_t status;

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(said->code, names[i].name) == 0)
			return names[i].status;
	if (span_to_int(span_str(said->code), 400, 599, &status) == 0)
		return (int)status;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(said->type, names[i].name) == 0)
			return names[i].status;
	return 500;
}

void failure_from_error(struct failure *f, const struct target *t, struct span body)
{
	struct said said = { 0 };

	buf_init(&said.message, 64 * KIB);
	read_said(&said, body);
	f->status = implied_status(&said);
	f->class = classify(f->status, &said);
	f->retry_after_ms = -1;
	write_text(f, t, "error", &said);
	buf_free(&said.message);
}
