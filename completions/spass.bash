# bash completion of spass; written by `spass completion bash`
_spass()
{
	local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}"
	local command="" verbs="" options="" operands="" values="" action="" word i count=0
	COMPREPLY=()

	case "$previous" in
	--model|-m) values="$(spass model list -q 2>/dev/null | grep -E " (chat|image) " | cut -d " " -f 1)" ;;
	--system) action=none ;;
	--file|-f) action=file ;;
	--rag) values="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)" ;;
	--filter) action=none ;;
	--top|-k) action=none ;;
	--max-tokens) action=none ;;
	--output|-o) action=file ;;
	--server) action=none ;;
	--token-file) action=file ;;
	--ca-file) action=file ;;
	--user) action=none ;;
	--tenant) action=none ;;
	--timeout) action=none ;;
	--color) values="auto always never" ;;
	--session|-s) values="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	--limit|-n) action=none ;;
	--last|-n) action=none ;;
	--at) action=none ;;
	--title) action=none ;;
	--format) values="json md html" ;;
	--include) action=none ;;
	--exclude) action=none ;;
	--meta) action=none ;;
	--type) action=none ;;
	--name) action=none ;;
	--mode) values="auto lexical dense hybrid" ;;
	--fusion) values="convex rrf" ;;
	--dense-weight) action=none ;;
	--min-score) action=none ;;
	--scope) values="chunks document corpus" ;;
	--budget) action=none ;;
	--neighbours) action=none ;;
	--history) action=none ;;
	--embedder) values="$(spass model list -q 2>/dev/null | grep " embedding " | cut -d " " -f 1)" ;;
	--chunk) action=none ;;
	--chunk-max) action=none ;;
	--overlap) action=none ;;
	--run) action=file ;;
	--listen) action=none ;;
	--workers) action=none ;;
	--tls-certificate) action=file ;;
	--tls-key) action=file ;;
	--tokens-file) action=file ;;
	--data-dir) action=directory ;;
	--catalog) action=file ;;
	--log-level) values="error warn info debug" ;;
	--log-format) values="text json" ;;
	--drain-timeout) action=none ;;
	--config) action=file ;;
	--by) values="model user token day tenant" ;;
	--from) action=none ;;
	--to) action=none ;;
	--label) action=none ;;
	--role) values="readonly tenant_user tenant_admin" ;;
	--deny) action=none ;;
	--requests-per-minute) action=none ;;
	--tokens-per-minute) action=none ;;
	--expires) action=none ;;
	--grace) action=none ;;
	--wait) action=none ;;
	esac
	case "$action" in
	file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames; return ;;
	directory) mapfile -t COMPREPLY < <(compgen -d -- "$current"); compopt -o filenames; return ;;
	none) return ;;
	esac
	if [[ -n $values ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$values" -- "$current")
		return
	fi

	for ((i = 1; i < COMP_CWORD; i++)); do
		word="${COMP_WORDS[i]}"
		[[ $word == -* ]] && continue
		if [[ -z $command ]]; then
			command=$word
		elif [[ -n $verbs && $command != *" "* ]]; then
			command="$command $word"
		else
			case "${COMP_WORDS[i-1]}" in
			--model|-m|--system|--file|-f|--rag|--filter|--top|-k|--max-tokens|--output|-o|--server|--token-file|--ca-file|--user|--tenant|--timeout|--color|--session|-s|--limit|-n|--last|-n|--at|--title|--format|--include|--exclude|--meta|--type|--name|--mode|--fusion|--dense-weight|--min-score|--scope|--budget|--neighbours|--history|--embedder|--chunk|--chunk-max|--overlap|--run|--listen|--workers|--tls-certificate|--tls-key|--tokens-file|--data-dir|--catalog|--log-level|--log-format|--drain-timeout|--config|--by|--from|--to|--label|--role|--deny|--requests-per-minute|--tokens-per-minute|--expires|--grace|--wait) ;;
			*) ((++count)) ;;
			esac
		fi
		case "$command" in
	session) verbs="list search show tree rename fork export import delete" ;;
	rag) verbs="add sync query list show stats create set docs get rm export import verify rebuild jobs eval" ;;
	model) verbs="list show" ;;
	tenant) verbs="list show usage key config" ;;
	config) verbs="show get check" ;;
	db) verbs="backup verify migrate vacuum" ;;
		esac
	done

	case "$command" in
	"") operands="ask chat session rag serve status model tenant usage config db errors completion help version" options="-h --help -V --version" ;;
	"ask") options="-m --model --system -f --file --rag --filter -k --top --max-tokens --no-stream --raw --code -o --output --no-stdin --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"chat") options="-m --model --system -f --file --rag --filter -c --continue -s --session --fork --no-save --raw --no-markdown --server --token-file --ca-file --user --tenant --timeout --color -v --verbose -q --quiet -h --help -V --version" ;;
	"session list") options="-n --limit -a --all --all-users --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"session search") options="-n --limit -a --all --all-users --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"session show") options="-n --last --raw --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"session tree") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"session rename") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"session fork") options="--at --title --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"session export") options="--format -o --output --server --token-file --ca-file --user --tenant --timeout -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"session import") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" action=file ;;
	"session delete") options="-y --yes --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass session list -q 2>/dev/null | cut -f 1 | sed "1i @last")" ;;
	"rag add") options="--include --exclude --follow --meta --type --dry-run --jsonl --no-wait --name --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" action=file; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag sync") options="--prune -y --yes --include --exclude --follow --meta --type --dry-run --jsonl --no-wait --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" action=file; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag query") options="-k --top --mode --filter --fusion --dense-weight --rerank --min-score --scope --budget --neighbours --history --text --explain -e --exit-status --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag list") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"rag show") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag stats") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag create") options="--embedder --chunk --chunk-max --overlap --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"rag set") options="--embedder --chunk --chunk-max --overlap --no-wait --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag docs") options="-n --limit --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag get") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag rm") options="-y --yes --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag export") options="-o --output --server --token-file --ca-file --user --tenant --timeout -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag import") options="--replace --no-wait --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" action=file; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag verify") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag rebuild") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"rag jobs") options="--cancel --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"rag eval") options="-k --top --mode --filter --fusion --dense-weight --rerank --run --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" action=file; [[ $current == -* || $count -gt 0 ]] || { action="" operands="$(spass rag list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)"; } ;;
	"serve") options="--check --show-token --listen --workers --tls-certificate --tls-key --token-file --tokens-file --data-dir --catalog --log-level --log-format --drain-timeout --config -q --quiet -h --help -V --version" ;;
	"status") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"model list") options="-a --all --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"model show") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version"; [[ $current == -* ]] || operands="$(spass model list -q 2>/dev/null | tail -n +2 | cut -d " " -f 1)" ;;
	"tenant list") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"tenant show") options="--server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"tenant usage") options="--by --from --to --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"tenant key") options="--label --role --scope --deny --model --max-tokens --budget --requests-per-minute --tokens-per-minute --expires --grace --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" operands="create list rotate revoke" ;;
	"tenant config") options="--show-origin --all --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" operands="get set unset list diff" ;;
	"usage") options="--by --from --to --server --token-file --ca-file --user --tenant --timeout --json --color -v --verbose -q --quiet -h --help -V --version" ;;
	"config show") options="--changed --config --json -q --quiet -h --help -V --version" operands="listen user_socket workers tls_certificate tls_key token token_file tokens_file data_dir database catalog_file prices_file exchange_rate exchange_rate_file exchange_rate_url cost_trailer default_model discover log_level log_format auth usage usage_retention usage_max_rows usage_users_max audit audit_user_id_pseudonymize audit_max_bytes metrics metrics_public user_id_policy rate_limit rate_limit_per_second rate_limit_burst address_limit_per_second address_limit_burst cors_origins max_body_bytes uploads_max_bytes max_answer_bytes images_max_bytes rag_memory rag_indices_max rag_documents_max rag_chunks_max rag_bytes_max conversations_max conversations_max_bytes rag_loaders rag_loader_timeout stt_window max_connections head_timeout body_timeout idle_timeout write_timeout drain_timeout drain_notice ping_after connect_timeout first_byte_timeout between_timeout total_timeout conversation_wait retries retry_delay_max breaker_failures breaker_rest probe_interval upstream_idle upstream_idle_timeout" ;;
	"config get") options="--config --json -q --quiet -h --help -V --version" operands="listen user_socket workers tls_certificate tls_key token token_file tokens_file data_dir database catalog_file prices_file exchange_rate exchange_rate_file exchange_rate_url cost_trailer default_model discover log_level log_format auth usage usage_retention usage_max_rows usage_users_max audit audit_user_id_pseudonymize audit_max_bytes metrics metrics_public user_id_policy rate_limit rate_limit_per_second rate_limit_burst address_limit_per_second address_limit_burst cors_origins max_body_bytes uploads_max_bytes max_answer_bytes images_max_bytes rag_memory rag_indices_max rag_documents_max rag_chunks_max rag_bytes_max conversations_max conversations_max_bytes rag_loaders rag_loader_timeout stt_window max_connections head_timeout body_timeout idle_timeout write_timeout drain_timeout drain_notice ping_after connect_timeout first_byte_timeout between_timeout total_timeout conversation_wait retries retry_delay_max breaker_failures breaker_rest probe_interval upstream_idle upstream_idle_timeout" ;;
	"config check") options="--config --json --color -q --quiet -h --help -V --version" ;;
	"db backup") options="-f --force --config --json -q --quiet -h --help -V --version" action=file ;;
	"db verify") options="--config --json --color -q --quiet -h --help -V --version" action=file ;;
	"db migrate") options="--no-backup -n --dry-run --wait --config --json -q --quiet -h --help -V --version" ;;
	"db vacuum") options="--wait --config --json -q --quiet -h --help -V --version" ;;
	"errors") options="--json --color -q --quiet -h --help -V --version" operands="missing_authorization invalid_authorization insufficient_scope rate_limit_exceeded model_quota_exhausted overall_budget_exhausted body_too_large length_required uri_too_long headers_too_large request_timeout malformed_request http_version_not_supported expectation_failed transfer_coding_not_supported unsupported_media_type invalid_json missing_field invalid_field model_not_in_allowlist model_not_found memory_not_found memory_bucket_full system_prompt_not_found max_tokens_below_minimum context_length_exceeded upstream_rejected content_policy_violation image_url_not_supported image_decode_error image_base64_invalid image_not_found image_store_full conversation_store_full embedding_input_too_large tenant_config_key_readonly tenant_config_key_unknown caller_depth_exceeded conversation_not_found conversation_busy rag_index_not_found rag_index_exists rag_document_not_found rag_document_exists rag_job_not_found rag_limit_exceeded rag_dimension_mismatch key_not_found route_not_found method_not_allowed upstream_error upstream_auth upstream_unavailable upstream_timeout overloaded draining internal_error storage_error invalid_config usage not_confirmed connect_failed stream_cut output_failed deadline_exceeded cancelled too_large unsupported_document document_too_large document_unreadable loader_failed" ;;
	"completion") options="-q --quiet -h --help -V --version" operands="bash zsh fish" ;;
	"help") options="--json -q --quiet -h --help -V --version" operands="ask chat session rag serve status model tenant usage config db errors completion help version exit-codes" ;;
	"version") options="--json -v --verbose -q --quiet -h --help -V --version" ;;
	*) operands="$verbs" options="-h --help" ;;
	esac
	if [[ $current == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
	elif [[ $action == file ]]; then
		mapfile -t COMPREPLY < <(compgen -f -- "$current"); compopt -o filenames
	else
		mapfile -t COMPREPLY < <(compgen -W "$operands" -- "$current")
	fi
}
complete -F _spass spass
