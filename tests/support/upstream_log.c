/*
 * tests/support/upstream_log.c - what the scripted upstream saw, one JSON object a line.
 *
 *	{"ev":"open","conn":1,"t":12.3}                     a connection; t in monotonic ms
 *	{"ev":"begun","conn":1,"t":..}                     the head of one whose body is read slowly
 *	{"ev":"request","id":1,"conn":1,"use":1,"t":..,"began":..,"method","path","model","stream",
 *	 "headers":{name:value},"head":"raw","size":N,"sha256":"..","body":"..."}   body up to 64 KiB
 *	{"ev":"end","id":1,"t":..,"how":"done|client-closed|client-reset|cut|reset","events":N,"sent":N}
 *	{"ev":"close","conn":1,"t":..,"how":"..","requests":N}
 */
#include "tests/support/upstream.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LOG_BODY_MAX = 65536 };

static double now_ms(void)
{
	return (double)kit_now_us() / 1000.0;
}

static void log_write(struct mock_conn *c, struct text *line)
{
	text_add_str(line, "\n");
	if (write(c->mock->log, line->ptr, line->len) != (ssize_t)line->len)
		kit_fatal("the log cannot be written");
	text_free(line);
}

/* {name in small letters: value}; a repeated field's values are joined by ", ". */
static void add_headers(struct text *line, const struct mock_request *r)
{
	struct { struct text name, value; } fields[128] = { 0 };
	size_t count = 0;
	const char *at = memchr(r->head, '\n', r->head_len), *end = r->head + r->head_len;
	while (at && ++at < end && count < COUNT_OF(fields)) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *colon = stop ? memchr(at, ':', (size_t)(stop - at)) : NULL;
		if (!colon)
			break;
		struct text name = { 0 }, value = { 0 };
		for (const char *s = at; s < colon; s++) {
			char small = (char)tolower((unsigned char)*s);
			text_add(&name, &small, 1);
		}
		const char *from = colon + 1, *to = stop;
		while (from < to && (*from == ' ' || *from == '\t'))
			from++;
		while (to > from && (to[-1] == '\r' || to[-1] == ' '))
			to--;
		text_add(&value, from, (size_t)(to - from));
		size_t i = 0;
		while (i < count && strcmp(fields[i].name.ptr, name.ptr) != 0)
			i++;
		if (i < count) {
			text_printf(&fields[i].value, ", %s", text_str(&value));
			text_free(&name);
			text_free(&value);
		} else {
			fields[count].name = name;
			fields[count++].value = value;
		}
		at = stop;
	}
	text_add_str(line, ",\"headers\":{");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_add_str(line, ",");
		text_add_json(line, fields[i].name.ptr, fields[i].name.len);
		text_add_str(line, ":");
		text_add_json(line, text_str(&fields[i].value), fields[i].value.len);
		text_free(&fields[i].name);
		text_free(&fields[i].value);
	}
	text_add_str(line, "}");
}

static void log_moment(struct mock_conn *c, const char *event)
{
	struct text line = { 0 };
	if (c->mock->log < 0)
		return;
	text_printf(&line, "{\"ev\":\"%s\",\"conn\":%llu,\"t\":%.3f}", event, (unsigned long long)c->id, now_ms());
	log_write(c, &line);
}

void mock_log_open(struct mock_conn *c)
{
	log_moment(c, "open");
}

void mock_log_begun(struct mock_conn *c)
{
	log_moment(c, "begun");
}

void mock_log_request(struct mock_conn *c)
{
	const struct mock_request *r = &c->req;
	struct text line = { 0 };
	char digest[65];
	if (c->mock->log < 0)
		return;
	kit_sha256(r->body ? r->body : "", r->body_len, digest);
	text_printf(&line, "{\"ev\":\"request\",\"id\":%llu,\"conn\":%llu,\"use\":%u,\"t\":%.3f,\"began\":%.3f,\"method\":",
		    (unsigned long long)r->id, (unsigned long long)c->id, c->used, now_ms(),
		    (double)r->started_us / 1000.0);
	text_add_json(&line, r->method, strlen(r->method));
	text_add_str(&line, ",\"path\":");
	text_add_json(&line, r->path, strlen(r->path));
	text_add_str(&line, ",\"model\":");
	text_add_json(&line, r->model, strlen(r->model));
	text_printf(&line, ",\"stream\":%s", r->stream ? "true" : "false");
	add_headers(&line, r);
	text_add_str(&line, ",\"head\":");
	text_add_json(&line, r->head, r->head_len);
	text_printf(&line, ",\"size\":%zu,\"sha256\":\"%s\"", r->body_len, digest);
	if (r->body_len <= LOG_BODY_MAX) {
		text_add_str(&line, ",\"body\":");
		text_add_json(&line, r->body ? r->body : "", r->body_len);
	}
	text_add_str(&line, "}");
	log_write(c, &line);
}

void mock_log_end(struct mock_conn *c, const char *how)
{
	struct text line = { 0 };
	if (c->mock->log < 0)
		return;
	text_printf(&line, "{\"ev\":\"end\",\"id\":%llu,\"conn\":%llu,\"t\":%.3f,\"how\":\"%s\",\"events\":%lld,\"sent\":%lld}",
		    (unsigned long long)c->req.id, (unsigned long long)c->id, now_ms(), how, (long long)c->events,
		    (long long)c->sent);
	log_write(c, &line);
}

void mock_log_close(struct mock_conn *c, const char *how)
{
	struct text line = { 0 };
	if (c->mock->log < 0)
		return;
	text_printf(&line, "{\"ev\":\"close\",\"conn\":%llu,\"t\":%.3f,\"how\":\"%s\",\"requests\":%u}",
		    (unsigned long long)c->id, now_ms(), how, c->used);
	log_write(c, &line);
}
