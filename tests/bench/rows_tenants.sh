# tests/bench/rows_tenants.sh - what tenants, money and conversations cost.  Sourced by bench.sh.

# micro NAME ARGS...: builds and runs tests/bench/micro_NAME.c
micro() {
	name=$1
	shift
	make -s -C "$root" MODE="${build##*/}" "build/${build##*/}/tests/micro_$name" >&2 || return 1
	$far "$root/build/${build##*/}/tests/micro_$name" "$@"
}

# launch NAME: what start_spass prepared with "later"
launch() {
	eval "port=\$$1_port"
	# shellcheck disable=SC2046
	$far $(cat "$tmp/$1/command") >"$tmp/$1/log" 2>&1 & eval "$1_pid=$!"
	pids="$pids $!"
	wait_for "$port"
}

# stop NAME
stop() {
	eval "stopped=\$$1_pid"
	kill "$stopped"
	wait "$stopped" 2>/dev/null
}

# tokens_file PATH COUNT: the bench's token, with limits and budgets that hold but are not reached, and others
tokens_file() {
	awk -v count="$2" 'BEGIN {
		print "tenants:\n  - id: acme\n    budgets: [{ amount: 1000000, currency: EUR, per: month }]\n    tokens:"
		limits = "rate_limit_per_second: 1000000, rate_limit_burst: 1000000, requests_per_minute: 2000000000, tokens_per_minute: 2000000000"
		budgets = "budgets: [{ amount: 1000000, currency: USD, per: day }]"
		printf "      - { id: bench, secret: bench, role: tenant_user, constraints: { %s, %s } }\n", limits, budgets
		for (i = 1; i < count; i++)
			printf "      - { id: other%d, secret: secret-of-%d, role: tenant_user }\n", i, i
	}' > "$1"
}

# start_tenants NAME FILE: a gateway on which the bench is a token of that file
start_tenants() {
	start_spass "$1" "$(with_tokens "$2")" "" later
	sed -i 's/SPASS_TOKEN=bench/SPASS_TOKEN=of-nobody-else/' "$tmp/$1/command"
	launch "$1"
}

# Refused requests are fast: no figure counts with them.
no_errors() {
	for target in $2; do
		errors=$(value "$1" "$target" errors)
		[ "$errors" = 0.00 ] || line "$1, $target: errors" "$errors" "-" "-" at-most 0 "$errors"
	done
}

with_tokens() {
	printf 'tokens_file: %s\nuser_id_policy: token\nexchange_rate: "0.8 2026-11-20"\nprices:\n  - {backend: mock, model: bench, input: 10, output: 20}' "$1"
}

# Limits, budgets, cost and ledger for every request.
row_everything() {
	tokens_file "$tmp/everything.yaml" 1
	start_tenants everything "$tmp/everything.yaml"
	alternate everything "$(direct_target) $(nginx_target) $(spass_target everything)" --connections 32 --warmup 0.5 --seconds "$seconds"
	line "limits, budgets, cost, ledger, 32 clients: requests/s" "$(value everything everything rps)" "$(value everything nginx rps)" "$(ratio everything everything nginx rps)" at-least 0.9
	line "limits, budgets, cost, ledger, 32 clients: CPU us/request" "$(value everything everything cpu_request)" "$(value everything nginx cpu_request)" "$(ratio everything everything nginx cpu_request)" - 0
	no_errors everything everything
}

# allowed ROUND: what /c1 is measured by, the rate of /v1 or what the disk allows, whichever is less
allowed() {
	awk -v round="$1" '$1 == "turns" && $3 == round && ($2 == "v1" || $2 == "disk") {
		for (i = 4; i <= NF; i++) if (split($i, p, "=") == 2 && p[1] == "rps") if (!least || p[2] + 0 < least) least = p[2] + 0
	} END { print "turns allowed " round " rps=" least }' "$results" >> "$results"
}

# Turns are answered when they are on the disk; beside them /v1 of the same gateway, and a program that
# writes as much for each group of 32 in place and syncs it: nobody's clients get more turns of that disk.
row_turns() {
	start_spass turning ""
	echo '{"model":"bench","message":"Say something about rivers and trees."}' > "$tmp/turn"
	for round in $(seq "$rounds"); do
		measure turns v1 "$round" "$turning_port" "$turning_pid" --connections 32 --warmup 0.3 --seconds "$seconds"
		measure turns c1 "$round" "$turning_port" "$turning_pid" --connections 32 --warmup 0.3 --seconds "$seconds" --path /c1/chat --body "$tmp/turn"
		echo "turns disk $round $(micro sync "$tmp/synced" 32)" >> "$results"
		allowed "$round"
	done
	line "/c1 turns/s beside /v1, or what the disk allows; 32 clients" "$(value turns c1 rps)" "$(value turns allowed rps)" "$(ratio turns c1 allowed rps)" at-least 0.6
	line "/c1 turns/s beside /v1 alone" "$(value turns c1 rps)" "$(value turns v1 rps)" "$(ratio turns c1 v1 rps)" - 0
	line "a sync of 32 turns on this disk, us; turns/s that it allows" "$(value turns disk sync_us)" "$(value turns disk rps)" "-" - 0
	line "/c1 CPU us/turn beside /v1" "$(value turns c1 cpu_request)" "$(value turns v1 cpu_request)" "$(ratio turns c1 v1 cpu_request)" - 0
	no_errors turns "c1 v1"
}

