/*
 * common/loop/curl_engine.h - a multi handle of libcurl on our loop.
 *
 * libcurl says which descriptors and what time it waits for, and is called when they are there.  Owner
 * thread; on the loop's stack.
 */
#ifndef SPASS_LOOP_CURL_ENGINE_H
#define SPASS_LOOP_CURL_ENGINE_H

#include "common/loop/loop.h"

#include <curl/curl.h>

/* A transfer has ended; owner: its CURLOPT_PRIVATE. */
typedef void curl_engine_done(void *owner, CURLcode result);

struct curl_engine {
	struct loop *loop;
	CURLM *multi; /* whose transfers are added and removed by their owners */
	bool is_shared;
	/* private */
	curl_engine_done *done;
	struct timer timer;
	struct list waits;
	bool is_resting;
};

/* is_shared: done never frees it.  0 or -1. */
int curl_engine_init(struct curl_engine *e, struct loop *l, bool is_shared, curl_engine_done *done);
/* Its descriptors are watched by a new owner from now on. */
void curl_engine_rest(struct curl_engine *e);
void curl_engine_clear(struct curl_engine *e);

#endif
