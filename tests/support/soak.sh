#!/bin/sh
# Soak: many mixed requests through the real gateway; fails when its memory keeps growing or an
# answer is lost.  usage: soak.sh BUILD [REQUESTS]
# A round is one in four of plain, streamed, larger and failing requests; one client in ten leaves early.
set -u
build=$(cd "$1" && pwd) || exit 2
requests=${2:-200000}
limit_kb=${SOAK_LIMIT_KB:-1024} # growth over the second half
tmp=$(mktemp -d /tmp/spass-soak.XXXXXX)
pids=
trap 'kill $pids 2>/dev/null; wait 2>/dev/null; rm -rf "$tmp"' EXIT
trap 'exit 130' INT TERM
port=18490 mock=18491
printf 'rule model=fail\n  status 500\nrule model=stream\n  tokens 8\n' > "$tmp/script"
"$build/tests/upstream" --listen 127.0.0.1:$mock --script "$tmp/script" >/dev/null & pids=$!
mkdir -p "$tmp/spass"
{
	printf 'workers: 1\ndiscover: false\nlog_level: error\nretries: 0\nbreaker_failures: 1000\nbackends:\n'
	printf '  mock:\n    provider: openai\n    base_url: http://127.0.0.1:%s/v1\n    key_env: MOCK_KEY\nmodels:\n' $mock
	for model in plain stream fail; do
		printf '  - alias: %s\n    chain: [{backend: mock, model: %s}]\n' $model $model
	done
} > "$tmp/spass/spass.yaml"
for model in plain stream fail; do
	printf '{"model":"%s","stream":%s,"messages":[{"role":"user","content":"soak"}]}' $model \
		"$([ $model = stream ] && echo true || echo false)" > "$tmp/$model"
done
awk 'BEGIN { printf "{\"model\":\"plain\",\"messages\":[{\"role\":\"user\",\"content\":\""; for (i = 0; i < 2000; i++) printf "0123456789abcdef"; printf "\"}]}" }' > "$tmp/large"
env -i PATH="$PATH" HOME="$tmp" XDG_CONFIG_HOME="$tmp" XDG_DATA_HOME="$tmp/data" XDG_RUNTIME_DIR="$tmp" SPASS_TOKEN=soak \
	MOCK_KEY=k SPASS_LISTEN=127.0.0.1:$port "$build/spass" serve > "$tmp/log" 2>&1 & gateway=$!
pids="$pids $gateway"
tries=0
until curl -fs -o /dev/null "http://127.0.0.1:$port/healthz"; do
	tries=$((tries + 1))
	[ $tries -lt 500 ] && kill -0 $gateway 2>/dev/null || { cat "$tmp/log"; echo "soak: the gateway does not start"; exit 1; }
	sleep 0.02
done
"$build/tests/load" --to 127.0.0.1:$port --header "Authorization: Bearer soak" --connections 32 --requests "$requests" \
	--abort 10 --errors-expected --body "$tmp/plain" --body "$tmp/stream" --body "$tmp/large" --body "$tmp/fail" \
	--pid $gateway --sample 1 > "$tmp/out"
tail -1 "$tmp/out"
kill -0 $gateway 2>/dev/null || { tail -20 "$tmp/log"; echo "soak: the gateway has ended"; exit 1; }
kill -TERM $gateway
wait $gateway || { tail -20 "$tmp/log"; echo "soak: the gateway did not end with 0"; exit 1; }
awk -v limit="$limit_kb" -v want="$requests" '
function of(name,   i, p) { for (i = 1; i <= NF; i++) { split($i, p, "="); if (p[1] == name) return p[2] + 0 } return -1 }
$1 == "sample" { at[++n] = of("seconds"); kb[n] = of("rss_kb") }
$1 ~ /^requests=/ { done = of("requests"); errors = of("errors"); aborted = of("aborted"); refused = of("refused") }
END {
	from = int(n / 2) + 1 # the first half fills caches and pools
	for (i = from; i <= n; i++) { c++; sx += at[i]; sy += kb[i]; sxx += at[i] ^ 2; sxy += at[i] * kb[i] }
	slope = (c > 1 && c * sxx - sx ^ 2 > 0) ? (c * sxy - sx * sy) / (c * sxx - sx ^ 2) : 0
	grown = c > 1 ? slope * (at[n] - at[from]) : 0
	printf "soak: %d answered, %d left early, %d refused by the upstream, %d lost; memory %d KiB at half, %d at the end, trend %+.0f KiB (limit %d)\n",
		done, aborted, refused, errors, kb[from], kb[n], grown, limit
	exit errors > 0 || grown > limit || done + aborted < want * 0.99
}' "$tmp/out"
