/* tui/remedy.c - see remedy.h. */
#include "tui/remedy.h"

#include <string.h>

static const char not_ours[] =
	"No command sends this by itself: look at what stands between it and the gateway.";
static const char no_command[] = "There is no command for it; `spass errors` explains the code.";

/* The first row that fits counts; what has none keeps the remedy of errors.def. */
static const struct row {
	enum err_code code;
	const char *param; /* NULL: any */
	const char *shell;
	const char *chat; /* NULL: the same */
} rows[] = {
	{ E_missing_authorization, NULL,
	  "Give one with --token-file or SPASS_TOKEN; `spass serve` tells where its token is kept.", NULL },
	{ E_invalid_authorization, "headers.spass-tenant-id",
	  "Check --tenant; `spass tenant list` lists the tenants for their operator.", NULL },
	{ E_invalid_authorization, NULL,
	  "Check SPASS_TOKEN, or the file that --token-file names; unset, your own gateway's is used.", NULL },
	{ E_rate_limit_exceeded, NULL, "Wait some seconds.", "Wait some seconds; /retry asks again." },
	{ E_model_quota_exhausted, NULL, "Wait, or use another model; `spass model list` lists them.",
	  "Wait, or use another model; /model lists them." },
	{ E_overall_budget_exhausted, NULL,
	  "Wait until it is renewed, or ask the operator; `spass usage` shows what was spent, known and estimated.", NULL },
	{ E_too_large, NULL, "", NULL },
	{ E_body_too_large, NULL, "Send a shorter text, or fewer files.", NULL },
	{ E_length_required, NULL, not_ours, NULL },
	{ E_uri_too_long, NULL, "Use fewer words.", NULL },
	{ E_headers_too_large, NULL, not_ours, NULL },
	{ E_request_timeout, NULL, "Try again.", "/retry asks again." },
	{ E_malformed_request, NULL, not_ours, NULL },
	{ E_http_version_not_supported, NULL, not_ours, NULL },
	{ E_expectation_failed, NULL, not_ours, NULL },
	{ E_transfer_coding_not_supported, NULL, not_ours, NULL },
	{ E_unsupported_media_type, NULL, not_ours, NULL },
	{ E_invalid_json, NULL, "", NULL },
	{ E_missing_field, "headers.spass-user-id", "Name the user with --user or SPASS_USER.", NULL },
	/* Their messages say all that there is to say. */
	{ E_missing_field, NULL, "", NULL },
	{ E_invalid_field, NULL, "", NULL },
	{ E_model_not_in_allowlist, NULL,
	  "`spass model list` shows which models there are, and which of them chat.",
	  "/model lists those that chat." },
	{ E_model_not_found, NULL, "`spass model list --all` lists what there is.", "/model lists them." },
	{ E_memory_not_found, NULL, no_command, NULL },
	{ E_memory_bucket_full, NULL, no_command, NULL },
	{ E_system_prompt_not_found, NULL, no_command, NULL },
	{ E_max_tokens_below_minimum, NULL, "Raise --max-tokens.", NULL },
	{ E_context_length_exceeded, NULL, "Send less, or use a model with a larger context; `spass model list`.",
	  "/new begins another conversation; /model changes to a model with a larger context." },
	{ E_image_url_not_supported, NULL, no_command, NULL },
	{ E_image_decode_error, NULL, no_command, NULL },
	{ E_image_base64_invalid, NULL, no_command, NULL },
	{ E_image_not_found, NULL, no_command, NULL },
	{ E_tenant_config_key_unknown, NULL, "`spass tenant config list` lists them.", NULL },
	{ E_caller_depth_exceeded, NULL, no_command, NULL },
	{ E_conversation_store_full, NULL,
	  "`spass session list` and `spass session delete` make room; the operator may give more.", NULL },
	{ E_conversation_not_found, NULL, "`spass session list` lists yours.", "/sessions lists yours." },
	{ E_key_not_found, NULL, "`spass tenant key list` lists them.", NULL },
	{ E_rag_index_not_found, NULL, "`spass rag list` lists them.", NULL },
	{ E_rag_index_exists, NULL, "`spass rag show` shows it; `spass rag rm` deletes it.", NULL },
	{ E_rag_document_not_found, NULL, "`spass rag docs` lists them.", NULL },
	{ E_rag_document_exists, NULL, "`spass rag sync` replaces what has changed.", NULL },
	{ E_rag_job_not_found, NULL, "`spass rag jobs` lists them; a gateway that has ended has forgotten its own.", NULL },
	{ E_rag_limit_exceeded, NULL, "`spass rag rm` makes room.", NULL },
	{ E_route_not_found, NULL, "Is it a spass gateway, and of this version?  `spass status` tells.", NULL },
	{ E_method_not_allowed, NULL, "Is it a spass gateway, and of this version?  `spass status` tells.", NULL },
	{ E_upstream_unavailable, NULL,
	  "Where the message names a variable, start the gateway with that key; else wait, or use another "
	  "model.  `spass status -v` shows the backends.",
	  "Where the message names a variable, start the gateway with that key; else /retry asks again, "
	  "/model lists others." },
	{ E_overloaded, NULL, "Wait a moment and try again.", "/retry asks again." },
	{ E_draining, NULL, "Try again when it has been started anew.", "/retry asks again, when it has been started anew." },
	{ E_storage_error, "wait", "", NULL },
	{ E_storage_error, "file", "See whether the file is there and is a database of a gateway.", NULL },
	{ E_storage_error, NULL,
	  "See whether what the message names can be written and has room; SPASS_DATA_DIR names another "
	  "directory for the data.",
	  NULL },
	{ E_invalid_config, "listen.address",
	  "`spass status` tells whether your gateway runs already; --listen takes another address.", NULL },
	{ E_invalid_config, "config", "Check --config, or SPASS_CONFIG.", NULL },
	{ E_usage, "error", "`spass errors` lists them.", NULL },
	{ E_usage, "setting", "`spass config show` lists them.", NULL },
	{ E_usage, "at", "`spass session show` numbers the turns.", "/fork without a number copies all of them." },
	{ E_usage, "text", "", NULL },
	{ E_usage, "file", "See whether the file is there and can be read.", NULL },
	{ E_usage, "output", "Give one with --format, or a name that ends in .json, .md or .html.", NULL },
	{ E_usage, "id", "`spass session list` lists yours.", "/sessions lists yours." },
	{ E_usage, "server", "", NULL },
	{ E_usage, "token-file", "See whether the file is there and has the token; unset, your own gateway's is used.", NULL },
	{ E_usage, "user", "", NULL },
	{ E_usage, NULL, NULL, "/help lists the commands." },
	{ E_connect_failed, "certificate",
	  "If it is one of your own, name its file with --ca-file or SPASS_CA_FILE.", NULL },
	{ E_connect_failed, "ca-file", "See whether the file is there and has certificates as PEM.", NULL },
	{ E_connect_failed, "server", "Check the address in --server or SPASS_SERVER.", NULL },
	{ E_connect_failed, NULL, "Start it with `spass serve`, or check --server and SPASS_SERVER.",
	  "Start it anew with `spass serve`; /retry asks again." },
	{ E_stream_cut, NULL, "What was shown is not complete; ask again.",
	  "What was shown is not complete; /retry asks again." },
	{ E_output_failed, "output", "See whether the directory is there and can be written.", NULL },
	{ E_deadline_exceeded, NULL, "Give more time with --timeout.", NULL },
};

const char *remedy_of(const struct err *err, enum remedy_place place)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];

		if (row->code == err->code && (!row->param || strcmp(row->param, err->param) == 0))
			return place == REMEDY_CHAT && row->chat ? row->chat : row->shell;
	}
	return err_info(err->code)->remedy;
}
