# tests/e2e/terminal/lib.sh - what the terminal's cases share; sourced.
#
# A case runs in a directory of its own with an empty home; $spass is the program, and the scripted
# upstream plays the gateway.  tmux is a terminal whose screen can be read.  Nothing sleeps: what is
# awaited is looked for until it is there or the time is up.

build=${1:?build directory}
slow=${2:-1}
spass=$build/spass
name=$(basename "$0" .sh)
dir=$(mktemp -d "${TMPDIR:-/tmp}/spass-$name-XXXXXX") || exit 2
pids=
failures=0

unset NO_COLOR CLICOLOR_FORCE SPASS_SERVER SPASS_TOKEN SPASS_MODEL EDITOR VISUAL SPASS_EDITOR
export HOME="$dir" XDG_RUNTIME_DIR="$dir/run" XDG_STATE_HOME="$dir/state" XDG_DATA_HOME="$dir/data" \
	XDG_CONFIG_HOME="$dir/config" XDG_CACHE_HOME="$dir/cache" LC_ALL=C.UTF-8 TERM=xterm-256color \
	INPUTRC=/dev/null
mkdir -m 700 "$dir/run"

clean_up() {
	screen_end
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	wait
	rm -rf "$dir"
}
screen_end() {
	[ -z "$socket" ] || tmux -L "$socket" kill-server 2>/dev/null
	socket=
}
trap clean_up EXIT
trap 'exit 1' INT TERM

fail() {
	echo "$name: $*" >&2
	failures=$((failures + 1))
}

done_testing() {
	[ "$failures" = 0 ] && echo "ok $name"
	exit $((failures > 0))
}

# upstream: the script on stdin; sets $url.
upstream() {
	upstreams=$((upstreams + 1))
	cat > "$dir/script$upstreams"
	"$build/tests/upstream" --script "$dir/script$upstreams" --log "$dir/log$upstreams" \
		> "$dir/address$upstreams" 2>&1 &
	pids="$pids $!"
	await 5 grep -qs listening "$dir/address$upstreams" || { cat "$dir/address$upstreams"; exit 2; }
	# shellcheck disable=SC2034 # the cases use it
	url=http://$(sed -n 's/^listening //p' "$dir/address$upstreams" | sed 's|^http://||')
}

# The gateway of this user, of the next command that finds or starts one, has that upstream as its model mock.
behind_gateway() {
	unset SPASS_SERVER
	mkdir -p "$dir/config/spass"
	cat > "$dir/config/spass/spass.yaml" <<-END
		backends:
		  main: {base_url: "$url/v1"}
		models:
		  - alias: mock
		    context_window: 32768
		    chain: [{backend: main, model: mock}]
		default_model: mock
	END
}
# asks PATTERN: until that is in the last request that the first upstream got; asked: whether it is.
last_request() { grep '"POST"' "$dir/log1" | tail -1; }
asked() { last_request | grep -q -- "$1"; }
asks() { await 10 asked "$1" || fail "not asked: $1, but: $(last_request)"; }

# await SECONDS COMMAND...: until it succeeds.
await() {
	tries=$(($1 * 20 * slow))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || return 1
		sleep 0.05
	done
}

# run STATUS ARGUMENTS...: into $dir/out and $dir/err; stdin is that of the call.
run() {
	want=$1
	shift
	"$spass" "$@" > "$dir/out" 2> "$dir/err"
	got=$?
	[ "$got" = "$want" ] || fail "spass $*: status $got, not $want: $(cat "$dir/err")"
}
out_is() { printf "$1" | cmp -s - "$dir/out" || fail "stdout is $(od -c "$dir/out" | head -5), not $1"; }
out_has() { grep -qF -- "$1" "$dir/out" || fail "stdout has no $1: $(cat "$dir/out")"; }
err_has() { grep -qF -- "$1" "$dir/err" || fail "stderr has no $1: $(cat "$dir/err")"; }
err_is_empty() { [ ! -s "$dir/err" ] || fail "stderr is $(cat "$dir/err")"; }

# screen COLUMNSxROWS COMMAND: begins one; its exit status goes to $dir/status.
screen() {
	command -v tmux > /dev/null || { echo "skip $name: no tmux"; exit 0; }
	socket=spass-$name-$$
	printf 'set -g %s\n' 'escape-time 0' 'remain-on-exit on' 'default-terminal tmux-256color' \
		'history-limit 5000' > "$dir/tmux.conf"
	rm -f "$dir/status"
	# On a busy machine tmux sometimes loses its server before the session is made.
	for _ in 1 2 3; do
		tmux -L "$socket" -f "$dir/tmux.conf" new-session -d -x "${1%x*}" -y "${1#*x}" \
			"trap : INT; $2; echo \$? > '$dir/status'" 2> "$dir/tmux.err" && break
	done
	tmux -L "$socket" has-session 2> /dev/null || { fail "tmux: $(cat "$dir/tmux.err")"; exit 1; }
	tmux -L "$socket" set -g window-size manual
}
resize() { tmux -L "$socket" resize-window -x "${1%x*}" -y "${1#*x}"; }
shown() { tmux -L "$socket" capture-pane -p -t 0; }
shown_all() { tmux -L "$socket" capture-pane -p -J -S - -t 0; }
has() { shown_all | grep -qF -- "$1"; }
lacks() { ! has "$1"; }
# see TEXT: on the screen or above it.
see() { await 10 has "$1" || fail "not seen: $1, but: $(shown_all)"; }
# see_times COUNT TEXT: at least in so many rows.
stands() { [ "$(shown_all | grep -cF -- "$2")" -ge "$1" ]; }
see_times() { await 10 stands "$@" || fail "not seen $1 times: $2, but: $(shown_all)"; }
gone() { await 10 lacks "$1" || fail "still there: $1: $(shown_all)"; }
count_is() {
	got=$(shown_all | grep -cF -- "$2")
	[ "$got" = "$1" ] || fail "$2 is there $got times, not $1: $(shown_all)"
}
keys() { tmux -L "$socket" send-keys -t 0 "$@"; }
text() { tmux -L "$socket" send-keys -t 0 -l "$1"; }
# paste TEXT: bracketed, when the program has asked for that.
paste() {
	printf "$1" | tmux -L "$socket" load-buffer -
	tmux -L "$socket" paste-buffer -p -t 0
}
ended_with() {
	await 10 test -s "$dir/status" || { fail "has not ended: $(shown_all)"; return; }
	[ "$(cat "$dir/status")" = "$1" ] || fail "status $(cat "$dir/status"), not $1: $(shown_all)"
}
