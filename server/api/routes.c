/*
 * server/api/routes.c - the table of routes and the search in it.
 */
#include "server/api/routes.h"

#include <string.h>

#include "common/base/mem.h"
#include "server/api/call.h"

/*
 * Each row names the scopes that a token must have, or says that none is needed; a row without
 * does not compile.
 */
#define NEEDED(scope) ((scope) + 0 * sizeof(char[(scope) ? 1 : -1]))
#define ROW(access_, scope_, method_, pattern_, handle_, ...)                                  \
	{                                                                                       \
		.method = HTTP1_##method_, .pattern = (pattern_), .handle = (handle_),          \
		.access = ACCESS_##access_, .scope = (scope_), __VA_ARGS__                      \
	}
#define ROUTE(method, pattern, handle, scope, ...) \
	ROW(TOKEN, NEEDED(scope), method, pattern, handle, __VA_ARGS__)
#define METRICS(method, pattern, handle, scope, ...) \
	ROW(METRICS, NEEDED(scope), method, pattern, handle, __VA_ARGS__)
#define PUBLIC(method, pattern, handle, ...) \
	ROW(PUBLIC, SCOPE_none, method, pattern, handle, __VA_ARGS__)

const struct route route_table[] = {
	ROUTE(POST, "/v1/chat/completions", v1_chat_completions, SCOPE_BIT(chat_exec),
	  .needs_user = true, .surface = "v1", .summary = "Chat completion, plain or streamed",
	  .description = "OpenAI's request and answer, unchanged, routed over the model's backends.",
	  .request = "ChatCompletionRequest", .response = "ChatCompletion",
	  .events = "ChatCompletionEvent"),
	ROUTE(POST, "/v1/embeddings", v1_embeddings, SCOPE_BIT(embeddings_exec),
	  .needs_user = true, .surface = "v1", .summary = "Embeddings of one or several texts",
	  .description = "At most 256 texts of 8,192 bytes each; float or base64.",
	  .request = "EmbeddingsRequest", .response = "Embeddings"),
	ROUTE(GET, "/v1/models", v1_models, SCOPE_BIT(info_read), .surface = "v1",
	  .summary = "The models this token may use", .response = "ModelList"),
	ROUTE(GET, "/v1/models/{id}", v1_model, SCOPE_BIT(info_read), .surface = "v1",
	  .takes_rest = true, .summary = "One model", .response = "Model"),
	ROUTE(GET, "/v1/info", v1_info, SCOPE_BIT(info_read), .surface = "v1",
	  .summary = "Models with their constraints, and the backends as they are",
	  .response = "Info"),
	ROUTE(GET, "/v1/usage", v1_usage, SCOPE_BIT(usage_read), .needs_user = true,
	  .surface = "v1", .summary = "What was used, by model, user, token, day or tenant, and what it cost",
	  .description = "One's own; a tenant_admin's tenant; an operator's all.  from and to are days (UTC), "
			 "both included; without them the last 30.",
	  .response = "UsageReport", .query = "by from to"),
	ROUTE(GET, "/v1/memory", v1_memory_list, SCOPE_BIT(memory_read), .needs_user = true,
	  .surface = "v1", .summary = "What is remembered of the user", .response = "MemoryList"),
	ROUTE(GET, "/v1/memory/{name}", v1_memory_get, SCOPE_BIT(memory_read),
	  .needs_user = true, .surface = "v1", .summary = "One memory", .response = "Memory"),
	ROUTE(PUT, "/v1/memory/{name}", v1_memory_put, SCOPE_BIT(memory_write),
	  .needs_user = true, .surface = "v1", .summary = "Set a memory, or add to it",
	  .description = "At most 16,384 bytes each, and 32 of them.", .request = "MemoryText",
	  .response = "Memory"),
	ROUTE(DELETE, "/v1/memory/{name}", v1_memory_delete, SCOPE_BIT(memory_write),
	  .needs_user = true, .surface = "v1", .summary = "Forget a memory", .status = 204),
	ROUTE(GET, "/v1/system-prompts", v1_prompts_list, SCOPE_BIT(system_prompts_read),
	  .needs_user = true, .surface = "v1", .summary = "The layers of text in front of the user's requests",
	  .response = "SystemPromptList"),
	ROUTE(GET, "/v1/system-prompts/effective", v1_prompts_effective, SCOPE_BIT(system_prompts_read), .needs_user = true, .surface = "v1",
	  .summary = "The enabled layers, joined", .response = "SystemPromptText"),
	ROUTE(GET, "/v1/system-prompts/{layer}", v1_prompts_get, SCOPE_BIT(system_prompts_read), .needs_user = true, .surface = "v1", .summary = "One layer",
	  .response = "SystemPrompt"),
	ROUTE(PUT, "/v1/system-prompts/{layer}", v1_prompts_put, SCOPE_BIT(system_prompts_write), .needs_user = true, .surface = "v1",
	  .summary = "Set a layer's text, or switch it on and off",
	  .description = "At most 16,384 bytes; the layers tenant and scope are a tenant_admin's.",
	  .request = "SystemPromptChange", .response = "SystemPrompt"),
	ROUTE(DELETE, "/v1/system-prompts/{layer}", v1_prompts_delete, SCOPE_BIT(system_prompts_write), .needs_user = true, .surface = "v1", .summary = "Drop a layer's text",
	  .status = 204),
	ROUTE(GET, "/v1/tenant/config", tenant_settings_list, SCOPE_BIT(tenant_config_read), .surface = "v1",
	  .summary = "The tenant's settings, and where each comes from",
	  .description = "Three levels: process, yaml (the operator's tokens.yaml) and db; the highest wins.",
	  .response = "TenantConfig"),
	ROUTE(PUT, "/v1/tenant/config", tenant_settings_set, SCOPE_BIT(tenant_config_write), .surface = "v1",
	  .summary = "Change settings of group C: all of the body, or none",
	  .request = "TenantConfigChange", .response = "TenantConfig"),
	ROUTE(DELETE, "/v1/tenant/config", tenant_settings_clear, SCOPE_BIT(tenant_config_write), .surface = "v1",
	  .summary = "Drop all changes: what yaml and process say counts again",
	  .response = "TenantConfig"),
	ROUTE(GET, "/v1/tenant/config/{key}", tenant_settings_get, SCOPE_BIT(tenant_config_read),
	  .surface = "v1", .summary = "One setting", .response = "TenantConfig"),
	ROUTE(DELETE, "/v1/tenant/config/{key}", tenant_settings_drop, SCOPE_BIT(tenant_config_write),
	  .surface = "v1", .summary = "Drop the change of one setting", .response = "TenantConfig"),
	ROUTE(POST, "/c1/chat", c1_chat, SCOPE_BIT(chat_exec) | SCOPE_BIT(conversations_write),
	  .needs_user = true, .surface = "c1", .summary = "One turn of a conversation, plain or streamed",
	  .description = "Takes one message; what was said before is kept by the gateway and sent along. "
			 "The answer is OpenAI's; its header x-conversation-id names the conversation, and as a "
			 "header of the next request, or as the member conversation_id, goes on with it.",
	  .request = "ConversationTurn", .response = "ChatCompletion", .events = "ChatCompletionEvent"),
	ROUTE(GET, "/c1/conversations", c1_list, SCOPE_BIT(conversations_read),
	  .needs_user = true, .surface = "c1", .summary = "Conversations, newest first",
	  .description = "q finds words and \"phrases\" in what was said, the newest find first; prefix finds "
			 "ids that begin so.",
	  .response = "ConversationList", .query = "limit offset q prefix"),
	ROUTE(POST, "/c1/conversations/import", c1_import, SCOPE_BIT(conversations_write),
	  .needs_user = true, .surface = "c1", .summary = "A new conversation from an export in JSON",
	  .request = "ConversationExport", .response = "Conversation", .status = 201),
	ROUTE(GET, "/c1/conversations/{id}", c1_get, SCOPE_BIT(conversations_read),
	  .needs_user = true, .surface = "c1", .summary = "A whole conversation",
	  .response = "ConversationWhole"),
	ROUTE(PATCH, "/c1/conversations/{id}", c1_rename, SCOPE_BIT(conversations_write),
	  .needs_user = true, .surface = "c1", .summary = "Another title",
	  .request = "ConversationChange", .response = "Conversation"),
	ROUTE(DELETE, "/c1/conversations/{id}", c1_delete, SCOPE_BIT(conversations_write),
	  .needs_user = true, .surface = "c1", .summary = "Removes a conversation for good", .status = 204),
	ROUTE(GET, "/c1/conversations/{id}/export", c1_export, SCOPE_BIT(conversations_read),
	  .needs_user = true, .surface = "c1", .summary = "A conversation as a file",
	  .description = "format is json, md or html.", .response = "ConversationExport",
	  .texts = "text/markdown text/html", .query = "format"),
	ROUTE(POST, "/c1/conversations/{id}/fork", c1_fork, SCOPE_BIT(conversations_write),
	  .needs_user = true, .surface = "c1", .summary = "A copy that goes its own way",
	  .request = "ConversationFork", .may_lack_body = true, .response = "Conversation", .status = 201),
	ROUTE(GET, "/a1/rag/indices", a1_indices_list, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "The tenant's indices", .response = "RagIndexList", .query = "limit offset"),
	ROUTE(POST, "/a1/rag/indices", a1_indices_create, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "A new, empty index",
	  .request = "RagIndexNew", .response = "RagIndex", .status = 201),
	ROUTE(GET, "/a1/rag/indices/{id}", a1_indices_get, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "One index, and how far its vectors have come", .response = "RagIndex"),
	ROUTE(PATCH, "/a1/rag/indices/{id}", a1_indices_configure, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Other settings: for what comes from now on, and for a rebuild",
	  .request = "RagIndexConfig", .response = "RagIndex"),
	ROUTE(DELETE, "/a1/rag/indices/{id}", a1_indices_delete, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Removes an index with all its documents", .status = 204),
	ROUTE(POST, "/a1/rag/indices/{id}/query", a1_rag_query, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "What the index has on a question",
	  .description = "Each hit has its place in the document, its scores and the words it was found by; text is always what "
			 "stands in the document from start to end.",
	  .request = "RagQuery", .response = "RagAnswer"),
	ROUTE(POST, "/a1/rag/indices/{id}/verify", a1_rag_verify, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "Whether a document says what it is quoted with",
	  .request = "RagQuote", .response = "RagVerification"),
	ROUTE(GET, "/a1/rag/indices/{id}/documents", a1_documents_list, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "Documents, in the order of their ids",
	  .description = "Those that begin with prefix and come after after; next goes there for more.",
	  .response = "RagDocumentList", .query = "prefix after limit"),
	ROUTE(POST, "/a1/rag/indices/{id}/documents", a1_documents_replace, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Replaces all documents of an index, at once",
	  .description = "The body is JSON, JSON lines (application/x-ndjson) or a form with a part file for each. The index is "
			 "made on first use. Nothing changes when one of them cannot be read.",
	  .request = "RagDocuments", .form = "RagFiles", .lines = "RagDocumentNew", .response = "RagPut"),
	ROUTE(POST, "/a1/rag/indices/{id}/documents/append", a1_documents_append, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Adds documents; one that is there already is refused",
	  .description = "All or none of at most 256; in JSON lines, which may be as many as max_body_bytes has "
			 "room for, each for itself. Of a body that is larger the first ones may have been taken.",
	  .request = "RagDocuments", .form = "RagFiles", .lines = "RagDocumentNew", .response = "RagPut"),
	ROUTE(POST, "/a1/rag/indices/{id}/documents/upsert", a1_documents_upsert, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Adds or replaces documents, each for itself",
	  .description = "What cannot be read is told in results and keeps no other out. JSON lines may be as many as "
			 "max_body_bytes has room for; one that is no document is such a failure, too. Of a body "
			 "that is larger the first ones may have been taken.",
	  .request = "RagDocuments", .form = "RagFiles", .lines = "RagDocumentNew", .response = "RagPut"),
	ROUTE(POST, "/a1/rag/indices/{id}/documents/delete", a1_documents_drop, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Removes documents by their ids, in one step",
	  .request = "RagDocumentIds", .response = "RagDeleted"),
	ROUTE(GET, "/a1/rag/indices/{id}/documents/{doc}", a1_documents_get, SCOPE_BIT(rag_read), .surface = "a1",
	  .takes_rest = true, .summary = "A document with its text", .response = "RagDocument"),
	ROUTE(PUT, "/a1/rag/indices/{id}/documents/{doc}", a1_documents_put, SCOPE_BIT(rag_write), .surface = "a1",
	  .takes_rest = true, .summary = "Adds or replaces one document",
	  .description = "The body is JSON, or the file itself under its own Content-Type.",
	  .request = "RagDocumentNew", .takes_file = true, .response = "RagResult", .query = "title source mtime",
	  .other_status = 201),
	ROUTE(DELETE, "/a1/rag/indices/{id}/documents/{doc}", a1_documents_delete, SCOPE_BIT(rag_write), .surface = "a1",
	  .takes_rest = true, .summary = "Removes a document", .status = 204),
	ROUTE(POST, "/a1/rag/indices/{id}/sync", a1_rag_sync, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "Which of these files the index wants, and what it has that is not among them",
	  .description = "Changes nothing. A file of the same size and time is taken for the same.",
	  .request = "RagManifest", .response = "RagSync"),
	ROUTE(GET, "/a1/rag/indices/{id}/export", a1_rag_export, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "All documents as JSON lines, as POST takes them",
	  .lines = "RagDocumentNew"),
	ROUTE(POST, "/a1/rag/jobs", a1_jobs_create, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Begins long work on an index",
	  .description = "check compares all that is derived with the texts; rebuild makes it anew, cut as the index is configured "
			 "now. The same work on the same index that has not ended is joined. Location is the job's address.",
	  .request = "RagJobNew", .response = "RagJob", .status = 202),
	ROUTE(GET, "/a1/rag/jobs", a1_jobs_list, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "The tenant's jobs, the newest first",
	  .description = "What runs and waits, and the last 100 that ended since the gateway began.",
	  .response = "RagJobList"),
	ROUTE(GET, "/a1/rag/jobs/{job}", a1_jobs_get, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "One job, with what it found", .response = "RagJob"),
	ROUTE(GET, "/a1/rag/jobs/{job}/events", a1_jobs_events, SCOPE_BIT(rag_read), .surface = "a1",
	  .summary = "A job's progress as it goes on",
	  .description = "Events rag.progress, at most five a second, and at its end rag.done; the data is the job.",
	  .events = "RagJob"),
	ROUTE(DELETE, "/a1/rag/jobs/{job}", a1_jobs_cancel, SCOPE_BIT(rag_write), .surface = "a1",
	  .summary = "Cancels a job",
	  .description = "What it has done stays; a rebuild that is begun again goes on from there.",
	  .response = "RagJob"),
	ROUTE(GET, "/v1/tenant", tenant_show, SCOPE_BIT(tenant_config_read), .surface = "v1",
	  .summary = "The tenant that the request is for", .response = "Tenant"),
	ROUTE(GET, "/v1/tenant/budgets", tenant_budgets_list, SCOPE_BIT(tenant_config_read), .surface = "v1",
	  .query = "limit offset", .summary = "What the tenant and its tokens may spend, and what of it is left",
	  .response = "BudgetList"),
	ROUTE(GET, "/v1/tenants", tenants_list, SCOPE_BIT(tenants_read), .surface = "v1", .query = "limit offset",
	  .summary = "The tenants there are", .response = "TenantList"),
	ROUTE(GET, "/v1/tenant/keys", tenant_keys_list, SCOPE_BIT(keys_read), .surface = "v1",
	  .summary = "The tenant's keys, the newest first", .response = "KeyList",
	  .query = "limit offset"),
	ROUTE(POST, "/v1/tenant/keys", tenant_keys_create, SCOPE_BIT(keys_write), .surface = "v1",
	  .summary = "Make a key; its secret is shown once", .request = "KeyRequest",
	  .response = "NewKey", .status = 201),
	ROUTE(POST, "/v1/tenant/keys/{id}/rotate", tenant_keys_rotate, SCOPE_BIT(keys_write), .surface = "v1",
	  .summary = "Give a key another secret; the old one may last for a while",
	  .request = "RotateRequest", .may_lack_body = true, .response = "NewKey"),
	ROUTE(DELETE, "/v1/tenant/keys/{id}", tenant_keys_revoke, SCOPE_BIT(keys_write), .surface = "v1",
	  .summary = "Revoke a key, for good", .status = 204),
	ROUTE(POST, "/v1/images", v1_images_post, SCOPE_BIT(images_write), .surface = "v1",
	  .summary = "Store a picture",
	  .description = "Png, jpeg, webp or gif, told by its bytes; at most 10 MiB: as JSON, as a form, or the "
			 "bytes themselves with their Content-Type.  Each upload has an id of its own; the "
			 "same bytes are kept once.",
	  .request = "ImageUpload", .form = "ImageForm", .response = "Image", .status = 201),
	ROUTE(GET, "/v1/images", v1_images_list, SCOPE_BIT(images_read), .surface = "v1",
	  .summary = "The tenant's pictures, newest first", .response = "ImageList", .query = "limit offset"),
	ROUTE(GET, "/v1/images/{id}", v1_images_get, SCOPE_BIT(images_read), .surface = "v1",
	  .summary = "What is known of a picture", .response = "Image"),
	ROUTE(GET, "/v1/images/{id}/content", v1_images_content, SCOPE_BIT(images_read),
	  .surface = "v1", .summary = "The picture itself", .media = "image/*", .other_status = 304),
	ROUTE(DELETE, "/v1/images/{id}", v1_images_delete, SCOPE_BIT(images_write),
	  .surface = "v1", .summary = "Delete a picture", .status = 204),
	ROUTE(POST, "/v1/audio/transcriptions", v1_transcriptions, SCOPE_BIT(audio_exec), .surface = "v1",
	  .summary = "Speech to text",
	  .description = "The form goes to a backend of a model of kind transcription, and its answer back, "
			 "as they are.  SPASS-Stt-Mode is chunked or continuous; chunked, the default, cuts "
			 "a WAV file into windows and joins their texts, and moves the times of subtitles "
			 "(response_format json, text, srt or vtt; x-spass-applied: stt_windows=N); what "
			 "cannot be cut goes whole (stt_mode=continuous).",
	  .form = "TranscriptionForm", .response = "Transcription", .events = "TranscriptionEvent",
	  .texts = "text/plain text/vtt"),
	ROUTE(POST, "/v1/audio/translations", v1_translations, SCOPE_BIT(audio_exec), .surface = "v1",
	  .summary = "Speech to English text", .form = "TranscriptionForm", .response = "Transcription",
	  .texts = "text/plain text/vtt"),
	ROUTE(POST, "/v1/audio/speech", v1_speech, SCOPE_BIT(audio_exec), .surface = "v1",
	  .summary = "Text to speech", .request = "SpeechRequest", .media = "audio/*"),
	PUBLIC(GET, "/healthz", ops_healthz, .surface = "ops",
	  .summary = "The process takes requests", .response = "Health"),
	PUBLIC(GET, "/readyz", ops_readyz, .surface = "ops",
	  .summary = "A chat backend answers: 200, else 503", .response = "Readiness", .other_status = 503),
	METRICS(GET, "/metrics", ops_metrics, SCOPE_BIT(metrics_read), .surface = "ops",
	  .summary = "Counters and histograms in Prometheus' text format"),
	PUBLIC(GET, "/errors", ops_errors, .surface = "ops",
	  .summary = "The catalogue of errors", .response = "ErrorCatalogue"),
	PUBLIC(GET, "/openapi.json", ops_openapi, .surface = "ops",
	  .summary = "This description", .response = "OpenApi"),
};
const size_t route_count = ARRAY_LEN(route_table);

/* {id} takes a segment, the last one perhaps all that is left; never nothing. */
static bool matches(const struct route *r, struct span path, struct span params[ROUTE_PARAMS_MAX])
{
	const char *pattern = r->pattern;
	size_t count = 0;

	for (;;) {
		const char *slash;

		for (; *pattern && *pattern != '{'; pattern++, path = span_from(path, 1))
			if (!path.len || *path.ptr != *pattern)
				return false;
		if (!*pattern)
			return path.len == 0;
		pattern = strchr(pattern, '}') + 1;
		slash = (r->takes_rest && !*pattern) || !path.len ? NULL : memchr(path.ptr, '/', path.len);
		params[count] = slash ? span_of(path.ptr, (size_t)(slash - path.ptr)) : path;
		if (params[count].len == 0)
			return false;
		path = span_from(path, params[count++].len);
	}
}

const struct route *route_find(enum http1_method method, struct span path,
			       struct span params[ROUTE_PARAMS_MAX], unsigned *methods)
{
	enum http1_method wanted = method == HTTP1_HEAD ? HTTP1_GET : method;

	*methods = 0;
	for (size_t i = 0; i < route_count; i++) {
		const struct route *r = &route_table[i];

		if (!matches(r, path, params))
			continue;
		if (r->method == wanted)
			return r;
		*methods |= (unsigned)r->method;
		if (r->method == HTTP1_GET)
			*methods |= HTTP1_HEAD;
	}
	if (*methods)
		*methods |= HTTP1_OPTIONS;
	return NULL;
}

int route_print_methods(unsigned methods, struct buf *out)
{
	const char *separator = "";

	for (unsigned bit = HTTP1_GET; bit <= HTTP1_OPTIONS; bit <<= 1) {
		if (!(methods & bit))
			continue;
		buf_add_str(out, separator);
		buf_add_str(out, http1_method_name((enum http1_method)bit));
		separator = ", ";
	}
	return buf_failed(out) ? -1 : 0;
}
