/* tests/support/isolation_requests.c - requests to every route about one's own and others' things. */
#include "tests/support/isolation.h"

#include <stdio.h>
#include <string.h>

unsigned next_random(unsigned *seed, unsigned below)
{
	*seed = *seed * 1103515245u + 12345u;
	return (*seed >> 16) % below;
}

/* Images, keys, indices and their jobs are a tenant's, memories always one user's; an administrator sees all conversations. */
bool is_visible(const struct view *view, const struct owner *owner, enum thing thing)
{
	if (view->tenant != owner->tenant)
		return false;
	if (thing == IMAGE || thing == KEY || thing == INDEX || thing == JOB)
		return true;
	return view->user == owner->user || (view->user == ANY && thing != MEMORY);
}

void target_id(const struct target *target, enum thing thing, char out[ID_SIZE])
{
	size_t len = strlen(target->owner->ids[thing]);

	memcpy(out, target->owner->ids[thing], len + 1);
	if (target->is_absent)
		out[len - 1] = out[len - 1] == '0' ? '1' : '0';
}

/* One request while it is made. */
struct making {
	struct isolation *t;
	struct request *r;
	const struct view *view;
	const struct target *target;
	unsigned *seed;
};

/* What the request is about; true when whoever asks must not find it. */
static bool refer(const struct making *m, enum thing thing, char out[ID_SIZE])
{
	bool hidden = m->target->is_absent || !is_visible(m->view, m->target->owner, thing);

	target_id(m->target, thing, out);
	if (!hidden)
		return false;
	m->r->finds_nothing = true;
	memcpy(m->r->about, out, ID_SIZE);
	return true;
}

static void add_text(const struct making *m)
{
	owner_text(m->t, m->view->tenant, m->view->user, &m->r->body);
}

static void add_member(const struct making *m, const char *name)
{
	text_printf(&m->r->body, "{\"%s\":\"", name);
	add_text(m);
	text_add_str(&m->r->body, "\"}");
}

static void body_completion(const struct making *m)
{
	text_printf(&m->r->body, "{\"model\":\"mock\",\"stream\":%s,\"messages\":[{\"role\":\"user\",\"content\":\"",
		    next_random(m->seed, 2) ? "true" : "false");
	add_text(m);
	text_add_str(&m->r->body, "\"}]}");
}

static void body_embeddings(const struct making *m)
{
	text_add_str(&m->r->body, "{\"model\":\"embed\",\"input\":\"");
	add_text(m);
	text_add_str(&m->r->body, "\"}");
}

/* A new conversation, or the target's; now and then with the target's picture. */
static void body_turn(const struct making *m)
{
	char id[ID_SIZE];

	text_printf(&m->r->body, "{\"model\":\"mock\",\"stream\":%s,\"message\":\"",
		    next_random(m->seed, 2) ? "true" : "false");
	add_text(m);
	text_add_str(&m->r->body, "\"");
	m->r->begins = true;
	switch (next_random(m->seed, 4)) {
	case 0:
		refer(m, CONVERSATION, id);
		if (next_random(m->seed, 2))
			text_printf(&m->r->body, ",\"conversation_id\":\"%s\"", id);
		else
			text_printf(&m->r->headers, "X-Conversation-Id: %s\r\n", id);
		m->r->begins = false;
		break;
	case 1:
		refer(m, IMAGE, id);
		text_printf(&m->r->body, ",\"images\":[\"%s\"]", id);
		break;
	default:
		break;
	}
	text_add_str(&m->r->body, "}");
}

/* An export that says it is somebody else's. */
static void body_import(const struct making *m)
{
	const struct owner *o = m->target->owner;

	text_printf(&m->r->body,
		    "{\"format\":\"spass-conversation\",\"version\":1,\"id\":\"%s\",\"user_id\":\"%s\","
		    "\"tenant_id\":\"%s\",\"parent_id\":\"%s\",\"parent_message\":\"%s\",\"title\":\"",
		    o->ids[CONVERSATION], m->t->users[o->user], m->t->tenants[o->tenant].id, o->ids[CONVERSATION],
		    o->ids[MESSAGE]);
	add_text(m);
	text_printf(&m->r->body, "\",\"messages\":[{\"id\":\"%s\",\"role\":\"user\",\"content\":\"", o->ids[MESSAGE]);
	add_text(m);
	text_add_str(&m->r->body, "\"}]}");
	m->r->begins = true;
}

static void body_title(const struct making *m)
{
	add_member(m, "title");
}

static void body_fork(const struct making *m)
{
	if (next_random(m->seed, 2))
		text_printf(&m->r->body, "{\"at\":\"%s\"}", m->target->owner->ids[MESSAGE]);
	else
		text_add_str(&m->r->body, "{}");
	m->r->begins = true;
}

static void body_content(const struct making *m)
{
	add_member(m, "content");
}

static void body_label(const struct making *m)
{
	text_printf(&m->r->body, "{\"label\":\"%s\"}", m->t->tenants[m->view->tenant].secret);
}

