/* tui/wire.c - transfers by libcurl's multi interface. */
#include "tui/wire.h"

#include "common/base/mem.h"

#include <curl/curl.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { POLL_MAX = 8, RETRY_AFTER_MAX_S = 86400 };

struct wire {
	CURLM *multi;
	struct wire_target target;
	int status; /* of the last transfer that ended */
};

struct wire *wire_new(const struct wire_target *target)
{
	struct wire *w = mem_new(struct wire);

	curl_global_init(CURL_GLOBAL_DEFAULT);
	w->multi = curl_multi_init();
	w->target = *target;
	return w;
}

void wire_free(struct wire *w)
{
	if (!w)
		return;
	curl_multi_cleanup(w->multi);
	curl_global_cleanup();
	mem_free(w);
}

const struct wire_target *wire_target(const struct wire *w)
{
	return &w->target;
}

int wire_status(const struct wire *w)
{
	return w->status;
}

void wire_name_user(struct wire *w)
{
	if (!w->target.user)
		w->target.user = w->target.login;
}

void wire_name_nobody(struct wire *w)
{
	w->target.user = w->target.login = NULL;
}

bool wire_takes_user(struct wire *w, const struct err *err)
{
	if (err->code != E_missing_field || strcmp(err->param, "headers.spass-user-id") != 0 ||
	    w->target.user || !w->target.login)
		return false;
	wire_name_user(w);
	return true;
}

char *wire_where(const struct wire *w, const char *path)
{
	if (w->target.unix_path)
		return mem_printf("unix:%s %s", w->target.unix_path, path);
	return mem_printf("%s%s", w->target.url, path);
}

/* What curl calls */

static void note_status(struct wire_transfer *t)
{
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	t->head.status = (int)status;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *context)
{
	struct wire_transfer *t = context;

	(void)one;
	note_status(t);
	t->received += len;
	t->stopped = !t->bytes(t, span_of(bytes, len));
	return t->stopped ? 0 : len;
}

static void keep_header(struct wire_head *head, struct span name, struct span value)
{
	const struct {
		const char *name;
		char *out;
		size_t size;
	} kept[] = {
		{ "content-type", head->type, sizeof head->type },
		{ "server", head->server, sizeof head->server },
		{ "location", head->location, sizeof head->location },
		{ "x-request-id", head->request_id, sizeof head->request_id },
	};
	int64_t seconds;

	if (span_is_nocase(name, "retry-after") && span_to_int(value, 1, RETRY_AFTER_MAX_S, &seconds) == 0)
		head->retry_after_s = (int)seconds;
	for (size_t i = 0; i < ARRAY_LEN(kept); i++)
		if (span_is_nocase(name, kept[i].name))
			snprintf(kept[i].out, kept[i].size, "%.*s", SPAN_ARGS(value));
}

static size_t on_header(char *bytes, size_t one, size_t len, void *context)
{
	struct wire_transfer *t = context;
	struct span value = span_of(bytes, len), name;

	(void)one;
	note_status(t);
	while (value.len && strchr("\r\n", value.ptr[value.len - 1]))
		value.len--;
	name = span_cut(&value, ':');
	if (!value.ptr)
		return len;
	keep_header(&t->head, name, span_trim(value));
	if (t->header)
		t->header(t, name, span_trim(value));
	return len;
}

static int on_progress(void *context, curl_off_t down, curl_off_t down_now, curl_off_t up,
		       curl_off_t up_now)
{
	const struct wire *w = context;

	(void)down, (void)down_now, (void)up, (void)up_now;
	return w->target.interrupted && w->target.interrupted();
}

/* What did not answer as HTTP does was most often asked in the wrong protocol. */
static const char *doubt_of(CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
		return "; is it http:// rather than https://?";
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_WEIRD_SERVER_REPLY:
		return "; what is there does not speak HTTP: is it https://?";
	default:
		return NULL;
	}
}

/* The variable that names a proxy for this address, or NULL. */
static const char *proxy_variable(const struct wire_target *target)
{
	static const char *const names[] = { "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy",
					     "ALL_PROXY" };
	bool is_tls = span_starts(span_str(target->url), "https:");

	for (size_t i = 0; i < ARRAY_LEN(names) && !target->is_local; i++) {
		const char *value = getenv(names[i]);

		if (value && *value && (i > 2 || (i < 2) == is_tls))
			return names[i];
	}
	return NULL;
}

/* What the user may have to change. */
static const char *param_of(const struct wire_target *target, CURLcode code)
{
	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		return "certificate";
	case CURLE_SSL_CACERT_BADFILE:
		return "ca-file";
	default:
		return target->is_local ? "" : "server";
	}
}

