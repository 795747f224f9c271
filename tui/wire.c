/* tui/wire.c - transfers by libcurl's multi interface. */
#include "tui/wire.h"

#include "common/base/mem.h"

#include <curl/curl.h>

#include <assert.h>
#include <string.h>

enum { POLL_MAX = 8 };

struct wire {
	CURLM *multi;
	struct wire_target target;
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

int64_t wire_timeout(const struct wire *w)
{
	return w->target.timeout_ms;
}

/* What curl calls */

static size_t on_body(char *bytes, size_t one, size_t len, void *context)
{
	struct wire_transfer *t = context;
	long status = 0;

	(void)one;
	curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	t->status = (int)status;
	t->received += len;
	t->stopped = !t->bytes(t, span_of(bytes, len));
	return t->stopped ? 0 : len;
}

static size_t on_header(char *bytes, size_t one, size_t len, void *context)
{
	struct wire_transfer *t = context;
	struct span value = span_of(bytes, len), name;

	(void)one;
	while (value.len && strchr("\r\n", value.ptr[value.len - 1]))
		value.len--;
	name = span_cut(&value, ':');
	if (t->header && value.ptr)
		t->header(t, name, span_trim(value));
	return len;
}

/* Errors */

static enum err_code code_of_status(int status)
{
	static const struct {
		int status;
		enum err_code code;
	} codes[] = {
		{ 401, E_invalid_authorization }, { 403, E_insufficient_scope },
		{ 404, E_route_not_found },       { 408, E_request_timeout },
		{ 413, E_body_too_large },        { 429, E_rate_limit_exceeded },
		{ 503, E_upstream_unavailable },  { 504, E_upstream_timeout },
	};

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].code;
	return status >= 500 ? E_internal_error : status >= 400 ? E_invalid_field : E_upstream_error;
}

bool wire_error_of(const json_t *error, int status, struct err *err)
{
	const char *name = json_string_value(json_object_get(error, "code"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *param = json_string_value(json_object_get(error, "param"));
	enum err_code code = name ? err_find(name) : E_none;

	if (json_is_string(error))
		message = json_string_value(error);
	else if (!json_is_object(error))
		return false;
	if (code == E_none)
		code = status ? code_of_status(status) : E_upstream_error;
	err_set(err, code, param ? param : "", "%s", message ? message : err_info(code)->title);
	return true;
}

int wire_read_error(int status, struct span body, struct err *err)
{
	json_t *root = json_loadb(body.ptr ? body.ptr : "", body.len, 0, NULL);

	if (!wire_error_of(json_object_get(root, "error"), status, err))
		err_set(err, code_of_status(status), "", "HTTP %d: not an answer of a spass gateway",
			status);
	json_decref(root);
	return -1;
}

static void curl_error(const struct wire_transfer *t, CURLcode code, struct err *err)
{
	const struct wire_target *target = &t->wire->target;
	const char *where = target->unix_path ? target->unix_path : target->url;
	const char *what = *t->detail ? t->detail : curl_easy_strerror(code);
	double connected = 0;

	curl_easy_getinfo(t->curl, CURLINFO_PRETRANSFER_TIME, &connected);
	if (code == CURLE_OPERATION_TIMEDOUT && connected > 0)
		err_set(err, E_deadline_exceeded, "", "no complete answer in the time given");
	else if (t->received || connected > 0)
		err_set(err, E_stream_cut, "", "the connection to %s ended: %s", where, what);
	else
		err_set(err, E_connect_failed, "", "%s: %s", where, what);
}

/* Transfers */

static struct curl_slist *headers_of(const struct wire *w, const char *accept, bool has_body)
{
	struct curl_slist *headers = NULL;
	char *line = mem_printf("Accept: %s", accept);

	headers = curl_slist_append(headers, line);
	headers = curl_slist_append(headers, "Expect:");
	if (has_body)
		headers = curl_slist_append(headers, "Content-Type: application/json");
	mem_free(line);
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
	t->status = 0;
	t->received = 0;
	t->stopped = false;
	*t->detail = '\0';
	t->headers = headers_of(w, accept, body.ptr != NULL);
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
	curl_easy_setopt(curl, CURLOPT_PRIVATE, t);
	if (w->target.is_local)
		curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (body.ptr) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.ptr);
	}
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
	t->status = (int)status;
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

/* A whole answer, waited for */

struct get {
	struct wire_transfer transfer;
	struct buf body;
	struct err err;
	bool done;
};

static bool get_bytes(struct wire_transfer *t, struct span s)
{
	return buf_add_span(&container_of(t, struct get, transfer)->body, s) == 0;
}

static void get_done(struct wire_transfer *t, const struct err *err)
{
	struct get *get = container_of(t, struct get, transfer);

	get->done = true;
	if (err)
		get->err = *err;
	else if (t->stopped)
		err_set(&get->err, E_too_large, "", "the answer is larger than %d bytes",
			WIRE_REPLY_MAX);
	else if (t->status / 100 != 2)
		wire_read_error(t->status, buf_span(&get->body), &get->err);
}

json_t *wire_get(struct wire *w, const char *path, struct err *err)
{
	struct get get = { .transfer = { .bytes = get_bytes, .done = get_done }, .err = ERR_INIT };
	json_t *root = NULL;

	buf_init(&get.body, WIRE_REPLY_MAX);
	wire_start(w, &get.transfer, path, SPAN_NONE, "application/json", WIRE_GET_MS);
	while (!get.done)
		wire_wait(w, NULL, 0, 1000);
	if (get.err.code != E_none)
		*err = get.err;
	else {
		root = json_loadb(buf_str(&get.body), get.body.len, 0, NULL);
		if (!root)
			err_set(err, E_upstream_error, "", "%s did not answer JSON", path);
	}
	buf_free(&get.body);
	return root;
}
