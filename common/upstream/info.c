/* common/upstream/info.c - see info.h. */
#include "common/upstream/info.h"

#include <stdatomic.h>
#include <string.h>

#include "common/base/clock.h"
#include "common/base/mem.h"
#include "common/upstream/builtin.h"

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *positive_or_null(int64_t value)
{
	return value > 0 ? json_integer(value) : json_null();
}

static json_t *text_list(char *const *list)
{
	json_t *out = json_array();

	for (; *list; list++)
		json_array_append_new(out, json_string(*list));
	return out;
}

static bool list_has(char *const *list, const char *text)
{
	for (; *list; list++)
		if (strcmp(*list, text) == 0)
			return true;
	return false;
}

/* --- GET /v1/models --- */

bool info_is_listed(const struct routing *r, const struct model *m)
{
	size_t count;

	routing_chain(r, m, &count);
	return count > 0;
}

json_t *info_model(const struct routing *r, const struct model *m)
{
	return json_pack("{s:s, s:s, s:I, s:s}", "id", m->alias, "object", "model", "created",
			 (json_int_t)routing_created_s(r), "owned_by",
			 m->family ? m->family : "unknown");
}

static bool is_admitted(const struct info_filter *f, const struct model *m)
{
	return !f || !f->admits || f->admits(f->arg, m);
}

json_t *info_models(const struct routing *r, const struct info_filter *f)
{
	const struct catalog *c = routing_catalog(r);
	json_t *data = json_array();

	for (size_t i = 0; i < catalog_count(c); i++)
		if (info_is_listed(r, catalog_at(c, i)) && is_admitted(f, catalog_at(c, i)))
			json_array_append_new(data, info_model(r, catalog_at(c, i)));
	return json_pack("{s:s, s:o}", "object", "list", "data", data);
}

/* --- GET /v1/info --- */

static json_t *capabilities(const struct model *m)
{
	const struct {
		const char *name;
		bool has;
	} all[] = {
		{ "chat", model_chats(m) },
		{ "streaming", model_chats(m) },
		{ "embeddings", m->kind == MODEL_EMBEDDING },
		{ "reranking", m->kind == MODEL_RERANK },
		{ "transcription", m->kind == MODEL_TRANSCRIPTION },
		{ "speech", m->kind == MODEL_SPEECH },
		{ "tools", m->tools },
		{ "reasoning", m->reasoning != REASONING_NO },
		{ "vision", list_has(m->input, "image") },
		{ "audio", list_has(m->input, "audio") },
		{ "video", list_has(m->input, "video") },
		{ "image_generation", list_has(m->output, "image") },
	};
	json_t *out = json_array();

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		if (all[i].has)
			json_array_append_new(out, json_string(all[i].name));
	return out;
}

static json_t *reasoning(const struct model *m)
{
	if (m->reasoning == REASONING_CONFIGURABLE)
		return json_string(model_reasoning_name(m->reasoning));
	return json_boolean(m->reasoning == REASONING_YES);
}

static json_t *backend_names(const struct routing *r, const struct model *m)
{
	size_t max = routing_backend_count(r);
	const char **names = mem_calloc(max, sizeof *names);
	size_t count = routing_chain_backends(r, m, names, max);
	json_t *out = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(out, json_string(names[i]));
	mem_free(names);
	return out;
}

static json_t *members(const struct model *m)
{
	json_t *out = json_array();

	for (size_t i = 0; i < m->chain_count; i++)
		if (!m->chain[i].backend)
			json_array_append_new(out, json_string(m->chain[i].model));
	return out;
}

static enum backend_status status_of(const struct backend *b)
{
	return (enum backend_status)atomic_load(&b->status);
}

static bool is_available(const struct routing *r, const struct model *m)
{
	size_t count;
	const struct target *targets = routing_chain(r, m, &count);

	for (size_t i = 0; i < count; i++)
		if (status_of(targets[i].backend) == BACKEND_AVAILABLE)
			return true;
	return false;
}

static json_t *model_document(const struct routing *r, const struct model *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "alias", json_string(m->alias));
	json_object_set_new(o, "kind", json_string(model_kind_name(m->kind)));
	json_object_set_new(o, "family", text_or_null(m->family));
	json_object_set_new(o, "license", text_or_null(m->license));
	json_object_set_new(o, "context_window", positive_or_null(m->context_window));
	json_object_set_new(o, "tools", json_boolean(m->tools));
	json_object_set_new(o, "reasoning", reasoning(m));
	json_object_set_new(o, "modalities",
			    json_pack("{s:o, s:o}", "input", text_list(m->input), "output",
				      text_list(m->output)));
	json_object_set_new(o, "capabilities", capabilities(m));
	json_object_set_new(o, "routing", backend_names(r, m));
	if (m->composite)
		json_object_set_new(o, "members", members(m));
	if (m->kind == MODEL_EMBEDDING)
		json_object_set_new(o, "dimensions", positive_or_null(m->dimensions));
	json_object_set_new(o, "available", json_boolean(is_available(r, m)));
	json_object_set_new(o, "discovered", json_boolean(m->discovered));
	json_object_set_new(o, "constraints",
			    json_pack("{s:i, s:b, s:o}", "min_max_tokens", m->min_max_tokens,
				      "accepts_image_url", (int)m->accepts_image_url,
				      "typical_response_seconds",
				      positive_or_null(m->typical_seconds)));
	return o;
}

