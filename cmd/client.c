/* cmd/client.c - HTTP calls of a command by libcurl's easy interface. */
#include "cmd/client.h"

#include "cmd/interrupt.h"
#include "common/base/mem.h"

#include <curl/curl.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

struct client {
	CURL *curl;
	struct client_target target;
	char *authorization; /* the header line, or NULL; secret */
	int64_t timeout_ms;
};

/* One call under way. */
struct transfer {
	struct client *client;
	const struct client_call *call;
	struct client_reply *reply;
	struct err err; /* of the receiver */
};

/* Targets */

static bool starts_with(const char *text, const char *prefix)
{
	return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

static int bad_target(const char *text, const char *why, struct err *err)
{
	return err_set(err, E_usage, "server", "\"%.200s\" %s", text, why);
}

int client_target_parse(const char *text, struct client_target *out, struct err *err)
{
	size_t len = strlen(text);

	*out = (struct client_target){ .url = NULL };
	if (starts_with(text, "unix:")) {
		if (text[5] != '/')
			return bad_target(text, "needs an absolute path after unix:", err);
		out->unix_path = mem_strdup(text + 5);
		out->url = mem_strdup("http://localhost");
		return 0;
	}
	if (strstr(text, "://") && !starts_with(text, "http://") && !starts_with(text, "https://"))
		return bad_target(text, "is not http://, https:// or unix:", err);
	if (!len || strpbrk(text, " \t\r\n?#"))
		return bad_target(text, "is not an address of a gateway", err);
	/* A key or a password in an address ends up in histories and logs. */
	if (strchr(text, '@'))
		return bad_target("...@...",
				  "must not contain credentials; use --token-file or SPASS_TOKEN",
				  err);
	while (len && text[len - 1] == '/')
		len--;
	if (len > 3 && !strncmp(text + len - 3, "/v1", 3))
		len -= 3;
	out->url = mem_printf("%s%.*s", strstr(text, "://") ? "" : "http://", (int)len, text);
	return 0;
}

void client_target_clear(struct client_target *t)
{
	mem_free(t->url);
	mem_free(t->unix_path);
	*t = (struct client_target){ .url = NULL };
}

bool client_target_is_local(const struct client_target *t)
{
	static const char *const hosts[] = { "localhost", "127.", "[::1]" };
	const char *host = strstr(t->url, "://");

	if (t->unix_path || !host)
		return t->unix_path != NULL;
	host += 3;
	for (size_t i = 0; i < ARRAY_LEN(hosts); i++) {
		size_t len = strlen(hosts[i]);

		if (strncasecmp(host, hosts[i], len) != 0)
			continue;
		/* 127.0.0.1.example.org is not: digits and dots only up to the port or path. */
		if (hosts[i][len - 1] == '.')
			len += strspn(host + len, "0123456789.");
		if (!host[len] || host[len] == ':' || host[len] == '/')
			return true;
	}
	return false;
}

/* The client */

struct client *client_new(const struct client_target *target, const char *token, int64_t timeout_ms)
{
	struct client *c = mem_new(struct client);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	c->curl = curl_easy_init();
	c->target.url = mem_strdup(target->url);
	c->target.unix_path = target->unix_path ? mem_strdup(target->unix_path) : NULL;
	c->authorization = token ? mem_printf("Authorization: Bearer %s", token) : NULL;
	c->timeout_ms = timeout_ms;
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->curl);
	curl_global_cleanup();
	client_target_clear(&c->target);
	mem_free_secret(c->authorization, c->authorization ? strlen(c->authorization) : 0);
	mem_free(c);
}

void client_reply_clear(struct client_reply *r)
{
	buf_free(&r->body);
}

/* What curl calls */

static size_t on_body(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *t = context;
	long status = 0;

	(void)one;
	curl_easy_getinfo(t->client->curl, CURLINFO_RESPONSE_CODE, &status);
	if (t->call->bytes && status / 100 == 2)
		return t->call->bytes(t->call->context, span_of(bytes, len), &t->err) < 0 ? 0 : len;
	if (buf_add(&t->reply->body, bytes, len) == 0)
		return len;
	err_set(&t->err, E_too_large, "", "the answer is larger than %d bytes", CLIENT_REPLY_MAX);
	return 0;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *context)
{
	struct transfer *t = context;
	struct span value = span_of(bytes, len), name;

	(void)one;
	while (value.len && strchr("\r\n", value.ptr[value.len - 1]))
		value.len--;
	name = span_cut(&value, ':');
	if (span_is_nocase(name, "x-request-id")) {
		value = span_trim(value);
		snprintf(t->reply->request_id, sizeof t->reply->request_id, "%.*s",
			 SPAN_ARGS(value));
	}
	return len;
}

static int on_progress(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up,
		       curl_off_t up_now)
{
	(void)context, (void)down, (void)down_now, (void)up, (void)up_now;
	return interrupt_signal() != 0;
}

/* Errors */

