# tests/bench/lib.sh - servers, measuring and the rows of bench.sh.  Sourced by it.
#
# results holds one line a measurement: ROW TARGET ROUND NAME=VALUE...
# table holds one line a figure:        what|spass|beside|ratio|limit|verdict

base=18100
models="bench bench-n20 bench-n10-g2 bench-n100-g5 bench-n200-g20"

setup() {
	tmp=$(mktemp -d /tmp/spass-bench.XXXXXX)
	results=$tmp/results table=$tmp/table
	: > "$results"; : > "$table"
	pids=
	trap cleanup EXIT
	trap 'exit 130' INT TERM
	if [ "$(nproc)" -ge 2 ] && command -v taskset >/dev/null; then
		near="taskset -c 0" far="taskset -c 1"
	else
		near= far=
	fi
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj /CN=localhost \
		-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null
	ulimit -n "$(ulimit -H -n)"
	start_upstreams
	command -v nginx >/dev/null && start_nginx
	start_spass full ""
	make_bodies
	echo "bench: $(nproc) cores, $(uname -r), $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -1), load $(cut -d' ' -f1-3 /proc/loadavg)"
}

cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$tmp"
}

# wait_for PORT: until somebody listens, at most 10 s
wait_for() {
	tries=0
	until (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null || $load --to "127.0.0.1:$1" --path /healthz --requests 1 --errors-expected >/dev/null 2>&1; do
		tries=$((tries + 1))
		[ $tries -lt 500 ] || { echo "bench: nothing listens on port $1" >&2; exit 1; }
		sleep 0.02
	done
}

start_upstreams() {
	mock=$base mock_tls=$((base + 1))
	$near "$upstream" --listen "127.0.0.1:$mock" >/dev/null & pids="$pids $!"
	$near "$upstream" --listen "127.0.0.1:$mock_tls" --cert "$tmp/cert.pem" --key "$tmp/key.pem" >/dev/null & pids="$pids $!"
	wait_for $mock
}

start_nginx() {
	nginx=$((base + 10)) nginx_sse=$((base + 11)) nginx_tls=$((base + 12))
	mkdir -p "$tmp/nginx"
	proxy="proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host \$host; proxy_read_timeout 300s;"
	user=
	[ "$(id -u)" = 0 ] && user="user root;" # its worker must reach the temporary directory
	cat > "$tmp/nginx/nginx.conf" <<-END
	$user
	worker_processes 1;
	worker_rlimit_nofile 65536;
	daemon off;
	pid $tmp/nginx/pid;
	error_log $tmp/nginx/error.log;
	events { worker_connections 16384; }
	http {
		access_log off;
		client_max_body_size 64m;
		client_body_buffer_size 128k;
		client_body_temp_path $tmp/nginx/body; proxy_temp_path $tmp/nginx/proxy;
		fastcgi_temp_path $tmp/nginx/f; uwsgi_temp_path $tmp/nginx/u; scgi_temp_path $tmp/nginx/s;
		keepalive_requests 1000000000;
		upstream mock { server 127.0.0.1:$mock; keepalive 2048; keepalive_requests 1000000000; }
		upstream mock_tls { server 127.0.0.1:$mock_tls; keepalive 2048; keepalive_requests 1000000000; }
		server { listen 127.0.0.1:$nginx; location / { proxy_pass http://mock; $proxy } }
		server { listen 127.0.0.1:$nginx_sse; location / { proxy_pass http://mock; proxy_buffering off; $proxy } }
		server { listen 127.0.0.1:$nginx_tls; location / { proxy_pass https://mock_tls; proxy_ssl_verify off; $proxy } }
	}
	END
	$far nginx -c "$tmp/nginx/nginx.conf" -p "$tmp/nginx" -e "$tmp/nginx/error.log" & nginx_master=$!
	pids="$pids $nginx_master"
	wait_for $nginx
	nginx_pid=$(pgrep -P $nginx_master | head -1)
}

# start_spass NAME "settings": NAME_port and NAME_pid are set
spass_count=0
start_spass() {
	spass_count=$((spass_count + 1))
	port=$((base + 20 + spass_count)) home=$tmp/$1
	mkdir -p "$home/spass"
	{
		echo "workers: 1"
		echo "discover: false"
		echo "log_level: warn"
		echo "upstream_idle: 2048"
		printf '%s\n' "$2"
		echo "backends:"
		if [ "${3:-}" = tls ]; then
			printf '  mock:\n    provider: openai\n    base_url: https://127.0.0.1:%s/v1\n    key_env: MOCK_KEY\n    ca_file: %s\n' $mock_tls "$tmp/cert.pem"
		else
			printf '  mock:\n    provider: openai\n    base_url: http://127.0.0.1:%s/v1\n    key_env: MOCK_KEY\n' $mock
		fi
		echo "models:"
		for m in $models; do
			printf '  - alias: %s\n    chain:\n      - {backend: mock, model: %s}\n' "$m" "$m"
		done
	} > "$home/spass/spass.yaml"
	eval "$1_port=$port"
	# what start measures: the same command, started by somebody else
	printf 'env -i PATH=%s HOME=%s XDG_CONFIG_HOME=%s XDG_DATA_HOME=%s XDG_RUNTIME_DIR=%s SPASS_TOKEN=bench MOCK_KEY=k SPASS_LISTEN=127.0.0.1:%s %s serve' \
		"$PATH" "$home" "$home" "$home/data" "$home" "$port" "$spass" > "$home/command"
	[ "${4:-}" = later ] && return
	# shellcheck disable=SC2046
	$far $(cat "$home/command") >"$home/log" 2>&1 & eval "$1_pid=$!"
	pids="$pids $!"
	wait_for $port
}

make_bodies() {
	awk 'BEGIN {
		printf "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is this?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo"
		for (i = 0; i < 20 * 1024 * 1024 / 64; i++) printf "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
		printf "A\"}}]}]}"
	}' > "$tmp/body20"
	awk 'BEGIN {
		printf "{\"model\":\"bench\",\"messages\":[{\"role\":\"user\",\"content\":\""
		for (i = 0; i < 100 * 1024 / 50; i++) printf "the quick brown fox jumps over the lazy dog again "
		printf "\"}],\"tools\":["
		for (i = 0; i < 64; i++)
			printf "%s{\"type\":\"function\",\"function\":{\"name\":\"tool_%d\",\"description\":\"Does the thing number %d with care.\",\"parameters\":{\"type\":\"object\",\"properties\":{\"path\":{\"type\":\"string\",\"description\":\"where\"},\"count\":{\"type\":\"integer\",\"minimum\":0},\"tags\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"required\":[\"path\"],\"additionalProperties\":false},\"strict\":true}}", i ? "," : "", i, i
		printf "]}"
	}' > "$tmp/tools"
}

# measure ROW TARGET ROUND PORT PID ARGS...
measure() {
	row=$1 target=$2 round=$3 to=$4 pid=$5
	shift 5
	# shellcheck disable=SC2086
	line=$($near $load --to "127.0.0.1:$to" --header "Authorization: Bearer bench" ${pid:+--pid $pid} "$@" | tail -1)
	echo "$row $target $round $line" >> "$results"
	echo "  $row $target $round: $line" | cut -c1-150 >&2
}

# alternate ROW "TARGETS" ARGS...: A B C, C B A, ...; a target is name:port:pid
alternate() {
	row=$1 targets=$2
	shift 2
	for round in $(seq "$rounds"); do
		order=$targets
		[ $((round % 2)) = 0 ] && order=$(echo "$targets" | tr ' ' '\n' | tac | tr '\n' ' ')
		for t in $order; do
			name=${t%%:*} rest=${t#*:}
			measure "$row" "$name" "$round" "${rest%%:*}" "${rest#*:}" "$@"
		done
	done
}

direct_target() { echo "direct:$mock:"; }
nginx_target() { [ -n "${nginx:-}" ] && echo "nginx:${1:-$nginx}:$nginx_pid"; }
spass_target() { eval "echo $1:\$$1_port:\$$1_pid"; }

# value ROW TARGET NAME: median over the rounds
value() { figure "$1" "$2" - "$3" value; }
# ratio ROW A B NAME: median of A/B of each round
ratio() { figure "$1" "$2" "$3" "$4" ratio; }
# added ROW A NAME: median of A - direct; addratio ROW A B NAME: of (A - direct)/(B - direct)
added() { figure "$1" "$2" direct "$3" added; }
addratio() { figure "$1" "$2" "$3" "$4" addratio; }
figure() {
	awk -v row="$1" -v a="$2" -v b="$3" -v name="$4" -v kind="$5" '
	$1 == row {
		for (i = 4; i <= NF; i++) {
			n = index($i, "=")
			if (substr($i, 1, n - 1) == name) v[$2, $3] = substr($i, n + 1)
		}
		rounds[$3] = 1
	}
	END {
		for (r in rounds) {
			if (!((a, r) in v)) continue
			x = v[a, r]; y = v[b, r]; d = v["direct", r]
			if (kind == "ratio") { if (y == 0) continue; x = x / y }
			if (kind == "added") x -= y
			if (kind == "addratio") { if (y - d == 0) continue; x = (x - d) / (y - d) }
			all[++count] = x + 0
		}
		if (!count) { print "-"; exit }
		for (i = 1; i <= count; i++) for (k = i + 1; k <= count; k++) if (all[k] < all[i]) { t = all[i]; all[i] = all[k]; all[k] = t }
		m = count % 2 ? all[(count + 1) / 2] : (all[count / 2] + all[count / 2 + 1]) / 2
		printf((m >= 1000 ? "%.0f\n" : m >= 10 ? "%.1f\n" : "%.2f\n"), m)
	}' "$results"
}

# line WHAT SPASS BESIDE RATIO at-most|at-least|- LIMIT [figure that is judged, default the ratio]
line() {
	judged=${7:-$4}
	verdict=$(awk -v x="$judged" -v how="$5" -v limit="$6" 'BEGIN {
		if (how == "-" || x == "-" || x == "") print ""
		else if (x !~ /^-?[0-9.]+$/) print "MISSED"
		else print (how == "at-most" ? x + 0 <= limit + 0 : x + 0 >= limit + 0) ? "ok" : "MISSED"
	}')
	limit=
	[ "$5" = at-most ] && limit="<= $6"
	[ "$5" = at-least ] && limit=">= $6"
	printf '%s|%s|%s|%s|%s|%s\n' "$1" "$2" "$3" "$4" "$limit" "$verdict" >> "$table"
}

variants() {
	[ -n "${bare_port:-}" ] || start_spass bare "$(printf 'auth: false\nusage: false\naudit: false\nmetrics: false')"
}

row_plain() {
	variants
	alternate plain "$(direct_target) $(nginx_target) $(spass_target full) $(spass_target bare)" --connections 32 --warmup 0.5 --seconds "$seconds"
	line "plain, 32 clients: requests/s, full" "$(value plain full rps)" "$(value plain nginx rps)" "$(ratio plain full nginx rps)" at-least 1.0
	line "plain, 32 clients: requests/s, bare" "$(value plain bare rps)" "$(value plain nginx rps)" "$(ratio plain bare nginx rps)" at-least 1.3
	line "plain, 32 clients: CPU us/request, full" "$(value plain full cpu_request)" "$(value plain nginx cpu_request)" "$(ratio plain full nginx cpu_request)" at-most 0.9
	line "plain, 32 clients: CPU us/request, bare" "$(value plain bare cpu_request)" "$(value plain nginx cpu_request)" "$(ratio plain bare nginx cpu_request)" - 0
	line "the upstream alone (no figure counts above 90 % of it)" "-" "$(value plain direct rps)" "-" - 0
}

row_single() {
	alternate single "$(direct_target) $(nginx_target) $(spass_target full)" --connections 1 --warmup 0.3 --seconds "$seconds"
	line "one client: added p50 us" "$(added single full p50)" "$(added single nginx p50)" "$(addratio single full nginx p50)" at-most 1.2
	line "one client: added p99 us" "$(added single full p99)" "$(added single nginx p99)" "$(addratio single full nginx p99)" at-most 1.5
}

row_features() {
	variants
	targets="$(spass_target full) $(spass_target bare)"
	for feature in auth usage audit metrics; do
		eval "[ -n \"\${no_${feature}_port:-}\" ]" || start_spass "no_$feature" "$feature: false"
		targets="$targets $(spass_target no_$feature)"
	done
	alternate features "$targets" --connections 32 --warmup 0.5 --seconds "$seconds"
	all=$(value features full cpu_request)
	for feature in auth usage audit metrics; do
		without=$(value features no_$feature cpu_request)
		line "what $feature costs: CPU us/request with, without" "$all" "$without" "$(ratio features full no_$feature cpu_request)" - 0
	done
	line "what all four cost: CPU us/request with, without" "$all" "$(value features bare cpu_request)" "$(ratio features full bare cpu_request)" - 0
}

row_ttfb() {
	alternate ttfb "$(direct_target) $(nginx_target "${nginx_sse:-}") $(spass_target full)" --connections 8 --warmup 0.3 --seconds "$seconds" --stream --model bench-n10-g2
	ours=$(added ttfb full first50) theirs=$(added ttfb nginx first50)
	over=$(awk -v a="$ours" -v b="$theirs" 'BEGIN { print (b == "-") ? "-" : a - b }')
	line "stream: added time to the first event, p50 us over nginx" "$ours" "$theirs" "$over" at-most 50
}

row_streams() {
	start_spass fresh ""
	sleep 1 # what the start alone needed is given back when all runs
	idle=$(awk '/VmRSS/ { print $2 }' "/proc/$fresh_pid/status")
	line "idle memory, MiB" "$(awk -v k="$idle" 'BEGIN { printf "%.1f", k / 1024 }')" "-" "-" at-most 12 "$(awk -v k="$idle" 'BEGIN { print k / 1024 }')"
	alternate streams "$(direct_target) $(nginx_target "${nginx_sse:-}") $(spass_target fresh)" --connections 1000 --each 1 --ramp 300 --stream --model bench-n200-g20
	lost=$(awk '$1 == "streams" && $2 == "fresh" { for (i = 4; i <= NF; i++) { split($i, p, "="); if (p[1] == "events") e = p[2]; if (p[1] == "errors") x = p[2] } lost += 202000 - e + x } END { print lost + 0 }' "$results")
	line "1,000 streams x 50/s: CPU us/event" "$(value streams fresh cpu_event)" "$(value streams nginx cpu_event)" "$(ratio streams fresh nginx cpu_event)" at-most 1.1
	line "1,000 streams x 50/s: events lost, errors" "$lost" "-" "-" at-most 0 "$lost"
	line "1,000 streams x 50/s: one-way delay p50 us" "$(value streams fresh delay50)" "$(value streams nginx delay50)" "$(ratio streams fresh nginx delay50)" - 0
	late=$(value streams fresh delay99)
	line "1,000 streams x 50/s: one-way delay p99 us" "$late" "$(value streams nginx delay99)" "$(ratio streams fresh nginx delay99)" at-most 50000 "$late"
	# memory of the first round: later ones find it allocated already
	each=$(awk '$1 == "streams" && $2 == "fresh" && $3 == 1 { for (i = 4; i <= NF; i++) { split($i, p, "="); v[p[1]] = p[2] } printf "%.1f", (v["rss_kb"] - v["base_kb"]) / 1000 }' "$results")
	theirs=$(awk '$1 == "streams" && $2 == "nginx" && $3 == 1 { for (i = 4; i <= NF; i++) { split($i, p, "="); v[p[1]] = p[2] } printf "%.1f", (v["rss_kb"] - v["base_kb"]) / 1000 }' "$results")
	line "memory of an open stream, KiB" "$each" "${theirs:--}" "-" at-most 20 "$each"
}

# System calls that send, counted by strace over paced streams: one an event, plus one a request.
row_writes() {
	command -v strace >/dev/null || { echo "bench: writes skipped: strace is missing" >&2; return; }
	start_spass written "" # one that has no records of earlier rows to write
	strace -f -c -U calls,name -e trace=write,writev,sendto,sendmsg -o "$tmp/strace" -p "$written_pid" 2>/dev/null & tracer=$!
	sleep 0.5
	measure writes full 1 "$written_port" "" --connections 10 --each 1 --stream --model bench-n100-g5
	kill -TERM $tracer # a background job of sh ignores INT
	wait $tracer 2>/dev/null
	calls=$(awk '$2 ~ /^(send|write)/ { n += $1 } END { print n + 0 }' "$tmp/strace")
	events=$(value writes full events)
	each=$(awk -v c="$calls" -v e="$events" 'BEGIN { printf "%.2f", e ? c / e : 0 }')
	line "sending system calls an event (requests and records included)" "$each" "-" "-" at-most 1.15 "$each"
}

row_tls() {
	start_spass tls "" tls
	alternate tls "$(nginx_target "${nginx_tls:-}") $(spass_target tls)" --connections 32 --warmup 1 --seconds "$seconds"
	line "https upstream, 32 clients: CPU us/request" "$(value tls tls cpu_request)" "$(value tls nginx cpu_request)" "$(ratio tls tls nginx cpu_request)" at-most 1.0
	line "https upstream, 32 clients: requests/s" "$(value tls tls rps)" "$(value tls nginx rps)" "$(ratio tls tls nginx rps)" - 0
}

row_body20() {
	start_spass large ""
	alternate body20 "$(nginx_target) $(spass_target large)" --connections 1 --requests 3 --body "$tmp/body20"
	size=$(wc -c < "$tmp/body20")
	above=$(awk -v size="$size" '$1 == "body20" && $2 == "large" && $3 == 1 { for (i = 4; i <= NF; i++) { split($i, p, "="); v[p[1]] = p[2] } printf "%.2f", (v["peak_kb"] - v["base_kb"] - size / 1024) / 1024 }' "$results")
	line "20 MB body: peak memory above the body, MiB" "$above" "-" "-" at-most 2 "$above"
	line "20 MB body: ms" "$(awk -v a="$(value body20 large p50)" 'BEGIN { printf "%.1f", a / 1000 }')" "$(awk -v a="$(value body20 nginx p50)" 'BEGIN { printf "%.1f", a / 1000 }')" "$(ratio body20 large nginx p50)" - 0
	errors=$(value body20 large errors)
	[ "$errors" = 0.00 ] || line "20 MB body: errors" "$errors" "-" "-" at-most 0 "$errors"
}

row_tools() {
	alternate tools "$(nginx_target) $(spass_target full)" --connections 8 --warmup 0.3 --seconds "$seconds" --body "$tmp/tools"
	line "64 tools and 100 KB of prompt: CPU us/request" "$(value tools full cpu_request)" "$(value tools nginx cpu_request)" "$(ratio tools full nginx cpu_request)" at-most 1.3
}

row_start() {
	start_spass started "" "" later
	for round in $(seq 5); do
		# shellcheck disable=SC2046
		echo "start spass $round $($far $load --to "127.0.0.1:$started_port" --path /healthz --until-ready -- $(cat "$tmp/started/command") 2>/dev/null | tail -1)" >> "$results"
	done
	ms=$(value start spass ready_ms)
	[ "$ms" = -1.00 ] && ms=never
	line "start to the first answer, ms" "$ms" "-" "-" at-most 50 "$ms"
}

row_reload() {
	( while :; do kill -HUP "$full_pid" 2>/dev/null || exit; sleep 0.1; done ) & reloads=$!
	measure reload full 1 "$full_port" "$full_pid" --connections 32 --seconds "$seconds"
	kill $reloads
	wait $reloads 2>/dev/null
	errors=$(value reload full errors)
	line "reload ten times a second under load: requests lost" "$errors" "-" "-" at-most 0 "$errors"
}

# Portkey listens on all interfaces: it is let run only in a network namespace of its own.
row_portkey() {
	[ "$(id -u)" = 0 ] && command -v unshare >/dev/null && command -v ip >/dev/null || { echo "bench: portkey skipped: needs root, unshare and ip" >&2; return; }
	command -v npm >/dev/null || { echo "bench: portkey skipped: npm is missing" >&2; return; }
	[ -d tests/bench/portkey/node_modules ] || (cd tests/bench/portkey && npm ci --no-audit --no-fund >/dev/null 2>&1) || { echo "bench: portkey skipped: npm could not install it" >&2; return; }
	models=$models base=$((base + 100)) rounds=$rounds seconds=$seconds tmp=$tmp load=$load upstream=$upstream spass=$spass near=$near far=$far \
		unshare -n sh -c 'ip link set lo up && cd "$1" && . tests/bench/portkey.sh' sh "$root" >> "$results" 2>"$tmp/portkey.err" ||
		{ echo "bench: portkey skipped: $(tail -1 "$tmp/portkey.err")" >&2; return; }
	line "Portkey, 32 clients: requests/s" "$(value portkey full rps)" "$(value portkey portkey rps)" "$(ratio portkey full portkey rps)" at-least 1.0
	line "Portkey, 32 clients: CPU us/request" "$(value portkey full cpu_request)" "$(value portkey portkey cpu_request)" "$(ratio portkey full portkey cpu_request)" at-most 1.0
	line "Portkey, one client: p50 us" "$(value portkey1 full p50)" "$(value portkey1 portkey p50)" "$(ratio portkey1 full portkey p50)" at-most 1.0
	line "Portkey, stream: first event p50 us" "$(value portkeys full first50)" "$(value portkeys portkey first50)" "$(ratio portkeys full portkey first50)" at-most 1.0
	line "Portkey: memory, MiB" "$(awk -v k="$(value portkey full rss_kb)" 'BEGIN { printf "%.1f", k / 1024 }')" "$(awk -v k="$(value portkey portkey rss_kb)" 'BEGIN { printf "%.1f", k / 1024 }')" "$(ratio portkey full portkey rss_kb)" - 0
}

report() {
	echo
	awk -F'|' '
	BEGIN { printf "%-62s %10s %10s %8s %10s %s\n", "figure (median of rounds)", "spass", "beside", "ratio", "limit", ""
		for (i = 0; i < 110; i++) printf "-"; print "" }
	{ printf "%-62s %10s %10s %8s %10s %s\n", $1, $2, $3, $4, $5, $6; missed += $6 == "MISSED" }
	END { print ""; print "bench: " NR " figures, " missed + 0 " missed" }' "$table"
	cp "$results" "$build/bench-results.txt"
	[ -z "${BENCH_STRICT:-}" ] || ! grep -q 'MISSED$' "$table"
}