static void body_nothing(const struct making *m)
{
	text_add_str(&m->r->body, "{}");
}

static void body_settings(const struct making *m)
{
	text_printf(&m->r->body, "{\"rag_default_top_k\":%d}", m->t->tenants[m->view->tenant].number);
}

/* One of the tenant's own, or one that both have. */
static void body_image(const struct making *m)
{
	bool own = next_random(m->seed, 2);

	image_body(&m->r->body, own ? m->t->tenants[m->view->tenant].secret : "the same in both");
}

/* What all of a tenant may read. */
static void add_document(const struct making *m, const char *head, const char *tail)
{
	text_add_str(&m->r->body, head);
	owner_text(m->t, m->view->tenant, ANY, &m->r->body);
	text_add_str(&m->r->body, tail);
}

static void body_documents(const struct making *m)
{
	add_document(m, "{\"documents\":[{\"id\":\"" DOCUMENT "\",\"text\":\"", "\"}]}");
}

static void body_document(const struct making *m)
{
	add_document(m, "{\"text\":\"", "\"}");
}

static void body_ids(const struct making *m)
{
	text_add_str(&m->r->body, "{\"ids\":[\"" DOCUMENT "\"]}");
}

static void body_index(const struct making *m)
{
	text_add_str(&m->r->body, "{\"id\":\"" SCRATCH "\"}");
}

/* Others' words are searched for, too. */
static void body_query(const struct making *m)
{
	const char *words = next_random(m->seed, 2) ? "keep" : m->target->owner->bait;

	text_printf(&m->r->body, "{\"query\":\"%s\",\"scope\":\"%s\"}", words,
		    next_random(m->seed, 2) ? "corpus" : "chunks");
}

static void body_quote(const struct making *m)
{
	text_add_str(&m->r->body, "{\"doc_id\":\"" DOCUMENT "\",\"quote\":\"All of us keep\"}");
}

static void body_job(const struct making *m)
{
	char id[ID_SIZE];

	refer(m, INDEX, id);
	text_printf(&m->r->body, "{\"index\":\"%s\",\"kind\":\"check\"}", id);
}

static void body_files(const struct making *m)
{
	text_add_str(&m->r->body, "{\"files\":[{\"id\":\"other.md\",\"size\":1,\"mtime\":1}]}");
}

static void body_form(const struct making *m)
{
	text_add_str(&m->r->headers, "Content-Type: multipart/form-data; boundary=xyz\r\n");
	text_add_str(&m->r->body, "--xyz\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nlisten\r\n"
				  "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\n\r\n");
	add_text(m);
	text_add_str(&m->r->body, "\r\n--xyz--\r\n");
}

static void body_speech(const struct making *m)
{
	text_add_str(&m->r->body, "{\"model\":\"speak\",\"voice\":\"a\",\"input\":\"");
	add_text(m);
	text_add_str(&m->r->body, "\"}");
}

static const struct {
	const char *method, *path;
	void (*write)(const struct making *m);
} bodies[] = {
	{ "POST", "/v1/chat/completions", body_completion },
	{ "POST", "/v1/embeddings", body_embeddings },
	{ "POST", "/c1/chat", body_turn },
	{ "POST", "/c1/conversations/import", body_import },
	{ "PATCH", "/c1/conversations/{id}", body_title },
	{ "POST", "/c1/conversations/{id}/fork", body_fork },
	{ "PUT", "/v1/memory/{name}", body_content },
	{ "PUT", "/v1/system-prompts/{layer}", body_content },
	{ "PUT", "/v1/tenant/config", body_settings },
	{ "POST", "/v1/tenant/keys", body_label },
	{ "POST", "/v1/tenant/keys/{id}/rotate", body_nothing },
	{ "POST", "/v1/images", body_image },
	{ "POST", "/v1/audio/transcriptions", body_form },
	{ "POST", "/v1/audio/translations", body_form },
	{ "POST", "/v1/audio/speech", body_speech },
	{ "POST", "/a1/rag/indices", body_index },
	{ "PATCH", "/a1/rag/indices/{id}", body_nothing },
	{ "POST", "/a1/rag/jobs", body_job },
	{ "POST", "/a1/rag/indices/{id}/query", body_query },
	{ "POST", "/a1/rag/indices/{id}/verify", body_quote },
	{ "POST", "/a1/rag/indices/{id}/sync", body_files },
	{ "POST", "/a1/rag/indices/{id}/documents", body_documents },
	{ "POST", "/a1/rag/indices/{id}/documents/append", body_documents },
	{ "POST", "/a1/rag/indices/{id}/documents/upsert", body_documents },
	{ "POST", "/a1/rag/indices/{id}/documents/delete", body_ids },
	{ "PUT", "/a1/rag/indices/{id}/documents/{doc}", body_document },
};

