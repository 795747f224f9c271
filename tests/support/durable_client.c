/* tests/support/durable_client.c - clients that write as fast as they are answered, and note it. */
#include "tests/support/durable.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, PATIENCE_S = 30, TURN_EVERY = 3 };

static int dial(const struct durable *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", d->socket);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* The value of a header line, or "". */
static void find_header(const char *head, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	*out = '\0';
	for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n")) {
		if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':')
			continue;
		line += 2 + len + 1;
		line += strspn(line, " ");
		snprintf(out, size, "%.*s", (int)strcspn(line, "\r"), line);
		return;
	}
}

/* Whether the answer is whole: its head and as many bytes as that says. */
static bool is_whole(const char *answer, size_t len)
{
	const char *end = strstr(answer, "\r\n\r\n");
	char length[32];

	if (!end)
		return false;
	find_header(answer, "content-length", length, sizeof length);
	return len >= (size_t)(end + 4 - answer) + strtoul(length, NULL, 10);
}

/* On a connection that is kept.  -1 when it broke off. */
static int exchange(int fd, const char *method, const char *path, const char *body,
		    const char *header, char out[64])
{
	static _Thread_local char answer[ANSWER_MAX];
	char *request = kit_printf("%s %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer durable\r\n"
				   "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
				   method, path, body ? strlen(body) : 0, body ? body : "");
	bool sent = send_all(fd, request, strlen(request));
	size_t len = 0;

	free(request);
	answer[0] = '\0';
	while (sent && !is_whole(answer, len)) {
		ssize_t n = len < sizeof answer - 1 ? recv(fd, answer + len, sizeof answer - 1 - len, 0)
						    : 0;

		if (n <= 0)
			return -1;
		len += (size_t)n;
		answer[len] = '\0';
	}
	if (!sent || strncmp(answer, "HTTP/1.1 ", 9) != 0)
		return -1;
	if (header)
		find_header(answer, header, out, 64);
	return (int)strtol(answer + 9, NULL, 10);
}

int client_ask(struct durable *d, const char *method, const char *path, const char *body,
	       const char *header, char out[64])
{
	int fd = dial(d), status;

	if (fd < 0)
		return -1;
	status = exchange(fd, method, path, body, header, out);
	close(fd);
	return status;
}

static int put_memory(struct client *c, int fd)
{
	char path[64], body[64];
	int status;

	snprintf(path, sizeof path, "/v1/memory/client%d", c->number);
	snprintf(body, sizeof body, "{\"content\":\"%lld\"}", (long long)++c->sent);
	status = exchange(fd, "PUT", path, body, NULL, NULL);
	if (status == 200)
		c->acked = c->sent;
	return status;
}

static int take_turn(struct client *c, int fd)
{
	char body[256], id[64], known[96] = "";
	int64_t turn = ++c->next_turn;
	int status;

	if (*c->conversation)
		snprintf(known, sizeof known, "\"conversation_id\":\"%s\",", c->conversation);
	snprintf(body, sizeof body,
		 "{%s\"model\":\"spass-extract\",\"message\":\"client %d says %lld\"}", known,
		 c->number, (long long)turn);
	status = exchange(fd, "POST", "/c1/chat", body, "x-conversation-id", id);
	if (status == 200 && *id) {
		snprintf(c->conversation, sizeof c->conversation, "%s", id);
		if (c->turn_count < TURNS_MAX)
			c->turns[c->turn_count++] = turn;
	}
	return status;
}

static void *run(void *data)
{
	struct client *c = data;
	struct durable *d = c->d;
	int fd = dial(d), status = 0;

	for (int64_t i = 0; fd >= 0 && status >= 0 && !atomic_load(&d->stop); i++) {
		status = i % TURN_EVERY == 0 ? take_turn(c, fd) : put_memory(c, fd);
		if (status == 200)
			atomic_fetch_add(&d->answered, 1);
		else if (status > 0)
			atomic_fetch_add(&d->refused, 1);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

void clients_start(struct durable *d)
{
	atomic_store(&d->stop, false);
	for (int i = 0; i < d->client_count; i++) {
		struct client *c = &d->clients[i];

		c->d = d;
		c->number = i;
		c->conversation[0] = '\0';
		c->turn_count = 0;
		pthread_create(&c->thread, NULL, run, c);
	}
}

void clients_join(struct durable *d)
{
	for (int i = 0; i < d->client_count; i++)
		pthread_join(d->clients[i].thread, NULL);
}