/* Of one that is there: how long another took when it was is no news. */
static json_t *latency(const struct backend *b)
{
	int64_t us = status_of(b) == BACKEND_AVAILABLE ? atomic_load(&b->latency_us) : -1;

	return us < 0 ? json_null() : json_integer((us + 500) / 1000);
}

static json_t *resting(const struct routing *r, const struct backend *b)
{
	enum { SHOWN_MAX = 32 };
	const char *models[SHOWN_MAX];
	size_t count = routing_resting(r, b, clock_mono_ms(), models, SHOWN_MAX);
	json_t *list = json_array();

	for (size_t i = 0; i < count && i < SHOWN_MAX; i++)
		json_array_append_new(list, json_string(models[i]));
	return list;
}

static json_t *backend_document(const struct routing *r, const struct backend *b)
{
	enum backend_status status = status_of(b);
	const char *trouble = atomic_load(&b->trouble);
	const char *reason = b->disabled_why               ? b->disabled_why
			     : status == BACKEND_AVAILABLE ? NULL
			     : status == BACKEND_UNKNOWN   ? "not looked at yet"
			     : trouble                     ? trouble
							   : "a call failed";

	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:o}", "name", b->name, "title",
			 b->provider->title, "provider", b->provider->name, "status",
			 backend_status_name(status), "reason", text_or_null(reason), "resting", resting(r, b), "local",
			 (b->provider->quirks & QUIRK_LOCAL) != 0, "latency_ms", latency(b));
}

static json_t *gateway_document(const struct config *c)
{
	return json_pack("{s:s, s:s, s:I, s:{s:I, s:I, s:I, s:I, s:I}}", "name", "spass", "version",
			 SPASS_VERSION, "max_body_bytes", (json_int_t)c->max_body_bytes, "limits",
			 "max_answer_bytes", (json_int_t)c->max_answer_bytes,
			 "first_byte_timeout_ms", (json_int_t)c->first_byte_timeout,
			 "between_timeout_ms", (json_int_t)c->between_timeout, "total_timeout_ms",
			 (json_int_t)c->total_timeout, "max_connections",
			 (json_int_t)c->max_connections);
}

json_t *info_document(const struct routing *r, const struct config *c, const struct info_filter *f,
		      const struct model *preferred)
{
	const struct catalog *catalog = routing_catalog(r);
	json_t *models = json_array(), *backends = json_array();

	for (size_t i = 0; i < catalog_count(catalog); i++)
		if (is_admitted(f, catalog_at(catalog, i)))
			json_array_append_new(models, model_document(r, catalog_at(catalog, i)));
	for (size_t i = 0; i < routing_backend_count(r); i++)
		json_array_append_new(backends, backend_document(r, routing_backend(r, i)));
	return json_pack("{s:o, s:o, s:o, s:o}", "gateway", gateway_document(c), "default_model",
			 text_or_null(preferred ? preferred->alias : NULL), "models",
			 models, "backends", backends);
}

/* --- GET /readyz --- */

/* What models a backend is a target of. */
struct use {
	bool any, chat;
};

static struct use use_of(const struct routing *r, const struct backend *b)
{
	const struct catalog *c = routing_catalog(r);
	struct use use = { false, false };

	for (size_t i = 0; i < catalog_count(c); i++) {
		const struct model *m = catalog_at(c, i);
		size_t count;
		const struct target *targets = routing_chain(r, m, &count);

		for (size_t k = 0; k < count; k++) {
			if (targets[k].backend != b)
				continue;
			use.any = true;
			use.chat |= m->kind == MODEL_CHAT;
		}
	}
	return use;
}

json_t *info_ready(const struct routing *r, bool *ready)
{
	json_t *backends = json_object();
	size_t chat = 0, chat_ok = 0, down = 0;

	for (size_t i = 0; i < routing_backend_count(r); i++) {
		const struct backend *b = routing_backend(r, i);
		bool ok = status_of(b) == BACKEND_AVAILABLE;
		bool built_in = b->provider->dialect == DIALECT_BUILTIN;
		struct use use = use_of(r, b);

		if (b->disabled_why || (b->automatic && b->provider->probe_port && !use.any))
			continue;
		json_object_set_new(backends, b->name,
				    json_pack("{s:s, s:o}", "status", ok ? "ok" : "unreachable",
					      "latency_ms",
					      built_in ? json_integer(0) : latency(b)));
		down += !ok;
		if (built_in || !use.chat)
			continue;
		chat++;
		chat_ok += ok;
	}
	*ready = chat == 0 || chat_ok > 0;
	return json_pack("{s:s, s:o}", "status",
			 !*ready ? "unavailable"
			 : down  ? "degraded"
				 : "ready",
			 "backends", backends);
}