int client_read_error(int status, struct span body, struct err *err)
{
	static const struct {
		int status;
		enum err_code code;
	} by_status[] = {
		{ 401, E_invalid_authorization },
		{ 403, E_insufficient_scope },
		{ 404, E_route_not_found },
		{ 408, E_request_timeout },
		{ 410, E_route_not_found },
		{ 413, E_body_too_large },
		{ 425, E_request_timeout },
		{ 429, E_rate_limit_exceeded },
		{ 499, E_cancelled },
		{ 503, E_upstream_unavailable },
		{ 504, E_upstream_timeout },
	};
	json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL),
	       *error = json_object_get(root, "error");
	const char *name = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *param = json_string_value(json_object_get(error, "param"));
	enum err_code code = name ? err_find(name) : E_none;

	if (code != E_none) {
		err_set(err, code, param ? param : "", "%s",
			message ? message : err_info(code)->title);
		goto out;
	}
	code = status >= 500   ? E_internal_error
	       : status >= 400 ? E_invalid_field
			       : E_upstream_error;
	for (size_t i = 0; i < ARRAY_LEN(by_status); i++)
		if (by_status[i].status == status)
			code = by_status[i].code;
	err_set(err, code, param ? param : "", "HTTP %d%s%s: %s", status, name ? " " : "",
		name ? name : "", message ? message : "not an answer of a spass gateway");
out:
	json_decref(root);
	return -1;
}

static int curl_error(const struct transfer *t, CURLcode code, const char *detail, struct err *err)
{
	const struct client_target *target = &t->client->target;
	const char *what = *detail ? detail : curl_easy_strerror(code);
	const char *where = target->unix_path ? target->unix_path : target->url;

	switch (code) {
	case CURLE_ABORTED_BY_CALLBACK:
		return err_set(err, E_cancelled, "", "interrupted");
	case CURLE_OPERATION_TIMEDOUT:
		if (t->client->timeout_ms > 0)
			return err_set(err, E_deadline_exceeded, "",
				       "no complete answer within %lld ms",
				       (long long)t->client->timeout_ms);
		break;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
		return err_set(err, E_stream_cut, "", "%s: %s", where, what);
	default:
		break;
	}
	return err_set(err, E_connect_failed, "", "%s: %s", where, what);
}

/* Calls */

static struct curl_slist *headers_of(const struct client *c, const struct client_call *call)
{
	struct curl_slist *headers = NULL;
	char *accept = mem_printf("Accept: %s", call->accept ? call->accept : "application/json");

	headers = curl_slist_append(headers, accept);
	headers = curl_slist_append(headers, "Expect:");
	if (call->body.ptr)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	if (c->authorization)
		headers = curl_slist_append(headers, c->authorization);
	mem_free(accept);
	return headers;
}

static void set_up(struct transfer *t, const char *url, struct curl_slist *headers, char *detail)
{
	const struct client *c = t->client;
	CURL *curl = c->curl;

	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->target.unix_path);
	curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->call->method);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "spass/" SPASS_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CLIENT_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)c->timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	/* No proxy stands between a machine and itself. */
	if (client_target_is_local(&c->target))
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (t->call->body.ptr) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->call->body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, t->call->body.ptr);
	}
}

int client_call(struct client *c, const struct client_call *call, struct client_reply *reply,
		struct err *err)
{
	struct transfer t = { .client = c, .call = call, .reply = reply, .err = ERR_INIT };
	char detail[CURL_ERROR_SIZE] = "", *url = mem_printf("%s%s", c->target.url, call->path);
	struct curl_slist *headers = headers_of(c, call);
	long status = 0;
	CURLcode code;

	*reply = (struct client_reply){ .status = 0 };
	buf_init(&reply->body, CLIENT_REPLY_MAX);
	set_up(&t, url, headers, detail);
	code = curl_easy_perform(c->curl);
	curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
	reply->status = (int)status;
	curl_slist_free_all(headers);
	mem_free(url);
	if (t.err.code != E_none) {
		*err = t.err;
		return -1;
	}
	if (code != CURLE_OK)
		return curl_error(&t, code, detail, err);
	if (status / 100 == 2 || call->any_status)
		return 0;
	client_read_error(reply->status, buf_span(&reply->body), err);
	if (*reply->request_id) {
		size_t len = strlen(err->message);

		snprintf(err->message + len, sizeof err->message - len, " (request %.64s)",
			 reply->request_id);
	}
	return -1;
}

json_t *client_get(struct client *c, const char *path, struct err *err)
{
	const struct client_call call = { .method = "GET", .path = path };
	struct client_reply reply;
	json_error_t fault;
	json_t *root = NULL;

	if (client_call(c, &call, &reply, err) == 0) {
		root = json_loadb(reply.body.ptr ? reply.body.ptr : "", reply.body.len, 0, &fault);
		if (!root)
			err_set(err, E_upstream_error, "", "%s%s did not answer JSON: %s",
				c->target.url, path, fault.text);
	}
	client_reply_clear(&reply);
	return root;
}