# One user's 100,000 conversations: lists, searches, and a start with them.
row_history() {
	start_spass history "" "" later
	mkdir -p "$tmp/history/data/spass"
	chmod 700 "$tmp/history/data" "$tmp/history/data/spass"
	micro conversations 100000 "$tmp/history/data/spass/spass.db" > "$tmp/looks" || { echo "bench: history skipped: no data" >&2; return; }
	sed 's/^/  history: /' "$tmp/looks" >&2
	for what in list search; do
		worst=$(awk -v what="^$what" '$0 ~ what { for (i = 1; i < NF; i++) if ($i == "p99" && $(i + 1) > p) p = $(i + 1) } END { printf "%.1f", p }' "$tmp/looks")
		line "100,000 conversations, the slowest $what: p99 ms" "$worst" "-" "-" at-most 20 "$worst"
	done
	for round in $(seq 5); do
		# shellcheck disable=SC2046
		echo "history spass $round $($far $load --to "127.0.0.1:$history_port" --path /healthz --until-ready -- $(cat "$tmp/history/command") 2>/dev/null | tail -1)" >> "$results"
	done
	ms=$(value history spass ready_ms)
	[ "$ms" = -1.00 ] && ms=never
	line "start with 100,000 conversations, ms" "$ms" "-" "-" at-most 200 "$ms"
}

# What many tokens, or a long ledger, add to the p50 of one client.
row_many() {
	command -v sqlite3 >/dev/null || { echo "bench: many skipped: sqlite3 is missing" >&2; return; }
	tokens_file "$tmp/few.yaml" 1
	tokens_file "$tmp/many.yaml" 50000
	start_tenants few "$tmp/few.yaml"
	start_tenants tokens "$tmp/many.yaml"
	start_tenants ledger "$tmp/few.yaml"
	stop ledger
	sqlite3 "$tmp/ledger/data/spass/spass.db" "
		INSERT INTO usage_kind (number, since, depth, tenant_id, token_id, user_id, model, status, attempts, streamed, finished)
			VALUES (1000000, 1000000, 0, 'acme', 'bench', 'bench', 'bench', 200, 1, 0, 1);
		INSERT INTO usage_row (ts, request_id, kind, prompt_tokens, completion_tokens, bytes_in, bytes_out)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
			SELECT strftime('%s', 'now') * 1000, lower(hex(randomblob(16))), 1000000, 20, 100, 300, 400 FROM n;
		INSERT INTO usage_day (tenant_id, day, user_id, token_id, model, requests, prompt_tokens, completion_tokens,
				cost_usd, cost_eur, cost_billed_usd, cost_billed_eur, unknown)
			SELECT 'acme', strftime('%s', 'now') / 86400, 'bench', 'bench', 'bench', 1000000, 20000000, 100000000, 0, 0, 0, 0, 0;" ||
		{ echo "bench: many: the rows do not fit the schema" >&2; exit 1; }
	launch ledger
	alternate many "$(direct_target) $(spass_target few) $(spass_target tokens) $(spass_target ledger)" --connections 1 --warmup 0.3 --seconds "$seconds"
	line "50,000 tokens, one client: added p50 us" "$(added many tokens p50)" "$(added many few p50)" "$(addratio many tokens few p50)" at-most 1.1
	line "1,000,000 ledger rows, one client: added p50 us" "$(added many ledger p50)" "$(added many few p50)" "$(addratio many ledger few p50)" at-most 1.1
	no_errors many "few tokens ledger"
}

# The writer alone: rows and audit lines through the queue, and what stays on the disk.
row_ledger() {
	micro store > "$tmp/store" || { echo "bench: ledger skipped" >&2; return; }
	line "the ledger: rows and audit lines/s" "$(awk '/^rows and lines, random ids$/ { on = 1 } on && /through queue/ { print $(NF - 1); exit }' "$tmp/store")" "-" "-" - 0
	grown=$(awk '/^rows and lines, random ids$/ { on = 1 } on && /database per/ { print $(NF - 1); exit }' "$tmp/store")
	line "the ledger: growth of the database per 1,000 requests, KB" "$grown" "-" "-" at-most 128 "$grown"
}
