/*
 * tests/support/crash_client.c - a client of /c1/chat that knows what it was answered.
 */
#include "tests/support/crash.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/kit.h"

enum { ANSWER_MAX = 1 << 20 };

static int dial(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((unsigned short)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
		return fd;
	close(fd);
	return -1;
}

bool crash_is_open(int port)
{
	int fd = dial(port);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

static bool ends(const struct text *answer, bool streamed)
{
	const char *body = strstr(text_str(answer), "\r\n\r\n"), *length;

	if (!body)
		return false;
	if (streamed && strstr(text_str(answer), "chunked"))
		return answer->len >= 5 && strcmp(answer->ptr + answer->len - 5, "0\r\n\r\n") == 0;
	length = strcasestr(text_str(answer), "\r\ncontent-length:");
	return length && (size_t)atol(length + 17) <= answer->len - (size_t)(body + 4 - answer->ptr);
}

/* As much of an answer as comes; false when the connection broke. */
static bool receive(int fd, bool streamed, struct text *answer)
{
	char bytes[8192];

	while (!ends(answer, streamed) && answer->len < ANSWER_MAX) {
		ssize_t got = recv(fd, bytes, sizeof bytes, 0);

		if (got <= 0)
			return false;
		text_add(answer, bytes, (size_t)got);
	}
	return true;
}

static unsigned next_random(struct crash_client *c)
{
	c->seed = c->seed * 1103515245u + 12345u;
	return c->seed >> 16;
}

/* Many readers take the event that finishes an answer for its end: seeing it counts. */
static bool is_answered(const struct text *answer, bool streamed)
{
	if (streamed)
		return strstr(text_str(answer), "\"finish_reason\":\"stop\"") != NULL;
	return ends(answer, false) && strncmp(text_str(answer), "HTTP/1.1 200", 12) == 0;
}

static void take_id(const struct text *answer, char id[64])
{
	const char *header = strcasestr(text_str(answer), "\r\nx-conversation-id: ");

	id[0] = '\0';
	if (header)
		sscanf(header + 21, "%63[a-z0-9_]", id);
}

/* One turn; false when the connection broke. */
static bool take_turn(struct crash_client *c, int fd, char id[64])
{
	bool streamed = next_random(c) % 2, goes_on, begins = !id[0] || next_random(c) % 8 == 0;
	struct text request = { 0 }, answer = { 0 }, body = { 0 };
	struct crash_answer *a = &c->answers[c->count];

	snprintf(a->word, sizeof a->word, "r%dc%dn%d", c->round, c->index, c->count);
	text_printf(&body, "{\"model\":\"%s\",\"message\":\"say %s\"", streamed ? "stream" : "plain", a->word);
	if (!begins)
		text_printf(&body, ",\"conversation_id\":\"%s\"", id);
	text_printf(&body, ",\"stream\":%s}", streamed ? "true" : "false");
	text_printf(&request,
		    "POST /c1/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer crash\r\n"
		    "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		    body.len, text_str(&body));
	goes_on = send_all(fd, request.ptr, request.len) && receive(fd, streamed, &answer);
	if (is_answered(&answer, streamed)) {
		c->count++;
		if (begins)
			take_id(&answer, id);
	} else if (goes_on) {
		if (!c->refused++)
			snprintf(c->why, sizeof c->why, "%.199s", text_str(&answer));
		goes_on = false;
	}
	text_free(&request);
	text_free(&answer);
	text_free(&body);
	return goes_on;
}

void *crash_client_run(void *client)
{
	struct crash_client *c = client;
	int fd = dial(c->port);
	char id[64] = "";

	while (fd >= 0 && c->count < CRASH_ANSWERS_MAX && take_turn(c, fd, id))
		;
	if (fd >= 0)
		close(fd);
	return NULL;
}