static void curl_error(const struct wire_transfer *t, CURLcode code, struct err *err)
{
	const struct wire_target *target = &t->wire->target;
	const char *where = target->unix_path ? target->unix_path : target->url;
	const char *what = *t->detail ? t->detail : curl_easy_strerror(code), *doubt = doubt_of(code);
	const char *proxy = proxy_variable(target);
	double connected = 0;

	/* Of a socket curl tells the port that it did not use. */
	if (target->unix_path && code == CURLE_COULDNT_CONNECT)
		what = "no gateway answers there";
	curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME, &connected);
	if (code == CURLE_ABORTED_BY_CALLBACK)
		err_set(err, E_cancelled, "", "interrupted");
	else if (code == CURLE_OPERATION_TIMEDOUT && t->timeout_ms > 0 &&
		 (connected > 0 || t->timeout_ms <= WIRE_CONNECT_MS))
		err_set(err, E_deadline_exceeded, "", "%s: no complete answer within %lld ms", where,
			(long long)t->timeout_ms);
	else if (!doubt && (t->received || connected > 0))
		err_set(err, E_stream_cut, "", "the connection to %s ended: %s", where, what);
	else
		err_set(err, E_connect_failed, param_of(target, code), "%s: %s%s%s%s", where, what,
			doubt ? doubt : "", proxy ? "; the proxy is that of " : "", proxy ? proxy : "");
}

/* Transfers */

/* type: of the body, or NULL. */
static struct curl_slist *headers_of(const struct wire *w, const struct wire_transfer *t, const char *accept,
				     const char *type)
{
	struct curl_slist *headers = NULL;
	char *line = mem_printf("Accept: %s", accept);

	headers = curl_slist_append(headers, line);
	headers = curl_slist_append(headers, "Expect:");
	mem_free(line);
	if (t->field)
		headers = curl_slist_append(headers, t->field);
	if (type) {
		line = mem_printf("Content-Type: %s", type);
		headers = curl_slist_append(headers, line);
		mem_free(line);
	}
	if (w->target.user) {
		line = mem_printf("SPASS-User-Id: %s", w->target.user);
		headers = curl_slist_append(headers, line);
		mem_free(line);
	}
	if (w->target.tenant) {
		line = mem_printf("SPASS-Tenant-Id: %s", w->target.tenant);
		headers = curl_slist_append(headers, line);
		mem_free(line);
	}
	if (w->target.token) {
		line = mem_printf("Authorization: Bearer %s", w->target.token);
		headers = curl_slist_append(headers, line);
		mem_free_secret(line, strlen(line));
	}
	return headers;
}

void wire_start(struct wire *w, struct wire_transfer *t, const char *path, struct span body,
		const char *accept, int64_t timeout_ms)
{
	char *url = mem_printf("%s%s", w->target.url, path);
	CURL *curl = curl_easy_init();

	static_assert(sizeof t->detail >= CURL_ERROR_SIZE, "room for curl's words");
	t->wire = w;
	t->curl = curl;
	t->head = (struct wire_head){ .status = 0 };
	t->timeout_ms = timeout_ms;
	t->received = 0;
	t->stopped = false;
	*t->detail = '\0';
	t->headers = headers_of(w, t, accept, body.ptr ? t->type ? t->type : "application/json" : NULL);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, w->target.unix_path);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, t->headers);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "spass/" SPASS_VERSION);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)WIRE_CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, w);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	if (w->target.ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, w->target.ca_file);
	if (w->target.is_local)
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (body.ptr) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
	}
	if (t->method)
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, t->method);
	curl_multi_add_handle(w->multi, curl);
	mem_free(url);
}

void wire_stop(struct wire_transfer *t)
{
	if (!t->curl)
		return;
	curl_multi_remove_handle(t->wire->multi, t->curl);
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	t->curl = t->headers = NULL;
}

static void finish(struct wire_transfer *t, CURLcode code)
{
	struct err err = ERR_INIT;
	long status = 0;

	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	t->head.status = t->wire->status = (int)status;
	if (code != CURLE_OK && !t->stopped)
		curl_error(t, code, &err);
	wire_stop(t);
	t->done(t, err.code == E_none ? NULL : &err);
}

/* Whether a transfer has ended: then nobody must sleep over it. */
static bool collect(struct wire *w)
{
	CURLMsg *message;
	bool ended = false;
	int left;

	while ((message = curl_multi_info_read(w->multi, &left))) {
		CURLcode code = message->data.result;
		void *t = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		finish(t, code);
		ended = true;
	}
	return ended;
}

void wire_wait(struct wire *w, struct pollfd *more, size_t count, int timeout_ms)
{
	struct curl_waitfd fds[POLL_MAX];
	int running = 0, ready = 0;

	curl_multi_perform(w->multi, &running);
	if (collect(w))
		timeout_ms = 0;
	count = count < POLL_MAX ? count : POLL_MAX;
	for (size_t i = 0; i < count; i++)
		fds[i] = (struct curl_waitfd){ .fd = more[i].fd, .events = CURL_WAIT_POLLIN };
	curl_multi_poll(w->multi, fds, (unsigned)count, timeout_ms < 0 ? 60000 : timeout_ms, &ready);
	for (size_t i = 0; i < count; i++)
		more[i].revents = fds[i].revents;
	curl_multi_perform(w->multi, &running);
	collect(w);
}
