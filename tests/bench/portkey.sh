# tests/bench/portkey.sh - the Portkey row, inside a network namespace of its own.  Sourced by lib.sh
# through unshare; prints result lines, everything else goes to standard error.
exec 3>&1 1>&2
setup_tmp=$tmp
mkdir -p "$tmp/ns"
. tests/bench/lib.sh
base=19100 tmp=$setup_tmp/ns results=$setup_tmp/ns/results table=/dev/null pids=
: > "$results"
cp "$setup_tmp"/*.pem "$tmp"
trap 'for p in $pids; do kill "$p" 2>/dev/null; done' EXIT
start_upstreams
start_spass full ""
peer=$((base + 90))
$far node tests/bench/portkey/node_modules/@portkey-ai/gateway/build/start-server.js --port=$peer --headless >"$tmp/portkey.log" 2>&1 & peer_pid=$!
pids="$pids $peer_pid"
wait_for $peer
set -- --header "x-portkey-provider: openai" --header "x-portkey-custom-host: http://127.0.0.1:$mock/v1"
targets="$(direct_target) portkey:$peer:$peer_pid $(spass_target full)"
alternate portkey "$targets" "$@" --connections 32 --warmup 1 --seconds "$seconds"
alternate portkey1 "$targets" "$@" --connections 1 --warmup 0.5 --seconds "$seconds"
alternate portkeys "$targets" "$@" --connections 8 --warmup 0.5 --seconds "$seconds" --stream --model bench-n20
grep -q 'portkey portkey 1 requests=[1-9].* errors=0 ' "$results" || { echo "Portkey answers with errors: $(grep 'portkey portkey 1' "$results")"; exit 1; }
cat "$results" >&3
