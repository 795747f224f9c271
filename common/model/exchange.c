/*
 * common/model/exchange.c - see exchange.h.
 */
#include "common/model/exchange.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>

#include "common/base/file.h"
#include "common/base/log.h"
#include "common/base/mem.h"

#define KEPT "exchange-rate.xml"

enum { DAY_MS = 86400000, CONNECT_MS = 10000 };
/* The day may have begun elsewhere already. */
enum { FRESH_DAYS = 7, AHEAD_DAYS = -1 };

static int read_file(const char *path, struct rate *rate, struct err *err)
{
	struct buf text;
	int result;

	buf_init(&text, RATE_DOCUMENT_MAX);
	result = file_read(path, &text, err);
	if (result == 0)
		result = rate_read_ecb(buf_span(&text), rate, err);
	buf_free(&text);
	return result;
}

static void read_kept(const struct config *c, struct rate *rate)
{
	struct err err = ERR_INIT;
	char *path = config_data_path(c, KEPT, &err);
	struct rate kept;

	if (path && !file_is_absent(path)) {
		if (read_file(path, &kept, &err) == 0)
			*rate = kept;
		else
			log_warn("exchange", "%s: %s", path, err.message);
	}
	mem_free(path);
}

int exchange_read(const struct config *c, struct rate *rate, struct err *err)
{
	char where[CONFIG_WHERE_MAX];

	*rate = rate_default;
	if (*c->exchange_rate) {
		if (rate_read(span_str(c->exchange_rate), rate, err) == 0)
			return 0;
		return err_prefix(err, "%s: exchange_rate", config_place(c, CONFIG_KEY_exchange_rate, where));
	}
	if (*c->exchange_rate_file) {
		if (read_file(c->exchange_rate_file, rate, err) == 0)
			return 0;
		err->code = E_invalid_config;
		return err_prefix(err, "%s: exchange_rate_file: %s",
				  config_place(c, CONFIG_KEY_exchange_rate_file, where), c->exchange_rate_file);
	}
	if (*c->exchange_rate_url)
		read_kept(c, rate);
	return 0;
}

const char *exchange_warning(const struct rate *rate, int64_t now_ms, char out[EXCHANGE_WARNING_MAX])
{
	const int64_t days = rate_age_days(rate, now_ms);
	char source[RATE_SOURCE_MAX];

	out[0] = '\0';
	rate_source(rate, source);
	if (days > FRESH_DAYS)
		snprintf(out, EXCHANGE_WARNING_MAX,
			 "the exchange rate %s is %lld days old; costs in EUR go by it until exchange_rate, "
			 "exchange_rate_file or exchange_rate_url gives another",
			 source, (long long)days);
	else if (days < AHEAD_DAYS)
		snprintf(out, EXCHANGE_WARNING_MAX, "the exchange rate %s is of a day to come", source);
	return out;
}

bool exchange_is_due(const struct config *c, int64_t now_ms)
{
	struct err err = ERR_INIT;
	struct stat st;
	char *path;
	bool is_due;

	if (!*c->exchange_rate_url || *c->exchange_rate || *c->exchange_rate_file)
		return false;
	path = config_data_path(c, KEPT, &err);
	is_due = path && (stat(path, &st) < 0 || now_ms - (int64_t)st.st_mtime * 1000 >= DAY_MS ||
			  (int64_t)st.st_mtime * 1000 > now_ms + DAY_MS);
	mem_free(path);
	return is_due;
}

static size_t take(char *bytes, size_t size, size_t count, void *arg)
{
	return buf_add(arg, bytes, size * count) < 0 ? 0 : size * count;
}

static int look(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const _Atomic bool *is_ending = arg;

	(void)a, (void)b, (void)c, (void)d;
	return atomic_load_explicit(is_ending, memory_order_relaxed);
}

static int download(const char *url, const _Atomic bool *is_ending, struct buf *out, struct err *err)
{
	CURL *curl = curl_easy_init();
	char detail[CURL_ERROR_SIZE] = "";
	CURLcode code;

	if (!curl)
		return err_set(err, E_internal_error, "", "libcurl has no memory");
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)EXCHANGE_FETCH_MS);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "spass/" SPASS_VERSION);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, out);
	curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, look);
	/* Only read there.  NOLINTNEXTLINE(performance-no-int-to-ptr) */
	curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)is_ending);
	code = curl_easy_perform(curl);
	curl_easy_cleanup(curl);
	if (code == CURLE_OK)
		return 0;
	return err_set(err, E_upstream_error, "exchange_rate_url", "%s: %s", url,
		       *detail ? detail : curl_easy_strerror(code));
}

int exchange_fetch(const struct config *c, const _Atomic bool *is_ending, struct err *err)
{
	char *path = config_data_path(c, KEPT, err);
	struct rate rate;
	struct buf text;
	int result = -1;

	buf_init(&text, RATE_DOCUMENT_MAX);
	if (path && download(c->exchange_rate_url, is_ending, &text, err) == 0 &&
	    rate_read_ecb(buf_span(&text), &rate, err) == 0 &&
	    file_write(path, buf_span(&text), err) == 0)
		result = 0;
	buf_free(&text);
	mem_free(path);
	return result;
}