static void fill_body(const struct making *m, const struct route *route)
{
	for (size_t i = 0; i < COUNT_OF(bodies); i++) {
		if (strcmp(bodies[i].method, route->method) != 0 || strcmp(bodies[i].path, route->path) != 0)
			continue;
		m->r->has_body = true;
		bodies[i].write(m);
		if (bodies[i].write != body_form)
			text_add_str(&m->r->headers, "Content-Type: application/json\r\n");
		return;
	}
	kit_fatal("%s %s: isolation_requests.c does not know its body", route->method, route->path);
}

/* What is named in a path and is nobody's alone. */
static const char *common_name(const struct making *m, const struct route *route)
{
	static const char *const layers[] = { "user", "tenant", "scope" };
	bool writes = strcmp(route->method, "GET") != 0;

	if (strncmp(route->path, "/v1/system-prompts/", 19) == 0) /* what the tenant shares stays as it was made */
		return layers[next_random(m->seed, writes ? 1 : 3)];
	return strncmp(route->path, "/v1/models/", 11) == 0 ? "mock" : "rag_default_top_k";
}

/* An index is made by what is put in, and what everybody has stays as it was made. */
static bool is_for_scratch(const struct making *m, const struct route *route)
{
	bool drops = strstr(route->path, "/documents/delete") != NULL;

	if (drops)
		return !m->target->is_absent && is_visible(m->view, m->target->owner, INDEX);
	return strstr(route->path, "/documents") &&
	       (strcmp(route->method, "POST") == 0 || strcmp(route->method, "PUT") == 0);
}

/* The path; one's own memory has a name that all have. */
static void fill_path(const struct making *m, const struct route *route)
{
	int thing = route_thing(route);
	char id[ID_SIZE] = "";

	if (thing == THINGS)
		snprintf(id, sizeof id, "%s", common_name(m, route));
	else if (thing == MEMORY && (strcmp(route->method, "PUT") == 0 ||
				     (is_visible(m->view, m->target->owner, MEMORY) && !m->target->is_absent)))
		snprintf(id, sizeof id, "notes");
	else if (thing == INDEX && is_for_scratch(m, route))
		snprintf(id, sizeof id, SCRATCH);
	else if (thing != ANY)
		refer(m, (enum thing)thing, id);
	if (thing == INDEX && strstr(route->path, "/sync")) {
		m->r->finds_nothing_kept = m->r->finds_nothing;
		m->r->finds_nothing = false;
	}
	route_path(route, id, m->r->path, sizeof m->r->path);
}

static void add_query(const struct making *m, const char *name, const char *value)
{
	size_t len = strlen(m->r->path);

	snprintf(m->r->path + len, sizeof m->r->path - len, "?%s=%s", name, value);
}

/* Others' words and ids are looked for, too. */
static void fill_query(const struct making *m, const struct route *route)
{
	static const char *const by[] = { "model", "user", "token", "day", "tenant" };
	const struct owner *o = m->target->owner;
	bool hidden = !is_visible(m->view, o, CONVERSATION);

	if (strcmp(route->method, "GET") != 0)
		return;
	if (strcmp(route->path, "/v1/usage") == 0)
		add_query(m, "by", by[next_random(m->seed, COUNT_OF(by))]);
	else if (strcmp(route->path, "/v1/images") == 0 || strcmp(route->path, "/v1/tenant/keys") == 0 ||
		 strcmp(route->path, "/a1/rag/indices") == 0)
		add_query(m, "limit", "100");
	else if (strcmp(route->path, "/c1/conversations/{id}/export") == 0)
		add_query(m, "format", next_random(m->seed, 2) ? "md" : "html");
	if (strcmp(route->path, "/c1/conversations") != 0)
		return;
	switch (next_random(m->seed, 5)) {
	case 0:
		add_query(m, "q", o->bait);
		m->r->finds_no_items = hidden;
		break;
	case 1:
		add_query(m, "prefix", o->ids[CONVERSATION]);
		m->r->finds_no_items = hidden;
		break;
	case 2:
		add_query(m, "prefix", "conv_");
		break;
	case 3:
		add_query(m, "limit", next_random(m->seed, 2) ? "100&offset=3" : "100");
		break;
	default:
		add_query(m, "q", "river");
		break;
	}
}

/* Names that all give alike, and what others' caches might know. */
static void fill_headers(const struct making *m)
{
	text_printf(&m->r->headers, "X-Request-Id: same-%s\r\nIdempotency-Key: same\r\n", m->t->run);
	if (m->view->user != ANY)
		text_printf(&m->r->headers, "SPASS-User-Id: %s\r\n", m->t->users[m->view->user]);
	if (next_random(m->seed, 4) == 0)
		text_printf(&m->r->headers, "If-None-Match: \"%s\"\r\n", m->target->owner->digest);
}

void request_fill(struct isolation *t, struct request *r, const struct route *route,
		  const struct view *view, const struct target *target, unsigned *seed)
{
	const struct making m = { t, r, view, target, seed };

	fill_path(&m, route);
	fill_query(&m, route);
	fill_headers(&m);
	if (route->has_body)
		fill_body(&m, route);
}
