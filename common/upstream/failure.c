/*
 * common/upstream/failure.c - error classes of backends.
 */
#include "common/upstream/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/base/jscan.h"
#include "common/base/mem.h"
#include "common/base/utf8.h"

enum { RAW_TEXT_MAX = 1024, NAME_MAX_LEN = 60, HOST_MIN = 4 };
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
	[FAILURE_INTERNAL] = { "internal_error", NEXT_NONE, BLAME_NOBODY, E_internal_error },
	[FAILURE_CANCELLED] = { "cancelled", NEXT_NONE, BLAME_NOBODY, E_cancelled },
};

const struct failure_rule *failure_rule(enum failure_class c)
{
	return &rules[c];
}

/* What would break the line, or turn or hide what stands around it. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

/*
 * The first character of *text goes, fit to be shown, to out[used]; returns what is used then.
 * When it does not fit, *text is left as it is.
 */
static size_t add_character(char *out, size_t used, size_t size, struct span *text)
{
	char bytes[UTF8_MAX];
	size_t len, n;
	uint32_t c = utf8_next(*text, &len);

	n = utf8_encode(bytes, is_control(c) ? ' ' : c);
	if (used + n >= size)
		return used;
	memcpy(out + used, bytes, n);
	*text = span_from(*text, len);
	return used + n;
}

void failure_set(struct failure *f, enum failure_class class, const char *format, ...)
{
	char text[FAILURE_TEXT_MAX];
	struct span rest;
	size_t used = 0;
	va_list args;

	f->class = class;
	f->status = 0;
	f->retry_after_ms = -1;
	f->param[0] = '\0';
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	rest = span_of(text, utf8_whole(span_str(text)));
	for (size_t before = SIZE_MAX; rest.len && rest.len != before;) {
		before = rest.len;
		used = add_character(f->text, used, sizeof f->text, &rest);
	}
	f->text[used] = '\0';
}

/* ASCII, whatever the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Bytes that may belong to a key. */
static bool is_key_byte(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/* Length of something at the start of s that must not be shown, else 0; before: the byte ahead. */
static size_t secret_length(struct span s, struct span key, char before)
{
	static const char *const prefixes[] = { "sk-", "sk_", "gsk_", "xai-", "AIza", "Bearer " };

	if (key.ptr && key.len >= 8 && s.len >= key.len && span_equal(span_of(s.ptr, key.len), key))
		return key.len;
	if (is_key_byte(before))
		return 0;
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
	if (len + 1 < s.len && s.ptr[len] == ':' && is_digit(s.ptr[len + 1]))
		for (len++; len < s.len && is_digit(s.ptr[len]); len++)
			;
	return len;
}

/* How much at the start of s stays inside, and in *shown what takes its place. */
static size_t hidden_length(struct span s, const struct target *t, struct span key, char before,
			    const char **shown)
{
	size_t len = secret_length(s, key, before);

	*shown = "[key]";
	if (len)
		return len;
	*shown = "[url]";
	len = url_length(s);
	if (len)
		return len;
	*shown = HOST_MARK;
	return host_length(s, t, before);
}

/* The secret in what a backend is sent to know us by. */
static struct span key_of(const struct target *t)
{
	struct span key = span_str(t->backend->auth_line);

	if (span_starts(key, "Authorization: Bearer "))
		key = span_trim(span_from(key, sizeof "Authorization: Bearer " - 1));
	if (span_ends(key, "\r\n"))
		key.len -= 2;
	return key;
}

/*
 * Copies text as one line of UTF-8 without control characters, URLs, the backend's host and
 * secrets (its own key, "sk-..." and the like).
 */
static void sanitise(const struct target *t, struct span text, char *out, size_t size)
{
	struct span key = t ? key_of(t) : SPAN_NONE;
	char before = ' ';
	size_t used = 0;

	while (text.len && used + 1 < size) {
		const char *shown;
		size_t hidden = hidden_length(text, t, key, before, &shown), now = used;

		if (hidden) {
			used += (size_t)snprintf(out + used, size - used, "%s", shown);
			if (used >= size)
				used = size - 1;
			before = text.ptr[hidden - 1];
			text = span_from(text, hidden);
			continue;
		}
		before = text.ptr[0];
		used = add_character(out, used, size, &text);
		if (used == now)
			break;
	}
	out[used] = '\0';
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
		{ E_internal_error, FAILURE_INTERNAL },
		{ E_storage_error, FAILURE_INTERNAL },
	};
	enum failure_class class = FAILURE_CUT;

	for (size_t i = 0; i < ARRAY_LEN(classes); i++)
		if (classes[i].code == err->code)
			class = classes[i].class;
	failure_set(f, class, "%s", "");
	sanitise(t, span_str(err->message), f->text, sizeof f->text);
	/* An upcall's words begin with where it went, which is known by the backend's name. */
	if (span_starts(span_str(f->text), HOST_MARK ": "))
		memmove(f->text, f->text + sizeof HOST_MARK + 1, strlen(f->text + sizeof HOST_MARK + 1) + 1);
}

