/*
 * common/upstream/provider.c - the rows.  A new service that speaks OpenAI's dialect is a row here.
 */
#include "common/upstream/provider.h"

#include <string.h>

enum { QUIRKS_LOCAL = QUIRK_LOCAL | QUIRK_FLOAT_EMBEDDINGS };

const struct provider provider_table[] = {
	/* On this machine: looked for on their usual ports. */
	{
		.name = "vllm", .title = "vLLM",
		.base_url = "http://127.0.0.1:8000/v1", .probe_path = "/models", .probe_port = 8000,
		.quirks = QUIRK_LOCAL | QUIRK_EXACT_MODELS,
	},
	{
		.name = "llamacpp", .title = "llama.cpp",
		.base_url = "http://127.0.0.1:8080/v1", .probe_path = "/models", .probe_port = 8080,
		.quirks = QUIRKS_LOCAL,
	},
	{
		.name = "ollama", .title = "Ollama",
		.base_url = "http://127.0.0.1:11434/v1", .probe_path = "/models",
		.probe_port = 11434, .quirks = QUIRKS_LOCAL | QUIRK_EXACT_MODELS,
	},
	{
		.name = "lmstudio", .title = "LM Studio",
		.base_url = "http://127.0.0.1:1234/v1", .probe_path = "/models", .probe_port = 1234,
		.quirks = QUIRKS_LOCAL | QUIRK_EXACT_MODELS,
	},

	/* In the cloud: there when their key is. */
	{
		.name = "openai", .title = "OpenAI",
		.base_url = "https://api.openai.com/v1", .key_env = "OPENAI_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
		.quirks = QUIRK_MAX_COMPLETION_TOKENS | QUIRK_ACCEPTS_IMAGE_URL,
	},
	{
		/* Its OpenAI-compatible endpoint; the model list is the native API's. */
		.name = "anthropic", .title = "Anthropic",
		.base_url = "https://api.anthropic.com/v1", .key_env = "ANTHROPIC_API_KEY",
		.probe_path = "/models", .probe_key = "x-api-key",
		.probe_lines = "anthropic-version: 2023-06-01\r\n", .auth = AUTH_BEARER,
	},
	{
		.name = "gemini", .title = "Google Gemini",
		.base_url = "https://generativelanguage.googleapis.com/v1beta/openai",
		.key_env = "GEMINI_API_KEY", .probe_path = "/models", .auth = AUTH_BEARER,
		.quirks = QUIRK_FLOAT_EMBEDDINGS,
	},
	{
		/* Its model list needs no key, so it would not show a wrong one. */
		.name = "openrouter", .title = "OpenRouter",
		.base_url = "https://openrouter.ai/api/v1", .key_env = "OPENROUTER_API_KEY",
		.probe_path = "/key", .auth = AUTH_BEARER, .quirks = QUIRK_ACCEPTS_IMAGE_URL,
	},
	{
		.name = "xai", .title = "xAI",
		.base_url = "https://api.x.ai/v1", .key_env = "XAI_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		/* Refuses parameters that it does not know, stream_options among them. */
		.name = "mistral", .title = "Mistral AI",
		.base_url = "https://api.mistral.ai/v1", .key_env = "MISTRAL_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER, .quirks = QUIRK_NO_STREAM_OPTIONS,
	},
	{
		.name = "groq", .title = "Groq",
		.base_url = "https://api.groq.com/openai/v1", .key_env = "GROQ_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		.name = "deepseek", .title = "DeepSeek",
		.base_url = "https://api.deepseek.com/v1", .key_env = "DEEPSEEK_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		.name = "together", .title = "Together AI",
		.base_url = "https://api.together.xyz/v1", .key_env = "TOGETHER_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		.name = "fireworks", .title = "Fireworks AI",
		.base_url = "https://api.fireworks.ai/inference/v1", .key_env = "FIREWORKS_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER, .quirks = QUIRK_FLOAT_EMBEDDINGS,
	},
	{
		.name = "ollama-cloud", .title = "Ollama Cloud",
		.base_url = "https://ollama.com/v1", .key_env = "OLLAMA_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER, .quirks = QUIRK_FLOAT_EMBEDDINGS,
	},

	/* Known for reranking. */
	{
		.name = "cohere", .title = "Cohere",
		.base_url = "https://api.cohere.com/v1", .key_env = "COHERE_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		.name = "jina", .title = "Jina AI",
		.base_url = "https://api.jina.ai/v1", .key_env = "JINA_API_KEY",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},
	{
		/* Its paths have no /v1 before them: base_url is http://HOST:PORT. */
		.name = "tei", .title = "Text Embeddings Inference",
		.probe_path = "/info", .auth = AUTH_BEARER,
		.quirks = QUIRK_FLOAT_EMBEDDINGS | QUIRK_RERANK_TEXTS,
	},

	/* Any other server that speaks OpenAI's dialect: a key is sent when one is given. */
	{
		.name = PROVIDER_GENERIC, .title = "OpenAI-compatible server",
		.probe_path = "/models", .auth = AUTH_BEARER,
	},

	/* This program. */
	{
		.name = PROVIDER_BUILTIN, .title = "Built in",
		.dialect = DIALECT_BUILTIN, .quirks = QUIRK_LOCAL,
	},
	{ .name = NULL },
};

const struct provider *provider_find(const char *name)
{
	for (const struct provider *p = provider_table; name && p->name; p++)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}