/* What the body says of itself; every member may be absent. */
struct said {
	struct buf message;
	char code[NAME_MAX_LEN + 1], type[NAME_MAX_LEN + 1], param[NAME_MAX_LEN + 1];
};

/* An identifier, a path such as messages[0].content, or a number; what is none of them names nothing. */
static void copy_name(struct jvalue v, char out[NAME_MAX_LEN + 1])
{
	struct span s = v.type == J_NUMBER ? v.text : jvalue_plain(v);
	bool is_name = s.len <= NAME_MAX_LEN;

	for (size_t i = 0; i < s.len && is_name; i++)
		is_name = is_key_byte(s.ptr[i]) || strchr(".:/[]", s.ptr[i]);
	snprintf(out, NAME_MAX_LEN + 1, "%.*s", is_name ? (int)s.len : 0, s.ptr ? s.ptr : "");
}

/* The text of something that is no JSON; of a page of HTML without its tags. */
static void add_words(struct buf *out, struct span body)
{
	bool page = span_starts(span_trim(body), "<"), in_tag = false;

	for (size_t i = 0; i < body.len && out->len < RAW_TEXT_MAX; i++) {
		char c = (char)(strchr("\t\r\n", body.ptr[i]) ? ' ' : body.ptr[i]);

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
	static const struct span top[] = { SPAN_INIT("error"), SPAN_INIT("message"), SPAN_INIT("detail"), SPAN_INIT("code"), SPAN_INIT("type"), SPAN_INIT("param") };
	struct jvalue v[ARRAY_LEN(top)], e[ARRAY_LEN(top)];
	struct err ignored;

	if (jscan_members(body, NULL, top, v, ARRAY_LEN(top), &ignored) < 0) {
		add_words(&said->message, body);
		return;
	}
	memcpy(e, v, sizeof e);
	if (v[0].type == J_OBJECT)
		jwalk_members(v[0], top, e, ARRAY_LEN(top));
	copy_name(e[3], said->code);
	copy_name(e[4], said->type);
	if (e[5].type == J_STRING)
		copy_name(e[5], said->param);
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
	const char *told = said->code[0] && !is_digit(said->code[0]) ? said->code : said->type;
	char name[NAME_MAX_LEN + 1];
	int used;

	sanitise(t, span_str(f->class == FAILURE_REQUEST || f->class == FAILURE_CONTEXT ? said->param : ""),
		 f->param, sizeof f->param);
	if (f->class == FAILURE_KEY) { /* such texts like to repeat the key */
		snprintf(f->text, sizeof f->text, "%s: the backend refused the gateway's credentials",
			 where);
		return;
	}
	sanitise(t, span_str(told), name, sizeof name);
	used = snprintf(f->text, sizeof f->text, "%s%s%s: ", where, name[0] ? " " : "", name);
	if (used > 0 && (size_t)used < sizeof f->text)
		sanitise(t, buf_span(&said->message), f->text + used,
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
